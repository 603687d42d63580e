"""The contract of a store: ours keeps it, and one that breaks a promise is told which."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any

import pytest

from passwright.errors import StaleBinding
from passwright.service.store.sql import SqlStore
from passwright.testing.store_contract import check_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from passwright.service.store.protocol import StoredBinding


def raw(folder: Path) -> bytes:
    """Everything that SQLite has written there."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_the_store_in_sqlite_keeps_every_promise(tmp_path: Path) -> None:
    make = functools.partial(SqlStore, f"sqlite:///{tmp_path / 'passes.db'}")
    check_store(make, raw=lambda: raw(tmp_path), passes=10, clients=8)


@pytest.mark.long
def test_bnd_01_the_store_in_sqlite_keeps_every_promise_for_long(tmp_path: Path) -> None:
    """3,000 passes, sixteen clients for each."""
    make = functools.partial(SqlStore, f"sqlite:///{tmp_path / 'passes.db'}")
    check_store(make, raw=lambda: raw(tmp_path), passes=3000, clients=16)


class Bent:
    """A store like ours but for what its subclasses do with a transaction."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore(url)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with self.store.reading() as transaction:
            yield self.bent(transaction)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with self.store.writing() as transaction:
            yield self.bent(transaction)

    def bent(self, transaction: Any) -> Any:
        return transaction

    def check(self) -> None:
        self.store.check()

    def close(self) -> None:
        self.store.close()


class Over:
    """A transaction with some of its methods replaced."""

    def __init__(self, transaction: Any, **methods: Callable[..., Any]) -> None:
        self.__dict__.update(methods)
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)


class LastOneWins(Bent):
    """Writes whatever it is given, on top of whatever is there."""

    def bent(self, transaction: Any) -> Any:
        def change(was: StoredBinding, now: StoredBinding) -> None:
            transaction.change_binding(transaction.binding(was.pass_id), now)

        return Over(transaction, change_binding=change)


class KeepsTheAddress(Bent):
    """Changes the binding, and leaves the address where it is."""

    def bent(self, transaction: Any) -> Any:
        def change(was: StoredBinding, now: StoredBinding) -> None:
            transaction.change_binding(was, replace(now, address=was.address))

        return Over(transaction, change_binding=change)


class ShowsNoAddress(Bent):
    """Hides a purged address, and keeps it all the same."""

    def bent(self, transaction: Any) -> Any:
        def change(was: StoredBinding, now: StoredBinding) -> None:
            transaction.change_binding(was, replace(now, address=was.address))

        def binding(pass_id: str) -> StoredBinding | None:
            found: StoredBinding | None = transaction.binding(pass_id)
            return found and (found if found.status.state.keeps_email else replace(found, address=None))

        def addresses(*, after: str, limit: int) -> list[tuple[str, str, bytes]]:
            found = transaction.addresses(after=after, limit=limit)
            return [each for each in found if transaction.binding(each[1]).status.state.keeps_email]

        def bindings(ids: list[str]) -> dict[str, StoredBinding | None]:
            return {name: binding(name) for name in ids}

        return Over(
            transaction,
            change_binding=change,
            binding=binding,
            bindings=bindings,
            addresses=addresses,
            reseal=lambda name, was, now: binding(name).address and transaction.reseal(name, was, now),  # type: ignore[union-attr]
        )


class HalfUndone(Bent):
    """Swallows an exception, and keeps what was written before it."""

    @contextmanager
    def writing(self) -> Iterator[Any]:
        failed: list[Exception] = []
        with self.store.writing() as transaction:
            try:
                yield transaction
            except StaleBinding:
                raise
            except Exception as exc:  # noqa: BLE001 -- that is the mistake
                failed.append(exc)
        if failed:
            raise failed[0]


class OpenToAll(Bent):
    """Finds templates by their id, whoever asks."""

    def bent(self, transaction: Any) -> Any:
        owners: dict[str, str] = getattr(self, "owners", {})
        self.owners = owners

        def add(template: Any) -> None:
            owners[template.id] = template.organisation
            transaction.add_template(template)

        def template(organisation: str, name: str) -> Any:
            return transaction.template(owners.get(name, organisation), name)

        return Over(transaction, add_template=add, template=template)


class ChecksThenWrites(Bent):
    """Compares in one transaction and writes in the next: two clients can both be right."""

    @contextmanager
    def writing(self) -> Iterator[Any]:
        last: list[tuple[StoredBinding, StoredBinding]] = []
        with self.store.writing() as transaction:

            def flush() -> None:
                while last:
                    transaction.change_binding(*last.pop())

            def change(was: StoredBinding, now: StoredBinding) -> None:
                flush()
                there: Any = transaction.binding(was.pass_id)
                if (there.status.version, there.status.platform) != (was.status.version, was.status.platform):
                    raise StaleBinding("changed")
                last.append((was, now))

            def knows(name: str) -> bool:
                flush()
                return transaction.knows_credential(name)

            yield Over(transaction, change_binding=change, knows_credential=knows)
        for was, now in last:
            with self.store.writing() as transaction:
                transaction.change_binding(transaction.binding(now.pass_id) or was, now)


class TwiceGood(Bent):
    """A ticket stays good."""

    def bent(self, transaction: Any) -> Any:
        def use(token_hash: bytes, *, at: Any) -> bool:
            transaction.use_download(token_hash, at=at)
            return transaction.download(token_hash) is not None

        return Over(transaction, use_download=use)


class InMemory(Bent):
    """Forgets everything when it is closed."""

    def close(self) -> None:
        if current_process().name != "MainProcess":
            return
        with self.store.writing() as transaction:
            for table in ("events", "addresses", "bindings", "downloads", "answers", "passes"):
                transaction._connection.exec_driver_sql(f"DELETE FROM {table}")
        super().close()


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (LastOneWins, "what changed since it was read is not overwritten: a binding that changed"),
        (KeepsTheAddress, "every record comes back as it went in: a StoredBinding"),
        (ShowsNoAddress, "a purge leaves nothing of an address: the ciphertext"),
        (HalfUndone, "an exception undoes its whole transaction: what was added"),
        (OpenToAll, "records of other organisations don't exist: a template"),
        (TwiceGood, "a ticket is used once: it was used"),
        (InMemory, "what was written is there when the store is opened again"),
    ],
)
def test_a_broken_store_fails_by_name(tmp_path: Path, broken: type[Bent], promise: str) -> None:
    make = functools.partial(broken, f"sqlite:///{tmp_path / 'passes.db'}")
    with pytest.raises(AssertionError, match=promise):
        check_store(make, raw=lambda: raw(tmp_path), passes=3, clients=4)


@pytest.mark.ci
def test_a_store_that_compares_too_early_loses_the_race(tmp_path: Path) -> None:
    """Only a race tells: every single step of it is right."""
    make = functools.partial(ChecksThenWrites, f"sqlite:///{tmp_path / 'passes.db'}")
    with pytest.raises(AssertionError, match=r"of two platforms exactly one gets a pass"):
        check_store(make, passes=200, clients=8)
