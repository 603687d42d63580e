"""Writes the pages that are generated: findings, command-line, meanings, troubleshooting.

python docs/reference.py            writes the pages
python docs/reference.py --check    exits with 1 if a page differs from its source
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
    """Yields every finding code and error code, with the texts of `passwright explain`."""
    yield "# Find the explanation of a finding code\n"
    yield "`passwright explain CODE` prints the text of one code. This page contains all of them. It is"
    yield "generated from `src/passwright/codes.toml` by `make docs`.\n"
    yield "The codes are stable, so your programs can use them:\n"
    yield "* codes with dashes, such as `bad-date`, are findings and errors of the library;"
    yield "* codes with underscores, such as `platform_locked`, are errors of the service.\n"
    for code in finding_codes():
        found = explanation(code)
        yield f"## {code}\n"
        yield f"{found.title}.\n"
        yield f"{found.why}\n"
        yield f"*Remedy:* {found.remedy}\n"
        yield f"*Source:* {found.source}\n"


def command_line() -> Iterator[str]:
    """Yields every command with its arguments and options, from the program itself."""
    yield "# Use the command line\n"
    yield "Install the command with `pip install 'passwright[cli]'`. This page lists all commands and"
    yield "options. It is generated from the program by `make docs`.\n"
    yield "| exit code | meaning |\n|---|---|"
    yield "| 0 | success |"
    yield "| 1 | findings of severity error |"
    yield "| 2 | usage error |\n"
    yield "With `--json`, standard output contains one JSON document per file, each on one line, and"
    yield "nothing else.\n"
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
            yield "| argument or option | meaning |\n|---|---|"
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
    """Yields every kind, with the members of both wallets for each of its meanings."""
    yield "# Choose a kind and meanings\n"
    yield "The `kind` of a template decides Apple's style and Google's class and object. The key `means`"
    yield 'of a field puts its value into the right member of each wallet: a field with `means = "seat"`'
    yield "is stored where the wallet expects seats.\n"
    yield "If a wallet has no member for a meaning, the value is a normal field on Apple and a text"
    yield "module on Google. Apple's paths are below `semantics`, unless they start with a slash. This"
    yield "page is generated from `kinds.py` by `make docs`.\n"
    for kind in KINDS.values():
        yield f"## {kind.name}\n"
        yield f"Apple `{kind.style}`, Google `{kind.class_type}` and `{kind.object_type}`.\n"
        if kind.meanings:
            yield "| meaning | Apple | Google |\n|---|---|---|"
            for name, place in kind.meanings.items():
                apple = ", ".join(f"`{path}`" for path in place.apple)
                yield f"| `{name}` | {apple} | {f'`{place.google}`' if place.google else ''} |"
            yield ""


def troubleshooting() -> Iterator[str]:
    """Yields every reason for which phones reject a pass, and the messages in their logs."""
    yield "# Find out why a phone rejects a pass\n"
    yield "Phones show short messages such as *Sorry, your pass cannot be installed* or *Safari cannot"
    yield "download this file*, or no message at all. Two commands find the reason:\n"
    yield "1. `passwright doctor FILE.pkpass` runs every check and prints the first problem to correct."
    yield '2. `passwright explain "LOG LINE"` explains a line from the log of a device.'
    yield "   `passwright explain -` reads a log from standard input.\n"
    yield "## Read the log of a device\n"
    yield "1. Connect the iPhone to a Mac and open Console. The Simulator writes to Console as well."
    yield "2. Search for `Invalid data error reading pass` from `passd`, `PassKitCore` or `Pass Viewer`.\n"
    yield "A Mac accepts more certificates than a phone. If a phone cannot use your web service, it posts"
    yield "the reason to `/v1/log`. Apple does not document these messages and can change them. This page"
    yield "is generated by `make docs`.\n"
    yield "## Messages of devices\n"
    yield "| message | causes, the most likely first |\n|---|---|"
    for message in device_errors.messages():
        named = ", ".join(f"[{cause.title}](#{cause.id})" for cause in message.causes)
        explained = named or "the message does not name the cause"
        texts = "<br>".join(message.texts).replace("*", "…")
        yield f"| {texts}{' (or similar)' if message.sense else ''} | {explained} |"
    yield "\n## Causes, in the order of correction\n"
    for cause in device_errors.causes():
        yield f"### {cause.title}"
        yield f'<a id="{cause.id}"></a>\n'
        codes = ", ".join(dict.fromkeys(f"`{code.partition('@')[0]}`" for code in cause.codes))
        yield f"*Finding codes:* {codes or 'none, the file is valid'}\n"
        yield f"*To check:* {cause.see}\n"
        yield f"*Remedy:* {cause.remedy}\n"
        yield f"*Source:* {cause.source}\n"


PAGES = {
    "findings.md": findings,
    "command-line.md": command_line,
    "meanings.md": meanings,
    "troubleshooting.md": troubleshooting,
}


def main() -> int:
    """Writes the pages, or compares them with their sources."""
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
