"""The lower bound: a pass and a link spliced by hand, with nothing checked.

Everything that does not change is prepared as bytes and values are pasted into it;
what is left is two digests, one signature and one copy. Nobody should write this: it
is the least that a pass can cost in this language, and what we measure ourselves by.
"""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha1, sha256
from struct import pack
from typing import TYPE_CHECKING

import workload
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

import passwright as pw
from passwright.apple.container import pkpass

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# Stand for the values in finished documents, which are cut there.
SERIAL, NAME, POINTS = "M-9999999", "Jane Smith 9999999", "9999999"
_VALUE = re.compile(rb"M-9999999|Jane Smith 9999999|9999999")
_PER_PASS = ("pass.json", "manifest.json", "signature")


def _form(text: bytes) -> tuple[bytes, list[int]]:
    """A text to be filled by %, and which of serial, name and points goes where."""
    known = [SERIAL.encode(), NAME.encode(), POINTS.encode()]
    order = [known.index(match[0]) for match in _VALUE.finditer(text)]
    return _VALUE.sub(b"%b", text.replace(b"%", b"%%")), order


def _filled(form: bytes, order: list[int], number: int) -> bytes:
    digits = b"%07d" % number
    values = (b"M-" + digits, b"Jane Smith " + digits, b"1" + digits[1:])
    return form % tuple([values[which] for which in order])


def pass_by_hand(
    template: pw.Template, identity: pw.apple.Identity, key: RSAPrivateKey
) -> Callable[[int], bytes]:
    """A function that makes the pass of a running number below ten million."""
    values = {"fullName": NAME, "points": int(POINTS), "tier": "Gold"}
    builder = pw.apple.PassBuilder(identity)
    files = pkpass.read(builder.build(template.issue(SERIAL, values), at=workload.NOW))
    form, order = _form(files["pass.json"])
    known = sha1(files["pass.json"], usedforsecurity=False).hexdigest().encode()
    head, tail = files["manifest.json"].split(known)
    manifest_digest = sha256(files["manifest.json"]).digest()
    # The octets before the digest, between it and the signature, and what of them is signed.
    before, rest = files["signature"].split(manifest_digest)
    middle = rest[: -key.key_size // 8]
    attributes = before[before.rindex(b"\xa0", 0, before.index(b"\x06\x09*\x86H\x86\xf7\r\x01\x09\x03")) :]
    signed = b"\x31" + attributes[1:]
    front = {name: data for name, data in files.items() if name not in _PER_PASS}
    static = pkpass.PrebuiltArchive(front)
    local, central = static._entries.local, static._entries.central  # noqa: SLF001 -- the same layout, by hand
    number_of_files = len(front) + len(_PER_PASS)
    names = [name.encode() for name in _PER_PASS]
    sign, padding, digest = key.sign, PKCS1v15(), SHA256()

    def make(number: int) -> bytes:
        text = _filled(form, order, number)
        manifest = b"%b%b%b" % (head, sha1(text, usedforsecurity=False).hexdigest().encode(), tail)
        hashed = sha256(manifest).digest()
        signature = b"%b%b%b%b" % (before, hashed, middle, sign(signed + hashed, padding, digest))
        at = len(local)
        entries, records = [local], [central]
        for name, data in zip(names, (text, manifest, signature), strict=True):
            length = len(data)
            shared = pack("<5H3L2H", 20, 0, 0, 0, 33, zlib.crc32(data), length, length, len(name), 0)
            entries += (b"PK\3\4", shared, name, data)
            records += (
                b"PK\1\2\x14\3", shared, b"\0\0\0\0\0\0\0\0\xa4\x81", pack("<L", at), name,
            )  # fmt: skip
            at += 30 + len(name) + length
        end = pack(
            "<4s4H2LH", b"PK\5\6", 0, 0, number_of_files, number_of_files, sum(map(len, records)), at, 0
        )
        return b"".join((*entries, *records, end))

    return make


def link_by_hand(template: pw.Template, issuer: pw.google.Issuer, key: RSAPrivateKey) -> Callable[[int], str]:
    """A function that makes the save link of a running number below ten million."""
    values = {"fullName": NAME, "points": int(POINTS), "tier": "Gold"}
    link = pw.google.PassBuilder(issuer).save_link(template.issue(SERIAL, values), issued_at=workload.NOW)
    header, claims, _ = link.token.split(".")
    form, order = _form(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    start = f"{header}.".encode()
    sign, padding, digest = key.sign, PKCS1v15(), SHA256()

    def make(number: int) -> str:
        message = start + urlsafe_b64encode(_filled(form, order, number)).rstrip(b"=")
        signature = urlsafe_b64encode(sign(message, padding, digest)).rstrip(b"=")
        return f"https://pay.google.com/gp/v/save/{message.decode()}.{signature.decode()}"

    return make
