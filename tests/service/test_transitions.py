"""Every row of the table of transitions, carried out by the use cases on a store in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from passwright.binding import lifecycle
from passwright.binding.lifecycle import TRANSITIONS, Effect, EventKind, State
from passwright.errors import BindingError, PasswrightError, ServiceRefused
from passwright.service import passes, release
from passwright.service.rendering import BarcodeOptions, PassContent
from passwright.service.store.protocol import Page, PassFilter
from tests.service_context import AT, HELP, bound_pass, edited, membership, new_pass, opened, template_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredBinding, StoredTemplate

ORG = "org-1"
GOOD, BAD = {"ok": True}, {"ok": False}


@dataclass
class Card:
    """A bound pass on its way: where it is, and what a device would know of it."""

    context: ServiceContext
    template: StoredTemplate
    id: str
    opened: str = ""
    won: str = ""
    at: datetime = AT

    def stored(self) -> StoredBinding:
        with self.context.store.reading() as transaction:
            found = transaction.binding(self.id)
        assert found is not None
        return found

    def begin(self) -> None:
        self.opened = release.apple_begin(self.context, ORG, self.id, at=self.at).id

    def complete(self, attempt: str, payload: Mapping[str, Any] = GOOD) -> release.Ticket:
        return release.apple_complete(self.context, ORG, self.id, attempt, payload, at=self.at)

    def google(self) -> release.GoogleSaveLink:
        return release.google_save_link(self.context, ORG, self.id, at=self.at)

    def update(self, **change: Any) -> object:
        return passes.update(self.context, ORG, self.id, passes.PassChanges(**change), at=self.at)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceContext]:
    with opened(tmp_path_factory.mktemp("store") / "passes.db") as context:
        yield context


def brought_to(context: ServiceContext, state: State) -> Card:
    """A pass in this state; in both states of Apple's an attempt is open."""
    template = membership(context)
    card = Card(context, template, bound_pass(context, template).pass_.id)
    if state is State.GOOGLE_BOUND:
        card.google()
    if state in {State.APPLE_PENDING, State.APPLE_BOUND}:
        card.begin()
    if state is State.APPLE_BOUND:
        card.won = card.opened
        card.complete(card.won)
        card.at += timedelta(seconds=10)
        card.begin()
    if state is State.NULLIFIED:
        passes.nullify(context, ORG, card.id, at=AT)
    assert card.stored().status.state is state
    return card


def begin_without_nfc(card: Card) -> None:
    """A pass that lost its NFC by an edit of the template: an update would be refused at the end."""
    head, _, rest = template_files()["template.toml"].partition(b"[nfc]")
    edited(card.context, card.template, head + b"[[links]]" + rest.partition(b"[[links]]")[2])
    card.begin()


def late(card: Card) -> None:
    card.at += lifecycle.ATTEMPT_LIFE + timedelta(seconds=1)
    card.complete(card.opened)


def shown_with_code(card: Card) -> None:
    """The template gets a code; what is rendered of the bound pass has none."""
    edited(
        card.context,
        card.template,
        template_files()["template.toml"] + b'\n[barcode]\nmessage = "{serial}"\n',
    )
    drawn = passes.renderable_pass(card.context, passes.find(card.context, ORG, card.id))
    assert "@barcode" not in drawn.shape


def unbind(card: Card) -> None:
    """There is no call that unbinds; the nearest thing is an update with another binding."""
    card.update(binding=None)


def create(card: Card) -> None:
    bound_pass(card.context, card.template)


def create_with_code(card: Card) -> None:
    content = PassContent(values={"fullName": "Jane Smith"}, barcode=BarcodeOptions(type="qr"))
    bound_pass(card.context, card.template, content=content)


