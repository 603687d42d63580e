"""EML-07: the vault's keys change while the service runs, stops, and goes on."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from passwright.binding.lifecycle import State
from passwright.errors import KeyMaterialError, StoreUnavailable, VaultError
from passwright.service import key_rotation, passes, release, transitions
from passwright.service.vault import KeyFile, KeyRing, Purpose, Vault, key_id
from tests.service_context import AT, bound_pass, membership, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.service.context import ServiceContext
    from passwright.service.passes import PassView

COUNT = 7


class House:
    """A context whose vault reads its ring from a file, and some bound passes."""

    def __init__(self, context: ServiceContext, keys: KeyFile) -> None:
        self.context, self.keys = context, keys
        self.template = membership(context)
        self.passes = [self.new(number) for number in range(COUNT)]

    def new(self, number: int) -> PassView:
        return bound_pass(self.context, self.template, email=f"holder{number}@gmail.com")

    def addresses(self) -> list[str]:
        """Every address, opened with the ring as it is now; by pass id."""
        with self.context.store.reading() as transaction:
            rows = transaction.addresses(after="", limit=100)
        vault = Vault(self.keys)
        return [
            vault.open(sealed, purpose=Purpose.EMAIL, organisation_id=organisation, pass_id=pass_id)
            for organisation, pass_id, sealed in rows
        ]

    def used(self) -> dict[str, int]:
        with self.context.store.reading() as transaction:
            return dict(key_rotation.usage(transaction, batch=2))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    keys = KeyFile(tmp_path / "vault.toml")
    keys.write(KeyRing.create("old"))
    with opened(tmp_path / "passes.db", vault=Vault(keys)) as context:
        yield House(context, keys)


def rotate(here: House, **more: Any) -> list[key_rotation.Batch]:
    key_rotation.begin(here.keys, at=AT)
    return list(key_rotation.reseal(here.context.store, here.keys, **more))


def test_eml_07_after_a_rotation_nothing_depends_on_the_old_key(here: House) -> None:
    before = here.addresses()

    batches = rotate(here, batch=3)
    retired, counted = key_rotation.retire(here.context.store, here.keys)

    assert [(each.seen, each.sealed) for each in batches] == [(3, 3), (6, 6), (7, 7)]
    ring = here.keys.current()
    assert retired == ("old",)
    assert counted == here.used() == {ring.sealing: COUNT}
    assert ring.retired == {"old"}
    assert set(ring.keys) == {ring.sealing}
    assert here.addresses() == before
    assert sorted(before) == [f"holder{number}@gmail.com" for number in range(COUNT)]


def test_eml_07_every_address_can_be_read_at_every_moment(here: House) -> None:
    """Stopped after each batch, and after each step, by the vault of the running service as well."""
    running = here.context.vault
    before = here.addresses()
    key_rotation.begin(here.keys, at=AT)
    assert here.addresses() == before
    for _ in key_rotation.reseal(here.context.store, here.keys, batch=1):
        assert here.addresses() == before
    key_rotation.retire(here.context.store, here.keys)

    assert here.addresses() == before
    link = release.google_save_link(here.context, "org-1", here.passes[0].pass_.id, at=AT)
    assert link.url
    assert running is here.context.vault


@pytest.mark.parametrize("batches", range(4))
def test_eml_07_a_rotation_that_stopped_goes_on(here: House, batches: int) -> None:
    """It adds no second key, does what is left, and retires the old key only then."""
    assert key_rotation.begin(here.keys, at=AT)
    going = key_rotation.reseal(here.context.store, here.keys, batch=2)
    for _ in range(batches):
        next(going)
    going.close()  # type: ignore[attr-defined]
    ring = here.keys.current()
    if batches < 4:
        retired, counted = key_rotation.retire(here.context.store, here.keys)
        assert retired == ()
        assert counted["old"] == COUNT - 2 * batches
        assert here.keys.current() == ring

    assert not key_rotation.begin(here.keys, at=AT)
    (*_, last) = key_rotation.reseal(here.context.store, here.keys, batch=2)

    assert here.keys.current().sealing == ring.sealing
    assert last.sealed == COUNT - 2 * batches
    assert key_rotation.retire(here.context.store, here.keys)[0] == ("old",)


def test_eml_07_a_key_that_an_address_depends_on_does_not_retire(here: House) -> None:
    """One row that can't be opened keeps its key, is named, and disturbs no other."""
    with closing(sqlite3.connect(here.keys.path.with_name("passes.db"))) as database:
        (slot, pass_id) = database.execute("SELECT slot, pass_id FROM addresses").fetchone()
        damaged = slot[:120] + bytes([slot[120] ^ 1]) + slot[121:]
        database.execute("UPDATE addresses SET slot = ? WHERE pass_id = ?", (damaged, pass_id))
        database.commit()

    (*_, last) = rotate(here)
    retired, counted = key_rotation.retire(here.context.store, here.keys)

    assert (last.seen, last.sealed, last.unreadable) == (COUNT, COUNT - 1, (pass_id,))
    assert retired == ()
    assert counted["old"] == 1
    assert set(here.keys.current().keys) == {"old", here.keys.current().sealing}


