"""What a fuzzer is aimed at: one check for each reader, and mutations that keep its structure.

A check takes any bytes and raises only where something is wrong with us: an
exception that is not ours, or a promise that is broken. Mutations put
checksums, lengths and signatures right again half of the time, so that what
lies behind them is reached as well.
"""

from __future__ import annotations

import binascii
import io
import json
import struct
import zipfile
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from PIL import Image

from passwright import strict_json
from passwright.apple.cms import der
from passwright.apple.cms import signature as cms_signature
from passwright.apple.container import pkpass
from passwright.apple.container.manifest import PER_PASS_FILES, digest, format_manifest
from passwright.apple.identity import Identity
from passwright.apple.trust import certificate
from passwright.apple.trust.anchors import Trust
from passwright.apple.trust.chain import chain
from passwright.apple.verification.verifier import verify
from passwright.errors import InvalidInput, KeyMaterialError
from passwright.examples.authority import Authority
from passwright.google.link import SAVE_URL
from passwright.google.reading import token
from passwright.images import fitting, png
from tests.elements import Element, exchanged, found, paths

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

CERTIFICATES = Path(__file__).parent.parent.parent / "certs.example"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = AT + timedelta(days=1)
MANIFEST = b'{"icon.png":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}'
EMAIL = "wallet@example-project.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Target:
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, random.Random, Callable[[bytes], bytes]], bytes]


# --- whom we sign with ---------------------------------------------------------------------------


@cache
def key() -> RSAPrivateKey:
    loaded = load_pem_private_key((CERTIFICATES / "pass.key").read_bytes(), None)
    assert isinstance(loaded, RSAPrivateKey)
    return loaded


@cache
def identity(name: str = "pass") -> Identity:
    files = [(CERTIFICATES / file).read_bytes() for file in (f"{name}.pem", f"{name}.key", "wwdr.pem")]
    return Identity.from_pem(*files)


@cache
def trust() -> Trust:
    return Trust.of((CERTIFICATES / "root.pem").read_bytes())


@cache
def authority() -> Authority:
    """For certificates that are changed and signed again, with keys nobody keeps."""
    return Authority.create(now=AT)


def signed(message: bytes, by: RSAPrivateKey) -> bytes:
    return by.sign(message, PKCS1v15(), SHA256())


# --- archives ------------------------------------------------------------------------------------


def check_archive(data: bytes) -> None:
    """What we read, Python's reader reads alike or refuses."""
    try:
        files = pkpass.read(data)
    except InvalidInput:
        return
    assert "pass.json" in files
    with suppress(zipfile.BadZipFile, NotImplementedError), zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        assert {name: archive.read(name) for name in names} == files


def archive_seeds() -> list[bytes]:
    files = {"icon.png": b"x" * 40, "en.lproj/pass.strings": b'"a" = "b";', "pass.json": b"{}"}
    made = [pkpass.pack(files)]
    for pipe in (False, True):
        out = Pipe() if pipe else io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("en.lproj/", b"")
            for name, content in files.items():
                archive.writestr(name, content)
        made.append(out.getvalue())
    return made


class Pipe(io.BytesIO):
    """Written to a pipe, zipfile leaves sizes to data descriptors."""

    def seekable(self) -> bool:
        return False


