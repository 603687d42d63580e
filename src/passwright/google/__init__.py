"""Google Wallet: classes, objects, save links, and the API that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.lazy import lazy_names

if TYPE_CHECKING:
    from passwright.google.api.client import Client
    from passwright.google.builder import PassBuilder
    from passwright.google.issuer import Issuer
    from passwright.google.link import SaveLink
    from passwright.google.reading.token import Token, read

__all__ = ["Client", "Issuer", "PassBuilder", "SaveLink", "Token", "read"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "api.client": ("Client",),
        "builder": ("PassBuilder",),
        "issuer": ("Issuer",),
        "link": ("SaveLink",),
        "reading.token": ("Token", "read"),
    },
)
