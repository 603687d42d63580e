"""Whatever is changed in a signed pass: it is refused, or it is the same files by the same signer.

Bits, prefixes, elements of the signature, records of the archive. Which places are
tried is drawn from the seed that pytest prints; `make check-long` tries them all.
"""

from __future__ import annotations

import io
import itertools
import random
import re
import struct
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from passwright.apple.builder import PassBuilder
from passwright.apple.cms import der
from passwright.apple.cms.parser import parse
from passwright.apple.container import pkpass
from passwright.apple.verification.verifier import Verifier, verify
from passwright.model.parts import Images
from tests.conftest import AT, png
from tests.elements import Element, exchanged, found, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright import Template
    from passwright.apple.verification.verifier import Verification
    from passwright.examples.authority import Authority

LATER = AT + timedelta(days=1)
SAMPLE = 5_000
COMPARED = 0.2  # of the mutants go to a fresh verifier as well
SLICES = 8  # of a long run, for as many processes as there are


@dataclass(frozen=True)
class Original:
    """A pass that verifies, and the way to judge what was made of it."""

    data: bytes
    verifier: Verifier
    sound: Verification

    def accepted(self, mutant: bytes, what: object) -> bool:
        """Whether the mutant verifies; then it has to say what the original says.

        One verifier sees all mutants. Of a sample, a verifier that has seen nothing has to say the same.
        """
        verdict = self.verifier.verify(mutant, at=LATER)
        if random.random() < COMPARED:
            assert verdict == verify(mutant, trust=self.verifier.trust, at=LATER), what
        if not verdict.ok:
            assert not verdict.report.ok or "failed" in verdict.steps.values(), what
            return False
        assert contents(verdict) == contents(self.sound), what
        assert verdict.chain is not None, what
        assert self.sound.chain is not None
        assert verdict.chain.leaf == self.sound.chain.leaf, what
        assert verdict.signed_at == self.sound.signed_at, what
        return True

    def with_signature(self, signature: bytes) -> bytes:
        """The same files with another signature, under checksums that are right."""
        return repacked({**self.sound.files, "signature": signature})


def contents(verdict: Verification) -> dict[str, bytes]:
    """All files but the signature: parts of it that say nothing are signed by nobody."""
    return {name: data for name, data in verdict.files.items() if name != "signature"}


class Pipe(io.BytesIO):
    """Written to a pipe, zipfile leaves sizes to data descriptors."""

    def seekable(self) -> bool:
        return False


