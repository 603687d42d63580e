"""Reader of PNG files that decodes no pixels, for bytes from any source.

Both wallets accept PNG only. `png_size` reads the signature and the header, and `check_png` reads every
chunk as well. Time and memory depend on the limits below, not on the numbers in the file. Section
numbers are those of the PNG Specification, third edition (W3C, 2025).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

__all__ = [
    "MAX_PIXELS",
    "PIXELS_ONLY",
    "Size",
    "check_png",
    "colour_profile",
    "has_size",
    "keep_chunks",
    "png_size",
    "strip_metadata",
]

# The largest slot of either wallet, Apple's background at 3x, has 1.6 million pixels. The limit is a
# square of 2048 pixels, which unpacks to 16 MiB of RGBA.
MAX_PIXELS = 4 * 2**20

# The unpacked size of all compressed text and colour profiles of one image. The profiles that cameras
# and design programs embed have 0.5 to 600 KB.
MAX_METADATA_BYTES = 2**20

# The smallest buffer of common encoders, 4 KB, cuts the largest image into 8,192 chunks.
MAX_CHUNKS = 20_000

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = len(_SIGNATURE) + 25
_UNPACK_STEP = 2**16

# Section 11.2.1: the bit depths of each colour type, and its samples per pixel.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_INDEXED = 3

# Section 8.1, Adam7: column and row of the first pixel of each pass, and the steps to the next pixel.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})

# The chunks that contain the pixels. None of the others changes their values.
PIXELS_ONLY = _CRITICAL | {b"tRNS"}

# The chunks that remain without metadata: they tell how to display the pixels. All others (text, EXIF,
# dates, private chunks) may tell who made the image.
_DISPLAY = PIXELS_ONLY | {
    b"cHRM",
    b"gAMA",
    b"sRGB",
    b"iCCP",
    b"cICP",
    b"mDCV",
    b"cLLI",
    b"sBIT",
    b"bKGD",
    b"pHYs",
}

# First bytes of other files that are named .png by mistake, and their type.
_OTHER_TYPES = (
    (b"\xff\xd8\xff", "a JPEG"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"\0\0\x01\0", "an ICO"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "an EPS"),
    (b"\xc5\xd0\xd3\xc6", "an EPS"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"version https://git-lfs", "a Git LFS pointer, the picture was not checked out"),
    (b"\x89PNG", "a PNG whose line ends were converted"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


class _Header(NamedTuple):
    size: Size
    depth: int
    colour: int
    interlaced: bool


# A chunk: its type and its body.
_Chunk = tuple[bytes, memoryview]


def png_size(data: bytes, *, name: str) -> Size:
    """Reads the size of a PNG from its header alone. Errors call the file `name`.

    Raises:
        InvalidInput: `not-png`, `bad-image` or `image-too-large`.
    """
    return _header(data, name).size


def check_png(data: bytes, *, name: str) -> Size:
    """Validates every chunk of a PNG, and returns the size of the image. Errors call the file `name`.

    Validates the header, the lengths and CRCs, and the order and number of chunks. The pixel data must
    have the length that follows from the header, no bytes may follow the end, and compressed text and
    profiles must fit 1 MiB. Animations are refused, because neither wallet plays them. Pixels are
    counted while they unpack, and never stored.

    Raises:
        InvalidInput: `not-png`, `bad-image` or `image-too-large`.
    """
    header = _header(data, name)
    chunks = _chunks(data, name)
    _check_order([kind for kind, _ in chunks], name)
    _check_colours(header, chunks, name)
    _check_metadata(chunks, name)
    _check_pixels(header, (body for kind, body in chunks if kind == b"IDAT"), name)
    return header.size


def strip_metadata(data: bytes, *, name: str) -> bytes:
    """Removes text, EXIF, dates and private chunks from a PNG.

    Pixels and colours do not change. Returns `data` itself if it has no such chunk.

    Raises:
        InvalidInput: as `check_png`.
    """
    check_png(data, name=name)
    if all(kind in _DISPLAY for kind, _ in _chunks(data, name)):
        return data
    return keep_chunks(data, _DISPLAY, name=name)


def keep_chunks(data: bytes, kinds: Container[bytes], *, name: str) -> bytes:
    """Returns the PNG with the chunks of these types only, in their order.

    Raises:
        InvalidInput: `bad-image`: the chunks cannot be read.
    """
    parts = [_SIGNATURE]
    for kind, body in _chunks(data, name):
        if kind in kinds:
            crc = zlib.crc32(body, zlib.crc32(kind))
            parts += [len(body).to_bytes(4, "big"), kind, bytes(body), crc.to_bytes(4, "big")]
    return b"".join(parts)


def colour_profile(data: bytes, *, name: str) -> bytes | None:
    """Returns the ICC profile of a PNG that `check_png` has accepted, or None."""
    for kind, body in _chunks(data, name):
        if kind == b"iCCP":
            return zlib.decompress(_compressed_part(kind, body) or b"")
    return None


def has_size(data: bytes) -> bool:
    """Returns whether `png_size` accepts the bytes."""
    try:
        _header(bytes(data[:HEADER_BYTES]), "")
    except InvalidInput:
        return False
    return True


def _header(data: bytes, name: str) -> _Header:
    if not data.startswith(_SIGNATURE):
        raise InvalidInput("not-png", name, f"this is {_type_of(data)}; wallets read PNG only")
    if data[12:16] == b"CgBI":
        text = "this is Xcode's PNG for iOS (CgBI), which few programs read; use the original"
        raise InvalidInput("not-png", name, text)
    if data[8:16] != b"\0\0\0\x0dIHDR" or len(data) < HEADER_BYTES:
        raise _bad(name, "does not begin with a header of 13 bytes")
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise _bad(name, "has a wrong checksum in its header")
    size = Size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    depth, colour, compression, filtering, interlace = data[24:29]
    if not size.pixels:
        raise _bad(name, f"has {size} pixels")
    if size.pixels > MAX_PIXELS:
        text = f"{size} pixels are more than {MAX_PIXELS:,} together, far above any slot; scale it down"
        raise InvalidInput("image-too-large", name, text)
    if depth not in _DEPTHS.get(colour, ()):
        raise _bad(name, f"has colour type {colour} with {depth} bits, which does not exist")
    if compression or filtering or interlace > 1:
        raise _bad(name, "has a compression, filter or interlace method that does not exist")
    return _Header(size, depth, colour, bool(interlace))


def _type_of(data: bytes) -> str:
    for prefix, what in _OTHER_TYPES:
        if data.startswith(prefix):
            return what
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP"
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video"
    text = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        return "an SVG" if b"<svg" in text else "HTML or XML"
    return "a file of an unknown type" if data else "an empty file"


def _chunks(data: bytes, name: str) -> list[_Chunk]:
    """Reads the chunks up to IEND, and validates their lengths and CRCs (section 5.3)."""
    view = memoryview(data)
    chunks: list[_Chunk] = []
    start = len(_SIGNATURE)
    while len(chunks) < MAX_CHUNKS:
        body = start + 8
        end = body + int.from_bytes(view[start : start + 4], "big")
        if end + 4 > len(view):
            raise _bad(name, "ends too early")
        kind = bytes(view[start + 4 : body])
        if not kind.isalpha():
            raise _bad(name, f"has a chunk type {kind!r}, which is not a name")
        if zlib.crc32(view[start + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise _bad(name, f"has a wrong checksum in its chunk {kind.decode()}")
        chunks.append((kind, view[body:end]))
        start = end + 4
        if kind == b"IEND":
            if start < len(view):
                raise _bad(name, f"has {len(view) - start} bytes after its end")
            return chunks
    raise _bad(name, f"has more than {MAX_CHUNKS:,} chunks")


def _check_order(kinds: list[bytes], name: str) -> None:
    """Validates the number of chunks of each type and their order (section 5.6)."""
    if not _ANIMATION.isdisjoint(kinds):
        raise _bad(name, "is animated, and no wallet plays it: save a single frame")
    for kind in kinds:
        if kind[:1].isupper() and kind not in _CRITICAL:
            raise _bad(name, f"needs the chunk {kind.decode()}, which the standard does not define")
    for kind in (b"IHDR", b"PLTE", b"tRNS", b"iCCP"):
        if kinds.count(kind) > 1:
            raise _bad(name, f"has more than one chunk {kind.decode()}")
    count = kinds.count(b"IDAT")
    if not count:
        raise _bad(name, "has no pixels (IDAT)")
    first = kinds.index(b"IDAT")
    if kinds[first : first + count] != [b"IDAT"] * count:
        raise _bad(name, "has its pixels (IDAT) in several places")
    colours = [kind for kind in (b"PLTE", b"tRNS") if kind in kinds]
    if [kind for kind in kinds[:first] if kind in colours] != colours:
        raise _bad(name, "has palette, transparency and pixels in a wrong order")


def _check_colours(header: _Header, chunks: list[_Chunk], name: str) -> None:
    """Validates the lengths of palette and transparency for the colour type (11.2.2 and 11.3.1.1)."""
    length = {kind: len(body) for kind, body in chunks if kind in (b"PLTE", b"tRNS")}
    colours, rest = divmod(length.get(b"PLTE", 0), 3)
    most = {2: 256, 6: 256, _INDEXED: 2**header.depth}.get(header.colour, 0)
    if rest or colours > most or (b"PLTE" in length) != bool(colours):
        raise _bad(name, "has a palette that does not suit its colour type")
    if header.colour == _INDEXED and not colours:
        raise _bad(name, "has no palette")
    if b"tRNS" in length:
        allowed = {0: (2, 2), 2: (6, 6), _INDEXED: (1, colours)}.get(header.colour, (0, -1))
        if not allowed[0] <= length[b"tRNS"] <= allowed[1]:
            raise _bad(name, "has a transparency (tRNS) that does not suit its colour type")


def _check_metadata(chunks: list[_Chunk], name: str) -> None:
    """Validates that compressed text and profiles together unpack to at most `MAX_METADATA_BYTES`."""
    left = MAX_METADATA_BYTES
    for kind, body in chunks:
        compressed = _compressed_part(kind, body)
        if compressed is not None:
            left -= _unpacked_size([compressed], left, name, f"chunk {kind.decode()}")


def _compressed_part(kind: bytes, body: memoryview) -> bytes | None:
    """Returns the compressed part of a metadata chunk, or None (11.3.2.3, 11.3.3.2 to 11.3.3.4)."""
    if kind in (b"iCCP", b"zTXt"):  # keyword, 0, method, data
        return bytes(body).partition(b"\0")[2][1:]
    if kind == b"iTXt":  # keyword, 0, flag, method, language, 0, translated keyword, 0, text
        rest = bytes(body).partition(b"\0")[2]
        if rest[:1] == b"\x01":
            return rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return None


def _check_pixels(header: _Header, parts: Iterable[memoryview], name: str) -> None:
    """Validates that the pixel data is one complete zlib stream of the length that the header requires."""
    length = _filtered_length(header)
    if _unpacked_size(parts, length, name, "pixel data") != length:
        raise _bad(name, "has fewer pixels than its header requires")


def _filtered_length(header: _Header) -> int:
    """Returns the number of bytes of all rows, each with its filter byte (section 7.2)."""
    bits = header.depth * _SAMPLES[header.colour]
    total = 0
    for left, top, across, down in _ADAM7 if header.interlaced else ((0, 0, 1, 1),):
        columns = -(-(header.size.width - left) // across)
        rows = -(-(header.size.height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _unpacked_size(parts: Iterable[bytes | memoryview], limit: int, name: str, what: str) -> int:
    """Returns the number of bytes that a zlib stream unpacks to, reading in small steps up to `limit`."""
    stream = zlib.decompressobj()
    total = 0
    for part in parts:
        rest: bytes | memoryview = part
        step = _UNPACK_STEP
        while rest or step == _UNPACK_STEP:
            try:
                step = len(stream.decompress(rest, _UNPACK_STEP))
            except zlib.error as exc:
                raise _bad(name, f"has {what} that does not unpack") from exc
            rest = stream.unconsumed_tail
            total += step
            if total > limit:
                raise _bad(name, f"has {what} that unpacks to more than {limit:,} bytes")
        if stream.unused_data:
            raise _bad(name, f"has {what} that goes on after its end")
    if not stream.eof:
        raise _bad(name, f"has {what} that is cut off")
    return total


def _bad(name: str, what: str) -> InvalidInput:
    return InvalidInput("bad-image", name, f"the PNG {what}")
