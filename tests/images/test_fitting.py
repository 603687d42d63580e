"""Tests of passwright.images.fitting and of the data of Apple's slots."""

from __future__ import annotations

import io
import json
import struct
import zlib
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from passwright.errors import InvalidInput
from passwright.images import fitting
from passwright.images.png import Size, check_png, png_size
from tests.paths import ROOT

MEMBERSHIP = ROOT / "fixtures/templates/membership"

Colour = tuple[int, int, int, int]
RED: Colour = (200, 10, 20, 255)


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_one_row(depth: int, colour: int, raw: bytes, *extra: bytes, width: int = 1) -> bytes:
    """Returns a PNG that is one pixel high, with these bytes of a row and these chunks."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *extra, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND")))


def png(width: int, height: int, colour: Colour = RED, *, mode: str = "RGBA", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (width, height), colour).convert(mode).save(out, "PNG", **options)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGBA")


def kinds(data: bytes) -> list[bytes]:
    """Returns the chunk types of a PNG, and does not use the tested modules for it."""
    found, start = [], 8
    while start < len(data):
        found.append(data[start + 4 : start + 8])
        start += 12 + int.from_bytes(data[start : start + 4], "big")
    return found


sides = st.integers(1, 60)


@given(sides, sides, sides, sides, st.sampled_from(["fit", "crop", "pad"]))
def test_a_fitted_picture_keeps_its_ratio_inside_the_box(
    width: int, height: int, wide: int, high: int, mode: fitting.Mode
) -> None:
    """`fit` fills one side of the box, `crop` and `pad` fill both. The reported size is the real one."""
    fitted = fitting.fit(png(width, height), width=wide, height=high, mode=mode, name="")
    image = decode(fitted.data)

    assert check_png(fitted.data, name="") == fitted.size == Size(*image.size)
    if mode == "fit":
        assert image.width == wide or image.height == high
        assert image.width <= wide
        assert image.height <= high
        scale = min(wide / width, high / height)
        assert abs(image.width - width * scale) <= 1
        assert abs(image.height - height * scale) <= 1
    else:
        assert image.size == (wide, high)
    # An image of one colour has one colour afterwards, and transparent pixels around it.
    visible = {pixel for _, pixel in image.getcolors() or [] if pixel[3]}  # type: ignore[index]
    assert visible == {RED}
    if mode != "pad":
        assert image.getchannel("A").getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("mode", "size", "upscaled", "cropped"),
    [
        ("fit", (40, 20), False, False),
        ("pad", (40, 40), False, False),
        ("crop", (40, 40), False, True),
    ],
)
def test_the_three_modes(mode: fitting.Mode, size: tuple[int, int], upscaled: bool, cropped: bool) -> None:  # noqa: FBT001
    fitted = fitting.fit(png(80, 40), width=40, height=40, mode=mode, name="a.png")

    assert (fitted.size, fitted.upscaled, fitted.cropped) == (Size(*size), upscaled, cropped)


def test_crop_keeps_the_middle_and_pad_centres() -> None:
    image = Image.new("RGBA", (90, 30), "blue")
    image.paste("red", (30, 0, 60, 30))
    out = io.BytesIO()
    image.save(out, "PNG")

    cropped = decode(fitting.fit(out.getvalue(), width=30, height=30, mode="crop", name="").data)
    padded = decode(fitting.fit(out.getvalue(), width=90, height=90, mode="pad", name="").data)

    assert cropped.getpixel((15, 15)) == (255, 0, 0, 255)
    assert cropped.getpixel((2, 15)) == (255, 0, 0, 255)
    assert padded.getpixel((45, 45)) == (255, 0, 0, 255)
    assert padded.getpixel((45, 29)) == (0, 0, 0, 0)
    assert padded.getpixel((45, 60)) == (0, 0, 0, 0)
    assert padded.getpixel((45, 30)) == (255, 0, 0, 255)


def test_scaling_up_is_reported() -> None:
    assert fitting.fit(png(10, 10), width=11, height=11, name="").upscaled
    assert not fitting.fit(png(10, 10), width=10, height=10, name="").upscaled
    assert not fitting.fit(png(10, 10), width=11, height=9, name="").upscaled
    assert fitting.fit(png(10, 10), width=11, height=9, mode="crop", name="").upscaled


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_of_every_mode_are_read(mode: str) -> None:
    grey = (255, 255, 255, 255)
    fitted = fitting.fit(png(8, 8, grey, mode=mode), width=4, height=4, name="")

    assert decode(fitted.data).getcolors() == [(16, grey)]


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (png_of_one_row(16, 0, b"\0\x80\x00\xff\xff", width=2), [(128, 128, 128, 255), (255, 255, 255, 255)]),
        (
            png_of_one_row(16, 0, b"\0\x80\x00\xff\xff", chunk(b"tRNS", b"\x80\0"), width=2),
            [(128, 128, 128, 0), (255, 255, 255, 255)],
        ),
        (
            png_of_one_row(
                16, 2, b"\0" + b"\x80\0" * 3 + b"\xff\xff" * 3, chunk(b"tRNS", b"\x80\0" * 3), width=2
            ),
            [(128, 128, 128, 0), (255, 255, 255, 255)],
        ),
        (
            png_of_one_row(16, 6, b"\0" + b"\x80\0" * 4 + b"\xff\xff" * 4, width=2),
            [(128, 128, 128, 128), (255, 255, 255, 255)],
        ),
        (
            png_of_one_row(
                8, 3, b"\0\0\1", chunk(b"PLTE", b"\1\2\3\4\5\6"), chunk(b"tRNS", b"\x07"), width=2
            ),
            [(1, 2, 3, 7), (4, 5, 6, 255)],
        ),
        (
            png_of_one_row(8, 0, b"\0\x05\x06", chunk(b"tRNS", b"\0\5"), width=2),
            [(5, 5, 5, 0), (6, 6, 6, 255)],
        ),
    ],
    ids=[
        "16-bit grey",
        "16-bit grey, one clear",
        "16-bit colour, one clear",
        "16-bit alpha",
        "palette",
        "8-bit grey",
    ],
)
def test_sixteen_bits_and_transparent_colours_are_decoded(data: bytes, pixels: list[Colour]) -> None:
    """Images with 16 bits are decoded correctly where Pillow clips values or ignores a colour."""
    image = fitting._decode(data, "").convert("RGBA")

    assert [image.getpixel((x, 0)) for x in range(2)] == pixels


def test_transparent_edges_are_not_darkened() -> None:
    """The colours of transparent pixels do not change the pixels next to them."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (16, 16, 48, 48))
    out = io.BytesIO()
    image.save(out, "PNG")

    small = decode(fitting.fit(out.getvalue(), width=21, height=21, name="").data)

    assert all(min(pixel[:3]) >= 250 for _, pixel in small.getcolors() or [] if pixel[3])  # type: ignore[index]


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = (MEMBERSHIP / "images/logo@3x.png").read_bytes()
    made = [fitting.fit(data, width=160, height=50, name="logo@3x.png").data for _ in range(2)]

    assert made[0] == made[1]