def mutate_archive(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    mutant = mutate(data)
    return mended(mutant) if chosen.random() < 0.5 else mutant


def mended(data: bytes) -> bytes:
    """The archive with checksums and sizes of what lies there, and an end record for its directory."""
    archive = bytearray(data)
    end = archive.rfind(b"PK\5\6")
    if end < 0 or len(archive) < end + 22:
        return data
    start = at = archive.find(b"PK\1\2")
    number = 0
    while 0 <= at < end - 46 and archive.startswith(b"PK\1\2", at):
        mend_entry(archive, at)
        at += 46 + sum(struct.unpack_from("<3H", archive, at + 28))
        number += 1
    struct.pack_into("<2H2LH", archive, end + 8, number, number, max(0, end - start), max(0, start), 0)
    return bytes(archive[: end + 22])


def mend_entry(archive: bytearray, at: int) -> None:
    """Puts checksum and size of one entry right, in both of its records."""
    method, packed, local = (
        struct.unpack_from(form, archive, at + place)[0]
        for form, place in (("<H", 10), ("<L", 20), ("<L", 42))
    )
    if not archive.startswith(b"PK\3\4", local) or local + 30 > len(archive):
        return
    begin = local + 30 + sum(struct.unpack_from("<2H", archive, local + 26))
    content = bytes(archive[begin : begin + packed])
    if method == zipfile.ZIP_DEFLATED:
        with suppress(zlib.error):
            content = zlib.decompressobj(-15).decompress(content, 2**20)
    sizes = struct.pack("<3L", zlib.crc32(content), packed, len(content))
    archive[at + 16 : at + 28] = archive[local + 14 : local + 26] = sizes


# --- JSON ----------------------------------------------------------------------------------------


def check_json(data: bytes) -> None:
    """What the strict reader reads, the tolerant one and Python's read alike."""
    tolerated = None
    with suppress(InvalidInput):
        tolerated = strict_json.loads_tolerant(data, name="x")
        str(tolerated.findings)
    try:
        value = strict_json.loads(data, name="x")
    except InvalidInput:
        return
    assert tolerated is not None
    assert (tolerated.value, tolerated.findings) == (value, ())
    assert json.loads(data) == value
    assert strict_json.loads(strict_json.dumps(value).encode(), name="x") == value


def json_seeds() -> list[bytes]:
    text = '{"a":[1,-2.5e3,true,null,"\\u00e4\\n"],"b":{"a":{}}}'
    odd = '{"a":1,"a":2,/* c */"b":[1,],} // end'
    return [text.encode(), odd.encode(), text.encode("utf-16"), b"\xef\xbb\xbf[]", b"[" * 33 + b"]" * 33]


TOKENS = (
    b"{}",
    b"[]",
    b",",
    b'"a":',
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"NaN",
    b"/*",
    b"*/",
    b"//",
    b"\n",
    b'"',
)


def mutate_json(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    if chosen.random() < 0.5:
        return mutate(data)
    at = chosen.randrange(len(data) + 1)
    return data[:at] + chosen.choice(TOKENS) + data[at:]


# --- signatures ----------------------------------------------------------------------------------


def check_cms(data: bytes) -> None:
    """A signature that holds, with a chain that holds, is by one of those who signed the seeds."""
    try:
        read = cms_signature.parse(data)
        leaf, _ = cms_signature.verify(read, MANIFEST)
    except InvalidInput:
        return
    followed = chain(leaf, read.certificates, trust=trust(), at=LATER, signed_at=read.signing_time)
    if followed.ok:
        assert leaf in {identity(name).certificate for name in ("pass", "pass-nfc", "pass-ec")}


def cms_seeds() -> list[bytes]:
    return [identity(name).sign_manifest(MANIFEST, at=AT) for name in ("pass", "pass-nfc", "pass-ec")]


def mutate_cms(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    tree = tree_of(data)
    if tree is None or chosen.random() < 0.2:
        return mutate(data)
    tree = mutate_tree(tree, chosen, mutate)
    if chosen.random() < 0.5:
        with suppress(IndexError, ValueError):
            tree = signed_again(tree)
    return tree.encoded()


def tree_of(data: bytes) -> Element | None:
    try:
        return Element.of(der.read(data, limit=2**16))
    except der.DerError:
        return None


def mutate_tree(tree: Element, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> Element:
    """One element changed, dropped, doubled, with another tag, or exchanged for another."""
    places = list(paths(tree))
    if not places:
        return tree
    at = chosen.choice(places)
    one = found(tree, at)
    others = {
        "change": [replace(one, content=mutate(one.content), inner=())] if not one.inner else [one, one],
        "drop": [],
        "double": [one, one],
        "tag": [
            replace(
                one, tag=chosen.choice((1, 2, 3, 4, 5, 6, 0x0C, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA1))
            )
        ],
        "exchange": [found(tree, chosen.choice(places))],
    }
    return exchanged(tree, at, *chosen.choice(list(others.values())))


def signed_again(tree: Element) -> Element:
    """The signature with the value that its attributes ask for, as they stand there now."""
    infos = len(found(tree, (1, 0)).inner) - 1
    info = found(tree, (1, 0, infos, 0))
    tags = [part.tag for part in info.inner]
    attributes = info.inner[tags.index(der.CONTEXT_0)]
    value = signed(replace(attributes, tag=der.SET).encoded(), key())
    return exchanged(tree, (1, 0, infos, 0, tags.index(der.OCTET_STRING)), Element(der.OCTET_STRING, value))


# --- whole passes --------------------------------------------------------------------------------


def check_verify(data: bytes) -> None:
    verdict = verify(data, trust=trust(), at=LATER)
    assert str(verdict.report) is not None
    assert verdict.layouts is not None
    if verdict.ok:
        assert verdict.chain is not None
        assert verdict.chain.leaf == certificate.parse(identity("pass-ec").certificate)


def verify_seeds() -> list[bytes]:
    return [signed_pass(document) for document in (PLAIN, RICH)]


ICON = io.BytesIO()
Image.new("RGB", (1, 1)).save(ICON, "PNG")
PLAIN = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.com.example.passwright",
    "teamIdentifier": "EXAMPLE123",
    "serialNumber": "1",
    "organizationName": "O",
    "description": "D",
    "generic": {"primaryFields": [{"key": "a", "value": "b"}]},
}
RICH = {
    **PLAIN,
    "barcodes": [{"format": "PKBarcodeFormatQR", "message": "m", "messageEncoding": "iso-8859-1"}],
    "locations": [{"latitude": 1.5, "longitude": 2, "relevantText": "t"}],
    "relevantDates": [{"date": "2026-01-02T03:04Z"}, {"startDate": "2026-01-02T03:04:05+01:00"}],
    "expirationDate": "2027-01-02T03:04:05.678Z",
    "backgroundColor": "rgb(1, 2, 3)",
    "webServiceURL": "https://example.com/",
    "authenticationToken": "0123456789abcdef",
    "nfc": {"message": "m", "encryptionPublicKey": "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAD"},
    "semantics": {"eventName": "e", "seats": [{"seatRow": "1"}]},
    "userInfo": {"a": [None, True]},
}


def signed_pass(document: object) -> bytes:
    return sealed(
        {
            "icon.png": ICON.getvalue(),
            "en.lproj/pass.strings": b'"a" = "b";',
            "pass.json": json.dumps(document).encode(),
        }
    )


def sealed(files: dict[str, bytes]) -> bytes:
    """The files as a pass with a right manifest and a right signature."""
    kept = {name: data for name, data in files.items() if name not in PER_PASS_FILES[1:]}
    manifest = format_manifest({name: digest(data) for name, data in kept.items()})
    signature = identity("pass-ec").sign_manifest(manifest, at=AT)  # forty times faster than RSA
    return pkpass.pack({**kept, "manifest.json": manifest, "signature": signature})


def mutate_verify(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    try:
        files = pkpass.read(data)
    except InvalidInput:
        return mutate_archive(data, chosen, mutate)
    if chosen.random() < 0.2:
        return mutate_archive(data, chosen, mutate)
    name = chosen.choice(list(files))
    by_kind = {"signature": mutate_cms, "json": mutate_json, "png": mutate_png}
    files[name] = by_kind.get(name.rpartition(".")[2], mutate_json)(files[name], chosen, mutate)
    with suppress(InvalidInput):
        return sealed(files) if name not in PER_PASS_FILES[1:] else pkpass.pack(files)
    return data


# --- pictures ------------------------------------------------------------------------------------


def check_png(data: bytes) -> None:
    """A picture whose header is read is decoded in that size, or refused in our words."""
    try:
        header = png.png_size(data, name="x.png")
    except InvalidInput:
        return
    with suppress(InvalidInput):
        png.colour_profile(png.strip_metadata(data, name="x.png"), name="x.png")
        assert png.check_png(data, name="x.png") == header
    if header.width * header.height < 10_000:
        with suppress(InvalidInput):
            fitted = fitting.fit(data, width=header.width, height=header.height, name="x.png")
            with Image.open(io.BytesIO(fitted.data)) as picture:
                assert picture.size == (header.width, header.height)


def png_seeds() -> list[bytes]:
    made = []
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        out = io.BytesIO()
        Image.new(mode, (3, 2)).save(out, "PNG", dpi=(72, 72))
        made.append(out.getvalue())
    return made


def mutate_png(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    """Chunks changed, dropped, doubled or moved, with checksums that are right."""
    chunks = chunks_of(data)
    if not chunks or chosen.random() < 0.2:
        return mutate(data)
    at = chosen.randrange(len(chunks))
    kind, body = chunks[at]
    others: tuple[list[tuple[bytes, bytes]], ...] = (
        [(kind, mutate(body))],
        [(mutate(kind)[:4].ljust(4, b"x"), body)],
        [],
        [chunks[at], chunks[at]],
        [chosen.choice(chunks), chunks[at]],
        [(kind, zlib.compress(mutate(body)))],
    )
    chunks[at : at + 1] = chosen.choice(others)
    return data[:8] + b"".join(
        struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


# --- tokens --------------------------------------------------------------------------------------


def check_token(data: bytes) -> None:
    """A token that verifies says what was signed, to the octet."""
    text = data.decode("utf-8", "replace")
    with suppress(InvalidInput):
        assert token.read(text).verified is False
    try:
        read = token.read(text, public_key=key().public_key(), email=EMAIL)
    except InvalidInput:
        return
    assert read.verified
    assert (read.claims["aud"], read.claims["typ"], read.claims["iss"]) == ("google", "savetowallet", EMAIL)


def token_seeds() -> list[bytes]:
    claims = {
        "iss": EMAIL,
        "aud": "google",
        "typ": "savetowallet",
        "iat": 1_767_322_800,
        "payload": {"a": []},
    }
    header = {"alg": "RS256", "typ": "JWT"}
    bare = signed_token(json.dumps(header).encode(), json.dumps(claims).encode())
    return [bare, SAVE_URL.encode() + bare]


def signed_token(header: bytes, claims: bytes) -> bytes:
    message = base64url(header) + b"." + base64url(claims)
    return message + b"." + base64url(signed(message, key()))


def base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def mutate_token(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    parts = data.removeprefix(SAVE_URL.encode()).split(b".")
    if len(parts) != 3 or chosen.random() < 0.2:
        return mutate(data)
    try:
        header, claims = (urlsafe_b64decode(part + b"=" * (-len(part) % 4)) for part in parts[:2])
    except binascii.Error:
        return mutate(data)
    if chosen.random() < 0.3:
        header = mutate_json(header, chosen, mutate)
    else:
        claims = mutate_json(claims, chosen, mutate)
    if chosen.random() < 0.5:
        return signed_token(header, claims)
    return b".".join((base64url(header), base64url(claims), parts[2]))


# --- certificates --------------------------------------------------------------------------------


def check_certificate(data: bytes) -> None:
    """A chain that holds starts with a certificate that its intermediate really signed."""
    with suppress(KeyMaterialError, ValueError):
        Trust.of(data)
    intermediate = authority().intermediate
    followed = chain(data, [data, intermediate], trust=authority().trust, at=AT)
    beside = chain(authority_leaf(), [authority_leaf(), data, intermediate], trust=authority().trust, at=AT)
    assert beside.ok
    try:
        parsed = certificate.parse(data)
    except InvalidInput:
        assert not followed.ok
        return
    certificate.key_id(parsed)
    certificate.issuer_key_id(parsed)
    certificate.critical(parsed)
    if followed.ok:
        assert certificate.signed_by(data, certificate.spki(certificate.parse(intermediate)))
        assert certificate.pass_type_identifier(parsed) == certificate.marked_pass_type(parsed)


@cache
def authority_leaf() -> bytes:
    return authority().issue().certificate


def certificate_seeds() -> list[bytes]:
    return [
        *certificate.split_pem((CERTIFICATES / "pass.pem").read_bytes()),
        authority_leaf(),
        authority().intermediate,
    ]


def mutate_certificate(data: bytes, chosen: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    tree = tree_of(data)
    if tree is None or len(tree.inner) != 3 or chosen.random() < 0.2:
        return mutate(data)
    tree = mutate_tree(tree, chosen, mutate)
    if len(tree.inner) == 3 and chosen.random() < 0.7:
        issuer = authority().as_issuer().key
        assert isinstance(issuer, RSAPrivateKey)
        value = Element(der.BIT_STRING, b"\0" + signed(tree.inner[0].encoded(), issuer))
        tree = replace(tree, inner=(*tree.inner[:2], value))
    return tree.encoded()


TARGETS = {
    "archive": Target(check_archive, archive_seeds, mutate_archive),
    "certificate": Target(check_certificate, certificate_seeds, mutate_certificate),
    "json": Target(check_json, json_seeds, mutate_json),
    "png": Target(check_png, png_seeds, mutate_png),
    "signature": Target(check_cms, cms_seeds, mutate_cms),
    "token": Target(check_token, token_seeds, mutate_token),
    "verify": Target(check_verify, verify_seeds, mutate_verify),
}
