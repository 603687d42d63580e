"""Somebody else is faster, between the reading and the writing of a step."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from passwright.binding.lifecycle import State
from passwright.errors import StoreUnavailable
from passwright.service import passes, release
from passwright.service.rendering import PassContent
from passwright.service.transitions import TRIES
from tests.service_context import AT, HELP, bound_pass, desk_of, membership, new_pass, opened, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredTemplate

ORG = "org-1"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceContext]:
    with opened(tmp_path_factory.mktemp("store") / "passes.db") as context:
        yield context


@pytest.fixture(scope="module")
def template(context: ServiceContext) -> StoredTemplate:
    return membership(context)


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


def meddled(context: ServiceContext, deed: Callable[[], object], times: int = 1) -> ServiceContext:
    return desk_of(Meddled(context.store, deed, times), vault=context.vault)  # type: ignore[arg-type]  # what a step asks of it is there


def state(context: ServiceContext, name: str) -> State:
    status = passes.find(context, ORG, name).binding
    assert status is not None
    return status.state


def test_bnd_01_a_link_that_is_signed_already_is_not_handed_out_when_apple_was_faster(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    slow = meddled(context, lambda: release.apple_begin(context, ORG, name, at=AT))
    with refused("platform_locked"):
        release.google_save_link(slow, ORG, name, at=AT)
    assert state(context, name) is State.APPLE_PENDING


def test_bnd_01_a_ceremony_that_is_offered_already_is_not_begun_when_google_was_faster(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    slow = meddled(context, lambda: release.google_save_link(context, ORG, name, at=AT))
    with refused("platform_locked"):
        release.apple_begin(slow, ORG, name, at=AT)
    assert state(context, name) is State.GOOGLE_BOUND
    assert passes.find(context, ORG, name).mask is not None, "nothing was purged for the loser"


def test_bnd_09_a_good_proof_counts_for_nothing_once_a_later_attempt_was_begun(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    attempt = release.apple_begin(context, ORG, name, at=AT)
    slow = meddled(context, lambda: release.apple_begin(context, ORG, name, at=AT))
    with refused("attempt_not_found"):
        release.apple_complete(slow, ORG, name, attempt.id, {"ok": True}, at=AT)
    assert state(context, name) is State.APPLE_PENDING


def test_a_passkey_that_another_pass_got_meanwhile_is_no_proof(
    context: ServiceContext, template: StoredTemplate
) -> None:
    names = [bound_pass(context, template).pass_.id for _ in range(2)]
    attempts = [release.apple_begin(context, ORG, name, at=AT).id for name in names]
    payload = {"ok": True, "credential": f"one-{names[0]}"}

    def complete(which: ServiceContext, number: int) -> object:
        return release.apple_complete(which, ORG, names[number], attempts[number], payload, at=AT)

    with refused("proof_invalid"):
        complete(meddled(context, lambda: complete(context, 0)), 1)
    assert [state(context, name) for name in names] == [State.APPLE_BOUND, State.APPLE_PENDING]


@pytest.mark.parametrize("deed", ["google", "begin", "complete", "plain", "update"])
def test_bnd_15_a_pass_that_is_nullified_meanwhile_is_handed_out_to_nobody(
    context: ServiceContext, template: StoredTemplate, deed: str
) -> None:
    name = bound_pass(context, template).pass_.id
    attempt = release.apple_begin(context, ORG, name, at=AT).id if deed in ("complete", "plain") else ""
    slow = meddled(context, lambda: passes.nullify(context, ORG, name, at=AT))
    deeds: dict[str, Callable[[], object]] = {
        "google": lambda: release.google_save_link(slow, ORG, name, at=AT),
        "begin": lambda: release.apple_begin(slow, ORG, name, at=AT),
        "complete": lambda: release.apple_complete(slow, ORG, name, attempt, {"ok": True}, at=AT),
        "plain": lambda: release.unbound_pass_file(slow, ORG, name, at=AT),
        "update": lambda: passes.update(slow, ORG, name, passes.PassChanges(values={"tier": "Gold"}), at=AT),
    }
    with refused("pass_nullified"):
        deeds[deed]()
    assert state(context, name) is State.NULLIFIED


def test_a_refusal_is_asked_again_when_its_reason_is_gone(
    context: ServiceContext, template: StoredTemplate
) -> None:
    """The link is refused for a pass in Apple's hands; who reads again meets its end, and says that."""
    name = bound_pass(context, template).pass_.id
    release.apple_begin(context, ORG, name, at=AT)
    slow = meddled(context, lambda: passes.nullify(context, ORG, name, at=AT))
    with refused("pass_nullified"):
        release.google_save_link(slow, ORG, name, at=AT)


