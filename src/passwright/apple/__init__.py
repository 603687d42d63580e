"""Apple Wallet: signed .pkpass files, built, read and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.lazy import lazy_names

if TYPE_CHECKING:
    from passwright.apple.builder import PassBuilder
    from passwright.apple.identity import Identity
    from passwright.apple.pkpasses import PASS_MIME_TYPE, PASSES_MIME_TYPE, pack_passes, verify_passes
    from passwright.apple.reading.contents import Contents, read
    from passwright.apple.reading.rewriting import RewriteResult, rewrite
    from passwright.apple.reading.to_template import template_from_pkpass
    from passwright.apple.trust.anchors import Trust
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
    "template_from_pkpass",
    "verify",
    "verify_passes",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "builder": ("PassBuilder",),
        "identity": ("Identity",),
        "pkpasses": ("PASSES_MIME_TYPE", "PASS_MIME_TYPE", "pack_passes", "verify_passes"),
        "reading.contents": ("Contents", "read"),
        "reading.rewriting": ("RewriteResult", "rewrite"),
        "reading.to_template": ("template_from_pkpass",),
        "trust.anchors": ("Trust",),
        "verification.verifier": ("Verification", "Verifier", "verify"),
    },
)
