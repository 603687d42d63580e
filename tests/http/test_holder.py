"""The holder's page over HTTP: looking decides nothing, acting decides once, and no link gets out."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from passwright import apple
from passwright.binding.lifecycle import Evidence, State
from passwright.examples.authority import Authority
from passwright.service import passes
from passwright.service.proofs.issuer_binding import IssuerBindingProvider
from passwright.service.rendering import PassContent
from passwright.service.settings import ServiceLimits, Settings
from passwright.service.vault import Vault
from passwright.service.web.app import create_app
from passwright.service.web.routes.holder import WALLET_CALLBACK
from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.browser import AGENTS, MANY, gate
from tests.run_service import logged, serving
from tests.service_context import AT, KEYS, apple_builder, bound_pass, membership, new_pass, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.service.context import ServiceContext
    from passwright.service.passes import PassView
    from passwright.service.store.protocol import StoredTemplate

BASE = "https://passes.example.com"


class House:
    """A service with the passkey gate at BASE, a clock that can be set, a client, and a template."""

    def __init__(
        self, context: ServiceContext, client: httpx2.Client, clock: list[Any], folder: Path
    ) -> None:
        self.context, self.client, self.clock, self.folder = context, client, clock, folder
        self.template: StoredTemplate = membership(context)
        self.phone = FakeAuthenticator(BASE)

    def path(self, shown: PassView) -> str:
        return shown.download_url.removeprefix(BASE)

    def state(self, shown: PassView) -> State | None:
        found = passes.find(self.context, "org-1", shown.pass_.id).binding
        return found.state if found else None

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database."""
        with closing(sqlite3.connect(self.folder / "passes.db")) as database:
            names = [
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}

    def begin(self, shown: PassView) -> Any:
        return self.client.post(f"{self.path(shown)}/apple/begin", json={})

    def complete(self, shown: PassView, offer: Any, credential: Any) -> httpx2.Response:
        payload = {"attemptId": offer["attemptId"], "credential": credential}
        return self.client.post(f"{self.path(shown)}/apple/complete", json=payload)

    def bind(self, shown: PassView) -> httpx2.Response:
        """The whole ceremony; the answer with the pass file."""
        offer = self.begin(shown).json()
        ticket = self.complete(shown, offer, self.phone.create(offer["publicKey"])).json()["ticket"]
        return self.client.post(f"{self.path(shown)}/file", data={"ticket": ticket})


