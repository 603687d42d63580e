"""The complete workflow with the example authority: `demo`."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passwright import atomic_file
from passwright.apple.builder import PassBuilder as ApplePassBuilder
from passwright.apple.verification.verifier import STEPS, Verification, verify
from passwright.binding import email
from passwright.binding.binding import Binding
from passwright.cli import json_output, output
from passwright.cli.inputs import example_issuer
from passwright.errors import PassRejected, UsageError
from passwright.google.builder import PassBuilder as GooglePassBuilder
from passwright.google.link import MAX_TOKEN, SaveLink
from passwright.google.reading import token
from passwright.model.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from passwright.google.reading.token import Token
    from passwright.model.template import Pass
    from passwright.report import Finding

__all__ = ["demo"]

# Jane is nobody; her address is here so that what happens to it can be watched.
EMAIL = "jane@gmail.com"
HOLDER = Binding(email=EMAIL, learn_more_url="https://support.example.com/pass-help")
APPLE_SERIAL, GOOGLE_SERIAL = "M-0001", "M-0002"
RULE = "binding-forbids-barcode"
# Characters of a claim that are shown.
SHOWN = 50
# Room for the longest name of a claim, with its indent.
CLAIM_WIDTH = 25
# A drawing for a README has no terminal to ask.
DRAWING_WIDTH = 110


@dataclass(frozen=True)
class _Demo:
    """Everything the demo made, and everything it checked."""

    data: bytes
    apple_report: tuple[Finding, ...]
    verdict: Verification
    link: SaveLink
    read: Token
    refused: dict[str, tuple[Finding, ...]]

    @property
    def ok(self) -> bool:
        """Both passes are verified, and every attempt to add a barcode was refused."""
        return (
            self.verdict.ok
            and self.read.verified
            and self.read.claims == self.link.claims
            and self.link.length <= MAX_TOKEN
            and all(any(finding.code == RULE for finding in found) for found in self.refused.values())
        )


def demo(
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder for membership.pkpass, save-link.txt and report.json."),
    ] = Path("demo"),
    svg: Annotated[Path | None, typer.Option(metavar="FILE", hidden=True, help="Draw the output.")] = None,
) -> int:
    """Run the complete workflow with example keys: one definition, both wallets, bound to one person."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: this is not a folder, and the demo writes three files")
    demo_run = _walk(datetime.now(UTC))
    out.mkdir(parents=True, exist_ok=True)
    report = json.dumps(_report(demo_run), indent=2, ensure_ascii=False) + "\n"
    atomic_file.write(out / "membership.pkpass", demo_run.data)
    atomic_file.write(out / "save-link.txt", f"{demo_run.link.url}\n".encode())
    atomic_file.write(out / "report.json", report.encode())
    console = output.console(record=svg is not None, width=DRAWING_WIDTH if svg else None)
    _tell(demo_run, out, console)
    if svg is not None:
        # A drawing that loads fonts from the network would be no drawing of its own.
        drawn = re.sub(
            r"\s*@font-face \{.*?\}", "", console.export_svg(title="passwright demo"), flags=re.DOTALL
        )
        atomic_file.write(svg, drawn.encode())
    return 0 if demo_run.ok else 1


def _walk(at: datetime) -> _Demo:
    from passwright.examples.authority import Authority, example_template_directory

    authority = Authority.example()
    issuer = example_issuer()
    template = Template.load(example_template_directory())
    apple, google = ApplePassBuilder(authority.identity(nfc=True)), GooglePassBuilder(issuer)

    # One person has one wallet, so each pass goes into one: two serials, one definition.
    card = template.example(APPLE_SERIAL, binding=HOLDER)
    other = template.example(GOOGLE_SERIAL, binding=HOLDER)
    data = apple.build(card, at=at)
    link = google.save_link(other, issued_at=at)

    code = {"format": "PKBarcodeFormatQR", "message": APPLE_SERIAL, "messageEncoding": "utf-8"}
    with_code = {"object": {"barcode": {"type": "QR_CODE", "value": GOOGLE_SERIAL}}}
    return _Demo(
        data=data,
        apple_report=tuple(apple.report(card, at=at)),
        verdict=verify(data, trust=authority.trust, at=at),
        link=link,
        read=token.read(link.url, public_key=issuer.public_key),  # type: ignore[arg-type]  # the issuer's is RSA
        refused={
            "in the definition": _rejection_rows(apple.build, card.replace(barcode=APPLE_SERIAL)),
            "as an override for Apple": _rejection_rows(
                apple.build, card.replace(apple={"barcodes": [code]})
            ),
            "as an override for Google": _rejection_rows(google.save_link, other.replace(google=with_code)),
        },
    )


