"""Races that a store has to decide: threads and processes that want the same pass, or the same ticket."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from passwright.errors import StaleBinding
from passwright.service.store.protocol import Download
from passwright.testing.store_fixtures import AT, change, locked_to_apple, locked_to_google, must

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.service.store.protocol import Store, StoredBinding
    from passwright.testing.store_fixtures import StoreFixture

__all__ = ["processes", "threads", "ticket"]


def threads(place: StoreFixture, passes: int, clients: int) -> None:
    """Lets threads race for a pass, half of them for each platform, again and again."""
    for _ in range(passes):
        was, barrier = place.bound(), threading.Barrier(clients)

        def run(number: int, was: StoredBinding = was, barrier: threading.Barrier = barrier) -> str | None:
            barrier.wait(60)
            return _lock_by_threads(place.store, was.pass_id, apple=number % 2 == 1)

        with ThreadPoolExecutor(clients) as pool:
            _check_winner(place, was, list(pool.map(run, range(clients))))


def processes(place: StoreFixture, make_store: Callable[[], Store], passes: int) -> None:
    """Two processes, one for each platform, race for pass after pass."""
    ids = [place.bound().pass_id for _ in range(passes)]
    context = get_context("spawn")
    start, results = context.Barrier(2), context.SimpleQueue()
    racers = [
        context.Process(target=_race_in_process, args=(make_store, ids, platform, start, results))
        for platform in ("google", "apple")
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    must(all(racer.exitcode == 0 for racer in racers), "a process could not use it: standard error says why")
    outcomes = [results.get() for _ in racers]
    for pass_id, *won in zip(ids, *outcomes, strict=True):
        was = place.read(pass_id)
        must(was is not None, "a pass that was raced for is gone")
        must(sum(each is not None for each in won) == 1, f"{sum(map(bool, won))} processes got one pass")


def _race_in_process(
    make_store: Callable[[], Store], ids: list[str], platform: str, start: Any, results: Any
) -> None:
    store = make_store()
    try:
        won = []
        for pass_id in ids:
            start.wait(60)
            won.append(_lock_by_threads(store, pass_id, apple=platform == "apple"))
        results.put(won)
    finally:
        store.close()


def _lock_by_threads(store: Store, pass_id: str, *, apple: bool) -> str | None:
    """The platform, if this client got the pass for it."""
    with store.reading() as transaction:
        was = transaction.binding(pass_id)
    if was is None or was.status.platform is not None:
        return None
    now = locked_to_apple(was) if apple else locked_to_google(was)
    try:
        change(store, was, now)
    except StaleBinding:
        return None
    return now.status.platform


def _check_winner(place: StoreFixture, was: StoredBinding, outcomes: list[str | None]) -> None:
    won = [each for each in outcomes if each is not None]
    must(len(won) == 1, f"{len(won)} of {len(outcomes)} clients got one pass")
    now = place.read(was.pass_id)
    must(now is not None and now.status.platform == won[0], "the pass is not on the platform that got it")
    must(
        now is not None and now.status.version == was.status.version + 1,
        "one step made more than one version",
    )
    kept = now is not None and now.address is not None
    must(kept is (won[0] == "google"), "lock and purge did not happen together")


def ticket(place: StoreFixture, clients: int) -> None:
    """Lets threads race for the one download of a ticket."""
    pass_, barrier = place.added(), threading.Barrier(clients)
    ticket = Download(token_hash=secrets.token_bytes(32), pass_id=pass_.id, expires_at=AT)
    with place.store.writing() as transaction:
        transaction.add_download(ticket)

    def run(_: int) -> bool:
        barrier.wait(60)
        with place.store.writing() as transaction:
            return transaction.use_download(ticket.token_hash, at=AT)

    with ThreadPoolExecutor(clients) as pool:
        used = sum(pool.map(run, range(clients)))
    must(used == 1, f"it was used {used} times")
    with place.store.reading() as transaction:
        must(
            transaction.download(ticket.token_hash) == replace(ticket, used_at=AT),
            "it doesn't say when it was used",
        )
    with place.store.writing() as transaction:
        must(not transaction.use_download(b"\0" * 32, at=AT), "a ticket that is not there was used")
