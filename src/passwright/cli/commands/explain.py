"""`passwright explain`: a finding code, a member of a document, or a line of a device log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from passwright import key_reference, report
from passwright.apple.verification import device_errors
from passwright.cli import options, output
from passwright.errors import UsageError
from passwright.schema.pointers import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from passwright.apple.verification.device_errors import Match
    from passwright.key_reference import MemberInfo

__all__ = ["draw_messages", "explain"]

MAX_LOG_BYTES = 2**22
# A key of Google's may stand in every class and every object.
MAX_PLACES = 4
# With these a key stands in so many objects that a list of them is what helps.
MAX_OWNERS = 6


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar='CODE|KEY|"LOG LINE"',
            help="A finding code, a key of pass.json, template.toml or Google's payloads, or a line from the "
            "log of a device; - reads a log from standard input. Default: list all codes.",
        ),
    ] = None,
    *,
    as_json: options.Json = False,
) -> int:
    """Explain a finding code, a key, or a line from the log of a device."""
    if what is None:
        return _all_codes(as_json=as_json)
    if what == "-":
        return _log(sys.stdin.buffer.read(MAX_LOG_BYTES).decode("utf-8", "replace"), as_json=as_json)
    word = what.strip()
    code = report.explanation(word) if word in report.finding_codes() else None
    found = key_reference.find(word)
    if code is None and not found:
        if any(char.isspace() for char in word):
            return _log(what, as_json=as_json)
        hint = did_you_mean(word, (*report.finding_codes(), *key_reference.names()))
        hint = hint or "passwright explain lists all codes; a line of a log stands in quotes"
        raise UsageError(f"there is no code and no key {output.safe_text(word)!r}: {hint}")
    if as_json:
        output.print_document(
            {
                "code": None if code is None else _code(code),
                "keys": [_key(each) for each in found],
            }
        )
        return 0
    if code is not None:
        output.print_explanation(code)
    _show_keys(found)
    return 0


def _all_codes(*, as_json: bool) -> int:
    if as_json:
        output.print_document(
            {"codes": {name: report.explanation(name).title for name in report.finding_codes()}}
        )
        return 0
    width = max(map(len, report.finding_codes()))
    for name in report.finding_codes():
        output.print_line(f"{name:{width}}  {report.explanation(name).title}")
    return 0


def _code(found: report.Explanation) -> dict[str, str]:
    return {name: getattr(found, name) for name in ("code", "title", "why", "remedy", "source")}


def _key(found: MemberInfo) -> dict[str, Any]:
    return {
        "document": found.document,
        "object": found.owner,
        "key": found.key.name,
        "places": list(found.places),
        "facts": found.facts(),
        "source": found.source,
    }


def _show_keys(found: Iterable[MemberInfo]) -> None:
    out = output.console()
    by_facts: dict[tuple[str, tuple[tuple[str, str], ...]], list[MemberInfo]] = {}
    for each in found:
        by_facts.setdefault((each.document, tuple(each.facts().items())), []).append(each)
    for (document, facts), members in by_facts.items():
        owners = [each.owner for each in members]
        more = f" and {len(owners) - MAX_OWNERS} more" if len(owners) > MAX_OWNERS else ""
        out.print(
            Text.assemble(
                (members[0].key.name, "bold"), f", {document}: {', '.join(owners[:MAX_OWNERS])}{more}"
            )
        )
        for name, text in facts:
            output.print_row(name, text, on=out)
        places = list(dict.fromkeys(place for each in members for place in each.places))
        rest = f" and {len(places) - MAX_PLACES} more places" if len(places) > MAX_PLACES else ""
        output.print_row("stands at", ", ".join(places[:MAX_PLACES]) + rest, on=out)
        output.print_row("source", members[0].source, on=out)


def _log(text: str, *, as_json: bool) -> int:
    """Every message in the lines of a log, each once; exit code 1 when none is known."""
    found: dict[str, Match] = {}
    for line in _lines(text):
        for match in device_errors.explain_log(line):
            known = found.get(match.message.id)
            if known is None or known.score < match.score:
                found[match.message.id] = match
    told = [match for match in found.values() if not match.message.general] or list(found.values())
    if as_json:
        output.print_document({"messages": [_message(match) for match in told]})
    else:
        draw_messages(told, on=output.console())
    return 0 if told else 1


def _lines(text: str) -> Iterator[str]:
    """The lines, and all in one: a message that a narrow window broke."""
    lines = text.splitlines()
    yield from lines
    if 1 < len(lines) <= 5:  # noqa: PLR2004 -- so much of one message, no more
        yield " ".join(lines)


def _message(match: Match) -> dict[str, Any]:
    message = match.message
    return {
        "message": message.id,
        "text": match.text,
        "sure": match.sure,
        "general": message.general,
        "causes": [
            {
                "cause": cause.id,
                "title": cause.title,
                "see": cause.see,
                "remedy": cause.remedy,
                "codes": list(cause.codes),
                "source": cause.source,
            }
            for cause in message.causes
        ],
    }


def draw_messages(found: Sequence[Match], *, on: Console) -> None:
    """Messages with their causes for people; where to look when there is none."""
    if not found:
        on.print("No message of Wallet that is known stands in this.")
        on.print(
            "Look for a line with Invalid data error reading pass, logged by passd, PassKitCore or Pass "
            "Viewer while the pass is opened; or let passwright doctor FILE.pkpass look at the file itself."
        )
        return
    for match in found:
        sure = "" if match.sure else "perhaps "
        on.print(Text.assemble((f"{sure}“{match.text}”", "bold")))
        if match.message.general:
            on.print(
                "  It says that something is wrong, and not what. The reason is another line of the same "
                "moment, from passd, PassKitCore or Pass Viewer. passwright doctor looks at the file itself."
            )
        several = len(match.message.causes) > 1
        if several:
            on.print(
                "  Several causes, the likely one first. passwright doctor FILE.pkpass tells them apart."
            )
        for cause in match.message.causes:
            on.print(Text(f"  {cause.title}", "bold"))
            output.print_row("see", cause.see, on=on, width=8)
            output.print_row("remedy", cause.remedy, on=on, width=8)
            codes = ", ".join(code.partition("@")[0] for code in cause.codes)
            output.print_row("codes", codes or "none: no file shows it", on=on, width=8)
