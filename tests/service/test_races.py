"""Two wallets, one pass: whoever is first has it, and everybody else is told so."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from passwright import apple
from passwright.binding.email import sha256
from passwright.binding.lifecycle import ATTEMPT_LIFE, EventKind, Evidence, State
from passwright.errors import BindingError, GoogleError, IllegalTransition, PassRejected, ServiceRefused
from passwright.service import passes, release
from passwright.service.proofs.passkeys import PasskeyProvider
from passwright.service.store.protocol import Download
from passwright.service.vault import Purpose, Vault
from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.service_context import (
    AT,
    KEYS,
    SayingProvider,
    bound_pass,
    desk_of,
    edited,
    membership,
    new_pass,
    opened,
    refused,
    template_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredBinding, StoredCredential, StoredTemplate

ORG = "org-1"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceContext]:
    with opened(tmp_path_factory.mktemp("store") / "passes.db") as context:
        yield context


@pytest.fixture(scope="module")
def template(context: ServiceContext) -> StoredTemplate:
    return membership(context)


def binding(context: ServiceContext, name: str) -> StoredBinding:
    with context.store.reading() as transaction:
        found = transaction.binding(name)
    assert found is not None
    return found


def kinds(context: ServiceContext, name: str) -> list[tuple[str, str]]:
    with context.store.reading() as transaction:
        return [(each.kind, each.outcome) for each in transaction.events(name)]


def google(context: ServiceContext, name: str) -> str:
    release.google_save_link(context, ORG, name, at=AT)
    return "google"


def begin(context: ServiceContext, name: str) -> str:
    release.apple_begin(context, ORG, name, at=AT)
    return "apple"


def raced(
    context: ServiceContext, name: str, deeds: list[Callable[[ServiceContext, str], str]]
) -> Counter[str]:
    """What each deed came to, all let go at one moment: a platform, or the code of a refusal."""
    barrier = threading.Barrier(len(deeds))

    def run(deed: Callable[[ServiceContext, str], str]) -> str:
        barrier.wait(60)
        try:
            return deed(context, name)
        except (BindingError, ServiceRefused) as exc:
            return exc.code

    with ThreadPoolExecutor(len(deeds)) as pool:
        return Counter(pool.map(run, deeds))


def check_race(context: ServiceContext, template: StoredTemplate, clients: int) -> str:
    name = bound_pass(context, template).pass_.id
    came_of = raced(context, name, [google if number % 2 else begin for number in range(clients)])
    now = binding(context, name)
    won, lost = now.status.platform, clients // 2
    assert won is not None, "never none"
    assert came_of["platform_locked"] == (lost if won == "apple" else clients - lost)
    assert came_of.keys() == {won, "platform_locked"}, "never both"
    assert (now.address is not None) is (won == "google")
    locks = [kind for kind, outcome in kinds(context, name) if outcome == "done"]
    if won == "google":
        assert locks == [EventKind.CREATE.value, EventKind.GOOGLE_DOWNLOAD.value]
    return won


def test_bnd_01_of_two_platforms_exactly_one_gets_a_pass(
    context: ServiceContext, template: StoredTemplate
) -> None:
    for clients in (2, 3, 4, 8, 16):
        for _ in range(3):
            check_race(context, template, clients)


@pytest.mark.long
def test_bnd_01_of_two_platforms_exactly_one_gets_each_of_3000_passes(
    context: ServiceContext, template: StoredTemplate
) -> None:
    won = Counter(check_race(context, template, 2 + number % 15) for number in range(3000))
    assert min(won["google"], won["apple"]) > 100, "the race was one"


def test_bnd_02_the_same_platform_twice_at_once_is_one_step(
    context: ServiceContext, template: StoredTemplate
) -> None:
    for _ in range(5):
        name = bound_pass(context, template).pass_.id
        assert raced(context, name, [google] * 6) == {"google": 6}
        assert kinds(context, name)[1:] == [(EventKind.GOOGLE_DOWNLOAD.value, "done")]
        assert binding(context, name).status.version == 2
    name = bound_pass(context, template).pass_.id
    assert raced(context, name, [begin] * 6) == {"apple": 6}
    now = binding(context, name)
    assert now.status.state is State.APPLE_PENDING
    assert now.status.version == 7, "each begin cancels the one before, in some order"


def test_bnd_03_after_the_lock_no_way_leads_to_an_artefact_of_the_other_platform(
    context: ServiceContext, template: StoredTemplate
) -> None:
    taken, pending = bound_pass(context, template).pass_.id, bound_pass(context, template).pass_.id
    google(context, taken)
    attempt = release.apple_begin(context, ORG, pending, at=AT)
    ways: list[tuple[Callable[[], object], str]] = [
        (lambda: release.apple_begin(context, ORG, taken, at=AT), "platform_locked"),
        (lambda: release.unbound_pass_file(context, ORG, taken, at=AT), "platform_locked"),
        (
            lambda: release.apple_complete(context, ORG, taken, attempt.id, {"ok": True}, at=AT),
            "attempt_not_found",
        ),
        (lambda: release.redeem_ticket(context, "guessed", at=AT), "download_not_found"),
        (lambda: release.google_save_link(context, ORG, pending, at=AT), "platform_locked"),
        (lambda: release.unbound_pass_file(context, ORG, pending, at=AT), "binding_ceremony_required"),
    ]
    for way, code in ways:
        before = binding(context, taken), binding(context, pending)
        with refused(code):
            way()
        assert (binding(context, taken), binding(context, pending)) == before


# --- Google's object is written through the API -------------------------------


class Wallet:
    """Google's API as it answers a writer: it keeps what it is given, or fails when it is told to."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []
        self.fails: set[str] = set()
        self.keeps_before_failing = False

    def put(self, type_: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(type_)
        if type_ in self.fails and not self.keeps_before_failing:
            raise GoogleError(503, "UNAVAILABLE", "come again")
        self.kept[resource["id"]] = resource
        if type_ in self.fails:
            raise GoogleError(0, "", "the connection broke")
        return resource


@pytest.mark.parametrize("broken", ["class", "object"])
@pytest.mark.parametrize("keeps", ["nothing", "what it got"])
def test_bnd_07_google_locks_even_when_its_object_could_not_be_written_and_the_same_call_goes_on(
    context: ServiceContext, template: StoredTemplate, broken: str, keeps: str
) -> None:
    """Google refused, or it wrote what it got and the answer got lost."""
    wallet = Wallet()
    writing = desk_of(context.store, vault=context.vault, google_writer=wallet)
    name = bound_pass(context, template).pass_.id
    kind = {"class": "loyaltyClass", "object": "loyaltyObject"}[broken]
    wallet.fails, wallet.keeps_before_failing = {kind}, keeps == "what it got"
    for _ in range(2):
        with pytest.raises(GoogleError):
            release.google_save_link(writing, ORG, name, at=AT)
        assert binding(context, name).status.state is State.GOOGLE_BOUND
    with pytest.raises(IllegalTransition):
        release.apple_begin(writing, ORG, name, at=AT)
    wallet.fails = set()
    first = release.google_save_link(writing, ORG, name, at=AT)
    assert release.google_save_link(writing, ORG, name, at=AT + timedelta(days=1)) == first
    assert first.form == "id"
    assert first.requires == {}
    assert len(wallet.kept) == 2, "one class, one object, however often it was tried"
    held = next(each for each in wallet.kept.values() if "saveRestrictions" in each)
    assert held["saveRestrictions"] == {"restrictToEmailSha256": sha256("jane@gmail.com")}
    assert kinds(context, name)[1:3] == [
        (EventKind.GOOGLE_DOWNLOAD.value, "done"),
        (EventKind.APPLE_BEGIN.value, "platform_locked"),
    ]


def test_bnd_06_making_a_link_is_the_lock_and_apple_never_meets_an_object_of_google(
    context: ServiceContext, template: StoredTemplate
) -> None:
    """Nothing is written at Google before the lock, so a pass that is Apple's has nothing there."""
    wallet = Wallet()
    writing = desk_of(context.store, vault=context.vault, google_writer=wallet)
    name = bound_pass(context, template).pass_.id
    release.apple_begin(writing, ORG, name, at=AT)
    with pytest.raises(IllegalTransition):
        release.google_save_link(writing, ORG, name, at=AT)
    assert wallet.asked == []
    broken = membership(context)
    other = bound_pass(context, broken).pass_.id
    edited(
        context,
        broken,
        template_files()["template.toml"].replace(b'url = "https://cdn.example.com/club/", ', b""),
    )
    with pytest.raises(PassRejected):
        release.google_save_link(writing, ORG, other, at=AT)
    assert wallet.asked == [], "a pass that can't be built is not begun either"
    assert binding(context, other).status.state is State.CREATED


# --- the ceremony, with a phone -----------------------------------------------

ORIGIN = "https://passes.example.com"


@pytest.fixture
def gate(context: ServiceContext) -> ServiceContext:
    """The context with the provider that the service has by default."""
    vault = Vault(KEYS)
    return desk_of(
        context.store, vault=vault, provider=PasskeyProvider(origin=ORIGIN, name="Example", vault=vault)
    )


def answer(phone: FakeAuthenticator, attempt: release.BeginResult, **bent: Any) -> dict[str, Any]:
    options = attempt.shown["publicKey"]
    made = phone.get(options, **bent) if "allowCredentials" in options else phone.create(options, **bent)
    return {"attemptId": attempt.id, "credential": made}


def test_bnd_08_a_download_that_broke_off_is_begun_again_with_the_same_passkey(
    gate: ServiceContext, template: StoredTemplate
) -> None:
    """The whole road with a phone, and once more on the same platform; nobody else gets the file."""
    phone, name = FakeAuthenticator(ORIGIN), bound_pass(gate, template).pass_.id
    attempt = release.apple_begin(gate, ORG, name, at=AT)
    sent = answer(phone, attempt)
    ticket = release.apple_complete(gate, ORG, name, attempt.id, sent, at=AT)
    first = binding(gate, name)
    again = release.apple_complete(gate, ORG, name, attempt.id, sent, at=AT + timedelta(seconds=5))
    assert again.token != ticket.token
    assert binding(gate, name) == first, "networks repeat"
    release.redeem_ticket(gate, ticket.token, at=AT)
    attempt = release.apple_begin(gate, ORG, name, at=AT + timedelta(hours=2))
    assert binding(gate, name).status.bound
    ticket = release.apple_complete(
        gate, ORG, name, attempt.id, answer(phone, attempt), at=AT + timedelta(hours=2)
    )
    assert release.redeem_ticket(gate, ticket.token, at=AT + timedelta(hours=2)).data.startswith(b"PK")
    now = binding(gate, name)
    assert now.credential is not None
    assert first.credential is not None
    assert now.credential.id == first.credential.id


FORGED: Mapping[str, dict[str, Any]] = {
    "no user verification": {"user_verified": False},
    "nobody was there": {"user_present": False},
    "another origin": {"origin": "https://evil.example"},
    "a sub-domain of ours": {"origin": "https://a.passes.example.com"},
    "inside another page": {"crossOrigin": True},
    "another challenge": {"challenge": "AAAA"},
    "another ceremony": {"type": "webauthn.get"},
    "another rp": {"rp_id": "evil.example"},
}


@pytest.mark.parametrize("forged", FORGED)
def test_bnd_09_a_forged_proof_binds_nothing_and_burns_its_attempt(
    gate: ServiceContext, template: StoredTemplate, forged: str
) -> None:
    phone, name = FakeAuthenticator(ORIGIN), bound_pass(gate, template).pass_.id
    attempt = release.apple_begin(gate, ORG, name, at=AT)
    for payload, code in (
        (answer(phone, attempt, **FORGED[forged]), "proof_invalid"),
        (answer(phone, attempt), "attempt_not_found"),  # burnt
    ):
        with refused(code):
            release.apple_complete(gate, ORG, name, attempt.id, payload, at=AT)
        assert binding(gate, name).status.state is State.APPLE_PENDING
    assert [outcome for _, outcome in kinds(gate, name)[2:]] == ["proof_invalid", "attempt_not_found"]
    attempt = release.apple_begin(gate, ORG, name, at=AT)
    release.apple_complete(gate, ORG, name, attempt.id, answer(phone, attempt), at=AT)
    assert binding(gate, name).status.state is State.APPLE_BOUND


def test_bnd_09_a_proof_counts_once_in_order_and_for_its_own_pass(
    gate: ServiceContext, template: StoredTemplate
) -> None:
    phone = FakeAuthenticator(ORIGIN)
    first, second = bound_pass(gate, template).pass_.id, bound_pass(gate, template).pass_.id

    def no(name: str, attempt: str, payload: Mapping[str, Any], code: str, *, at: Any = AT) -> None:
        with refused(code):
            release.apple_complete(gate, ORG, name, attempt, payload, at=at)

    one = release.apple_begin(gate, ORG, first, at=AT)
    sent = answer(phone, one)
    no(second, one.id, sent, "attempt_not_found")  # before its begin, and of another pass
    two = release.apple_begin(gate, ORG, second, at=AT)
    no(second, one.id, sent, "attempt_not_found")
    no(second, two.id, sent, "proof_invalid")
    no(first, one.id, sent, "attempt_expired", at=AT + ATTEMPT_LIFE + timedelta(seconds=1))
    no(first, one.id, sent, "attempt_expired", at=AT - ATTEMPT_LIFE - timedelta(seconds=1))
    release.apple_complete(gate, ORG, first, one.id, sent, at=AT)
    no(first, one.id, answer(phone, one), "attempt_used")
    no(first, one.id, sent, "attempt_used", at=AT + ATTEMPT_LIFE + timedelta(seconds=1))
    two = release.apple_begin(gate, ORG, second, at=AT)
    stolen = phone.create(two.shown["publicKey"], passkey=phone.passkeys[0])
    no(second, two.id, {"attemptId": two.id, "credential": stolen}, "proof_invalid")
    again = release.apple_begin(gate, ORG, first, at=AT)
    stranger = FakeAuthenticator(ORIGIN)
    fresh = stranger.create({**two.shown["publicKey"], "challenge": again.shown["publicKey"]["challenge"]})
    no(first, again.id, {"attemptId": again.id, "credential": fresh}, "proof_invalid")
    assert binding(gate, first).status.bound, "a wrong proof at the second download unbinds nobody"


def test_a_passkey_that_two_passes_show_at_once_binds_one_of_them(
    context: ServiceContext, template: StoredTemplate
) -> None:
    names = [bound_pass(context, template).pass_.id for _ in range(2)]
    attempts = {name: release.apple_begin(context, ORG, name, at=AT).id for name in names}
    barrier = threading.Barrier(2)

    def run(name: str) -> str:
        barrier.wait(60)
        payload = {"ok": True, "credential": f"both-{names[0]}"}
        try:
            release.apple_complete(context, ORG, name, attempts[name], payload, at=AT)
        except BindingError as exc:
            return exc.code
        return "bound"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, names)) == ["bound", "proof_invalid"]


