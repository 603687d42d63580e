"""Rules about the pictures beside pass.json in a pass that is finished.

`build.pictures` checks the images that a builder makes; these rules check the files of a third-party
archive.

Source: Apple, Wallet Passes: Creating the Source for a Pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.apple.build.pictures import picture_facts
from passwright.apple.rules.layouts import pictures
from passwright.report import Finding, note, warning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["check_images"]


def check_images(files: tuple[str, ...], styles: frozenset[str]) -> tuple[Finding, ...]:
    """Returns the faults of the images among the files of a pass, by their names.

    `styles` are the style key of the pass and the layouts it asks for.
    Genuine passes have each of these mistakes, so none is an error. That an icon
    is there is asked together with the manifest.
    """
    return (*_unsuitable(files, styles), *_overriding(files))


def _unsuitable(files: Collection[str], styles: Collection[str]) -> Iterator[Finding]:
    """Pictures that are missing, that no layout draws, and that exclude each other."""
    there = pictures(files)
    facts = picture_facts()["images"]
    for name in sorted(there & facts.keys()):
        if styles and not set(styles) & set(facts[name]["styles"]) and name != "personalizationLogo":
            where = min(each for each in files if name in pictures([each]))
            yield note("picture-not-drawn", where, f"{' and '.join(sorted(styles))} draws no {name}")
    for rule in picture_facts()["excludes"]:
        for other in rule["not_with"]:
            if rule["style"] in styles and {rule["image"], other} <= there:
                message = f"{rule['style']} draws {rule['image']} or {other}, not both"
                where = min(each for each in files if other in pictures([each]))
                yield warning("pictures-exclude", where, message, "leave one of them out")


def _overriding(files: Collection[str]) -> Iterator[Finding]:
    """A picture at the top level wins over those of the same name in language folders."""
    inside = {name.partition("/")[2] for name in files if name.partition("/")[0].endswith(".lproj")}
    for name in sorted(inside.intersection(files)):
        if name.endswith(".png"):
            message = "everybody sees this picture, also where a language has its own"
            hint = "put it into every language folder instead, and nowhere else"
            yield warning("picture-overrides-language", name, message, hint)
