"""Templates compiled for one identity or issuer."""

from __future__ import annotations

__all__ = ["TEMPLATE_CACHE_SIZE"]

TEMPLATE_CACHE_SIZE = 32
"""How many compiled templates a builder keeps: those used last."""
