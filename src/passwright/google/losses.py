"""Parts of a template that Google Wallet cannot show, each reported with a note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.report import Finding, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.model.kinds import MeaningPaths
    from passwright.model.parts import Field
    from passwright.model.template import Template

__all__ = ["find_losses"]

# Pictures for Google only. Google has no translated pictures.
_GOOGLE_PICTURES = frozenset({"hero", "program-logo", "wide-logo"})


def find_losses(template: Template, assigned: Mapping[str, MeaningPaths]) -> Iterator[Finding]:
    """Yields a `google-drops` note for each part that Google has no member for.

    `assigned` maps the keys of fields to the members of Google that they have.
    """
    source = template.source
    if template.nfc is not None and not template.nfc.google_issuers:
        message = "without google_issuers the pass has no Smart Tap on Google"
        yield note("google-drops", f"{source}#/nfc", message)
    for pointer, description, value in _parts_without_member(template, assigned):
        if value:
            yield note("google-drops", f"{source}#{pointer}", f"Google has no place for {description}")
    for file in sorted(template.images.files):
        if "/" in file and file.rpartition("/")[2].removesuffix(".png") in _GOOGLE_PICTURES:
            yield note("google-drops", f"images/{file}", "Google shows one picture in all languages")


def _parts_without_member(
    template: Template, assigned: Mapping[str, MeaningPaths]
) -> Iterator[tuple[str, str, object]]:
    """Yields pointer, description and value of the parts that Google has no member for."""
    yield "/description", "the description", template.description
    yield "/personalization", "the sheet for signing up", template.personalization
    if not template.kind.google.get("name"):
        yield "/name", "the name of the template", template.name
    for name in ("text", "label"):
        yield f"/colours/{name}", f"the colour of {name}s", getattr(template.colours, name)
    for key, each in template.fields.items():
        yield from _field_losses(key, each, assigned.get(key))
    for index, location in enumerate(template.locations):
        yield f"/locations/{index}/text", "the text of a location", location.text


def _field_losses(key: str, each: Field, target: MeaningPaths | None) -> Iterator[tuple[str, str, object]]:
    """Yields pointer, description and value of the parts of a field that Google has no member for."""
    pointer = f"/fields/{key}"
    yield f"{pointer}/change", f"what {key} says when it changes", each.change
    yield f"{pointer}/align", f"the alignment of {key}", each.align
    if target is not None and not target.google_label:
        yield f"{pointer}/label", f"the label of {key}, and uses its own", each.label
    if target is None and each.slot is None:
        yield pointer, f"{key}, which has no slot", key
