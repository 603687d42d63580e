"""Whom to believe: roots, known intermediates, and the chain from a pass certificate to them."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passwright.apple import certificate as x
from passwright.apple.identity import Identity
from passwright.errors import BundleError, KeyMaterialError
from passwright.report import Severity, error, note, warning
from passwright.signing import check_public_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cryptography import x509

    from passwright.report import Finding

__all__ = ["Anchor", "Chain", "Identity", "Trust", "chain"]

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
class Anchor:
    """A key that is believed, in DER, with its identifier in hex and the validity of its certificate."""

    name: str
    spki: bytes
    key_id: str
    not_before: datetime
    not_after: datetime
    root: str = ""  # above an intermediate
    custom: bool = False

    def lived(self, at: datetime) -> bool:
        """Whether the certificate of this key was valid then."""
        return self.not_before <= at <= self.not_after


@dataclass(frozen=True, slots=True)
class Trust:
    """Roots that are believed, and intermediates known to stand under them.

    A known intermediate closes the chain of a signature that left its own out
    or embeds the wrong one, which a third of the passes in use do.
    """

    roots: tuple[Anchor, ...]
    intermediates: tuple[Anchor, ...] = ()

    def __post_init__(self) -> None:
        if not self.roots:
            raise ValueError("trust has no roots: use Trust.apple(), or name the authority you accept")

    @classmethod
    def apple(cls) -> Trust:
        """Trust in Apple's three roots, with the intermediates for developers."""
        return _apple()

    @classmethod
    def of(cls, *roots: bytes | str) -> Trust:
        """Trust in these roots only, each in PEM or DER; a PEM text may hold several.

        A chain that ends there says so: `custom-roots`.

        Raises:
            KeyMaterialError: one of them can't be read, or isn't an authority.
            ValueError: there is none.
        """
        return cls(tuple(_custom(roots)))

    def with_roots(self, *roots: bytes | str) -> Trust:
        """The same trust and in these roots as well; raises like `of`."""
        return replace(self, roots=(*self.roots, *Trust.of(*roots).roots))


@dataclass(frozen=True, slots=True)
class Chain:
    """What came of following a pass certificate up to a root.

    `intermediate` and `root` are names for people, None where the chain didn't
    get there; `custom` tells that the root is the caller's, not Apple's.
    """

    findings: tuple[Finding, ...]
    leaf: x509.Certificate | None = None
    intermediate: str | None = None
    root: str | None = None
    custom: bool = False

    @property
    def ok(self) -> bool:
        """The chain reached a root, and nothing found on the way is an error."""
        return self.root is not None and all(found.severity is not Severity.ERROR for found in self.findings)


@dataclass(frozen=True, slots=True)
class _Link:
    """The issuer of the leaf: an embedded certificate, or a key known from the table."""

    name: str
    root: str
    certificate: x509.Certificate | None = None
    known: tuple[Anchor, ...] = ()
    custom: bool = False


def chain(
    leaf: bytes,
    embedded: Sequence[bytes],
    *,
    trust: Trust,
    at: datetime,
    signed_at: datetime | None = None,
) -> Chain:
    """Follows a pass certificate to a root: leaf, one intermediate, root.

    `leaf` is the certificate whose key verified the signature, `embedded` all
    that came with it, DER. `at` is the moment of the verdict. Apple asks for
    validity at the signing time, so `signed_at`, the time the signature claims,
    counts where there is one. Nothing a certificate says raises: it becomes a
    finding. Revocation isn't checked, and a note says so.

    Raises:
        ValueError: `at` or `signed_at` is naive.
    """
    if at.tzinfo is None or (signed_at is not None and signed_at.tzinfo is None):
        raise ValueError("a time has no time zone: give aware datetimes")
    try:
        certificate = x.parse(leaf)
    except BundleError as exc:
        return Chain((error(exc.code, WHERE, exc.message),))
    others, findings = _readable(leaf, embedded[:MAX_CERTIFICATES])
    link, found = _follow(leaf, certificate, others, trust)
    findings += [*found, *_leaf_findings(certificate), *_time_findings(certificate, at, signed_at)]
    if x.weak_digest(certificate):
        # Apple's first intermediates issued such certificates; they are old, not forged.
        judge = warning if link is not None and link.known else error
        findings.append(
            judge("weak-digest", WHERE, "the pass certificate is signed over a SHA-1 or MD5 digest")
        )
    if link is None:
        return Chain(tuple(findings), certificate)
    findings += _link_findings(link, trust, signed_at or at)
    if link.custom:
        findings.append(note("custom-roots", WHERE, f"the chain ends at {link.root}, which is not Apple's"))
    findings.append(
        note("revocation-not-checked", WHERE, "whether the certificates were revoked was not asked")
    )
    # The two G1 share a key: what counts is the one that lived when the pass was signed.
    name = next((anchor.name for anchor in link.known if anchor.lived(signed_at or at)), link.name)
    return Chain(tuple(findings), certificate, name, link.root, link.custom)


def _readable(leaf: bytes, embedded: Sequence[bytes]) -> tuple[dict[bytes, x509.Certificate], list[Finding]]:
    """The embedded certificates other than the leaf, and a warning where one is malformed."""
    others: dict[bytes, x509.Certificate] = {}
    findings = []
    for octets in embedded:
        if octets == leaf:
            continue
        try:
            others[octets] = x.parse(octets)
        except BundleError as exc:
            findings.append(warning(exc.code, WHERE, exc.message))
    return others, findings


