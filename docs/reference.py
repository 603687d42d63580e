"""Writes the pages that are made from code: findings, command-line, meanings, troubleshooting.

python docs/reference.py            writes them
python docs/reference.py --check    fails where one differs from what it would write
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from passwright.apple.verification import device_errors
from passwright.cli.app import app
from passwright.model.kinds import KINDS
from passwright.report import explanation, finding_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def findings() -> Iterator[str]:
    """Every code, as `passwright explain` tells it."""
    yield "# Findings\n"
    yield "Made from `codes.toml` by `docs/reference.py`. `passwright explain CODE` prints the same.\n"
    yield "Codes are stable. Those with dashes are findings and errors of the library; those with"
    yield "underscores are refusals in the life of a bound pass.\n"
    for code in finding_codes():
        told = explanation(code)
        yield f"## {code}\n"
        yield f"{told.title}.\n"
        yield f"{told.why}\n"
        yield f"*What to do:* {told.remedy}\n"
        yield f"*Source:* {told.source}\n"


def command_line() -> Iterator[str]:
    """Every command with its arguments and options, from the program itself."""
    yield "# The command line\n"
    yield "Made from the program by `docs/reference.py`. It needs the extra `cli`:"
    yield "`pip install 'passwright[cli]'`.\n"
    yield "Exit codes: 0 good, 1 findings of severity error, 2 wrong use. With `--json` standard output"
    yield "holds one JSON document per file and line, and nothing else.\n"
    root: Any = typer.main.get_command(app)
    yield from _commands("passwright", root)


def _commands(name: str, command: Any) -> Iterator[str]:
    for below, each in getattr(command, "commands", {}).items():
        full = f"{name} {below}"
        if hasattr(each, "commands"):
            yield from _commands(full, each)
            continue
        yield f"## {full}\n"
        yield " ".join((each.help or "").split("\f")[0].split()) + "\n"
        rows = [row for parameter in each.params if (row := _row(parameter))]
        if rows:
            yield "| | |\n|---|---|"
            yield from rows
            yield ""


def _row(parameter: Any) -> str:
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return ""
    text = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    if parameter.param_type_name == "argument":
        metavar = parameter.metavar or parameter.human_readable_name.upper()
        return f"| `{metavar}` | {text} |"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return f"| {names} | {text} |"


def meanings() -> Iterator[str]:
    """Every kind, and where each of its meanings stands in both wallets."""
    yield "# Kinds and meanings\n"
    yield 'Made from `kinds.py` by `docs/reference.py`. `means = "seat"` in a field puts its value where'
    yield "each wallet keeps seats; without a place of its own it is a field on Apple and a text module"
    yield "on Google. Paths of Apple stand below `semantics` unless they start with a slash.\n"
    for kind in KINDS.values():
        yield f"## {kind.name}\n"
        yield f"Apple `{kind.style}`, Google `{kind.class_type}` and `{kind.object_type}`.\n"
        if kind.places:
            yield "| meaning | Apple | Google |\n|---|---|---|"
            for name, place in kind.places.items():
                apple = ", ".join(f"`{path}`" for path in place.apple)
                yield f"| `{name}` | {apple} | {f'`{place.google}`' if place.google else ''} |"
            yield ""


def troubleshooting() -> Iterator[str]:
    """Every cause for which phones refuse a pass, and what they log for it."""
    yield "# The phone refuses the pass\n"
    yield "Made from `refusals.toml` by `docs/reference.py`.\n"
    yield "Phones say little: *Sorry, your pass cannot be installed*, *Safari cannot download this file*,"
    yield "or nothing. Two commands say more:\n"
    yield "- `passwright doctor FILE.pkpass` runs every check and names the one thing to mend first."
    yield '- `passwright explain "LOG LINE"` tells what a device means; `passwright explain -` reads a log.\n'
    yield "The log of an iPhone shows in Console on a Mac it is connected to, that of the Simulator likewise:"
    yield "look for `Invalid data error reading pass` from `passd`, `PassKitCore` or `Pass Viewer`. A Mac is"
    yield "more tolerant than a phone about certificates. What phones cannot do with your web service they"
    yield "post to `/v1/log`. Apple documents none of the wording, and it may change.\n"
    yield "## What devices say\n"
    yield "| message | causes, the likely one first |\n|---|---|"
    for message in device_errors.messages():
        named = ", ".join(f"[{cause.title}](#{cause.id})" for cause in message.causes)
        told = named or "it says that something is wrong, and not what"
        texts = "<br>".join(message.texts).replace("*", "…")
        yield f"| {texts}{' (in this sense)' if message.sense else ''} | {told} |"
    yield "\n## Causes, in the order in which they are mended\n"
    for cause in device_errors.causes():
        yield f"### {cause.title}"
        yield f'<a id="{cause.id}"></a>\n'
        codes = ", ".join(dict.fromkeys(f"`{code.partition('@')[0]}`" for code in cause.codes))
        yield f"*Found by:* {codes or 'nothing in the file'}\n"
        yield f"*To see it:* {cause.see}\n"
        yield f"*What to do:* {cause.remedy}\n"
        yield f"*Source:* {cause.source}\n"


PAGES = {
    "findings.md": findings,
    "command-line.md": command_line,
    "meanings.md": meanings,
    "troubleshooting.md": troubleshooting,
}


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, lines in PAGES.items():
        text = "\n".join(lines()).rstrip("\n") + "\n"
        page = HERE / name
        if "--check" in sys.argv:
            if not page.exists() or page.read_text("utf-8") != text:
                stale.append(name)
        else:
            page.write_text(text, "utf-8")
    for name in stale:
        print(f"docs/{name} is stale: run python docs/reference.py")
    return len(stale)


if __name__ == "__main__":
    sys.exit(main())
