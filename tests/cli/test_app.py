"""The command itself: help, exit codes, what it says without its extra, and as a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
import typer.main

import passwright
from passwright.cli import output
from passwright.cli.app import app
from passwright.examples.authority import example_directory
from passwright.report import finding_codes
from tests.run_cli import ADDRESS, TEMPLATE, documents, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

COMMANDS = (
    *("demo", "new", "build", "link", "verify", "inspect", "check", "explain", "doctor"),
    *("schema", "nfc-key", "certs", "batch", "serve", "keys", "organisations", "vault"),
)
CERTS = ("example", "request", "check", "intermediate")
KEYS = ("add", "list", "revoke")
ORGANISATIONS = ("set",)
VAULT = ("create", "rotate")


def process(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "passwright", *args]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False, **more)


def every_command(command: Any, path: str = "passwright") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from every_command(each, f"{path} {name}")
    else:
        yield path, command


def test_these_are_the_commands() -> None:
    assert set(typer.main.get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_help_names_every_command(args: tuple[str, ...]) -> None:
    result = run(*args)

    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)


def test_every_option_and_argument_has_a_help_text() -> None:
    found = list(every_command(typer.main.get_command(app)))

    assert len(found) == len(COMMANDS) - 4 + len(CERTS) + len(KEYS) + len(ORGANISATIONS) + len(VAULT)
    for path, command in found:
        assert command.help, path
        for param in command.params:
            assert param.help, f"{path} {param.name}"


@pytest.mark.parametrize("command", [*((name,) for name in COMMANDS), *(("certs", name) for name in CERTS)])
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_key_07_no_option_carries_a_password() -> None:
    """What stands on a command line is seen by every user of the machine."""
    options = {
        option
        for _, command in every_command(typer.main.get_command(app))
        for param in command.params
        for option in param.opts
    }

    assert {option for option in options if "pass" in option and option != "--pass-type"} == {
        "--password-file"
    }


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"passwright {passwright.__version__}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("biuld",), "No such command"),
        (("build", "--bnid", "x"), "No such option"),
        (("build", TEMPLATE), "--serial"),
        (("verify",), "FILE"),
        (("link", TEMPLATE, "--serial", "M-1", "--inserted", "thing"), "--inserted"),
        *(((group,), f"Missing command. (passwright {group} --help") for group in ("certs", "keys", "vault")),
    ],
)
def test_wrong_use_is_one_sentence_and_two(args: tuple[str, ...], said: str) -> None:
    result = run(*args)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.startswith("passwright: ")
    assert len(result.stderr.splitlines()) == 1
    assert "--help tells more" in result.stderr


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("batch club rows.csv --links", "passwright batch"),
        ("certs check pass.pem --at", "passwright certs check"),
        ("certs check", "passwright certs check"),
        ("certs --nope", "passwright certs"),
        ("nope", "passwright"),
    ],
)
def test_wrong_use_names_the_help_of_its_command(words: str, command: str) -> None:
    result = run(*words.split())

    assert result.exit_code == 2
    assert f"({command} --help tells more)" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "args",
    [
        ("build", TEMPLATE, ADDRESS, "--serial", "M-1", "--out", "x"),
        ("link", TEMPLATE, "--serial", "M-1", "--inserted", ADDRESS),
        (f"--{ADDRESS}",),
    ],
)
def test_eml_12_an_address_in_the_wrong_place_is_not_repeated(args: tuple[str, ...]) -> None:
    result = run(*args)

    assert result.exit_code == 2
    assert "(hidden)" in result.stderr


def test_explain_tells_why_and_what_to_do() -> None:
    result = run("explain", "duplicate-name")

    assert result.exit_code == 0
    for part in ("duplicate-name", "why", "remedy", "source", "APPNOTE"):
        assert part in result.stdout


def test_explain_without_a_code_lists_them_all() -> None:
    listed = run("explain").stdout.splitlines()

    assert [line.split()[0] for line in listed] == list(finding_codes())
    assert all(len(line.split()) > 2 for line in listed)


@pytest.mark.parametrize(
    ("code", "said"), [("duplicate-nam", "'duplicate-name'"), ("xyzzy", "lists all codes")]
)
def test_explain_knows_what_was_meant(code: str, said: str) -> None:
    result = run("explain", code)

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Zoë ☕ 你好", "Zoë ☕ 你好"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb", "a\\nb"),
        ("abc\u202edef", "abc\\u202edef"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\udcff", "\\udcff"),
    ],
)
def test_nothing_from_outside_steers_the_terminal(text: str, safe: str) -> None:
    assert output.safe_text(text) == safe


# --- as a process --------------------------------------------------------------------------------


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    made = process("build", TEMPLATE, "--serial", "M-1", "--example", "--out", "card.pkpass", cwd=tmp_path)
    judged = process("verify", "card.pkpass", "--example", "--json", cwd=tmp_path)

    assert made.returncode == 0
    assert "error" not in made.stderr
    assert made.stdout.startswith("card.pkpass: pass M-1 of pass.com.example.passwright")
    assert (judged.returncode, judged.stderr) == (0, "")
    assert json.loads(judged.stdout)["ok"] is True


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pkpass"
    broken.write_bytes(b"not a zip")

    assert process("verify", str(broken)).returncode == 1
    assert process("verify", str(tmp_path / "absent")).returncode == 2


def test_without_a_terminal_there_are_no_colours_and_no_wrapping(tmp_path: Path) -> None:
    result = process("demo", "--out", str(tmp_path), env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "40"})

    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert "✓ signature  covers this manifest\n" in result.stdout
    assert max(map(len, result.stdout.splitlines())) > 80


def test_an_output_in_ascii_gets_words_for_signs(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = process("demo", "--out", str(tmp_path / "dé"), env=env)

    assert result.returncode == 0
    assert result.stdout.isascii()
    assert "ok signature" in result.stdout
    assert "d\\xe9" in result.stdout


def test_a_name_that_is_no_text_is_a_name(tmp_path: Path) -> None:
    """File names on Unix are bytes."""
    result = process("verify", os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pkpass"))

    assert result.returncode == 2
    assert "\\udcff.pkpass: No such file" in result.stderr


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback() -> None:
    command = f"{sys.executable} -m passwright explain | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, encoding="utf-8", check=False)

    assert len(result.stdout.splitlines()) == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("absent", ["typer", "rich"])
def test_sup_02_without_its_extra_the_command_says_what_to_install(absent: str) -> None:
    code = f"import sys; sys.modules[{absent!r}] = None; from passwright.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)

    assert result.returncode == 2
    assert result.stdout == ""
    expected = f"passwright: this needs an extra ({absent} missing): pip install 'passwright[cli]'\n"
    assert result.stderr == expected


def test_importing_the_command_imports_nothing_of_others() -> None:
    others = {"typer", "rich", "cryptography", "PIL"}
    code = f"import sys, passwright.cli; print(sorted({others} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)

    assert result.stdout == "[]\n"


def test_main_ends_by_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    from passwright.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["explain", "duplicate-name"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("duplicate-name\n")


def test_main_without_its_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from passwright import cli

    monkeypatch.setattr(cli, "NEEDED", ("typer", "no_such_module_at_all"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain"])

    assert ended.value.code == 2
    assert "no_such_module_at_all missing" in capsys.readouterr().err


def test_standard_output_may_be_anything_that_takes_text() -> None:
    from passwright.cli import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main(["--version"])

    assert out.getvalue() == f"passwright {passwright.__version__}\n"


def test_stopping_at_a_question_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("passwright.cli.files.password", stopped)
    p12 = str(example_directory() / "pass.p12")
    args = ("build", TEMPLATE, "--serial", "M-1", "--set", "fullName=J", "--p12", p12)

    result = run(*args, "--out", str(tmp_path / "card.pkpass"))

    assert result.exit_code == 2
    assert result.stderr == "passwright: stopped\n"


def test_a_json_document_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_document({"name": "Zoë\n☕"})

    written = capsys.readouterr().out
    assert written.isascii()
    assert written.count("\n") == 1
    assert json.loads(written) == {"name": "Zoë\n☕"}


def test_no_document_is_printed_where_nothing_was_judged(tmp_path: Path) -> None:
    result = run("verify", str(tmp_path / "absent.pkpass"), "--json")

    assert result.exit_code == 2
    assert documents(result) == []


def test_a_flag_is_not_shown_as_if_it_took_a_value() -> None:
    """Newer versions of Typer write `--json <bool>` into their help."""
    for words in ((), ("verify",), ("certs", "example")):
        shown = process(*words, "--help").stdout
        assert "--help" in shown
        assert "bool" not in shown
