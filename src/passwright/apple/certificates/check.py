"""Checks that certificates, keys and requests belong together, and names the next steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from passwright.apple.certificates.credentials import may_be_encrypted, read
from passwright.apple.identity import EXPIRY_NOTICE
from passwright.apple.trust import certificate as x
from passwright.apple.trust.chain import chain
from passwright.errors import KeyMaterialError
from passwright.report import Report, error, note, warning
from passwright.signing import check_public_key, read_public_key
from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from passwright.apple.certificates.credentials import Credential, Password
    from passwright.apple.trust.anchors import Trust
    from passwright.apple.trust.chain import Chain
    from passwright.report import Finding

__all__ = ["Action", "CredentialCheck", "NextStep", "check_credentials"]

# Findings of a chain that speak of a signature, and are said in other words here or not at all.
_OF_SIGNATURES = frozenset(
    {
        "intermediate-missing",
        "intermediate-wrong",
        "signed-outside-validity",
        "certificate-expired-since",
        "certificate-expires-soon",
        "revocation-not-checked",
    }
)


Action: TypeAlias = Literal["sign", "upload-request", "find-certificate", "find-key", "find-intermediate"]


@dataclass(frozen=True, slots=True)
class NextStep:
    """An action that leads to a usable set of credentials, and the files it concerns.

    `sign`: the files of certificate, key and intermediate, which may be one
    file. `find-key` and `find-intermediate`: the file of the certificate that
    lacks them. `find-certificate`: the file of a key. `upload-request`: the
    file of a request.
    """

    action: Action
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CredentialCheck:
    """The result of a check: what each file is, and whether a pass can be signed with them.

    `ready` means that a pass certificate, its key and its intermediate are
    there, fit together and are valid. `steps` come in the order to take them.
    """

    items: tuple[Credential, ...]
    report: Report
    ready: bool
    steps: tuple[NextStep, ...]


def check_credentials(
    files: Iterable[tuple[str, bytes]], *, trust: Trust, at: datetime, password: Password | None = None
) -> CredentialCheck:
    """Reads certificates, keys, requests and PKCS #12 files, and checks that they belong together.

    `files` are names and contents, in PEM or DER. `trust` says whose
    certificates are believed, `at` when. `password` is asked for the password
    of a file that is encrypted, and answers None for none.

    Raises:
        ValueError: `at` is naive.
    """
    require_aware(at, "at")
    items: list[Credential] = []
    findings: list[Finding] = []
    for name, data in files:
        found = list(read(name, data, password))
        if not found:
            findings.append(_unreadable(name, encrypted=may_be_encrypted(data)))
        items += found
    items = _unique(items)
    mates = _Matcher(items, trust, at)
    items = [mates.complete(item) for item in items]
    findings += mates.findings()
    report = Report.from_findings(findings)
    ready = report.ok and mates.can_sign()
    return CredentialCheck(tuple(items), report, ready, tuple(mates.steps(ready=ready)))


def _unique(items: Sequence[Credential]) -> list[Credential]:
    """Each thing once: a .p12 often repeats what lies beside it."""
    seen: dict[tuple[str, bytes, bytes], Credential] = {}
    for item in items:
        seen.setdefault((item.kind, item.spki, item.der), item)
    return list(seen.values())


def _unreadable(name: str, *, encrypted: bool) -> Finding:
    hint = "give certificates and keys in PEM or DER, or a .p12"
    if encrypted:
        hint = "its password may be wrong or missing; a .p12 of an older macOS needs openssl pkcs12 -legacy"
    return error("unreadable-credential", name, "no certificate, key or request can be read here", hint)


class _Matcher:
    """Matches certificates, keys, requests and intermediates."""

    def __init__(self, items: Sequence[Credential], trust: Trust, at: datetime) -> None:
        self.trust = trust
        self.at = at
        self.items = items
        self.passes = [item for item in items if item.kind == "pass"]
        self.above = [item for item in items if item.kind == "intermediate"]
        self.keys = [item for item in items if item.kind == "key"]
        self.requests = [item for item in items if item.kind == "request"]
        self.others = [
            item for item in items if item.kind not in ("pass", "intermediate", "root", "key", "request")
        ]
        self._chains: Mapping[bytes, Chain] = {
            item.der: chain(item.der, [each.der for each in self.above], trust=trust, at=at)
            for item in self.passes
        }

    def complete(self, item: Credential) -> Credential:
        """Returns the credential with its days left and its issuers."""
        if item.certificate is None:
            return item
        days = (item.certificate.not_valid_after_utc - self.at).days
        followed = self._chains.get(item.der)
        if followed is None:
            return replace(item, days=days)
        return replace(item, days=days, issuer=followed.intermediate or "", root=followed.root or "")

    def issuers(self, item: Credential) -> list[Credential]:
        return [each for each in self.above if x.signed_by(item.der, each.spki)]

    def key_of(self, item: Credential) -> Credential | None:
        return next((key for key in self.keys if key.spki == item.spki), None)

    def can_sign(self) -> bool:
        """There is a pass certificate with its key and its intermediate."""
        return any(self.key_of(item) and self.issuers(item) for item in self.passes)

    def findings(self) -> Iterator[Finding]:
        for item in self.others:
            what = f"this is a {item.title}, which signs no passes"
            hint = "create a certificate under the Pass Type ID in Apple's portal"
            yield error("not-a-pass-certificate", item.file, what, hint)
        for item in self.passes:
            yield from self._of_pass(item)
        for item in (*self.passes, *self.above):
            yield from self._of_time(item)
        yield from self._of_keys()
        yield from self._of_intermediates()

    def _of_pass(self, item: Credential) -> Iterator[Finding]:
        for found in self._chains[item.der].findings:
            if found.code == "untrusted-chain" and found.hint:
                hint = "when its authority is yours, trust the root certificate of that authority"
                if not self.issuers(item):
                    hint = f"give the intermediate that issued it; {hint}"
                yield replace(found, location=item.file, hint=hint)
            elif found.code not in _OF_SIGNATURES:
                yield replace(found, location=item.file)
        if not self.key_of(item):
            if self.keys:
                names = ", ".join(key.file for key in self.keys)
                hint = "give the key that the certificate was requested with, or request a new certificate"
                message = f"no key that was given belongs to this certificate: {names}"
                yield error("key-mismatch", item.file, message, hint)
            else:
                yield note("credential-missing", item.file, "its private key was not given")

    def _of_time(self, item: Credential) -> Iterator[Finding]:
        held = item.certificate
        assert held is not None  # noqa: S101  # passes and intermediates are certificates
        end, start = held.not_valid_after_utc, held.not_valid_before_utc
        if not start <= self.at <= end:
            when = f"ended on {end:%Y-%m-%d}" if self.at > end else f"begins on {start:%Y-%m-%d %H:%M} UTC"
            hint = "renew it in Apple's portal"
            if item.kind == "intermediate":
                hint = "fetch the one that issues today"
            elif self.at < start:
                hint = "is the clock of this machine right?"
            message = f"the {item.title} {when}, so phones refuse what is signed with it now"
            yield error("certificate-not-valid", item.file, message, hint)
        elif end - self.at <= EXPIRY_NOTICE:
            hint = "request a new one from Apple; passes signed before keep working"
            if item.kind == "intermediate":
                hint = "fetch the one that Apple issues with by then"
            yield warning(
                "certificate-expires-soon",
                item.file,
                f"the {item.title} ends on {end:%Y-%m-%d}, in {_days((end - self.at).days)}",
                hint,
            )

    def _of_keys(self) -> Iterator[Finding]:
        known = {item.spki for item in self.items if item.certificate is not None}
        asked = {item.spki for item in self.requests}
        for item in (*self.keys, *self.requests):
            try:
                check_public_key(read_public_key(item.spki))
            except KeyMaterialError as exc:
                yield error("weak-key", item.file, str(exc), "make another key and request")
        for item in self.keys:
            # Said at the certificate already where none of the keys fits it.
            if item.spki not in known | asked and any(map(self.key_of, self.passes)):
                yield note("credential-missing", item.file, "the certificate of this key was not given")
        for item in self.requests:
            if self.passes and item.spki not in known:
                hint = "this is the request of another certificate, or the portal was given another one"
                yield error(
                    "key-mismatch", item.file, "no certificate that was given answers this request", hint
                )
            elif self.keys and item.spki not in {key.spki for key in self.keys}:
                hint = "only the key that made the request fits the certificate Apple will issue"
                yield error("key-mismatch", item.file, "no key that was given made this request", hint)

    def _of_intermediates(self) -> Iterator[Finding]:
        for item in self.passes:
            held = item.certificate
            if self.issuers(item) or held is None:
                continue
            needed = self._chains[item.der].intermediate or "the one that issued it"
            known = self._chains[item.der].intermediate
            hint = f"fetch {known} and give it" if known else "give the one whose key it names"
            if not self.above:
                message = f"its intermediate was not given: {needed}"
                yield note("credential-missing", item.file, message, hint)
            for each in self.above:
                message = (
                    f"{each.name} did not issue {item.file}: its key is "
                    f"{x.key_id(each.certificate) if each.certificate else 'unknown'}, "
                    f"needed is {x.issuer_key_id(held)}"
                )
                yield error("intermediate-mismatch", each.file, message, hint)

    def steps(self, *, ready: bool) -> Iterator[NextStep]:
        """The next steps, in the order to take them."""
        if ready:
            for item in self.passes:
                key, above = self.key_of(item), self.issuers(item)
                if key is not None and above:
                    yield NextStep("sign", (item.file, key.file, above[0].file))
            return
        if not self.passes:
            for item in self.requests[:1]:
                yield NextStep("upload-request", (item.file,))
            for item in () if self.requests else self.keys[:1]:
                yield NextStep("find-certificate", (item.file,))
            return
        for item in self.passes:
            if not self.key_of(item):
                yield NextStep("find-key", (item.file,))
            if not self.issuers(item) and self._chains[item.der].intermediate:
                yield NextStep("find-intermediate", (item.file,))


def _days(count: int) -> str:
    return f"{count} day{'s' * (count != 1)}"
