"""Somebody else is faster, between the reading and the writing of a step."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from passwright.binding.lifecycle import State
from passwright.errors import StoreUnavailable
from passwright.service import issuing, releasing
from passwright.service.rendering import Content
from passwright.service.steps import TRIES
from tests.issuing_desk import AT, HELP, bound_pass, desk_of, membership, new_pass, opened, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright.service.desk import Desk
    from passwright.service.store import StoredTemplate

ORG = "org-1"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("store") / "passes.db") as desk:
        yield desk


@pytest.fixture(scope="module")
def template(desk: Desk) -> StoredTemplate:
    return membership(desk)


class Meddled:
    """The store, with a deed of somebody else just before a transaction may write, so many times."""

    def __init__(self, store: Any, deed: Callable[[], object], times: int) -> None:
        self._store, self._deed, self.left = store, deed, times

    def reading(self) -> Any:
        return self._store.reading()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        if self.left:
            self.left -= 1
            self._deed()
        with self._store.writing() as transaction:
            yield transaction


def meddled(desk: Desk, deed: Callable[[], object], times: int = 1) -> Desk:
    return desk_of(Meddled(desk.store, deed, times), vault=desk.vault)  # type: ignore[arg-type]  # what a step asks of it is there


def state(desk: Desk, name: str) -> State:
    status = issuing.find(desk, ORG, name).binding
    assert status is not None
    return status.state


def test_bnd_01_a_link_that_is_signed_already_is_not_handed_out_when_apple_was_faster(
    desk: Desk, template: StoredTemplate
) -> None:
    name = bound_pass(desk, template).pass_.id
    slow = meddled(desk, lambda: releasing.apple_begin(desk, ORG, name, at=AT))
    with refused("platform_locked"):
        releasing.google_link(slow, ORG, name, at=AT)
    assert state(desk, name) is State.APPLE_PENDING


def test_bnd_01_a_ceremony_that_is_offered_already_is_not_begun_when_google_was_faster(
    desk: Desk, template: StoredTemplate
) -> None:
    name = bound_pass(desk, template).pass_.id
    slow = meddled(desk, lambda: releasing.google_link(desk, ORG, name, at=AT))
    with refused("platform_locked"):
        releasing.apple_begin(slow, ORG, name, at=AT)
    assert state(desk, name) is State.GOOGLE_BOUND
    assert issuing.find(desk, ORG, name).mask is not None, "nothing was purged for the loser"


def test_bnd_09_a_good_proof_counts_for_nothing_once_a_later_attempt_was_begun(
    desk: Desk, template: StoredTemplate
) -> None:
    name = bound_pass(desk, template).pass_.id
    attempt = releasing.apple_begin(desk, ORG, name, at=AT)
    slow = meddled(desk, lambda: releasing.apple_begin(desk, ORG, name, at=AT))
    with refused("attempt_not_found"):
        releasing.apple_complete(slow, ORG, name, attempt.id, {"ok": True}, at=AT)
    assert state(desk, name) is State.APPLE_PENDING


def test_a_passkey_that_another_pass_got_meanwhile_is_no_proof(desk: Desk, template: StoredTemplate) -> None:
    names = [bound_pass(desk, template).pass_.id for _ in range(2)]
    attempts = [releasing.apple_begin(desk, ORG, name, at=AT).id for name in names]
    payload = {"ok": True, "credential": f"one-{names[0]}"}

    def complete(which: Desk, number: int) -> object:
        return releasing.apple_complete(which, ORG, names[number], attempts[number], payload, at=AT)

    with refused("proof_invalid"):
        complete(meddled(desk, lambda: complete(desk, 0)), 1)
    assert [state(desk, name) for name in names] == [State.APPLE_BOUND, State.APPLE_PENDING]


@pytest.mark.parametrize("deed", ["google", "begin", "complete", "plain", "update"])
def test_bnd_15_a_pass_that_is_nullified_meanwhile_is_handed_out_to_nobody(
    desk: Desk, template: StoredTemplate, deed: str
) -> None:
    name = bound_pass(desk, template).pass_.id
    attempt = releasing.apple_begin(desk, ORG, name, at=AT).id if deed in ("complete", "plain") else ""
    slow = meddled(desk, lambda: issuing.nullify(desk, ORG, name, at=AT))
    deeds: dict[str, Callable[[], object]] = {
        "google": lambda: releasing.google_link(slow, ORG, name, at=AT),
        "begin": lambda: releasing.apple_begin(slow, ORG, name, at=AT),
        "complete": lambda: releasing.apple_complete(slow, ORG, name, attempt, {"ok": True}, at=AT),
        "plain": lambda: releasing.plain_file(slow, ORG, name, at=AT),
        "update": lambda: issuing.update(slow, ORG, name, issuing.Change(values={"tier": "Gold"}), at=AT),
    }
    with refused("pass_nullified"):
        deeds[deed]()
    assert state(desk, name) is State.NULLIFIED


def test_a_refusal_is_asked_again_when_its_reason_is_gone(desk: Desk, template: StoredTemplate) -> None:
    """The link is refused for a pass in Apple's hands; who reads again meets its end, and says that."""
    name = bound_pass(desk, template).pass_.id
    releasing.apple_begin(desk, ORG, name, at=AT)
    slow = meddled(desk, lambda: issuing.nullify(desk, ORG, name, at=AT))
    with refused("pass_nullified"):
        releasing.google_link(slow, ORG, name, at=AT)


