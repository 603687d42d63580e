"""Printing: for people with Rich, for programs as one JSON document per line."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from passwright.errors import DefinitionError, PasswrightError
from passwright.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from passwright.apple.rules.layouts import Layout
    from passwright.apple.verification.verifier import Verification
    from passwright.report import Explanation, Finding

__all__ = [
    "common_name",
    "console",
    "outcome_mark",
    "print_claims",
    "print_contents",
    "print_document",
    "print_error",
    "print_explanation",
    "print_failure",
    "print_findings",
    "print_layouts",
    "print_line",
    "print_steps",
    "print_verification",
    "safe_text",
    "shell_quote",
    "size_text",
]

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
OUTCOMES = {
    "ok": ("✓", "ok", "green"),
    "failed": ("✗", "FAILED", "bold red"),
    "skipped": ("–", "skipped", "dim"),
}
_ORDER = tuple(Severity)

# Joiners are letters to some alphabets; everything else nobody sees may be a trick on a terminal.
_JOINERS = "\u200c\u200d"


def console(
    *, err: bool = False, width: int | None = None, record: bool = False, terminal: bool | None = None
) -> Console:
    """A console on standard output or error; without a terminal it is plain text that never wraps.

    `terminal` says that there is one where only another process can tell.
    """
    made = Console(
        stderr=err,
        highlight=False,
        markup=False,
        emoji=False,
        width=width,
        record=record,
        force_terminal=terminal,
    )
    made.soft_wrap = not made.is_terminal and not record
    return made


def safe_text(text: object) -> str:
    """Text from outside without what could steer a terminal: such characters are written as escapes."""
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode("ascii")
        for char in str(text)
    )


def shell_quote(text: object) -> str:
    """One word of a shell's command line."""
    return shlex.quote(safe_text(text))


def outcome_mark(outcome: str, *, on: Console) -> Text:
    """`ok`, `failed` or `skipped` as a sign and a colour, in words where signs can't be printed."""
    sign, word, style = OUTCOMES[outcome]
    return Text(sign if on.encoding.lower().startswith("utf") else word, style)


def print_line(text: str) -> None:
    """One line of plain text on standard output."""
    sys.stdout.write(f"{text}\n")


def print_document(value: Mapping[str, Any]) -> None:
    """One JSON document on one line of standard output; ASCII, so that any encoding carries it."""
    sys.stdout.write(f"{json.dumps(value, default=str)}\n")


def print_failure(sentence: str) -> None:
    """Prints on standard error why the command stopped."""
    out = console(err=True)
    out.print(Text.assemble(("passwright: ", "bold red"), safe_text(sentence)))


def print_error(exc: PasswrightError | OSError) -> None:
    """An exception as a sentence, with all findings where it has a report."""
    if isinstance(exc, DefinitionError):
        print_findings(exc.report)
        count = len(exc.report.errors)
        print_failure(f"{exc.noun} was refused with {count} error{'s' * (count != 1)}; nothing was written")
        for first in exc.report.errors[:1]:
            console(err=True).print(f"passwright explain {first.code} tells more", style="dim")
    elif isinstance(exc, OSError):
        reason = exc.strerror or "can't be read or written"
        print_failure(": ".join(part for part in (_optional_text(exc.filename), reason) if part))
    else:
        print_failure(str(exc))


def _optional_text(name: object) -> str:
    return "" if name is None else str(name)


def print_findings(found: Iterable[Finding], *, on: Console | None = None, indent: int = 0) -> None:
    """Findings, the worst first; on standard error unless said otherwise."""
    out = on or console(err=True)
    for finding in sorted(found, key=lambda each: _ORDER.index(each.severity)):
        place = f"{finding.location}: " if finding.location else ""
        head = Text(f"{' ' * indent}{finding.severity.value:8}", STYLES[finding.severity])
        _hang(
            head, Text.assemble(safe_text(f"{place}{finding.message}"), (f" [{finding.code}]", "dim")), on=out
        )
        if finding.hint:
            _hang(Text(" " * len(head)), Text(safe_text(finding.hint), "italic"), on=out)