def test_a_ceremony_may_begin_ten_times_an_hour(context: ServiceContext, template: StoredTemplate) -> None:
    name = bound_pass(context, template).pass_.id
    for number in range(release.BEGINS_AN_HOUR):
        release.apple_begin(context, ORG, name, at=AT + timedelta(minutes=number))
    with refused("too_many_attempts"):
        release.apple_begin(context, ORG, name, at=AT + timedelta(minutes=30))
    release.apple_begin(context, ORG, name, at=AT + timedelta(minutes=61))


def test_refusals_are_noted_but_fill_no_disk(
    context: ServiceContext, template: StoredTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passwright.service.transitions.REFUSALS_AN_HOUR", 5)
    name = bound_pass(context, template).pass_.id
    for _ in range(8):
        with pytest.raises(BindingError):
            release.unbound_pass_file(context, ORG, name, at=AT)
    assert [outcome for _, outcome in kinds(context, name)[1:]] == ["binding_ceremony_required"] * 5


def test_a_ticket_is_good_once_for_a_minute_and_no_clock_prolongs_it(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    attempt = release.apple_begin(context, ORG, name, at=AT)

    def ticket() -> str:
        return release.apple_complete(context, ORG, name, attempt.id, {"ok": True}, at=AT).token

    for late in (timedelta(seconds=61), timedelta(seconds=-1), timedelta(days=-1)):
        with refused("download_expired"):
            release.redeem_ticket(context, ticket(), at=AT + late)
    token = ticket()
    release.redeem_ticket(context, token, at=AT + timedelta(seconds=60))
    with refused("download_expired"):
        release.redeem_ticket(context, token, at=AT)
    with refused("download_not_found"):
        release.redeem_ticket(context, "\ud800", at=AT)


def test_a_pass_without_a_binding_needs_no_lock(context: ServiceContext, template: StoredTemplate) -> None:
    name = new_pass(context, template).pass_.id
    google(context, name)
    assert release.unbound_pass_file(context, ORG, name, at=AT).data.startswith(b"PK")
    assert kinds(context, name) == [("create", "done")]
    passes.nullify(context, ORG, name, at=AT)
    assert kinds(context, name) == [("create", "done"), ("nullification", "done")]


def test_a_ticket_for_a_pass_that_is_not_bound_opens_nothing(
    context: ServiceContext, template: StoredTemplate
) -> None:
    """None is ever made; it is the last gate before the bytes of a pass."""
    for bind in (True, False):
        name = (bound_pass if bind else new_pass)(context, template).pass_.id
        if bind:
            begin(context, name)
        token = f"ticket-{name}"
        made = Download(
            token_hash=context.vault.hash(Purpose.DOWNLOAD, token),
            pass_id=name,
            expires_at=AT + timedelta(seconds=30),
        )
        with context.store.writing() as transaction:
            transaction.add_download(made)
        with refused("download_expired"):
            release.redeem_ticket(context, token, at=AT)


class Elsewhere(SayingProvider):
    """A provider whose proofs are worth something else, and that puts members into the pass."""

    evidence = Evidence.APPLE_ISSUER_BINDING

    def members(self, credential: StoredCredential) -> Mapping[str, Any]:
        return {"userInfo": {"proof": credential.id}}


def test_who_bound_a_pass_one_way_can_not_be_asked_for_another_proof(
    context: ServiceContext, template: StoredTemplate
) -> None:
    other = desk_of(context.store, vault=context.vault, provider=Elsewhere())
    name = bound_pass(context, template).pass_.id
    attempt = release.apple_begin(context, ORG, name, at=AT)
    ticket = release.apple_complete(context, ORG, name, attempt.id, {"ok": True}, at=AT)
    with refused("provider_changed"):
        release.apple_begin(other, ORG, name, at=AT)
    with refused("provider_changed"):
        release.redeem_ticket(other, ticket.token, at=AT)
    open_one = release.apple_begin(context, ORG, name, at=AT)
    with refused("provider_changed"):
        release.apple_complete(other, ORG, name, open_one.id, {"ok": True}, at=AT)
    release.redeem_ticket(context, ticket.token, at=AT)


def test_every_file_of_a_pass_carries_what_its_provider_asks_for(
    context: ServiceContext, template: StoredTemplate
) -> None:
    other = desk_of(context.store, vault=context.vault, provider=Elsewhere())
    name = bound_pass(other, template).pass_.id
    for _ in range(2):
        attempt = release.apple_begin(other, ORG, name, at=AT)
        ticket = release.apple_complete(other, ORG, name, attempt.id, {"ok": True}, at=AT)
        files = apple.read(release.redeem_ticket(other, ticket.token, at=AT).data).files
        assert json.loads(files["pass.json"])["userInfo"] == {"proof": name}
    assert binding(other, name).status.evidence is Evidence.APPLE_ISSUER_BINDING
