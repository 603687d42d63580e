"""Signatures with blanks: one signer's differ in time, digest and value, and in nothing else.

Reading a signature looks at the octets of these three for their length alone,
and at the time for what it says. So where all other octets are those of a
signature that was read before, everything it says is known but the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from passwright.apple import der
from passwright.apple.signed_data import SignedData, parse, signing_time

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Stencils"]

# Signers are few, and a signature has at most 64 kB.
MAX_KEPT = 64


class Stencils:
    """Reads signatures, and remembers what the last ones looked like; threads may share it."""

    def __init__(self) -> None:
        # By length: two signers with signatures of one length take turns, which costs them time only.
        self._kept: dict[int, _Stencil] = {}

    def parse(self, data: bytes) -> SignedData:
        """What `signed_data.parse` says, or raises."""
        stencil = self._kept.get(len(data))
        if stencil is not None and (filled := stencil.filled(data)) is not None:
            return filled
        said = parse(data)
        if (made := _stencil(data, said)) is not None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[len(data)] = made
        return said


@dataclass(frozen=True, slots=True)
class _Stencil:
    """What a signature said, its octets around the blanks by their offsets, and where the blanks are."""

    said: SignedData
    constant: tuple[tuple[int, bytes], ...]
    time: der.Node
    digest: slice
    value: slice
    head: bytes
    attributes: slice

    def filled(self, data: bytes) -> SignedData | None:
        """What a signature of the same length says, None where it differs outside the blanks."""
        for at, octets in self.constant:
            if not data.startswith(octets, at):
                return None
        said = self.said
        return SignedData(
            said.digest,
            said.algorithm,
            data[self.value],
            said.certificates,
            said.issuer,
            said.serial,
            said.key_id,
            self.head + data[self.attributes],
            data[self.digest],
            signing_time(self.time._replace(source=data)),
            said.content,
            said.findings,
        )


def _stencil(data: bytes, said: SignedData) -> _Stencil | None:
    """The stencil of a signature; None for rare ones, where a blank is missing or can't be told apart."""
    if said.signed_attributes is None or said.message_digest is None or said.signing_time is None:
        return None
    # The octets of each were read from the data: where they stand once, that is where.
    attributes = der.read(said.signed_attributes, limit=len(data)).content
    time = next((one for one in _encoded(said.signing_time) if data.count(one) == 1), None)
    blanks = (said.message_digest, said.signature, attributes)
    if time is None or any(data.count(one) != 1 for one in blanks):
        return None
    digest, value, around = (slice(data.index(one), data.index(one) + len(one)) for one in blanks)
    start = data.index(time)
    node = der.Node(data, time[0], start, start + 2, start + len(time), start + len(time), 0)
    constant, at = [], 0
    for begin, end in sorted(
        ((node.body, node.stop), (digest.start, digest.stop), (value.start, value.stop))
    ):
        constant.append((at, data[at:begin]))
        at = end
    constant.append((at, data[at:]))
    head = said.signed_attributes[: -len(attributes)]
    return _Stencil(said, tuple(constant), node, digest, value, head, around)


def _encoded(moment: datetime) -> tuple[bytes, bytes]:
    """Both encodings of a signing time, each with its tag: neither is a part of the other."""
    digits = f"{moment.astimezone(UTC):%m%d%H%M%SZ}"
    return (
        der.tlv(der.UTC_TIME, f"{moment.year % 100:02}{digits}".encode()),
        der.tlv(der.GENERALIZED_TIME, f"{moment.year:04}{digits}".encode()),
    )
