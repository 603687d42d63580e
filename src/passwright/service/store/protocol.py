"""Records of the service, and the protocol of a store for them.

Records are frozen values. A `Store` hands out transactions; a `Transaction`
either happens whole or not at all. `passwright.testing.store_contract.check_store` is
the contract as a program.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from passwright.binding.lifecycle import Platform, Status

__all__ = [
    "MAX_PAGE",
    "MAX_PAGE_NUMBER",
    "Address",
    "ApiKey",
    "Download",
    "Event",
    "Organisation",
    "Page",
    "PassFilter",
    "PassStatus",
    "Store",
    "StoredBinding",
    "StoredCredential",
    "StoredPass",
    "StoredResponse",
    "StoredTemplate",
    "Transaction",
]

# The largest page that does not slow down other requests.
MAX_PAGE = 100
# A database counts off what comes before a page.
MAX_PAGE_NUMBER = 10_000


class PassStatus(enum.Enum):
    """The state of a pass. It is independent of the binding."""

    ISSUED = "issued"
    ACTIVE = "active"
    REMOVED = "removed"
    DEACTIVATED = "deactivated"
    NULLIFIED = "nullified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Whom passes belong to. `binding`: it may bind passes to a person."""

    id: str
    name: str
    binding: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A bearer key of one organisation. Only its keyed hash is kept."""

    id: str
    organisation: str
    key_hash: bytes = field(repr=False)
    name: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTemplate:
    """A template as the zip of its folder. `version` counts its changes."""

    id: str
    organisation: str
    name: str
    kind: str
    archive: bytes = field(repr=False)
    created_at: datetime
    changed_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPass:
    """One pass. `content` is what the issuer gave, as JSON; `rendering` makes a pass of it.

    `serial` is the same in both wallets for the pass's whole life. `link_hash`
    is the keyed hash of the token in its public link. `expires_at` stands in
    `content` too and is kept apart so that a download needs no rendering to be
    refused. `deactivated_at` is None for a pass that is not deactivated.
    """

    id: str
    organisation: str
    template: str
    serial: str
    link_hash: bytes = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    ext_id: str | None = None
    status: PassStatus = PassStatus.ISSUED
    expires_at: datetime | None = None
    created_at: datetime
    changed_at: datetime
    deactivated_at: datetime | None = None
    nullified_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A holder's address: sealed, and what may be shown of it. Both go in a purge."""

    sealed: bytes
    mask: str

    def __repr__(self) -> str:
        return "Address(<hidden>)"


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """The credential that a completed attempt leaves for the next download and every later version of the
    pass.

    `id` is unique among all passes of the service, or None where a provider has
    no such thing. `data` is the provider's own JSON.
    """

    id: str | None = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBinding:
    """The binding status of a pass, with the members that only a service stores.

    `address` is None once it was purged. `ceremony` is the provider's private
    state of the open attempt. `google_issued_at` dates the save link, so that
    the same link can be made again.
    """

    pass_id: str
    organisation: str
    status: Status
    address: Address | None = None
    ceremony: Mapping[str, Any] | None = field(default=None, repr=False)
    credential: StoredCredential | None = None
    google_issued_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a binding or a pass. `version` orders events; `at` is for people.

    `outcome` is "done", or the code of the refusal.
    """

    pass_id: str
    version: int
    kind: str
    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A ticket for one download of a pass file."""

    token_hash: bytes = field(repr=False)
    pass_id: str
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """The stored response to a request with an idempotency key, for its repeat.

    `fingerprint` is a keyed hash of method, path and body. `body` never holds
    the masked address: the repeat takes it from the live row of `pass_id`.
    """

    organisation: str
    key_hash: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    pass_id: str | None
    body: Mapping[str, Any] = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One part of a list: `number` counts from 1 to `MAX_PAGE_NUMBER`, `size` is 1 to `MAX_PAGE`.

    Raises:
        ValueError: a number or a size that makes no sense.
    """

    number: int = 1
    size: int = 25

    def __post_init__(self) -> None:
        if not (1 <= self.number <= MAX_PAGE_NUMBER and 1 <= self.size <= MAX_PAGE):
            raise ValueError(f"there are pages 1 to {MAX_PAGE_NUMBER} of 1 to {MAX_PAGE} entries")

    @property
    def offset(self) -> int:
        """The number of entries before this page."""
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFilter:
    """A filter of a list of passes; None does not filter."""

    status: PassStatus | None = None
    template: str | None = None
    ext_id: str | None = None
    bound: bool | None = None
    platform: Platform | None = None


class Transaction(Protocol):
    """Everything in it happens, or nothing does. Records of other organisations don't exist.

    Lookups answer None where there is nothing. `change_...` compare what was
    read with what is there now.
    """

    def organisation(self, organisation: str) -> Organisation | None:
        """The organisation of this id."""

    def put_organisation(self, organisation: Organisation) -> None:
        """Adds an organisation, or replaces what is known of it."""

    def organisations(self) -> Sequence[Organisation]:
        """Every organisation, by name."""

    def api_keys(self) -> Sequence[ApiKey]:
        """Every key of every organisation, from the oldest on, revoked ones too."""

    def api_key(self, key_hash: bytes) -> ApiKey | None:
        """The key with this keyed hash, revoked ones too."""

    def add_api_key(self, key: ApiKey) -> None:
        """Adds a key.

        Raises:
            AlreadyExists: there is one with this id or hash.
        """

    def revoke_api_key(self, organisation: str, key: str, *, at: datetime) -> None:
        """Ends a key; one that ended before keeps its date.

        Raises:
            NotFound: the organisation has no such key.
        """

    def template(self, organisation: str, template: str) -> StoredTemplate | None:
        """The template of this id."""

    def templates(self, organisation: str, page: Page) -> tuple[Sequence[StoredTemplate], int]:
        """Templates from the newest on, without their archives, and how many there are."""

    def add_template(self, template: StoredTemplate) -> None:
        """Adds a template.

        Raises:
            AlreadyExists: there is one with this id.
        """

    def change_template(self, was: StoredTemplate, now: StoredTemplate) -> None:
        """Puts `now` in the place of `was`.

        Raises:
            StaleBinding: it changed since it was read.
        """

    def pass_(self, organisation: str, name: str) -> StoredPass | None:
        """The pass with this id, else the one with this external id that is not nullified."""

    def pass_by_link(self, link_hash: bytes) -> StoredPass | None:
        """The pass whose public link has this keyed hash, of whatever organisation."""

    def pass_of(self, pass_id: str) -> StoredPass | None:
        """Returns the pass of this id, of any organisation: for the holder of a ticket."""

    def passes(
        self, organisation: str, pass_filter: PassFilter, page: Page
    ) -> tuple[Sequence[StoredPass], int]:
        """Passes from the newest on, and how many there are."""

    def add_pass(self, pass_: StoredPass) -> None:
        """Adds a pass.

        Raises:
            AlreadyExists: its id, serial, link or (among passes that are not nullified)
                external id is taken.
        """

    def change_pass(self, was: StoredPass, now: StoredPass) -> None:
        """Puts `now` in the place of `was`.

        Raises:
            StaleBinding: it changed since it was read.
        """

    def knows_credential(self, credential_id: str) -> bool:
        """Returns True if any pass, of any organisation, has a credential of this id."""

    def binding(self, pass_id: str) -> StoredBinding | None:
        """The binding of a pass; None for a pass that has none."""

    def bindings(self, pass_ids: Sequence[str]) -> Mapping[str, StoredBinding]:
        """The bindings of those of these passes that have one."""

    def add_binding(self, binding: StoredBinding) -> None:
        """Adds the binding of a pass that was added before."""

    def change_binding(self, was: StoredBinding, now: StoredBinding) -> None:
        """Puts `now` in the place of `was`, comparing version and platform of both statuses.

        Where `now` has no address any more, nothing of it stays in any file of
        the database: at the latest after the next transaction that finds no
        reader at work.

        Raises:
            StaleBinding: it changed since it was read; then nothing is written.
            AlreadyExists: the credential belongs to another pass.
        """

    def addresses(self, *, after: str, limit: int) -> Sequence[tuple[str, str, bytes]]:
        """Organisation, pass id and sealed address, by pass id, of those past `after`."""

    def reseal(self, pass_id: str, was: bytes, now: bytes) -> bool:
        """Puts one sealed address in the place of another; False when it is not there any more."""

    def events(self, pass_id: str) -> Sequence[Event]:
        """Returns the events of a pass, from the first on."""

    def count_events(self, pass_id: str, kind: str, *, since: datetime, until: datetime) -> int:
        """Returns the number of such events between these times."""

    def add_event(self, event: Event) -> None:
        """Notes what happened. Events are never changed."""

    def download(self, token_hash: bytes) -> Download | None:
        """The ticket with this keyed hash."""

    def add_download(self, download: Download) -> None:
        """Adds a ticket."""

    def use_download(self, token_hash: bytes, *, at: datetime) -> bool:
        """Marks a ticket as used; False when it was before, or is not there."""

    def answer(self, organisation: str, key_hash: bytes, *, since: datetime) -> StoredResponse | None:
        """Returns the response to a request of this organisation with this key, unless it is older than
        `since`.
        """

    def add_answer(self, answer: StoredResponse) -> None:
        """Keeps an answer.

        Raises:
            AlreadyExists: a request of this organisation with this key was answered meanwhile.
        """

    def sweep(self, *, answers_before: datetime, downloads_before: datetime) -> None:
        """Forgets answers and tickets that nobody can use any more."""


class Store(Protocol):
    """The store of the service. Many threads and processes use it at once."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only looks: one state of everything, kept from nobody."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that may change things. It ends whole, or an exception undoes all of it.

        Raises:
            StoreUnavailable: others kept writing for so long that waiting makes no sense.
        """

    def check(self) -> None:
        """Asks whether the store can be reached, is of the right version, and is durable.

        Raises:
            StoreError: they are not, and why.
        """

    def close(self) -> None:
        """Gives everything back. A closed store can't be used again."""
