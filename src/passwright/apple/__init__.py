"""Apple Wallet: signed .pkpass files, built, read and verified."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passwright.apple.identity import Identity
    from passwright.apple.pkpass import PassBuilder
    from passwright.apple.pkpasses import PASS_MIME_TYPE, PASSES_MIME_TYPE, pack_passes, verify_passes
    from passwright.apple.reading.contents import Contents, read
    from passwright.apple.reading.rewriting import RewriteResult, rewrite
    from passwright.apple.trust.chain import Trust
    from passwright.apple.verification.verifier import Verification, Verifier, verify

__all__ = [
    "PASSES_MIME_TYPE",
    "PASS_MIME_TYPE",
    "Contents",
    "Identity",
    "PassBuilder",
    "RewriteResult",
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
    **dict.fromkeys(("PASSES_MIME_TYPE", "PASS_MIME_TYPE", "pack_passes", "verify_passes"), "pkpasses"),
    "Contents": "reading.contents",
    "Identity": "identity",
    "PassBuilder": "pkpass",
    "RewriteResult": "reading.rewriting",
    "Trust": "trust.chain",
    "read": "reading.contents",
    "rewrite": "reading.rewriting",
    "Verification": "verification.verifier",
    "Verifier": "verification.verifier",
    "verify": "verification.verifier",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'passwright.apple' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"passwright.apple.{_HOMES[name]}"), name)
    return globals()[name]
