"""Images fitted to the slots and scales of a wallet.

Only images that `passwright.images.png.check_png` has accepted are decoded.
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
    keep_chunks,
    png_size,
    strip_metadata,
)
from passwright.report import Finding, Report, note, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from PIL.Image import Image

__all__ = [
    "HEAVY_BYTES",
    "MAX_PIXELS",
    "SCALES",
    "FittedImage",
    "Mode",
    "Points",
    "ScaledImages",
    "Size",
    "check_png",
    "check_slot",
    "file_name",
    "fit",
    "fit_scales",
    "png_size",
    "split_name",
    "strip_metadata",
]

# A larger image makes a pass slow to load. The limit is Apple's for an image of an upcoming event
# (`URLs.size` in `upcomingPassInformation`).
HEAVY_BYTES = 2 * 2**20

# Apple draws a slot in 1, 2 or 3 pixels per point: `icon.png`, `icon@2x.png`, `icon@3x.png`.
SCALES = (1, 2, 3)

# Treatment of an image whose ratio differs from the box: `fit` stays inside the box, `crop` fills the box
# and cuts the edges off, `pad` fills the rest of the box with transparent pixels.
Mode = Literal["fit", "crop", "pad"]

# Width and height of a slot. A range allows each of its widths.
Points = tuple[int | range, int]

_OPAQUE = 255
_SIXTEEN_BITS = 16


@dataclass(frozen=True, slots=True)
class FittedImage:
    """A fitted image: its PNG bytes, its size, and whether it was scaled up or cropped."""

    data: bytes
    size: Size
    upscaled: bool
    cropped: bool


@dataclass(frozen=True, slots=True)
class ScaledImages:
    """An image in all three scales, and a report of the changes. `files[2]` is the scale `@2x`."""

    files: Mapping[int, bytes]
    report: Report


def fit(data: bytes, *, width: int, height: int, mode: Mode = "fit", name: str) -> FittedImage:
    """Fits an image into a box of `width` by `height` pixels. Errors call the image `name`.

    The ratio of the image does not change. With the default mode `fit` one side may be shorter than
    the box, with `crop` and `pad` the result has the size of the box. A colour profile is applied and
    removed with all other metadata, so the result contains sRGB pixels only. The same input and the
    same version of Pillow give the same bytes.

    Raises:
        InvalidInput: as `check_png`, or `bad-image`: the pixels cannot be decoded.
        ValueError: the box is empty or too large, or the mode is unknown.
    """
    return _fit(data, lambda: _decode(data, name), width=width, height=height, mode=mode, name=name)


def _fit(
    data: bytes, pixels: Callable[[], Image], *, width: int, height: int, mode: Mode, name: str
) -> FittedImage:
    """Fits an image as `fit`. `pixels` decodes the image, and is called once its header is validated."""
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"a picture can't have {width} x {height} pixels")
    size = check_png(data, name=name)
    across, down = width / size.width, height / size.height
    if mode == "crop":
        factor = max(across, down)
        region = (min(width / factor, size.width), min(height / factor, size.height))
    elif mode in ("fit", "pad"):
        factor = min(across, down)
        region = (float(size.width), float(size.height))
    else:
        raise ValueError(f"mode is {mode!r}: use 'fit', 'crop' or 'pad'")
    inner = Size(max(1, round(region[0] * factor)), max(1, round(region[1] * factor)))
    outer = inner if mode == "fit" else Size(width, height)
    # Less than one pixel of the result is rounding and not cropping.
    cropped = max((size.width - region[0]) * factor, (size.height - region[1]) * factor) >= 1
    image = _resize(pixels(), region, inner, outer)
    return FittedImage(_encode(image), outer, upscaled=factor > 1, cropped=cropped)


def fit_scales(
    sources: Mapping[int, bytes], *, points: Points | None, mode: Mode = "fit", name: str
) -> ScaledImages:
    """Makes the missing scales of an image from the existing ones.

    `sources` maps 1, 2 or 3 to PNG bytes. Existing scales do not change, except that their metadata is
    removed. The other scales are made from the image with the most pixels. `points` is the width and
    height of the slot. If the width is a range, `fit` keeps the ratio of the image inside the widest
    box. If `points` is None, the size of the slot is unknown: the source counts as the scale @3x, and
    nothing is scaled up. `name` is the name of the slot, with a folder for the language if there is one
    (`de/strip`). Findings and errors name the files after it.

    The report contains `image-upscaled`, `image-cropped` and `image-metadata-dropped`, and the findings
    of `check_slot` about the existing scales.

    Raises:
        InvalidInput: as `fit`, for the file that the error names.
        ValueError: there is no source, or a scale other than 1, 2 and 3.
    """
    if not sources or not sources.keys() <= set(SCALES):
        raise ValueError(f"{name}: a picture comes in the scales 1, 2 and 3, here are {sorted(sources)}")
    findings: list[Finding] = []
    given: dict[int, bytes] = {}
    for scale, data in sorted(sources.items()):
        file = file_name(name, scale)
        given[scale] = strip_metadata(data, name=file)
        findings += check_slot(given[scale], points=points, name=file)
        if given[scale] is not data:
            findings.append(note("image-metadata-dropped", file, "text, EXIF or other metadata was left out"))
    sizes = {scale: png_size(data, name=file_name(name, scale)) for scale, data in given.items()}
    best = max(given, key=lambda scale: (sizes[scale].pixels, scale))
    source = file_name(name, best)
    width = sizes[best].width / SCALES[-1] if points is None else _widths(points)[-1]
    height = sizes[best].height / SCALES[-1] if points is None else points[1]
    # The source is decoded once for all missing scales, and not at all where none is missing.
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
    return ScaledImages(files, Report.from_findings(findings))


def check_slot(data: bytes, *, points: Points | None, name: str) -> Iterator[Finding]:
    """Validates the ratio and the file size of an image for a slot.

    Wallets scale images, so their size in pixels does not matter. `image-ratio` warns about another
    ratio than that of `points`, unless `points` is None, and `image-heavy` warns about a large file.

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
    # Rounding to whole pixels may add or remove one pixel.
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
    """Returns the file name of an image in one scale: `logo@2x.png` for `logo`, 2."""
    return f"{name}.png" if scale == 1 else f"{name}@{scale}x.png"