def test_img_06_nothing_but_pixels_comes_out() -> None:
    """Fitting removes EXIF, text, resolution and profile."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 14.0)}
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = png(30, 30, exif=exif, dpi=(144, 144), icc_profile=srgb)

    assert {b"eXIf", b"iCCP", b"pHYs"} <= set(kinds(data))
    for picture in (data, png(30, 30, (1, 2, 3, 4)), png(30, 30, mode="P", transparency=3)):
        made = fitting.fit(picture, width=20, height=20, name="").data
        assert set(kinds(made)) <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def exchanged() -> bytes:
    """Returns a profile whose red and green are exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = profile[: 132 + 12 * int.from_bytes(profile[128:132], "big")]
    red, green = table.index(b"rXYZ"), table.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_a_colour_profile_is_applied_before_it_is_dropped() -> None:
    """Red becomes green with a profile that exchanges red and green. Transparency does not change."""
    fitted = fitting.fit(png(4, 4, (255, 0, 0, 128), icc_profile=exchanged()), width=4, height=4, name="")
    red, green, blue, alpha = decode(fitted.data).getpixel((0, 0))  # type: ignore[misc]

    assert red < 40
    assert green > 220
    assert blue < 40
    assert alpha == 128


def test_a_profile_of_greys_changes_nothing() -> None:
    grey = exchanged()
    grey = grey[:16] + b"GRAY" + grey[20:]

    assert (
        decode(fitting.fit(png(2, 2, icc_profile=grey), width=2, height=2, name="").data).getpixel((0, 0))
        == RED
    )


