"""A pass, an identity, an issuer: from what the command line gives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from passwright import strict_json
from passwright.binding.binding import Binding
from passwright.cli import files
from passwright.cli.options import moment
from passwright.errors import KeyMaterialError, PassRejected, UsageError
from passwright.model.template import Pass, Template
from passwright.model.validation import validate_pass
from passwright.report import Finding, Report, error
from passwright.schema.pointers import join_pointer
from passwright.signing import KeySigner, load_public_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer
    from passwright.signing import Signer

__all__ = [
    "EXAMPLE_ISSUER_ID",
    "KeyOptions",
    "PassOptions",
    "barcode_option",
    "exactly_one",
    "example_issuer",
    "load_template",
]

EXAMPLE_ISSUER_ID = "3388000000022222222"


def load_template(folder: Path) -> Template:
    """Loads the template in a folder, with a hint for users who name the file in it."""
    if folder.is_file():
        raise UsageError(f"{folder}: name the folder that holds template.toml, not a file")
    return Template.load(folder)


@dataclass(frozen=True, kw_only=True)
class PassOptions:
    """The options of one pass, as text."""

    serial: str
    sets: tuple[str, ...]
    values: Path | None
    nfc: str | None = field(repr=False)
    barcode: str | Literal[False] | None = field(repr=False)
    bind: str | None = field(repr=False)
    learn_more: str | None
    expires: str | None
    example: bool

    def issue(self, template: Template, *, apple: Mapping[str, Any] | None = None) -> Pass:
        """The pass of a template.

        Raises:
            PassRejected: values that are none of their field's type, with everything
                else that is wrong with the pass.
            UsageError: an option is not written as it has to be.
        """
        values, findings = self._values(template)
        more: dict[str, Any] = {
            "nfc": self.nfc,
            "barcode": self.barcode,
            "binding": self._binding(),
            "expires": moment("--expires", self.expires),
            "apple": apple,
        }
        if self.example:
            made = template.example(self.serial, values=values, **more)
        else:
            made = template.issue(self.serial, values, **more)
        if findings:
            said = {finding.location for finding in findings}
            findings += [finding for finding in validate_pass(made) if finding.location not in said]
            raise PassRejected(Report.from_findings(findings))
        return made

    def _binding(self) -> Binding | None:
        if self.bind is None and self.learn_more is None:
            return None
        if self.bind is None or self.learn_more is None:
            raise UsageError("--bind and --learn-more go together: a bound pass tells its holder what it is")
        return Binding(email=self.bind, learn_more_url=self.learn_more)

    def _values(self, template: Template) -> tuple[dict[str, Any], list[Finding]]:
        """Values by field, and what is wrong with texts that their fields can't read."""
        given: dict[str, Any] = {}
        if self.values is not None:
            given = _object(self.values)
        for number, text in enumerate(self.sets, start=1):
            key, equals, value = text.partition("=")
            if not (key and equals):
                # Not repeated: the text may be personal data.
                raise UsageError(f"--set takes KEY=VALUE, and number {number} is not written so")
            given[key] = value
        findings: list[Finding] = []
        for key, value in given.items():
            each = template.fields.get(key)
            if each is None or not isinstance(value, str):
                continue
            try:
                given[key] = each.parse(value)
            except ValueError as exc:
                findings.append(error("wrong-value", join_pointer("pass#/values", key), f"{key} {exc}"))
        return given, findings


def _object(path: Path) -> dict[str, Any]:
    document = strict_json.loads(files.read(path, strict_json.MAX_BYTES), name=str(path))
    if not isinstance(document, dict):
        raise UsageError(f"{path}: --values takes a JSON object of fields and values")
    return document


