"""The test kit as others use it: a builder that is not ours, judged from a project that is not ours."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from passwright.testing import PASS_TYPE, TEAM, Authority, example_directory
from tests.conftest import AT, READER_KEY, png

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
CODE = {"format": "PKBarcodeFormatQR", "message": "THEIRS-1"}

# Each test has three lines; the first one of them is the same everywhere.
PROJECT = """
from pathlib import Path

from passwright.testing import assert_bound, assert_valid_pkpass


def test_good() -> None:
    data = Path("good.pkpass").read_bytes()
    assert assert_valid_pkpass(data).serial_number == "THEIRS-1"


def test_bound() -> None:
    data = Path("bound.pkpass").read_bytes()
    assert_bound(assert_valid_pkpass(data))


def test_changed_picture() -> None:
    data = Path("changed-picture.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_unlisted_file() -> None:
    data = Path("unlisted-file.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_wrong_intermediate() -> None:
    data = Path("wrong-intermediate.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_other_pass_type() -> None:
    data = Path("other-pass-type.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_missing_icon() -> None:
    data = Path("missing-icon.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_code_on_bound_pass() -> None:
    data = Path("code-on-bound-pass.pkpass").read_bytes()
    assert_bound(assert_valid_pkpass(data))
"""

# Test -> what its refusal says first.
REFUSALS = {
    "changed_picture": r"error: logo\.png: the file was changed .* \[digest-mismatch\]",
    "unlisted_file": r"error: extra\.txt: .* \[unlisted-file\]",
    "wrong_intermediate": (
        r"error: signature: the pass certificate's issuer \(key \w+\) leads to no trusted root "
        r"\(.*Passwright Example Another.*\) \[untrusted-chain\]"
    ),
    "other_pass_type": (
        r"error: pass\.json#/passTypeIdentifier: passTypeIdentifier is not what the certificate names "
        r"\(the certificate is for pass\.com\.example\.passwright\) \[pass-type-mismatch\]"
    ),
    "missing_icon": r"error: icon\.png: .* \[missing-file\]",
    "code_on_bound_pass": r"error: pass\.json#/barcodes/0: a bound pass .* \[binding-forbids-barcode\]",
}


def orders() -> dict[str, dict[str, Any]]:
    """What passkit-generator is asked for: a good pass, a bound one, and four with one mistake each."""
    keys = example_directory()
    certificates = {
        "wwdr": (keys / "wwdr.pem").read_text(),
        "signerCert": (keys / "pass-nfc.pem").read_text(),
        "signerKey": (keys / "pass-nfc.key").read_text(),
    }
    pictures = {
        "icon.png": png(29, 29),
        "icon@2x.png": png(58, 58),
        "icon@3x.png": png(87, 87),
        "logo.png": png(50, 50),
        "logo@2x.png": png(100, 100),
    }
    props = {
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "teamIdentifier": TEAM,
        "serialNumber": "THEIRS-1",
        "organizationName": "Theirs",
        "description": "A card that somebody else makes",
        "backgroundColor": "rgb(20, 40, 60)",
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(255, 255, 255)",
    }
    nfc = {"message": "THEIRS-1", "encryptionPublicKey": READER_KEY}
    bound: dict[str, Any] = {
        "nfc": {**nfc, "requiresAuthentication": True},
        "props": {**props, "sharingProhibited": True},
    }
    other = Authority.create(now=AT).issue_intermediate(name="Another Intermediate").certificate

    def order(pictures: Mapping[str, bytes] = pictures, **changes: Any) -> dict[str, Any]:
        return {
            "certificates": certificates,
            "files": {name: base64.b64encode(data).decode() for name, data in pictures.items()},
            "props": props,
            "fields": {"header": [{"key": "points", "label": "Points", "value": 120}]},
            **changes,
        }

    return {
        "good": order(barcode=CODE),
        "bound": order(**bound),
        "wrong-intermediate": order(certificates={**certificates, "wwdr": pem(other)}),
        "other-pass-type": order(props={**props, "passTypeIdentifier": "pass.com.example.other"}),
        "missing-icon": order({name: data for name, data in pictures.items() if "icon" not in name}),
        "code-on-bound-pass": order(**bound, barcode=CODE),
    }


def pem(certificate: bytes) -> str:
    text = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one file put in or changed, the signature as it was."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as theirs, zipfile.ZipFile(out, "w") as ours:
        files = {each: theirs.read(each) for each in theirs.namelist()}
        for each, held in {**files, name: content}.items():
            ours.writestr(each, held)
    return out.getvalue()


@pytest.fixture(scope="session")
def their_passes(passkit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with passes of passkit-generator, signed by the example's certificate, and the tests."""
    script = passkit / "make_passes.mjs"  # beside node_modules, or node finds no packages
    shutil.copy(Path(__file__).parent / "node" / script.name, script)
    done = subprocess.run(
        ["node", script], input=json.dumps(orders()), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {name: base64.b64decode(text) for name, text in json.loads(done.stdout).items()}
    made["changed-picture"] = repacked(made["good"], "logo.png", png(50, 50, (1, 2, 3)))
    made["unlisted-file"] = repacked(made["good"], "extra.txt", b"put in later")
    folder = tmp_path_factory.mktemp("theirs")
    for name, data in made.items():
        (folder / f"{name}.pkpass").write_bytes(data)
    (folder / "test_theirs.py").write_text(PROJECT)
    return folder


def check_verdicts(said: str) -> None:
    """The good passes are accepted, and each broken one is refused for its reason, first of all."""
    assert re.search(r"\b6 failed, 2 passed\b", said), said
    for name, reason in REFUSALS.items():
        shown = said.partition(f" test_{name} _")[2].partition("\n____")[0]
        errors = re.findall(r"^E +(?:AssertionError: )?(error: .*)$", shown, re.MULTILINE)
        assert errors, said
        assert re.fullmatch(reason, errors[0]), errors


@pytest.mark.foreign
def test_passes_of_passkit_generator_are_judged_in_three_lines(their_passes: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=their_passes,
        capture_output=True,
        text=True,
        check=False,
    )
    check_verdicts(done.stdout)
