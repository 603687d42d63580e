"""The fixtures are there for everybody and cost nobody anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from passwright.testing import Authority, FakeGoogle, plugin

if TYPE_CHECKING:
    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass

USING = """
import passwright as pw
from passwright.testing import assert_bound, assert_valid_pkpass, assert_valid_save_link


def test_ours(apple_identity, bound_pass):
    verdict = assert_valid_pkpass(pw.apple.PassBuilder(apple_identity).build(bound_pass))
    assert_bound(verdict)


def test_link(google_issuer, unbound_pass):
    assert_valid_save_link(pw.google.PassBuilder(google_issuer).save_link(unbound_pass))


def test_unbound(apple_identity, unbound_pass):
    assert_bound(pw.apple.PassBuilder(apple_identity).build(unbound_pass))
"""


def test_the_plugin_fits_in_with_others_and_refusals_show_nothing_of_it(pytester: pytest.Pytester) -> None:
    """Warnings are errors, tests run in any order in another process, and fail in words of their own."""
    pytester.makepyfile(USING)
    result = pytester.runpytest_subprocess(
        "-W", "error", "-n", "1", "-p", "randomly", "-p", "no:schemathesis", "-p", "no:anyio"
    )
    result.assert_outcomes(passed=2, failed=1)
    failure = result.stdout.str().partition("test_unbound __")[2].partition("short test summary")[0]
    assert ">       assert_bound(pw.apple.PassBuilder(apple_identity).build(unbound_pass))" in failure
    assert "E       AssertionError: this pkpass is not bound to one person: 2 warnings" in failure
    assert "E       warning: pass.json#/sharingProhibited: a bound pass has to switch sharing off" in failure
    assert "assertions.py" not in failure


@pytest.mark.ci
def test_the_fixtures_say_what_they_are(pytester: pytest.Pytester) -> None:
    """As `pytest --fixtures` lists them."""
    said = pytester.runpytest_subprocess("--fixtures").stdout.str()
    for name in plugin.__all__:
        assert f"\n{name} " in said


def test_a_project_that_uses_nothing_of_it_loads_nothing_of_it() -> None:
    """Beside pytest itself the plugin imports four small modules of ours, and none of others."""
    script = (
        "import sys, typing, pytest; before = set(sys.modules); import passwright.testing.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    ours = ["passwright", "passwright.lazy", "passwright.testing", "passwright.testing.plugin"]
    assert done.stdout.strip() == str(ours)


def test_the_fixtures_belong_together(
    wallet_authority: Authority,
    apple_identity: Identity,
    google_issuer: Issuer,
    google_wallet: FakeGoogle,
    bound_pass: Pass,
) -> None:
    assert apple_identity is wallet_authority.identity(nfc=True)
    assert google_wallet.issuer.public_key == google_issuer.public_key
    assert google_wallet.issuer.issuer_id == google_issuer.issuer_id
    assert bound_pass.binding is not None


def test_the_make_believe_google_runs_while_the_test_does(
    google_wallet: FakeGoogle, google_issuer: Issuer, unbound_pass: Pass
) -> None:
    import passwright as pw

    link = pw.google.PassBuilder(google_issuer).save_link(unbound_pass)
    with google_wallet.client() as client:
        client.put_required(link)
    assert google_wallet.resources["loyaltyClass"]