@contextmanager
def house(folder: Path, **more: Any) -> Iterator[House]:
    clock = [AT]
    settings = Settings(base_url=BASE, database="unused", limits=more.pop("limits", MANY))
    with opened(folder / "passes.db", **{"provider": gate(BASE), **more}) as context:
        app = create_app(context, settings, now=lambda: clock[0])
        with serving(app) as url, httpx2.Client(base_url=url, timeout=20) as client:
            yield House(context, client, clock, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def here(shared: House) -> House:
    """One house for all: each test has passes of its own."""
    shared.clock[0] = AT
    return shared


# --- BND-04: looking


VIEWERS = {
    **AGENTS,
    "chat preview": "WhatsApp/2.23.20.0",
    "link scanner": "Mozilla/5.0 (compatible; Microsoft Office Existence Discovery)",
    "search engine": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "nothing": "",
}
# What only looks, then what acts.
LOOKS = ("", "/card.css", "/logo.png", "/icon.png")
ACTS = ("/google", "/apple", "/apple/begin", "/apple/complete", "/file")


@pytest.mark.parametrize("agent", VIEWERS.values(), ids=VIEWERS)
def test_bnd_04_looking_at_anything_changes_nothing(here: House, agent: str) -> None:
    """GET and HEAD of everything, as previews, scanners and prefetchers send them."""
    bound, plain = bound_pass(here.context, here.template), new_pass(here.context, here.template)
    before = here.rows()

    for shown in (bound, plain):
        for below in LOOKS + ACTS:
            for method in ("GET", "HEAD"):
                headers = {"User-Agent": agent, "Purpose": "prefetch", "Sec-Purpose": "prefetch"}
                answer = here.client.request(method, here.path(shown) + below, headers=headers)
                assert answer.status_code == (200 if below in LOOKS else 405)

    assert here.rows() == before
    assert here.state(bound) is State.CREATED


def test_the_page_of_every_state_is_there(here: House) -> None:
    created, google, pending, bound = (bound_pass(here.context, here.template) for _ in range(4))
    here.client.post(f"{here.path(google)}/google")
    here.begin(pending)
    here.bind(bound)

    for shown, state, words in (
        (created, State.CREATED, "Add your pass to Google Wallet"),
        (google, State.GOOGLE_BOUND, "Your pass is in Google Wallet"),
        (pending, State.APPLE_PENDING, "This pass belongs to Apple Wallet"),
        (bound, State.APPLE_BOUND, "This pass belongs to Apple Wallet"),
    ):
        assert here.state(shown) is state
        assert words in here.client.get(here.path(shown), headers={"User-Agent": AGENTS["android"]}).text


def test_the_language_comes_from_the_link_or_the_browser(here: House) -> None:
    path = here.path(bound_pass(here.context, here.template))

    german = here.client.get(path, headers={"Accept-Language": "de-DE,de;q=0.9"})
    assert german.headers["content-language"] == "de"
    assert "Kaffeeklub" in german.text
    asked = here.client.get(path, params={"lang": "en"}, headers={"Accept-Language": "de"})
    assert asked.headers["content-language"] == "en"


# --- BND-19: what leaves with an answer


def test_bnd_19_no_answer_is_kept_indexed_or_told_where_it_came_from(here: House) -> None:
    shown = bound_pass(here.context, here.template)
    path = here.path(shown)
    answers = [here.client.get(path + below) for below in LOOKS]
    answers += [here.client.get("/p/unknown"), here.begin(shown)]
    answers += [here.client.post(f"{path}/google"), here.bind(shown)]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
    for answer in answers[:5]:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_bnd_19_no_link_ticket_or_challenge_is_logged(tmp_path: Path) -> None:
    with logged() as log, house(tmp_path) as here:
        shown = bound_pass(here.context, here.template, email="canary@gmail.com")
        offer = here.begin(shown).json()
        done = here.complete(shown, offer, here.phone.create(offer["publicKey"]))
        here.client.post(f"{here.path(shown)}/file", data={"ticket": done.json()["ticket"]})
        here.client.get(here.path(shown))
        text = log.getvalue()

    assert '"route": "/p/{token}/apple/complete"' in text
    for secret in (
        here.path(shown).rpartition("/")[2],
        done.json()["ticket"],
        offer["attemptId"],
        offer["publicKey"]["challenge"],
        "canary",
    ):
        assert secret not in text


def test_assets_may_be_kept_for_ever_and_the_icon_is_there(here: House) -> None:
    text = here.client.get(here.path(bound_pass(here.context, here.template))).text
    links = re.findall(r'(?:href|src)="(/assets/[^"]+)"', text)
    assert len(links) == 2

    for link in (*links, "/favicon.ico"):
        answer = here.client.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert here.client.get(links[0].replace("/assets/", "/assets/0")).status_code == 404


def test_bnd_18_unknown_malformed_and_foreign_tokens_look_the_same(here: House) -> None:
    there = here.path(bound_pass(here.context, here.template))
    wrong = [there[:-1] + ("a" if there[-1] != "a" else "b"), "/p/x", "/p/%00", "/p/" + "a" * 2000]

    pages = {(answer.status_code, answer.text) for answer in (here.client.get(each) for each in wrong)}

    assert len(pages) == 1
    assert pages.pop()[0] == 404
    for below in ("/google", "/file", "/apple"):
        assert here.client.post(wrong[0] + below).status_code == 404
    for below in ("/apple/begin", "/apple/complete"):
        answer = here.client.post(wrong[0] + below, json={"attemptId": "x"})
        assert answer.json()["errors"][0]["code"] == "pass_not_found"


# --- Google


def test_a_form_alone_leads_to_google(here: House) -> None:
    """No script needed: a POST, and the browser is sent to the save link."""
    shown = bound_pass(here.context, here.template)

    first = here.client.post(f"{here.path(shown)}/google")
    again = here.client.post(f"{here.path(shown)}/google")

    assert first.status_code == again.status_code == 303
    assert first.headers["location"].startswith("https://pay.google.com/gp/v/save/")
    assert first.headers["location"] == again.headers["location"]
    assert here.state(shown) is State.GOOGLE_BOUND


def test_bnd_03_the_other_wallet_is_locked_on_every_path(here: House) -> None:
    google, apple_ = bound_pass(here.context, here.template), bound_pass(here.context, here.template)
    here.client.post(f"{here.path(google)}/google")
    here.bind(apple_)

    page = here.client.post(f"{here.path(apple_)}/google", headers={"Accept-Language": "de"})
    assert page.status_code == 409
    assert "Dieser Pass gehört zu Apple Wallet" in page.text
    assert here.begin(google).json()["errors"][0]["code"] == "platform_locked"
    assert here.client.post(f"{here.path(google)}/apple").status_code == 409
    assert (here.state(google), here.state(apple_)) == (State.GOOGLE_BOUND, State.APPLE_BOUND)


# --- Apple


def test_the_ceremony_ends_with_a_pass_that_verifies(here: House) -> None:
    shown = bound_pass(here.context, here.template)

    answer = here.bind(shown)

    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert re.fullmatch(r'attachment; filename="[\w.-]+\.pkpass"', answer.headers["content-disposition"])
    assert apple.verify(answer.content, trust=Authority.example().trust, at=AT).ok
    assert here.state(shown) is State.APPLE_BOUND


def test_a_ticket_is_good_once_and_for_a_minute(here: House) -> None:
    shown = bound_pass(here.context, here.template)
    offer = here.begin(shown).json()
    ticket = here.complete(shown, offer, here.phone.create(offer["publicKey"])).json()["ticket"]
    path = f"{here.path(shown)}/file"

    here.clock[0] = AT + timedelta(seconds=61)
    assert here.client.post(path, data={"ticket": ticket}).status_code == 410
    here.clock[0] = AT + timedelta(seconds=59)
    assert here.client.post(path, data={"ticket": ticket}).status_code == 200
    late = here.client.post(path, data={"ticket": ticket})
    assert late.status_code == 410
    assert "This download has run out" in late.text
    for wrong in ({}, {"ticket": ""}, {"ticket": "x"}, {"ticket": "ÿ"}):
        assert here.client.post(path, data=wrong).status_code == 404


def test_bnd_09_a_wrong_proof_burns_the_attempt_and_the_next_one_counts(here: House) -> None:
    shown = bound_pass(here.context, here.template)
    offer = here.begin(shown).json()

    wrong = here.complete(shown, offer, here.phone.create(offer["publicKey"], user_verified=False))
    burnt = here.complete(shown, offer, here.phone.create(offer["publicKey"]))

    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "proof_invalid")
    assert (burnt.status_code, burnt.json()["errors"][0]["code"]) == (404, "attempt_not_found")
    assert here.state(shown) is State.APPLE_PENDING
    assert here.bind(shown).status_code == 200


