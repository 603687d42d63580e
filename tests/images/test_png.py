"""Tests of passwright.images.png."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, PngImagePlugin

from passwright.errors import InvalidInput
from passwright.images import png

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int = 1, height: int = 1, depth: int = 8, colour: int = 6, *, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def idat(raw: bytes = bytes(5)) -> bytes:
    return chunk(b"IDAT", zlib.compress(raw))


IEND = chunk(b"IEND")


def picture(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks)


def save(size: tuple[int, int] = (5, 3), mode: str = "RGBA", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG", **options)
    return out.getvalue()


def error_of(data: bytes, check: Callable[..., object] = png.check_png) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check(data, name="strip.png")
    assert caught.value.location == "strip.png"
    return caught.value


GOOD = picture(header(), idat(), IEND)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_colour_type_pass(mode: str) -> None:
    """Images that Pillow writes are valid in every mode, and have the size that Pillow reads."""
    assert png.check_png(save((37, 11), mode), name="a.png") == png.Size(37, 11)


@pytest.mark.parametrize("depth_and_colour", [(1, 0), (4, 3), (8, 2), (16, 6)])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (9, 17)])
def test_interlaced_rows_are_counted_pass_by_pass(
    size: tuple[int, int], depth_and_colour: tuple[int, int]
) -> None:
    """The number of bytes of the seven passes of Adam7 equals an enumeration of every pixel."""
    (width, height), (depth, colour) = size, depth_and_colour
    pattern = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]
    bits = depth * {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    raw = 0
    for number in "1234567":
        rows = [sum(pattern[y % 8][x % 8] == number for x in range(width)) for y in range(height)]
        raw += sum(1 + (columns * bits + 7) // 8 for columns in rows if columns)
    palette = [chunk(b"PLTE", bytes(3))] if colour == 3 else []
    head = header(width, height, depth, colour, interlace=1)

    assert png.check_png(picture(head, *palette, idat(bytes(raw)), IEND), name="") == png.Size(width, height)
    for wrong in (raw - 1, raw + 1):
        assert error_of(picture(head, *palette, idat(bytes(wrong)), IEND)).code == "bad-image"


def test_a_size_has_a_number_of_pixels() -> None:
    size = png.png_size(save((29, 30)), name="icon.png")

    assert (str(size), size.pixels) == ("29 x 30", 870)


@pytest.mark.parametrize(
    "size",
    [
        (60_000, 60_000),
        (13_000, 14_000),
        (1, 2**31 - 1),
        (2**31 - 1, 1),
        (2**32 - 1, 2**32 - 1),
        (2048, 2049),
    ],
)
def test_img_01_pixel_bomb(size: tuple[int, int]) -> None:
    """The header alone is enough to refuse more than 4 megapixels."""
    bomb = picture(header(*size))

    for check in (png.png_size, png.check_png):
        assert error_of(bomb, check).code == "image-too-large"


def test_the_largest_picture_is_a_square_of_2048() -> None:
    assert png.png_size(picture(header(2048, 2048), IEND), name="").pixels == png.MAX_PIXELS


@cache
def zeros(mebibytes: int) -> bytes:
    return zlib.compress(bytes(mebibytes * 2**20), 9)


@pytest.mark.parametrize(
    "make",
    [
        lambda: chunk(b"zTXt", b"Comment\0\0" + zeros(80)),
        lambda: chunk(b"iTXt", b"Comment\0\1\0en\0Kommentar\0" + zeros(80)),
        lambda: chunk(b"iCCP", b"profile\0\0" + zeros(80)),
        lambda: chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(600_000))) * 2,
    ],
    ids=["zTXt", "iTXt", "iCCP", "two that are small each"],
)
def test_img_02_metadata_bomb(make: Callable[[], bytes]) -> None:
    """Compressed text and profiles beyond 1 MiB are refused before they are unpacked completely."""
    data = picture(header(), make(), idat(), IEND)
    tracemalloc.start()
    assert error_of(data).code == "bad-image"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * 2**20


def test_a_pixel_stream_longer_than_the_picture_is_refused() -> None:
    """80 MiB of additional rows are refused, and so is a second stream after the pixels."""
    assert error_of(picture(header(), chunk(b"IDAT", zeros(80)), IEND)).code == "bad-image"
    twice = zlib.compress(bytes(5)) + zlib.compress(b"hidden")
    assert error_of(picture(header(), chunk(b"IDAT", twice), IEND)).code == "bad-image"
    assert error_of(picture(header(), idat(), idat(), IEND)).code == "bad-image"


def other_type(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (other_type("JPEG"), "a JPEG"),
        (other_type("GIF"), "a GIF"),
        (other_type("WEBP"), "a WebP"),
        (other_type("ICO"), "an ICO"),
        (other_type("TIFF"), "a TIFF"),
        (other_type("BMP"), "a BMP"),
        (other_type("EPS"), "an EPS"),
        (other_type("PDF"), "a PDF"),
        (b"\0\0\0\x1cftypheic", "a HEIC"),
        (b"MM\0*", "a TIFF"),
        (b"PK\x03\x04\x14\0", "a ZIP"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg xmlns='...'/>", "an SVG"),
        (b"  <!DOCTYPE html><html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (GOOD.replace(b"\r\n", b"\n"), "line ends"),
        (b"", "empty"),
        (b"hello", "unknown type"),
        (SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\x02") + header(), "CgBI"),
    ],
)
def test_img_03_wrong_type_behind_a_png_name(data: bytes, what: str) -> None:
    """The message names the type of a file that is not a PNG."""
    for check in (png.png_size, png.check_png, png.strip_metadata):
        error = error_of(data, check)
        assert error.code == "not-png"
        assert what in error.message


@pytest.mark.parametrize("tail", [b"PK\x03\x04...", b"<html>", b"\0", GOOD])
def test_img_04_bytes_after_the_end(tail: bytes) -> None:
    assert error_of(GOOD + tail).code == "bad-image"


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def indexed(*chunks: bytes, depth: int = 8) -> bytes:
    return picture(header(1, 1, depth, 3), *chunks, idat(bytes(2)), IEND)


PALETTE = chunk(b"PLTE", bytes(6))
BROKEN = {
    "checksum of the header": flipped(GOOD, 30),
    "checksum of the pixels": flipped(GOOD, len(GOOD) - 14),
    "pixels changed": flipped(GOOD, 45),
    "signature alone": SIGNATURE,
    "header cut": GOOD[:20],
    "cut after the header": GOOD[:33],
    "cut in the pixels": GOOD[:45],
    "cut before the last byte": GOOD[:-1],
    "no end": picture(header(), idat()),
    "another chunk first": picture(chunk(b"tEXt", b"a\0b"), header(), idat(), IEND),
    "header of 14 bytes": picture(chunk(b"IHDR", bytes(14)), idat(), IEND),
    "no width": picture(header(0, 1), idat(), IEND),
    "no height": picture(header(1, 0), idat(), IEND),
    "no such depth": picture(header(depth=3), idat(), IEND),
    "no such colour type": picture(header(colour=5), idat(), IEND),
    "no such interlacing": picture(header(interlace=2), idat(), IEND),
    "header twice": picture(header(), header(), idat(), IEND),
    "no pixels": picture(header(), IEND),
    "pixels too few": picture(header(), idat(bytes(4)), IEND),
    "pixels not packed": picture(header(), chunk(b"IDAT", bytes(20)), IEND),
    "stream cut": picture(header(), chunk(b"IDAT", zlib.compress(bytes(5))[:-4]), IEND),
    "pixels in two places": picture(
        header(),
        chunk(b"IDAT", zlib.compress(bytes(5))[:4]),
        chunk(b"tEXt", b"a\0b"),
        chunk(b"IDAT", b"x"),
        IEND,
    ),
    "animated": picture(header(), chunk(b"acTL", bytes(8)), idat(), IEND),
    "frames": picture(header(), idat(), chunk(b"fdAT", bytes(8)), IEND),
    "unknown critical chunk": picture(header(), chunk(b"ABCD"), idat(), IEND),
    "chunk without a name": picture(header(), chunk(b"\0\1\2\3"), idat(), IEND),
    "length beyond the file": picture(header(), b"\xff\xff\xff\xfftEXt", idat(), IEND),
    "palette missing": indexed(),
    "palette twice": indexed(PALETTE, PALETTE),
    "palette empty": indexed(chunk(b"PLTE")),
    "palette of 4 bytes": indexed(chunk(b"PLTE", bytes(4))),
    "palette too long": indexed(chunk(b"PLTE", bytes(9)), depth=1),
    "palette for grey": picture(header(1, 1, 8, 0), PALETTE, idat(bytes(2)), IEND),
    "palette after the pixels": picture(header(1, 1, 8, 3), idat(bytes(2)), PALETTE, IEND),
    "transparency before the palette": indexed(chunk(b"tRNS", b"\0"), PALETTE),
    "transparency after the pixels": picture(
        header(1, 1, 8, 0), idat(bytes(2)), chunk(b"tRNS", bytes(2)), IEND
    ),
    "transparency longer than the palette": indexed(PALETTE, chunk(b"tRNS", bytes(3))),
    "transparency too short": picture(header(1, 1, 8, 2), chunk(b"tRNS", bytes(5)), idat(bytes(4)), IEND),
    "transparency beside alpha": picture(header(), chunk(b"tRNS", bytes(2)), idat(), IEND),
    "profile twice": picture(header(), chunk(b"iCCP", b"p\0\0" + zlib.compress(b"p")) * 2, idat(), IEND),
    "profile not packed": picture(header(), chunk(b"iCCP", b"p\0\0profile"), idat(), IEND),
    "text without content": picture(header(), chunk(b"zTXt", b"Comment"), idat(), IEND),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_img_05_broken_png(defect: str) -> None:
    error = error_of(BROKEN[defect])

    assert error.code == "bad-image"
    assert error.message.startswith("the PNG ")


def test_img_05_compression_methods_other_than_deflate() -> None:
    for place in (26, 27):  # compression and filter method
        head = flipped(header(), place - 8)[:-4]
        head += struct.pack(">I", zlib.crc32(head[4:]))
        assert error_of(picture(head, idat(), IEND)).code == "bad-image"


def test_the_number_of_chunks_is_limited() -> None:
    empty = chunk(b"IDAT")
    good = picture(header(), idat(), empty * 19_997, IEND)

    assert png.check_png(good, name="") == png.Size(1, 1)
    assert error_of(picture(header(), idat(), empty * 19_998, IEND)).code == "bad-image"


def test_pixels_may_be_spread_over_many_chunks() -> None:
    packed = zlib.compress(bytes(5))
    pieces = b"".join(chunk(b"IDAT", packed[i : i + 1]) for i in range(len(packed)))

    assert png.check_png(picture(header(), pieces, IEND), name="") == png.Size(1, 1)


def with_metadata() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Jane Smith")
    text.add_text("Comment", "packed " * 100, zip=True)
    text.add_itxt("Title", "international", lang="en", zip=True)
    text.add_itxt("Source", "international, not packed")
    text.add(b"caBX", b"private")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 14.0)}
    return save((6, 4), pnginfo=text, exif=exif, dpi=(144, 144))


def test_img_06_metadata_is_dropped() -> None:
    """Text, EXIF and private chunks are removed. Pixels and resolution stay."""
    before = with_metadata()
    after = png.strip_metadata(before, name="icon.png")

    assert {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"caBX"} <= {before[i : i + 4] for i in range(len(before))}
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert set(new.info) == {"dpi"}
        assert old.tobytes() == new.tobytes()
    assert b"Jane" not in after
    assert png.strip_metadata(after, name="icon.png") is after


def test_a_picture_without_metadata_keeps_its_bytes() -> None:
    data = save(dpi=(72, 72))

    assert png.strip_metadata(data, name="icon.png") is data


def test_the_colour_profile_is_found() -> None:
    data = save(icc_profile=b"not really a profile")

    assert png.colour_profile(data, name="") == b"not really a profile"
    assert png.colour_profile(save(), name="") is None
    assert png.strip_metadata(data, name="") is data


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Changes, removes or doubles a few bytes, and corrects the checksums half of the time."""
    body = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(8, len(body))
        change = dice.randrange(3)
        if change == 0:
            body[place] = dice.randrange(256)
        elif change == 1:
            del body[place : place + dice.randint(1, 20)]
        else:
            body[place:place] = body[place : place + dice.randint(1, 50)]
    return with_checksums(body) if dice.random() < 0.5 else bytes(body)


