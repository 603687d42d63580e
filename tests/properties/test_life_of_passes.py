"""Passes live as `lifecycle.advance` says, whatever happens in whatever order."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from passwright.binding import Binding, lifecycle
from passwright.binding.lifecycle import ATTEMPT_LIFE, State, Status
from passwright.errors import BindingError, ServiceRefused
from passwright.service import passes as service_passes
from passwright.service import release
from passwright.service.proofs.protocol import payload_digest
from passwright.service.rendering import BarcodeOptions
from passwright.service.store.protocol import Organisation, Page, PassFilter
from passwright.service.store.sql import SqlStore
from passwright.service.web.responses import binding_json
from tests.service_context import (
    AT,
    HELP,
    binding_of,
    bound_pass,
    desk_of,
    edited,
    membership,
    template_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.service.context import ServiceContext

ORG = "org-1"
EMAIL, MASK = "jane@gmail.com", "j***@gmail.com"
# Where nothing reaches a disk that has to turn: what is tried here is the order of things.
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else None

PAYLOADS: dict[str, dict[str, Any]] = {
    "good": {"ok": True},
    "good, but other": {"ok": True, "more": 1},
    "wrong": {"ok": False},
    "of a passkey that two passes share": {"ok": True, "credential": "shared"},
}


@dataclass
class Model:
    """One pass as it has to be."""

    id: str
    status: Status
    link: str | None = None
    credential: str | None = None
    attempts: list[str] = field(default_factory=list)
    begun: list[datetime] = field(default_factory=list)
    tickets: dict[str, datetime | None] = field(default_factory=dict)


def outcome(deed: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a deed answers, or the code it was refused with."""
    try:
        return deed(), None
    except (BindingError, ServiceRefused) as exc:
        return None, exc.code