def test_another_download_needs_the_passkey_of_the_first(here: House) -> None:
    shown = bound_pass(here.context, here.template)
    here.bind(shown)
    offer = here.begin(shown).json()

    stranger = FakeAuthenticator(BASE)
    forged = stranger.get(offer["publicKey"], passkey=replace_key(here.phone))
    assert here.complete(shown, offer, forged).status_code == 422
    offer = here.begin(shown).json()
    good = here.complete(shown, offer, here.phone.get(offer["publicKey"]))
    assert good.status_code == 200
    assert here.state(shown) is State.APPLE_BOUND


def replace_key(phone: FakeAuthenticator) -> Any:
    from passwright.testing.fakes.authenticator import Passkey

    mine = phone.passkeys[-1]
    return Passkey(mine.rp_id, mine.user, id=mine.id)


def test_a_pass_without_binding_is_a_plain_download(here: House) -> None:
    shown = new_pass(here.context, here.template)

    answer = here.client.post(f"{here.path(shown)}/apple")

    assert apple.verify(answer.content, trust=Authority.example().trust, at=AT).ok
    assert here.client.post(f"{here.path(shown)}/google").status_code == 303
    assert here.begin(shown).json()["errors"][0]["code"] == "pass_unbound"


def test_too_many_beginnings_are_told_in_words_the_page_knows(here: House) -> None:
    shown = bound_pass(here.context, here.template)

    answers = [here.begin(shown) for _ in range(11)]

    assert {each.status_code for each in answers[:10]} == {200}
    assert answers[10].json()["errors"][0]["code"] == "too_many_attempts"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"attemptId": 1}', b'{"attemptId": "x", "attemptId": "y"}', b"\xff"]
)
def test_a_body_that_is_no_answer_is_refused_and_burns_nothing(here: House, body: bytes) -> None:
    shown = bound_pass(here.context, here.template)
    offer = here.begin(shown).json()

    answer = here.client.post(f"{here.path(shown)}/apple/complete", content=body)

    assert answer.status_code == 400
    assert here.complete(shown, offer, here.phone.create(offer["publicKey"])).status_code == 200


