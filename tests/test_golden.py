"""Outputs that programs read stay as they were recorded, whatever is renamed inside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden_outputs import RECORD, contains, normalise, outputs

MADE = outputs()
RECORDED: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))


def test_every_output_is_recorded() -> None:
    assert RECORDED.keys() == MADE.keys()
    assert len(MADE) == 44


@pytest.mark.parametrize("name", sorted(set(MADE) - {"api"}))
def test_an_output_equals_its_record(name: str) -> None:
    made = json.loads(json.dumps(MADE[name]()))
    assert normalise(made) == normalise(RECORDED[name])


@pytest.mark.ci  # starts the example service
def test_an_answer_of_the_api_holds_what_was_recorded() -> None:
    """Members may be added to an answer; none changes or goes."""
    made = json.loads(json.dumps(MADE["api"]()))
    assert contains(normalise(made), normalise(RECORDED["api"]))
