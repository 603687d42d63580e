"""PKCS #12 as older systems export it: RC2-40 for certificates, 3DES for the key, SHA-1 for the MAC.

OpenSSL 3 refuses such files unless asked for its legacy algorithms, and people
bring them from their key chains. Made here to test that they are read or
refused with advice; good for nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from struct import pack, unpack
from typing import TYPE_CHECKING

from passwright.apple.cms import der

if TYPE_CHECKING:
    from passwright.examples.certificates import Issued

__all__ = ["legacy_p12"]

PBE_3DES = "1.2.840.113549.1.12.1.3"
PBE_RC2_40 = "1.2.840.113549.1.12.1.6"
SHROUDED_KEY_BAG, CERT_BAG = "1.2.840.113549.1.12.10.1.2", "1.2.840.113549.1.12.10.1.3"
X509_CERTIFICATE = "1.2.840.113549.1.9.22.1"
LOCAL_KEY_ID = "1.2.840.113549.1.9.21"
DATA, ENCRYPTED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
SHA1 = "1.3.14.3.2.26"

ITERATIONS = 2048
KEY, IV, MAC = 1, 2, 3  # RFC 7292 appendix B.3

# RFC 2268 section 2, the table of the key expansion.
_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)


def legacy_p12(issued: Issued, intermediate: bytes, password: str) -> bytes:
    """A PKCS #12 file with key, certificate and intermediate, weakly encrypted.

    Same input, same bytes: the salts are made from the certificate.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    salt = hashlib.sha256(issued.certificate).digest()
    key = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    key_id = hashlib.sha1(issued.certificate, usedforsecurity=False).digest()
    attributes = der.set_of(
        der.sequence(der.oid(LOCAL_KEY_ID), der.set_of(der.tlv(der.OCTET_STRING, key_id)))
    )
    certificates = der.sequence(_cert_bag(issued.certificate, attributes), _cert_bag(intermediate, b""))
    shrouded = der.sequence(
        _pbe(PBE_3DES, salt[8:16]), der.tlv(der.OCTET_STRING, _triple_des(key, password, salt[8:16]))
    )
    keys = der.sequence(der.sequence(der.oid(SHROUDED_KEY_BAG), der.tlv(der.CONTEXT_0, shrouded), attributes))
    encrypted = der.sequence(
        der.integer(0),
        der.sequence(
            der.oid(DATA),
            _pbe(PBE_RC2_40, salt[:8]),
            der.tlv(der.CONTEXT, _rc2_40(certificates, password, salt[:8])),
        ),
    )
    safe = der.sequence(der.sequence(der.oid(ENCRYPTED_DATA), der.tlv(der.CONTEXT_0, encrypted)), _data(keys))
    secret = _derive(password, salt[16:24], MAC, 20)
    mac = der.sequence(
        der.sequence(
            der.sequence(der.oid(SHA1), der.tlv(der.NULL)),
            der.tlv(der.OCTET_STRING, hmac.digest(secret, safe, "sha1")),
        ),
        der.tlv(der.OCTET_STRING, salt[16:24]),
        der.integer(ITERATIONS),
    )
    return der.sequence(der.integer(3), _data(safe), mac)


def _data(content: bytes) -> bytes:
    return der.sequence(der.oid(DATA), der.tlv(der.CONTEXT_0, der.tlv(der.OCTET_STRING, content)))


def _cert_bag(certificate: bytes, attributes: bytes) -> bytes:
    value = der.sequence(
        der.oid(X509_CERTIFICATE), der.tlv(der.CONTEXT_0, der.tlv(der.OCTET_STRING, certificate))
    )
    return der.sequence(der.oid(CERT_BAG), der.tlv(der.CONTEXT_0, value), attributes)


def _pbe(algorithm: str, salt: bytes) -> bytes:
    return der.sequence(
        der.oid(algorithm), der.sequence(der.tlv(der.OCTET_STRING, salt), der.integer(ITERATIONS))
    )


def _derive(password: str, salt: bytes, purpose: int, size: int) -> bytes:
    """RFC 7292 appendix B.2 with SHA-1."""
    block = 64

    def repeat_to_block(text: bytes) -> bytes:
        return (text * block)[: -(-len(text) // block) * block]

    diversifier = bytes((purpose,)) * block
    state = repeat_to_block(salt) + repeat_to_block((password + "\0").encode("utf-16-be"))
    result = b""
    while len(result) < size:
        digest = diversifier + state
        for _ in range(ITERATIONS):
            digest = hashlib.sha1(digest, usedforsecurity=False).digest()
        result += digest
        step = int.from_bytes((digest * 4)[:block], "big") + 1
        state = b"".join(
            ((int.from_bytes(state[at : at + block], "big") + step) % (1 << 8 * block)).to_bytes(block, "big")
            for at in range(0, len(state), block)
        )
    return result[:size]


def _pad(text: bytes) -> bytes:
    missing = 8 - len(text) % 8
    return text + bytes((missing,)) * missing


def _triple_des(text: bytes, password: str, salt: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    cipher = TripleDES(_derive(password, salt, KEY, 24))
    encryptor = Cipher(cipher, modes.CBC(_derive(password, salt, IV, 8))).encryptor()
    return encryptor.update(_pad(text)) + encryptor.finalize()


def _rc2_40(text: bytes, password: str, salt: bytes) -> bytes:
    """RC2 with 40 bits in CBC mode; the cryptography package has it with 128 bits only."""
    key = _rc2_expanded(_derive(password, salt, KEY, 5))
    block = _derive(password, salt, IV, 8)
    result = []
    padded = _pad(text)
    for at in range(0, len(padded), 8):
        mixed = bytes(a ^ b for a, b in zip(padded[at : at + 8], block, strict=True))
        block = _rc2_block(mixed, key)
        result.append(block)
    return b"".join(result)


def _rc2_expanded(key: bytes) -> tuple[int, ...]:
    """RFC 2268 section 2, with as many effective bits as the key has."""
    size = len(key)
    octets = bytearray(key) + bytes(128 - size)
    for i in range(size, 128):
        octets[i] = _PI[(octets[i - 1] + octets[i - size]) & 0xFF]
    octets[128 - size] = _PI[octets[128 - size]]
    for i in range(127 - size, -1, -1):
        octets[i] = _PI[octets[i + 1] ^ octets[i + size]]
    return unpack("<64H", octets)


def _rc2_block(block: bytes, key: tuple[int, ...]) -> bytes:
    """RFC 2268 section 3: sixteen mixing rounds, mashing after the fifth and the eleventh."""
    r = list(unpack("<4H", block))
    for turn in range(16):
        for i, shift in enumerate((1, 2, 3, 5)):
            mixed = r[i] + key[4 * turn + i] + (r[i - 1] & r[i - 2]) + (~r[i - 1] & r[i - 3]) & 0xFFFF
            r[i] = (mixed << shift | mixed >> 16 - shift) & 0xFFFF
        if turn in (4, 10):
            for i in range(4):
                r[i] = r[i] + key[r[i - 1] & 63] & 0xFFFF
    return pack("<4H", *r)