class Life(RuleBasedStateMachine):
    """The service on one side, `lifecycle.advance` on the other."""

    steps = 0
    passes = Bundle("passes")
    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=FAST))
        self.models: dict[str, Model] = {}
        self.at = AT
        self.open()
        with self.context.store.writing() as transaction:
            transaction.put_organisation(Organisation(id=ORG, name="Example"))
        self.template = membership(self.context)
        self.coded = False

    def open(self) -> None:
        self.store = SqlStore(f"sqlite:///{self.folder / 'passes.db'}")
        self.context: ServiceContext = desk_of(self.store)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # --- what may happen ---

    @initialize(target=passes)
    def first(self) -> Any:
        return self.create()

    @rule(target=passes)
    def create(self) -> Any:
        if self.coded:
            with pytest.raises(BindingError) as caught:
                bound_pass(self.context, self.template, email=EMAIL, at=self.at)
            assert caught.value.code == "binding_barcode_conflict"
            return next(iter(self.models))
        made = bound_pass(self.context, self.template, email=EMAIL, at=self.at)
        status = lifecycle.advance(None, lifecycle.Create(Binding(EMAIL, HELP)), at=self.at).status
        self.models[made.pass_.id] = Model(made.pass_.id, status)
        return made.pass_.id

    @rule(name=passes)
    def google(self, name: str) -> None:
        model = self.models[name]
        link = self.tried(
            model,
            lifecycle.GoogleDownload(),
            lambda: release.google_save_link(self.context, ORG, name, at=self.at),
        )
        if link is not None:
            assert model.link in (None, link.url), "the same link again"
            model.link = link.url

    @rule(name=passes)
    def begin(self, name: str) -> None:
        model = self.models[name]
        recent = [at for at in model.begun if abs(at - self.at) <= timedelta(hours=1)]
        if model.status.state in {State.CREATED, State.APPLE_PENDING, State.APPLE_BOUND} and (
            len(recent) >= release.BEGINS_AN_HOUR
        ):
            with pytest.raises(ServiceRefused) as caught:
                release.apple_begin(self.context, ORG, name, at=self.at)
            assert caught.value.code == "too_many_attempts"
            return
        attempt, refusal = outcome(lambda: release.apple_begin(self.context, ORG, name, at=self.at))
        event = lifecycle.AppleBegin(attempt.id if attempt else "unused")
        step = lifecycle.advance(model.status, event, at=self.at)
        assert refusal == step.refusal
        if attempt is None:
            return
        model.status = step.status
        model.attempts.append(attempt.id)
        model.begun.append(self.at)

    @rule(target=tickets, name=passes, which=st.integers(0, 3), payload=st.sampled_from(sorted(PAYLOADS)))
    def complete(self, name: str, which: int, payload: str) -> Any:
        """`which`: the newest attempt, the one before, an older one, or one that never was."""
        model, sent = self.models[name], PAYLOADS[payload]
        attempt = model.attempts[-1 - which] if which < len(model.attempts) else "never-was"
        event = lifecycle.AppleComplete(attempt, payload_digest(sent), proof_ok=self.is_proof(model, sent))
        ticket = self.tried(
            model, event, lambda: release.apple_complete(self.context, ORG, name, attempt, sent, at=self.at)
        )
        if ticket is None:
            return multiple()
        model.credential = model.credential or str(sent.get("credential", name))
        model.tickets[ticket.token] = self.at
        return name, ticket.token

    def is_proof(self, model: Model, sent: dict[str, Any]) -> bool:
        name = str(sent.get("credential", model.id))
        if model.credential is not None:
            return sent["ok"] and name == model.credential
        return sent["ok"] and all(other.credential != name for other in self.models.values())

    @rule(ticket=consumes(tickets), twice=st.booleans())
    def download(self, ticket: tuple[str, str], twice: bool) -> None:  # noqa: FBT001 -- hypothesis draws it
        for _ in range(1 + twice):
            self.fetch(*ticket)

    def fetch(self, name: str, token: str) -> None:
        model = self.models[name]
        issued = model.tickets[token]
        fresh = issued is not None and timedelta(0) <= self.at - issued <= release.DOWNLOAD_LIFE
        if fresh and model.status.state is State.APPLE_BOUND:
            assert release.redeem_ticket(self.context, token, at=self.at).data.startswith(b"PK")
            model.tickets[token] = None
            return
        with pytest.raises(ServiceRefused) as caught:
            release.redeem_ticket(self.context, token, at=self.at)
        assert caught.value.code == ("download_expired" if not fresh else "pass_nullified")

    @rule(name=passes)
    def plain_file(self, name: str) -> None:
        file = self.tried(
            self.models[name],
            lifecycle.AppleSource(),
            lambda: release.unbound_pass_file(self.context, ORG, name, at=self.at),
        )
        assert file is None

    @rule(name=passes, what=st.sampled_from(["values", "binding", "barcode", "no barcode"]))
    def update(self, name: str, what: str) -> None:
        changes: dict[str, tuple[lifecycle.Event, dict[str, Any]]] = {
            "values": (lifecycle.Update(), {"values": {"tier": "Gold"}}),
            "binding": (lifecycle.UpdateBinding(), {"binding": {"email": "other@gmail.com"}}),
            "barcode": (lifecycle.AddBarcode(), {"barcode": BarcodeOptions(type="qr")}),
            "no barcode": (lifecycle.Update(), {"barcode": BarcodeOptions(enabled=False)}),
        }
        event, members = changes[what]
        change = service_passes.PassChanges(**members)
        model = self.models[name]
        done = self.tried(
            model, event, lambda: service_passes.update(self.context, ORG, name, change, at=self.at)
        )
        if done is not None:
            model.link = None  # the next link shows the new values

    @rule(name=passes)
    def nullify(self, name: str) -> None:
        model = self.models[name]
        self.tried(
            model, lifecycle.Nullify(), lambda: service_passes.nullify(self.context, ORG, name, at=self.at)
        )
        model.credential = None

    @rule()
    def edit_template(self) -> None:
        """The template gets a code, or loses it again; bound passes go on without one."""
        self.coded = not self.coded
        code = b'\n[barcode]\nmessage = "{serial}"\n' if self.coded else b"\n"
        edited(self.context, self.template, template_files()["template.toml"] + code)
        for model in self.models.values():
            step = lifecycle.advance(model.status, lifecycle.TemplateAddsBarcode(), at=self.at)
            assert step.status == model.status

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @rule(
        seconds=st.one_of(
            st.integers(0, 90),
            st.sampled_from([-86400, -3601, -301, -61, -1, 300, 301, 3599, 86400]),
        )
    )
    def clock(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    # --- what has to hold ---

    def tried(self, model: Model, event: lifecycle.Event, deed: Callable[[], Any]) -> Any:
        """What the deed answers, None if it was refused, as the table says."""
        step = lifecycle.advance(model.status, event, at=self.at)
        model.status = step.status
        answer, refusal = outcome(deed)
        assert refusal == step.refusal
        return answer

    @invariant()
    def everything_is_as_the_model_has_it(self) -> None:
        Life.steps += 1
        with self.context.store.reading() as transaction:
            found = transaction.bindings(list(self.models))
        listed, total = service_passes.list_passes(
            self.context, ORG, PassFilter(), Page(size=100), bindings=True
        )
        shown = {each.pass_.id: binding_of(each) for each in listed}
        assert total == len(self.models)
        for name, model in self.models.items():
            there = found[name]
            assert there.status == model.status
            assert (there.address is not None) is model.status.state.keeps_email
            assert (there.credential and there.credential.id) == model.credential
            assert (there.ceremony is not None) is (model.status.open_attempt is not None)
            mask = MASK if model.status.state.keeps_email else None
            assert shown[name] == binding_json(model.status, mask)

    @rule(bound=st.booleans(), platform=st.sampled_from(["google", "apple", None]))
    def filters(self, bound: bool, platform: lifecycle.Platform | None) -> None:  # noqa: FBT001 -- hypothesis draws it
        wanted = {
            model.id
            for model in self.models.values()
            if model.status.bound is bound and platform in (None, model.status.platform)
        }
        asked = PassFilter(bound=bound, platform=platform)
        assert {
            each.pass_.id for each in service_passes.list_passes(self.context, ORG, asked, Page(size=100))[0]
        } == wanted


assert timedelta(seconds=300) == ATTEMPT_LIFE  # the clock above jumps to both sides of it


def steps_of(examples: int) -> int:
    """How many steps so many lives came to."""
    Life.steps = 0
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    return Life.steps


@pytest.mark.no_cover
def test_a_hundred_steps_agree_with_the_table() -> None:
    assert steps_of(3) >= 100


@pytest.mark.ci
@pytest.mark.no_cover
def test_a_thousand_steps_agree_with_the_table() -> None:
    assert steps_of(25) >= 1000


@pytest.mark.long
def test_twenty_thousand_steps_agree_with_the_table(figure: Callable[[str], None]) -> None:
    steps = steps_of(500)
    figure(f"the life of passes agrees with the table for {steps:,} steps")
    assert steps >= 20_000
