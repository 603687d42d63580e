"""`passwright new`: a template folder to start from."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import Annotated

import typer

from passwright.cli import files, output
from passwright.errors import UsageError
from passwright.schema.pointers import did_you_mean

__all__ = ["new"]


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create.", show_default=False)],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            help="The kind of the example: loyalty, gift_card, offer, event, generic, flight or train. "
            "Default: loyalty.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Convert this .pkpass instead.", show_default=False),
    ] = None,
) -> int:
    """Create a template folder, from an example or from an existing pass."""
    from passwright.examples.authority import EXAMPLE_TEMPLATES, example_template_directory

    if source is not None:
        if kind is not None:
            raise UsageError("--kind and --from exclude each other: a pass says itself what kind it is")
        return _new_from(source, folder)
    kind = kind or "loyalty"
    if kind not in EXAMPLE_TEMPLATES:
        hint = did_you_mean(kind, EXAMPLE_TEMPLATES) or f"there is one for: {', '.join(EXAMPLE_TEMPLATES)}"
        raise UsageError(f"there is no template of the kind {kind!r} to start from: {hint}")
    with files.new_folder(folder) as made:
        example = example_template_directory(kind)
        shutil.copytree(example, made, dirs_exist_ok=True, copy_function=shutil.copyfile)
        text = (made / "template.toml").read_text("utf-8")
        text = re.sub(r'(?m)^id = ".*"$', f'id = "{_fresh_id(folder)}"', text, count=1)
        (made / "template.toml").write_text(text, "utf-8")
    out = output.console()
    out.print(f"{output.safe_text(folder)} holds a template: texts in template.toml, pictures, translations.")
    out.print(
        f"Next: passwright build {output.shell_quote(folder)} --serial M-0001 --example --out card.pkpass"
    )
    return 0


def _new_from(source: Path, folder: Path) -> int:
    """A template folder out of a finished pass, and what it does not say as the pass does."""
    from passwright.apple.container.limits import PASS_LIMITS
    from passwright.apple.reading.contents import read
    from passwright.apple.reading.to_template import template_from_contents

    with files.naming(source):
        contents = read(files.read(source, PASS_LIMITS.archive_bytes))
    template, report = template_from_contents(contents, name=_fresh_id(folder))
    with files.new_folder(folder) as made:
        template.save(made)
    output.print_findings(report)
    out = output.console()
    out.print(f"{output.safe_text(folder)} holds a template of the kind {template.kind.name}, out of a pass.")
    out.print("Its examples are what that pass said: look through them before you hand the folder on.")
    out.print(
        f"Next: passwright build {output.shell_quote(folder)} --serial M-0001 --example --out card.pkpass"
    )
    return 0


def _fresh_id(folder: Path) -> str:
    """Named after the folder, with an end of its own: Google keeps the class of an id for ever."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:40]
    return f"{name or 'template'}-{secrets.token_hex(3)}"