@pytest.mark.parametrize(
    "data",
    [
        png(2, 2, icc_profile=bytes(16) + b"RGB " + bytes(200)),
        png_of_one_row(8, 0, b"\x09\0"),
        png_of_one_row(8, 2, b"\xff\0\0\0"),
    ],
    ids=["profile", "row filter 9", "row filter 255"],
)
def test_img_05_pixels_that_cannot_be_decoded_raise_invalid_input(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^de/icon\.png: ") as caught:
        fitting.fit(data, width=2, height=2, name="de/icon.png")

    assert caught.value.code == "bad-image"
    assert caught.value.location == "de/icon.png"


def test_pillow_sees_no_chunk_but_pixels() -> None:
    """Pillow refuses a resolution of three bytes, which is metadata and removed before."""
    data = png_of_one_row(8, 0, b"\0\x07", chunk(b"pHYs", b"abc"))

    assert decode(fitting.fit(data, width=1, height=1, name="").data).getpixel((0, 0)) == (7, 7, 7, 255)
    with pytest.raises(ValueError, match="pHYs"):
        decode(data)


def test_img_01_an_image_that_is_too_large_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0))
    monkeypatch.setattr(Image, "open", None)

    with pytest.raises(InvalidInput) as caught:
        fitting.fit(b"\x89PNG\r\n\x1a\n" + head, width=9, height=9, name="icon.png")
    assert caught.value.code == "image-too-large"


def test_a_lower_limit_of_pillow_raises_invalid_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may have set a lower limit in Pillow."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    with pytest.raises(InvalidInput) as caught:
        fitting.fit(png(9, 9), width=9, height=9, name="icon.png")
    assert caught.value.code == "bad-image"


@pytest.mark.parametrize("box", [(0, 5), (5, 0), (-1, 5), (5000, 5000)])
def test_an_impossible_box_raises_value_error(box: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="can't have"):
        fitting.fit(png(2, 2), width=box[0], height=box[1], name="")


def test_an_unknown_mode_raises_value_error() -> None:
    with pytest.raises(ValueError, match="'stretch'"):
        fitting.fit(png(2, 2), width=2, height=2, mode="stretch", name="")  # type: ignore[arg-type]


LOGO: fitting.Points = (range(50, 161), 50)


def test_missing_scales_are_made_from_the_largest() -> None:
    three = png(300, 150)
    scaled = fitting.fit_scales({3: three}, points=LOGO, name="logo")

    assert {scale: png_size(data, name="") for scale, data in scaled.files.items()} == {
        1: Size(100, 50),
        2: Size(200, 100),
        3: Size(300, 150),
    }
    assert scaled.files[3] is three
    assert scaled.report.findings == ()


def test_without_a_known_size_the_largest_picture_is_the_largest_scale() -> None:
    """With any ratio and any scale in its name, the image is not scaled up or cropped, without a warning."""
    for scale in fitting.SCALES:
        scaled = fitting.fit_scales({scale: png(2000, 300)}, points=None, name="venueMap")
        sizes = {1: (667, 100), 2: (1333, 200), 3: (2000, 300)} | {scale: (2000, 300)}

        assert {number: decode(data).size for number, data in scaled.files.items()} == sizes
        assert scaled.report.findings == ()


