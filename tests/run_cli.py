"""Runs the command in this process, and holds every run to the promises that all have."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner, Result

from passwright.cli.app import app
from passwright.examples.authority import example_directory, example_template_directory

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = str(example_template_directory())
ADDRESS = "jane.canary@gmail.com"
LEARN_MORE = "https://support.example.com/pass-help"
HOLDER = ("--set", "fullName=Jürgen Größe")
CARD = ("build", TEMPLATE, "--serial", "M-1", "--example")
LINK = ("link", TEMPLATE, "--serial", "M-1", "--example")
BOUND = ("--bind", ADDRESS, "--learn-more", LEARN_MORE)


def run(*args: str, stdin: str | bytes | None = None) -> Result:
    """The result of `passwright *args`: an exit code of ours, no traceback, no address."""
    result = CliRunner().invoke(app, args, input=stdin, prog_name="passwright")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    assert "canary" not in result.output
    return result


def documents(result: Result) -> list[Any]:
    """Standard output as JSON documents, one for each line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def certs(folder: Path) -> Path:
    """The example authority as its owner should keep it; a clone has no modes."""
    made = folder / "certs"
    shutil.copytree(example_directory(), made)
    for path in made.iterdir():
        path.chmod(0o600)
    return made


def club(folder: Path, *changes: tuple[str, str]) -> str:
    """A copy of the membership template with some texts of template.toml changed."""
    made = folder / "club"
    shutil.copytree(TEMPLATE, made)
    text = (made / "template.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (made / "template.toml").write_text(text, "utf-8")
    return str(made)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pem(keys: Path, name: str) -> tuple[str, ...]:
    """The options that sign with one of the example's certificates."""
    files = {"--cert": f"{name}.pem", "--key": f"{name}.key", "--intermediate": "wwdr.pem"}
    return tuple(word for option, file in files.items() for word in (option, str(keys / file)))
