"""`passwright vault`: keys made and changed by people who are told what happened, and never a key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from passwright.service import key_rotation
from passwright.service.vault import KeyFile, KeyRing, Vault
from tests.run_cli import run
from tests.service_context import bound_pass, key_shown, membership, opened

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


class Place:
    """A folder with settings, a ring and a database in which three passes are bound."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.database = KeyFile(folder / "vault.toml"), folder / "passes.db"
        self.config = folder / "service.toml"
        url = f'base_url = "https://passes.example.com"\ndatabase = "sqlite:///{self.database}"\n'
        self.config.write_text(f'{url}vault_keys = "vault.toml"\n')
        self.keys.write(KeyRing.create("old"))
        with opened(self.database, vault=Vault(self.keys)) as context:
            template = membership(context)
            for number in range(3):
                bound_pass(context, template, email=f"canary{number}@gmail.com")

    def rotate(self) -> Result:
        result = run("vault", "rotate", "--config", str(self.config))
        for key in (*self.keys.current().keys.values(), self.keys.current().hashing):
            assert not key_shown(key, result.output)
        return result


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_rotation_says_what_it_did(place: Place) -> None:
    done = place.rotate()

    assert done.exit_code == 0, done.output
    sealing = place.keys.current().sealing
    assert done.stdout.splitlines() == [
        f"New key: {sealing}",
        "Sealed anew: 3 of 3 addresses",
        "Retired: old, no address depends on it",
    ]
    assert set(place.keys.current().keys) == {sealing}
    assert place.keys.path.stat().st_mode & 0o777 == 0o600


def test_eml_07_a_rotation_that_stopped_is_taken_up(place: Place) -> None:
    from tests.service_context import AT

    key_rotation.begin(place.keys, at=AT)
    sealing = place.keys.current().sealing

    done = place.rotate()

    assert done.stdout.splitlines()[0] == f"Going on to {sealing}: an earlier rotation stopped"
    assert "Retired: old" in done.stdout
    assert place.keys.current().sealing == sealing


def test_an_address_that_cannot_be_opened_keeps_its_key_and_is_named(place: Place) -> None:
    with closing(sqlite3.connect(place.database)) as database:
        (slot, pass_id) = database.execute("SELECT slot, pass_id FROM addresses").fetchone()
        damaged = slot[:120] + bytes([slot[120] ^ 1]) + slot[121:]
        database.execute("UPDATE addresses SET slot = ? WHERE pass_id = ?", (damaged, pass_id))
        database.commit()

    done = place.rotate()

    assert done.exit_code == 1
    assert "Sealed anew: 2 of 3 addresses" in done.stdout
    assert "old stays: 1 address depends on it" in done.stderr
    assert f"the address of pass {pass_id} can't be opened" in " ".join(done.stderr.split())
    assert "old" in place.keys.current().keys


def test_the_example_has_a_ring_of_its_own(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/example.db"

    done = run("vault", "rotate", "--example", "--database", database)

    assert done.exit_code == 0, done.output
    assert "Sealed anew: 0 of 0 addresses" in done.stdout
    assert (tmp_path / "example.keys.toml").exists()


def test_a_new_ring_is_for_its_owner_alone_and_never_in_the_place_of_another(tmp_path: Path) -> None:
    file = tmp_path / "vault.toml"

    made = run("vault", "create", str(file))
    again = run("vault", "create", str(file))

    assert made.exit_code == 0, made.output
    assert file.stat().st_mode & 0o777 == 0o600
    ring = KeyFile(file).current()
    assert len(ring.keys) == 1
    assert again.exit_code == 2
    assert "is there already" in " ".join(again.stderr.split())
    assert KeyFile(file).current() == ring


@pytest.mark.parametrize("text", ["", "sealing = 5", "[keys]"])
def test_a_broken_ring_stops_the_command(place: Place, text: str) -> None:
    place.keys.path.write_text(text)

    done = run("vault", "rotate", "--config", str(place.config))

    assert done.exit_code == 2
    assert "the vault's keys can't be read" in " ".join(done.stderr.split())
