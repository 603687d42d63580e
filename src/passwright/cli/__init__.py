"""The command `passwright`: arguments, printing, exit codes.

Exit 0 is success, 1 means findings of severity error, 2 a usage error. With `--json` standard output holds
one JSON document per file and line, and nothing else.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from passwright.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; `argv` are the words after its name, default those of the process.

    Raises:
        SystemExit: always, with the exit code.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"passwright: {MissingExtra('cli', missing=missing)}", file=sys.stderr)  # noqa: T201 -- there is no Rich to print with
        raise SystemExit(2)
    from passwright.cli.app import app

    app(args=argv, prog_name="passwright")
