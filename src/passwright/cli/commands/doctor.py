"""The one thing to mend first: `doctor`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from passwright.apple.container.limits import PASS_LIMITS
from passwright.cli import files, json_output, options, output
from passwright.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from passwright.apple.verification.diagnosis import Diagnosis

__all__ = ["doctor", "outcome", "print_diagnosis"]


def doctor(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The file that a phone rejects; - is standard input.", show_default=False
        ),
    ],
    *,
    root: options.Roots = None,
    example: options.TrustExample = False,
    at: options.At = None,
    as_json: options.Json = False,
) -> int:
    """Run every check on a .pkpass, and print the first problem to correct.

    Exit code 0 if phones accept the pass, 1 if they reject it or it contains an error.
    """
    from passwright.apple.verification.diagnosis import diagnose

    moment = options.moment("--at", at) or datetime.now(UTC)
    trust = options.trust(root or [], example=example)
    found = diagnose(files.read(path, PASS_LIMITS.archive_bytes), trust=trust, at=moment)
    if as_json:
        output.print_document(_document(str(path), found))
    else:
        print_diagnosis(str(path), found, on=output.console())
    return 1 if found.refused or _is_wrong(found) else 0


def _is_wrong(found: Diagnosis) -> bool:
    return not found.verification.report.ok


def _document(file: str, found: Diagnosis) -> dict[str, Any]:
    """Returns the document that `--json` prints; members are only ever added."""
    cause, message, odd = found.cause, found.message, found.stranger
    return {
        "file": file,
        "refused": found.refused,
        "no_pass": None if odd is None else odd.what,
        "first": found.finding and found.finding.as_dict(),
        "cause": cause and {name: getattr(cause, name) for name in ("id", "title", "see", "source")},
        "remedy": _remedy(found),
        "device_says": None if message is None else message.texts[0],
        "waiting": {
            "errors": sum(each.severity is Severity.ERROR for each in found.waiting),
            "warnings": sum(each.severity is Severity.WARNING for each in found.waiting),
        },
        "steps": dict(found.verification.steps),
        "findings": json_output.findings(found.verification.report),
        "layouts": [each.as_dict() for each in found.verification.layouts],
    }


def _remedy(found: Diagnosis) -> str | None:
    if found.stranger is not None:
        from passwright.apple.verification.diagnosis import LINK_REMEDY, PACK_REMEDY, PEM_REMEDY

        commands = {
            LINK_REMEDY: "passwright inspect shows what is in it, passwright check --as link validates it.",
            PACK_REMEDY: "passwright build makes one.",
            PEM_REMEDY: "passwright certs check says which certificate or key it is.",
        }
        remedy = found.stranger.remedy
        return " ".join(filter(None, (remedy, commands.get(remedy))))
    if found.cause is not None:
        return found.cause.remedy
    return None if found.finding is None else found.finding.hint or None


def print_diagnosis(file: str, found: Diagnosis, *, on: Console) -> None:
    """A diagnosis for people."""
    on.print(Text.assemble((output.safe_text(file), "bold"), ": ", outcome(found)))
    for name, text in _diagnosis_rows(found):
        output.print_row(name, text, on=on, width=10)
    if found.verification.steps["container"] == "ok":
        output.print_steps(found.verification, on=on)


def outcome(found: Diagnosis) -> tuple[str, str]:
    """Returns the effect of the findings on phones, and the style to print it in."""
    if found.refused:
        return "phones refuse it", "bold red"
    chain = found.verification.chain
    # Trusted because the caller said so; no phone was asked.
    foreign = chain is not None and chain.custom
    takes = "phones would take it from an authority of Apple's" if foreign else "phones take it"
    return (f"{takes}, with a fault", "yellow") if _is_wrong(found) else (takes, "green")


def _diagnosis_rows(found: Diagnosis) -> Iterator[tuple[str, str]]:
    """Yields the diagnosis line by line: a heading and its text."""
    finding, cause = found.finding, found.cause
    if found.stranger is not None:
        yield "this is", found.stranger.what
    if finding is None:
        yield "mend", "nothing"
        return
    yield "mend first", finding.message if cause is None else cause.title
    place = f"{finding.location}: " if finding.location else ""
    yield "found", f"{place}{finding.message} [{finding.code}]"
    if finding.hint:
        yield "", finding.hint
    if cause is not None and found.stranger is None:
        yield "to see it", cause.see
    yield "what to do", _remedy(found) or f"passwright explain {finding.code} tells more"
    if found.message is not None:
        like = "something like " if found.message.sense else ""
        yield "phones say", f"{like}“{found.message.texts[0]}”"
    if told := _other_findings(found):
        yield "then", told


def _other_findings(found: Diagnosis) -> str:
    """Returns the number of other findings, and the command that shows them."""
    errors = sum(each.severity is Severity.ERROR for each in found.waiting)
    counts = ((errors, "error"), (len(found.waiting) - errors, "warning"))
    told = " and ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count)
    verb = "waits" if len(found.waiting) == 1 else "wait"
    return f"{told} {verb}: passwright verify shows all of them" if told else ""
