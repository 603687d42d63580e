"""What several rooms are tested with: an authority, an issuer, the membership template, a tiny one."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from passwright import Binding, Field, Template
from passwright.google.issuer import Issuer
from passwright.model.kinds import KINDS
from passwright.model.template import Images, Nfc
from passwright.signing import KeySigner
from passwright.testing.authority import Authority
from passwright.testing.certificates import new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.apple.identity import Identity

pytest_plugins = ("passwright.testing.plugin", "pytester")

# How long an example takes says more about the machine than about the code.
settings.register_profile("passwright", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("passwright")

# When all passes of the tests are signed.
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUER_ID = "3388000000012345678"
ACCOUNT = "wallet@example-project.iam.gserviceaccount.com"
TEMPLATES = Path(__file__).parent.parent / "fixtures" / "templates"
MEMBERSHIP = TEMPLATES / "membership"
READER_KEY = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8="
BINDING = Binding(email="jane.doe@example.com", learn_more_url="https://help.example.com/pass")
FOREIGN = ("cc", "softhsm2-util", "openssl", "unzip", "zip", "bsdtar", "7zz", "node", "npm")


def pytest_configure() -> None:
    """Commands are to be stopped like everywhere: what a shell starts in the background ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs programs of others is skipped where one is missing, but never where CI is set.

    `foreign` means all of `FOREIGN`, with arguments those programs alone.
    """
    if (marker := item.get_closest_marker("foreign")) is None or os.environ.get("CI"):
        return
    missing = [program for program in marker.args or FOREIGN if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs a program of others: {', '.join(missing)}")


def skip_unless_ci(missing: str) -> NoReturn:
    """This machine lacks something a test needs: a reason to skip it, but never where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes what a test measured, to be shown at the end of the run."""
    return partial(record_property, "figure")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests recorded as `figure`, whichever process they ran in."""
    reports = terminalreporter.stats.get("passed", ())
    figures = [value for report in reports for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.line(str(figure))


def png(width: int, height: int, colour: tuple[int, ...] = (60, 65, 76)) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB" if len(colour) == 3 else "RGBA", (width, height), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(now=AT)


@pytest.fixture(scope="session")
def identity(authority: Authority) -> Identity:
    """A pass certificate that may sign passes with NFC."""
    return authority.identity(nfc=True)


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer(issuer_id=ISSUER_ID, email=ACCOUNT, signer=KeySigner(new_key()), restrictions_enabled=True)


@pytest.fixture(scope="session")
def club() -> Template:
    """The membership template: two languages, pictures, NFC."""
    return Template.load(MEMBERSHIP)


@pytest.fixture(scope="session")
def tiny() -> Template:
    """The smallest template that both wallets take."""
    return Template(
        kind=KINDS["loyalty"],
        id="tiny",
        organisation="Tiny",
        name="Tiny",
        description="A tiny card",
        images=Images(
            files={name: png(1, 1) for name in ("icon.png", "icon@2x.png", "icon@3x.png")},
            url="https://cdn.example.com/",
        ),
        fields={"points": Field(slot="header", label="Points", type="integer", means="points", default=0)},
        nfc=Nfc(apple_key=READER_KEY, google_issuers=("1",)),
    )


@pytest.fixture(scope="session")
def passkit() -> Path:
    """A folder with passkit-generator, installed once per lock file and outside of git."""
    here = Path(__file__).parent / "node"
    lock = (here / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "node" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "done").exists():
        making = folder.with_name(f"{folder.name}.{os.getpid()}")
        making.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, making)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=making,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            shutil.rmtree(making)
            skip_unless_ci(f"npm can't install what others made, is its registry there? {done.stderr[-500:]}")
        (making / "done").touch()
        try:
            making.rename(folder)
        except OSError:  # another worker was faster
            shutil.rmtree(making)
    return folder
