"""The service answers a client that was written for the public API as that API would.

Requests and answers are literal. `GUIDE` is the create request of the binding guide.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from passwright.model import folder
from passwright.service.store import Organisation
from passwright.service.web.models import ChangedPass, NewPass
from passwright.testing.fakes.authenticator import Phone
from tests.issuing_desk import HELP, edited, template_files
from tests.run_service import BASE, Made, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

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
    with running.desk.store.writing() as transaction:
        transaction.put_organisation(Organisation(id="org-1", name="org-1", binding=False))
    try:
        answer = create(running, GUIDE)
        plain = create(running, {"pass": GUIDE["pass"]})
    finally:
        with running.desk.store.writing() as transaction:
            transaction.put_organisation(Organisation(id="org-1", name="org-1"))

    assert [each[:2] for each in refusals(answer)] == [(403, "binding_disabled")]
    assert plain.status_code == 201


def page_of(data: dict[str, Any]) -> Made:
    return Made(data["id"], data["attributes"]["downloadUrl"].removeprefix(BASE), "user@gmail.com")


def test_s1_2e_the_first_platform_keeps_the_pass_and_the_members_say_so(running: Service) -> None:
    """Google first, and Apple first, as far as the ceremony and to its end."""
    google, pending, apple = (page_of(created(running, GUIDE)) for _ in range(3))
    assert running.google(google).status_code == 303
    assert running.begin(pending).status_code == 200
    running.bind_to_apple(apple, Phone(BASE))

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
    running.bind_to_apple(apple, Phone(BASE))
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
    with running.desk.store.reading() as transaction:
        kept = transaction.template("org-1", template)
    assert kept is not None
    edited(running.desk, kept, text)
    try:
        made = created(running, {"pass": {"fullName": "Jane", "tags": ["vip"], "values": {"tags": "x"}}})
    finally:
        edited(
            running.desk, kept.__class__(**{**members(kept), "version": 2}), template_files()["template.toml"]
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
    assert [each.where.rpartition("/")[2] for each in found] == names
    assert {each.severity.value for each in found} == {"warning"}
    assert "reserved-field-name" not in {each.code for each in plain}


def test_s1_1f_the_reserved_names_are_the_members_of_the_models() -> None:
    known = {each.alias for model in (NewPass, ChangedPass) for each in model.model_fields.values()}
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
