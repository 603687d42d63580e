"""The service answers a client that was written for the public API as that API would.

Requests and answers are literal. `GUIDE` is the create request of the binding guide.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from passwright import Template
from passwright.documents.placeholders import to_text
from passwright.model import folder
from passwright.service.store.protocol import Organisation, PassStatus
from passwright.service.web.models import ChangedPassBody, NewPassBody
from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.run_service import BASE, Made, service
from tests.service_context import AT, HELP, ROOT, edited, membership, template_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.run_service import Service

BINDING = {"email": "user@gmail.com", "learnMoreUrl": "https://support.example.com/pass-help"}
GUIDE: dict[str, Any] = {
    "pass": {"fullName": {"value": "Jane Smith"}, "nfc": {"enabled": True}},
    "binding": {"email": "user@gmail.com", "learnMoreUrl": "https://support.example.com/pass-help"},
}
MASKED = {
    "platform": None,
    "bound": False,
    "bindingEmail": "u***@gmail.com",
    "learnMoreUrl": "https://support.example.com/pass-help",
}


@pytest.fixture
def newest(running: Service) -> Iterator[None]:
    """Passes that are made in this test come first in lists."""
    running.clock.add(days=1)
    yield
    running.clock.at = AT


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("seed")) as made:
        yield made


def create(running: Service, body: Any, **params: Any) -> httpx2.Response:
    params = {"passTemplate": running.ours.template, **params}
    return running.client.post("/api/v1/passes", params=params, json=body)


def created(running: Service, body: Any, **params: Any) -> dict[str, Any]:
    """The member `data` of a pass that was created."""
    answer = create(running, body, **params)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def refusals(answer: httpx2.Response) -> list[tuple[int, str, str | None]]:
    """Status, code and pointer of each error."""
    errors = answer.json()["errors"]
    return [(int(each["status"]), each["code"], each.get("source", {}).get("pointer")) for each in errors]


# --- the binding guide --------------------------------------------------------


def test_s1_1a_the_create_request_of_the_guide_is_answered_as_the_guide_says(running: Service) -> None:
    answer = create(running, GUIDE)

    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert data["type"] == "pass"
    assert data["id"]
    assert data["attributes"]["downloadUrl"].startswith(f"{BASE}/p/")
    assert data["attributes"]["status"] == "issued"
    assert data["attributes"]["binding"] == MASKED
    assert data["attributes"]["values"] == {"fullName": "Jane Smith"}


@pytest.mark.parametrize("member", ["barcode", "qr", "qrCode"])
@pytest.mark.parametrize(
    "barcode", [{"enabled": True}, {"value": "M-1"}, {"enabled": True, "source": "uuid"}]
)
def test_s1_1b_a_binding_and_a_barcode_in_one_create_are_400_with_a_pointer(
    running: Service, member: str, barcode: Any
) -> None:
    before = total(running)
    body = {**GUIDE, "pass": {**GUIDE["pass"], member: barcode}}

    assert refusals(create(running, body)) == [(400, "binding_barcode_conflict", f"/pass/{member}")]
    assert total(running) == before


def total(running: Service) -> int:
    found: int = running.client.get("/api/v1/passes").json()["meta"]["total"]
    return found


def test_s1_1b_a_barcode_that_is_switched_off_is_none(running: Service) -> None:
    created(running, {**GUIDE, "pass": {**GUIDE["pass"], "barcode": {"enabled": False, "type": "qr"}}})


def barcode_template(running: Service) -> str:
    """A membership template with a barcode of its own."""
    files = {**template_files()}
    files["template.toml"] += b"\n[barcode]\n"
    sent = {
        name: data.decode() if name.endswith(".toml") else base64.b64encode(data).decode()
        for name, data in files.items()
    }
    answer = running.client.post("/api/v1/pass-templates", json={"files": sent})
    found: str = answer.json()["data"]["id"]
    return found


def test_s1_2c_a_barcode_of_the_template_conflicts_with_the_binding_and_has_a_pointer(
    running: Service,
) -> None:
    template = barcode_template(running)
    switched_off = {**GUIDE, "pass": {**GUIDE["pass"], "barcode": {"enabled": False}}}
    asked = {**GUIDE, "pass": {**GUIDE["pass"], "barcode": {"type": "aztec"}}}

    answer = create(running, GUIDE, passTemplate=template)
    assert refusals(answer) == [(400, "binding_barcode_conflict", "/binding")]
    answer = create(running, asked, passTemplate=template)
    assert refusals(answer) == [(400, "binding_barcode_conflict", "/pass/barcode")]
    created(running, switched_off, passTemplate=template)


@pytest.mark.parametrize("member", ["barcode", "qr", "qrCode"])
def test_s1_2c_an_update_that_adds_a_barcode_to_a_bound_pass_has_a_pointer_and_changes_nothing(
    running: Service, member: str
) -> None:
    made = created(running, GUIDE)
    answer = running.patch(made["id"], {"pass": {"points": 7, member: {"enabled": True}}})

    assert refusals(answer) == [(400, "binding_barcode_conflict", f"/pass/{member}")]
    assert running.show(made["id"]) == made["attributes"]


@pytest.mark.parametrize(
    "body",
    [
        {"binding": BINDING},
        {"binding": None},
        {"binding": {}},
        {"binding": "x", "pass": {"points": 1}},
        {"binding": BINDING, "pass": {"barcode": {"enabled": True}}},
        {"binding": BINDING, "pass": {"barcode": 5, "values": []}, "other": 1},
        {"binding": BINDING, "pass": None},
    ],
)
@pytest.mark.parametrize("bound", [True, False])
def test_s1_2a_a_binding_in_an_update_is_immutable_and_nothing_else_is_said(
    running: Service, body: Any, *, bound: bool
) -> None:
    made = created(running, GUIDE if bound else {"pass": GUIDE["pass"]})
    answers = [
        running.patch(made["id"], body),
        running.patch(made["id"], body, headers={"If-Match": '"99"'}),
        running.patch(made["id"], body, headers={"Idempotency-Key": ""}),
        running.patch(made["id"], body, params={"includeNothing": "true"}),
    ]

    assert [refusals(each) for each in answers] == [[(422, "binding_immutable", "/binding")]] * 4
    assert running.show(made["id"]) == made["attributes"]


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ({"email": "user@gmail.com"}, {"/binding/learnMoreUrl": "is missing"}),
        ({"learnMoreUrl": HELP}, {"/binding/email": "is missing"}),
        ({"email": None, "learnMoreUrl": HELP}, {"/binding/email": "must be text"}),
        (
            {"email": "user", "learnMoreUrl": "http://a.example"},
            {"/binding/email": "", "/binding/learnMoreUrl": ""},
        ),
        ({**BINDING, "learnMoreUrl": f"https://a.example/{'x' * 238}"}, {"/binding/learnMoreUrl": ""}),
        ({}, {"/binding": ""}),
        (None, {"/binding": ""}),
    ],
)
def test_s1_2b_a_binding_that_breaks_rules_is_422_with_the_pointer_of_each(
    running: Service, binding: Any, expected: dict[str, str]
) -> None:
    """A member that is missing is called missing."""
    answer = create(running, {**GUIDE, "binding": binding})

    assert refusals(answer) == [(422, "binding_invalid", pointer) for pointer in expected]
    for each, rule in zip(answer.json()["errors"], expected.values(), strict=True):
        assert rule in each["detail"]


def test_s1_2b_a_link_of_255_characters_is_taken(running: Service) -> None:
    url = f"https://a.example/{'x' * 237}"
    assert len(url) == 255
    created(running, {**GUIDE, "binding": {**BINDING, "learnMoreUrl": url}})


def test_s1_2d_without_the_feature_a_binding_is_403(running: Service) -> None:
    with running.context.store.writing() as transaction:
        transaction.put_organisation(Organisation(id="org-1", name="org-1", binding=False))
    try:
        answer = create(running, GUIDE)
        plain = create(running, {"pass": GUIDE["pass"]})
    finally:
        with running.context.store.writing() as transaction:
            transaction.put_organisation(Organisation(id="org-1", name="org-1"))

    assert [each[:2] for each in refusals(answer)] == [(403, "binding_disabled")]
    assert plain.status_code == 201


def page_of(data: dict[str, Any]) -> Made:
    return Made(data["id"], data["attributes"]["downloadUrl"].removeprefix(BASE), "user@gmail.com")


@pytest.mark.usefixtures("newest")
def test_s1_2e_the_first_platform_keeps_the_pass_and_the_members_say_so(running: Service) -> None:
    """Google first, and Apple first, as far as the ceremony and to its end."""
    google, pending, apple = (page_of(created(running, GUIDE)) for _ in range(3))
    assert running.google(google).status_code == 303
    assert running.begin(pending).status_code == 200
    running.bind_to_apple(apple, FakeAuthenticator(BASE))

    expected: dict[str, dict[str, Any]] = {
        google.id: {**MASKED, "platform": "google", "bound": True},
        pending.id: {**MASKED, "platform": "apple", "bindingEmail": None},
        apple.id: {**MASKED, "platform": "apple", "bound": True, "bindingEmail": None},
    }
    assert {each: running.show(each)["binding"] for each in expected} == expected
    listed = running.client.get("/api/v1/passes", params={"perPage": 100, "includeBinding": "true"}).json()
    found = {each["id"]: each["attributes"].get("binding") for each in listed["data"]}
    assert {each: found[each] for each in expected} == expected
    plain = running.client.get("/api/v1/passes", params={"perPage": 100}).json()
    assert not any("binding" in each["attributes"] for each in plain["data"])
    for each, binding in expected.items():
        answer = running.patch(each, {"pass": {"points": 1}})
        assert answer.json()["data"]["attributes"]["binding"] == binding

    assert refusals(running.begin(google)) == [(409, "platform_locked", None)]


def page_on(device: str, running: Service, made: Made) -> httpx2.Response:
    return running.holder.get(made.page, headers={"User-Agent": f"Mozilla/5.0 ({device})"})


def test_s1_2f_the_page_says_which_wallet_has_the_pass_and_how_to_get_a_new_one(running: Service) -> None:
    google, apple = (page_of(created(running, GUIDE)) for _ in range(2))
    running.google(google)
    running.bind_to_apple(apple, FakeAuthenticator(BASE))
    answers = {
        "Apple Wallet": [running.google(apple), page_on("Android", running, apple)],
        "Google Wallet": [running.holder.post(f"{google.page}/apple"), page_on("iPhone", running, google)],
    }

    assert [each[0].status_code for each in answers.values()] == [409, 409]
    for wallet, pages in answers.items():
        for page in pages:
            assert f"This pass belongs to {wallet}" in page.text
            assert "ask the issuer for a new pass" in page.text
            assert HELP in page.text


# --- values -------------------------------------------------------------------


def test_s1_1c_values_stand_directly_in_the_pass_wrapped_or_plain_and_in_values(running: Service) -> None:
    body = {"pass": {"fullName": "Jane Smith", "points": {"value": 5}, "values": {"tier": "Gold"}}}
    made = created(running, body)
    assert made["attributes"]["values"] == {"fullName": "Jane Smith", "points": 5, "tier": "Gold"}

    answer = running.patch(made["id"], {"pass": {"points": 6, "tier": {"value": None}}})
    assert answer.json()["data"]["attributes"]["values"] == {"fullName": "Jane Smith", "points": 6}


def test_s1_1d_a_field_given_both_ways_is_422(running: Service) -> None:
    body = {"pass": {"fullName": "Jane Smith", "values": {"fullName": "Jane Smith"}}}
    expected = [(422, "invalid_member", "/pass/fullName")]

    assert refusals(create(running, body)) == expected
    made = created(running, {"pass": {"fullName": "Jane Smith"}})
    assert refusals(running.patch(made["id"], body)) == expected


def test_s1_1e_what_is_no_field_of_the_template_is_422_at_its_name(running: Service) -> None:
    """Also a value that breaks the rules of its field; a name that could be data is not repeated."""
    unknown = {"pass": {"fullName": "Jane", "fulName": "Jane", "canary@example.com": 1}}
    assert refusals(create(running, unknown)) == [
        (422, "invalid_member", "/pass"),
        (422, "invalid_member", "/pass/fulName"),
    ]
    wrong = {"pass": {"fullName": "Jane", "points": "many", "values": {"since": "never"}}}
    assert refusals(create(running, wrong)) == [
        (422, "pass_invalid", "/pass/values/since"),
        (422, "pass_invalid", "/pass/points"),
    ]
    fixed = {"pass": {"fullName": "Jane", "number": "5"}}
    assert refusals(create(running, fixed)) == [(422, "pass_rejected", "/pass/number")]
    made = created(running, {"pass": {"fullName": "Jane"}})
    assert refusals(running.patch(made["id"], {"pass": {"fulName": 1}})) == [
        (422, "invalid_member", "/pass/fulName")
    ]


def test_s1_1f_a_reserved_name_means_the_member_and_the_field_is_given_in_values(running: Service) -> None:
    text = template_files()["template.toml"].replace(
        b"[fields]\n", b'[fields]\ntags = { slot = "back", label = "Tags", optional = true }\n'
    )
    template = running.ours.template
    with running.context.store.reading() as transaction:
        kept = transaction.template("org-1", template)
    assert kept is not None
    edited(running.context, kept, text)
    try:
        made = created(running, {"pass": {"fullName": "Jane", "tags": ["vip"], "values": {"tags": "x"}}})
    finally:
        edited(
            running.context,
            kept.__class__(**{**members(kept), "version": 2}),
            template_files()["template.toml"],
        )

    assert made["attributes"]["values"] == {"fullName": "Jane", "tags": "x"}


def members(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def test_s1_1f_the_loader_warns_of_each_reserved_name() -> None:
    names = sorted(folder.API_MEMBERS)
    fields = "".join(f'{name} = {{ slot = "back", label = "x", optional = true }}\n' for name in names)
    text = template_files()["template.toml"].decode().replace("[fields]\n", f"[fields]\n{fields}")
    template, report = folder.read_files({**template_files(), "template.toml": text.encode()})
    _, plain = folder.read_files(template_files())

    found = [each for each in report if each.code == "reserved-field-name"]
    assert template is not None
    assert [each.location.rpartition("/")[2] for each in found] == names
    assert {each.severity.value for each in found} == {"warning"}
    assert "reserved-field-name" not in {each.code for each in plain}


def test_s1_1f_the_reserved_names_are_the_members_of_the_models() -> None:
    known = {each.alias for model in (NewPassBody, ChangedPassBody) for each in model.model_fields.values()}
    assert known == folder.API_MEMBERS


# --- members beside the values ------------------------------------------------


def test_s1_1g_the_external_id_may_stand_in_the_query(running: Service) -> None:
    made = created(running, GUIDE, extId="query-1")
    assert made["attributes"]["extId"] == "query-1"
    assert running.show("query-1")["extId"] == "query-1"
    body = {"pass": {"fullName": "Jane", "extId": "query-2"}}
    assert created(running, body, extId="query-2")["attributes"]["extId"] == "query-2"

    body = {"pass": {"fullName": "Jane", "extId": "query-3"}}
    assert refusals(create(running, body, extId="query-4")) == [(422, "invalid_member", "/pass/extId")]
    assert create(running, body, extId="a b").status_code == 400


def test_s1_1h_the_action_of_an_update_has_two_names(running: Service) -> None:
    made = created(running, GUIDE)["id"]
    for action, status in (("deactivate", "deactivated"), ("reactivate", "issued")):
        answer = running.patch(made, {"pass": {"passAction": action}})
        assert answer.json()["data"]["attributes"]["status"] == status
    both = {"pass": {"passAction": "deactivate", "status": "deactivate"}}

    assert refusals(running.patch(made, both)) == [(422, "invalid_member", "/pass")]
    assert refusals(create(running, {"pass": {**GUIDE["pass"], "passAction": "deactivate"}})) == [
        (422, "invalid_member", "/pass/passAction")
    ]


# --- members of a pass --------------------------------------------------------

MEMBERS = {
    *("downloadUrl", "passType", "deviceType", "status", "extId", "tags", "createdAt", "addedAt"),
    *("removedAt", "deactivatedAt", "expiresAt", "nullifiedAt", "passTemplateUuid", "passTemplateName"),
    *("nfc", "barcode", "latestMessage", "passContent"),
}


def test_s1_1i_a_pass_has_every_member_of_the_api(running: Service) -> None:
    """In answers to create, show, list, update and nullify; what nobody can know yet is null."""
    made = created(running, GUIDE, extId="members-1")
    answers = [
        made,
        running.client.get("/api/v1/passes/members-1").json()["data"],
        running.client.get("/api/v1/passes", params={"extId": "members-1"}).json()["data"][0],
        running.patch("members-1", {"pass": {"message": "Hello"}}).json()["data"],
        running.client.post("/api/v1/passes/members-1/nullify").json()["data"],
    ]
    for each in answers:
        assert each["attributes"].keys() >= MEMBERS
    attributes = made["attributes"]
    known = {name: attributes[name] for name in MEMBERS - {"downloadUrl"}}
    assert known == {
        "passType": "storeCard",
        "deviceType": None,
        "status": "issued",
        "extId": "members-1",
        "tags": [],
        "createdAt": "2026-06-01T12:00:00Z",
        "addedAt": None,
        "removedAt": None,
        "deactivatedAt": None,
        "expiresAt": None,
        "nullifiedAt": None,
        "passTemplateUuid": running.ours.template,
        "passTemplateName": "Coffee Club",
        "nfc": attributes["serialNumber"],
        "barcode": {},
        "latestMessage": None,
        "passContent": {**GUIDE["pass"], "extId": "members-1"},
    }
    assert answers[3]["attributes"]["latestMessage"] == "Hello"


def test_s1_1i_what_was_sent_comes_back(running: Service) -> None:
    """Tags, places, beacons, barcode and NFC; null takes each away."""
    sent = {
        "fullName": {"value": "Jane Smith"},
        "points": {"value": 5},
        "nfc": {"enabled": True, "source": "custom", "value": "TAP-1"},
        "barcode": {"enabled": True, "type": "aztec", "source": "extId", "displayText": "Show me"},
        "message": "Hello",
        "groupTag": "spring",
        "tags": ["vip", "munich"],
        "locations": [{"latitude": 1.5, "longitude": 2.0, "text": "Here"}],
        "beacons": [{"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "major": 1}],
        "expiresAt": "2030-01-01T00:00:00+00:00",
        "extId": "sent-1",
    }
    made = created(running, {"pass": sent}, includeLocations="true", includeBeacons="true")["attributes"]

    assert made["passContent"] == sent
    assert made["nfc"] == "TAP-1"
    assert made["barcode"] == {
        "enabled": True,
        "type": "aztec",
        "source": "extId",
        "value": "sent-1",
        "displayText": "Show me",
    }
    assert (made["groupTag"], made["tags"]) == ("spring", ["vip", "munich"])
    assert made["locations"] == sent["locations"]
    assert made["beacons"] == sent["beacons"]
    off = dict.fromkeys(
        ("barcode", "message", "groupTag", "tags", "locations", "beacons", "expiresAt", "points")
    )
    after = running.patch("sent-1", {"pass": {**off, "nfc": {"enabled": False}}}).json()["data"]["attributes"]
    assert after["passContent"] == {
        "fullName": {"value": "Jane Smith"},
        "nfc": {"enabled": False},
        "extId": "sent-1",
    }
    assert (after["nfc"], after["barcode"], after["tags"], after["groupTag"]) == (None, {}, [], None)


def test_s1_1i_the_beacons_of_a_pass_are_in_its_file(running: Service) -> None:
    beacon = {"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "major": 1, "relevantText": "Near"}
    body = {"pass": {"fullName": "Jane", "beacons": [beacon]}}
    made = created(running, body, includePassSource="apple")["attributes"]

    assert made["passSource"] == {"applePassFile": made["applePassFile"]}
    assert pass_json(made)["beacons"] == [beacon]
    none = created(running, {"pass": {"fullName": "Jane", "beacons": []}}, includePassSource="apple")
    assert "beacons" not in pass_json(none["attributes"])


def pass_json(attributes: dict[str, Any]) -> dict[str, Any]:
    """The pass.json of the file in an answer."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(attributes["applePassFile"]))) as archive:
        found: dict[str, Any] = json.loads(archive.read("pass.json"))
        return found


