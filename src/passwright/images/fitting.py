"""Fitting one picture to the slots and scales a wallet wants.

`png_size` and `check_png` say what a picture is without decoding it; they live
in `passwright.images.png`. Here pixels are decoded, and only what `check_png` let
through.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from passwright.errors import InvalidInput
from passwright.images.png import (
    MAX_PIXELS,
    PIXELS_ONLY,
    Size,
    check_png,
    colour_profile,
    only,
    plain,
    png_size,
)
from passwright.report import Finding, Report, note, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from PIL.Image import Image

__all__ = [
    "HEAVY_BYTES",
    "MAX_PIXELS",
    "SCALES",
    "Fitted",
    "Mode",
    "Points",
    "Scaled",
    "Size",
    "check_png",
    "check_slot",
    "file_name",
    "fit",
    "plain",
    "png_size",
    "scales",
    "split_name",
]

# A picture above this makes a pass slow to load. It is what Apple allows a
# picture of an upcoming event (`URLs.size` in `upcomingPassInformation`).
HEAVY_BYTES = 2 * 2**20

# Apple draws a slot in 1, 2 or 3 pixels per point: `icon.png`, `icon@2x.png`, `icon@3x.png`.
SCALES = (1, 2, 3)

# How a picture meets a box of another ratio: `fit` stays inside it, `crop`
# fills it and loses what hangs over, `pad` fills it up with transparent pixels.
Mode = Literal["fit", "crop", "pad"]

# The width and height of a slot; a range is any of these widths.
Points = tuple[int | range, int]

_OPAQUE = 255
_SIXTEEN_BITS = 16


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture made to measure: its PNG bytes, its size, and what it cost."""

    data: bytes
    size: Size
    upscaled: bool
    cropped: bool


@dataclass(frozen=True, slots=True)
class Scaled:
    """One picture in all three scales, `files[2]` being `@2x`, and what was done to get there."""

    files: Mapping[int, bytes]
    report: Report


def fit(data: bytes, *, width: int, height: int, mode: Mode = "fit", name: str) -> Fitted:
    """The picture in a box of `width` by `height` pixels, its ratio kept.

    With the default `fit` one side may come out shorter than the box, with
    `crop` and `pad` neither does. A colour profile is applied, then dropped
    with all other metadata: what comes out holds sRGB pixels and nothing else.
    The same input and the same Pillow give the same bytes.

    Raises:
        InvalidInput: as `check_png`, or `bad-image` when the pixels can't be decoded.
        ValueError: the box or the mode makes no sense.
    """
    return _fit(data, lambda: _decode(data, name), width=width, height=height, mode=mode, name=name)


def _fit(
    data: bytes, pixels: Callable[[], Image], *, width: int, height: int, mode: Mode, name: str
) -> Fitted:
    """The same with the pixels of the picture at hand, once they are asked for."""
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"a picture can't have {width} x {height} pixels")
    size = check_png(data, name=name)
    across, down = width / size.width, height / size.height
    if mode == "crop":
        factor = max(across, down)
        kept = (min(width / factor, size.width), min(height / factor, size.height))
    elif mode in ("fit", "pad"):
        factor = min(across, down)
        kept = (float(size.width), float(size.height))
    else:
        raise ValueError(f"mode is {mode!r}: use 'fit', 'crop' or 'pad'")
    inner = Size(max(1, round(kept[0] * factor)), max(1, round(kept[1] * factor)))
    outer = inner if mode == "fit" else Size(width, height)
    # Less than one pixel of the result is rounding, not cropping.
    cropped = max((size.width - kept[0]) * factor, (size.height - kept[1]) * factor) >= 1
    image = _resize(pixels(), kept, inner, outer)
    return Fitted(_encode(image), outer, upscaled=factor > 1, cropped=cropped)


def scales(sources: Mapping[int, bytes], *, points: Points | None, mode: Mode = "fit", name: str) -> Scaled:
    """One picture in all three scales, out of those there are.

    `sources` maps 1, 2 or 3 to PNG bytes. Scales that are given stay as they
    are, apart from metadata; the others are made from the picture with the most
    pixels. `points` is the slot's width and height: where the width is a range,
    `fit` keeps the picture's ratio inside the widest box; where no size is known
    it is None, and the source is taken for the one at @3x, so nothing is scaled
    up. `name` is the slot's, with a language folder before it if need be
    (`de/strip`); it names the files in findings and errors.

    The report tells what was scaled up (`image-upscaled`), cropped
    (`image-cropped`) and dropped (`image-metadata-dropped`), and what
    `check_slot` says of the given ones.

    Raises:
        InvalidInput: as `fit`, for the file it names.
        ValueError: no source, or a scale other than 1, 2 and 3.
    """
    if not sources or not sources.keys() <= set(SCALES):
        raise ValueError(f"{name}: a picture comes in the scales 1, 2 and 3, here are {sorted(sources)}")
    findings: list[Finding] = []
    given: dict[int, bytes] = {}
    for scale, data in sorted(sources.items()):
        file = file_name(name, scale)
        given[scale] = plain(data, name=file)
        findings += check_slot(given[scale], points=points, name=file)
        if given[scale] is not data:
            findings.append(note("image-metadata-dropped", file, "text, EXIF or other metadata was left out"))
    sizes = {scale: png_size(data, name=file_name(name, scale)) for scale, data in given.items()}
    best = max(given, key=lambda scale: (sizes[scale].pixels, scale))
    source = file_name(name, best)
    width = sizes[best].width / SCALES[-1] if points is None else _widths(points)[-1]
    height = sizes[best].height / SCALES[-1] if points is None else points[1]
    # Decoded once for all scales that are made of it, and not at all where all are given.
    pixels = cache(lambda: _decode(given[best], source))
    files: dict[int, bytes] = {}
    for scale in SCALES:
        if scale in given:
            files[scale] = given[scale]
        else:
            box = Size(max(1, round(width * scale)), max(1, round(height * scale)))
            fitted = _fit(given[best], pixels, width=box.width, height=box.height, mode=mode, name=source)
            findings += _costs(fitted, file_name(name, scale), source)
            files[scale] = fitted.data
    return Scaled(files, Report.from_findings(findings))


