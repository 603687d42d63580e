"""A reader follows a call from the builder to bytes in few stops, and enters no module twice."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import passwright
from passwright import apple, google
from tests.conftest import AT, BINDING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from passwright import Pass, Template
    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer

SOURCE = Path(passwright.__file__).parent
DESIGN = SOURCE.parent.parent / "docs" / "design.md"

# Functions that stand alone: reading the caller is enough to know what they do.
HELPERS = {
    *("report", "signing", "strict_json", "times"),
    *("schema.formats", "schema.constraints", "schema.cross_checks", "schema.validator", "schema.pointers"),
    *("binding.email", "binding.domain", "binding.binding", "binding.rules"),
    *("apple.build.pass_json", "google.content", "google.values", "documents.placeholders"),
    *("apple.build.pictures", "apple.build.strings", "apple.container.archive_writer"),
    *("apple.container.filenames", "apple.container.manifest", "apple.cms.der"),
}


def documented(call: str) -> list[str]:
    """The modules that docs/design.md names for a call, in their order."""
    (line,) = re.findall(rf"(?m)^\| `{re.escape(call)}` \| (.+) \|$", DESIGN.read_text("utf-8"))
    return re.findall(r"`([\w.]+)`", line)


def entered(call: Callable[[], Any]) -> list[str]:
    """The modules that a call enters, in their order; going back to a caller enters nothing."""
    modules: list[str] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or frame.f_back is None:
            return
        module, caller = (each.f_globals.get("__name__", "") for each in (frame, frame.f_back))
        if module != caller and module.startswith("passwright."):
            modules.append(module.removeprefix("passwright."))

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return [module for module, _ in groupby(each for each in modules if each not in HELPERS)]


@pytest.mark.no_cover
@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("call", ["apple.PassBuilder.build", "google.PassBuilder.save_link"])
def test_a_call_leads_to_bytes_in_the_documented_stops(
    club: Template, identity: Identity, issuer: Issuer, call: str, *, bound: bool
) -> None:
    apple_builder, google_builder = apple.PassBuilder(identity), google.PassBuilder(issuer)
    builders: dict[str, Callable[[Pass], object]] = {
        "apple.PassBuilder.build": lambda card: apple_builder.build(card, at=AT),
        "google.PassBuilder.save_link": lambda card: google_builder.save_link(card, issued_at=AT),
    }
    build, binding = builders[call], BINDING if bound else None
    first, second = (club.issue(serial, {"fullName": "Jane"}, binding=binding) for serial in ("M-1", "M-2"))
    build(first)  # a template is compiled once

    stops = entered(lambda: build(second))

    wanted = documented(call)
    assert len(wanted) <= 8
    # Only a bound pass gets the hash of an address.
    assert stops == [stop for stop in wanted if bound or stop != "google.payload"]
    assert len(set(stops)) == len(stops)