def _hang(head: Text, body: Text, *, on: Console) -> None:
    """A line whose further lines stand under the body; one long line where nothing wraps."""
    if on.soft_wrap:
        on.print(head + body)
        return
    grid = Table.grid()
    grid.add_column(width=head.cell_len, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(head, body)
    on.print(grid)


def print_layouts(made: Iterable[Layout], *, on: Console) -> None:
    """Prints what each version of iOS draws and ignores, equal answers in one line."""
    rows = [(each.system, _drawn_layout(each), each.ignored) for each in made]
    if rows:
        on.print("  Layouts")
    for told in dict.fromkeys((drawn, ignored) for _, drawn, ignored in rows):
        systems = [system for system, drawn, ignored in rows if (drawn, ignored) == told]
        print_row(f"iOS {', '.join(systems)}", told[0], on=on, width=_SYSTEMS)
        if told[1]:
            names = ", ".join(told[1][:MAX_IGNORED])
            more = f" and {len(told[1]) - MAX_IGNORED} more" if len(told[1]) > MAX_IGNORED else ""
            print_row("", f"ignores {names}{more}", on=on, width=_SYSTEMS)


# A line is for looking at; --json has them all.
MAX_IGNORED = 8
_SYSTEMS = len("iOS 12, 17, 18, 26, 27")


def _drawn_layout(layout: Layout) -> str:
    """Returns the layout that is drawn, and why it is not the better one."""
    found = layout.gaps
    parts = [layout.drawn or "no layout, there is no style"]
    if layout.better is not None:
        parts.append(f"{layout.better} lacks {', '.join(found.missing)}")
    elif found.doubtful:
        parts.append(f"unless it insists on {', '.join(found.doubtful)}")
    if found.unseen and not found.missing:
        parts.append(f"if there is {' and '.join(found.unseen)}")
    return "; ".join(parts)


def size_text(count: int) -> str:
    """Bytes with separators: 145,711 bytes."""
    return f"{count:,} byte{'s' * (count != 1)}"


def print_verification(file: str, verification: Verification, *, on: Console) -> None:
    """A verdict for people: the steps, who signed when, and every finding."""
    word = ("ok", "green") if verification.ok else ("NOT OK", "bold red")
    on.print(Text.assemble((safe_text(file), "bold"), ": ", word))
    print_steps(verification, on=on)
    names = (
        verification.serial_number,
        verification.pass_type_identifier,
        verification.team_identifier,
        verification.style,
    )
    if any(names):
        print_row("pass", ", ".join(name for name in names if name), on=on, width=8)
    chain = verification.chain
    if chain is not None and chain.leaf is not None:
        path = [common_name(chain.leaf), chain.intermediate, chain.root]
        print_row("signer", " < ".join(name for name in path if name), on=on, width=8)
    if verification.signed_at is not None:
        print_row(
            "signed",
            f"{verification.signed_at:%Y-%m-%d %H:%M:%S} UTC, by the signer's own clock",
            on=on,
            width=8,
        )
    print_findings(verification.report, on=on, indent=2)
    print_layouts(verification.layouts, on=on)


def print_steps(verification: Verification, *, on: Console) -> None:
    """The five steps, one line."""
    line_ = Text("  ")
    for step, outcome in verification.steps.items():
        line_ += Text.assemble(outcome_mark(outcome, on=on), f" {step}   ")
    line_.rstrip()
    on.print(line_)


def common_name(certificate: Any) -> str:
    """The common name of a certificate's subject, or a word for none."""
    names = [str(part.value) for part in certificate.subject if part.oid.dotted_string == "2.5.4.3"]
    return names[0] if names else "a certificate without a name"


def print_explanation(found: Explanation) -> None:
    """Prints the explanation of a finding code."""
    out = console()
    out.print(Text(found.code, "bold"))
    out.print(found.title)
    for heading, text in (("why", found.why), ("remedy", found.remedy), ("source", found.source)):
        print_row(heading, text, on=out)


def print_row(name: str, value: object, *, on: Console, width: int = 14) -> None:
    """A name, in `width` characters, and its value."""
    _hang(Text(f"  {name:{width}} ", "dim"), Text(safe_text(value)), on=on)


def print_contents(document: Mapping[str, Any]) -> None:
    """Prints the contents of a .pkpass for `inspect`."""
    out = console()
    out.print(Text(safe_text(document["description"] or "a pass without a description"), "bold"))
    for name in (
        "organisation",
        "serial_number",
        "pass_type_identifier",
        "team_identifier",
        "style",
        "expires",
    ):
        if document[name] is not None:
            print_row(name.replace("_identifier", "").replace("_", " "), document[name], on=out)
    print_row("nfc", "yes" if document["nfc"] else "no", on=out)
    print_row("barcodes", ", ".join(map(str, document["barcodes"])) or "none", on=out)
    print_row("languages", ", ".join(document["languages"]) or "one", on=out)
    out.print("Fields")
    for each in document["fields"]:
        label = f"{each['label']}: " if each["label"] else ""
        print_row(each["slot"], f"{label}{each['value']} ({each['key']})", on=out)
    out.print("Pictures")
    for each in document["pictures"]:
        pixels = f"{each['width']} x {each['height']}" if each["width"] else "no PNG"
        out.print(f"  {safe_text(each['name'])}: {pixels}, {size_text(each['bytes'])}")
    out.print("Signature (not verified: passwright verify)")
    _signature(document["signature"], on=out)


def _signature(signature: Mapping[str, Any] | None, *, on: Console) -> None:
    if signature is None or "error" in signature:
        print_row("none", "" if signature is None else signature["error"], on=on)
        return
    print_row("signed at", signature["signed_at"] or "no time claimed", on=on)
    print_row("algorithm", signature["algorithm"], on=on)
    for each in signature["certificates"]:
        print_row(
            "certificate", f"{each['name']}, {each['valid_from'][:10]} to {each['valid_to'][:10]}", on=on
        )


def print_claims(document: Mapping[str, Any]) -> None:
    """Prints the claims of a save link for `inspect`."""
    out = console()
    if document["kind"] == "save-claims":
        out.print("the claims of a save link, which nobody has signed")
        _json("claims", document, on=out)
        return
    what = FORMS[document["form"]]
    verified = ("verified", "green") if document["verified"] else ("not verified", "yellow")
    hint = "" if document["verified"] else " (--key FILE verifies it)"
    out.print(
        Text.assemble(f"{what}, signature ", verified, hint, f", token of {document['length']} characters")
    )
    for name in ("header", "claims"):
        _json(name, document, on=out)


# The forms of a link, in words.
FORMS = {
    "link": "a save link",
    "other-link": "a save link in another form",
    "token": "the token of a save link",
}


def _json(name: str, document: Mapping[str, Any], *, on: Console) -> None:
    on.print(Text(name, "bold"))
    text = json.dumps(document[name], indent=2, ensure_ascii=False)
    on.print("\n".join(map(safe_text, text.split("\n"))))
