"""API keys: who may speak for an organisation.

A key is shown once, when it is made. What is kept is its keyed hash: neither the
database nor a copy of it tells a key, and there is nothing to guess.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import replace
from hmac import compare_digest
from typing import TYPE_CHECKING
from uuid import UUID

from passwright.errors import NotFound
from passwright.service.store.protocol import ApiKey, Organisation
from passwright.service.vault import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from passwright.service.context import ServiceContext

__all__ = ["PREFIX", "add", "find_api_key", "list_api_keys", "new_organisation", "revoke", "set_binding"]

# So that people and programs that look for leaked secrets know one when they see it.
PREFIX = "pw_"
_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{32}}")
_RANDOM_BYTES = 24


def new_organisation(context: ServiceContext, name: str, *, binding: bool = True) -> Organisation:
    """Keeps a new organisation; `binding` lets it bind passes to a person."""
    made = Organisation(id=str(UUID(bytes=context.random(16), version=4)), name=name, binding=binding)
    with context.store.writing() as transaction:
        transaction.put_organisation(made)
    return made


def set_binding(context: ServiceContext, organisation: str, *, on: bool) -> Organisation:
    """Switches for an organisation whether new passes may be bound; passes that are bound stay so.

    Raises:
        NotFound: there is no such organisation.
    """
    with context.store.writing() as transaction:
        was = transaction.organisation(organisation)
        if was is None:
            raise NotFound("there is no such organisation")
        now = replace(was, binding=on)
        transaction.put_organisation(now)
    return now


def add(context: ServiceContext, organisation: str, name: str, *, at: datetime) -> tuple[str, ApiKey]:
    """Creates a key for an organisation, and returns the key with the stored record. `name` helps to find
    it in a list.

    Raises:
        NotFound: there is no such organisation.
    """
    text = PREFIX + urlsafe_b64encode(context.random(_RANDOM_BYTES)).decode("ascii")
    kept = ApiKey(
        id=str(UUID(bytes=context.random(16), version=4)),
        organisation=organisation,
        key_hash=context.vault.hash(Purpose.API_KEY, text),
        name=name,
        created_at=at,
    )
    with context.store.writing() as transaction:
        if transaction.organisation(organisation) is None:
            raise NotFound("there is no such organisation")
        transaction.add_api_key(kept)
    return text, kept


def find_api_key(context: ServiceContext, text: str) -> ApiKey | None:
    """The key with this text, unless it is unknown or revoked.

    Which of the two it is shows neither in the answer nor in the time it takes:
    both are looked up by a hash that nobody can steer.
    """
    shaped = _KEY.fullmatch(text) is not None
    wanted = context.vault.hash(Purpose.API_KEY, text if shaped else "")
    with context.store.reading() as transaction:
        kept = transaction.api_key(wanted)
    good = kept is not None and compare_digest(kept.key_hash, wanted) and kept.revoked_at is None
    return kept if good and shaped else None


def list_api_keys(context: ServiceContext) -> Sequence[tuple[Organisation, Sequence[ApiKey]]]:
    """Every organisation with its keys, from the oldest on."""
    with context.store.reading() as transaction:
        keys = transaction.api_keys()
        return [
            (each, [key for key in keys if key.organisation == each.id])
            for each in transaction.organisations()
        ]


def revoke(context: ServiceContext, key_id: str, *, at: datetime) -> ApiKey:
    """Ends a key at once.

    Raises:
        NotFound: there is no such key.
    """
    with context.store.writing() as transaction:
        for key in transaction.api_keys():
            if key.id == key_id:
                transaction.revoke_api_key(key.organisation, key_id, at=at)
                return key
    raise NotFound("there is no such key")
