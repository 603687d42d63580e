"""JSON Schemas of what we judge: `schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passwright.apple.build import pass_json
from passwright.cli import output, service_setup
from passwright.errors import UsageError
from passwright.google import schema as google_schema
from passwright.model import validation
from passwright.schema.json_schema import json_schema
from passwright.schema.pointers import did_you_mean

if TYPE_CHECKING:
    from passwright.schema.model import Schema

__all__ = ["SCHEMAS", "of", "schema"]

# Names of the schemas; Google's names in either spelling.
SCHEMAS = (
    "template",
    "pass.json",
    "personalization.json",
    *(f"{vertical}{part}" for vertical in google_schema.VERTICALS for part in ("Class", "Object")),
)
_APPLE = {"pass.json": "Pass", "personalization.json": "Personalize"}


def of(name: str, *, writing: bool = True) -> dict[str, Any]:
    """The schema called `name`, one of `SCHEMAS`."""
    table, root, title = _table(name)
    return json_schema(table, root, title=title, writing=writing)


def _table(name: str) -> tuple[Schema, str, str]:
    if name == "template":
        return validation.template_schema(), "Template", "template.toml of Passwright"
    if name in _APPLE:
        return pass_json.pass_schema(), _APPLE[name], f"{name} of an Apple Wallet pass"
    root = f"{name[0].upper()}{name[1:]}"
    return google_schema.payload_schema(), root, f"{root} of Google Wallet"


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help=f"One of {', '.join((*SCHEMAS, 'openapi'))}.", show_default=False
        ),
    ],
    *,
    reading: Annotated[
        bool,
        typer.Option(
            "--reading",
            help="For payloads from any source: accept unknown keys, as wallets do.",
        ),
    ] = False,
) -> int:
    """Print the JSON Schema (2020-12) of a template, a pass.json, or a Google class or object.

    `openapi` prints the description of the service's API (OpenAPI 3.1).
    """
    known = {each.lower(): each for each in (*SCHEMAS, "template.toml")}
    if name.lower() == "openapi":
        output.print_line(json.dumps(_openapi(), indent=2))
        return 0
    found = known.get(name.lower())
    if found is None:
        every = (*SCHEMAS, "openapi")
        hint = did_you_mean(name, every) or f"it is one of {', '.join(every)}"
        raise UsageError(f"there is no schema of {name!r}: {hint}")
    # ASCII, so that any encoding of the terminal carries it.
    output.print_line(json.dumps(of(found.removesuffix(".toml"), writing=not reading), indent=2))
    return 0


def _openapi() -> dict[str, Any]:
    service_setup.check_extra()
    from passwright.service.web.app import description

    return description()
