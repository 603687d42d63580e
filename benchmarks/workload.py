"""What is made in every benchmark: one store card of 180 kB, with values that differ from pass to pass."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import passwright as pw
from passwright.examples.authority import Authority, example_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATE = Path(__file__).parent.parent / "fixtures" / "templates" / "membership"
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
LEARN_MORE = "https://support.example.com/pass-help"
ISSUER_ID = "3388000000012345678"
TERMS = "Points are earned with every purchase and expire 24 months after they were earned. " * 5
# Rows of noise at the foot of the strip, chosen so that the finished pass has 180 kB.
NOISE_ROWS = 10


def template() -> pw.Template:
    """The membership template with a strip as heavy as a photograph: nine pictures, two languages."""
    club = pw.Template.load(TEMPLATE)
    files = dict(club.images.files)
    with Image.open(io.BytesIO(files["strip@3x.png"])) as opened:
        strip = opened.convert("RGB")
    size = strip.width * NOISE_ROWS * 3
    noise = b"".join(sha256(index.to_bytes(4, "big")).digest() for index in range(size // 32 + 1))[:size]
    strip.paste(Image.frombytes("RGB", (strip.width, NOISE_ROWS), noise), (0, strip.height - NOISE_ROWS))
    out = io.BytesIO()
    strip.save(out, "PNG")
    fields = {**club.fields, "terms": replace(club.fields["terms"], value=TERMS)}
    files["strip@3x.png"] = out.getvalue()
    return replace(club, fields=fields, images=replace(club.images, files=files))


def row(number: int) -> dict[str, str]:
    """What differs from pass to pass, as a CSV file gives it."""
    return {
        "serial": f"M-{number:07}",
        "fullName": f"Jane Smith {number}",
        "points": str(number),
        "tier": "Gold",
    }


def values(number: int) -> dict[str, object]:
    """The same as values of a pass."""
    return {"fullName": f"Jane Smith {number}", "points": number, "tier": "Gold"}


def identity() -> pw.apple.Identity:
    """An RSA-2048 identity that may sign passes with NFC."""
    return Authority.example().identity(nfc=True)


def issuer() -> pw.google.Issuer:
    """An issuer with an RSA-2048 key."""
    account = (example_directory() / "service-account.json").read_bytes()
    return pw.google.Issuer.from_service_account(account, issuer_id=ISSUER_ID)


def judged(shares: Mapping[str, float], floors: Mapping[str, float]) -> int:
    """The exit code of a check: 1, and what is below its floor, or 0."""
    below = {name: shares[name] for name, least in floors.items() if shares[name] < least}
    if below:
        print(f"below the floor: {below}")
    return int(bool(below))
