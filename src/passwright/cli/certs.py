"""Certificates: `certs example`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import Annotated

import typer

from passwright.cli import files, show

__all__ = ["app"]

app = typer.Typer(help="Certificates and keys.", no_args_is_help=False)


@app.callback()
def _top() -> None:
    """Certificates and keys."""


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.", show_default=False)],
) -> int:
    """Make a throw-away authority in Apple's shape, with keys and a service account look-alike."""
    from passwright.testing.example import write_example

    with files.new_folder(folder) as made:
        write_example(made, now=datetime.now(UTC))
        count = sum(1 for _ in made.iterdir())
    what = "files of a make-believe authority. Nobody trusts it; its README says more."
    show.console().print(f"{show.plain(folder)}: {count} {what}")
    return 0