# --- the end, and failures


def test_bnd_15_a_pass_that_ended_is_handed_out_to_nobody(here: House) -> None:
    ended, off, late = (bound_pass(here.context, here.template) for _ in range(3))
    passes.nullify(here.context, "org-1", ended.pass_.id, at=AT)
    passes.update(here.context, "org-1", off.pass_.id, passes.PassChanges(status="deactivate"), at=AT)
    soon = AT + timedelta(seconds=1)
    passes.update(here.context, "org-1", late.pass_.id, passes.PassChanges(expires=soon), at=AT)
    here.clock[0] = AT + timedelta(seconds=2)

    for shown, status, words in (
        (ended, 410, "This pass has ended"),
        (off, 409, "This pass is switched off"),
        (late, 410, "This pass has expired"),
    ):
        page = here.client.get(here.path(shown))
        assert (page.status_code, words in page.text) == (status, True)
        assert here.client.post(f"{here.path(shown)}/google").status_code == status
        assert here.begin(shown).status_code == status


def test_a_failure_of_ours_is_a_page_that_tells_nothing(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        shown = bound_pass(here.context, here.template)
        with closing(sqlite3.connect(tmp_path / "passes.db")) as database:
            (slot,) = database.execute("SELECT slot FROM addresses").fetchone()
            damaged = slot[:120] + bytes([slot[120] ^ 1]) + slot[121:]
            database.execute("UPDATE addresses SET slot = ?", (damaged,))
            database.commit()

        answer = here.client.post(f"{here.path(shown)}/google")

    assert answer.status_code == 500
    assert "That did not work" in answer.text
    assert "vault" not in answer.text
    assert "Traceback" not in answer.text


def test_too_many_requests_are_a_page_too(tmp_path: Path) -> None:
    few = ServiceLimits(visitor_per_second=0.01, visitor_burst=1)
    with house(tmp_path, limits=few) as here:
        path = here.path(bound_pass(here.context, here.template))
        answers = [here.client.get(path) for _ in range(2)]
        assert here.client.get(f"{path}/card.css").status_code == 200

    assert answers[1].status_code == 429
    assert answers[1].headers["retry-after"]
    assert "Too many requests" in answers[1].text


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Origin": BASE}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": BASE, "Sec-Fetch-Site": "same-site"}, False),
    ],
)
def test_a_page_of_another_site_decides_nothing(here: House, headers: dict[str, str], *, taken: bool) -> None:
    shown = bound_pass(here.context, here.template)

    google = here.client.post(f"{here.path(shown)}/google", headers=headers)
    assert google.status_code == (303 if taken else 403)
    assert here.state(shown) is (State.GOOGLE_BOUND if taken else State.CREATED)
    other = bound_pass(here.context, here.template)
    assert here.client.post(f"{here.path(other)}/apple/begin", headers=headers, json={}).status_code == (
        200 if taken else 403
    )