def test_two_updates_at_once_are_both_there(context: ServiceContext, template: StoredTemplate) -> None:
    name = new_pass(context, template).pass_.id
    slow = meddled(
        context, lambda: passes.update(context, ORG, name, passes.PassChanges(values={"points": 7}), at=AT)
    )
    passes.update(slow, ORG, name, passes.PassChanges(values={"tier": "Gold"}), at=AT)
    content = PassContent.from_json(passes.find(context, ORG, name).pass_.content)
    assert content.values == {"fullName": "Jane Smith", "points": 7, "tier": "Gold"}


def test_an_external_id_that_is_taken_meanwhile_is_taken(
    context: ServiceContext, template: StoredTemplate
) -> None:
    slow = meddled(context, lambda: new_pass(context, template, ext_id="meanwhile"))
    with refused("ext_id_taken"):
        new_pass(slow, template, ext_id="meanwhile")


def test_api_03_the_same_request_at_once_is_carried_out_once(
    context: ServiceContext, template: StoredTemplate
) -> None:
    once = passes.IdempotencyKey(
        key_hash=b"m" * 32, fingerprint=b"f" * 32, render=lambda made: {"id": made.pass_.id}
    )
    wish = passes.PassRequest(
        template=template.id,
        content=PassContent(values={"fullName": "Jane"}),
        binding={"email": "jane@gmail.com", "learnMoreUrl": HELP},
    )
    first: list[Any] = []

    def act(which: ServiceContext) -> Any:
        return passes.create(which, ORG, wish, at=AT, once=once)

    replay = act(meddled(context, lambda: first.append(act(context))))
    assert replay == passes.ReplayedResponse({"id": first[0].pass_.id}, "j***@gmail.com")
    name, change = first[0].pass_.id, passes.PassChanges(values={"tier": "Gold"})
    other = passes.IdempotencyKey(key_hash=b"n" * 32, fingerprint=b"f" * 32, render=once.render)

    def improve(which: ServiceContext) -> Any:
        return passes.update(which, ORG, name, change, at=AT, once=other)

    assert isinstance(improve(meddled(context, lambda: improve(context))), passes.ReplayedResponse)
    assert passes.find(context, ORG, name).pass_.version == 2


@pytest.mark.parametrize("deed", ["google", "begin", "plain", "update"])
def test_who_is_overtaken_again_and_again_gives_up_in_the_end(
    context: ServiceContext, template: StoredTemplate, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-03: a step that never comes to an end would hold its client for ever."""
    monkeypatch.setattr(release, "BEGINS_AN_HOUR", 100)
    name = bound_pass(context, template).pass_.id
    release.apple_begin(context, ORG, name, at=AT)

    def meddle() -> object:
        if deed == "update":
            return passes.update(context, ORG, name, passes.PassChanges(values={"points": 1}), at=AT)
        return release.apple_begin(context, ORG, name, at=AT)

    slow = meddled(context, meddle, times=TRIES)
    deeds: dict[str, Callable[[], object]] = {
        "google": lambda: release.google_save_link(slow, ORG, name, at=AT),
        "begin": lambda: release.apple_begin(slow, ORG, name, at=AT),
        "plain": lambda: release.unbound_pass_file(slow, ORG, name, at=AT),
        "update": lambda: passes.update(slow, ORG, name, passes.PassChanges(values={"tier": "T"}), at=AT),
    }
    with pytest.raises(StoreUnavailable, match="others keep changing this pass"):
        deeds[deed]()
