"""The context of Google's rules."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ValidationContext"]


@dataclass(frozen=True)
class ValidationContext:
    """Facts about a payload that its JSON does not hold, for the rules.

    `bound`: the caller knows that the pass is bound; an object may say so as well.
    `issuer_id`: the issuer whose ids are right, None for any. `restrictions_enabled`:
    Google has enabled account restricted passes for this issuer. `writing`: the
    payload is ours, and unknown members are errors.
    """

    bound: bool = False
    issuer_id: str | None = None
    restrictions_enabled: bool = False
    writing: bool = True
