"""The files of `certs.example`, made again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from passwright.apple.trust import certificate as x
from passwright.examples.authority import EXAMPLE_PASSWORD, Authority
from passwright.examples.certificates import Leaf, new_key

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from passwright.examples.certificates import Issued
    from passwright.signing import PrivateKey

__all__ = ["write_authority", "write_example", "write_identity"]

PROJECT = "passwright-throw-away"
ACCOUNT = f"wallet-example@{PROJECT}.iam.gserviceaccount.com"

README = f"""\
A throw-away authority in the shape of Apple's, and a look-alike of a Google service account.

Nobody trusts any of this, every subject says so, and all keys here are public. Use it to try
Passwright; never to issue a pass. The private keys of root and intermediate were thrown away.

    root.pem wwdr.pem      root and intermediate
    pass.*                 pass certificate, RSA 2048
    pass-nfc.*             the same, allowed to sign passes with NFC
    pass-ec.*              the same with an EC key on P-256
    pass-legacy.p12        pass.pem and pass.key, encrypted as older macOS exports them (RC2-40 and 3DES):
                           OpenSSL 3 reads it with -legacy only
    service-account.json   a Google service account that doesn't exist
    nfc.key                an EC key as an NFC terminal holds it

The password of the .p12 files is: {EXAMPLE_PASSWORD}

To make all of it again: passwright.examples.directory.write_example(DIR, now=NOW)
"""


def write_example(directory: Path, *, now: datetime) -> None:
    """Writes a new example authority into `directory`, which is made if need be.

    Everything is valid from five years before `now` to thirty years after.
    Files with private keys are readable by their owner only, from the first
    byte on. Files of the same names are replaced.
    """
    from passwright.examples.legacy_p12 import legacy_p12

    directory.mkdir(parents=True, exist_ok=True)
    authority = Authority.create(now=now)
    write_authority(directory, authority)
    for name, leaf in {"pass": Leaf(), "pass-nfc": Leaf(nfc=True), "pass-ec": Leaf(ec=True)}.items():
        issued = authority.issue(leaf, key=new_key(ec=leaf.ec))
        write_identity(directory, name, issued, authority.intermediate)
        if name == "pass":
            legacy = legacy_p12(issued, authority.intermediate, EXAMPLE_PASSWORD)
            _write(directory / "pass-legacy.p12", legacy)
    _write(directory / "service-account.json", _service_account(new_key()))
    _write(directory / "nfc.key", _key_pem(new_key(ec=True)))
    _write(directory / "README", README.encode())


def write_authority(directory: Path, authority: Authority) -> None:
    """Writes root and intermediate, as `root.pem` and `wwdr.pem`."""
    _write(directory / "root.pem", _pem(authority.root))
    _write(directory / "wwdr.pem", _pem(authority.intermediate))


def write_identity(directory: Path, name: str, issued: Issued, intermediate: bytes) -> None:
    """Writes a pass certificate and its key, in PEM and as PKCS #12."""
    _write(directory / f"{name}.pem", _pem(issued.certificate))
    _write(directory / f"{name}.key", _key_pem(issued.key))
    _write(directory / f"{name}.p12", _p12(issued, intermediate))


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # an old file would keep its old mode
    mode = 0o600 if path.suffix in (".key", ".p12", ".json") else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _pem(certificate: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return x.parse(certificate).public_bytes(Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
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


def _service_account(key: PrivateKey) -> bytes:
    """The members of the key files that Google's console hands out."""
    client = "100000000000000000000"
    members = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": _key_pem(key).decode(),
        "client_email": ACCOUNT,
        "client_id": client,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": (
            f"https://www.googleapis.com/robot/v1/metadata/x509/{ACCOUNT.replace('@', '%40')}"
        ),
        "universe_domain": "googleapis.com",
    }
    return json.dumps(members, indent=2).encode() + b"\n"
