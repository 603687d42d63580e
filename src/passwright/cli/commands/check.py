"""Judging payloads that others made: `check`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passwright import strict_json
from passwright.cli import files, json_output, options, output
from passwright.errors import InvalidInput, UsageError
from passwright.google.reading import link
from passwright.schema.pointers import did_you_mean
from passwright.validation import PAYLOADS
from passwright.validation import check as check_payload

if TYPE_CHECKING:
    from passwright.apple.rules.layouts import Layout

__all__ = ["check"]


def check(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The file to validate; - is standard input.", show_default=False),
    ],
    *,
    as_: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help=f"The type of the payload: {', '.join(PAYLOADS)}.",
            show_default=False,
        ),
    ],
    bound: Annotated[
        bool,
        typer.Option(
            "--bound", help="The pass is bound to one person, even if the payload does not show it."
        ),
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Validate a payload from any source: a pass.json, a Google class or object, the claims of a link."""
    known = {name.lower(): name for name in PAYLOADS}
    name = known.get(as_.lower())
    if name is None:
        hint = did_you_mean(as_, PAYLOADS) or f"it is one of {', '.join(PAYLOADS)}"
        raise UsageError(f"--as: there is no payload called {as_!r}: {hint}")
    given = name == "link" and link.is_link_text(file)
    data = file.encode() if given else files.read(Path(file), strict_json.MAX_BYTES)
    found = check_payload(data, name, bound=bound, at=datetime.now(UTC))
    drawn = _layouts(data) if name == "pass.json" else ()
    shown = "the link" if given else file
    if as_json:
        document = {"file": shown, "as": name, "ok": found.ok, "findings": json_output.findings(found)}
        if name == "pass.json":
            document["layouts"] = [each.as_dict() for each in drawn]
        output.print_document(document)
    else:
        out = output.console()
        verdict = "ok" if found.ok else f"{len(found.errors)} error{'s' * (len(found.errors) != 1)}"
        out.print(f"{output.safe_text(shown)}: {verdict}, as {name}")
        output.print_findings(found, on=out, indent=2)
        output.print_layouts(drawn, on=out)
    return 0 if found.ok else 1


def _layouts(data: bytes) -> tuple[Layout, ...]:
    """Returns the layout in each version of iOS, nothing if the document can't be read."""
    from passwright.apple.rules.layouts import layouts

    try:
        document = strict_json.loads_tolerant(data, name="pass.json").value
    except InvalidInput:
        return ()
    return layouts(document) if isinstance(document, dict) else ()