def check_slot(data: bytes, *, points: Points | None, name: str) -> Iterator[Finding]:
    """What a wallet will do to a picture in this slot that its maker may not expect.

    Sizes are advice, wallets scale: so only the ratio counts (`image-ratio`;
    nothing to compare with where `points` is None), and the weight of the file
    (`image-heavy`). Both are warnings.

    Raises:
        InvalidInput: as `png_size`.
    """
    size = png_size(data, name=name)
    if len(data) > HEAVY_BYTES:
        yield warning(
            "image-heavy",
            name,
            f"the picture has {len(data) / 2**20:.1f} MiB, more than {HEAVY_BYTES // 2**20} make a pass slow",
            "save it in the size of its slot, or with fewer colours",
        )
    if points is None:
        return
    widths, height = _widths(points), points[1]
    # One pixel more or less is what rounding to whole pixels costs.
    narrow = (size.width + 1) * height < widths[0] * (size.height - 1)
    wide = (size.width - 1) * height > widths[-1] * (size.height + 1)
    if narrow or wide:
        slot = f"{widths[0]}-{widths[-1]}" if len(widths) > 1 else f"{widths[0]}"
        than = "narrow" if narrow else "wide"
        yield warning(
            "image-ratio",
            name,
            f"{size} pixels are too {than} for the slot of {slot} x {height} points",
            "the wallet shrinks or crops the picture",
        )


def file_name(name: str, scale: int) -> str:
    """The file of a picture in one scale: `logo`, 2 is `logo@2x.png`."""
    return f"{name}.png" if scale == 1 else f"{name}@{scale}x.png"


def split_name(file: str) -> tuple[str, int] | None:
    """The picture and the scale in a file name: `de/logo@2x.png` is `de/logo`, 2. None if it is no .png."""
    stem = file.removesuffix(".png")
    if stem == file:
        return None
    for scale in SCALES[1:]:
        name = stem.removesuffix(f"@{scale}x")
        if name != stem:
            return name, scale
    return stem, 1


def _widths(points: Points) -> range:
    width = points[0]
    return width if isinstance(width, range) else range(width, width + 1)


def _costs(fitted: Fitted, file: str, source: str) -> Iterator[Finding]:
    if fitted.upscaled:
        yield warning(
            "image-upscaled",
            file,
            f"{fitted.size} pixels were made out of the smaller {source}, so it looks blurred",
            "add the picture at @3x",
        )
    if fitted.cropped:
        yield note("image-cropped", file, f"{source} has another ratio: edges were cut off to {fitted.size}")


# The only functions that know Pillow.


def _decode(data: bytes, name: str) -> Image:
    """The pixels as RGB or RGBA in sRGB. Pillow sees chunks that `check_png` has judged, and no others."""
    from PIL import Image

    profile = colour_profile(data, name=name)
    try:
        bare = io.BytesIO(only(data, PIXELS_ONLY, name=name))
        image = _eight_bits(Image.open(bare, formats=("PNG",)), depth=data[24]).convert("RGBA")
        # Greys look alike under any profile; the others are applied.
        if profile is not None and profile[16:20] == b"RGB ":
            _to_srgb(image, profile)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise InvalidInput("bad-image", name, "the pixels or the colour profile can't be decoded") from exc
    return _lean(image)


def _lean(image: Image) -> Image:
    """The same pixels without their transparency if they have none: less to scale, less to write."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == _OPAQUE:
        return image.convert("RGB")
    return image


def _to_srgb(image: Image, profile: bytes) -> None:
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), inPlace=True)
    except ImageCms.PyCMSError as exc:
        raise ValueError("the colour profile can't be used") from exc


def _eight_bits(image: Image, depth: int) -> Image:
    """Pillow cuts 16 bits of colour to 8; but it clips 16 bits of grey and leaves the transparent colour."""
    image.load()
    if depth != _SIXTEEN_BITS:
        return image
    clear = image.info.pop("transparency", None)
    if image.mode == "I;16":
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if clear is not None:
        image.info["transparency"] = (
            tuple(value >> 8 for value in clear) if isinstance(clear, tuple) else clear >> 8
        )
    return image


def _resize(image: Image, kept: tuple[float, float], inner: Size, outer: Size) -> Image:
    from PIL import Image as Pillow

    left, top = (image.width - kept[0]) / 2, (image.height - kept[1]) / 2
    box = (left, top, image.width - left, image.height - top)
    resized = image.resize((inner.width, inner.height), Pillow.Resampling.LANCZOS, box=box)
    if inner == outer:
        return resized
    padded = Pillow.new("RGBA", (outer.width, outer.height))
    padded.paste(resized, ((outer.width - inner.width) // 2, (outer.height - inner.height) // 2))
    return padded


def _encode(image: Image) -> bytes:
    image.info.clear()  # Pillow writes what it finds there
    out = io.BytesIO()
    # The best level there is takes four times as long for 3 % less.
    _lean(image).save(out, "PNG", compress_level=6)
    return out.getvalue()
