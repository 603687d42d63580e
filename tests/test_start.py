"""A process that makes one pass loads what that pass needs, and nothing besides."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import MEMBERSHIP

FIRST_PASS = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
import passwright as pw
from passwright.examples.authority import example_directory
loaded = set(sys.modules)
keys = example_directory()
identity = pw.apple.Identity.from_pem(
    *((keys / name).read_bytes() for name in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem"))
)
card = pw.Template.load({str(MEMBERSHIP)!r}).issue("M-1", {{"fullName": "Jane"}})
assert pw.apple.PassBuilder(identity).build(card, at=datetime(2026, 5, 1, tzinfo=UTC))
print(*sorted(sys.modules))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", FIRST_PASS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import passwright; print(*sorted(set(sys.modules) - before))"
    )
    # Isolated, so that nothing but the interpreter itself was loaded before.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "passwright" in loaded
    assert not {"typing", "re", "enum", "dataclasses", "json", "datetime"} & loaded


@pytest.mark.parametrize(
    "module",
    [
        *("asyncio", "sqlite3", "concurrent.futures", "multiprocessing", "xml"),
        *("google.auth", "jwt", "requests", "rich", "typer", "PIL.ImageCms"),
        *(
            "passwright.google",
            "passwright.batch",
            "passwright.service",
            "passwright.cli",
            "passwright.signers",
        ),
        *("passwright.apple.verification.verifier", "passwright.apple.trust.chain"),
    ],
)
def test_a_first_pass_for_apple_does_without(loaded: set[str], module: str) -> None:
    assert module not in loaded
