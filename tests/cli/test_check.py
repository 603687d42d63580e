"""`verify`, `inspect`, `check`: what they say of passes and payloads of anybody."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from passwright.apple.verification.verifier import STEPS
from passwright.examples.authority import example_directory
from tests.run_cli import BOUND, TEMPLATE, documents, run
from tests.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAVE = "https://pay.google.com/gp/v/save/"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "card.pkpass"
    run("build", TEMPLATE, "--serial", "M-1", "--example", "--barcode", "CODE", "--out", str(path))
    return path


@pytest.fixture(scope="module")
def url() -> str:
    return run("link", TEMPLATE, "--serial", "M-1", "--example", *BOUND).stdout.strip()


def repacked(path: Path, into: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(into, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return into


# --- verify --------------------------------------------------------------------------------------


def test_verify_tells_steps_signer_and_time(card: Path) -> None:
    result = run("verify", str(card), "--example")

    assert result.exit_code == 0
    assert f"{card}: ok\n" in result.stdout
    assert all(f"✓ {step}" in result.stdout for step in STEPS)
    assert "Pass Type ID with NFC: pass.com.example.passwright < Passwright Example" in result.stdout
    assert "UTC, by the signer's own clock" in result.stdout
    assert "[custom-roots]" in result.stdout
    assert result.stderr == ""


def test_verify_prints_the_promised_document(card: Path) -> None:
    [document] = documents(run("verify", str(card), "--example", "--json"))

    assert list(document) == [
        *("file", "ok", "steps", "signed", "signed_at", "pass_type_identifier", "team_identifier"),
        *("serial_number", "style", "findings"),
    ]
    assert document["steps"] == dict.fromkeys(STEPS, "ok")
    assert document["ok"] is document["signed"] is True
    assert document["signed_at"].endswith("+00:00")
    assert document["team_identifier"] == "EXAMPLE123"
    assert document["style"] == "storeCard"
    assert all(
        list(finding) == ["code", "severity", "location", "message", "hint"]
        for finding in document["findings"]
    )


def test_nobody_is_trusted_unasked(card: Path) -> None:
    result = run("verify", str(card))

    assert result.exit_code == 1
    assert "NOT OK" in result.stdout
    assert "✗ chain" in result.stdout
    assert "[untrusted-chain]" in result.stdout


def test_verify_explains_each_step_and_the_chain(card: Path, tmp_path: Path) -> None:
    said = run("verify", str(card), "--example", "--explain").output
    assert said.count("  checked ") == said.count("  leaves open ") == 5
    assert "Passwright Example Root CA" in said
    assert "embedded" in said
    assert "supplied from what is trusted" in said
    assert "key " in said
    broken = tmp_path / "broken.pkpass"
    broken.write_bytes(card.read_bytes()[:-1])
    said = run("verify", str(broken), "--explain").output
    assert "nothing, it needs a step that failed" in said
    assert "1 error: not-a-zip" in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_verify_judges_folders_in_order_and_all_of_them(card: Path, tmp_path: Path, jobs: str) -> None:
    """A file that can't be read is a message and exit code 2; the others are judged all the same."""
    folder = tmp_path / "passes"
    (folder / "below").mkdir(parents=True)
    for name in ("c.pkpass", "a.pkpass", "below/b.pkpass"):
        (folder / name).write_bytes(card.read_bytes())
    (folder / "d.pkpass").write_bytes(b"no archive")
    (folder / "readme.txt").write_text("no pass", "utf-8")
    names = ["a.pkpass", "below/b.pkpass", "c.pkpass", "d.pkpass"]

    result = run("verify", str(folder), "--example", "--json", "--jobs", jobs)
    found = documents(result)
    assert [each["file"] for each in found] == [str(folder / name) for name in names]
    assert [each["ok"] for each in found] == [True, True, True, False]
    assert result.exit_code == 1

    gone = folder / "gone.pkpass"
    result = run("verify", str(gone), str(folder), "--example", "--jobs", jobs)
    assert result.exit_code == 2
    assert "gone.pkpass: No such file" in result.output
    assert result.output.count(": ok\n") == 3


def test_verify_says_that_a_folder_holds_no_pass(tmp_path: Path) -> None:
    result = run("verify", str(tmp_path))
    assert result.exit_code == 2
    assert "there is no .pkpass in this folder" in result.output


def test_verify_trusts_roots_that_are_named(card: Path) -> None:
    assert run("verify", str(card), "--root", str(example_directory() / "root.pem")).exit_code == 0


