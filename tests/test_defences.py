"""Each defence that is listed is there, and its test fails without it."""

from __future__ import annotations

import pytest

from tests import remove_defences
from tests.remove_defences import ROOT, Defence, defences


def test_every_listed_defence_and_its_test_are_there() -> None:
    """A defence that moved has to be listed anew: what is not found is never taken away."""
    assert {each.what: why for each in defences() if (why := each.stale(ROOT))} == {}
    assert len(defences()) >= 40
    assert len({each.what for each in defences()}) == len(defences())


def test_a_draw_depends_on_its_seed_alone() -> None:
    assert remove_defences.drawn(3, 20) == remove_defences.drawn(3, 20) != remove_defences.drawn(4, 20)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": "no such text"}, "0 times"),
        ({"file": "src/gone.py"}, "is gone"),
        ({"test": "tests/test_defences.py::test_of_nothing"}, "no test"),
    ],
)
def test_an_entry_that_fits_no_longer_is_told(change: dict[str, str], said: str) -> None:
    entry = {
        "what": "an entry",
        "file": "src/passwright/__init__.py",
        "text": "from __future__",
        "instead": "",
        "test": "tests/test_defences.py::test_a_draw_depends_on_its_seed_alone",
    }
    assert said in (Defence(**{**entry, **change}).stale(ROOT) or "")


@pytest.mark.long
def test_defences_that_are_taken_away_are_missed(capsys: pytest.CaptureFixture[str]) -> None:
    """`python tests/remove_defences.py` takes more of them away."""
    code = remove_defences.main(["--seed", "20261126", "--draw", "8"])
    assert code == 0, capsys.readouterr().out
