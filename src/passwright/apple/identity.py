"""A signing identity for Apple: pass certificate, the intermediate that issued it, signer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from passwright import report
from passwright.apple.cms.signature import SignatureTemplate
from passwright.apple.trust import certificate as x
from passwright.errors import IdentityMismatch, InvalidInput, KeyMaterialError
from passwright.signing import KeySigner, Signer, check_public_key
from passwright.times import require_aware

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

    from passwright.report import Finding
    from passwright.signing import PublicKey, SigningRequest

__all__ = ["Identity"]

# Apple writes to the team a month ahead as well.
EXPIRY_NOTICE = timedelta(days=30)

PKCS12_ADVICE = (
    "the PKCS #12 file can't be read: it is damaged, its password is wrong or missing, or it is encrypted "
    "in a way this build of OpenSSL no longer reads. In the last case convert it: "
    "openssl pkcs12 -legacy -in OLD.p12 -nodes -out all.pem && "
    "openssl pkcs12 -export -in all.pem -out NEW.p12, and delete all.pem"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Identity:
    """A pass certificate, the intermediate that issued it, and a signer for its key.

    `certificate` and `intermediate` are given in PEM or DER and kept in DER.
    Made with a `KeySigner` the key is compared with the certificate once; the
    answers of any other signer are verified one by one.

    Raises:
        KeyMaterialError: a certificate can't be read, isn't a pass certificate,
            or has a weak key.
        IdentityMismatch: the key doesn't belong to the certificate, or the
            intermediate didn't issue it. Apple refuses passes signed so.
    """

    certificate: bytes
    intermediate: bytes
    signer: Signer
    pass_type_identifier: str = field(init=False, compare=False)
    team_identifier: str = field(init=False, compare=False)
    nfc: bool = field(init=False, compare=False)
    public_key: PublicKey = field(init=False, compare=False)
    key_id: str = field(init=False, compare=False)
    not_before: datetime = field(init=False, compare=False)
    not_after: datetime = field(init=False, compare=False)
    frame: SignatureTemplate = field(init=False, compare=False)

    def __post_init__(self) -> None:
        certificate, leaf = _only(self.certificate, "the pass certificate")
        intermediate, issuer = _only(self.intermediate, "the intermediate certificate")
        public_key = _check_leaf(leaf)
        _check_issuer(certificate, leaf, issuer)
        if isinstance(self.signer, KeySigner):
            _check_key(self.signer, leaf, public_key)
        values = {
            "certificate": certificate,
            "intermediate": intermediate,
            "pass_type_identifier": x.pass_type_identifier(leaf),
            "team_identifier": x.team_identifier(leaf),
            "nfc": x.nfc(leaf),
            "public_key": public_key,
            "key_id": x.key_id(leaf),
            "not_before": max(leaf.not_valid_before_utc, issuer.not_valid_before_utc),
            "not_after": min(leaf.not_valid_after_utc, issuer.not_valid_after_utc),
            "frame": SignatureTemplate(leaf=certificate, intermediate=intermediate, signer=self.signer),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_pem(
        cls,
        certificate: bytes | str,
        key: bytes | str,
        intermediate: bytes | str,
        *,
        password: bytes | str | None = None,
    ) -> Identity:
        """An identity from a certificate, its private key and the intermediate, each in PEM.

        Raises:
            KeyMaterialError, IdentityMismatch: as the class does, or the key can't be read.
        """
        try:
            signer = KeySigner.from_pem(key, password=password)
        finally:
            # A traceback that shows local variables must not show the key.
            del key, password
        return cls(
            certificate=_read_bytes(certificate), intermediate=_read_bytes(intermediate), signer=signer
        )

    @classmethod
    def from_p12(
        cls, data: bytes, password: bytes | str | None, *, intermediate: bytes | str | None = None
    ) -> Identity:
        """An identity from a PKCS #12 file, as Keychain Access exports it.

        `intermediate`, in PEM or DER, is needed where the file doesn't hold it
        as well.

        Raises:
            KeyMaterialError, IdentityMismatch: as the class does, or the file can't be read.
        """
        bag = load_p12(data, password)
        del data, password
        if bag is None:
            raise KeyMaterialError(PKCS12_ADVICE)
        if bag.key is None or bag.cert is None:
            raise KeyMaterialError("the PKCS #12 file holds no private key together with its certificate")
        leaf = bag.cert.certificate
        if intermediate is None:
            candidates = [_der(extra.certificate) for extra in bag.additional_certs]
            intermediate = next(
                (found for found in candidates if _is_issued_by(_der(leaf), found)),
                None,
            )
        if intermediate is None:
            raise KeyMaterialError(
                "the PKCS #12 file doesn't hold the intermediate that issued its certificate "
                f"(key {x.issuer_key_id(leaf)}): give it as well"
            )
        signer = KeySigner(bag.key)  # type: ignore[arg-type]  # refuses other kinds itself
        return cls(certificate=_der(leaf), intermediate=_read_bytes(intermediate), signer=signer)

    def unsigned(self, manifest: bytes, *, at: datetime) -> SigningRequest[bytes]:
        """The file `signature` of a pass, a detached signature over its manifest, before the key has signed.

        What is signed are the signed attributes in DER. Devices ask whether the
        certificates were valid at the signing time, so nothing is made outside
        their validity.

        Raises:
            KeyMaterialError: a certificate isn't valid at `at`.
            ValueError: `at` is naive.
        """
        self.check_time(at)
        return self.frame.unsigned(manifest, at=at)

    def sign_manifest(self, manifest: bytes, *, at: datetime) -> bytes:
        """The detached signature over a manifest: the file `signature` of a pass.

        Raises:
            KeyMaterialError: a certificate isn't valid at `at`.
            SignerFailed: a signer of others raised, or its answer doesn't verify.
            ValueError: `at` is naive.
        """
        return self.unsigned(manifest, at=at).complete()

    def check_time(self, at: datetime) -> None:
        """Asks whether a pass can be signed at this time.

        Raises:
            KeyMaterialError: a certificate is not valid then; Apple refuses such passes.
            ValueError: `at` is naive.
        """
        require_aware(at, "the signing time")
        if not self.not_before <= at <= self.not_after:
            raise KeyMaterialError(
                f"the certificates for {self.pass_type_identifier} are valid from "
                f"{self.not_before:%Y-%m-%d %H:%M:%S} to {self.not_after:%Y-%m-%d %H:%M:%S} UTC: "
                f"Apple refuses a pass signed at {at.isoformat()}"
            )

    def warnings(self, at: datetime) -> tuple[Finding, ...]:
        """`certificate-expires-soon` when no pass can be signed from 30 days after `at` on.

        Raises:
            ValueError: `at` is naive.
        """
        require_aware(at, "at")
        if self.not_after - at > EXPIRY_NOTICE:
            return ()
        return (
            report.warning(
                "certificate-expires-soon",
                "signature",
                f"the certificates for {self.pass_type_identifier} expire on {self.not_after:%Y-%m-%d}",
                "request a new one from Apple; passes signed before keep working",
            ),
        )

    def __repr__(self) -> str:
        if "frame" not in vars(self):
            return "Identity(refused)"  # a traceback that shows local variables asks before all is there
        return f"Identity({self.pass_type_identifier!r}, team={self.team_identifier!r})"


def _only(data: bytes, what: str) -> tuple[bytes, x509.Certificate]:
    """The one certificate in PEM or DER."""
    try:
        found = x.split_pem(data)
        parsed = x.parse(found[0])
    except (ValueError, InvalidInput) as exc:
        raise KeyMaterialError(f"{what} can't be read: it is neither PEM nor DER, or damaged") from exc
    if len(found) > 1:
        raise KeyMaterialError(f"{what} stands among {len(found)} certificates: give it alone")
    return found[0], parsed


def _check_leaf(leaf: x509.Certificate) -> PublicKey:
    key = x.public_key(leaf)
    if x.pass_type_identifier(leaf) is None or x.marked_pass_type(leaf) is None:
        raise KeyMaterialError(
            "this is not a pass certificate: it names no pass type "
            "(create one under the Pass Type ID, not a development, distribution or push certificate)"
        )
    if x.marked_pass_type(leaf) != x.pass_type_identifier(leaf):
        raise KeyMaterialError("the pass certificate names two different pass types")
    if x.team_identifier(leaf) is None:
        raise KeyMaterialError("the pass certificate names no team, or several")
    if x.PASS_PURPOSE not in x.purposes(leaf):
        raise KeyMaterialError(
            f"the certificate's extended key usage doesn't allow passes ({x.PASS_PURPOSE})"
        )
    check_public_key(key)
    assert key is not None  # noqa: S101  # check_public_key refuses None
    return key


def _check_issuer(certificate: bytes, leaf: x509.Certificate, issuer: x509.Certificate) -> None:
    if leaf.issuer != issuer.subject or not x.signed_by(certificate, x.spki(issuer)):
        raise IdentityMismatch(
            "the intermediate did not issue the pass certificate (key identifiers)",
            expected=x.issuer_key_id(leaf),
            actual=x.key_id(issuer),
        )


def _check_key(signer: KeySigner, leaf: x509.Certificate, public_key: PublicKey) -> None:
    from cryptography.x509 import SubjectKeyIdentifier

    if signer.public_key != public_key:
        raise IdentityMismatch(
            "the private key does not belong to the pass certificate (key identifiers)",
            expected=x.key_id(leaf),
            actual=SubjectKeyIdentifier.from_public_key(signer.public_key).digest.hex(),
        )


def _is_issued_by(certificate: bytes, issuer: bytes) -> bool:
    try:
        return x.signed_by(certificate, x.spki(x.parse(issuer)))
    except InvalidInput:
        return False


def load_p12(data: bytes, password: bytes | str | None) -> PKCS12KeyAndCertificates | None:
    """Returns the content of a PKCS #12 file; None instead of an exception, whose traceback would keep the
    password.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    secret = password.encode() if isinstance(password, str) else password
    # No password and the empty one are written differently, and mean the same to people.
    for attempt in (secret,) if secret else (b"", None):
        try:
            return load_pkcs12(data, attempt)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return None


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _read_bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data
