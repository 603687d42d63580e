"""The life of a bound pass over HTTP: every row of the transitions, every check of the contract."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from passwright import apple, google
from passwright.apple.cms import signature as cms_signature
from passwright.errors import InvalidInput
from passwright.service.proofs.issuer_binding import IssuerBindingProvider
from passwright.service.vault import Vault
from passwright.service.web.routes.holder import WALLET_CALLBACK
from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.paths import TESTS
from tests.run_service import BASE, codes, service
from tests.service_context import AT, EXAMPLE, HELP, KEYS, apple_builder, edited, template_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.run_service import Made, Service

EMAIL = "jane.canary@gmail.com"
BINDING = {"email": EMAIL, "learnMoreUrl": HELP}
ENDS = apple_builder().identity.not_after  # type: ignore[union-attr]  # the example has one
GOLDEN = TESTS / "golden"
STATES = ("created", "google", "pending", "apple")
# Members of the state, as an answer shows it.
SHOWN: dict[str, dict[str, Any]] = {
    "created": {"platform": None, "bound": False, "bindingEmail": "j***@gmail.com"},
    "google": {"platform": "google", "bound": True, "bindingEmail": "j***@gmail.com"},
    "pending": {"platform": "apple", "bound": False, "bindingEmail": None},
    "apple": {"platform": "apple", "bound": True, "bindingEmail": None},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("life")) as made:
        yield made


@pytest.fixture(autouse=True)
def _clock(running: Service) -> None:
    running.clock.at = AT


@pytest.fixture
def phone() -> FakeAuthenticator:
    return FakeAuthenticator(BASE)


def at(running: Service, state: str, phone: FakeAuthenticator | None = None) -> Made:
    """A new pass that got as far as this state."""
    made = running.bound(EMAIL)
    if state == "google":
        assert running.google(made).status_code == 303
    elif state == "pending":
        assert running.begin(made).status_code == 200
    elif state == "apple":
        running.bind_to_apple(made, phone or FakeAuthenticator(BASE))
    elif state == "nullified":
        assert running.client.post(f"/api/v1/passes/{made.id}/nullify").status_code == 200
    assert state == "nullified" or binding(running, made) == {**SHOWN[state], "learnMoreUrl": HELP}
    return made


def binding(running: Service, made: Made) -> Any:
    return running.show(made.id)["binding"]


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal; a page for people carries its code for scripts and tests."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.status_code, codes(answer)[0]
    found = re.search(r'data-code="([a-z_]+)"', answer.text)
    return answer.status_code, found[1] if found else "?"


# --- the end of the certificates ----------------------------------------------


@pytest.mark.parametrize(("days", "warned"), [(31, False), (30, True), (7, True), (0, True)])
def test_crt_18_a_start_warns_thirty_days_ahead_and_health_tells_the_end(
    tmp_path: Path, days: int, *, warned: bool
) -> None:
    now = ENDS - timedelta(days=days)
    with service(tmp_path, now=now) as made:
        assert datetime.fromisoformat(made.holder.get("/health").json()["appleSigningEnds"]) == ENDS
        lines = made.log.lines()
    said = [each for each in lines if f"expire on {ENDS:%Y-%m-%d}" in each["message"]]
    assert [each["level"] for each in said] == ["warning"] * warned


def test_crt_18_after_the_end_nothing_is_signed_or_locked_and_the_rest_is_served(tmp_path: Path) -> None:
    with service(tmp_path) as made:
        bound, other, plain = made.bound(EMAIL), made.bound(EMAIL), made.create()["data"]
        made.bind_to_apple(bound, phone := FakeAuthenticator(BASE))
        made.clock.at = ENDS + timedelta(seconds=1)
        # By clients of their own: an answer of 500 is no promise that the others hold.
        answer = httpx2.post(f"{made.url}{other.page}/apple/begin", json={})
        assert refusal(answer) == (500, "signing_failed")
        assert binding(made, other)["platform"] is None
        whole = f"{made.url}/api/v1/passes/{plain['id']}?includePassSource=apple"
        answer = httpx2.get(whole, headers={"Authorization": f"Bearer {made.ours.key}"})
        assert refusal(answer) == (500, "signing_failed")
        assert "valid from" in " ".join(each.get("traceback", "") for each in made.log.lines())
        assert made.holder.get(bound.page).status_code == 200
        assert made.show(plain["id"])["status"] == "issued"
        assert made.google(other).status_code == 303
        # With certificates of today the holder goes on where this stopped.
        made.clock.at = ENDS
        offer = made.begin(bound).json()
        done = made.complete(bound, offer["attemptId"], phone.get(offer["publicKey"]))
        assert made.file(bound, done.json()["ticket"]).status_code == 200


# --- create -------------------------------------------------------------------


def test_create_with_a_valid_binding_is_created(running: Service) -> None:
    assert binding(running, running.bound(EMAIL)) == {**SHOWN["created"], "learnMoreUrl": HELP}


@pytest.mark.parametrize(
    "code",
    [
        {"barcode": {"enabled": True}},
        {"barcode": {"enabled": True, "type": "qr", "source": "uuid"}},
        {"barcode": {"type": "code128"}},
        {"barcode": {"displayText": "M-1"}},
        {"barcode": {"source": "custom", "value": "x"}},
        {"qr": {"source": "extId"}},
        {"qr": {"enabled": True}},
    ],
)
def test_bnd_10_create_with_a_binding_and_a_barcode_is_refused(running: Service, code: Any) -> None:
    body = {"pass": {"values": {"fullName": "Jane"}, **code}, "binding": BINDING}
    answer = running.client.post("/api/v1/passes", params={"passTemplate": running.ours.template}, json=body)

    assert refusal(answer) == (400, "binding_barcode_conflict")


@pytest.mark.parametrize(
    "code", [{"barcode": {}}, {"barcode": None}, {"barcode": {"enabled": False}}, {"qr": {}}]
)
def test_bnd_10_an_empty_or_null_barcode_is_none(running: Service, code: Any) -> None:
    made = running.bound(EMAIL, **code)

    assert "barcode" not in document(running.bind_to_apple(made, FakeAuthenticator(BASE)))


def test_bnd_10_a_barcode_of_the_template_counts_unless_it_is_switched_off(running: Service) -> None:
    """As a barcode of the request would; switched off, or without a binding, the pass is made."""
    files = {**template_files(), "template.toml": with_barcode()}
    sent = {
        name: data.decode() if name.endswith(".toml") else base64.b64encode(data).decode()
        for name, data in files.items()
    }
    made = running.client.post("/api/v1/pass-templates", json={"files": sent})
    params = {"passTemplate": made.json()["data"]["id"]}
    values = {"values": {"fullName": "Jane"}}

    refused = running.client.post("/api/v1/passes", params=params, json={"pass": values, "binding": BINDING})
    off = {"pass": {**values, "barcode": {"enabled": False}}, "binding": BINDING}
    assert refusal(refused) == (400, "binding_barcode_conflict")
    assert running.client.post("/api/v1/passes", params=params, json=off).status_code == 201
    assert running.client.post("/api/v1/passes", params=params, json={"pass": values}).status_code == 201


def with_barcode() -> bytes:
    return template_files()["template.toml"] + b'\n[barcode]\nformat = "qr"\nmessage = "{serial}"\n'


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        (None, ["/binding"]),
        ({}, ["/binding"]),
        ([], ["/binding"]),
        ("canary", ["/binding"]),
        ({"email": EMAIL}, ["/binding/learnMoreUrl"]),
        ({"learnMoreUrl": HELP}, ["/binding/email"]),
        ({**BINDING, "platform": "google"}, ["/binding"]),
        ({"email": "canary", "learnMoreUrl": "canary"}, ["/binding/email", "/binding/learnMoreUrl"]),
        ({**BINDING, "email": 5}, ["/binding/email"]),
        ({**BINDING, "email": None}, ["/binding/email"]),
        ({**BINDING, "email": '"j canary"@example.com'}, ["/binding/email"]),
        ({**BINDING, "email": "canary@localhost"}, ["/binding/email"]),
        ({**BINDING, "email": "canary@[127.0.0.1]"}, ["/binding/email"]),
        ({**BINDING, "email": "a..canary@example.com"}, ["/binding/email"]),
        ({**BINDING, "email": "canary@example.com\n"}, ["/binding/email"]),
        ({**BINDING, "email": "canary@example.com\nBcc: x@example.com"}, ["/binding/email"]),
        ({**BINDING, "email": "canary@example.com,x@example.com"}, ["/binding/email"]),
    ],
)
def test_create_with_bad_fields_names_each_by_its_pointer(
    running: Service, members: Any, pointers: list[str]
) -> None:
    body = {"pass": {"values": {"fullName": "Jane"}}, "binding": members}
    answer = running.client.post("/api/v1/passes", params={"passTemplate": running.ours.template}, json=body)

    assert answer.status_code == 422
    assert set(codes(answer)) == {"binding_invalid"}
    assert [each["source"]["pointer"] for each in answer.json()["errors"]] == pointers


URLS = {
    "javascript:alert(1)": False,
    "data:text/html,x": False,
    "http://canary.example.com/": False,
    "ftp://canary.example.com/": False,
    "HTTPS://support.example.com/x": True,
    " https://canary.example.com/": False,
    "https:/canary.example.com": False,
    "//canary.example.com": False,
    "https://canary.example.com/\tx": False,
    "https://canary.example.com/\nx": False,
    "https://u:p@canary.example.com/": False,
    "https://good.example.com@canary.example/": False,
    "https://good.example.com\\@canary.example/": False,
    "https://": False,
    "https://canary": False,
    "https://127.0.0.1/": False,
    "https://2130706433/": False,
    "https://[::1]/": False,
    "https://localhost/": False,
    "https://support.example.com:0/": False,
    "https://support.example.com:65536/": False,
    "https://support.example.com:8443/x": True,
    "https://can_ary.example.com/": False,
    "https://xn--a.example/": False,
    "https://pаypal.example.com/": False,  # a Cyrillic letter among Latin ones
    "https://support.example.com/a\\b": False,
    "https://support.example.com/%00": False,
    "https://support.example.com/%0d%0aX": False,
    "https://support.example.com/%zz": False,
    "https://support.example.com/a?b=c#d": True,
    "https://bücher.example/x": True,
    "https://support.example.com/" + "x" * 227: True,  # 255 characters
    "https://support.example.com/" + "x" * 228: False,
    "https://support.example.com/" + "\U0001f600" * 227: True,
    "https://bücher.example/" + "x" * 232: False,  # 255 as sent, more in its stored form
}


@pytest.mark.parametrize(("url", "taken"), URLS.items(), ids=range(len(URLS)))
def test_url_01_02_03_04_05_06_a_learn_more_url_is_https_to_a_public_name(
    running: Service, url: str, *, taken: bool
) -> None:
    body = {"pass": {"values": {"fullName": "Jane"}}, "binding": {**BINDING, "learnMoreUrl": url}}
    answer = running.client.post("/api/v1/passes", params={"passTemplate": running.ours.template}, json=body)

    assert answer.status_code == (201 if taken else 422), answer.text
    if not taken:
        assert answer.json()["errors"][0]["source"]["pointer"] == "/binding/learnMoreUrl"


def test_url_05_a_name_in_another_alphabet_is_kept_as_its_a_label(running: Service) -> None:
    made = running.create(binding={**BINDING, "learnMoreUrl": "HTTPS://Bücher.example/Hilfe"})

    url = made["data"]["attributes"]["binding"]["learnMoreUrl"]
    assert url == "https://xn--bcher-kva.example/Hilfe"


def test_binding_may_be_switched_off_for_an_organisation(running: Service) -> None:
    from passwright.service.store.protocol import Organisation

    with running.context.store.writing() as transaction:
        transaction.put_organisation(Organisation(id="org-2", name="org-2", binding=False))
    with running.client_of(running.theirs.key) as client:
        body = {"pass": {"values": {"fullName": "Jane"}}, "binding": BINDING}
        params = {"passTemplate": running.theirs.template}
        answer = client.post("/api/v1/passes", params=params, json=body)

    assert refusal(answer) == (403, "binding_disabled")


@pytest.mark.parametrize(
    ("email", "mask"),
    [
        ("user@gmail.com", "u***@gmail.com"),
        ("Jane.Smith+vip@Example.COM", "J***@example.com"),
        ("ab@x.io", "a***@x.io"),
        ("a@x.io", "***@x.io"),
    ],
)
def test_eml_04_a_mask_shows_one_letter_and_the_domain(running: Service, email: str, mask: str) -> None:
    made = running.create(binding={**BINDING, "email": email})

    assert made["data"]["attributes"]["binding"]["bindingEmail"] == mask


# --- update -------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "members", [BINDING, None, {}, {"email": "john.canary@gmail.com"}, {"learnMoreUrl": None}, [], "canary"]
)
def test_bnd_13_an_update_with_a_binding_is_refused_whole(running: Service, state: str, members: Any) -> None:
    """The same value, null, or anything: and nothing else of the request is applied."""
    made = at(running, state)
    before = running.show(made.id)
    answer = running.patch(made.id, {"pass": {"values": {"points": 7}}, "binding": members})

    assert refusal(answer) == (422, "binding_immutable")
    assert answer.json()["errors"][0]["source"] == {"pointer": "/binding"}
    assert running.show(made.id) == before


def test_bnd_13_a_binding_is_refused_first_whatever_else_is_wrong(running: Service) -> None:
    """Alone: a sender who mends the rest first would mend it for nothing."""
    made = running.bound(EMAIL).id
    answer = running.patch(made, {"pass": {"values": 5}, "binding": BINDING})
    assert [each["code"] for each in answer.json()["errors"]] == ["binding_immutable"]
    assert answer.status_code == 422


def test_bnd_13_a_pass_without_a_binding_gets_none_by_an_update(running: Service) -> None:
    made = running.create()["data"]["id"]

    assert refusal(running.patch(made, {"pass": {}, "binding": BINDING})) == (422, "binding_immutable")
    assert "binding" not in running.show(made)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "code", [{"barcode": {"enabled": True}}, {"barcode": {"displayText": "x"}}, {"qr": {"source": "uuid"}}]
)
def test_bnd_11_an_update_that_adds_a_barcode_is_refused(running: Service, state: str, code: Any) -> None:
    made = at(running, state)
    before = running.show(made.id)

    answer = running.patch(made.id, {"pass": {"values": {"points": 7}, **code}})
    assert refusal(answer) == (400, "binding_barcode_conflict")
    assert running.show(made.id) == before


@pytest.mark.parametrize("state", STATES)
def test_an_update_of_other_fields_leaves_the_binding_as_it_is(running: Service, state: str) -> None:
    made = at(running, state)
    for change in (
        {"values": {"points": 7}},
        {"message": "Hello"},
        {"barcode": None},
        {"barcode": {"enabled": False}},
        {"expiresAt": "2031-01-01T00:00:00Z"},
        {"locations": [{"latitude": 1, "longitude": 1}]},
        {"status": "deactivate"},
        {"status": "reactivate"},
    ):
        answer = running.patch(made.id, {"pass": change})
        assert answer.status_code == 200, answer.text
        shown = answer.json()["data"]["attributes"]["binding"]
        assert shown == {**SHOWN[state], "learnMoreUrl": HELP}


def test_bnd_12_a_bound_pass_is_rendered_without_the_code_its_template_got(
    running: Service, phone: FakeAuthenticator
) -> None:
    """In every state: the file and the link of passes made before carry none; a pass of anybody has it."""
    made, plain = at(running, "created"), running.create()["data"]["id"]
    held = at(running, "apple", phone)
    handed = at(running, "google")
    template = running.context.store
    with template.reading() as transaction:
        kept = transaction.template("org-1", running.ours.template)
    assert kept is not None
    edited(running.context, kept, with_barcode())
    try:
        assert "barcodes" in document(
            base64.b64decode(running.show(plain, includePassSource="apple")["applePassFile"])
        )
        offer = running.begin(held).json()
        done = running.complete(held, offer["attemptId"], phone.get(offer["publicKey"]))
        again = running.file(held, done.json()["ticket"])
        assert not {"barcode", "barcodes"} & document(again.content).keys()
        for each in (made, handed):
            found = claims(running.google(each))["payload"]["loyaltyObjects"][0]
            assert "barcode" not in found
            assert "saveRestrictions" in found
    finally:
        edited(running.context, kept, template_files()["template.toml"])


# --- Google -------------------------------------------------------------------


def claims(answer: httpx2.Response) -> Any:
    """The claims of the save link that an answer leads to."""
    assert answer.status_code == 303
    account = json.loads((EXAMPLE / "service-account.json").read_bytes())
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(account["private_key"].encode(), None).public_key()
    return google.read(answer.headers["location"], public_key=key).claims


VECTORS = {
    "example@example.com": "31c5543c1734d25c7206f5fd591525d0295bec6fe84ff82f946a34fe970a1e66",
    "user@gmail.com": "02ee7bdc4ccf5c94808a0118eb531822f13e7e38e3810ab29ebefb2c2feb8e58",
    "Jane.Doe+tickets@gmail.com": "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69",
    "jane.doe@example.com": "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d",
    "user@bücher.example": "db62323f2a86b51f9d021453bd387057b7d94e487e1ca0bc112fcff7f9784b22",
}


@pytest.mark.parametrize(("email", "digest"), VECTORS.items(), ids=range(len(VECTORS)))
def test_a_google_download_restricts_the_link_to_the_hash_of_the_address(
    running: Service, email: str, digest: str
) -> None:
    made = running.bound(email)
    found = claims(running.google(made))["payload"]["loyaltyObjects"][0]

    assert found["saveRestrictions"] == {"restrictToEmailSha256": digest}
    assert binding(running, made)["platform"] == "google"


def test_the_hash_is_not_kept(running: Service) -> None:
    """EML-10: it is made when it is needed, and stands in no row and no line of the log."""
    made = at(running, "google")
    digest = hashlib.sha256(b"janecanary@gmail.com").hexdigest()
    found = claims(running.google(made))["payload"]["loyaltyObjects"][0]

    assert found["saveRestrictions"]["restrictToEmailSha256"] == digest
    assert digest not in running.log.getvalue()
    everything = b"".join(each.read_bytes() for each in database(running))
    assert digest.encode() not in everything
    assert bytes.fromhex(digest) not in everything


def database(running: Service) -> list[Path]:
    path = Path(running.context.store._engine.url.database)  # type: ignore[attr-defined]
    return [each for each in path.parent.iterdir() if each.name.startswith(path.name)]


def test_google_again_is_the_same_link(running: Service) -> None:
    """An hour later too, byte for byte."""
    made = at(running, "google")
    first = running.google(made).headers["location"]
    running.clock.add(hours=1)

    assert running.google(made).headers["location"] == first
    assert binding(running, made) == {**SHOWN["google"], "learnMoreUrl": HELP}


@pytest.mark.parametrize("state", ["pending", "apple"])
def test_bnd_03_google_after_apple_is_locked_on_every_path(running: Service, state: str) -> None:
    """The button, the API by looking and by acting, whatever device says it is."""
    made = at(running, state)
    agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 15)"}
    locked = (409, "platform_locked")

    assert running.google(made).status_code == 409
    assert running.holder.post(f"{made.page}/google", headers=agent).status_code == 409
    params = {"includePassSource": "google"}
    assert refusal(running.client.get(f"/api/v1/passes/{made.id}", params=params)) == locked
    assert refusal(running.patch(made.id, {"pass": {}}, params=params)) == locked
    assert binding(running, made) == {**SHOWN[state], "learnMoreUrl": HELP}


# --- Apple --------------------------------------------------------------------


def test_apple_begin_locks_and_purges(running: Service) -> None:
    """In one step: the answer of the API, and the rows, have neither address nor mask any more."""
    made = running.bound(EMAIL)
    offer = running.begin(made).json()

    assert len(offer["attemptId"]) >= 22
    assert offer["expiresAt"] == (AT.replace(minute=5)).isoformat()
    key = offer["publicKey"]
    assert key["rp"]["id"] == "passes.example.com"
    assert key["authenticatorSelection"]["userVerification"] == "required"
    assert key["authenticatorSelection"]["authenticatorAttachment"] == "platform"
    assert key["attestation"] == "none"
    assert len(base64.urlsafe_b64decode(key["challenge"] + "==")) == 32
    assert binding(running, made) == {**SHOWN["pending"], "learnMoreUrl": HELP}
    with running.context.store.reading() as transaction:
        kept = transaction.binding(made.id)
    assert kept is not None
    assert kept.address is None


def test_begin_again_cancels_the_earlier_attempt(running: Service, phone: FakeAuthenticator) -> None:
    made = running.bound(EMAIL)
    first, second = running.begin(made).json(), running.begin(made).json()

    late = running.complete(made, first["attemptId"], phone.create(first["publicKey"]))
    assert refusal(late) == (404, "attempt_not_found")
    done = running.complete(made, second["attemptId"], phone.create(second["publicKey"]))
    assert done.status_code == 200


def test_bnd_03_apple_after_google_is_locked_on_every_path(running: Service) -> None:
    made = at(running, "google")
    locked = (409, "platform_locked")

    assert refusal(running.begin(made)) == locked
    assert running.holder.post(f"{made.page}/apple").status_code == 409
    params = {"includePassSource": "apple"}
    assert refusal(running.client.get(f"/api/v1/passes/{made.id}", params=params)) == locked
    assert refusal(running.patch(made.id, {"pass": {}}, params=params)) == locked
    assert binding(running, made) == {**SHOWN["google"], "learnMoreUrl": HELP}


@pytest.mark.parametrize("state", ["created", "pending", "apple"])
def test_the_file_of_a_bound_pass_needs_the_ceremony(running: Service, state: str) -> None:
    made = at(running, state)
    wanted, params = (422, "binding_ceremony_required"), {"includePassSource": "apple"}

    assert refusal(running.client.get(f"/api/v1/passes/{made.id}", params=params)) == wanted
    assert refusal(running.patch(made.id, {"pass": {}}, params=params)) == wanted
    assert running.holder.post(f"{made.page}/apple").status_code == 422
    assert binding(running, made) == {**SHOWN[state], "learnMoreUrl": HELP}


def test_without_nfc_apple_is_refused_and_nothing_is_locked(running: Service) -> None:
    made = running.bound(EMAIL, nfc={"enabled": False})

    assert refusal(running.begin(made)) == (422, "binding_nfc_required")
    assert binding(running, made) == {**SHOWN["created"], "learnMoreUrl": HELP}
    assert running.google(made).status_code == 303


def test_complete_hands_out_the_file(running: Service, phone: FakeAuthenticator) -> None:
    """The file is signed, and has no barcode, no sharing, the learn-more link, and no address."""
    made = running.bound(EMAIL)
    data = running.bind_to_apple(made, phone)
    found = document(data)

    assert apple.verify(data, trust=apple.Trust.of((EXAMPLE / "root.pem").read_bytes()), at=AT).ok
    assert found["sharingProhibited"] is True
    assert found["nfc"]["requiresAuthentication"] is True
    assert not {"barcode", "barcodes"} & found.keys()
    assert HELP in json.dumps(found["storeCard"]["backFields"])
    assert "canary" not in json.dumps(found)
    assert "j***" not in json.dumps(found)
    assert binding(running, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}


def document(data: bytes) -> Any:
    return json.loads(apple.read(data).files["pass.json"])


@pytest.mark.parametrize("state", STATES)
def test_complete_of_an_attempt_that_is_not_there(
    running: Service, state: str, phone: FakeAuthenticator
) -> None:
    """Of nobody, or of another pass: the state stays."""
    made = at(running, state)
    other = running.begin(running.bound(EMAIL)).json()
    proof = phone.create(other["publicKey"])

    for attempt in ("x", other["attemptId"]):
        assert refusal(running.complete(made, attempt, proof)) == (404, "attempt_not_found")
    assert binding(running, made) == {**SHOWN[state], "learnMoreUrl": HELP}


def test_complete_too_late(running: Service, phone: FakeAuthenticator) -> None:
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    running.clock.add(seconds=301)
    answer = running.complete(made, offer["attemptId"], phone.create(offer["publicKey"]))

    assert refusal(answer) == (410, "attempt_expired")
    assert binding(running, made) == {**SHOWN["pending"], "learnMoreUrl": HELP}
    running.bind_to_apple(made, phone)


FORGED: dict[str, dict[str, Any]] = {
    "no user verification": {"user_verified": False},
    "no user present": {"user_present": False},
    "wrong origin": {"origin": "https://evil.example.com"},
    "sub-domain origin": {"origin": "https://www.passes.example.com"},
    "origin with a port": {"origin": "https://passes.example.com:8443"},
    "origin without TLS": {"origin": "http://passes.example.com"},
    "wrong rp": {"rp_id": "example.com"},
    "wrong type": {"type": "webauthn.get"},
    "wrong challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "another page's frame": {"crossOrigin": True},
    "no credential": {"attached": False},
    "an algorithm not offered": {"algorithm": -257},
}


@pytest.mark.parametrize("bent", FORGED.values(), ids=FORGED.keys())
def test_bnd_09_a_wrong_proof_burns_the_attempt_and_binds_nothing(
    running: Service, phone: FakeAuthenticator, bent: dict[str, Any]
) -> None:
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    wrong = running.complete(made, offer["attemptId"], phone.create(offer["publicKey"], **bent))
    right = running.complete(made, offer["attemptId"], phone.create(offer["publicKey"]))

    assert refusal(wrong) == (422, "proof_invalid")
    assert refusal(right) == (404, "attempt_not_found")
    assert binding(running, made) == {**SHOWN["pending"], "learnMoreUrl": HELP}


def test_bnd_09_a_credential_of_another_pass_is_no_proof(running: Service, phone: FakeAuthenticator) -> None:
    running.bind_to_apple(running.bound(EMAIL), phone)
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    known = phone.create(offer["publicKey"], passkey=phone.passkeys[0])

    assert refusal(running.complete(made, offer["attemptId"], known)) == (422, "proof_invalid")


def test_complete_repeated_by_the_network_is_answered_again(
    running: Service, phone: FakeAuthenticator
) -> None:
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    proof = phone.create(offer["publicKey"])
    answers = [running.complete(made, offer["attemptId"], proof) for _ in range(3)]

    assert [each.status_code for each in answers] == [200] * 3
    assert {each.json()["expiresAt"] for each in answers} == {answers[0].json()["expiresAt"]}
    assert binding(running, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}


def test_complete_of_a_used_attempt_is_refused(running: Service, phone: FakeAuthenticator) -> None:
    """With another payload, or too late."""
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    proof = phone.create(offer["publicKey"])
    running.complete(made, offer["attemptId"], proof)

    other = running.complete(made, offer["attemptId"], phone.create(offer["publicKey"]))
    running.clock.add(seconds=301)
    late = running.complete(made, offer["attemptId"], proof)
    assert refusal(other) == refusal(late) == (409, "attempt_used")
    assert binding(running, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}


def test_another_download_asks_for_the_stored_passkey(running: Service, phone: FakeAuthenticator) -> None:
    made = at(running, "apple", phone)
    offer = running.begin(made).json()
    assert [each["id"] for each in offer["publicKey"]["allowCredentials"]]
    done = running.complete(made, offer["attemptId"], phone.get(offer["publicKey"]))

    assert done.status_code == 200
    assert document(running.file(made, done.json()["ticket"]).content)["serialNumber"]
    assert binding(running, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}


@pytest.mark.parametrize(
    "bent", [{"user_verified": False}, {"origin": "https://evil.example.com"}, {"rp_id": "example.com"}]
)
def test_another_download_with_a_wrong_proof_is_refused_and_the_pass_stays_bound(
    running: Service, phone: FakeAuthenticator, bent: dict[str, Any]
) -> None:
    made = at(running, "apple", phone)
    offer = running.begin(made).json()
    wrong = running.complete(made, offer["attemptId"], phone.get(offer["publicKey"], **bent))

    assert refusal(wrong) == (422, "proof_invalid")
    again = running.complete(made, offer["attemptId"], phone.get(offer["publicKey"]))
    assert refusal(again) == (404, "attempt_not_found")
    assert binding(running, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}


def test_a_ticket_is_good_once_for_a_minute_and_by_post_alone(
    running: Service, phone: FakeAuthenticator
) -> None:
    made = running.bound(EMAIL)
    offer = running.begin(made).json()
    proof = phone.create(offer["publicKey"])
    ticket = running.complete(made, offer["attemptId"], proof).json()["ticket"]

    assert running.holder.get(f"{made.page}/file", params={"ticket": ticket}).status_code == 405
    taken = running.file(made, ticket)
    assert taken.status_code == 200
    assert taken.headers["cache-control"] == "no-store"
    assert running.file(made, ticket).status_code == 410
    late = running.complete(made, offer["attemptId"], proof).json()["ticket"]
    running.clock.add(seconds=61)
    assert running.file(made, late).status_code == 410
    assert running.file(made, "canary").status_code == 404


# --- the end ------------------------------------------------------------------


@pytest.mark.parametrize("state", [*STATES, "nullified"])
def test_the_end_of_a_pass_erases_its_holder_and_can_be_repeated(running: Service, state: str) -> None:
    made = at(running, state)
    answers = [running.client.post(f"/api/v1/passes/{made.id}/nullify") for _ in range(2)]

    platform = SHOWN.get(state, {"platform": None})["platform"]
    for each in answers:
        assert each.status_code == 200
        found = each.json()["data"]["attributes"]
        assert found["status"] == "nullified"
        assert found["binding"] == {
            "platform": platform,
            "bound": False,
            "bindingEmail": None,
            "learnMoreUrl": HELP,
        }
    with running.context.store.reading() as transaction:
        kept = transaction.binding(made.id)
    assert kept is not None
    assert (kept.address, kept.credential, kept.ceremony, kept.status.open_attempt) == (None,) * 4


@pytest.mark.parametrize("state", STATES)
def test_bnd_15_after_the_end_nothing_is_possible_any_more(running: Service, state: str) -> None:
    made = at(running, state)
    running.client.post(f"/api/v1/passes/{made.id}/nullify")
    gone = (410, "pass_nullified")

    assert running.google(made).status_code == 410
    assert refusal(running.begin(made)) == gone
    assert refusal(running.complete(made, "x", {})) == gone
    assert running.holder.post(f"{made.page}/apple").status_code == 410
    assert running.holder.get(made.page).status_code == 410
    assert refusal(running.patch(made.id, {"pass": {}})) == gone
    # The binding comes before everything else, in this state as in any.
    immutable = (422, "binding_immutable")
    assert refusal(running.patch(made.id, {"pass": {}, "binding": None})) == immutable
    assert refusal(running.patch(made.id, {"pass": {"barcode": {"enabled": True}}})) == gone


@pytest.mark.parametrize("end", ["expired", "deactivated"])
@pytest.mark.parametrize("state", STATES)
def test_bnd_15_a_pass_that_ran_out_is_handed_out_to_nobody_and_not_locked(
    running: Service, state: str, end: str
) -> None:
    made = at(running, state)
    change = {"expiresAt": "2026-06-01T13:00:00Z"} if end == "expired" else {"status": "deactivate"}
    assert running.patch(made.id, {"pass": change}).status_code == 200
    running.clock.add(hours=2)
    status = 410 if end == "expired" else 409

    assert running.google(made).status_code == status
    assert refusal(running.begin(made)) == (status, f"pass_{end}")
    assert running.holder.post(f"{made.page}/apple").status_code == status
    assert binding(running, made) == {**SHOWN[state], "learnMoreUrl": HELP}


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
@pytest.mark.parametrize("path", ["", "/binding", "/unbind", "/platform"])
def test_there_is_no_call_that_unbinds(running: Service, method: str, path: str) -> None:
    made = at(running, "google")
    answer = running.client.request(method, f"/api/v1/passes/{made.id}{path}", json=BINDING)

    assert answer.status_code in (404, 405)
    assert binding(running, made) == {**SHOWN["google"], "learnMoreUrl": HELP}


# --- looking ------------------------------------------------------------------

PREVIEWERS = [
    {"User-Agent": "WhatsApp/2.24"},
    {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
    {"User-Agent": "Mozilla/5.0 (Linux; Android 15)", "Purpose": "prefetch", "Sec-Purpose": "prefetch"},
    {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"},
    {"User-Agent": ""},
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", PREVIEWERS, ids=range(len(PREVIEWERS)))
def test_bnd_04_looking_decides_nothing(running: Service, method: str, headers: dict[str, str]) -> None:
    """The page, every path below it, and the API; not even an event is written."""
    made = running.bound(EMAIL)
    before = events(running, made)
    for path in ("", "/google", "/apple", "/apple/begin", "/apple/complete", "/file"):
        running.holder.request(method, f"{made.page}{path}", headers=headers)
    for source in ("google", "apple"):
        params = {"includePassSource": source}
        answer = running.client.request(method, f"/api/v1/passes/{made.id}", params=params, headers=headers)
        assert answer.status_code in (405, 422)

    assert binding(running, made) == {**SHOWN["created"], "learnMoreUrl": HELP}
    assert events(running, made) == before


def events(running: Service, made: Made) -> list[Any]:
    with running.context.store.reading() as transaction:
        return list(transaction.events(made.id))


def test_bnd_18_unknown_and_forbidden_look_the_same(running: Service) -> None:
    """Tokens of nobody, cut, long, of a template; ids of others: one answer each, and no order in tokens."""
    made = running.bound(EMAIL)
    token = made.page.rpartition("/")[2]
    assert len(base64.b32decode(token.upper())) == 20
    wrong = [token[:-1], token + "a", token.upper() + "x", "a" * 32, "x", "%00", "a" * 5000, "..%2f"]
    answers = [running.holder.get(f"/p/{each}") for each in wrong]
    posted = [running.holder.post(f"/p/{each}/apple/begin", json={}) for each in wrong[:5]]

    assert {each.status_code for each in (*answers[:6], *posted)} == {404}
    assert len({each.text for each in answers[:6]}) == 1
    assert len({each.text for each in posted}) == 1


# --- shapes -------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_the_shape_of_an_answer_is_the_golden_one(running: Service, state: str) -> None:
    """Created, Google bound, Apple pending, Apple bound: whole answers, but for ids and hosts."""
    made = running.create(
        binding={"email": "user.canary@gmail.com", "learnMoreUrl": HELP}, values={"fullName": "Jane Smith"}
    )["data"]
    found = running.bound(EMAIL)
    page = type(found)(made["id"], made["attributes"]["downloadUrl"].removeprefix(BASE), "")
    if state == "google":
        running.google(page)
    if state in ("pending", "apple"):
        running.begin(page)
    if state == "apple":
        running.bind_to_apple(page, FakeAuthenticator(BASE))
    answer = running.client.get(f"/api/v1/passes/{made['id']}").json()
    if state == "created":
        assert answer == {"data": made}
    answer["data"]["id"] = "ID"
    shown = answer["data"]["attributes"]
    assert shown["nfc"] == shown["serialNumber"]
    shown |= dict.fromkeys(("passTemplate", "passTemplateUuid"), "TEMPLATE")
    shown |= dict.fromkeys(("serialNumber", "nfc"), "SERIAL")
    shown["downloadUrl"] = re.sub(
        r"^https://[^/]+/p/[a-z2-7]{32}$", "https://HOST/p/TOKEN", shown["downloadUrl"]
    )
    text = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"

    assert text == (GOLDEN / f"pass-{state}.json").read_text("utf-8")


# --- Wallet's own binding, for which the service has to be configured -----------


@pytest.fixture(scope="module")
def with_wallet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    identity = apple_builder().identity
    assert identity is not None
    provider = IssuerBindingProvider(
        identity=identity, callback=f"{BASE}{WALLET_CALLBACK}", rp_id="passes.example.com", vault=Vault(KEYS)
    )
    with service(tmp_path_factory.mktemp("wallet"), provider=provider) as made:
        yield made


def answer_of_wallet(running: Service, made: Made, offer: Any, blob: str) -> bytes:
    """What Wallet's callback is answered with; Wallet has no login."""
    answer = running.holder.post(
        f"{WALLET_CALLBACK}/{made.id}",
        params={"sessionIdentifier": offer["attemptId"]},
        json={"issuerBindingData": blob, "keyHash": "9f" * 32},
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def test_issuer_data_is_the_same_byte_for_byte_in_the_link_and_under_the_signature(
    with_wallet: Service,
) -> None:
    offer = with_wallet.begin(with_wallet.bound(EMAIL)).json()
    linked, signed = offer["walletUrl"].partition("#")[2].split("&")
    data = base64.b64decode(linked, validate=True)

    assert (linked, signed) == (offer["issuerData"], offer["signature"])
    assert json.loads(data)["sessionIdentifier"] == offer["attemptId"]
    signature = cms_signature.parse(base64.b64decode(signed, validate=True))
    cms_signature.verify(signature, data)
    with pytest.raises(InvalidInput, match="another"):
        cms_signature.verify(signature, data + b" ")


def test_the_members_of_a_binding_are_repeated_in_every_version_of_the_pass(with_wallet: Service) -> None:
    """A version without them is no longer treated as bound; one with others loses NFC."""
    made = with_wallet.bound(EMAIL)
    first = document(answer_of_wallet(with_wallet, made, with_wallet.begin(made).json(), "0aFF" * 8))
    assert first["issuerBindingData"] == {"issuerBindingData": "0aFF" * 8, "learnMoreURL": HELP}

    assert with_wallet.patch(made.id, {"pass": {"values": {"fullName": "Jane Doe"}}}).status_code == 200
    offer = with_wallet.begin(made).json()
    asked = json.loads(base64.b64decode(offer["issuerData"]))["fidoProfile"]
    second = document(answer_of_wallet(with_wallet, made, offer, "0aFF" * 8))

    assert first != second
    assert asked == first["fidoProfile"] == second["fidoProfile"]
    assert first["issuerBindingData"] == second["issuerBindingData"]
    assert binding(with_wallet, made) == {**SHOWN["apple"], "learnMoreUrl": HELP}
