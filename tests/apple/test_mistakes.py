"""Every mistake that was written down is found, where it is, and nothing else is said."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms as asn1

from passwright.apple.cms.signature import SignatureTemplate
from passwright.apple.container import pkpass
from passwright.apple.trust.anchors import Trust
from passwright.apple.verification.verifier import verify
from passwright.signing import KeySigner
from tests import rich_passes as rich
from tests.conftest import AT, png
from tests.mistakes.apple import MISTAKES, Mistake

if TYPE_CHECKING:
    from passwright.examples.authority import Authority
    from passwright.report import Finding


def steps(pointer: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in pointer.split("/")[1:]]


def mistaken(document: dict[str, Any], mistake: Mistake) -> dict[str, Any]:
    made = copy.deepcopy(document)
    for pointer, value in mistake.put.items():
        *above, last = steps(pointer)
        owner: Any = made
        for part in above:
            owner = owner[part]
        owner[last] = value
    for pointer in mistake.drop:
        *above, last = steps(pointer)
        owner = made
        for part in above:
            owner = owner[part]
        del owner[last]
    return made


def without_time(signature: bytes, key: Any) -> bytes:
    """The same signature, its signed attributes without the time, signed again."""
    info = asn1.ContentInfo.load(signature)
    signer = info["content"]["signer_infos"][0]
    kept = [each for each in signer["signed_attrs"] if each["type"].native != "signing_time"]
    attributes = asn1.CMSAttributes(kept)
    signer["signed_attrs"] = attributes
    signer["signature"] = KeySigner(key).sign(attributes.untag().dump(force=True))
    return bytes(info.dump(force=True))


def made(mistake: Mistake, authority: Authority) -> bytes:
    """The archive with the mistake."""
    identity = authority.identity(nfc=mistake.sign != "without-nfc")
    document = mistaken(rich.fixture(mistake.base)["pass"], mistake)
    beside = {name: data for name, data in rich.files(mistake.base).items() if name not in mistake.without}
    beside |= {name: rich.picture(name.removesuffix(".png"), 1) for name in mistake.pictures}
    files = rich.signed(document, beside, identity)
    manifest = files["manifest.json"]
    match mistake.sign:
        case "old-intermediate":
            other = authority.issue_intermediate().certificate
            frame = SignatureTemplate(leaf=identity.certificate, intermediate=other, signer=identity.signer)
            files["signature"] = frame.unsigned(manifest, at=AT).complete()
        case "no-time":
            files["signature"] = without_time(files["signature"], authority._key(ec=False))
        case "sha-256":
            listed = json.loads(manifest)
            listed["icon.png"] = hashlib.sha256(files["icon.png"]).hexdigest()
            files["manifest.json"] = json.dumps(listed).encode()
            files["signature"] = identity.sign_manifest(files["manifest.json"], at=AT)
    match mistake.after:
        case "changed-icon":
            files["icon.png"] = png(38, 38, (1, 2, 3))
        case "stray-file":
            files["notes.txt"] = b"remember the milk"
        case "wrapped":
            files = {f"pass/{name}": data for name, data in files.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def said(data: bytes, authority: Authority) -> list[Finding]:
    """As for a pass of Apple's: the intermediate that should be there is known."""
    known = Trust.of(authority.intermediate).roots
    return list(verify(data, trust=replace(authority.trust, intermediates=known), at=AT).report)


def test_there_are_at_least_thirty_and_each_is_another() -> None:
    assert len(MISTAKES) >= 30
    assert max(Counter(mistake.name for mistake in MISTAKES).values()) == 1


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_found_at_its_place_and_nothing_else(mistake: Mistake, authority: Authority) -> None:
    """Beyond the clean pass: one finding; that a step can't run for it is the same mistake."""
    clean = Mistake("clean", mistake.base, "", "")
    before = {(each.code, each.location) for each in said(made(clean, authority), authority)}

    after = [
        (each.code, each.location)
        for each in said(made(mistake, authority), authority)
        if (each.code, each.location) not in before and each.code != "step-skipped"
    ]

    assert after == [(mistake.code, mistake.where)]


@pytest.mark.parametrize("name", rich.NAMES)
def test_the_passes_they_start_from_have_no_mistake(name: str, authority: Authority) -> None:
    verdict = verify(made(Mistake("clean", name, "", ""), authority), trust=authority.trust, at=AT)

    assert verdict.ok
    assert verdict.report.warnings == ()
    assert pkpass.read(made(Mistake("clean", name, "", ""), authority)).keys() == verdict.files.keys()