def _follow(
    leaf: bytes, certificate: x509.Certificate, others: dict[bytes, x509.Certificate], trust: Trust
) -> tuple[_Link | None, list[Finding]]:
    """Who issued the leaf, by key: names alone don't tell Apple's intermediates apart."""
    issuers = [octets for octets, parsed in others.items() if _issued(leaf, certificate, parsed)]
    roots = {root.spki for root in trust.roots}
    for octets in issuers:
        parsed = others[octets]
        if known := [anchor for anchor in trust.intermediates if anchor.spki == x.spki(parsed)]:
            return _Link(known[0].name, known[0].root, known=tuple(known)), []
        if x.spki(parsed) not in roots and (root := _signer(octets, trust.roots)):
            return _Link(_common_name(parsed), root.name, certificate=parsed, custom=root.custom), []
    if known := [anchor for anchor in trust.intermediates if x.signed_by(leaf, anchor.spki)]:
        return _Link(known[0].name, known[0].root, known=tuple(known)), [_not_embedded(known[0], others)]
    # Everything that issued an issuer of the leaf: a trusted signer there means one step too many.
    above = [
        octets for octets, one in others.items() if any(_issued(low, others[low], one) for low in issuers)
    ]
    if (
        _signer(leaf, trust.roots)
        or any(_signer(octets, trust.intermediates) for octets in issuers)
        or any(_signer(octets, trust.roots) for octets in above)
    ):
        message = "the chain isn't pass certificate, one intermediate, root"
        return None, [error("bad-chain-length", WHERE, message)]
    issuer = x.issuer_key_id(certificate)
    message = f"the pass certificate's issuer (key {issuer}) leads to no trusted root"
    return None, [error("untrusted-chain", WHERE, message)]


def _issued(octets: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return issuer.subject == certificate.issuer and x.signed_by(octets, x.spki(issuer))


def _signer(octets: bytes, anchors: Iterable[Anchor]) -> Anchor | None:
    return next((anchor for anchor in anchors if x.signed_by(octets, anchor.spki)), None)


def _not_embedded(needed: Anchor, others: dict[bytes, x509.Certificate]) -> Finding:
    hint = f"embed {needed.name}, the certificate with the key identifier {needed.key_id}"
    if not others:
        return warning("intermediate-missing", WHERE, "the signature doesn't hold the intermediate", hint)
    names = ", ".join(_common_name(other) for other in others.values())
    return warning(
        "intermediate-wrong", WHERE, f"the pass certificate wasn't issued by what is embedded: {names}", hint
    )


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


def _link_findings(link: _Link, trust: Trust, moment: datetime) -> Iterator[Finding]:
    if (intermediate := link.certificate) is not None:
        if not x.may_issue(intermediate) or not x.is_marked_intermediate(intermediate):
            yield error(
                "wrong-intermediate",
                WHERE,
                f"{link.name} is no authority for developers: it lacks Apple's marker",
            )
        if x.weak_digest(intermediate):
            yield error("weak-digest", WHERE, "the intermediate is signed over a SHA-1 or MD5 digest")
        yield from _strength(intermediate, "intermediate")
        if not intermediate.not_valid_before_utc <= moment <= intermediate.not_valid_after_utc:
            yield _outside("intermediate", moment)
    elif not any(anchor.lived(moment) for anchor in link.known):
        yield _outside("intermediate", moment)
    if not any(root.lived(moment) for root in trust.roots if root.name == link.root):
        yield _outside("root", moment)


def _time_findings(leaf: x509.Certificate, at: datetime, signed_at: datetime | None) -> Iterator[Finding]:
    if signed_at is not None and signed_at - at > CLOCK_LEEWAY:
        yield error(
            "signed-in-future", WHERE, f"the signature claims {signed_at.isoformat()}, which is yet to come"
        )
    if not leaf.not_valid_before_utc <= (signed_at or at) <= leaf.not_valid_after_utc:
        yield _outside("pass certificate", signed_at or at)
    elif at > leaf.not_valid_after_utc:
        yield warning(
            "certificate-expired-since",
            WHERE,
            f"the pass certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}; "
            "that it was alive when the pass was signed is the signer's claim",
        )


def _outside(what: str, moment: datetime) -> Finding:
    return error(
        "signed-outside-validity", WHERE, f"the {what} was not valid on {moment:%Y-%m-%d %H:%M:%S} UTC"
    )


def _common_name(certificate: x509.Certificate) -> str:
    names = [str(part.value) for part in certificate.subject if part.oid.dotted_string == x.COMMON_NAME]
    return names[0] if names else "a certificate without a name"


def _custom(given: Sequence[bytes | str]) -> Iterator[Anchor]:
    for one in given:
        try:
            found = [x.parse(octets) for octets in x.split_pem(one)]
        except (ValueError, BundleError) as exc:
            raise KeyMaterialError(
                "a root certificate can't be read: it is neither PEM nor DER, or damaged"
            ) from exc
        for root in found:
            if not x.may_issue(root):
                raise KeyMaterialError(
                    f"{_common_name(root)} can't be a root: its certificate isn't an authority's"
                )
            times = root.not_valid_before_utc, root.not_valid_after_utc
            yield Anchor(_common_name(root), x.spki(root), x.key_id(root), *times, custom=True)


@lru_cache(maxsize=1)
def _apple() -> Trust:
    table = json.loads((Path(__file__).parent / "tables" / "anchors.json").read_text(encoding="utf-8"))
    return Trust(tuple(map(_anchor, table["roots"])), tuple(map(_anchor, table["intermediates"])))


def _anchor(row: dict[str, str]) -> Anchor:
    return Anchor(
        name=row["name"],
        spki=b64decode(row["spki"]),
        key_id=row["subject_key_id"],
        not_before=datetime.fromisoformat(row["not_before"]),
        not_after=datetime.fromisoformat(row["not_after"]),
        root=row.get("root", ""),
    )
