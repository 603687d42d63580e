"""`verify --explain`: each step in prose, and the chain with its certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from passwright.apple.verification.verifier import STEPS
from passwright.cli import output
from passwright.report import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from passwright.apple.trust.chain import Chain
    from passwright.apple.verification.verifier import Verification

__all__ = ["steps"]


class _Step(NamedTuple):
    checks: str
    proves: str
    leaves: str


_STEPS: Mapping[str, _Step] = {
    "container": _Step(
        "the archive is read within limits; its entries fill it from the first byte to the last, "
        "headers agree with the directory, names are safe and stand once",
        "every reader finds the same files in it",
        "who made them",
    ),
    "manifest": _Step(
        "manifest.json lists every file but itself and the signature, with the SHA-1 of its bytes",
        "no file was added, taken away or changed since the manifest was made",
        "who made the manifest; and SHA-1 binds only what its maker chose alone",
    ),
    "signature": _Step(
        "the signature is over this manifest, made with the key of a certificate that came with it",
        "the holder of that key signed this manifest",
        "whether that certificate is to be believed",
    ),
    "chain": _Step(
        "that certificate leads over an intermediate to a root that is trusted, is for passes, "
        "and was valid when the pass was signed",
        "the authority certified the signer",
        "whether a certificate was revoked; and the signing time is the signer's claim",
    ),
    "content": _Step(
        "pass.json names the pass type and the team of the certificate, and obeys Apple's rules; "
        "pictures and translations can be read",
        "the pass is of the signer it names, and a phone will show it",
        "whether what it says is true",
    ),
}


def steps(verification: Verification, *, on: Console) -> None:
    """Prints what each step checks, finds, proves and leaves open; then the chain."""
    for name in STEPS:
        step, outcome = _STEPS[name], verification.steps.get(name, "skipped")
        on.print(Text.assemble("  ", output.outcome_mark(outcome, on=on), " ", (name, "bold")))
        output.print_row("checked", step.checks, on=on)
        output.print_row("found", _step_findings(verification, name), on=on)
        output.print_row("proves", step.proves if outcome == "ok" else "nothing", on=on)
        output.print_row("leaves open", step.leaves, on=on)
    if verification.chain is not None and verification.chain.links:
        _chain(verification.chain, on=on)


def _step_findings(verification: Verification, name: str) -> str:
    if verification.steps.get(name) == "skipped":
        return "nothing, it needs a step that failed"
    counts = [
        (
            len([each for each in verification.found.get(name, ()) if each.severity is severity]),
            severity.value,
        )
        for severity in Severity
    ]
    said = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count)
    codes = ", ".join(dict.fromkeys(each.code for each in verification.found.get(name, ())))
    return f"{said}: {codes}" if said else "nothing wrong"


def _chain(chain: Chain, *, on: Console) -> None:
    on.print("  Chain")
    for role, link in zip(("pass", "intermediate", "root"), chain.links, strict=False):
        source = "embedded" if link.embedded else "supplied from what is trusted"
        output.print_row(role, link.name, on=on)
        output.print_row("", f"key {link.key_id}", on=on)
        output.print_row(
            "", f"valid {link.not_before:%Y-%m-%d} to {link.not_after:%Y-%m-%d}, {source}", on=on
        )
