"""Tests of the images of the templates: fixtures/make.py draws them, and they fit both wallets."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageFilter

from passwright.images import fitting
from passwright.images.png import Size, check_png, strip_metadata
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

FIXTURES = ROOT / "fixtures"
TEMPLATES = FIXTURES / "templates"
SLOTS: dict[str, Any] = json.loads(
    (resources.files("passwright.apple") / "data" / "images.json").read_text("utf-8")
)["images"]

APPLE = {
    "icon@3x.png": (114, 114),
    "logo@3x.png": (150, 150),
    "strip@3x.png": (1125, 432),
    "background@3x.png": (1029, 1509),
    "artwork@3x.png": (1074, 1344),
    "thumbnail@3x.png": (216, 270),
    "footer@3x.png": (804, 45),
}
GOOGLE = {"program-logo.png": (660, 660), "hero.png": (1032, 336), "de/hero.png": (1032, 336)}

# The images of each template besides icon, logo, program-logo and hero.
MORE = {
    "coupon": {"strip@3x.png"},
    "event": {"background@3x.png", "thumbnail@3x.png", "artwork@3x.png"},
    "flight": {"footer@3x.png"},
    "gift-card": {"strip@3x.png"},
    "id-card": {"thumbnail@3x.png"},
    "membership": {"strip@3x.png", "de/hero.png"},
    "train": {"footer@3x.png"},
}
STYLES = {
    "coupon": "coupon",
    "event": "eventTicket",
    "flight": "boardingPass",
    "gift-card": "storeCard",
    "id-card": "generic",
    "membership": "storeCard",
    "train": "boardingPass",
}
ALWAYS = {"icon@3x.png", "logo@3x.png", "program-logo.png", "hero.png"}
PICTURES = [(template, file) for template, more in sorted(MORE.items()) for file in sorted(ALWAYS | more)]
MODULES = {
    "coupon": "bakery",
    "event": "museum",
    "flight": "air",
    "gift-card": "books",
    "id-card": "institute",
    "membership": "coffee",
    "train": "rail",
}

Pixel = tuple[int, int, int]


@pytest.fixture(scope="module")
def make() -> Iterator[ModuleType]:
    """Imports fixtures/make.py with its folder first on the path, as when it is run."""
    spec = importlib.util.spec_from_file_location("passwright_fixtures_make", FIXTURES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(FIXTURES))
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FIXTURES))


@pytest.fixture(scope="module")
def drawn(make: ModuleType) -> dict[Path, bytes]:
    """Draws every image once."""
    made: dict[Path, bytes] = make.pictures()
    return made


def colours(make: ModuleType, template: str) -> Any:
    """Returns the colours of the text of a template, as its drawings define them."""
    return sys.modules[make.SETS[template].__module__].COLOURS


def data(template: str, file: str) -> bytes:
    return (TEMPLATES / template / "images" / file).read_bytes()


def opened(template: str, file: str) -> Image.Image:
    return Image.open(io.BytesIO(data(template, file))).convert("RGBA")


def rgb(text: str) -> Pixel:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def luminance(pixel: Pixel) -> float:
    """Returns the relative luminance of a colour (WCAG 2.2)."""
    linear = [(c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4) for c in pixel]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Pixel, other: Pixel) -> float:
    """Returns the contrast ratio of two colours (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def worst(image: Image.Image, ink: Pixel) -> float:
    """Returns the least contrast of `ink` with any pixel."""
    pixels = image.convert("RGB").tobytes()
    return min(
        contrast(ink, pixel) for pixel in set(zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True))
    )


# The script