def test_two_updates_at_once_are_both_there(desk: Desk, template: StoredTemplate) -> None:
    name = new_pass(desk, template).pass_.id
    slow = meddled(desk, lambda: issuing.update(desk, ORG, name, issuing.Change(values={"points": 7}), at=AT))
    issuing.update(slow, ORG, name, issuing.Change(values={"tier": "Gold"}), at=AT)
    content = Content.from_json(issuing.find(desk, ORG, name).pass_.content)
    assert content.values == {"fullName": "Jane Smith", "points": 7, "tier": "Gold"}


def test_an_external_id_that_is_taken_meanwhile_is_taken(desk: Desk, template: StoredTemplate) -> None:
    slow = meddled(desk, lambda: new_pass(desk, template, ext_id="meanwhile"))
    with refused("ext_id_taken"):
        new_pass(slow, template, ext_id="meanwhile")


def test_api_03_the_same_request_at_once_is_carried_out_once(desk: Desk, template: StoredTemplate) -> None:
    once = issuing.Once(key_hash=b"m" * 32, fingerprint=b"f" * 32, render=lambda made: {"id": made.pass_.id})
    wish = issuing.Wish(
        template=template.id,
        content=Content(values={"fullName": "Jane"}),
        binding={"email": "jane@gmail.com", "learnMoreUrl": HELP},
    )
    first: list[Any] = []

    def act(which: Desk) -> Any:
        return issuing.create(which, ORG, wish, at=AT, once=once)

    replay = act(meddled(desk, lambda: first.append(act(desk))))
    assert replay == issuing.Replay({"id": first[0].pass_.id}, "j***@gmail.com")
    name, change = first[0].pass_.id, issuing.Change(values={"tier": "Gold"})
    other = issuing.Once(key_hash=b"n" * 32, fingerprint=b"f" * 32, render=once.render)

    def improve(which: Desk) -> Any:
        return issuing.update(which, ORG, name, change, at=AT, once=other)

    assert isinstance(improve(meddled(desk, lambda: improve(desk))), issuing.Replay)
    assert issuing.find(desk, ORG, name).pass_.version == 2


@pytest.mark.parametrize("deed", ["google", "begin", "plain", "update"])
def test_who_is_overtaken_again_and_again_gives_up_in_the_end(
    desk: Desk, template: StoredTemplate, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-03: a step that never comes to an end would hold its client for ever."""
    monkeypatch.setattr(releasing, "BEGINS_AN_HOUR", 100)
    name = bound_pass(desk, template).pass_.id
    releasing.apple_begin(desk, ORG, name, at=AT)

    def meddle() -> object:
        if deed == "update":
            return issuing.update(desk, ORG, name, issuing.Change(values={"points": 1}), at=AT)
        return releasing.apple_begin(desk, ORG, name, at=AT)

    slow = meddled(desk, meddle, times=TRIES)
    deeds: dict[str, Callable[[], object]] = {
        "google": lambda: releasing.google_link(slow, ORG, name, at=AT),
        "begin": lambda: releasing.apple_begin(slow, ORG, name, at=AT),
        "plain": lambda: releasing.plain_file(slow, ORG, name, at=AT),
        "update": lambda: issuing.update(slow, ORG, name, issuing.Change(values={"tier": "T"}), at=AT),
    }
    with pytest.raises(StoreUnavailable, match="others keep changing this pass"):
        deeds[deed]()
