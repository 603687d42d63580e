"""The contract of a store of passes, as a program that tests it.

    check_store(functools.partial(SqlStore, "sqlite:///passes.db"))

Every promise has a name, and a store that breaks one is told which.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from passwright.errors import AlreadyExists, NotFound, StaleBinding, StoreError
from passwright.service.store.protocol import (
    Address,
    ApiKey,
    Download,
    Event,
    Organisation,
    Page,
    PassFilter,
    PassStatus,
    StoredBinding,
    StoredCredential,
    StoredPass,
    StoredResponse,
    StoredTemplate,
)
from passwright.testing import store_races
from passwright.testing.store_fixtures import (
    AT,
    SECOND,
    Broken,
    StoreFixture,
    bound_on_apple,
    change,
    locked_to_apple,
    locked_to_google,
    must,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright.service.store.protocol import Store, Transaction

__all__ = ["check_store"]

_RACE = "of two platforms exactly one gets a pass"


def check_store(
    make_store: Callable[[], Store],
    *,
    raw: Callable[[], bytes] | None = None,
    passes: int = 20,
    clients: int = 8,
) -> None:
    """A store keeps what the service relies on.

    `make_store` opens the same database each time, and can be pickled: some
    clients are processes of their own. `raw` answers everything that the
    database has written anywhere, to look for what was purged. `passes` and
    `clients` say how many times and how hard it is raced for. The database may
    hold other organisations; what the check writes belongs to new ones.

    A store is good when
      1. every record comes back as it went in,
      2. an exception undoes its whole transaction, and reading changes nothing,
      3. one reader sees one state, whatever others write meanwhile,
      4. records of other organisations don't exist,
      5. what has to be unique is, and an external id is free again after the end of its pass,
      6. what changed since it was read is not overwritten,
      7. of two platforms exactly one gets a pass, between threads and between processes,
      8. a ticket is used once, between threads too,
      9. a purge leaves nothing of an address,
     10. lists have an order, an end, and what was asked for,
     11. what was answered, noted and counted stays as it was,
     12. all of it is there when the store is opened again.

    Raises:
        AssertionError: names the promise that is broken.
    """
    __tracebackhide__ = True
    store = make_store()
    try:
        for promise, check in _PROMISES.items():
            _check_stored(promise, check, StoreFixture.new(store, raw))
        _check_stored(_RACE, store_races.threads, StoreFixture.new(store, raw), passes, clients)
        again = f"{_RACE}, between processes too"
        _check_stored(again, store_races.processes, StoreFixture.new(store, raw), make_store, passes)
        _check_stored("a ticket is used once", store_races.ticket, StoreFixture.new(store, raw), clients)
        reopened = StoreFixture.new(store, raw)
        kept = _everything(reopened)
    finally:
        store.close()
    store = make_store()
    try:
        _check_stored(
            "what was written is there when the store is opened again", _check_everything, store, kept
        )
    finally:
        store.close()


def _check_stored(promise: str, check: Callable[..., None], *given: Any) -> None:
    __tracebackhide__ = True
    try:
        check(*given)
    except Broken as broken:
        raise AssertionError(f"{promise}: {broken}") from None
    except StoreError as exc:
        raise AssertionError(f"{promise}: the store raised {type(exc).__name__}: {exc}") from exc


# --- promises -----------------------------------------------------------------


def _round_trip(place: StoreFixture) -> None:
    kept = _everything(place)
    _check_everything(place.store, kept)


@dataclass(frozen=True)
class _Everything:
    """One of each record."""

    organisation: Organisation
    key: ApiKey
    template: StoredTemplate
    pass_: StoredPass
    bindings: tuple[StoredBinding, ...]
    event: Event
    download: Download
    answer: StoredResponse


def _everything(place: StoreFixture) -> _Everything:
    """One of each record, every member in use, written to the store."""
    organisation = Organisation(id=place.organisation, name="Name 2", binding=False)
    key = ApiKey(
        id=str(uuid4()),
        organisation=place.organisation,
        key_hash=secrets.token_bytes(32),
        name="Büro",
        created_at=AT,
        revoked_at=AT + SECOND,
    )
    pass_ = place.added(
        ext_id=f"E-{secrets.token_hex(8)}", status=PassStatus.ACTIVE, expires_at=AT + SECOND, version=7
    )
    waiting, google = place.bound(), place.bound()
    apple = place.bound()
    states = [(google, locked_to_google(google)), (apple, locked_to_apple(apple))]
    pending = states[1][1]
    states.append(
        (
            pending,
            bound_on_apple(pending, StoredCredential(secrets.token_urlsafe(20), {"counter": 3, "k": "ü"})),
        )
    )
    event = Event(pass_id=pass_.id, version=3, kind="Apple download", outcome="platform_locked", at=AT)
    download = Download(token_hash=secrets.token_bytes(32), pass_id=pass_.id, expires_at=AT)
    answer = StoredResponse(
        organisation=place.organisation,
        key_hash=secrets.token_bytes(32),
        fingerprint=secrets.token_bytes(32),
        pass_id=pass_.id,
        body={"data": {"id": pass_.id, "x": None, "ü": [1, "two"]}},
        created_at=AT,
    )
    with place.store.writing() as transaction:
        transaction.put_organisation(organisation)
        transaction.add_api_key(key)
        for was, now in states:
            transaction.change_binding(was, now)
        transaction.add_event(event)
        transaction.add_download(download)
        transaction.add_answer(answer)
    bindings = (waiting, states[0][1], states[2][1])
    return _Everything(organisation, key, place.template, pass_, bindings, event, download, answer)


def _check_everything(store: Store, kept: _Everything) -> None:
    organisation = kept.organisation.id
    with store.reading() as transaction:
        found: list[tuple[object, object]] = [
            (kept.organisation, transaction.organisation(organisation)),
            (kept.key, transaction.api_key(kept.key.key_hash)),
            (kept.template, transaction.template(organisation, kept.template.id)),
            (kept.pass_, transaction.pass_(organisation, kept.pass_.id)),
            (kept.pass_, transaction.pass_(organisation, kept.pass_.ext_id or "")),
            (kept.pass_, transaction.pass_by_link(kept.pass_.link_hash)),
            (kept.pass_, transaction.pass_of(kept.pass_.id)),
            (kept.download, transaction.download(kept.download.token_hash)),
            (kept.answer, transaction.answer(organisation, kept.answer.key_hash, since=AT)),
            ([kept.event], list(transaction.events(kept.pass_.id))),
            *((each, transaction.binding(each.pass_id)) for each in kept.bindings),
            (
                {each.pass_id: each for each in kept.bindings},
                dict(transaction.bindings([each.pass_id for each in kept.bindings])),
            ),
        ]
        for wanted, there in found:
            must(wanted == there, f"a {type(wanted).__name__} came back otherwise, or not at all")
        must(transaction.binding(kept.pass_.id) is None, "a pass without a binding has one")
        must(transaction.pass_by_link(b"\0" * 32) is None, "a link without an owner found a pass")


def _rollback(place: StoreFixture) -> None:
    made, was = place.pass_(), place.bound()

    def half() -> None:
        with place.store.writing() as transaction:
            transaction.add_pass(made)
            transaction.change_binding(was, locked_to_apple(was))
            raise _Undone

    with refused(_Undone, "an exception inside a transaction was kept from its caller"):
        half()
    with place.store.reading() as transaction:
        there = transaction.pass_(place.organisation, made.id)
        must(there is None, "what was added before the exception is there")
        same = transaction.binding(was.pass_id) == was
        must(same, "what was changed before the exception is not as it was")


class _Undone(Exception):
    """Raised inside a transaction to undo it."""


def _reading(place: StoreFixture) -> None:
    made = place.pass_()
    with (
        refused(StoreError, "a transaction for reading let something be added"),
        place.store.reading() as transaction,
    ):
        transaction.add_pass(made)
    with place.store.reading() as transaction:
        must(transaction.pass_(place.organisation, made.id) is None, "what a reader added is there")


def _snapshot(place: StoreFixture) -> None:
    was = place.bound()
    with place.store.reading() as transaction:
        before = transaction.binding(was.pass_id)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(change, place.store, was, locked_to_google(was)).result()
        must(
            transaction.binding(was.pass_id) == before, "a reader saw a change that came after its first look"
        )
    must(place.read(was.pass_id) != before, "a change was not there for the next reader")


def _isolation(place: StoreFixture) -> None:
    kept, other = _everything(place), StoreFixture.new(place.store, place.raw)
    foreign = other.organisation
    with place.store.reading() as transaction:
        found: list[tuple[str, object]] = [
            ("a template", transaction.template(foreign, kept.template.id)),
            ("a pass by its id", transaction.pass_(foreign, kept.pass_.id)),
            ("a pass by its external id", transaction.pass_(foreign, kept.pass_.ext_id or "")),
            ("passes", transaction.passes(foreign, PassFilter(), Page())[1]),
            ("an answer", transaction.answer(foreign, kept.answer.key_hash, since=AT)),
        ]
        must(
            [each.id for each in transaction.templates(foreign, Page())[0]] == [other.template.id],
            "templates of another organisation are listed",
        )
    for what, there in found:
        must(not there, f"{what} of another organisation can be found")
    moved = replace(kept.pass_, organisation=foreign)
    with (
        refused(StaleBinding, "a pass of another organisation was changed"),
        place.store.writing() as transaction,
    ):
        transaction.change_pass(moved, replace(moved, status=PassStatus.NULLIFIED))
    with (
        refused(NotFound, "a key of another organisation was revoked"),
        place.store.writing() as transaction,
    ):
        transaction.revoke_api_key(foreign, kept.key.id, at=AT)


def _uniqueness(place: StoreFixture) -> None:
    first = place.added(ext_id="same")
    for name in ("id", "serial", "link_hash", "ext_id"):
        with refused(AlreadyExists, f"two passes have one {name}"):
            place.added(**{name: getattr(first, name)})
    elsewhere = StoreFixture.new(place.store, place.raw)
    elsewhere.added(ext_id="same")
    ended = replace(first, status=PassStatus.NULLIFIED, version=2)
    with place.store.writing() as transaction:
        transaction.change_pass(first, ended)
        must(
            transaction.pass_(place.organisation, "same") == ended,
            "a nullified pass is not found by its external id",
        )
    second = place.added(ext_id="same")
    with place.store.reading() as transaction:
        found = transaction.pass_(place.organisation, "same")
    must(found == second, "an external id that is used again doesn't lead to the live pass")
    with (
        refused(AlreadyExists, "a nullified pass came back to an external id that is taken"),
        place.store.writing() as transaction,
    ):
        transaction.change_pass(ended, replace(ended, status=PassStatus.ISSUED, version=3))
    _credentials(place)


def _credentials(place: StoreFixture) -> None:
    credential = StoredCredential(secrets.token_urlsafe(20), {})
    first, second = locked_to_apple(a := place.bound()), locked_to_apple(b := place.bound())
    with place.store.writing() as transaction:
        must(not transaction.knows_credential(credential.id or ""), "a credential is known before it is kept")
        transaction.change_binding(a, first)
        transaction.change_binding(b, second)
        transaction.change_binding(first, bound_on_apple(first, credential))
        must(transaction.knows_credential(credential.id or ""), "a credential that is kept is not known")
    with refused(AlreadyExists, "one credential belongs to two passes"):
        change(place.store, second, bound_on_apple(second, credential))
    must(place.read(second.pass_id) == second, "a credential that was refused changed the binding")
    for each in (place.bound(), place.bound()):  # None is not a credential id that could be taken
        pending = locked_to_apple(each)
        change(place.store, each, pending)
        change(place.store, pending, bound_on_apple(pending, StoredCredential(None, {})))


def _compare_and_set(place: StoreFixture) -> None:
    was = place.bound()
    google, apple = locked_to_google(was), locked_to_apple(was)
    change(place.store, was, google)
    with refused(StaleBinding, "a binding that changed since it was read was overwritten"):
        change(place.store, was, apple)
    other = replace(google, status=replace(google.status, version=google.status.version + 1))
    with refused(StaleBinding, "a binding of another version was overwritten"):
        change(place.store, other, other)
    waiting = place.bound()
    locked = replace(locked_to_google(waiting), status=replace(locked_to_google(waiting).status, version=1))
    with refused(StaleBinding, "a binding with another platform was overwritten"):
        change(place.store, locked, locked)
    must(place.read(was.pass_id) == google, "a refused change left something behind")
    pass_ = place.added()
    now = replace(pass_, status=PassStatus.ACTIVE, version=2)
    template = replace(place.template, name="other", version=2)
    with place.store.writing() as transaction:
        transaction.change_pass(pass_, now)
        transaction.change_template(place.template, template)
    with refused(StaleBinding, "a pass that changed was overwritten"), place.store.writing() as transaction:
        transaction.change_pass(pass_, replace(pass_, version=2))
    with (
        refused(StaleBinding, "a template that changed was overwritten"),
        place.store.writing() as transaction,
    ):
        transaction.change_template(place.template, template)


def _purge(place: StoreFixture) -> None:
    purged, left = [place.bound() for _ in range(6)], [place.bound() for _ in range(3)]
    for was in purged:
        change(place.store, was, locked_to_apple(was))
    keys = {was.pass_id for was in purged}
    for was in purged:
        now = place.read(was.pass_id)
        must(now is not None and now.address is None, "a purged address is still with its binding")
    for was in left:
        must(place.read(was.pass_id) == was, "the purge of one address took another with it")
    with place.store.writing() as transaction:
        must(
            not keys & {name for _, name, _ in _all_addresses(transaction)},
            "a purged address is still listed",
        )
        for was in purged:
            assert was.address is not None  # noqa: S101 -- `bound` gives one
            put = transaction.reseal(was.pass_id, was.address.sealed, b"new")
            must(not put, "a purged address was sealed again")
    _reseal(place, left[0])
    if place.raw is None:
        return
    everything = place.raw()
    for was in purged:
        assert was.address is not None  # noqa: S101 -- `bound` gives one
        for what, secret in (("ciphertext", was.address.sealed[:16]), ("mask", was.address.mask.encode())):
            must(secret not in everything, f"the {what} of a purged address is still in the files")


def _reseal(place: StoreFixture, was: StoredBinding) -> None:
    assert was.address is not None  # noqa: S101 -- `bound` gives one
    sealed = secrets.token_bytes(len(was.address.sealed) + 40)
    with place.store.writing() as transaction:
        must(
            not transaction.reseal(was.pass_id, b"other", sealed), "an address that changed was sealed again"
        )
        must(transaction.reseal(was.pass_id, was.address.sealed, sealed), "an address was not sealed again")
    now = place.read(was.pass_id)
    must(
        now == replace(was, address=Address(sealed, was.address.mask)),
        "an address was lost in sealing it again",
    )


def _all_addresses(transaction: Transaction) -> Iterator[tuple[str, str, bytes]]:
    after = ""
    while found := transaction.addresses(after=after, limit=4):
        must(len(found) <= 4, "more addresses were listed than asked for")  # noqa: PLR2004 -- the limit above
        must(found[-1][1] > after, "the list of addresses doesn't move on")
        yield from found
        after = found[-1][1]


def _lists(place: StoreFixture) -> None:
    made = [
        place.added(
            created_at=AT + each * SECOND,
            ext_id=f"n-{each}",
            status=PassStatus.ACTIVE if each % 2 else PassStatus.ISSUED,
        )
        for each in range(7)
    ]
    was = place.bound(created_at=AT - SECOND)
    change(place.store, was, locked_to_google(was))
    pending = place.bound(created_at=AT - 2 * SECOND)
    change(place.store, pending, locked_to_apple(pending))
    newest = [each.id for each in reversed(made)]
    everything = [*newest, was.pass_id, pending.pass_id]
    wanted = [
        (PassFilter(), everything),
        (
            PassFilter(status=PassStatus.ACTIVE),
            [each.id for each in reversed(made) if each.status is PassStatus.ACTIVE],
        ),
        (PassFilter(ext_id="n-3"), [made[3].id]),
        (PassFilter(template=str(uuid4())), []),
        (PassFilter(template=place.template.id, platform="google"), [was.pass_id]),
        (PassFilter(platform="apple"), [pending.pass_id]),
        (PassFilter(bound=True), [was.pass_id]),
        (PassFilter(bound=False), [*newest, pending.pass_id]),
        (PassFilter(platform="apple", bound=False), [pending.pass_id]),
        (PassFilter(platform="apple", bound=True), []),
    ]
    with place.store.reading() as transaction:
        for asked, ids in wanted:
            found, total = transaction.passes(place.organisation, asked, Page(size=100))
            must(
                [each.id for each in found] == ids and total == len(ids),
                f"{asked} found others, or in another order",
            )
        pages = [
            transaction.passes(place.organisation, PassFilter(), Page(number, 4))[0]
            for number in (1, 2, 3, 4)
        ]
        must([each.id for page in pages for each in page] == everything, "pages repeat or lose passes")
        must([len(page) for page in pages] == [4, 4, 1, 0], "pages have other sizes than asked for")
        listed, total = transaction.templates(place.organisation, Page())
        must(
            [each.id for each in listed] == [place.template.id] and total == 1,
            "templates are listed otherwise",
        )


def _log(place: StoreFixture) -> None:
    pass_, kind = place.added(), "Apple download"
    with place.store.writing() as transaction:
        for each in (3, 1, 2):
            event = Event(pass_id=pass_.id, version=each, kind=kind, outcome="done", at=AT + each * SECOND)
            transaction.add_event(event)
        transaction.add_event(Event(pass_id=pass_.id, version=4, kind="other", outcome="done", at=AT))
    with place.store.reading() as transaction:
        versions = [each.version for each in transaction.events(pass_.id)]
        must(versions == [3, 1, 2, 4], "events come back in another order than they were noted in")
        count = transaction.count_events(pass_.id, kind, since=AT + 2 * SECOND, until=AT + 3 * SECOND)
        must(count == 2, "events are counted otherwise than by kind and time")  # noqa: PLR2004 -- the third and the second
    answer = StoredResponse(
        organisation=place.organisation,
        key_hash=b"k" * 32,
        fingerprint=b"f" * 32,
        pass_id=None,
        body={},
        created_at=AT,
    )
    ticket = Download(token_hash=secrets.token_bytes(32), pass_id=pass_.id, expires_at=AT)
    with place.store.writing() as transaction:
        transaction.add_answer(answer)
        transaction.add_download(ticket)
        transaction.sweep(answers_before=AT, downloads_before=AT)
    with (
        refused(AlreadyExists, "a second answer took the place of the first"),
        place.store.writing() as transaction,
    ):
        transaction.add_answer(replace(answer, body={"other": True}))
    with place.store.writing() as transaction:
        must(
            transaction.answer(place.organisation, answer.key_hash, since=AT) == answer,
            "an answer was swept too early",
        )
        late = transaction.answer(place.organisation, answer.key_hash, since=AT + SECOND)
        must(late is None, "an answer is found that is too old")
        must(transaction.download(ticket.token_hash) == ticket, "a ticket was swept too early")
        transaction.sweep(answers_before=AT + SECOND, downloads_before=AT + SECOND)
        must(
            transaction.answer(place.organisation, answer.key_hash, since=AT) is None,
            "an old answer was not swept",
        )
        must(transaction.download(ticket.token_hash) is None, "an old ticket was not swept")


_PROMISES: dict[str, Callable[[StoreFixture], None]] = {
    "every record comes back as it went in": _round_trip,
    "an exception undoes its whole transaction": _rollback,
    "reading changes nothing": _reading,
    "one reader sees one state": _snapshot,
    "records of other organisations don't exist": _isolation,
    "what has to be unique is": _uniqueness,
    "what changed since it was read is not overwritten": _compare_and_set,
    "a purge leaves nothing of an address": _purge,
    "lists have an order, an end, and what was asked for": _lists,
    "what was answered, noted and counted stays as it was": _log,
}