def test_verify_judges_at_the_time_that_is_named(card: Path) -> None:
    result = run("verify", str(card), "--example", "--at", "2020-01-01T00:00:00Z")

    assert result.exit_code == 1
    assert "[signed-in-future]" in result.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--at", "2027-01-01"), "has no zone"),
        (("--at", "now"), "is not a time"),
        (("--root", TEMPLATE), "Is a directory"),
        (("--root", "absent.pem"), "absent.pem: No such file"),
        (("--root", f"{TEMPLATE}/template.toml"), "template.toml: a root certificate can't be read"),
        (("--root", str(example_directory() / "pass.pem")), "can't be a root"),
    ],
)
def test_verify_refuses_bad_options(card: Path, args: tuple[str, ...], said: str) -> None:
    result = run("verify", str(card), *args)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr


def test_a_missing_file_does_not_keep_the_others_from_being_judged(card: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pkpass"
    broken.write_bytes(b"PK nothing")

    result = run("verify", "absent", str(card), str(broken), "--example", "--json")

    assert result.exit_code == 2
    assert [(each["file"], each["ok"]) for each in documents(result)] == [
        (str(card), True),
        (str(broken), False),
    ]
    assert "absent: No such file" in result.stderr


def test_a_changed_file_is_named(card: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["pass.json"] += b" "

    changed = repacked(card, tmp_path / "changed.pkpass", change)
    result = run("verify", str(changed), "--example")

    assert result.exit_code == 1
    assert "✗ manifest" in result.stdout
    assert "pass.json: the file was changed" in result.stdout


def test_what_has_no_end_is_refused_and_not_read() -> None:
    [document] = documents(run("verify", "/dev/zero", "--json"))

    assert document["findings"][0]["code"] == "too-large"
    assert document["steps"]["manifest"] == "skipped"


def test_a_pass_cannot_write_on_the_terminal(card: Path, tmp_path: Path) -> None:
    """Names and texts of a stranger's pass are printed without escape sequences and markup."""

    def change(files: dict[str, bytes]) -> None:
        document = json.loads(files["pass.json"])
        document["serialNumber"] = "\x1b[2Jgone [bold]x[/bold]"
        document["description"] = "\x1b]0;title\x07 :smile:"
        files["pass.json"] = json.dumps(document).encode()

    changed = repacked(card, tmp_path / "changed.pkpass", change)

    for command in ("verify", "inspect"):
        result = run(command, str(changed))
        assert "\x1b" not in result.output
        assert "\\x1b[2Jgone [bold]x[/bold]" in result.output


@pytest.mark.no_cover
@given(st.data())
@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_bytes_end_in_a_verdict(card: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever a file holds, the answer is an exit code and a sentence."""
    found = bytearray(card.read_bytes())
    start = data.draw(st.integers(0, len(found)))
    found[start : start + data.draw(st.integers(0, 2000))] = data.draw(st.binary(max_size=50))
    path = tmp_path / "hostile.pkpass"
    path.write_bytes(found)

    judged = run("verify", str(path), "--example", "--json")
    assert documents(judged)[0]["ok"] is (judged.exit_code == 0)
    run("inspect", str(path))


# --- inspect -------------------------------------------------------------------------------------


def test_inspect_shows_what_a_pass_holds(card: Path) -> None:
    result = run("inspect", str(card))

    assert result.exit_code == 0
    for part in (
        "Coffee Club membership card",
        "pass.com.example.passwright",
        "Member: Jane Smith (fullName)",
        "icon@2x.png: ",
        "de, en",
        "PKBarcodeFormatQR",
        "rsa with sha256",
        "not verified",
    ):
        assert part in result.stdout


def test_inspect_prints_a_pass_as_a_document(card: Path) -> None:
    [document] = documents(run("inspect", str(card), "--json"))

    assert document["kind"] == "pkpass"
    assert document["serial_number"] == "M-1"
    assert document["nfc"] is True
    assert document["barcodes"] == ["PKBarcodeFormatQR"]
    assert document["languages"] == ["de", "en"]
    assert {"slot": "secondary", "key": "fullName", "label": "Member", "value": "Jane Smith"} in document[
        "fields"
    ]
    strip = next(each for each in document["pictures"] if each["name"] == "strip@2x.png")
    assert (strip["width"], strip["height"]) == (750, 288)
    assert len(document["signature"]["certificates"]) == 2


def test_inspect_shows_odd_passes_too(card: Path, tmp_path: Path) -> None:
    """Nothing is judged, so nothing odd is an error."""

    def odd(files: dict[str, bytes]) -> None:
        files["pass.json"] = b'{"storeCard": {"backFields": [5, {"key": "k"}], "x": 1}, "barcodes": 7}'
        files["icon.png"] = b"GIF89a"
        del files["signature"]

    def odder(files: dict[str, bytes]) -> None:
        files["pass.json"] = b'{"barcode": {"format": "F"}, "description": ["a"]}'
        files["signature"] = b"no signature"

    first = repacked(card, tmp_path / "odd.pkpass", odd)
    [document] = documents(run("inspect", str(first), "--json"))
    assert document["signature"] is None
    assert document["fields"] == [{"slot": "back", "key": "k", "label": None, "value": None}]
    assert document["pictures"][0]["width"] is None
    assert "no PNG" in run("inspect", str(first)).stdout

    second = repacked(card, tmp_path / "odder.pkpass", odder)
    [document] = documents(run("inspect", str(second), "--json"))
    assert document["style"] is None
    assert document["barcodes"] == ["F"]
    assert "error" in document["signature"]
    assert run("inspect", str(second)).exit_code == 0


def test_a_signature_without_a_time_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    from passwright.cli import output

    signature: dict[str, Any] = {"signed_at": None, "algorithm": "rsa with sha256", "certificates": []}
    output._signature(signature, on=output.console())

    assert "no time claimed" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["link", "token", "file", "stdin"])
def test_inspect_decodes_a_link_and_never_repeats_it(url: str, tmp_path: Path, how: str) -> None:
    token = url.removeprefix(SAVE)
    given = {"link": url, "token": token, "file": str(tmp_path / "link.txt"), "stdin": "-"}[how]
    (tmp_path / "link.txt").write_text(f"{url}\n")

    told = run("inspect", given, stdin=url)
    [document] = documents(run("inspect", given, "--json", stdin=url))

    assert told.exit_code == 0
    assert "not verified" in told.stdout
    assert '"savetowallet"' in told.stdout
    assert document["kind"] == "save-link"
    assert document["verified"] is False
    assert document["length"] == len(token)
    assert document["header"] == {"alg": "RS256", "typ": "JWT"}
    assert document["claims"]["payload"]["loyaltyObjects"][0]["accountName"] == "Jane Smith"
    for part in token.split("."):
        assert part not in told.output
        assert part not in json.dumps(document)


def public_keys(folder: Path) -> dict[str, Path]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    account = json.loads((example_directory() / "service-account.json").read_text())
    key = load_pem_private_key(account["private_key"].encode(), None)
    paths = {"private": folder / "private.pem", "public": folder / "public.pem"}
    paths["private"].write_text(account["private_key"])
    paths["public"].write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return {**paths, "account": example_directory() / "service-account.json"}


@pytest.mark.parametrize("kind", ["public", "account"])
def test_inspect_verifies_with_a_key(url: str, tmp_path: Path, kind: str) -> None:
    key = str(public_keys(tmp_path)[kind])

    told = run("inspect", url, "--key", key)
    [document] = documents(run("inspect", url, "--key", key, "--json"))

    assert told.exit_code == 0
    assert "signature verified" in told.stdout
    assert document["verified"] is True


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("pass.pem", 1, "is not by this key"),
        ("pass-ec.pem", 2, "signed with RSA keys"),
        ("README", 2, "is not a public key"),
        ("private.pem", 2, "holds a private key: give its public key"),
        ("broken.pem", 2, "is not a public key"),
        ("empty.json", 2, "service account"),
        ("absent", 2, "absent: No such file"),
    ],
)
def test_inspect_refuses_other_keys(url: str, tmp_path: Path, name: str, code: int, said: str) -> None:
    public_keys(tmp_path)
    (tmp_path / "broken.pem").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    (tmp_path / "empty.json").write_text("{}")
    path = tmp_path / name if (tmp_path / name).exists() else example_directory() / name

    result = run("inspect", url, "--key", str(path))

    assert result.exit_code == code
    assert said in result.stderr
    assert "PRIVATE KEY" not in result.output


def test_jwt_02_a_token_without_a_signature_is_refused() -> None:
    result = run("inspect", "eyJhbGciOiJub25lIn0.e30.AA")

    assert result.exit_code == 1
    assert "RS256" in result.stderr


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"neither", 1, "header, payload and signature are needed; nor is it a .pkpass"),
        (b"PK\x03\x04", 1, "what: "),
        (b"", 1, "what: "),
        (None, 2, "what: No such file"),
    ],
)
def test_inspect_refuses_what_it_does_not_know(
    tmp_path: Path, data: bytes | None, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if data is not None:
        (tmp_path / "what").write_bytes(data)

    result = run("inspect", "what", "--json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr


def test_a_pass_json_that_is_no_object_is_refused(card: Path, tmp_path: Path) -> None:
    changed = repacked(card, tmp_path / "list.pkpass", lambda files: files.update({"pass.json": b"[]"}))

    result = run("inspect", str(changed))

    assert result.exit_code == 1
    assert f"{changed}: pass.json: pass.json has to hold an object" in result.stderr


# --- check ---------------------------------------------------------------------------------------


def unpacked(card: Path) -> dict[str, Any]:
    with zipfile.ZipFile(card) as archive:
        document: dict[str, Any] = json.loads(archive.read("pass.json"))
    return document


def test_check_judges_a_pass_json(card: Path, tmp_path: Path) -> None:
    path = tmp_path / "pass.json"
    path.write_text(json.dumps(unpacked(card)))

    result = run("check", str(path), "--as", "pass.json")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{path}: ok, as pass.json\n")


def test_check_refuses_a_code_in_what_is_bound(card: Path) -> None:
    document = json.dumps(unpacked(card))

    result = run("check", "-", "--as", "PASS.JSON", "--bound", "--json", stdin=document)

    [found] = documents(result)
    assert result.exit_code == 1
    assert found["file"] == "-"
    assert found["as"] == "pass.json"
    assert found["ok"] is False
    assert [f["location"] for f in found["findings"] if f["code"] == "binding-forbids-barcode"] == [
        "pass.json#/barcodes/0"
    ]


def test_a_payload_that_says_it_is_bound_is() -> None:
    payload = {
        "id": "1.a",
        "classId": "1.b",
        "state": "ACTIVE",
        "saveRestrictions": {"restrictToEmailSha256": "0" * 64},
        "rotatingBarcode": {"type": "QR_CODE"},
    }

    result = run("check", "-", "--as", "LoyaltyObject", stdin=json.dumps(payload))

    assert result.exit_code == 1
    assert "#/rotatingBarcode: a bound pass can't have a barcode" in result.stdout


def test_check_reads_links_and_claims(url: str, tmp_path: Path) -> None:
    [document] = documents(run("inspect", url, "--json"))
    (tmp_path / "link.txt").write_text(url)

    for args in ((url, "--as", "link"), (str(tmp_path / "link.txt"), "--as", "link")):
        result = run("check", *args)
        assert result.exit_code == 0
        assert url not in result.output
    assert run("check", "-", "--as", "save-claims", stdin=json.dumps(document["claims"])).exit_code == 0


@pytest.mark.parametrize(
    ("args", "stdin", "code", "said"),
    [
        (("-", "--as", "pass.json"), "{", 1, "[bad-json]"),
        (("-", "--as", "pass.json"), b"\xff\xfe\xff", 1, "pass.json"),
        (("-", "--as", "loyaltyClass"), "[]", 1, "has to be a JSON object"),
        (("-", "--as", "link"), b"\xff", 1, "[bad-token]"),
        (("-", "--as", "loyaltyKlass"), "{}", 2, "did you mean 'loyaltyClass'?"),
        (("-", "--as", "xyzzy"), "{}", 2, "it is one of pass.json, "),
        (("absent", "--as", "link"), "", 2, "absent: No such file"),
        ((TEMPLATE, "--as", "link"), "", 2, "Is a directory"),
    ],
)
def test_check_says_what_is_wrong(args: tuple[str, ...], stdin: str | bytes, code: int, said: str) -> None:
    result = run("check", *args, stdin=stdin)

    assert result.exit_code == code
    assert said in result.output


def test_on_a_terminal_long_lines_hang_under_their_heads() -> None:
    from io import StringIO

    from rich.console import Console

    from passwright.cli import output
    from passwright.report import error

    out = Console(file=StringIO(), force_terminal=True, width=40, color_system=None, markup=False)
    output.print_findings([error("some-code", "place", "word " * 20, "hint")], on=out, indent=2)

    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("  error   place: word")
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert max(map(len, lines)) <= 40