def test_a_sliver_keeps_at_least_one_pixel() -> None:
    """An image that is 200 times as wide as high keeps a whole pixel of height."""
    assert decode(fitting.fit_scales({3: png(200, 1)}, points=None, name="venueMap").files[1]).size == (67, 1)
    assert decode(fitting.fit_scales({3: png(200, 1)}, points=LOGO, name="logo").files[1]).size == (160, 1)


def test_existing_scales_do_not_change() -> None:
    sources = {
        1: png(50, 50, (1, 1, 1, 255)),
        2: png(100, 100, (2, 2, 2, 255)),
        3: png(150, 150, (3, 3, 3, 255)),
    }

    assert fitting.fit_scales(sources, points=LOGO, name="logo").files == sources


def test_the_source_is_the_picture_with_the_most_pixels() -> None:
    """The name of the largest image need not have @3x."""
    sources = {1: png(800, 400, (1, 1, 1, 255)), 2: png(20, 10, (2, 2, 2, 255))}
    scaled = fitting.fit_scales(sources, points=LOGO, name="logo")

    assert decode(scaled.files[3]).getpixel((5, 5)) == (1, 1, 1, 255)
    assert decode(scaled.files[3]).size == (300, 150)
    assert scaled.report.findings == ()


def test_scaling_up_and_cropping_are_reported() -> None:
    scaled = fitting.fit_scales({2: png(60, 40)}, points=(38, 38), mode="crop", name="de/icon")

    assert [(finding.code, finding.location) for finding in scaled.report] == [
        ("image-ratio", "de/icon@2x.png"),
        ("image-cropped", "de/icon.png"),
        ("image-upscaled", "de/icon@3x.png"),
        ("image-cropped", "de/icon@3x.png"),
    ]
    assert scaled.report.ok


def test_img_06_metadata_of_existing_scales_is_removed_and_reported() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Jane's kitchen"
    scaled = fitting.fit_scales({3: png(150, 150, exif=exif)}, points=LOGO, name="logo")

    assert all(b"Jane" not in data for data in scaled.files.values())
    assert [(finding.code, finding.location) for finding in scaled.report] == [
        ("image-metadata-dropped", "logo@3x.png")
    ]


@pytest.mark.parametrize(
    ("points", "size", "code"),
    [
        ((range(60, 91), 90), (180, 180), None),
        ((range(60, 91), 90), (120, 180), None),
        ((range(60, 91), 90), (194, 180), "image-ratio"),
        ((range(60, 91), 90), (60, 180), "image-ratio"),
        ((375, 144), (1125, 432), None),
        ((375, 144), (1124, 432), None),
        ((375, 144), (320, 123), None),
        ((375, 144), (1125, 369), "image-ratio"),
        ((38, 38), (29, 29), None),
        ((38, 38), (1, 1), None),
        ((38, 38), (58, 64), "image-ratio"),
    ],
)
def test_img_07_a_picture_of_another_ratio(
    points: fitting.Points, size: tuple[int, int], code: str | None
) -> None:
    """Another ratio is a warning that names the file. Every size is allowed."""
    findings = list(fitting.check_slot(png(*size), points=points, name="thumbnail@2x.png"))

    assert [finding.code for finding in findings] == ([code] if code else [])
    assert all(finding.location == "thumbnail@2x.png" for finding in findings)


def test_img_07_a_heavy_picture() -> None:
    """A strip of 5 MB is a warning that names the file."""
    data = png(1125, 432) + bytes(5 * 10**6)
    (finding,) = fitting.check_slot(data, points=(375, 144), name="strip@3x.png")

    assert (finding.code, finding.location) == ("image-heavy", "strip@3x.png")
    assert "4.8 MiB" in finding.message


