"""Plugin of pytest for the tiers of the suite: their markers, and the CPU that an unmarked test may use."""

from __future__ import annotations

import os
import resource
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator

# Tests without one of these markers are the quick tier: `make test`.
TIERS = ("ci", "long", "endurance")
# CPU seconds of an unmarked test, its child processes included, without a tracer.
LIMIT = 2.0
# Unmarked tests that may use more, each with the reason.
EXCUSED = {
    "tests/http/test_openapi.py::test_api_07_requests_made_from_the_description_are_answered_as_it_says": (
        "schemathesis takes 1.5 s to read the description before the first request"
    ),
}

# How long an example takes depends on the machine more than on the code. The quick tier tries few examples;
# `make coverage` and `make check-long` select the other profile.
for _profile, _number in (("quick", 20), ("thorough", 100)):
    settings.register_profile(
        _profile,
        settings(max_examples=_number, deadline=None, suppress_health_check=[HealthCheck.too_slow]),
    )
settings.load_profile("quick")


def examples(number: int, **more: Any) -> settings:
    """Settings of Hypothesis with `number` examples in the thorough profile and a fifth in the quick one.

    The command line selects the profile before test modules are imported.
    """
    thorough = settings.default is not None and settings.default.max_examples >= 100
    return settings(max_examples=number if thorough else max(number // 5, 10), **more)


def tier(item: pytest.Item) -> str:
    """The tier of a test: "quick" without a marker."""
    found = [name for name in TIERS if item.get_closest_marker(name)]
    if len(found) > 1:
        raise pytest.UsageError(f"{item.nodeid} is marked {' and '.join(found)}: choose one tier")
    return found[0] if found else "quick"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses a test with the markers of two tiers."""
    for item in items:
        tier(item)


# --- CPU seconds of each test ---


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


class Stopwatch:
    """CPU seconds of the current test, without those of fixtures that other tests share."""

    def __init__(self) -> None:
        self.shared = 0.0
        self.began = 0.0

    def start(self) -> None:
        self.shared, self.began = 0.0, cpu_seconds()

    def read(self) -> float:
        return cpu_seconds() - self.began - self.shared


_watch = Stopwatch()
_finishing: dict[object, tuple[float, float]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """Charges no test for a fixture that other tests share, neither its setup nor its teardown."""
    if fixturedef.scope == "function":
        return (yield)
    began, shared = cpu_seconds(), _watch.shared
    try:
        return (yield)
    finally:
        # A shared fixture may have made others: they are part of the difference.
        _watch.shared = shared + cpu_seconds() - began
        fixturedef.addfinalizer(partial(_begin_teardown, fixturedef))


def _begin_teardown(fixturedef: pytest.FixtureDef[Any]) -> None:
    _finishing[fixturedef] = cpu_seconds(), _watch.shared


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Ends the teardown of a shared fixture."""
    if begun := _finishing.pop(fixturedef, None):
        _watch.shared = begun[1] + cpu_seconds() - begun[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Starts the stopwatch of a test."""
    _watch.start()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the CPU seconds of an unmarked test to its last report, which reaches the main process."""
    report = yield
    if call.when == "teardown" and not _is_traced() and tier(item) == "quick":
        report.user_properties.append(("cpu seconds", _watch.read()))
    return report


def _is_traced() -> bool:
    """Whether coverage is measured: a tracer makes Python two to four times slower."""
    from coverage import Coverage

    return Coverage.current() is not None


class SlowTests:
    """The unmarked tests that used too much CPU, whichever process they ran in."""

    def __init__(self) -> None:
        self.used: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects what the worker processes measured."""
        if report.when == "teardown":
            used = dict(report.user_properties).get("cpu seconds", 0.0)
            if isinstance(used, float) and used > LIMIT:
                self.used[report.nodeid] = used

    def unexcused(self) -> list[str]:
        """Returns the tests above the limit that have no reason."""
        return sorted(self.used.keys() - EXCUSED.keys())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fails the run where CI is set."""
        if self.unexcused() and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Names the tests, the most expensive first."""
        if not self.used:
            return
        terminalreporter.section(f"unmarked tests that used more than {LIMIT:g} s of CPU")
        for test, used in sorted(self.used.items(), key=lambda pair: -pair[1]):
            reason = EXCUSED.get(test, "mark it `ci` and leave a smaller sibling, or make it cheaper")
            terminalreporter.line(f"{used:5.1f} s  {test}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Watches the tests in the process that reports."""
    config.pluginmanager.register(SlowTests())