def _rejection_rows(build: Callable[[Pass], object], pass_: Pass) -> tuple[Finding, ...]:
    """The errors a pass is refused with; none if it was built, which must not be."""
    try:
        build(pass_)
    except PassRejected as exc:
        return exc.report.errors
    return ()


def _report(demo_run: _Demo) -> dict[str, Any]:
    """report.json: everything that was checked. Neither address nor its hash is in it."""
    link = json_output.link(demo_run.link)
    del link["url"]
    return {
        "passes": [
            {
                "wallet": "apple",
                "serial_number": APPLE_SERIAL,
                "file": "membership.pkpass",
                "bytes": len(demo_run.data),
                "sha256": hashlib.sha256(demo_run.data).hexdigest(),
                "findings": json_output.findings(demo_run.apple_report),
            },
            {
                "wallet": "google",
                "serial_number": GOOGLE_SERIAL,
                "file": "save-link.txt",
                "bytes": len(demo_run.link.url) + 1,
            },
        ],
        "verification": json_output.verification("membership.pkpass", demo_run.verdict),
        "link": json_output.without_hash({**link, "verified": demo_run.read.verified}),
        "refused": [finding.as_dict() for found in demo_run.refused.values() for finding in found],
    }


# --- telling -------------------------------------------------------------------------------------


def _tell(demo_run: _Demo, out: Path, on: Console) -> None:
    on.print("One definition, both wallets, bound to one person. All keys are throw-away examples.")
    _heading("Made", on)
    output.print_row(
        "for",
        f"{email.mask(EMAIL)}: a bound pass is for one wallet, so each wallet gets its own serial number",
        on=on,
    )
    output.print_row(
        "Apple Wallet",
        f"pass {APPLE_SERIAL}, {output.size_text(len(demo_run.data))} in {len(demo_run.verdict.files)} files",
        on=on,
    )
    output.print_row(
        "Google Wallet",
        f"pass {GOOGLE_SERIAL}, a link of {demo_run.link.length:,} characters, "
        f"the safe limit is {MAX_TOKEN:,}",
        on=on,
    )
    _heading(f"Apple: membership.pkpass, {'verified' if demo_run.verdict.ok else 'NOT VERIFIED'}", on)
    for step in STEPS:
        on.print(
            "  ",
            output.outcome_mark(demo_run.verdict.steps[step], on=on),
            f" {step:10} {STEP_WORDS[step]}",
            sep="",
        )
    output.print_findings((*demo_run.verdict.report, *demo_run.apple_report), on=on, indent=2)
    _heading("Google: save-link.txt, decoded with the public key", on)
    outcome = "ok" if demo_run.read.verified else "failed"
    on.print("  ", output.outcome_mark(outcome, on=on), " signature  RS256, by the service account", sep="")
    _claims(demo_run, on)
    _heading("To create first, through Google's API", on)
    for name, resource in demo_run.link.requires.items():
        output.print_row(
            name, f"{resource['id']}: it does not fit into the link; its JSON is in report.json", on=on
        )
    if not demo_run.link.requires:
        output.print_row("nothing", "class and object are in the link", on=on)
    _heading("Rejected: the same bound pass with a barcode", on)
    for attempt, found in demo_run.refused.items():
        outcome = "ok" if found else "failed"
        on.print("  ", output.outcome_mark(outcome, on=on), f" {attempt}", sep="")
        output.print_findings(found, on=on, indent=4)
    _heading("Written", on)
    for name in ("membership.pkpass", "save-link.txt", "report.json"):
        on.print(f"  {output.safe_text(out / name)}")
    if not demo_run.ok:
        output.print_failure("a check failed: see above")


# The claims that each step has proved.
STEP_WORDS = {
    "container": "the archive opens within the limits",
    "manifest": "lists every file with its digest, and nothing else",
    "signature": "covers this manifest",
    "chain": "the certificate chains to the example root and is for passes",
    "content": "pass.json matches the certificate and obeys the rules",
}


def _claims(demo_run: _Demo, on: Console) -> None:
    claims = json_output.without_hash(dict(demo_run.read.claims))
    for name in ("iss", "aud", "typ", "iat"):
        output.print_row(name, claims[name], on=on, width=CLAIM_WIDTH)
    for kind, items in claims["payload"].items():
        for item in items:
            output.print_row(kind, item["id"], on=on, width=CLAIM_WIDTH)
            for name, value in item.items():
                if name != "id":
                    output.print_row(f"  {name}", _short(value), on=on, width=CLAIM_WIDTH)


def _short(value: object) -> str:
    """JSON on one line, cut where a person has seen enough."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _heading(text: str, on: Console) -> None:
    on.print()
    on.print(text, style="bold cyan")
