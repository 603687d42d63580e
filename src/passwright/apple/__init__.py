"""Apple Wallet: signed .pkpass files, built, read and verified."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passwright.apple.identity import Identity
    from passwright.apple.passes import PASS_MIME_TYPE, PASSES_MIME_TYPE, pack_passes, verify_passes
    from passwright.apple.pkpass import PassBuilder
    from passwright.apple.reading import Contents, read
    from passwright.apple.rewriting import Rewritten, rewrite
    from passwright.apple.trust import Trust
    from passwright.apple.verification import Verification, Verifier, verify

__all__ = [
    "PASSES_MIME_TYPE",
    "PASS_MIME_TYPE",
    "Contents",
    "Identity",
    "PassBuilder",
    "Rewritten",
    "Trust",
    "Verification",
    "Verifier",
    "pack_passes",
    "read",
    "rewrite",
    "verify",
    "verify_passes",
]

_HOMES = {
    **dict.fromkeys(("PASSES_MIME_TYPE", "PASS_MIME_TYPE", "pack_passes", "verify_passes"), "passes"),
    "Contents": "reading",
    "Identity": "identity",
    "PassBuilder": "pkpass",
    "Rewritten": "rewriting",
    "Trust": "trust",
    "read": "reading",
    "rewrite": "rewriting",
    "Verification": "verification",
    "Verifier": "verification",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'passwright.apple' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"passwright.apple.{_HOMES[name]}"), name)
    return globals()[name]
