"""A pass leaves for one wallet: links, ceremonies, files, and who is too late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from passwright import apple
from passwright.errors import IllegalTransition, ServiceRefused
from passwright.service import issuing, releasing
from tests.issuing_desk import AT, EXAMPLE, binding_of, bound_pass, membership, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.service.desk import Desk

ORG = "org-1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path / "passes.db") as desk:
        yield desk


def test_the_google_road_gives_the_same_link_again(desk: Desk) -> None:
    card = bound_pass(desk, membership(desk))
    first = releasing.google_link(desk, ORG, card.pass_.id, at=AT)
    again = releasing.google_link(desk, ORG, card.pass_.id, at=AT + timedelta(days=2))
    assert again == first
    assert first.form == "object"
    assert list(first.requires) == ["loyaltyClass"]
    shown = issuing.find(desk, ORG, card.pass_.id)
    assert binding_of(shown) == {
        "platform": "google",
        "bound": True,
        "bindingEmail": "j***@gmail.com",
        "learnMoreUrl": "https://support.example.com/pass-help",
    }
    with pytest.raises(IllegalTransition) as caught:
        releasing.apple_begin(desk, ORG, card.pass_.id, at=AT)
    assert caught.value.code == "platform_locked"


def test_the_apple_road_ends_in_a_file_that_verifies(desk: Desk) -> None:
    card = bound_pass(desk, membership(desk))
    attempt = releasing.apple_begin(desk, ORG, card.pass_.id, at=AT)
    shown = issuing.find(desk, ORG, card.pass_.id)
    binding = binding_of(shown)
    assert binding is not None
    assert binding["platform"] == "apple"
    assert binding["bound"] is False
    assert binding["bindingEmail"] is None
    ticket = releasing.apple_complete(desk, ORG, card.pass_.id, attempt.id, {"ok": True}, at=AT)
    file = releasing.apple_file(desk, ticket.token, at=AT)
    trust = apple.Trust.of((EXAMPLE / "root.pem").read_bytes())
    verdict = apple.verify(file.data, trust=trust, at=AT)
    assert verdict.ok, str(verdict.report)
    with pytest.raises(ServiceRefused) as caught:
        releasing.apple_file(desk, ticket.token, at=AT)
    assert caught.value.code == "download_expired"
    with pytest.raises(IllegalTransition) as locked:
        releasing.google_link(desk, ORG, card.pass_.id, at=AT)
    assert locked.value.code == "platform_locked"
