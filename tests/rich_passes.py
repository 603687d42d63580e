"""The passes of fixtures/rich/apple: as templates, as files, and signed by hand."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passwright import Field, Template
from passwright.apple import personalization
from passwright.apple.container.manifest import digest
from passwright.model.kinds import KINDS
from passwright.model.parts import Images, Personalization
from passwright.model.validation import translatable_texts
from tests.conftest import AT, png

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.apple.identity import Identity

FOLDER = Path(__file__).parent.parent / "fixtures" / "rich" / "apple"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
# Points, as Apple's design guidance gives them; a picture without a size is drawn small.
POINTS = {
    "icon": (38, 38),
    "logo": (160, 50),
    "primaryLogo": (126, 30),
    "secondaryLogo": (135, 12),
    "artwork": (358, 448),
    "background": (343, 503),
    "strip": (375, 144),
    "thumbnail": (90, 90),
    "footer": (268, 15),
    "personalizationLogo": (150, 40),
    "venueMap": (100, 100),
}


@cache
def _read(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text("utf-8")


def fixture(name: str) -> dict[str, Any]:
    """A fixture, anew each time."""
    made: dict[str, Any] = json.loads(_read(name))
    return made


@cache
def picture(name: str, scale: int) -> bytes:
    width, height = POINTS[name.rpartition("/")[2]]
    return png(width * scale, height * scale)


def sheet(of: Mapping[str, Any]) -> Personalization | None:
    asked = of.get("personalization")
    return None if asked is None else Personalization(**{**asked, "fields": tuple(asked["fields"])})


def template(name: str) -> Template:
    """A template whose members of Apple's own are the whole pass."""
    found = fixture(name)
    own = copy.deepcopy(found["pass"])
    for given in ("passTypeIdentifier", "teamIdentifier", "serialNumber"):
        del own[given]
    made = Template(
        kind=KINDS[found["kind"]],
        id=name,
        organisation=own["organizationName"],
        name=own["description"],
        description=own["description"],
        images=Images(
            files={f"{each}@3x.png": picture(each, 3) for each in found["pictures"]},
            url="https://cdn.example.com/",
        ),
        # A template has at least one field; this one is shown nowhere.
        fields={"unseen": Field(value="nothing")},
        personalization=sheet(found),
        apple=own,
    )
    languages = {each.partition("/")[0] for each in found["pictures"] if "/" in each} - {made.language}
    return replace(
        made,
        translations={
            each: {text: f"{text} ({each})" for text in translatable_texts(made)} for each in languages
        },
    )


def files(name: str) -> dict[str, bytes]:
    """The files of the pass but pass.json, which may still be changed."""
    found = fixture(name)
    made: dict[str, bytes] = {}
    for each in found["pictures"]:
        path = each.replace("/", ".lproj/")
        made |= {f"{path}{'' if n == 1 else f'@{n}x'}.png": picture(each, n) for n in (1, 2, 3)}
    if found.get("personalization"):
        made |= personalization.files(template(name))
    return made


def signed(document: Mapping[str, Any], beside: Mapping[str, bytes], identity: Identity) -> dict[str, bytes]:
    """The files of a pass with manifest and signature, judged by nobody."""
    made = {**beside, "pass.json": json.dumps(document).encode()}
    manifest = json.dumps({each: digest(data) for each, data in sorted(made.items())}).encode()
    return {**made, "manifest.json": manifest, "signature": identity.sign_manifest(manifest, at=AT)}
