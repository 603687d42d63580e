"""`doctor` says the one thing to mend first; `explain` says what a device, a key or a code means."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from passwright import report
from passwright.apple.trust.anchors import Trust
from passwright.apple.verification import device_errors
from passwright.apple.verification.diagnosis import diagnose
from passwright.cli import output
from passwright.cli.commands import doctor, explain
from passwright.examples.authority import example_directory
from tests.cli.test_check import repacked
from tests.run_cli import TEMPLATE, documents, run

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = "Invalid data error reading pass pass.com.example/1. Manifest signature did not verify successfully"
LINK = "https://pay.google.com/gp/v/save/eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.AAAA"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "card.pkpass"
    run("build", TEMPLATE, "--serial", "M-1", "--example", "--out", str(path))
    return path


# --- doctor --------------------------------------------------------------------------------------


def test_a_sound_pass_is_healthy(card: Path) -> None:
    result = run("doctor", str(card), "--example")

    assert result.exit_code == 0
    assert f"{card}: phones would take it from an authority of Apple's\n" in result.stdout
    assert "  mend       nothing\n" in result.stdout
    assert "✓ content" in result.stdout


def test_the_first_thing_to_mend_is_said_with_cause_remedy_and_what_phones_log(card: Path) -> None:
    result = run("doctor", str(card))

    assert result.exit_code == 1
    assert f"{card}: phones refuse it\n" in result.stdout
    assert "  mend first Apple did not issue the certificate\n" in result.stdout
    assert "leads to no trusted root [untrusted-chain]" in result.stdout
    assert "  to see it  passwright certs check CERTIFICATE" in result.stdout
    assert "  what to do Sign with a certificate from Apple's portal" in result.stdout
    assert "  phones say “The passTypeIdentifier or teamIdentifier provided may not" in result.stdout
    assert result.stdout.count("mend first") == 1


def test_an_authority_may_be_named(card: Path) -> None:
    root = example_directory() / "root.pem"

    assert run("doctor", str(card), "--root", str(root)).exit_code == 0
    assert run("doctor", str(card), "--example", "--at", "2019-01-01T00:00:00Z").exit_code == 1


def test_what_else_there_is_waits(card: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        document = {**json.loads(files["pass.json"]), "backgroundColor": "rgb(1-2-3)", "madeUp": 1}
        files["pass.json"] = json.dumps(document).encode()

    broken = repacked(card, tmp_path / "broken.pkpass", change)
    result = run("doctor", str(broken), "--example")

    assert result.exit_code == 1
    assert "  mend first A file differs from its digest in the manifest\n" in result.stdout
    assert "  phones say something like “hash of file" in result.stdout
    assert "  then       1 error and 1 warning wait: passwright verify shows all of them\n" in result.stdout
    assert "✗ manifest" in result.stdout


def test_one_that_waits_is_one(card: Path, tmp_path: Path) -> None:
    broken = repacked(card, tmp_path / "broken.pkpass", lambda files: files.update({"notes.txt": b"x"}))

    assert "then" not in run("doctor", str(broken), "--example").stdout
    more = repacked(broken, tmp_path / "more.pkpass", lambda files: files.update({"x.txt": b"x"}))
    assert "  then       1 error waits: " in run("doctor", str(more), "--example").stdout


def test_a_fault_that_phones_do_not_mind_is_a_fault(card: Path) -> None:
    found = diagnose(card.read_bytes(), trust=Trust.apple())
    harmless = replace(found, cause=device_errors.cause("no-code"), refused=False)

    assert doctor.outcome(harmless)[0] == "phones take it, with a fault"


def test_the_document_holds_everything(card: Path) -> None:
    [document] = documents(run("doctor", str(card), "--json"))

    assert list(document) == [
        *("file", "refused", "no_pass", "first", "cause", "remedy", "device_says", "waiting"),
        *("steps", "findings", "layouts"),
    ]
    assert document["refused"] is True
    assert document["first"]["code"] == "untrusted-chain"
    assert document["cause"]["id"] == "not-apples"
    assert document["waiting"] == {"errors": 0, "warnings": 0}

    [healthy] = documents(run("doctor", str(card), "--example", "--json"))
    assert (healthy["first"], healthy["cause"], healthy["remedy"], healthy["device_says"]) == (None,) * 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", "a web page, such as an error or a login"),
        (b'{"message": "Forbidden"}', "JSON, such as an error"),
        (LINK.encode(), "a save link for Google Wallet"),
        (b"", "an empty file"),
        (b"\x1b]0;title\x07", ""),
    ],
)
def test_what_is_no_pass_is_named(data: bytes, said: str) -> None:
    result = run("doctor", "-", stdin=data)

    assert result.exit_code == 1
    assert said in result.stdout
    assert "\x1b" not in result.stdout
    [document] = documents(run("doctor", "-", "--json", stdin=data))
    assert (document["no_pass"] or "").startswith(said)


def test_a_missing_file_and_a_bad_time_are_wrong_use(card: Path, tmp_path: Path) -> None:
    assert run("doctor", str(tmp_path / "none.pkpass")).exit_code == 2
    assert run("doctor", str(card), "--at", "yesterday").exit_code == 2


# --- explain -------------------------------------------------------------------------------------


def test_a_line_of_a_log_is_explained() -> None:
    result = run("explain", REFUSED)

    assert result.exit_code == 0
    assert "“Manifest signature did not verify successfully”\n" in result.stdout
    assert "  The signature does not verify for this manifest\n" in result.stdout
    assert "  see      openssl cms -verify" in result.stdout
    assert "Several causes, the likely one first." in result.stdout
    assert "bad-signature" in result.stdout


def test_a_log_comes_from_standard_input() -> None:
    log = (
        "unrelated",
        REFUSED,
        "The pass cannot be read because it isn't valid.",
        "Pass does not contain icon.png",
    )
    result = run("explain", "-", stdin="\n".join(log))

    assert result.exit_code == 0
    assert "“Manifest signature did not verify successfully”" in result.stdout
    assert "“Pass does not contain icon.png”" in result.stdout
    assert "isn't valid" not in result.stdout, "what says nothing is left out beside what says something"


def test_a_message_that_a_window_broke_is_whole_again() -> None:
    broken = "The passTypeIdentifier or teamIdentifier provided may not match your\ncertificate, or the"
    [document] = documents(run("explain", "-", "--json", stdin=f"{broken} certificate trust chain\n"))

    assert [each["message"] for each in document["messages"]] == ["identifiers-or-chain"]


def test_a_message_without_a_reason_says_where_to_look() -> None:
    result = run("explain", "The pass cannot be read because it isn’t valid.")

    assert result.exit_code == 0
    assert "It says that something is wrong, and not what." in result.stdout


def test_a_part_of_a_message_is_explained_with_a_perhaps() -> None:
    result = run("explain", "The passTypeIdentifier or teamIdentifier provided may not match your cert")

    assert "perhaps “The passTypeIdentifier" in result.stdout


def test_what_no_file_shows_says_so() -> None:
    result = run("explain", "Server requested update to serial number '12345', but the pass was unchanged")

    assert "  codes    none: no file shows it\n" in result.stdout


def test_a_line_of_something_else_ends_with_one_and_says_where_to_look() -> None:
    result = run("explain", "wlan0: connection lost")

    assert result.exit_code == 1
    assert "No message of Wallet that is known stands in this." in result.stdout
    assert "passwright doctor" in result.stdout
    assert documents(run("explain", "wlan0: connection lost", "--json")) == [{"messages": []}]


def test_the_document_of_a_log_line_names_causes_and_codes() -> None:
    [document] = documents(run("explain", REFUSED, "--json"))

    [message] = document["messages"]
    assert (message["message"], message["sure"], message["general"]) == ("manifest-signature", True, False)
    assert [cause["cause"] for cause in message["causes"]] == ["bad-signature", "no-signature"]
    assert "bad-signature" in message["causes"][0]["codes"]


def test_a_key_is_explained_with_type_limits_and_place() -> None:
    result = run("explain", "authenticationToken")

    assert result.exit_code == 0
    assert "authenticationToken, pass.json: Pass\n" in result.stdout
    assert "  limits         at least 16 characters\n" in result.stdout
    assert "  since          iOS 6\n" in result.stdout
    assert "  source         Apple, Wallet Passes" in result.stdout


def test_keys_that_are_alike_are_told_once() -> None:
    result = run("explain", "smartTapRedemptionValue")

    assert "EventTicketObject, FlightObject, GenericObject" in result.stdout
    assert "more places" in result.stdout
    assert result.stdout.count("  type ") == 1


def test_a_word_that_is_code_and_key_is_explained_as_both(capsys: pytest.CaptureFixture[str]) -> None:
    explain.explain("comment")
    told = capsys.readouterr().out

    assert report.explanation("comment").title in told
    [document] = documents(run("explain", "comment", "--json"))
    assert document["code"]["code"] == "comment"


def test_all_codes_are_a_document_too() -> None:
    [document] = documents(run("explain", "--json"))

    assert document["codes"].keys() == set(report.finding_codes())


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("barcods", "did you mean 'barcodes'?"),
        ("unlisted-fil", "did you mean 'unlisted-file'?"),
        ("zzz", "a line of a log stands in quotes"),
    ],
)
def test_a_word_that_is_neither_is_wrong_use_with_a_guess(what: str, said: str) -> None:
    result = run("explain", what)

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("width", [40, 60, 200])
def test_on_a_terminal_of_any_width_lines_hang_under_their_heads(
    width: int, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut off, and no line is longer than the terminal."""
    made = output.console(width=width, record=True)
    found = diagnose(card.read_bytes(), trust=Trust.apple())
    doctor.print_diagnosis("card.pkpass", found, on=made)
    matches = device_errors.explain_log(REFUSED)
    explain.draw_messages(list(matches), on=made)

    text = made.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "card.pkpass: phones refuse it" in text
    assert "untrusted-chain" in "".join(text.split())