@pytest.mark.parametrize(
    ("beacon", "pointer"),
    [
        ({}, "/pass/beacons/0/proximityUUID"),
        ({"proximityUUID": "x"}, "/pass/beacons/0/proximityUUID"),
        ({"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "major": 65536}, "/pass/beacons/0/major"),
        ({"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "x": 1}, "/pass/beacons/0/x"),
    ],
)
def test_s1_1i_a_beacon_that_is_none_is_refused(running: Service, beacon: Any, pointer: str) -> None:
    answer = create(running, {"pass": {"fullName": "Jane", "beacons": [beacon]}})
    assert refusals(answer) == [(422, "invalid_member", pointer)]


def test_s1_1i_the_times_of_a_pass_are_kept(running: Service) -> None:
    made = created(running, GUIDE)["id"]
    try:
        for action in ("deactivate", "deactivate"):
            running.clock.add(seconds=60)
            running.patch(made, {"pass": {"passAction": action}})
        assert running.show(made)["deactivatedAt"] == "2026-06-01T12:01:00Z"
        running.patch(made, {"pass": {"passAction": "reactivate"}})
        assert running.show(made)["deactivatedAt"] is None
        for _ in range(2):
            running.clock.add(seconds=60)
            running.client.post(f"/api/v1/passes/{made}/nullify")
        assert running.show(made)["nullifiedAt"] == "2026-06-01T12:03:00Z"
    finally:
        running.clock.at = AT


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("coupon", "storeCard"),
        ("event", "eventTicket"),
        ("flight", "transit"),
        ("gift-card", "storeCard"),
        ("id-card", "generic"),
        ("train", "transit"),
    ],
)
def test_s1_1i_the_type_of_a_pass_is_that_of_its_template(running: Service, kind: str, expected: str) -> None:
    files = {
        name: data.decode() if name.endswith(".toml") else base64.b64encode(data).decode()
        for name, data in template_files(kind).items()
    }
    template = running.client.post("/api/v1/pass-templates", json={"files": files}).json()["data"]["id"]
    example = Template.load(ROOT / "fixtures" / "templates" / kind).example()
    values = {name: to_text(value) for name, value in example.values.items()}

    made = created(running, {"pass": values}, passTemplate=template)
    assert made["attributes"]["passType"] == expected


def test_s1_1i_a_pass_that_no_longer_fits_its_template_is_shown_all_the_same(running: Service) -> None:
    """Alone, in lists, and when it ends; nobody knows then what it says to a reader."""
    template = membership(running.context)
    made = created(running, {"pass": {"fullName": "Jane", "tier": "Gold"}}, passTemplate=template.id)
    text = template_files()["template.toml"]
    edited(
        running.context,
        template,
        text.replace(b"tier     = {", b'tier     = { type = "date",').replace(b'"Bronze"', b"2024-05-01"),
    )
    listed = running.client.get("/api/v1/passes", params={"passTemplate": template.id}).json()["data"]
    ended = running.client.post(f"/api/v1/passes/{made['id']}/nullify").json()["data"]

    for each in (listed[0], ended):
        assert each["attributes"]["values"] == {"fullName": "Jane", "tier": "Gold"}
        assert (each["attributes"]["nfc"], each["attributes"]["barcode"]) == (None, {})


# --- barcodes -----------------------------------------------------------------


@pytest.mark.parametrize("given", ["qr", "qrCode"])
def test_s1_1j_older_spellings_of_a_barcode_are_accepted(running: Service, given: str) -> None:
    older = created(running, {"pass": {"fullName": "Jane", given: {"value": "M-1"}}})["attributes"]
    typed = created(running, {"pass": {"fullName": "Jane", "barcode": {"type": given, "value": "M-1"}}})

    expected = {"enabled": True, "type": "qr", "source": "custom", "value": "M-1", "displayText": None}
    assert older["barcode"] == typed["attributes"]["barcode"] == expected


def test_s1_1j_the_value_of_a_barcode_holds_fields_of_the_pass(running: Service) -> None:
    """In the answer and in the file; when the field changes, so does the barcode."""
    value = "%{passData.fullName}/%{passData.points}/%{passData.number}/100%"
    body = {"pass": {"fullName": "Jane {x}", "barcode": {"enabled": True, "type": "pdf417", "value": value}}}
    made = created(running, body, includePassSource="apple")
    serial = made["attributes"]["serialNumber"]

    assert made["attributes"]["barcode"]["value"] == f"Jane {{x}}/0/{serial}/100%"
    assert pass_json(made["attributes"])["barcodes"][0]["message"] == f"Jane {{x}}/0/{serial}/100%"
    assert made["attributes"]["passContent"]["barcode"]["value"] == value
    after = running.patch(made["id"], {"pass": {"points": 7}}).json()["data"]["attributes"]
    assert after["barcode"]["value"] == f"Jane {{x}}/7/{serial}/100%"


@pytest.mark.parametrize("name", ["nobody", "since", "serial", "@nfc"])
def test_s1_1j_a_field_without_a_value_can_not_stand_in_a_barcode(running: Service, name: str) -> None:
    """One that the template has not, and one that this pass has not."""
    value = f"%{{passData.{name}}}"
    answer = create(running, {"pass": {"fullName": "Jane", "qr": {"value": value}}})
    if name == "@nfc":  # no field can be called that, so it is text
        assert answer.json()["data"]["attributes"]["barcode"]["value"] == value
    else:
        assert refusals(answer) == [(422, "pass_invalid", "/pass/qr/value")]


# --- query switches -----------------------------------------------------------


def test_s1_1k_every_switch_of_the_api_is_known(running: Service) -> None:
    made = created(running, {"pass": {"fullName": "Jane"}}, extId="switch-1")
    switches = {"includePassDesign": "true", "includeLocations": "true", "includeBeacons": "true"}
    one = running.show("switch-1", **switches, includeBinding="true", includePassSource="google")
    many = running.client.get("/api/v1/passes", params={**switches, "extId": "switch-1"}).json()["data"]

    assert one["googleDownloadUrl"].startswith("https://pay.google.com/gp/v/save/")
    assert one["passSource"] == {"googleDownloadUrl": one["googleDownloadUrl"]}
    for each in (one, many[0]["attributes"]):
        assert each["passDesign"]["name"] == "Coffee Club"
        assert [place["text"] for place in each["locations"]] == ["Your table at Marienplatz is near"]
        assert each["beacons"] == []
    assert many[0]["id"] == made["id"]


def test_s1_1k_the_source_of_an_active_pass_is_left_out(running: Service) -> None:
    made = created(running, {"pass": {"fullName": "Jane"}})["id"]
    with running.context.store.writing() as transaction:
        was = transaction.pass_("org-1", made)
        assert was is not None
        transaction.change_pass(was, replace(was, status=PassStatus.ACTIVE, version=2))
    shown = running.show(made, includePassSource="google")

    assert shown["status"] == "active"
    assert not shown.keys() & {"passSource", "googleDownloadUrl"}


# --- a client that knows the sheet alone --------------------------------------


class Client:
    """A client of the public API: its paths, its bodies, its members, and nothing of ours."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx2.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )

    def send(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        answer = self.http.request(method, path, json=body, params=params)
        assert answer.is_success, answer.text
        return answer.json()["data"]


@pytest.mark.usefixtures("newest")
def test_s1_1l_a_client_of_the_api_walks_the_life_of_a_pass(running: Service) -> None:
    """Create, show, list, update, both downloads, nullify, and the external id once more."""
    client = Client(running.url, running.ours.key)
    template = running.ours.template
    with client.http:
        bound = client.send("POST", "/passes", GUIDE, passTemplate=template, extId="walk-1")
        assert bound["attributes"]["binding"] == MASKED
        shown = client.send("GET", "/passes/walk-1")
        assert shown["id"] == bound["id"]
        listed = client.send("GET", "/passes", includeBinding="true")
        assert [each["attributes"]["binding"] for each in listed if each["id"] == bound["id"]] == [MASKED]
        changes = {"pass": {"fullName": {"value": "Jane Doe"}, "points": "7", "message": "Hello"}}
        changed = client.send("PATCH", f"/passes/{bound['id']}", changes)
        assert changed["attributes"]["passContent"]["fullName"] == {"value": "Jane Doe"}
        assert changed["attributes"]["latestMessage"] == "Hello"

        link = client.send("PATCH", "/passes/walk-1", {"pass": {}}, includePassSource="google")
        assert link["attributes"]["googleDownloadUrl"].startswith("https://pay.google.com/gp/v/save/")
        assert link["attributes"]["binding"] == {**MASKED, "platform": "google", "bound": True}

        plain = {
            "pass": {"fullName": "John Smith", "barcode": {"enabled": True, "type": "qr", "source": "uuid"}}
        }
        other = client.send("POST", "/passes", plain, passTemplate=template)
        assert other["attributes"]["barcode"]["value"] == other["id"]
        file = client.send("GET", f"/passes/{other['id']}", includePassSource="apple")["attributes"]
        assert pass_json(file)["barcodes"][0]["message"] == other["id"]
        for action, status in (("deactivate", "deactivated"), ("reactivate", "issued")):
            after = client.send("PATCH", f"/passes/{other['id']}", {"pass": {"passAction": action}})
            assert after["attributes"]["status"] == status

        for _ in range(2):
            ended = client.send("POST", "/passes/walk-1/nullify")
            assert ended["attributes"]["status"] == "nullified"
            assert ended["attributes"]["nullifiedAt"] is not None
        again = client.send("POST", "/passes", GUIDE, passTemplate=template, extId="walk-1")
        assert again["id"] != bound["id"]


# --- templates ----------------------------------------------------------------

PICTURES = {
    "banner": "strip@3x.png",
    "logo": "logo@3x.png",
    "icon": "icon@3x.png",
    "watermark": "logo@3x.png",
}
TEMPLATE: dict[str, Any] = {
    "name": "Club 2026",
    "templateType": "loyalty",
    "defaultLanguage": "en",
    "centralTitle": "Coffee Club",
    "notificationHeader": "Coffee Roasters",
    "description": "A card of the club",
    "colors": {"background": "#112233", "label": "#ddeeff", "text": "#ffffff"},
    "fields": {
        "header": {
            "one": {"id": "points", "label": "Points", "defaultValue": "0", "localisation": {"de": "Punkte"}}
        },
        "central": {"one": {"id": "fullName", "label": "Member"}},
        "details": {
            "two": {"id": "tier", "label": "Tier"},
            "one": {"id": "since", "label": "Since"},
        },
        "back": {"one": {"id": "terms", "label": "Terms", "defaultValue": "None {so far}"}},
    },
    "appLinking": {"android": {"package": "com.example"}},
    "barcode": {"enabled": True, "type": "qrCode", "source": "custom", "value": "%{passData.fullName}-{x}"},
    "locations": [{"latitude": 48.1, "longitude": 11.5, "text": "Near"}],
    "beacons": [{"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0"}],
}


def picture(name: str) -> bytes:
    return template_files()[f"images/{PICTURES[name]}"]


def pictures_in_base64() -> dict[str, str]:
    return {name: base64.b64encode(picture(name)).decode() for name in PICTURES}


def bring(running: Service, given: dict[str, Any]) -> httpx2.Response:
    return running.client.post("/api/v1/pass-templates", json={"passTemplate": given})


def test_s1_1m_a_template_of_the_api_becomes_one_of_ours(running: Service) -> None:
    """Its members reach the pass; what is not used is told."""
    answer = bring(running, {**TEMPLATE, "images": pictures_in_base64()})
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert (data["type"], data["attributes"]["name"]) == ("passTemplate", "Club 2026")
    unused = [
        each["location"] for each in answer.json()["meta"]["findings"] if each["code"] == "unused-member"
    ]
    assert unused == ["passTemplate#/appLinking", "passTemplate#/images/watermark"]

    body = {"pass": {"fullName": {"value": "Jane"}}}
    made = created(running, body, passTemplate=data["id"], includePassSource="apple")["attributes"]
    assert (made["passTemplateName"], made["passType"]) == ("Club 2026", "storeCard")
    assert made["barcode"]["value"] == "Jane-{x}"
    document = pass_json(made)
    assert (document["organizationName"], document["description"]) == (
        "Coffee Roasters",
        "A card of the club",
    )
    assert document["backgroundColor"] == "rgb(17, 34, 51)"
    style = document["storeCard"]
    shown = {slot: [each["key"] for each in style[f"{slot}Fields"]] for slot in ("header", "primary", "back")}
    assert shown == {"header": ["points"], "primary": ["fullName"], "back": ["terms"]}
    assert style["backFields"][0]["value"] == "None {so far}"
    assert document["locations"][0]["latitude"] == 48.1
    assert document["beacons"] == TEMPLATE["beacons"]


def test_s1_1m_the_title_of_wallets_is_the_central_one(running: Service) -> None:
    template = bring(running, {**TEMPLATE, "images": pictures_in_base64()}).json()["data"]["id"]
    made = created(
        running, {"pass": {"fullName": "Jane", "tier": "Gold", "since": "2020"}}, passTemplate=template
    )
    design = running.show(made["id"], includePassDesign="true")["passDesign"]

    assert design["name"] == "Coffee Club"
    assert [each["slot"] for each in design["fields"].values()] == [
        *("header", "primary", "secondary", "secondary", "back")
    ]
    assert list(design["fields"]) == ["points", "fullName", "since", "tier", "terms"]


@pytest.mark.parametrize(
    ("kind", "transit", "style", "transit_type"),
    [
        ("generic", None, "generic", None),
        ("eventTicket", None, "eventTicket", None),
        ("transit", "airplane", "boardingPass", "PKTransitTypeAir"),
        ("transit", "bus", "boardingPass", "PKTransitTypeBus"),
        ("transit", "train", "boardingPass", "PKTransitTypeTrain"),
        ("transit", "ferry", "boardingPass", "PKTransitTypeBoat"),
        ("transit", "other", "boardingPass", "PKTransitTypeGeneric"),
    ],
)
def test_s1_1m_every_type_of_template_makes_passes_for_both_wallets(
    running: Service, kind: str, transit: str | None, style: str, transit_type: str | None
) -> None:
    images = {**pictures_in_base64(), "url": "https://cdn.example.com/club/"}
    given = {**TEMPLATE, "templateType": kind, "images": images}
    if transit:
        given["transitType"] = transit
    answer = bring(running, given)
    assert answer.status_code == 201, answer.text
    template = answer.json()["data"]["id"]

    made = {
        wallet: created(
            running, {"pass": {"fullName": "Jane"}}, passTemplate=template, includePassSource=wallet
        )["attributes"]
        for wallet in ("apple", "google")
    }
    assert pass_json(made["apple"])[style].get("transitType") == transit_type
    assert made["google"]["googleDownloadUrl"].startswith("https://pay.google.com/gp/v/save/")


@pytest.mark.parametrize(("source", "member"), [("uuid", "id"), ("extId", "extId")])
def test_s1_1m_the_barcode_of_a_template_holds_an_id_of_each_pass(
    running: Service, source: str, member: str
) -> None:
    barcode = {"enabled": True, "type": "qr", "source": source}
    given = {**TEMPLATE, "images": pictures_in_base64(), "barcode": barcode}
    template = bring(running, given).json()["data"]["id"]
    body = {"pass": {"fullName": "Jane", "extId": f"barcode-{source}"}}
    made = created(running, body, passTemplate=template, includePassSource="apple")

    expected = {"id": made["id"], **made["attributes"]}[member]
    assert made["attributes"]["barcode"]["value"] == expected
    assert made["attributes"]["barcode"]["source"] == source
    assert pass_json(made["attributes"])["barcodes"][0]["message"] == expected
    off = {"pass": {"fullName": "Jane", "barcode": {"enabled": False}}}
    assert created(running, off, passTemplate=template)["attributes"]["barcode"] == {}


@pytest.mark.parametrize("spelling", ["{}", "images[{}]"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_s1_1n_pictures_come_as_parts_of_a_form(running: Service, spelling: str, *, wrapped: bool) -> None:
    """To the same passes as with base64."""
    document = {"passTemplate": TEMPLATE} if wrapped else TEMPLATE
    files: dict[str, Any] = {
        spelling.format(name): (f"{name}.png", picture(name), "image/png") for name in PICTURES
    }
    data = {"passTemplate": json.dumps(document)}
    answer = running.client.post("/api/v1/pass-templates", data=data, files=files)
    assert answer.status_code == 201, answer.text
    template = answer.json()["data"]["id"]
    made = created(running, {"pass": {"fullName": "Jane"}}, passTemplate=template, includePassSource="apple")

    with zipfile.ZipFile(io.BytesIO(base64.b64decode(made["attributes"]["applePassFile"]))) as archive:
        assert {"icon.png", "logo@3x.png", "strip@3x.png"} <= set(archive.namelist())


FORM = 'multipart/form-data; boundary="b"'
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
NAMED = json.dumps(TEMPLATE).encode()


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("multipart/form-data", PART % (b"passTemplate", NAMED) + b"--b--", (400, "malformed_body")),
        (FORM, b"", (400, "malformed_body")),
        (FORM, b"--b--", (400, "malformed_body")),
        (FORM, PART % (b"passTemplate", NAMED), (400, "malformed_body")),
        (FORM, PART % (b"passTemplate", b"{") + b"--b--", (400, "malformed_body")),
        (FORM, PART % (b"passTemplate", b"{}") * 2 + b"--b--", (400, "malformed_body")),
        (FORM, PART % (b"canary", b"{}") + b"--b--", (422, "invalid_member")),
        (FORM, PART % (b"logo", b"x") + b"--b--", (422, "invalid_member")),
        (FORM, b"--b\r\n\r\nx\r\n--b--", (400, "malformed_body")),
        (FORM, b"\r\n" * 100_000, (400, "malformed_body")),
        (FORM, b"".join(PART % (b"x%d" % at, b"x") for at in range(20)) + b"--b--", (400, "malformed_body")),
        (
            FORM,
            PART % (b"passTemplate", NAMED) + PART % (b"logo", b"x") + b"--b--",
            (422, "template_rejected"),
        ),
    ],
)
def test_s1_1n_a_form_that_is_none_is_refused(
    running: Service, kind: str, body: bytes, expected: tuple[int, str]
) -> None:
    answer = running.client.post("/api/v1/pass-templates", content=body, headers={"Content-Type": kind})
    assert refusals(answer)[0][:2] == expected


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"templateType": "coupon"}, "/passTemplate/templateType"),
        ({"transitType": "bus"}, "/passTemplate"),
        ({"colors": {"background": "red"}}, "/passTemplate/colors/background"),
        ({"images": {"logo": "https://cdn.example.com/logo.png"}}, "/passTemplate/images/logo"),
        ({"images": {"logo": 5}}, "/passTemplate/images/logo"),
        ({"images": {"hero": "x"}}, "/passTemplate/images/hero"),
        ({"fields": {"back": {"one": {"id": "a"}, "two": {"id": "a"}}}}, "/passTemplate/fields"),
        ({"fields": {"back": {"one": {"id": "a b"}}}}, "/passTemplate/fields/back/one/id"),
        ({"fields": {"back": {"first": {"id": "a"}}}}, "/passTemplate/fields/back/first/[key]"),
        ({"barcode": {"source": "custom"}}, "/passTemplate/barcode"),
        ({"name": None}, "/passTemplate/name"),
        ({"defaultLanguage": "English"}, "/passTemplate/defaultLanguage"),
        ({"locations": [{"latitude": 1}]}, "/passTemplate/locations/0/longitude"),
    ],
)
def test_s1_1m_what_no_template_can_have_is_refused_at_its_place(
    running: Service, change: dict[str, Any], pointer: str
) -> None:
    """A picture is never fetched from a URL."""
    answer = bring(running, {**TEMPLATE, **change})
    assert refusals(answer)[0][:2] == (422, "invalid_member")
    assert refusals(answer)[0][2] == pointer.removesuffix("/[key]")


@pytest.mark.parametrize("value", ["%{passData.nobody}", "%{passData.serial}x{nobody}"])
def test_s1_1m_a_barcode_that_names_no_field_is_refused_or_text(running: Service, value: str) -> None:
    barcode = {"source": "custom", "value": value}
    answer = bring(running, {**TEMPLATE, "images": pictures_in_base64(), "barcode": barcode})
    assert answer.status_code == (422 if "passData.nobody" in value else 201)


def test_s1_1m_a_template_can_be_changed_in_the_same_form(running: Service) -> None:
    template = bring(running, {**TEMPLATE, "images": pictures_in_base64()}).json()["data"]["id"]
    changed = {**TEMPLATE, "name": "Club 2027", "images": pictures_in_base64()}
    answer = running.client.put(f"/api/v1/pass-templates/{template}", json={"passTemplate": changed})

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["attributes"]["name"] == "Club 2027"
    assert answer.json()["data"]["attributes"]["version"] == 2