@dataclass(frozen=True, kw_only=True)
class KeyOptions:
    """The options for keys, and the strictness about their files; `found` collects files that others may
    read.
    """

    key: Path | None = None
    password_file: Path | None = None
    strict: bool = False
    found: list[Finding] = field(default_factory=list)

    def apple(
        self,
        *,
        cert: Path | None,
        intermediate: Path | None,
        p12: Path | None,
        signer: Signer | None = None,
    ) -> Identity:
        """Returns the identity that signs for Apple; a signer takes the place of a key.

        Raises:
            KeyMaterialError, IdentityMismatch: the files can't be used, or don't belong together.
            OSError: one of them can't be read.
            UsageError: one of them is not given, or others may read a key and `strict` refuses that.
        """
        from passwright.apple.identity import Identity

        above = None if intermediate is None else files.read(intermediate, files.MAX_KEY_BYTES)
        if signer is not None:
            if cert is None or above is None or p12 is not None or self.key is not None:
                raise UsageError("a key elsewhere goes with --cert and --intermediate, and no --key or --p12")
            return Identity(
                certificate=files.read(cert, files.MAX_KEY_BYTES), intermediate=above, signer=signer
            )
        if p12 is not None:
            data = files.read_key(p12, self.found, strict=self.strict)
            if data.startswith(b"-----BEGIN"):
                raise UsageError(f"{p12} is PEM, and --p12 takes PKCS #12: PEM goes with --cert and --key")
            secret = self._password(p12)
            try:
                return Identity.from_p12(data, secret, intermediate=above)
            except KeyMaterialError as exc:
                # The file that is missing most often comes first; the rest of the sentence is long.
                hint = "no password was given (--password-file FILE), and without one " * (secret is None)
                raise KeyMaterialError(f"{p12}: {hint}{exc}") from exc
        named = {"--cert": cert, "--key": self.key, "--intermediate": intermediate}
        missing = [name for name, path in named.items() if path is None]
        if cert is None or self.key is None or above is None:
            verb = "is" if len(missing) == 1 else "are"
            text = f"{' and '.join(missing)} {verb} missing"
            raise UsageError(f"{text}: a certificate, its key and the intermediate that issued it sign")
        pem = files.read_key(self.key, self.found, strict=self.strict)
        certificate = files.read(cert, files.MAX_KEY_BYTES)
        if b"PRIVATE KEY-----" in certificate:
            raise UsageError(f"{cert} holds a private key: --cert takes the certificate, --key the key")
        signer = self._signer(self.key, pem)
        return Identity(certificate=certificate, intermediate=above, signer=signer)

    def google(
        self,
        *,
        account: Path | None,
        email: str | None,
        issuer_id: str | None,
        public_key: Path | None = None,
        signer: Signer | None = None,
        **more: Any,
    ) -> Issuer:
        """Returns the issuer that signs for Google; a signer takes the place of a key, and `more` are
        members of `Issuer`.

        Raises:
            KeyMaterialError: the file can't be used.
            OSError: it can't be read.
            UsageError: something is not given, or others may read the key and `strict` refuses that.
        """
        from passwright.google.issuer import ISSUER_ID, Issuer

        if issuer_id is None:
            raise UsageError("--issuer-id is missing: the digits that the Google Pay & Wallet console shows")
        if signer is not None:
            if email is None or public_key is None or account is not None or self.key is not None:
                raise UsageError(
                    "a key elsewhere goes with --email and --public-key, and no --key or --service-account"
                )
            with files.naming(public_key):
                public = load_public_key(files.read(public_key, files.MAX_KEY_BYTES))
            return Issuer(issuer_id=issuer_id, email=email, signer=signer, public_key=public, **more)
        if account is not None:
            data = files.read_key(account, self.found, strict=self.strict)
            # Said here, or the file would be blamed for it.
            if not ISSUER_ID.match(issuer_id):
                raise UsageError(
                    f"the issuer id {issuer_id!r} is not 1 to 19 digits, as the console shows it"
                )
            with files.naming(account):
                return Issuer.from_service_account(data, issuer_id=issuer_id, **more)
        if self.key is None or email is None:
            raise UsageError("--key goes with --email, the address of the service account it belongs to")
        pem = files.read_key(self.key, self.found, strict=self.strict)
        return Issuer(issuer_id=issuer_id, email=email, signer=self._signer(self.key, pem), **more)

    def _signer(self, path: Path, pem: bytes) -> KeySigner:
        secret = None
        if b"ENCRYPTED" in pem and (secret := self._password(path)) is None:
            raise UsageError(f"{path} is encrypted: give --password-file FILE")
        with files.naming(path):
            return KeySigner.from_pem(pem, password=secret)

    def _password(self, path: Path) -> str | None:
        prompt = f"Password of {path} (nothing for none)"
        return files.password(self.password_file, prompt=prompt, found=self.found, strict=self.strict)


def example_issuer(issuer_id: str | None = None, *, signer: Signer | None = None, **more: Any) -> Issuer:
    """The issuer of the example's service account, which Google doesn't know; a signer replaces its key."""
    from passwright.examples.authority import example_directory
    from passwright.google.issuer import Issuer

    data = (example_directory() / "service-account.json").read_bytes()
    issuer = Issuer.from_service_account(data, issuer_id=issuer_id or EXAMPLE_ISSUER_ID, **more)
    return issuer if signer is None else replace(issuer, signer=signer)


def exactly_one(ways: Mapping[str, bool]) -> str:
    """The one option of several that was given.

    Raises:
        UsageError: none of them was, or more than one.
    """
    chosen = [name for name, given in ways.items() if given]
    if len(chosen) != 1:
        found = f"{' and '.join(chosen)} exclude each other" if chosen else "nobody signs"
        raise UsageError(f"{found}: give one of {', '.join(ways)}")
    return chosen[0]


def barcode_option(value: str | None, *, off: bool) -> str | Literal[False] | None:
    """Returns the value of --barcode, False for --no-barcode, None if neither was used."""
    if off and value is not None:
        raise UsageError("--barcode and --no-barcode exclude each other")
    return False if off else value