def with_checksums(body: bytearray) -> bytes:
    start = 8
    while start + 12 <= len(body):
        length = int.from_bytes(body[start : start + 4], "big")
        end = start + 8 + length
        if end + 4 > len(body):
            break
        body[end : end + 4] = struct.pack(">I", zlib.crc32(body[start + 4 : end]))
        start = end + 4
    return bytes(body)


@pytest.mark.no_cover
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_img_08_time_of_mutations(count: int) -> None:
    """Checking a changed image takes less than 100 ms and 64 MiB, with any result."""
    noise = random.Random(8).randbytes(64 * 64 * 4)
    out = io.BytesIO()
    Image.frombytes("RGBA", (64, 64), noise).quantize(16).save(out, "PNG")
    seeds = [with_metadata(), save((300, 200)), out.getvalue(), indexed(PALETTE, chunk(b"tRNS", b"\0"))]
    dice = random.Random(1993)
    slowest, refused = 0.0, 0
    tracemalloc.start()
    for number in range(count):
        data = mutated(seeds[number % len(seeds)], dice)
        begin = time.process_time()
        try:
            png.strip_metadata(data, name="x.png")
        except InvalidInput as error:
            assert error.code in {"bad-image", "not-png", "image-too-large"}  # noqa: PT017 - most raise, some pass
            refused += 1
        slowest = max(slowest, time.process_time() - begin)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert slowest < 0.1
    assert peak < 64 * 2**20
    assert count / 2 < refused < count


def test_reading_needs_no_pillow() -> None:
    """The import and the check do not load the imaging library."""
    code = (
        "import sys; from passwright.images import png; data = bytes.fromhex(sys.argv[1]);"
        "png.check_png(data, name=''); png.strip_metadata(data, name=''); sys.exit('PIL' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code, GOOD.hex()], check=False).returncode == 0
