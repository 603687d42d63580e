"""Whom to believe: roots, known intermediates, and the chain from a pass certificate to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from passwright.apple.identity import EXPIRY_NOTICE
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Anchor, Trust, common_name
from passwright.errors import InvalidInput, KeyMaterialError
from passwright.report import Severity, error, note, warning
from passwright.signing import check_public_key
from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cryptography import x509

    from passwright.report import Finding

__all__ = ["CertificatePath", "Chain", "ChainCertificate", "chain", "trace_path"]

WHERE = "signature"
# Clocks of signing machines run ahead by seconds, not by more.
CLOCK_LEEWAY = timedelta(minutes=5)
MAX_CERTIFICATES = 8

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
# Extensions that may be critical, since they are looked at or only mark what a certificate is for.
KNOWN_CRITICAL = frozenset(
    {
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        EXTENDED_KEY_USAGE,
        x.PASS_MARKER,
        x.NFC_MARKER,
        *x.INTERMEDIATE_MARKERS,
        *x.PUSH_MARKERS,
    }
)


@dataclass(frozen=True, slots=True)
class ChainCertificate:
    """One certificate of a chain, or what is known of it: its name, its key in hex, and its validity.

    `embedded` tells that it came with the signature. If not, it was supplied from
    what the trust knows.
    """

    name: str
    key_id: str
    not_before: datetime
    not_after: datetime
    embedded: bool

    def valid_at(self, at: datetime) -> bool:
        """Returns True if the certificate was valid at that time."""
        return self.not_before <= at <= self.not_after


@dataclass(frozen=True, slots=True)
class Chain:
    """The result of following a pass certificate up to a root.

    `links` are the certificates on the way, the pass certificate's first, as far
    as it went. `intermediate` and `root` are names for people, None where the
    chain didn't get there; `custom` tells that the root is the caller's, not
    Apple's. The identifiers and `nfc` are what the leaf says: None where it names
    none, or several.
    """

    findings: tuple[Finding, ...]
    leaf: x509.Certificate | None = None
    intermediate: str | None = None
    root: str | None = None
    custom: bool = False
    links: tuple[ChainCertificate, ...] = ()
    pass_type_identifier: str | None = None
    team_identifier: str | None = None
    nfc: bool | None = None

    @property
    def ok(self) -> bool:
        """The chain reached a root, and nothing found on the way is an error."""
        return self.root is not None and all(found.severity is not Severity.ERROR for found in self.findings)


@dataclass(frozen=True, slots=True)
class _Issuer:
    """The issuer of the leaf: an embedded certificate, or a key known from the table."""

    name: str
    root: str
    certificate: x509.Certificate | None = None
    known: tuple[Anchor, ...] = ()
    custom: bool = False
    embedded: bool = True

    @property
    def links(self) -> tuple[ChainCertificate, ...]:
        """The certificates this may be: the two G1 share a key."""
        if self.certificate is not None:
            return (_link(self.certificate),)
        return tuple(_anchor_certificate(anchor, embedded=self.embedded) for anchor in self.known)


@dataclass(frozen=True, slots=True)
class CertificatePath:
    """The certificates from a leaf to a root, whatever the time.

    `before`, `after` and `last` are findings, in the order of a report around those about the time.

    `above` are the intermediate and the root, each with the certificates that it may be.
    """

    leaf: x509.Certificate
    link: ChainCertificate
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    last: tuple[Finding, ...] = ()
    issuer: _Issuer | None = None
    above: tuple[tuple[str, tuple[ChainCertificate, ...]], ...] = ()
    pass_type_identifier: str | None = None
    team_identifier: str | None = None
    nfc: bool = False


def chain(
    leaf: bytes,
    embedded: Sequence[bytes],
    *,
    trust: Trust,
    at: datetime,
    signed_at: datetime | None = None,
    trace: Callable[[bytes, tuple[bytes, ...]], CertificatePath] | None = None,
) -> Chain:
    """Follows a pass certificate to a root: leaf, one intermediate, root.

    `leaf` is the certificate whose key verified the signature, `embedded` all that came with it, DER. `at`
    is the moment of verification. Apple asks for validity at the signing time, so `signed_at`, the time the
    signature claims, counts if there is one. No certificate raises: its faults become findings. Revocation
    isn't checked, and a note reports that. `trace` is `trace_path` of this trust, or a cache around it: its
    result depends on no time.

    Raises:
        ValueError: `at` or `signed_at` is naive.
    """
    require_aware(at, "at")
    if signed_at is not None:
        require_aware(signed_at, "signed_at")
    try:
        path = (trace or partial(trace_path, trust))(leaf, tuple(embedded[:MAX_CERTIFICATES]))
    except InvalidInput as exc:
        return Chain((error(exc.code, WHERE, exc.message),))
    moment = signed_at or at
    findings = (*path.before, *_time_findings(path.link, at, signed_at), *path.after)
    links = [path.link]
    for what, those in path.above:
        # The two G1 share a key: what counts is the one that lived when the pass was signed.
        lived = next((link for link in those if link.valid_at(moment)), None)
        if lived is None:
            findings += (_outside(what, moment),)
        links += [lived] if lived else those[:1]
    issuer = path.issuer
    return Chain(
        (*findings, *path.last),
        path.leaf,
        intermediate=links[1].name if issuer else None,
        root=issuer.root if issuer else None,
        custom=issuer.custom if issuer else False,
        links=tuple(links),
        pass_type_identifier=path.pass_type_identifier,
        team_identifier=path.team_identifier,
        nfc=path.nfc,
    )


def trace_path(trust: Trust, leaf: bytes, embedded: tuple[bytes, ...]) -> CertificatePath:
    """Follows the certificates from the leaf to a root, whatever the time.

    Raises:
        InvalidInput: `bad-certificate`, where the leaf is malformed.
    """
    certificate = x.parse(leaf)
    others, findings = _readable(leaf, embedded)
    issuer, found = _follow(leaf, certificate, others, trust)
    made = CertificatePath(
        certificate,
        _link(certificate),
        before=(*findings, *found, *_leaf_findings(certificate)),
        after=tuple(_issuing_findings(certificate, issuer)),
        pass_type_identifier=x.pass_type_identifier(certificate),
        team_identifier=x.team_identifier(certificate),
        nfc=x.nfc(certificate),
    )
    if issuer is None:
        return made
    last = [note("revocation-not-checked", WHERE, "whether the certificates were revoked was not asked")]
    if issuer.custom:
        message = f"the chain ends at {issuer.root}, which is not Apple's"
        last.insert(0, note("custom-roots", WHERE, message))
    roots = tuple(
        _anchor_certificate(root, embedded=False) for root in trust.roots if root.name == issuer.root
    )
    above = ("intermediate", issuer.links), ("root", roots)
    return replace(made, last=tuple(last), issuer=issuer, above=above)


def _link(certificate: x509.Certificate) -> ChainCertificate:
    times = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return ChainCertificate(common_name(certificate), x.key_id(certificate), *times, embedded=True)


def _anchor_certificate(anchor: Anchor, *, embedded: bool) -> ChainCertificate:
    return ChainCertificate(anchor.name, anchor.key_id, anchor.not_before, anchor.not_after, embedded)


def _readable(leaf: bytes, embedded: Sequence[bytes]) -> tuple[dict[bytes, x509.Certificate], list[Finding]]:
    """The embedded certificates other than the leaf, and a warning where one is malformed."""
    others: dict[bytes, x509.Certificate] = {}
    findings = []
    for encoded_bytes in embedded:
        if encoded_bytes == leaf:
            continue
        try:
            others[encoded_bytes] = x.parse(encoded_bytes)
        except InvalidInput as exc:
            findings.append(warning(exc.code, WHERE, exc.message))
    return others, findings


def _follow(
    leaf: bytes, certificate: x509.Certificate, others: dict[bytes, x509.Certificate], trust: Trust
) -> tuple[_Issuer | None, list[Finding]]:
    """Finds the issuer of the leaf by key: names alone don't tell Apple's intermediates apart."""
    issuers = [
        encoded_bytes for encoded_bytes, parsed in others.items() if _is_issued_by(leaf, certificate, parsed)
    ]
    roots = {root.spki for root in trust.roots}
    for encoded_bytes in issuers:
        parsed = others[encoded_bytes]
        if known := [anchor for anchor in trust.intermediates if anchor.spki == x.spki(parsed)]:
            return _Issuer(known[0].name, known[0].root, known=tuple(known)), []
        if x.spki(parsed) not in roots and (root := _signer(encoded_bytes, trust.roots)):
            return _Issuer(common_name(parsed), root.name, certificate=parsed, custom=root.custom), []
    if known := [anchor for anchor in trust.intermediates if x.signed_by(leaf, anchor.spki)]:
        link = _Issuer(known[0].name, known[0].root, known=tuple(known), embedded=False)
        return link, [_not_embedded(known[0], others)]
    # Everything that issued an issuer of the leaf: a trusted signer there means one step too many.
    above = [
        encoded_bytes
        for encoded_bytes, one in others.items()
        if any(_is_issued_by(low, others[low], one) for low in issuers)
    ]
    if (
        _signer(leaf, trust.roots)
        or any(_signer(encoded_bytes, trust.intermediates) for encoded_bytes in issuers)
        or any(_signer(encoded_bytes, trust.roots) for encoded_bytes in above)
    ):
        message = "the chain isn't pass certificate, one intermediate, root"
        return None, [error("bad-chain-length", WHERE, message)]
    issuer = x.issuer_key_id(certificate)
    message = f"the pass certificate's issuer (key {issuer}) leads to no trusted root"
    if issuers:
        hint = "if its authority is yours, name that as a root to trust"
    elif others:
        hint = f"embed the intermediate with that key; what is embedded did not issue it: {_names(others)}"
    else:
        hint = "embed the intermediate with that key"
    return None, [error("untrusted-chain", WHERE, message, hint)]


def _is_issued_by(encoded_bytes: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return issuer.subject == certificate.issuer and x.signed_by(encoded_bytes, x.spki(issuer))


def _signer(encoded_bytes: bytes, anchors: Iterable[Anchor]) -> Anchor | None:
    return next((anchor for anchor in anchors if x.signed_by(encoded_bytes, anchor.spki)), None)


def _not_embedded(needed: Anchor, others: dict[bytes, x509.Certificate]) -> Finding:
    hint = f"embed {needed.name}, the certificate with the key identifier {needed.key_id}"
    if not others:
        return warning("intermediate-missing", WHERE, "the signature doesn't hold the intermediate", hint)
    message = f"the pass certificate wasn't issued by what is embedded: {_names(others)}"
    return warning("intermediate-wrong", WHERE, message, hint)


def _names(certificates: Mapping[bytes, x509.Certificate]) -> str:
    return ", ".join(common_name(each) for each in certificates.values())


def _leaf_findings(leaf: x509.Certificate) -> Iterator[Finding]:
    if x.is_authority(leaf) or not x.may_sign(leaf):
        yield error(
            "bad-leaf", WHERE, "the signer's certificate is an authority's, or is not for digital signatures"
        )
    if x.PASS_PURPOSE not in x.purposes(leaf):
        yield error(
            "wrong-purpose", WHERE, f"the certificate's extended key usage lacks passes ({x.PASS_PURPOSE})"
        )
    marked = x.marked_pass_type(leaf)
    if marked is None or marked != x.pass_type_identifier(leaf):
        yield error(
            "wrong-pass-type", WHERE, "the certificate's pass marker is missing, or isn't the subject's UID"
        )
    yield from _strength(leaf, "pass certificate")


def _strength(certificate: x509.Certificate, what: str) -> Iterator[Finding]:
    try:
        check_public_key(x.public_key(certificate))
    except KeyMaterialError as exc:
        yield error("weak-key", WHERE, f"the {what}: {exc}")
    if unknown := x.critical(certificate) - KNOWN_CRITICAL:
        yield error(
            "untrusted-chain",
            WHERE,
            f"the {what} has unknown critical extensions: {', '.join(sorted(unknown))}",
        )


def _issuing_findings(leaf: x509.Certificate, issuer: _Issuer | None) -> Iterator[Finding]:
    """Yields the faults of the intermediate, and of the digest that the leaf is signed over."""
    if x.weak_digest(leaf):
        # Apple's first intermediates issued such certificates; they are old, not forged.
        judge = warning if issuer is not None and issuer.known else error
        yield judge("weak-digest", WHERE, "the pass certificate is signed over a SHA-1 or MD5 digest")
    if issuer is None or (intermediate := issuer.certificate) is None:
        return
    if not x.may_issue(intermediate) or not x.is_marked_intermediate(intermediate):
        message = f"{issuer.name} is not an authority for developers: it lacks Apple's marker"
        yield error("wrong-intermediate", WHERE, message)
    if x.weak_digest(intermediate):
        yield error("weak-digest", WHERE, "the intermediate is signed over a SHA-1 or MD5 digest")
    yield from _strength(intermediate, "intermediate")


def _time_findings(leaf: ChainCertificate, at: datetime, signed_at: datetime | None) -> Iterator[Finding]:
    if signed_at is not None and signed_at - at > CLOCK_LEEWAY:
        yield error(
            "signed-in-future", WHERE, f"the signature claims {signed_at.isoformat()}, which is yet to come"
        )
    if not leaf.valid_at(signed_at or at):
        yield _outside("pass certificate", signed_at or at)
    elif at > leaf.not_after:
        yield warning(
            "certificate-expired-since",
            WHERE,
            f"the pass certificate expired on {leaf.not_after:%Y-%m-%d}; "
            "that it was alive when the pass was signed is the signer's claim",
        )
    elif leaf.not_after - at <= EXPIRY_NOTICE:
        yield warning(
            "certificate-expires-soon",
            WHERE,
            f"the pass certificate ends on {leaf.not_after:%Y-%m-%d}",
            "its maker needs a new one for updates; this pass keeps working",
        )


def _outside(what: str, moment: datetime) -> Finding:
    return error(
        "signed-outside-validity", WHERE, f"the {what} was not valid on {moment:%Y-%m-%d %H:%M:%S} UTC"
    )
