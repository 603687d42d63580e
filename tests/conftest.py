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
from PIL import Image

from passwright import Binding, Field, Template
from passwright.examples.authority import Authority
from passwright.examples.certificates import new_key
from passwright.google.issuer import Issuer
from passwright.model.kinds import KINDS
from passwright.model.parts import Images, Nfc
from passwright.signing import KeySigner

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from passwright.apple.identity import Identity

pytest_plugins = ("passwright.testing.plugin", "pytester", "tests.tiers")

# When all passes of the tests are signed.
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUER_ID = "3388000000012345678"
ACCOUNT = "wallet@example-project.iam.gserviceaccount.com"
TEMPLATES = Path(__file__).parent.parent / "fixtures" / "templates"
MEMBERSHIP = TEMPLATES / "membership"
READER_KEY = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8="
BINDING = Binding(email="jane.doe@example.com", learn_more_url="https://help.example.com/pass")
# Programs of others that tests run; `.ci/run` installs all of them.
FOREIGN = {
    *("7zz", "bsdtar", "cc", "chromedriver", "chromium", "curl", "node", "npm"),
    *("openssl", "softhsm2-util", "unshare", "unzip", "zip"),
}


def pytest_configure() -> None:
    """Commands are to be stopped like everywhere: what a shell starts in the background ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test that needs a program which this machine lacks, but never where CI is set."""
    _started.clear()
    missing = sorted(program for program in needed(item) if shutil.which(program) is None)
    if missing:
        skip_unless_ci(f"needs {', '.join(missing)}")


def needed(item: pytest.Item) -> set[str]:
    """The programs of others that a test says it needs."""
    programs = {program for marker in item.iter_markers("foreign") for program in marker.args or ("nothing",)}
    if unknown := programs - FOREIGN:
        raise pytest.UsageError(
            f"{item.nodeid} needs {', '.join(sorted(unknown))}: add to FOREIGN and .ci/run"
        )
    return programs


_started: set[str] = set()


def _note_program(event: str, args: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        words = args[1]
        first = words[0] if isinstance(words, list | tuple) else args[0]
        _started.add(Path(os.fsdecode(first)).name if isinstance(first, str | bytes | os.PathLike) else "")


sys.addaudithook(_note_program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that runs a program of others has to name it, or it fails where the program is missing."""
    yield
    if unnamed := (_started & FOREIGN) - needed(item):
        pytest.fail(f"mark it foreign({', '.join(map(repr, sorted(unnamed)))}): it runs them", pytrace=False)


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