# What somebody does for each kind of event.
DEEDS: Mapping[EventKind, Callable[[Card], object]] = {
    EventKind.CREATE: create,
    EventKind.CREATE_WITH_BARCODE: create_with_code,
    EventKind.GOOGLE_DOWNLOAD: Card.google,
    EventKind.APPLE_BEGIN: Card.begin,
    EventKind.APPLE_BEGIN_WITHOUT_NFC: begin_without_nfc,
    EventKind.APPLE_SOURCE: lambda card: release.unbound_pass_file(card.context, ORG, card.id, at=card.at),
    EventKind.COMPLETE_UNKNOWN: lambda card: card.complete("never-opened"),
    EventKind.COMPLETE_EXPIRED: late,
    EventKind.COMPLETE_WRONG: lambda card: card.complete(card.opened, BAD),
    EventKind.COMPLETE_VALID: lambda card: card.complete(card.opened),
    EventKind.COMPLETE_AGAIN: lambda card: card.complete(card.won),
    EventKind.COMPLETE_USED: lambda card: card.complete(card.won, {"ok": True, "more": 1}),
    EventKind.UPDATE: lambda card: card.update(values={"tier": "Gold"}),
    EventKind.UPDATE_BINDING: lambda card: card.update(
        binding={"email": "jane@gmail.com", "learnMoreUrl": HELP}
    ),
    EventKind.ADD_BARCODE: lambda card: card.update(barcode=BarcodeOptions(enabled=True)),
    EventKind.TEMPLATE_ADDS_BARCODE: shown_with_code,
    EventKind.UNBIND: unbind,
    EventKind.NULLIFY: lambda card: passes.nullify(card.context, ORG, card.id, at=card.at),
}

ROWS = [
    pytest.param(state, kind, id=f"{state.value if state else 'none'}-{kind.value}")
    for state, kind in TRANSITIONS
]


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_each_row_of_the_table_through_the_use_cases(
    context: ServiceContext, state: State | None, kind: EventKind
) -> None:
    row = TRANSITIONS[state, kind]
    if state is None:
        check_without_binding(context, kind, row)
        return
    card = brought_to(context, state)
    was = card.stored()
    try:
        DEEDS[kind](card)
        refusal = None
    except (BindingError, ServiceRefused) as exc:
        refusal = exc.code
    now = card.stored()
    assert refusal == row.refusal
    assert now.status.state is row.state
    check_effects(was, now, row.effects)
    if refusal and Effect.BURN_ATTEMPT not in row.effects:
        assert now == was, "a refusal changes nothing but the attempt it burns"
    with card.context.store.reading() as transaction:
        versions = [event.version for event in transaction.events(card.id)]
    assert versions == sorted(versions)
    assert versions[-1] == now.status.version


def check_without_binding(context: ServiceContext, kind: EventKind, row: lifecycle.Transition) -> None:
    card = Card(context, membership(context), "")
    card.id = new_pass(context, card.template).pass_.id
    if row.refusal is None:
        DEEDS[kind](card)
        return
    before = passes.list_passes(context, ORG, PassFilter(), Page())[1]
    with pytest.raises(BindingError) as caught:
        DEEDS[kind](card)
    assert caught.value.code == row.refusal
    assert passes.find(context, ORG, card.id).binding is None
    assert passes.list_passes(context, ORG, PassFilter(), Page())[1] == before


def check_effects(was: StoredBinding, now: StoredBinding, effects: tuple[Effect, ...]) -> None:
    """What each effect leaves in the store."""
    gone = Effect.PURGE_EMAIL in effects or Effect.ERASE in effects
    assert now.address == (None if gone else was.address)
    assert (now.google_issued_at is not None) is (
        Effect.HASH_EMAIL in effects or (was.google_issued_at is not None and Effect.ERASE not in effects)
    )
    if Effect.OPEN_ATTEMPT in effects:
        assert now.status.open_attempt is not None
        assert now.status.open_attempt != was.status.open_attempt
        assert now.ceremony is not None
    if Effect.BURN_ATTEMPT in effects or Effect.ERASE in effects:
        assert now.status.open_attempt is None
        assert now.ceremony is None
    if Effect.STORE_CREDENTIAL in effects:
        assert now.credential is not None
        assert now.ceremony is None
    if Effect.ERASE in effects:
        assert replace(now, status=was.status) == replace(
            was, address=None, ceremony=None, credential=None, google_issued_at=None
        )


def test_a_deed_for_every_kind_of_event() -> None:
    assert DEEDS.keys() == set(EventKind)


def test_no_row_lets_anything_but_the_table_decide(
    context: ServiceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A use case that skipped `advance` would not notice that it says no."""

    def refused(*_: object, **__: object) -> lifecycle.Step:
        raise PasswrightError("asked")

    card = brought_to(context, State.CREATED)
    monkeypatch.setattr(lifecycle, "advance", refused)
    for kind in set(EventKind) - {EventKind.TEMPLATE_ADDS_BARCODE}:
        with pytest.raises(PasswrightError, match="asked"):
            DEEDS[kind](card)
