"""Every known threat has a test with its id in the name that each change has to pass, or a reason why not."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
LISTED = tomllib.loads((HERE / "threat_ids.toml").read_text("utf-8"))
IDS, LEFT_OUT = frozenset(LISTED["ids"]), LISTED["left_out"]
# Only names of these families are ids: test_utf_16_... is about something else.
FAMILIES = "|".join(sorted({each[:3].lower() for each in IDS}))


def ids_in(name: str) -> set[str]:
    """The ids in the name of a test; `url_01_02` is two of them."""
    found = re.findall(rf"(?<![a-z0-9])({FAMILIES})((?:_[0-9]{{2}})+)(?![a-z0-9])", name)
    return {f"{family.upper()}-{number}" for family, numbers in found for number in numbers.split("_")[1:]}


@cache
def by_id() -> dict[str, str]:
    """Each id in the name of a test that `make test` or `make coverage` runs, and one such name."""
    found: dict[str, str] = {}
    for path in sorted(HERE.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if re.search(r"^pytestmark = .*mark\.(long|endurance)", text, re.MULTILINE):
            continue
        for marks, name in re.findall(
            r"^((?:@.*\n(?:[ )].*\n)*)*)(?:async )?def (test_\w+)", text, re.MULTILINE
        ):
            if not re.search(r"^@.*mark\.(long|endurance)$", marks, re.MULTILINE):
                found |= dict.fromkeys(ids_in(name), name)
    return found


def test_every_threat_has_a_test_or_a_reason() -> None:
    assert sorted(IDS - by_id().keys() - LEFT_OUT.keys()) == []


def test_no_reason_has_become_stale() -> None:
    """A threat that got its test, or that nobody knows any more, needs no reason."""
    assert {each: by_id().get(each) for each in LEFT_OUT if each in by_id() or each not in IDS} == {}
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


def test_no_test_names_a_threat_that_nobody_knows() -> None:
    assert {each: name for each, name in by_id().items() if each not in IDS} == {}


def test_an_id_is_found_wherever_it_stands_in_a_name() -> None:
    assert ids_in("test_bnd_09_bnd_13_every_row") == {"BND-09", "BND-13"}
    assert ids_in("test_eml_05_gone_and_eml_08_too") == {"EML-05", "EML-08"}
    assert ids_in("test_url_01_02_is_https") == {"URL-01", "URL-02"}
    assert ids_in("test_utf_16_is_refused") == ids_in("test_key_1000_times") == set()
