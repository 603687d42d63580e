"""The files of `certs.example`, made again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf, new_key
from passwright.examples.pem_files import (
    EXAMPLE_PASSWORD,
    key_pem,
    write_authority,
    write_file,
    write_identity,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from passwright.signing import PrivateKey

__all__ = ["write_example"]

PROJECT = "passwright-throw-away"
ACCOUNT = f"wallet-example@{PROJECT}.iam.gserviceaccount.com"

README = f"""\
A throw-away authority in the shape of Apple's, and a look-alike of a Google service account.

Nothing trusts any of this, every subject says it, and all keys here are public. Use it to try
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
    write_authority(directory, authority.root, authority.intermediate)
    for name, leaf in {"pass": Leaf(), "pass-nfc": Leaf(nfc=True), "pass-ec": Leaf(ec=True)}.items():
        issued = authority.issue(leaf, key=new_key(ec=leaf.ec))
        write_identity(directory, name, issued, authority.intermediate)
        if name == "pass":
            legacy = legacy_p12(issued, authority.intermediate, EXAMPLE_PASSWORD)
            write_file(directory / "pass-legacy.p12", legacy)
    write_file(directory / "service-account.json", _service_account(new_key()))
    write_file(directory / "nfc.key", key_pem(new_key(ec=True)))
    write_file(directory / "README", README.encode())


def _service_account(key: PrivateKey) -> bytes:
    """The members of the key files that Google's console hands out."""
    client = "100000000000000000000"
    members = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": key_pem(key).decode(),
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
