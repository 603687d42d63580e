"""Google Wallet: classes, objects, save links, and the API that holds them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passwright.google.api.client import Client
    from passwright.google.issuer import Issuer
    from passwright.google.reading.token import Token, read
    from passwright.google.savelink import Link, PassBuilder

__all__ = ["Client", "Issuer", "Link", "PassBuilder", "Token", "read"]

_HOMES = {
    "Client": "api.client",
    "Issuer": "issuer",
    "Link": "savelink",
    "PassBuilder": "savelink",
    "Token": "reading.token",
    "read": "reading.token",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'passwright.google' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"passwright.google.{_HOMES[name]}"), name)
    return globals()[name]
