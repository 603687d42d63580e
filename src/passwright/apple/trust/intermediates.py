"""Apple's intermediates as Apple publishes them: named in the anchors table, believed by fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import anchors_table
from passwright.apple.trust.https import https_get
from passwright.errors import IdentityMismatch, InvalidInput, KeyMaterialError

if TYPE_CHECKING:
    from passwright.apple.trust.https import Get

__all__ = ["Published", "check", "fetch", "for_certificate", "generation", "published_intermediates"]

# Apple, Developer Account Help, WWDR intermediate certificates: the one that issues pass certificates.
CURRENT = "G4"


@dataclass(frozen=True, slots=True)
class Published:
    """An intermediate: `generation` as people call it, `url` where Apple has it, "" where it no longer does.

    `fingerprint` is the SHA-256 of the certificate, `key_id` its subject key
    identifier, both in lower-case hexadecimal digits.
    """

    name: str
    generation: str
    url: str
    fingerprint: str
    key_id: str
    not_after: datetime


@cache
def published_intermediates() -> tuple[Published, ...]:
    """Every intermediate for developers that Apple has had, the oldest first."""
    return tuple(
        Published(
            name=row["name"],
            generation=row["name"].removeprefix("WWDR ").partition(",")[0],
            url=row.get("url", ""),
            fingerprint=row["sha256_fingerprint"].replace(":", "").lower(),
            key_id=row["subject_key_id"],
            not_after=datetime.fromisoformat(row["not_after"]),
        )
        for row in anchors_table()["intermediates"]
    )


def generation(name: str = CURRENT) -> Published:
    """The intermediate of a generation: `G4`, or `g4`, or 4.

    Raises:
        KeyMaterialError: there is none that can still be had.
    """
    intermediate = f"G{name.upper().removeprefix('WWDR').strip().removeprefix('G')}"
    found = [each for each in published_intermediates() if each.generation == intermediate and each.url]
    if not found:
        known = ", ".join(each.generation for each in published_intermediates() if each.url)
        raise KeyMaterialError(f"there is no intermediate {intermediate} to fetch: there are {known}")
    return found[0]


def for_certificate(certificate: bytes) -> Published:
    """The intermediate that issued this certificate, PEM or DER, by its key.

    Raises:
        KeyMaterialError: the certificate can't be read, or none of Apple's issued it.
    """
    try:
        leaf = x.parse(x.split_pem(certificate)[0])
    except (ValueError, IndexError, InvalidInput) as exc:
        raise KeyMaterialError(
            "the certificate can't be read: it is neither PEM nor DER, or damaged"
        ) from exc
    intermediate = x.issuer_key_id(leaf)
    found = [each for each in published_intermediates() if each.key_id == intermediate]
    if not found:
        raise KeyMaterialError(
            f"none of Apple's intermediates issued this certificate: its issuer's key is {intermediate}"
        )
    return next((each for each in found if each.url), found[-1])


def fetch(intermediate: Published, *, get: Get = https_get, url: str = "") -> bytes:
    """The certificate of an intermediate in DER, loaded from Apple and compared with its fingerprint.

    `get` does the loading; `url` is another place to load it from, which need
    not be trusted.

    Raises:
        KeyMaterialError: Apple no longer publishes it, or it can't be loaded.
        IdentityMismatch: what was loaded has another fingerprint.
    """
    place = url or intermediate.url
    if not place:
        raise KeyMaterialError(
            f"Apple no longer publishes {intermediate.name}, "
            f"which ended on {intermediate.not_after:%Y-%m-%d}: "
            "renew the pass certificate, new ones are issued by another"
        )
    try:
        data = get(place)
    except KeyMaterialError as exc:
        raise KeyMaterialError(f"{exc}; load {place} in another way and check that file") from exc
    return check(intermediate, data)


def check(intermediate: Published, data: bytes) -> bytes:
    """The certificate in PEM or DER, as DER, once it has proved to be the intermediate that is wanted.

    Raises: KeyMaterialError: this is not a certificate. IdentityMismatch: it has another fingerprint.
    """
    try:
        [octets] = x.split_pem(data)
        x.parse(octets)
    except (ValueError, InvalidInput) as exc:
        raise KeyMaterialError(f"what came for {intermediate.name} is not a certificate") from exc
    found = hashlib.sha256(octets).hexdigest()
    if found != intermediate.fingerprint:
        raise IdentityMismatch(
            f"this is not {intermediate.name} (SHA-256 fingerprints)",
            expected=intermediate.fingerprint,
            actual=found,
        )
    return octets
