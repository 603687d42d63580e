"""A pass leaves for one wallet: links, ceremonies, files, and who is too late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from passwright import apple
from passwright.errors import IllegalTransition, ServiceRefused
from passwright.service import passes, release
from tests.service_context import AT, EXAMPLE, binding_of, bound_pass, membership, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.service.context import ServiceContext

ORG = "org-1"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServiceContext]:
    with opened(tmp_path / "passes.db") as context:
        yield context


def test_the_google_road_gives_the_same_link_again(context: ServiceContext) -> None:
    card = bound_pass(context, membership(context))
    first = release.google_save_link(context, ORG, card.pass_.id, at=AT)
    again = release.google_save_link(context, ORG, card.pass_.id, at=AT + timedelta(days=2))
    assert again == first
    assert first.form == "object"
    assert list(first.requires) == ["loyaltyClass"]
    shown = passes.find(context, ORG, card.pass_.id)
    assert binding_of(shown) == {
        "platform": "google",
        "bound": True,
        "bindingEmail": "j***@gmail.com",
        "learnMoreUrl": "https://support.example.com/pass-help",
    }
    with pytest.raises(IllegalTransition) as caught:
        release.apple_begin(context, ORG, card.pass_.id, at=AT)
    assert caught.value.code == "platform_locked"


def test_the_apple_road_ends_in_a_file_that_verifies(context: ServiceContext) -> None:
    card = bound_pass(context, membership(context))
    attempt = release.apple_begin(context, ORG, card.pass_.id, at=AT)
    shown = passes.find(context, ORG, card.pass_.id)
    binding = binding_of(shown)
    assert binding is not None
    assert binding["platform"] == "apple"
    assert binding["bound"] is False
    assert binding["bindingEmail"] is None
    ticket = release.apple_complete(context, ORG, card.pass_.id, attempt.id, {"ok": True}, at=AT)
    file = release.redeem_ticket(context, ticket.token, at=AT)
    trust = apple.Trust.of((EXAMPLE / "root.pem").read_bytes())
    verdict = apple.verify(file.data, trust=trust, at=AT)
    assert verdict.ok, str(verdict.report)
    with pytest.raises(ServiceRefused) as caught:
        release.redeem_ticket(context, ticket.token, at=AT)
    assert caught.value.code == "download_expired"
    with pytest.raises(IllegalTransition) as locked:
        release.google_save_link(context, ORG, card.pass_.id, at=AT)
    assert locked.value.code == "platform_locked"