def repacked(files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive by Python's writer."""
    out = Pipe() if compression else io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


@pytest.fixture(scope="module", params=["ours", "deflated"])
def original(request: pytest.FixtureRequest, authority: Authority, tiny: Template) -> Original:
    """A pass of 12 kB: as we write it, or deflated with data descriptors by somebody else."""
    noise = io.BytesIO()
    Image.frombytes("RGB", (49, 49), random.Random(7).randbytes(3 * 49 * 49)).save(noise, "PNG")
    pictures = {"icon.png": noise.getvalue(), "icon@2x.png": png(58, 58), "icon@3x.png": png(87, 87)}
    template = replace(tiny, nfc=None, images=Images(files=pictures, url=tiny.images.url))
    data = PassBuilder(authority.identity()).build(template.issue("M-1"), at=AT)
    if request.param == "deflated":
        data = repacked(pkpass.read(data), compression=zipfile.ZIP_DEFLATED)
    verifier = Verifier(authority.trust)
    sound = verifier.verify(data, at=LATER)
    assert sound.ok
    assert 10_000 < len(data) < 13_000
    return Original(data, verifier, sound)


# --- bits and prefixes ---


def flipped(data: bytes, bit: int) -> bytes:
    mutant = bytearray(data)
    mutant[bit // 8] ^= 1 << bit % 8
    return bytes(mutant)


def survivors(original: Original, bits: Iterable[int]) -> int:
    return sum(original.accepted(flipped(original.data, bit), f"bit {bit}") for bit in bits)


@pytest.mark.no_cover
def test_sig_16_no_flipped_bit_verifies_as_something_else(original: Original) -> None:
    bits = random.sample(range(8 * len(original.data)), SAMPLE)
    # Dates, versions and attributes in the archive's own records carry nothing of the pass.
    assert 0 < survivors(original, bits) < SAMPLE / 20


@pytest.mark.long
@pytest.mark.parametrize("start", range(SLICES))
def test_sig_16_none_of_all_bits_flipped_verifies_as_something_else(original: Original, start: int) -> None:
    bits = range(start, 8 * len(original.data), SLICES)
    assert survivors(original, bits) < len(bits) / 20


@pytest.mark.no_cover
def test_zip_19_sig_16_no_prefix_verifies(original: Original) -> None:
    assert not any(original.accepted(original.data[:end], end) for end in range(len(original.data)))


@pytest.mark.no_cover
def test_sig_16_no_flipped_bit_of_a_file_verifies_under_checksums_that_are_right(original: Original) -> None:
    """Nothing but the signature file may differ, in the few bits that nobody signed."""
    files = original.sound.files
    places = [(name, bit) for name, data in files.items() for bit in range(8 * len(data))]
    for name, bit in random.sample(places, SAMPLE // 4):
        accepted = original.accepted(repacked({**files, name: flipped(files[name], bit)}), (name, bit))
        assert not accepted or name == "signature", (name, bit)


# --- elements of the signature ---


def mutants(tree: Element) -> Iterator[tuple[str, Element]]:
    """Every element dropped, doubled, emptied, wrapped, with another tag, and swapped with the next."""
    tags = {
        *(der.BOOLEAN, der.INTEGER, der.BIT_STRING, der.OCTET_STRING, der.NULL, der.OID),
        *(der.UTF8_STRING, der.SEQUENCE, der.SET, der.CONTEXT, der.CONTEXT_0, der.CONTEXT_1),
    }
    for path in paths(tree):
        one = found(tree, path)
        yield f"drop {path}", exchanged(tree, path)
        yield f"double {path}", exchanged(tree, path, one, one)
        if one.content or one.inner:
            yield f"empty {path}", exchanged(tree, path, Element(one.tag))
        yield f"wrap {path}", exchanged(tree, path, Element(der.SEQUENCE, inner=(one,)))
        for tag in sorted(tags - {one.tag}):
            yield f"tag {tag:#04x} {path}", exchanged(tree, path, replace(one, tag=tag))
        above = found(tree, path[:-1])
        if path[-1] + 1 < len(above.inner):
            after = (*path[:-1], path[-1] + 1)
            yield f"swap {path}", exchanged(exchanged(tree, path, found(tree, after)), after, one)


@pytest.fixture(scope="module")
def tree(original: Original) -> Element:
    read = Element.of(der.read(original.sound.files["signature"], limit=2**16))
    assert read.encoded() == original.sound.files["signature"]
    return read


# What verifies all the same, by its place in the signature, and why that is harmless.
SAYS_NOTHING = {
    "double (1, 0, 1, 0)": "the one digest algorithm announced twice",
    "double (1, 0, 3, 0)": "a certificate that stands there twice",
    "double (1, 0, 3, 1)": "likewise",
    "swap (1, 0, 3, 0)": "certificates in another order",
    "tag 0x0c (1, 0, 4, 0, 1, 0, 3, 0, 1)": "the issuer's country as another type of string",
    "drop (1, 0, 4, 0, 4, 1)": "RSA's parameters left out, which are always NULL",
}


@pytest.mark.no_cover
@pytest.mark.parametrize("part", range(3))
def test_sig_16_no_signature_with_other_elements_verifies_as_something_else(
    original: Original, tree: Element, part: int
) -> None:
    """Also inside its certificates: dropped, doubled, emptied, wrapped, with another tag, swapped."""
    every = list(mutants(tree))
    assert len(every) > 3_000
    assert {what for what, _ in every} >= SAYS_NOTHING.keys()
    tried = {
        what: original.accepted(original.with_signature(mutant.encoded()), what)
        for what, mutant in every[part::3]
    }
    assert {what for what, accepted in tried.items() if accepted} == SAYS_NOTHING.keys() & tried.keys()


@pytest.mark.long
@pytest.mark.parametrize("start", range(SLICES))
def test_sig_16_no_element_of_a_signature_can_stand_for_another(
    original: Original, tree: Element, start: int
) -> None:
    """Every element in the place of every other."""
    exchanges = [
        (at, found(tree, other))
        for at, other in itertools.permutations(paths(tree), 2)
        if found(tree, at) != found(tree, other)
    ]
    chosen = exchanges[start::SLICES]
    survived = sum(
        original.accepted(original.with_signature(exchanged(tree, at, one).encoded()), (at, one))
        for at, one in chosen
    )
    assert len(exchanges) > 30_000
    assert survived < len(chosen) / 100


# --- what a verifier saw before ---


def with_unsigned(tree: Element, octets: bytes) -> bytes:
    """The signature with an attribute of these octets that nobody signed."""
    attribute = Element(
        der.SEQUENCE,
        inner=(
            Element.of(der.read(der.oid("1.2.3.4"), limit=100)),
            Element(der.SET, inner=(Element(der.OCTET_STRING, octets),)),
        ),
    )
    signer = (1, 0, 4, 0)
    one = found(tree, signer)
    attributes = Element(der.CONTEXT_1, inner=(attribute,))
    return exchanged(tree, signer, replace(one, inner=(*one.inner, attributes))).encoded()


@pytest.mark.no_cover
def test_sig_16_a_twin_that_was_seen_before_changes_no_verdict(original: Original, tree: Element) -> None:
    """Twins of one length hold octets of the signed parts where nobody signed them."""
    signed = parse(original.sound.files["signature"])
    assert signed.message_digest is not None
    for part in (signed.message_digest, signed.signature, b"260501090000Z"):
        twins = [with_unsigned(tree, octets) for octets in (part, bytes(len(part)), part[::-1])]
        for twin in twins:
            assert original.accepted(original.with_signature(twin), part)
        for twin in twins:
            for bit in random.sample(range(8 * len(twin)), 60):
                mutant = original.with_signature(flipped(twin, bit))
                verdict = original.verifier.verify(mutant, at=LATER)
                assert verdict == verify(mutant, trust=original.verifier.trust, at=LATER), (part, bit)


# --- records of the archive ---

LOCAL, CENTRAL, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Records:
    """An archive taken apart by somebody else's reader: local entries, central records, the end."""

    local: tuple[bytes, ...]
    central: tuple[bytes, ...]
    end: bytes

    @classmethod
    def of(cls, data: bytes) -> Records:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            starts = [info.header_offset for info in archive.infolist()] + [archive.start_dir]
        local = tuple(data[here:there] for here, there in itertools.pairwise(starts))
        central = data[starts[-1] : -END.size]
        cuts = [at for at in range(len(central)) if central.startswith(b"PK\1\2", at)] + [len(central)]
        return cls(local, tuple(central[a:b] for a, b in itertools.pairwise(cuts)), data[-END.size :])

    def joined(self, *, mended: bool) -> bytes:
        """The archive again; `mended` lets offsets, sizes and counts follow the records."""
        body, central, end = b"".join(self.local), b"".join(self.central), self.end
        if mended:
            starts: dict[bytes, int] = {}
            at = 0
            for one in self.local:
                starts.setdefault(name_of(one, LOCAL), at)
                at += len(one)
            central = b"".join(
                one[:42] + struct.pack("<L", starts.get(name_of(one, CENTRAL), 0)) + one[46:]
                for one in self.central
            )
            count = len(self.central)
            end = END.pack(b"PK\5\6", 0, 0, count, count, len(central), len(body), 0)
        return body + central + end


def name_of(record: bytes, kind: struct.Struct) -> bytes:
    lengths = 26 if kind is LOCAL else 28
    return record[kind.size : kind.size + int.from_bytes(record[lengths : lengths + 2], "little")]


def fields(kind: struct.Struct) -> Iterator[tuple[int, int]]:
    """Offset and size of every field of a record."""
    at = 0
    for count, letter in re.findall(r"(\d*)([sHL])", kind.format):
        size = struct.calcsize(f"<{count}s" if letter == "s" else f"<{letter}")
        for _ in range(1 if letter == "s" else int(count or 1)):
            yield at, size
            at += size


def field_mutants(record: bytes, kind: struct.Struct, others: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every field of a record with a value from the edges, one more or less, or of another record."""
    for at, size in fields(kind):
        here = int.from_bytes(record[at : at + size], "little")
        top = 256**size
        edges = {0, 1, top - 1, top // 2, (here + 1) % top, (here - 1) % top, here ^ 0x800}
        edges |= {int.from_bytes(other[at : at + size], "little") for other in others}
        for value in sorted(edges - {here}):
            octets = value.to_bytes(size, "little")
            yield f"{at} {here:#x} -> {value:#x}", record[:at] + octets + record[at + size :]


def archive_mutants(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Fields with other values; records dropped, doubled, swapped; with and without sizes mended."""
    whole = Records.of(data)
    assert whole.joined(mended=True) == whole.joined(mended=False) == data
    for place, record in enumerate(whole.local):
        for what, changed in field_mutants(record, LOCAL, whole.local):
            yield (
                f"local {what} of {place}",
                replace(whole, local=put(whole.local, place, changed)).joined(mended=False),
            )
    for place, record in enumerate(whole.central):
        for what, changed in field_mutants(record, CENTRAL, whole.central):
            yield (
                f"central {what} of {place}",
                replace(whole, central=put(whole.central, place, changed)).joined(mended=False),
            )
    for what, changed in field_mutants(whole.end, END, ()):
        yield f"end {what}", replace(whole, end=changed).joined(mended=False)
    for mended in (False, True):
        for what, records in rearranged(whole.local):
            yield f"local {what} mended {mended}", replace(whole, local=records).joined(mended=mended)
        for what, records in rearranged(whole.central):
            yield f"central {what} mended {mended}", replace(whole, central=records).joined(mended=mended)
    of_name = {name_of(one, CENTRAL): one for one in whole.central}
    for what, records in rearranged(whole.local):
        central = tuple(of_name[name_of(one, LOCAL)] for one in records)
        yield f"both {what}", replace(whole, local=records, central=central).joined(mended=True)


def put(records: tuple[bytes, ...], place: int, *others: bytes) -> tuple[bytes, ...]:
    return (*records[:place], *others, *records[place + 1 :])


def rearranged(records: tuple[bytes, ...]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    for place, record in enumerate(records):
        yield f"drop {place}", put(records, place)
        yield f"double {place}", put(records, place, record, record)
        yield f"cut {place}", put(records, place, record[:-1])
        yield f"pad {place}", put(records, place, record + b"\0")
    for one, other in itertools.combinations(range(len(records)), 2):
        yield f"swap {one} and {other}", put(put(records, one, records[other]), other, records[one])
    yield "turn", records[::-1]


# Offsets of fields that no reader takes from there: versions, times and attributes.
NOT_READ = {"local": {4, 10, 12}, "central": {4, 6, 12, 14, 36, 38}, "end": set[int]()}


def test_sig_16_zip_12_no_archive_with_other_records_verifies_as_something_else(original: Original) -> None:
    tried = [(what, original.accepted(mutant, what)) for what, mutant in archive_mutants(original.data)]
    assert len(tried) > 1_000
    for what, accepted in tried:
        if accepted:
            kind, change, *_ = what.split()
            # The order of the records is free, as long as both kinds of them say the same.
            assert int(change) in NOT_READ[kind] if change.isdigit() else change in ("swap", "turn"), what
