"""Keys and certificates of the example authority, as the files that other programs read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from passwright.apple.trust import certificate as x

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.examples.certificates import Issued
    from passwright.signing import PrivateKey

__all__ = ["EXAMPLE_PASSWORD", "key_pem", "write_authority", "write_file", "write_identity"]

EXAMPLE_PASSWORD = "passwright"  # noqa: S105  # of the example's PKCS #12 files, and no secret


def write_authority(directory: Path, root: bytes, intermediate: bytes) -> None:
    """Writes root and intermediate, given in DER, as `root.pem` and `wwdr.pem`."""
    write_file(directory / "root.pem", _pem(root))
    write_file(directory / "wwdr.pem", _pem(intermediate))


def write_identity(directory: Path, name: str, issued: Issued, intermediate: bytes) -> None:
    """Writes a pass certificate and its key, in PEM and as PKCS #12."""
    write_file(directory / f"{name}.pem", _pem(issued.certificate))
    write_file(directory / f"{name}.key", key_pem(issued.key))
    write_file(directory / f"{name}.p12", _p12(issued, intermediate))


def write_file(path: Path, content: bytes) -> None:
    """Writes a file; private keys are readable by their owner only, from the first byte on."""
    path.unlink(missing_ok=True)  # an old file would keep its old mode
    mode = 0o600 if path.suffix in (".key", ".p12", ".json") else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _pem(certificate: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return x.parse(certificate).public_bytes(Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    """Returns a private key in PEM, as PKCS #8 without a password."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _p12(issued: Issued, intermediate: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

    return serialize_key_and_certificates(
        b"Passwright throw-away example",
        issued.key,
        x.parse(issued.certificate),
        [x.parse(intermediate)],
        BestAvailableEncryption(EXAMPLE_PASSWORD.encode()),
    )