def test_the_pictures_are_what_the_script_draws(
    make: ModuleType,
    drawn: dict[Path, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(make.KINDS, "pictures", lambda: drawn)

    assert make.main(["--check", "pictures"]) == 0
    assert capsys.readouterr().out == ""


def test_the_script_draws_every_picture_there_is(drawn: dict[Path, bytes]) -> None:
    """Each file has a drawing, and each template has images."""
    there = {path.relative_to(FIXTURES) for path in TEMPLATES.glob("*/images/**/*") if path.is_file()}

    assert {path.relative_to(FIXTURES) for path in drawn} == there
    assert {path.parts[1:2] + path.parts[3:] for path in there} == {
        (template, *file.split("/")) for template, file in PICTURES
    }


def test_the_script_notices_a_changed_picture(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image that is absent or has another size or other pixels is named, and drawn again."""
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setattr(make, "SETS", {"train": make.SETS["train"]})
    folder = tmp_path / "templates/train/images"
    assert make.main(["pictures"]) == 0
    assert capsys.readouterr().out.count("\n") == 5
    (folder / "icon@3x.png").unlink()
    Image.new("RGBA", (480, 150)).save(folder / "logo@3x.png")
    with Image.open(folder / "hero.png") as image:
        image.load()
    image.paste("red", (0, 0, 20, 20))
    image.save(folder / "hero.png")

    assert make.main(["--check", "pictures"]) == 1
    assert sorted(line.split()[0] for line in capsys.readouterr().out.splitlines()) == [
        f"templates/train/images/{name}" for name in ("hero.png", "icon@3x.png", "logo@3x.png")
    ]
    assert make.main(["pictures"]) == 0
    assert make.main(["--check", "pictures"]) == 0


def test_a_picture_with_the_same_pixels_keeps_its_bytes(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another version of zlib compresses differently, and the file is not written again for it."""
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setattr(make, "SETS", {"train": make.SETS["train"]})
    icon = tmp_path / "templates/train/images/icon@3x.png"
    icon.parent.mkdir(parents=True)
    Image.open(io.BytesIO(data("train", "icon@3x.png"))).save(icon, compress_level=0)
    before = icon.read_bytes()

    make.main(["pictures"])

    assert icon.read_bytes() == before


def test_one_wrong_pixel_passes_the_check_and_is_corrected(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check tolerates other versions of FreeType. Writing does not."""
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setattr(make, "SETS", {"train": make.SETS["train"]})
    make.main(["pictures"])
    icon = tmp_path / "templates/train/images/icon@3x.png"
    with Image.open(icon) as image:
        image.load()
    image.putpixel((5, 5), (255, 0, 0))
    image.save(icon)
    capsys.readouterr()

    assert make.main(["--check", "pictures"]) == 0
    assert make.main(["pictures"]) == 0
    assert capsys.readouterr().out.startswith("templates/train/images/icon@3x.png: ")


def test_the_script_refuses_a_kind_it_does_not_know(
    make: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        make.main(["paintings"])

    assert stop.value.code == 2
    assert "no kind 'paintings': there is pictures" in capsys.readouterr().err


# The files


@pytest.mark.parametrize(("template", "file"), PICTURES)
def test_each_picture_fits_its_slot(template: str, file: str) -> None:
    """Each image has the size of its slot and no metadata, and is scaled without a finding."""
    picture = data(template, file)

    assert check_png(picture, name=file) == Size(*(APPLE | GOOGLE)[file])
    assert strip_metadata(picture, name=file) is picture
    if file in APPLE:
        slot = SLOTS[name := file.removesuffix("@3x.png")]
        assert {STYLES[template], "posterEventTicket"} & set(slot["styles"])
        least, greatest = slot["width"]
        points: fitting.Points = (range(least, greatest + 1), slot["height"])
        scaled = fitting.fit_scales({3: picture}, points=points, mode=slot["mode"], name=name)
        assert scaled.report.findings == ()


@pytest.mark.parametrize("template", sorted(MORE))
def test_the_pictures_are_light(template: str) -> None:
    sizes = {file: len(data(template, file)) for name, file in PICTURES if name == template}

    assert sum(sizes.values()) < 350_000
    assert max(sizes.values()) < 120_000


def test_every_set_has_colours_of_its_own(make: ModuleType) -> None:
    assert len({colours(make, template).background for template in MORE}) == len(MORE)
    assert {template: make.SETS[template].__module__ for template in MORE} == {
        template: f"drawing.{module}" for template, module in MODULES.items()
    }


# How they look


@pytest.mark.parametrize("template", sorted(MORE))
def test_no_shape_touches_the_edge_of_the_logos(make: ModuleType, template: str) -> None:
    """The logo has free pixels at each edge. Google's circle cuts nothing off, with a margin of 15 %."""
    logo = opened(template, "logo@3x.png")
    left, top, right, bottom = logo.getbbox() or (0, 0, 0, 0)
    assert min(left, top, logo.width - right, logo.height - bottom) >= 3
    assert logo.getpixel((0, 0)) == (0, 0, 0, 0)

    square = opened(template, "program-logo.png")
    ground = (*rgb(colours(make, template).background), 255)
    safe = 660 / 2 * 0.85
    assert square.getchannel("A").getextrema() == (255, 255)
    for y in range(0, 660, 3):
        for x in range(0, 660, 3):
            if (x - 330) ** 2 + (y - 330) ** 2 > safe**2:
                assert square.getpixel((x, y)) == ground


@pytest.mark.parametrize("template", sorted(MORE))
def test_a_mark_stands_in_the_middle(make: ModuleType, template: str) -> None:
    """Opposite margins of the mark differ by less than a twelfth of the icon."""
    icon = opened(template, "icon@3x.png")
    ground = rgb(colours(make, template).background)
    marked = [(x, y) for x in range(114) for y in range(114) if icon.getpixel((x, y)) != (*ground, 255)]

    for along in zip(*marked, strict=True):
        assert abs(min(along) - (113 - max(along))) < 114 / 12


@pytest.mark.parametrize("template", sorted(MORE))
def test_text_and_label_stand_out_from_the_background(make: ModuleType, template: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 for small text."""
    chosen = colours(make, template)

    assert contrast(rgb(chosen.background), rgb(chosen.text)) >= 4.5
    assert contrast(rgb(chosen.background), rgb(chosen.label)) >= 4.5


@pytest.mark.parametrize("template", sorted(MORE))
def test_a_template_uses_the_colours_of_its_pictures(make: ModuleType, template: str) -> None:
    """The icon has the background and text colours of template.toml."""
    chosen = colours(make, template)

    written = tomllib.loads((TEMPLATES / template / "template.toml").read_text("utf-8"))["colours"]

    assert written == {"background": chosen.background, "text": chosen.text, "label": chosen.label}


@pytest.mark.parametrize("template", ["coupon", "gift-card"])
def test_white_can_be_read_on_the_left_of_a_strip(template: str) -> None:
    """Wallet writes the primary field over the strip, large and white. WCAG requires a contrast of 3."""
    strip = opened(template, "strip@3x.png").crop((45, 60, 490, 290))

    assert worst(strip, (255, 255, 255)) >= 3


def test_the_fields_of_a_ticket_can_be_read_over_its_blurred_background(make: ModuleType) -> None:
    """Header, primary, secondary and auxiliary fields cover the upper 38 % of the card."""
    card = opened("event", "background@3x.png").convert("RGB")
    above = card.filter(ImageFilter.GaussianBlur(30)).crop((0, 0, card.width, card.height * 38 // 100))

    assert worst(above, rgb(colours(make, "event").text)) >= 4.5
    assert worst(above, rgb(colours(make, "event").label)) >= 4.5