def test_url_07_markup_from_an_issuer_stays_text_all_the_way(here: House) -> None:
    evil = "<script>alert(1)</script>"
    shown = new_pass(
        here.context, here.template, content=PassContent(values={"fullName": evil}, message=evil)
    )

    text = here.client.get(here.path(shown)).text

    assert evil not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 1


def test_a_picture_that_is_not_there_is_a_page_of_its_own(here: House) -> None:
    path = here.path(bound_pass(here.context, here.template))

    for name in ("thumbnail", "template", "..%2ftemplate"):
        assert here.client.get(f"{path}/{name}.png").status_code == 404


# --- Wallet's issuer binding


def test_wallet_is_answered_with_the_pass_and_may_ask_again(tmp_path: Path) -> None:
    """The callback as observed: POST, sessionIdentifier in the query, JSON in hex, no login."""
    identity = apple_builder().identity
    assert identity is not None
    callback = f"{BASE}{WALLET_CALLBACK}"
    wallet = IssuerBindingProvider(
        identity=identity, callback=callback, rp_id="passes.example.com", vault=Vault(KEYS)
    )
    with house(tmp_path, provider=wallet) as here:
        shown = bound_pass(here.context, here.template)
        offer = here.begin(shown).json()
        path, asked = f"{WALLET_CALLBACK}/{shown.pass_.id}", {"sessionIdentifier": offer["attemptId"]}
        sent = {"issuerBindingData": "0aFF" * 8, "keyHash": "9f" * 32}

        stranger = here.client.post(path, params={"sessionIdentifier": "x"}, json=sent)
        answers = [here.client.post(path, params=asked, json=sent) for _ in range(2)]
        used = here.client.post(path, params=asked, json={"issuerBindingData": "00"})
        nobody = here.client.post(f"{WALLET_CALLBACK}/x", params=asked, json=sent)

        assert stranger.status_code == 404
        assert [each.status_code for each in answers] == [200, 200]
        assert (used.status_code, nobody.status_code) == (409, 404)
        found = passes.find(here.context, "org-1", shown.pass_.id).binding
        assert found is not None
        assert found.evidence is Evidence.APPLE_ISSUER_BINDING
    for each in answers:
        assert each.headers["content-type"] == "application/vnd.apple.pkpass"
        document = json.loads(apple.read(each.content).files["pass.json"])
        assert document["issuerBindingData"]["issuerBindingData"] == sent["issuerBindingData"]
        assert document["fidoProfile"]["keyHash"] == sent["keyHash"]


def test_the_callback_is_not_there_unless_it_is_configured(here: House) -> None:
    shown = bound_pass(here.context, here.template)
    offer = here.begin(shown).json()

    answer = here.client.post(
        f"{WALLET_CALLBACK}/{shown.pass_.id}",
        params={"sessionIdentifier": offer["attemptId"]},
        json={"issuerBindingData": "00"},
    )

    assert answer.status_code == 404
    assert here.state(shown) is State.APPLE_PENDING


def test_a_holder_whose_wallet_is_off_is_told(tmp_path: Path) -> None:
    with house(tmp_path, google=None) as here:
        shown = bound_pass(here.context, here.template)
        text = here.client.get(here.path(shown), headers={"User-Agent": AGENTS["android"]}).text
        assert "does not offer this pass for Google Wallet" in text
        assert here.client.post(f"{here.path(shown)}/google").status_code == 403
