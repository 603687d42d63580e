"""The context of Apple's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passwright.apple.identity import Identity

__all__ = ["ValidationContext"]


@dataclass(frozen=True)
class ValidationContext:
    """Facts about a pass that its pass.json does not hold, for the rules.

    `bound`: the caller knows that the pass is bound; a payload may say so as well.
    `identity`: who will sign, None if not known. `strict`: findings that phones act on
    only sometimes are errors too. `needs_nfc`: a bound pass without NFC is an error.
    `personalized`: there is a personalization.json. `writing`: the pass is ours, and
    unknown members are errors. `files`: the names of the other files, None if not known.
    `nfc`: the certificate is for NFC, None if `identity` tells or nobody does.
    """

    bound: bool = False
    identity: Identity | None = None
    strict: bool = False
    needs_nfc: bool = True
    personalized: bool = False
    writing: bool = True
    files: frozenset[str] | None = None
    nfc: bool | None = None

    @property
    def may_use_nfc(self) -> bool | None:
        """The certificate is for NFC, or None where it is not known."""
        return self.nfc if self.identity is None else self.identity.nfc
