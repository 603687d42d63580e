"""API keys of the service: `keys`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from passwright.cli import output, service_setup
from passwright.cli.service_setup import Config, Database, Example  # noqa: TC001 -- Typer reads annotations
from passwright.errors import NotFound, UsageError

if TYPE_CHECKING:
    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import Organisation

__all__ = ["app", "find_organisation"]

app = typer.Typer(help="API keys of the service: add, list, revoke.")


@app.command()
def add(
    organisation: Annotated[
        str,
        typer.Argument(
            metavar="ORGANISATION",
            help="The organisation of the key, by name or id. A new name creates an organisation.",
            show_default=False,
        ),
    ],
    *,
    name: Annotated[str, typer.Option("--name", help="A name for the key, shown in the list.")] = "",
    no_binding: Annotated[
        bool, typer.Option("--no-binding", help="Disable binding for a new organisation.")
    ] = False,
    config: Config = None,
    database: Database = None,
    example: Example = False,
) -> int:
    """Create an API key and print it once. The database stores only a hash."""
    service_setup.check_extra()
    from passwright.service import api_keys

    with service_setup.storage_only(service_setup.load_settings(config, database, example=example)) as opened:
        owner = find_organisation(opened, organisation)
        if owner is not None and owner.binding and no_binding:
            raise UsageError(
                "--no-binding is for a new organisation: "
                "`passwright organisations set NAME --binding off` changes one that is there"
            )
        owner = owner or api_keys.new_organisation(opened, organisation, binding=not no_binding)
        text, _ = api_keys.add(opened, owner.id, name, at=datetime.now(UTC))
    output.print_line(text)
    return 0


def find_organisation(opened: ServiceContext, name: str) -> Organisation | None:
    """Finds an organisation by its name or id.

    Raises:
        UsageError: several have this name.
    """
    from passwright.service import api_keys

    known = [each for each, _ in api_keys.list_api_keys(opened) if name in (each.id, each.name)]
    if len(known) > 1:
        raise UsageError(f"several organisations are called {name}: give the id (keys list)")
    return known[0] if known else None


@app.command("list")
def list_(*, config: Config = None, database: Database = None, example: Example = False) -> int:
    """List organisations and the ids and names of their keys, never the keys."""
    service_setup.check_extra()
    from passwright.service import api_keys

    with service_setup.storage_only(service_setup.load_settings(config, database, example=example)) as opened:
        found = api_keys.list_api_keys(opened)
    for organisation, keys in found:
        off = "" if organisation.binding else "  (binding off)"
        output.print_line(f"{organisation.id}  {output.safe_text(organisation.name)}{off}")
        for key in keys:
            ended = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "in use"
            output.print_line(
                f"  {key.id}  since {key.created_at:%Y-%m-%d}  {ended}  {output.safe_text(key.name)}".rstrip()
            )
    return 0


@app.command()
def revoke(
    key: Annotated[
        str,
        typer.Argument(metavar="ID", help="The id of the key, as `keys list` prints it.", show_default=False),
    ],
    *,
    config: Config = None,
    database: Database = None,
    example: Example = False,
) -> int:
    """Revoke a key: requests with it are rejected from now on."""
    service_setup.check_extra()
    from passwright.service import api_keys

    with service_setup.storage_only(service_setup.load_settings(config, database, example=example)) as opened:
        try:
            api_keys.revoke(opened, key, at=datetime.now(UTC))
        except NotFound:
            raise UsageError("there is no key of this id: `passwright keys list` prints them") from None
    return 0
