"""The tiers of the suite: tests that use too much CPU are named, and so are the programs that tests need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import tiers
from tests.conftest import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parent.parent

SLOW = """
import subprocess, sys, time
import pytest

BURN = "import time\\nwhile time.process_time() < 0.2: pass"

@pytest.fixture(scope="module")
def shared():
    exec(BURN.replace("0.2", str(time.process_time() + 0.2)))
    yield
    exec(BURN.replace("0.2", str(time.process_time() + 0.2)))

def test_that_starts_a_process():
    subprocess.run([sys.executable, "-c", BURN], check=True)

@pytest.mark.ci
def test_that_is_marked():
    subprocess.run([sys.executable, "-c", BURN], check=True)

def test_that_shares(shared):
    pass
"""

CONFTEST = """
import tests.tiers
tests.tiers.LIMIT = 0.15
tests.tiers.EXCUSED = {excused!r}
pytest_plugins = ("tests.tiers",)
"""

MARKERS = "[pytest]\nmarkers =\n    ci: x\n    long: x\n    endurance: x\n"


def outcome(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *more: str, excused: Iterable[str] = ()
) -> tuple[int, str]:
    """The exit code and the output of a run over `SLOW` where CI is set."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini(MARKERS)
    pytester.makeconftest(CONFTEST.format(excused=dict.fromkeys(excused, "it has a reason")))
    pytester.makepyfile(test_slow=SLOW)
    result = pytester.runpytest_subprocess("--disable-plugin-autoload", *more)
    result.assert_outcomes(passed=3)
    return result.ret, result.stdout.str()


def test_an_unmarked_test_that_uses_too_much_cpu_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU of child processes counts, that of shared fixtures does not."""
    code, text = outcome(pytester, monkeypatch, "-p", "xdist", "-n", "1")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert re.findall(r"(\S+): mark it `ci`", text) == ["test_slow.py::test_that_starts_a_process"]


def test_an_excused_test_is_named_with_its_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = outcome(pytester, monkeypatch, excused=["test_slow.py::test_that_starts_a_process"])
    assert code == pytest.ExitCode.OK
    assert "test_that_starts_a_process: it has a reason" in text


def test_excused_tests_exist() -> None:
    for name in tiers.EXCUSED:
        path, _, function = name.partition("::")
        assert f"def {function.partition('[')[0]}(" in (ROOT / path).read_text("utf-8")


def test_every_program_of_others_is_installed_for_a_complete_run() -> None:
    packages = (ROOT / ".ci" / "run").read_text("utf-8").partition("foreign=(")[2].partition(")")[0]
    installed = re.findall(r"(\S+):[\w-]+", packages)
    assert set(installed) >= FOREIGN


def test_a_test_names_the_programs_that_it_runs() -> None:
    """A marker without names would skip a test for programs that it does not need."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        assert not re.search(r"pytest\.mark\.foreign(?!\()", path.read_text("utf-8")), path.name
