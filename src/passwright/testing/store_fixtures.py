"""Fixtures of the store contract: an organisation of its own, and passes and bindings in it."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from passwright.binding import lifecycle
from passwright.binding.binding import Binding
from passwright.binding.lifecycle import Effect
from passwright.service.store.protocol import (
    Address,
    Organisation,
    StoredBinding,
    StoredCredential,
    StoredPass,
    StoredTemplate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright.binding.lifecycle import Status
    from passwright.service.store.protocol import Store

__all__ = [
    "AT",
    "SECOND",
    "Broken",
    "StoreFixture",
    "bound_on_apple",
    "change",
    "locked_to_apple",
    "locked_to_google",
    "must",
    "refused",
]

# A moment with microseconds, which some databases round.
AT = datetime(2026, 6, 1, 12, 30, 15, 123457, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEARN_MORE = "https://support.example.com/pass-help?für=dich"


class Broken(Exception):
    """A promise that was not kept, and how one sees it."""


def must(held: object, otherwise: str) -> None:
    """Asks for something to hold.

    Raises:
        Broken: it does not; `otherwise` is what one sees.
    """
    if not held:
        raise Broken(otherwise)


@contextmanager
def refused(expected: type[Exception], otherwise: str) -> Iterator[None]:
    """Asks for this exception to end the block.

    Raises:
        Broken: nothing was raised.
    """
    try:
        yield
    except expected:
        return
    raise Broken(otherwise)


@dataclass(frozen=True)
class StoreFixture:
    """A new organisation with a template, in a store."""

    store: Store
    raw: Callable[[], bytes] | None
    organisation: str
    template: StoredTemplate

    @classmethod
    def new(cls, store: Store, raw: Callable[[], bytes] | None) -> StoreFixture:
        """Another place in this store."""
        organisation = str(uuid4())
        template = StoredTemplate(
            id=str(uuid4()),
            organisation=organisation,
            name="Клуб кофе",
            kind="loyalty",
            archive=secrets.token_bytes(3000),
            created_at=AT,
            changed_at=AT,
        )
        with store.writing() as transaction:
            transaction.put_organisation(Organisation(id=organisation, name="Ünïcode & Söhne"))
            transaction.add_template(template)
        return cls(store, raw, organisation, template)

    def pass_(self, **given: Any) -> StoredPass:
        """A pass that is not kept yet."""
        members: dict[str, Any] = {
            "id": str(uuid4()),
            "organisation": self.organisation,
            "template": self.template.id,
            "serial": secrets.token_hex(16),
            "link_hash": secrets.token_bytes(32),
            "content": {"values": {"fullName": "Jürgen 😀", "points": 3}, "nfc": None},
            "created_at": AT,
            "changed_at": AT,
        }
        return StoredPass(**{**members, **given})

    def added(self, **given: Any) -> StoredPass:
        """A pass that is kept."""
        made = self.pass_(**given)
        with self.store.writing() as transaction:
            transaction.add_pass(made)
        return made

    def bound(self, **given: Any) -> StoredBinding:
        """The binding of a pass that is kept, with an address that nobody else has."""
        made = self.added(**given)
        secret = secrets.token_bytes(300)
        address = Address(secret, f"m***@{secrets.token_hex(8)}.example")
        binding = StoredBinding(
            pass_id=made.id, organisation=self.organisation, status=_created(), address=address
        )
        with self.store.writing() as transaction:
            transaction.add_binding(binding)
        return binding

    def read(self, pass_id: str) -> StoredBinding | None:
        """The binding of a pass as it is now."""
        with self.store.reading() as transaction:
            return transaction.binding(pass_id)


def _created() -> Status:
    return lifecycle.advance(None, lifecycle.Create(Binding("a@b.example", LEARN_MORE)), at=AT).status


def locked_to_google(was: StoredBinding, *, at: datetime = AT) -> StoredBinding:
    """The binding after the download for Google."""
    step = lifecycle.advance(was.status, lifecycle.GoogleDownload(), at=at)
    return replace(was, status=step.status, google_issued_at=at)


def locked_to_apple(was: StoredBinding, *, at: datetime = AT) -> StoredBinding:
    """The binding after Apple's ceremony has begun: its address is gone."""
    step = lifecycle.advance(was.status, lifecycle.AppleBegin(secrets.token_urlsafe(24)), at=at)
    purged = None if Effect.PURGE_EMAIL in step.effects else was.address
    return replace(was, status=step.status, address=purged, ceremony={"challenge": "ß"})


def bound_on_apple(was: StoredBinding, credential: StoredCredential) -> StoredBinding:
    """The binding after a device has completed the ceremony that `was` waits in."""
    assert was.status.open_attempt is not None  # noqa: S101 -- `locked_to_apple` has opened one
    event = lifecycle.AppleComplete(was.status.open_attempt.id, "ab" * 32, proof_ok=True)
    step = lifecycle.advance(was.status, event, at=AT + SECOND)
    return replace(was, status=step.status, ceremony=None, credential=credential)


def change(store: Store, was: StoredBinding, now: StoredBinding) -> None:
    """One binding in the place of another, in a transaction of its own."""
    with store.writing() as transaction:
        transaction.change_binding(was, now)
