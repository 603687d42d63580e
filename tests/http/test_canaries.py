"""Addresses that would sing: they are sent through everything, and then looked for everywhere."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.run_service import BASE, Made, service
from tests.service_context import HELP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.run_service import Service

ROADS = ("created", "google", "pending", "apple", "ended", "refused", "mistyped", "repeated")
GONE = ("pending", "apple", "ended")


def address(number: int) -> str:
    """Tells itself apart in every spelling: case, dots, plus part."""
    return f"Canary.Bird+{number:04}@mail.example"


def spellings(number: int) -> list[bytes]:
    """The address and what could be made of it: other spellings, encodings, hashes."""
    found = {
        address(number),
        address(number).lower(),
        f"canary.bird+{number:04}",
        f"Canary.Bird%2B{number:04}",
    }
    octets = {each.encode() for each in found}
    octets |= {base64.b64encode(each) for each in octets} | {each.hex().encode() for each in octets}
    for text in (address(number), address(number).lower(), "canarybird@mail.example"):
        digest = hashlib.sha256(text.encode())
        octets |= {digest.digest(), digest.hexdigest().encode()}
    return sorted(octets)


def walk(running: Service, number: int) -> tuple[str, str]:
    """One address on its road; the road, and the id of its pass if it has one."""
    road = ROADS[number % len(ROADS)]
    body: dict[str, Any] = {
        "pass": {"values": {"fullName": "Jane Smith"}},
        "binding": {"email": address(number), "learnMoreUrl": HELP},
    }
    params = {"passTemplate": running.ours.template}
    headers = {"Idempotency-Key": f"{number}"}
    if road == "refused":
        body["pass"]["barcode"] = {"enabled": True}
    if road == "mistyped":
        body["binding"]["email"] = f"{address(number)}@"
        body["pass"]["values"][address(number)] = address(number)
    answer = running.client.post("/api/v1/passes", params=params, json=body, headers=headers)
    if road in ("refused", "mistyped"):
        assert answer.status_code in (400, 422)
        return road, ""
    data = answer.json()["data"]
    made = Made(data["id"], data["attributes"]["downloadUrl"].removeprefix(BASE), "")
    if road == "repeated":
        running.client.post("/api/v1/passes", params=params, json=body, headers=headers)
        running.patch(made.id, {"pass": {}, "binding": body["binding"]})
        running.holder.get(made.page)
    if road == "google":
        assert running.google(made).status_code == 303
    if road == "pending":
        assert running.begin(made).status_code == 200
    if road == "apple":
        running.bind_to_apple(made, FakeAuthenticator(BASE))
    if road == "ended":
        running.client.post(f"/api/v1/passes/{made.id}/nullify")
    return road, made.id


def sung(folder: Path, count: int) -> None:
    with service(folder) as running:
        with ThreadPoolExecutor(8) as pool:
            walked = list(pool.map(lambda number: walk(running, number), range(count)))
        _break_a_row(running, walked)
        everything = {
            each.name: each.read_bytes() for each in folder.iterdir() if each.name.startswith("passes.db")
        }
        everything["log"] = running.log.getvalue().encode()
        with closing(sqlite3.connect(folder / "passes.db")) as database:
            rows = database.execute("SELECT * FROM answers").fetchall()
            live = {row[0] for row in database.execute("SELECT pass_id FROM addresses WHERE live")}
        everything["answers"] = repr(rows).encode()
    assert len(rows) > count // 2
    for number in range(count):
        for spelling in spellings(number):
            for name, octets in everything.items():
                assert spelling not in octets, f"address {number} is in {name}"
    assert b"C***@mail.example" not in everything["answers"]
    for road, pass_id in walked:
        assert not (road in GONE and pass_id in live), road


def _break_a_row(running: Service, walked: list[tuple[str, str]]) -> None:
    """EML-13: a ciphertext with a flipped bit fails that pass alone, with a code, and the log has why."""
    broken = next(pass_id for road, pass_id in walked if road == "created")
    sound = next(pass_id for road, pass_id in walked if road == "repeated")
    path = running.context.store._engine.url.database  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path)) as database, database:
        (slot,) = database.execute("SELECT slot FROM addresses WHERE pass_id = ?", (broken,)).fetchone()
        bent = bytes((*slot[:60], slot[60] ^ 1, *slot[61:]))
        database.execute("UPDATE addresses SET slot = ? WHERE pass_id = ?", (bent, broken))
    headers = {"Authorization": f"Bearer {running.ours.key}"}
    answers = [
        httpx2.patch(
            f"{running.url}/api/v1/passes/{pass_id}?includePassSource=google",
            json={"pass": {}},
            headers=headers,
            timeout=30,
        )
        for pass_id in (broken, sound)
    ]
    assert [each.status_code for each in answers] == [500, 200]
    assert answers[0].json()["errors"][0]["code"] == "vault_unreadable"
    assert "VaultError" in running.log.getvalue()


@pytest.mark.parametrize("count", [32, pytest.param(80, marks=pytest.mark.ci)])
def test_key_06_eml_05_08_11_13_no_address_is_found_anywhere(tmp_path: Path, count: int) -> None:
    """In no line of the log, no answer, no record of a repeat, no byte of the database."""
    sung(tmp_path, count)


@pytest.mark.long
def test_eml_05_nor_is_one_of_a_thousand(tmp_path: Path) -> None:
    sung(tmp_path, 1000)
