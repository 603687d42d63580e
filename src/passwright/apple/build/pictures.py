"""The picture files of an Apple pass: the sizes and folders that Wallet reads, and what has to be left out.

Source: Apple, Wallet Passes, "Creating the Source for a Pass".
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.errors import InvalidInput
from passwright.images import fitting
from passwright.model.folder import PICTURES
from passwright.report import Finding, error, note, warning
from passwright.schema.model import read_json
from passwright.schema.pointers import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.model.template import Template

__all__ = ["build_pictures", "picture_facts"]


@cache
def picture_facts() -> Mapping[str, Any]:
    """`images`: picture name -> its slot, `excludes`: what must not stand beside each other."""
    return read_json("passwright.apple.data", "images.json")


def build_pictures(template: Template) -> tuple[dict[str, bytes], list[Finding]]:
    """Every picture of the template that its style draws, at three scales, by file name.

    A picture that some language has of its own stands in the language folders
    only: one at the top level would win over them all (Apple, Wallet Passes,
    Creating the Pass Source: localised images).
    """
    files: dict[str, bytes] = {}
    sources, findings = _by_language(template)
    style = template.kind.style
    drawn = []
    for name, languages in sources.items():
        slot = _slot(name, style, template.images.mode)
        if slot is None:
            continue
        if reason := _undrawn(template, name, slot):
            findings.append(note("picture-not-drawn", f"images/{name}.png", reason))
            continue
        drawn.append(name)
        for folder, source in _folders(template, name, languages, findings, required=slot["required"]):
            scaled = _scale_image(source[0], slot, style, source[1], findings)
            files |= {f"{folder}{fitting.file_name(name, scale)}": data for scale, data in scaled.items()}
    if "icon" not in sources:
        hint = "add images/icon@3x.png, 114 x 114 pixels"
        findings.append(
            error("missing-icon", "images/icon@3x.png", "Wallet refuses a pass without an icon", hint)
        )
    return files, [*findings, *_exclude_images(style, drawn)]


def _undrawn(template: Template, name: str, slot: Mapping[str, Any]) -> str:
    """Returns the reason why an image is left out of the pass, "" if it is not."""
    if name == "personalizationLogo":
        # On the sheet for signing up, whatever the style of the card is.
        return "" if template.personalization else "only the sheet for signing up shows it, and there is none"
    style = template.kind.style
    drawn = {style, *_modern(template.apple)}
    return "" if drawn.intersection(slot["styles"]) else f"{style} draws no {name}"


def _modern(own: Mapping[str, Any]) -> Iterator[str]:
    """The modern layouts that the members of Apple's own ask for."""
    listed = own.get("preferredStyleSchemes")
    yield from (each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    if "posterGeneric" in own:
        yield "posterGeneric"


Sources = dict[int, bytes]


def _by_language(template: Template) -> tuple[dict[str, dict[str, Sources]], list[Finding]]:
    """Groups the images: name, then language ("" for all), then scale, to PNG data. Also returns findings
    about files that no wallet draws.
    """
    sources: dict[str, dict[str, Sources]] = {}
    findings = []
    for file, data in sorted(template.images.files.items()):
        split = fitting.split_name(file)
        language, _, name = split[0].rpartition("/") if split else ("", "", "")
        if split is None or name not in PICTURES:
            hint = did_you_mean(name, PICTURES)
            findings.append(warning("unknown-picture", f"images/{file}", "no wallet uses this file", hint))
        else:
            sources.setdefault(name, {}).setdefault(language, {})[split[1]] = data
    return sources, findings


def _folders(
    template: Template,
    name: str,
    languages: Mapping[str, Sources],
    findings: list[Finding],
    *,
    required: bool,
) -> Iterator[tuple[str, tuple[str, Sources]]]:
    """The folders that get a picture, "" or `de.lproj/`, each with the picture's name and source."""
    if languages.keys() == {""}:
        yield "", (name, languages[""])
        return
    for language in sorted({template.language, *template.translations, *languages} - {""}):
        origin = next((each for each in (language, "", template.language) if each in languages), None)
        if origin is None:
            where, message = f"images/{language}/{name}.png", f"there is no {name} for {language}"
            hint = f"add it, or images/{name}.png for all languages"
            say = error if required else warning
            findings.append(say("missing-picture", where, message, hint))
        else:
            path = f"{origin}/{name}" if origin else name
            yield f"{language}.lproj/", (path, languages[origin])


def _slot(name: str, style: str, mode: str | None) -> Mapping[str, Any] | None:
    """The facts about a picture's slot on a style; None if Apple has no such picture."""
    slot = picture_facts()["images"].get(name)
    if slot is None:
        return None
    return {**slot, **slot.get("by_style", {}).get(style, {}), **({"mode": mode} if mode else {})}


def _scale_image(
    path: str, slot: Mapping[str, Any], style: str, source: Sources, findings: list[Finding]
) -> Mapping[int, bytes]:
    """A picture at three scales, or as it was given where no size is published."""
    try:
        points = _points(slot, style, source, path)
        scaled = fitting.fit_scales(source, points=points, mode=slot["mode"], name=path)
    except InvalidInput as exc:
        findings.append(error(exc.code, f"images/{exc.location}", exc.message))
        return {}
    findings += (replace(finding, location=f"images/{finding.location}") for finding in scaled.report)
    return scaled.files


def _points(slot: Mapping[str, Any], style: str, source: Sources, path: str) -> fitting.Points | None:
    """The size the pictures were drawn for: today's, or one of earlier guidance when they have its ratio.

    Missing scales are made in this size too, so that the image has one size at every scale.
    """
    older = [each for each in slot.get("older", ()) if style in each.get("styles", (style,))]
    sizes = [_size(each) for each in (slot, *older)]
    for points in sizes:
        said = [
            finding
            for scale, data in source.items()
            for finding in fitting.check_slot(data, points=points, name=fitting.file_name(path, scale))
        ]
        if not any(finding.code == "image-ratio" for finding in said):
            return points
    return sizes[0]


def _size(slot: Mapping[str, Any]) -> fitting.Points | None:
    if slot["width"] is None:
        return None
    low, high = slot["width"]
    return high if low == high else range(low, high + 1), slot["height"]


def _exclude_images(style: str, drawn: list[str]) -> Iterator[Finding]:
    """Pictures that a style can't draw together."""
    for rule in picture_facts()["excludes"]:
        for other in rule["not_with"]:
            if style == rule["style"] and rule["image"] in drawn and other in drawn:
                message = f"{style} draws {rule['image']} or {other}, not both"
                yield warning("pictures-exclude", f"images/{other}.png", message, "leave one of them out")
