"""Organisations of the service: `organisations set`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from passwright.cli import output, service_setup
from passwright.cli.commands.keys import find_organisation
from passwright.cli.service_setup import Config, Database, Example  # noqa: TC001 -- Typer reads annotations
from passwright.errors import UsageError

__all__ = ["app"]

app = typer.Typer(help="Organisations of the service: enable and disable features.")


class Switch(StrEnum):
    """The state of a feature."""

    ON = "on"
    OFF = "off"


@app.callback()
def _top() -> None:
    """Keeps `set` a command of its own: Typer makes the only command of an app the app itself."""


@app.command("set")
def set_(
    organisation: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The organisation, by name or id.",
            show_default=False,
        ),
    ],
    *,
    binding: Annotated[
        Switch,
        typer.Option(
            "--binding",
            help="Whether the organisation can bind new passes to a person. Bound passes stay bound.",
            show_default=False,
        ),
    ],
    config: Config = None,
    database: Database = None,
    example: Example = False,
) -> int:
    """Enable or disable a feature of an organisation. The service can run meanwhile."""
    service_setup.check_extra()
    from passwright.service import api_keys

    with service_setup.storage_only(service_setup.load_settings(config, database, example=example)) as opened:
        found = find_organisation(opened, organisation)
        if found is None:
            raise UsageError(f"there is no organisation {organisation}: `passwright keys list` prints them")
        now = api_keys.set_binding(opened, found.id, on=binding is Switch.ON)
    output.print_line(f"{now.id}  {output.safe_text(now.name)}  binding {binding.value}")
    return 0
