"""The demo: the whole road, and nobody's address on the way."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passwright.binding import email
from passwright.cli.commands import demo
from passwright.examples.authority import example_directory
from tests.run_cli import documents, names, run

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = demo.EMAIL
MASK = email.mask(EMAIL)
HASH = hashlib.sha256(EMAIL.encode()).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of one demo, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    result = run("demo", "--out", str(folder))
    assert result.exit_code == 0
    assert result.stderr == ""
    return folder, result.stdout


def test_it_writes_three_files(made: tuple[Path, str]) -> None:
    assert names(made[0]) == ["membership.pkpass", "report.json", "save-link.txt"]


def test_it_makes_again_what_is_there(made: tuple[Path, str]) -> None:
    assert run("demo", "--out", str(made[0])).exit_code == 0
    assert names(made[0]) == ["membership.pkpass", "report.json", "save-link.txt"]


def test_the_pass_verifies(made: tuple[Path, str]) -> None:
    result = run("verify", str(made[0] / "membership.pkpass"), "--example", "--json")

    [document] = documents(result)
    assert result.exit_code == 0
    assert document["ok"] is True
    assert document["serial_number"] == "M-0001"


def test_the_link_is_one_line_that_pyjwt_verifies(made: tuple[Path, str]) -> None:
    text = (made[0] / "save-link.txt").read_text()
    account = json.loads((example_directory() / "service-account.json").read_text())
    key = load_pem_private_key(account["private_key"].encode(), None).public_key()

    token = text.rstrip("\n").removeprefix("https://pay.google.com/gp/v/save/")
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="google")  # type: ignore[arg-type]

    assert text.count("\n") == 1
    assert len(token) <= 1800
    assert type(claims["iat"]) is int
    [card] = claims["payload"]["loyaltyObjects"]
    assert card["id"].endswith(".M-0002")
    assert card["saveRestrictions"] == {"restrictToEmailSha256": HASH}


def test_the_report_holds_everything_that_was_checked(made: tuple[Path, str]) -> None:
    report = json.loads((made[0] / "report.json").read_text())

    assert list(report) == ["passes", "verification", "link", "refused"]
    apple, google = report["passes"]
    data = (made[0] / "membership.pkpass").read_bytes()
    assert (apple["bytes"], apple["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert google["bytes"] == (made[0] / "save-link.txt").stat().st_size
    assert apple["serial_number"] != google["serial_number"]
    assert report["verification"]["ok"] is True
    assert set(report["verification"]["steps"].values()) == {"ok"}
    link = report["link"]
    assert {"form", "length", "requires", "claims", "findings"} <= link.keys()
    assert link["verified"] is True
    assert "url" not in link
    assert link["requires"]["loyaltyClass"]["id"] == "3388000000022222222.coffee-club"
    assert [finding["location"] for finding in report["refused"]] == [
        "pass#/barcode",
        "pass.json#/barcodes/0",
        "object#/barcode",
    ]
    assert {finding["code"] for finding in report["refused"]} == {"binding-forbids-barcode"}


def test_it_tells_what_it_did(made: tuple[Path, str]) -> None:
    told = made[1]

    for part in (
        "a bound pass is for one wallet",
        *(f"✓ {step}" for step in ("container", "manifest", "signature", "chain", "content")),
        "savetowallet",
        "loyaltyClass",
        "binding-forbids-barcode",
        MASK,
    ):
        assert part in told


def test_jwt_08_the_address_is_nowhere_and_its_hash_in_the_link_alone(made: tuple[Path, str]) -> None:
    folder, told = made
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with zipfile.ZipFile(folder / "membership.pkpass") as archive:
        files |= {f"membership.pkpass/{name}": archive.read(name) for name in archive.namelist()}

    assert EMAIL not in told
    assert HASH not in told
    for name, data in files.items():
        texts = data.decode("utf-8", "replace"), data.decode("utf-16-le", "replace")
        for text in texts:
            assert EMAIL not in text, name
            assert MASK not in text, name
            assert HASH not in text, name
    # What the link says is base64: the hash is in there, since Google compares it.
    assert files["report.json"].count(b'"restrictToEmailSha256": "(hidden)"') == 1


def test_it_can_be_drawn(tmp_path: Path) -> None:
    """The picture of the README is the very output."""
    result = run("demo", "--out", str(tmp_path / "out"), "--svg", str(tmp_path / "demo.svg"))

    drawn = (tmp_path / "demo.svg").read_text()
    assert result.exit_code == 0
    assert drawn.startswith("<svg")
    assert "membership.pkpass" in drawn
    assert EMAIL not in drawn


def test_a_code_that_is_not_refused_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 means that everything was checked and held."""
    monkeypatch.setattr(demo, "_rejection_rows", lambda *_: ())

    result = run("demo", "--out", str(tmp_path))

    assert result.exit_code == 1
    assert "a check failed: see above" in result.stderr
    assert "✗ in the definition" in result.stdout


def test_a_pass_that_is_built_was_not_refused() -> None:
    assert demo._rejection_rows(lambda _: b"built", None) == ()  # type: ignore[arg-type]


def test_a_link_that_carries_everything_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    walk = demo._walk

    def small(at: object) -> object:
        road = walk(at)  # type: ignore[arg-type]
        return replace(road, link=replace(road.link, requires_text={}))

    monkeypatch.setattr(demo, "_walk", small)
    assert "class and object are in the link" in run("demo", "--out", str(tmp_path)).stdout


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    result = run("demo", "--out", str(tmp_path / "file"))

    assert result.exit_code == 2
    assert "file: this is not a folder" in result.stderr
    assert (tmp_path / "file").read_text() == "mine"