def test_a_pass_made_while_keys_change_is_under_a_key_of_the_ring(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address was sealed before the rotation ended, and is written after it."""
    check = passes._check

    def and_a_rotation(*arguments: Any, **named: Any) -> None:
        monkeypatch.setattr(passes, "_check", check)
        rotate(here)
        assert key_rotation.retire(here.context.store, here.keys)[0] == ("old",)
        check(*arguments, **named)

    monkeypatch.setattr(passes, "_check", and_a_rotation)
    here.new(99)

    assert here.used() == {here.keys.current().sealing: COUNT + 1}
    assert "holder99@gmail.com" in here.addresses()


def test_eml_07_an_address_read_before_its_key_retired_is_read_again(here: House) -> None:
    """Between reading the row and opening it a whole rotation fits."""
    with here.context.store.reading() as transaction:
        bound = transaction.binding(here.passes[0].pass_.id)
    assert bound is not None
    rotate(here)
    key_rotation.retire(here.context.store, here.keys)

    assert transitions.email_of(here.context, bound) == "holder0@gmail.com"
    here.keys.write(KeyRing.create("another"))
    with pytest.raises(VaultError, match="which is not there"):
        transitions.email_of(here.context, bound)


def test_an_address_that_is_purged_meanwhile_stays_purged(here: House) -> None:
    key_rotation.begin(here.keys, at=AT)
    (before, *_) = here.passes
    going = key_rotation.reseal(here.context.store, here.keys, batch=1)
    next(going)
    for shown in here.passes:
        release.apple_begin(here.context, "org-1", shown.pass_.id, at=AT)

    assert list(going) == []
    assert here.addresses() == []
    found = passes.find(here.context, "org-1", before.pass_.id).binding
    assert found is not None
    assert found.state is State.APPLE_PENDING


def test_passes_are_made_while_keys_change_again_and_again(here: House) -> None:
    """Two writers, one of them rotating: no address is lost, and none is under a key that is gone."""
    made: list[PassView] = []
    failed: list[BaseException] = []

    def issue() -> None:
        try:
            made.extend(here.new(100 + number) for number in range(25))
        except BaseException as exc:  # noqa: BLE001 -- told by the test
            failed.append(exc)

    thread = threading.Thread(target=issue)
    thread.start()
    while thread.is_alive():
        rotate(here, batch=4)
        key_rotation.retire(here.context.store, here.keys)
    thread.join()
    rotate(here)
    key_rotation.retire(here.context.store, here.keys)

    assert failed == []
    assert len(made) == 25
    assert len(here.addresses()) == COUNT + 25
    assert set(here.used()) == {here.keys.current().sealing}


def test_two_rotations_of_one_day_have_keys_of_their_own(here: House) -> None:
    rotate(here)
    key_rotation.retire(here.context.store, here.keys)
    first = here.keys.current().sealing
    rotate(here)

    assert first.startswith("2026-06-01-")
    assert here.keys.current().sealing.startswith("2026-06-01-")
    assert here.keys.current().sealing != first


def test_nothing_retires_while_others_hold_the_database(here: House) -> None:
    rotate(here)
    with here.context.store.writing(), pytest.raises(StoreUnavailable):
        _in_a_thread(lambda: key_rotation.retire(here.context.store, here.keys))

    assert here.keys.current().retired == frozenset()


def _in_a_thread(work: Any) -> None:
    """Runs in a thread of its own, as another process would; raises what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 -- raised again
            raised.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def test_a_lost_ring_is_an_error_of_its_own(here: House) -> None:
    here.keys.path.unlink()

    with pytest.raises(KeyMaterialError):
        rotate(here)


def test_what_is_no_sealed_value_is_counted_apart(here: House) -> None:
    with closing(sqlite3.connect(here.keys.path.with_name("passes.db"))) as database:
        database.execute("UPDATE addresses SET slot = zeroblob(300)")
        database.commit()

    assert here.used() == {"": COUNT}
    with pytest.raises(VaultError):
        key_id(b"")
