"""Archives made to cost as much as they can, and a child process that measures what one costs.

    python -m tests.hostile_archives FILE ROOT

It prints seconds of CPU, bytes of memory above the start, and the outcome.

Each case aims at one limit: as much as it lets through, or just past it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import random
import struct
import sys
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asn1crypto import cms, x509
from cryptography.hazmat.primitives.asymmetric import rsa

from passwright.apple.cms import der
from passwright.apple.identity import Identity
from passwright.apple.trust.anchors import Trust
from passwright.apple.verification.verifier import verify
from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf
from tests.apple.test_pkpass import Entry, deflated, forge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MIB = 2**20
ICON = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
ICON += struct.pack(">L", zlib.crc32(ICON[12:]))
PASS: dict[str, Any] = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.com.example.passwright",
    "teamIdentifier": "EXAMPLE123",
    "serialNumber": "M-1",
    "organizationName": "Tiny",
    "description": "Tiny",
    "storeCard": {},
}


class Maker:
    """Makes each case; files of one are listed and signed, so that every step is reached."""

    def __init__(self, authority: Authority) -> None:
        self.identity = authority.identity(nfc=True)

    def signed(
        self,
        files: dict[str, bytes],
        *,
        signature: bytes | None = None,
        by: Identity | Crowd | None = None,
        packed: bool = True,
    ) -> bytes:
        files = {"icon.png": ICON, "pass.json": text(PASS), **files}
        if "manifest.json" not in files:
            digests = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
            files["manifest.json"] = json.dumps(digests).encode()
        files["signature"] = signature or (by or self.identity).sign_manifest(files["manifest.json"], at=AT)
        return forge(*(entry(name, data) if packed else Entry(name, data) for name, data in files.items()))

    def json(self, document: bytes | dict[str, Any], name: str = "pass.json") -> bytes:
        # Stored, since what repeats itself would be refused for its ratio.
        data = document if isinstance(document, bytes) else text(document)
        return self.signed({name: data}, packed=False)

    def fields(self, fields: Iterable[str]) -> bytes:
        return self.json(text(PASS)[:-3] + b'{"backFields":[' + ",".join(fields).encode() + b"]}}")


def entry(name: str, data: bytes) -> Entry:
    """Deflated, unless it would be refused for its ratio."""
    packed = deflated(data)
    shrinks = len(data) < 99 * len(packed)
    return Entry(name, data, packed=packed, method=8) if shrinks else Entry(name, data)


def text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def filled(pattern: Callable[[int], str], size: int = MIB - 4096) -> Iterator[str]:
    """As many texts as fit into a file of JSON."""
    number = 0
    while size > 0:
        made = pattern(number)
        size -= len(made) + 1
        number += 1
        yield made


def members(pattern: Callable[[int], str]) -> bytes:
    """pass.json with as many members as fit beside its own."""
    return text(PASS)[:-1] + b"," + ",".join(filled(pattern)).encode() + b"}"


def repeated(part: bytes, size: int) -> bytes:
    return (part * (size // len(part) + 1))[:size]


def _archives(make: Maker) -> Iterator[tuple[str, Callable[[], bytes]]]:
    zeros = bytes(8 * MIB)
    bomb = deflated(zeros)
    noise = random.Random(1).randbytes(79_000)
    # Just below a hundredfold: the most that is let through.
    full = deflated(repeated(noise, 79_000) + bytes(8 * MIB - 79_000))
    whole = noise + bytes(8 * MIB - 79_000)
    yield "stored 16 MiB", lambda: make.signed({"a.png": noise * 100, "b.png": noise * 100}, packed=False)
    yield (
        "unpacks to 32 MiB",
        lambda: make.signed({f"{n}.png": whole if n < 3 else whole[: 8 * MIB - 400_000] for n in range(4)}),
    )
    yield (
        "ZIP-01 bombs",
        lambda: forge(*[Entry(f"{n}.png", zeros, packed=bomb, method=8) for n in range(200)]),
    )
    yield (
        "ZIP-01 ten GiB in many files",
        lambda: forge(*(Entry(f"{n}.png", b"", packed=full, method=8) for n in range(150))),
    )
    yield (
        "ZIP-02 a stream that goes on",
        lambda: forge(*(Entry(f"{n}.txt", bytes(60_000), packed=bomb, method=8) for n in range(200))),
    )
    huge = {"size": 0xFFFFFFFE, "packed": 0xFFFFFFFE}
    yield "ZIP-03 four GiB declared", lambda: forge(Entry(local=huge, central=huge))
    yield "ZIP-05 overlaps", lambda: overlapping(250)
    yield "ZIP-05 a thousand overlaps", lambda: overlapping(1000)
    many = [Entry(f"{n}", b"") for n in range(60_000)]
    yield "ZIP-15 60,000 entries", lambda: forge(*many)
    yield "ZIP-15 a wrapped counter", lambda: wrapped(forge(*many), 0)
    yield "ZIP-15 a counter of 256", lambda: wrapped(forge(*many), 256)
    extra = struct.pack("<HH", 0x5455, 0)
    yield (
        "ZIP-28 extra fields",
        lambda: forge(
            *(Entry(f"{n}", b"", local_extra=extra * 32, central_extra=extra * 32) for n in range(256))
        ),
    )
    yield "ZIP-28 16,000 extra fields", lambda: forge(Entry(central_extra=extra * 16_000))
    yield "names of 64 kB", lambda: forge(*(Entry("ä" * 30_000 + f"{n}", b"") for n in range(120)))
    yield "long names", lambda: forge(*(Entry("é" * 120 + f"{n:03}.png", ICON) for n in range(253)))
    yield "ZIP-22 end records all over", lambda: make.signed({"a.png": b"PK\5\6" * MIB}, packed=False)
    yield (
        "small chunks",
        lambda: make.signed(
            {
                f"{n}.png": ICON + repeated(b"\0\0\0\0tEXt" + struct.pack(">L", zlib.crc32(b"tEXt")), 60_000)
                for n in range(250)
            }
        ),
    )


def whole_picture() -> bytes:
    """As large as a file may be, and just not too large for what it is packed to."""
    return random.Random(1).randbytes(79_000) + bytes(8 * MIB - 79_000)


def overlapping(count: int) -> bytes:
    """Many records of one local entry, as in the better zip bombs."""
    data = forge(Entry("0", bytes(MIB)), *(Entry("0", b"") for _ in range(count - 1)))
    end = data.rfind(b"PK\5\6")
    _, offset = struct.unpack_from("<LL", data, end + 12)
    record = data[offset : offset + 47]
    directory = record * count
    changed = bytearray(data[end:])
    struct.pack_into("<L", changed, 12, len(directory))
    return data[:offset] + directory + bytes(changed)


def wrapped(data: bytes, count: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into("<HH", changed, len(data) - 14, count, count)
    return bytes(changed)


def _documents(make: Maker) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "JSN-10 unknown members", lambda: make.json(members(lambda n: f'"k{n:x}":0'))
    yield (
        "JSN-10 few unknown members",
        lambda: make.json(text({**PASS, **{f"serialNumbr{n}": None for n in range(2900)}})),
    )
    yield "JSN-10 empty fields", lambda: make.fields(filled(lambda _: "{}"))
    yield "JSN-10 some empty fields", lambda: make.fields("{}" for _ in range(1400))
    yield "JSN-10 fields of one key", lambda: make.fields('{"key":"a","value":0}' for _ in range(700))
    yield (
        "JSN-10 fields of wrong types",
        lambda: make.fields('{"key":0,"value":[],"row":9,"x":0}' for _ in range(700)),
    )
    yield (
        "JSN-10 wrong places",
        lambda: make.fields(
            '{"key":0,"value":0,"semantics":{"seats":[{"seatRow":0}],"x":0}}' for _ in range(400)
        ),
    )
    yield (
        "JSN-10 codes",
        lambda: make.json(
            {
                **PASS,
                "barcodes": [{"format": "PKBarcodeFormatEAN13", "message": "ä", "messageEncoding": "x"}]
                * 700,
            }
        ),
    )
    yield "JSN-10 dates", lambda: make.json({**PASS, "relevantDates": [{"date": "x"}, {}] * 700})
    yield "JSN-04 brackets", lambda: make.json(b"[" + b"[]," * 300_000 + b"[]]")
    yield "JSN-04 brackets without commas", lambda: make.json(b"[]" * (MIB // 2 - 1))
    yield "JSN-04 deep", lambda: make.json(b"[" * (MIB - 1))
    yield "JSN-04 deep in strings", lambda: make.json({**PASS, "description": "[{" * (MIB // 2 - 400)})
    yield "JSN-07 comments", lambda: make.json(b"/**/" * (MIB // 4 - 400) + text(PASS))
    yield "JSN-07 lines of comments", lambda: make.json(b"//\n" * (MIB // 3 - 400) + text(PASS))
    yield "JSN-07 trailing commas", lambda: make.json(b"[" + b"[0,]," * (MIB // 5 - 400) + b"[]]")
    yield "JSN-07 some trailing commas", lambda: make.json(b"[" + b"[0,]," * 900 + b"[]]")
    yield "JSN-01 a key again and again", lambda: make.json(members(lambda _: '"a":0'))
    yield "JSN-01 a key at last", lambda: make.json(members(lambda n: f'"k{n:x}":0')[:-1] + b',"k0":0}')
    yield "JSN-01 a key 2,900 times", lambda: make.json(text(PASS)[:-1] + b',"a":0' * 2900 + b"}")
    yield "JSN-03 long numbers", lambda: make.json({**PASS, "userInfo": [10**15] * 2900})
    yield (
        "JSN-03 a number of 1 MiB",
        lambda: make.json(text(PASS)[:-1] + b',"a":' + b"9" * (MIB - 400) + b"}"),
    )
    yield (
        "JSN-06 escapes",
        lambda: make.json(text(PASS)[:-1] + b',"a":"' + b"\\u00e4" * (MIB // 6 - 99) + b'"}'),
    )
    yield "JSN-06 escaped texts", lambda: make.json(text({**PASS, "userInfo": ["ä"] * 2900}))
    yield (
        "JSN-05 UTF-16",
        lambda: make.json(
            json.dumps({**PASS, "a": "ä" * (MIB // 2 - 400)}, ensure_ascii=False).encode("utf-16")
        ),
    )
    for charset in ("punycode", "idna", "utf-7", "zlib"):
        code = {"format": "PKBarcodeFormatQR", "message": "äöü€" * 90_000, "messageEncoding": charset}
        yield f"JSN-12 a message in {charset}", lambda code=code: make.json({**PASS, "barcode": code})  # type: ignore[misc]
    for what in ("<a ", "<" * 9, "</" * 4, "rgb(", "https://", "2026-05-01T09:00:00.", " "):
        long = (what * 100_000)[:100_000]
        field = {"key": "a", "value": long, "attributedValue": long, "currencyCode": long, "dateStyle": long}
        every = dict.fromkeys(("backgroundColor", "webServiceURL", "appLaunchURL", "expirationDate"), long)
        yield (
            f"JSN-12 {what!r}",
            lambda field=field, every=every: make.json(  # type: ignore[misc]
                {**PASS, **every, "storeCard": {"backFields": [field]}}
            ),
        )
    yield (
        "a manifest of 50,000 files",
        lambda: make.signed(
            {"manifest.json": ("{" + ",".join(filled(lambda n: f'"{n:x}":""', 256_000)) + "}").encode()}
        ),
    )
    yield (
        "MAN-07 a file at last twice",
        lambda: make.signed(
            {
                "manifest.json": (
                    "{" + ",".join(filled(lambda n: f'"{n:x}":""', 256_000)) + ',"0":""}'
                ).encode()
            }
        ),
    )
    yield (
        "a sheet of unknown members",
        lambda: make.json(
            ("{" + ",".join(filled(lambda n: f'"k{n:x}":0')) + "}").encode(), "personalization.json"
        ),
    )
    texts = "".join(f'"{n}"="{"x" * 230}";' for n in range(2000)).encode()
    # With as much noise in it as lets the rest through.
    noise = "".join(random.Random(2).choices("abcdefgh", k=15_000)).encode()
    blanks = b"/*" + noise + b"*" * 480_000 + b"*/"
    escapes = b'"' + noise + b'"="' + b"\\U00e4" * 80_000 + b'";'
    same = b"a;" * 2000 + b"/*" + noise + b"*" * 480_000 + b"*/"
    for name, strings in (("texts", texts), ("blanks", blanks), ("escapes", escapes), ("one text", same)):
        yield (
            f"strings of 60 languages, {name}",
            lambda strings=strings: make.signed(  # type: ignore[misc]
                {f"{'abcdefgh'[n // 8]}{'abcdefgh'[n % 8]}.lproj/pass.strings": strings for n in range(60)}
            ),
        )


def _signatures(make: Maker) -> Iterator[tuple[str, Callable[[], bytes]]]:
    empty = der.sequence()
    yield "SIG-15 10,000 certificates", lambda: make.signed({}, signature=with_certificates(empty * 10_000))
    yield "SIG-15 32,000 elements", lambda: make.signed({}, signature=repeated(empty, 65_000))
    yield "SIG-13 open lengths", lambda: make.signed({}, signature=b"\x30\x80" * 32_000)
    yield (
        "SIG-13 open lengths side by side",
        lambda: make.signed({}, signature=b"\x30\x80" * 12 + b"\x30\x80\0\0" * 16_000 + b"\0\0" * 12),
    )
    yield "a signature of zeros", lambda: make.signed({}, signature=bytes(65_536))
    yield "CRT-15 eight that issued each other", lambda: make.signed({}, by=Crowd(2048))
    yield "CRT-15 eight of 4,096 bits", lambda: make.signed({}, by=Crowd(4096))
    yield (
        "everything at once",
        lambda: make.signed(
            {
                **{f"{n}.png": whole_picture() for n in range(3)},
                "pass.json": text({**PASS, **{f"serialNumbr{n}": None for n in range(2900)}}) + b" " * 40,
                "personalization.json": b"{" + b'"x":0,' * 480 + b'"x":0}',
                **{f"{each}.lproj/pass.strings": b"/**/" * 30_000 for each in ("en", "de", "fr", "it")},
            },
            signature=b"\x30\x80" * 12 + b"\x30\x80\0\0" * 16_000 + b"\0\0" * 12,
            packed=True,
        ),
    )
    yield "sound", lambda: make.signed({})


def with_certificates(certificates: bytes) -> bytes:
    content = der.sequence(
        der.integer(1),
        der.set_of(),
        der.sequence(der.oid("1.2.840.113549.1.7.1")),
        der.tlv(der.CONTEXT_0, certificates),
        der.set_of(der.sequence()),
    )
    return der.sequence(der.oid("1.2.840.113549.1.7.2"), der.tlv(der.CONTEXT_0, content))


class Crowd:
    """Signs with seven authorities of one name and one key, which lead nowhere."""

    def __init__(self, bits: int) -> None:
        stranger = Authority.create(now=AT)
        key = rsa.generate_private_key(65537, bits)
        self.others = [stranger.issue_intermediate(name="Loop", key=key)]
        for _ in range(6):
            self.others.append(stranger.issue_intermediate(name="Loop", key=key, by=self.others[-1]))
        self.issued = stranger.issue(Leaf(), by=self.others[0])
        self.identity = Identity(
            certificate=self.issued.certificate,
            intermediate=self.others[0].certificate,
            signer=self.issued.signer,
        )

    def sign_manifest(self, manifest: bytes, *, at: datetime) -> bytes:
        info = cms.ContentInfo.load(self.identity.sign_manifest(manifest, at=at))
        embedded = [self.issued.certificate, *(one.certificate for one in self.others)]
        info["content"]["certificates"] = cms.CertificateSet([x509.Certificate.load(one) for one in embedded])
        dumped: bytes = info.dump(force=True)
        return dumped


def cases(authority: Authority) -> dict[str, Callable[[], bytes]]:
    """Name -> what makes the archive."""
    make = Maker(authority)
    return dict((*_archives(make), *_documents(make), *_signatures(make)))


def _peak() -> int:
    """The most bytes of memory this process had at once."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    """Judges one file, and says what it cost."""
    path, root = sys.argv[1:]
    trust = Trust.of(Path(root).read_bytes())
    # What is imported and worked out once is not the archive's doing.
    verify(Path(f"{root}.pkpass").read_bytes(), trust=trust, at=AT)
    gc.collect()
    # Linux: the peak of this process so far is forgotten.
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    before = _peak()
    data = Path(path).read_bytes()
    started = time.process_time()
    judged = verify(data, trust=trust, at=AT)
    spent = time.process_time() - started
    grown = _peak() - before
    codes = sorted({found.code for found in judged.report.errors})
    sys.stdout.write(json.dumps({"seconds": spent, "bytes": grown, "ok": judged.ok, "errors": codes}))


if __name__ == "__main__":
    main()
