"""Trust anchors: Apple's roots and intermediates, and roots that a caller adds.

Source: Apple, "Apple PKI", https://www.apple.com/certificateauthority/.
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passwright.apple.trust import certificate as x
from passwright.errors import InvalidInput, KeyMaterialError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cryptography import x509


__all__ = ["Anchor", "Trust", "anchors_table", "common_name"]


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

    def valid_at(self, at: datetime) -> bool:
        """Returns True if the certificate of this key was valid at that time."""
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

        A chain that ends in one of these roots has the note `custom-roots`.

        Raises:
            KeyMaterialError: one of them can't be read, or isn't an authority.
            ValueError: there is none.
        """
        return cls(tuple(_custom(roots)))

    def with_roots(self, *roots: bytes | str) -> Trust:
        """Returns a trust that trusts these roots too; raises like `of`."""
        return replace(self, roots=(*self.roots, *Trust.of(*roots).roots))


def common_name(certificate: x509.Certificate) -> str:
    """Returns the common name of a certificate, or a placeholder if it has none."""
    names = [str(part.value) for part in certificate.subject if part.oid.dotted_string == x.COMMON_NAME]
    return names[0] if names else "a certificate without a name"


def _custom(given: Sequence[bytes | str]) -> Iterator[Anchor]:
    for one in given:
        try:
            found = [x.parse(encoded_bytes) for encoded_bytes in x.split_pem(one)]
        except (ValueError, InvalidInput) as exc:
            raise KeyMaterialError(
                "a root certificate can't be read: it is neither PEM nor DER, or damaged"
            ) from exc
        for root in found:
            if not x.may_issue(root):
                raise KeyMaterialError(
                    f"{common_name(root)} can't be a root: its certificate isn't an authority's"
                )
            times = root.not_valid_before_utc, root.not_valid_after_utc
            yield Anchor(common_name(root), x.spki(root), x.key_id(root), *times, custom=True)


@lru_cache(maxsize=1)
def anchors_table() -> Mapping[str, list[dict[str, str]]]:
    """Apple's roots and intermediates as the table has them: `roots` and `intermediates`."""
    table: Mapping[str, list[dict[str, str]]] = json.loads(
        (Path(__file__).parents[1] / "data" / "anchors.json").read_text(encoding="utf-8")
    )
    return table


@lru_cache(maxsize=1)
def _apple() -> Trust:
    table = anchors_table()
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