def test_img_04_a_polyglot_is_refused_as_a_source() -> None:
    with pytest.raises(InvalidInput) as caught:
        fitting.fit_scales({1: png(38, 38), 2: png(76, 76) + b"PK\x03\x04"}, points=(38, 38), name="icon")

    assert (caught.value.code, caught.value.location) == ("bad-image", "icon@2x.png")


@pytest.mark.parametrize("sources", [{}, {4: b""}, {0: b"", 1: b""}])
def test_impossible_sources_raise_value_error(sources: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="scales 1, 2 and 3"):
        fitting.fit_scales(sources, points=LOGO, name="logo")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("icon.png", ("icon", 1)),
        ("logo@2x.png", ("logo", 2)),
        ("de/strip@3x.png", ("de/strip", 3)),
        ("logo@4x.png", ("logo@4x", 1)),
        ("logo.PNG", None),
        ("logo.svg", None),
    ],
)
def test_file_names_hold_picture_and_scale(file: str, name: tuple[str, int] | None) -> None:
    assert fitting.split_name(file) == name
    assert name is None or fitting.file_name(*name) == file


# The data of Apple's slots


STYLES = {"boardingPass", "coupon", "eventTicket", "generic", "storeCard"}
LAYOUTS = {"posterEventTicket", "posterGeneric", "semanticBoardingPass"}
TABLE = json.loads(resources.files("passwright").joinpath("apple/data/images.json").read_text("utf-8"))
SLOTS: dict[str, dict[str, Any]] = TABLE["images"]


@pytest.mark.parametrize("name", SLOTS)
def test_every_slot_of_the_data_is_complete(name: str) -> None:
    """The name, the styles and the numbers of each slot are complete and usable."""
    slot = SLOTS[name]

    required = {"width", "height", "mode", "styles", "required", "since", "note"}
    assert required <= set(slot) <= required | {"required_by", "older", "by_style", "unconfirmed"}
    assert slot["styles"]
    assert set(slot["styles"]) <= STYLES | LAYOUTS
    assert set(slot.get("required_by", ())) <= LAYOUTS
    assert set(slot.get("by_style", ())) <= set(slot["styles"])
    sizes = [slot, *slot.get("older", ()), *slot.get("by_style", {}).values()]
    for size in sizes:
        if size["height"] is None:
            assert name == "venueMap"
            assert fitting.fit_scales({1: png(300, 200)}, points=None, name=name).files.keys() == {1, 2, 3}
            continue
        least, greatest = size["width"]
        assert 0 < least <= greatest
        points: fitting.Points = (range(least, greatest + 1), size["height"])
        source = png(greatest * 3, size["height"] * 3)
        scaled = fitting.fit_scales({3: source}, points=points, mode=slot["mode"], name=name)
        assert decode(scaled.files[1]).size == (greatest, size["height"])
        assert scaled.report.findings == ()


def test_the_slots_of_each_classic_style() -> None:
    """The slots of each style, listed a second time."""
    by_style = {
        style: {name for name, slot in SLOTS.items() if style in slot["styles"]} for style in STYLES | LAYOUTS
    }

    assert by_style == {
        "boardingPass": {"icon", "logo", "footer"},
        "coupon": {"icon", "logo", "strip"},
        "eventTicket": {"icon", "logo", "strip", "background", "thumbnail"},
        "generic": {"icon", "logo", "thumbnail"},
        "storeCard": {"icon", "logo", "strip", "personalizationLogo"},
        "posterEventTicket": {"icon", "primaryLogo", "secondaryLogo", "artwork", "background", "venueMap"},
        "posterGeneric": {"icon", "primaryLogo", "artwork"},
        "semanticBoardingPass": {"icon", "primaryLogo"},
    }
    assert [name for name, slot in SLOTS.items() if slot["required"]] == ["icon"]
    assert TABLE["excludes"] == [
        {"style": "eventTicket", "image": "strip", "not_with": ["background", "thumbnail"]},
    ]