def split_name(file: str) -> tuple[str, int] | None:
    """Returns the image and the scale of a file name: `de/logo`, 2 for `de/logo@2x.png`. None if not .png."""
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


def _costs(fitted: FittedImage, file: str, source: str) -> Iterator[Finding]:
    if fitted.upscaled:
        yield warning(
            "image-upscaled",
            file,
            f"{fitted.size} pixels were made out of the smaller {source}, so it looks blurred",
            "add the picture at @3x",
        )
    if fitted.cropped:
        yield note("image-cropped", file, f"{source} has another ratio: edges were cut off to {fitted.size}")


# Only the functions below import Pillow.


def _decode(data: bytes, name: str) -> Image:
    """Decodes the pixels as RGB or RGBA in sRGB. Pillow gets only chunks that `check_png` has validated."""
    from PIL import Image

    profile = colour_profile(data, name=name)
    try:
        bare = io.BytesIO(keep_chunks(data, PIXELS_ONLY, name=name))
        image = _eight_bits(Image.open(bare, formats=("PNG",)), depth=data[24]).convert("RGBA")
        # A profile for greys changes nothing, so only profiles for colours are applied.
        if profile is not None and profile[16:20] == b"RGB ":
            _to_srgb(image, profile)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise InvalidInput("bad-image", name, "the pixels or the colour profile can't be decoded") from exc
    return _lean(image)


def _lean(image: Image) -> Image:
    """Removes an alpha channel that is opaque throughout, which makes scaling and encoding faster."""
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
    """Reduces 16 bits to 8. Pillow does so for colours, but clips greys and keeps the transparent colour."""
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


def _resize(image: Image, region: tuple[float, float], inner: Size, outer: Size) -> Image:
    from PIL import Image as Pillow

    left, top = (image.width - region[0]) / 2, (image.height - region[1]) / 2
    box = (left, top, image.width - left, image.height - top)
    resized = image.resize((inner.width, inner.height), Pillow.Resampling.LANCZOS, box=box)
    if inner == outer:
        return resized
    padded = Pillow.new("RGBA", (outer.width, outer.height))
    padded.paste(resized, ((outer.width - inner.width) // 2, (outer.height - inner.height) // 2))
    return padded


def _encode(image: Image) -> bytes:
    image.info.clear()  # Pillow would write its items
    out = io.BytesIO()
    # The highest level saves 3 % and takes four times as long.
    _lean(image).save(out, "PNG", compress_level=6)
    return out.getvalue()
