"""Keys for NFC: the reader keeps the private half, a pass carries the public one.

Apple wants the public half as the Base64 of a SubjectPublicKeyInfo of a P-256
key, and what is known to work holds its point compressed: 59 bytes. Few tools
write that form, so any form that keys and certificates have is taken here.

Source: Apple, Wallet Passes, Pass.NFC; RFC 5480 section 2; SEC 1 section 2.3.3.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from passwright.errors import KeyMaterialError
from passwright.signing import load_key, read_public_key

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["NfcKey", "generate", "public_text"]

MAX_BYTES = 64 * 2**10
"""What is looked at for a key: keys have some hundred bytes, certificates two thousand."""

# RFC 5480 section 2: id-ecPublicKey, secp256r1, and a bit string of 33 octets, which is the point.
_SPKI = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
_CURVE = "secp256r1"
_DER = b"\x30"  # all of them are a SEQUENCE
# RFC 7468 section 2. A body ends at the next five dashes, so looking for blocks takes linear time.
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(?:[^-]|-(?!----))*+-----END \1-----")
_PARAMETERS = b"EC PARAMETERS"  # what `openssl ecparam -genkey` writes before the key

_UNREADABLE = (
    "no key can be read here: give a private key, a public key or a certificate, "
    "in PEM, DER or Base64, undamaged, and with the password of an encrypted one"
)
_LOCKED = "the private key is encrypted, and the password is wrong or missing"
_SEVERAL = "there are several different keys here: give the one for NFC alone"
_LONG = f"this has more than {MAX_BYTES:,} bytes, so it is not a key"


class NfcKey:
    """A new key: `private_pem` for the reader, `public_text` for `apple_key` in the template's `[nfc]`.

    `private_pem` is PKCS #8 in PEM, not encrypted. Like a signer this shows it
    to nobody who prints, copies or pickles the object.
    """

    __slots__ = ("private_pem", "public_text")

    def __init__(self, private_pem: bytes, public_text: str) -> None:
        self.private_pem = private_pem
        self.public_text = public_text

    def __repr__(self) -> str:
        return f"NfcKey({self.public_text!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an NFC key holds a private key and can't be pickled or copied: store its PEM")


def generate() -> NfcKey:
    """A new key on P-256, from the system's random numbers."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return NfcKey(pem, _text(_compressed_point(key.public_key())))


def public_text(key: bytes | str, *, password: bytes | str | None = None) -> str:
    """The public half of a key in the form that `apple_key` and `encryptionPublicKey` take.

    `key` is a private key, a public key or a certificate, in PEM, in DER, or
    the Base64 of DER; the point of a public key may be compressed or not. A
    PEM text may hold several blocks as long as they are of one key.
    `password` opens an encrypted private key.

    Raises:
        KeyMaterialError: no key can be read, its password is missing, it is
            not on P-256, or there are several.
    """
    found = _point(key, password)
    # A traceback that shows local variables must not show the key.
    del key, password
    if isinstance(found, str):
        raise KeyMaterialError(found)
    return _text(found)


def _text(point: bytes) -> str:
    return base64.b64encode(_SPKI + point).decode("ascii")


def _point(key: bytes | str, password: bytes | str | None) -> bytes | str:
    """The compressed point, or a sentence about why there is none.

    A sentence instead of an exception, whose traceback would keep key and
    password alive and visible.
    """
    octets = key.encode("utf-8", "replace") if isinstance(key, str) else bytes(key)
    if len(octets) > MAX_BYTES:
        return _LONG
    points = set()
    for block in _blocks(octets):
        public = _public_key(block, password)
        if public is None:
            return _LOCKED if b"ENCRYPTED" in block else _UNREADABLE
        point = _compressed_point(public)
        if not point:
            return _unfit(public)
        points.add(point)
    if len(points) > 1:
        return _SEVERAL
    return points.pop() if points else _UNREADABLE


def _blocks(octets: bytes) -> list[bytes]:
    """PEM blocks, or the one DER."""
    if blocks := [found[0] for found in _BLOCK.finditer(octets) if found[1] != _PARAMETERS]:
        return blocks
    if octets.startswith(_DER):
        return [octets]
    try:
        return [base64.b64decode(b"".join(octets.split()), validate=True)]
    except binascii.Error:
        return []


def _public_key(block: bytes, password: bytes | str | None) -> object | None:
    """The public key of a public key, a certificate or a private key, None where none can be read."""
    if (public := read_public_key(block)) is not None:
        return public
    private = load_key(block, password)
    return None if private is None else private.public_key()


def _compressed_point(public: object) -> bytes:
    """The compressed point of a key on P-256 (SEC 1 section 2.3.3), b"" of any other key."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if not isinstance(public, EllipticCurvePublicKey) or public.curve.name != _CURVE:
        return b""
    return public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def _unfit(public: object) -> str:
    curve = getattr(public, "curve", None)
    kind = f"EC on {curve.name}" if curve is not None else type(public).__name__
    return (
        f"the key is of another kind ({kind}), and NFC needs an EC key on P-256 (prime256v1, {_CURVE}): "
        "a key of its own, not that of the pass certificate"
    )
