"""The JSON API over HTTP, against a real server."""

from __future__ import annotations

import base64
import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from passwright import apple
from passwright.errors import (
    AlreadyExists,
    GoogleError,
    IllegalTransition,
    LinkTooLong,
    PasswrightError,
    ServiceRefused,
    SignerFailed,
    StaleBinding,
    StoreError,
    StoreUnavailable,
    VaultError,
)
from passwright.service import api_keys
from passwright.service.settings import ServiceLimits
from passwright.service.web import errors
from tests.run_service import check_answer, codes, service
from tests.service_context import AT, HELP, template_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from tests.run_service import Service

BINDING = {"email": "jane.canary@gmail.com", "learnMoreUrl": HELP}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("api")) as made:
        yield made


def pointers(answer: httpx2.Response) -> list[str | None]:
    return [each.get("source", {}).get("pointer") for each in answer.json()["errors"]]


def new(running: Service, body: Any, **more: Any) -> httpx2.Response:
    """The answer to a create with this body."""
    params = {"passTemplate": running.ours.template}
    return running.client.post("/api/v1/passes", params=params, json=body, **more)


# --- keys ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer pw_canary",
        "Bearer pw_" + "A" * 32,
        "Bearer " + "A" * 5000,
        "Basic cHdfOnB3Xw==",
        "bearer\tpw_x",
        b"Bearer pw_\xc3\xa4",
    ],
)
def test_api_01_a_key_that_is_missing_wrong_or_too_long_is_refused(
    running: Service, header: str | bytes | None
) -> None:
    headers: dict[Any, Any] = {} if header is None else {b"Authorization": header}
    answer = running.holder.get("/api/v1/passes", headers=headers)

    assert answer.status_code == 401
    assert codes(answer) == ["api_key_refused"]
    assert answer.headers["www-authenticate"] == 'Bearer realm="passwright"'


def test_api_01_a_revoked_key_is_refused_at_once_and_in_the_same_words(running: Service) -> None:
    key, kept = api_keys.add(running.context, "org-1", "short-lived", at=AT)
    with running.client_of(key) as client:
        assert client.get("/api/v1/passes").status_code == 200
        api_keys.revoke(running.context, kept.id, at=AT)
        answer = client.get("/api/v1/passes")
    unknown = running.holder.get("/api/v1/passes")

    assert answer.status_code == 401
    assert answer.json() == unknown.json()


def test_api_01_a_key_in_the_url_is_refused_even_beside_a_good_one(running: Service) -> None:
    """Whatever the parameter is called: URLs stand in logs."""
    for name in ("api_key", "access_token", "key"):
        answer = running.client.get("/api/v1/passes", params={name: running.ours.key})
        assert answer.status_code == 401
    assert running.ours.key not in running.log.getvalue()


def test_api_01_the_database_keeps_a_keyed_hash_of_each_key(running: Service) -> None:
    files = [each.read_bytes() for each in _database(running)]
    assert not any(running.ours.key.encode() in each for each in files)


def _database(running: Service) -> list[Any]:
    from pathlib import Path

    path = Path(running.context.store._engine.url.database)  # type: ignore[attr-defined]
    return [each for each in path.parent.iterdir() if each.name.startswith(path.name)]


# --- what belongs to others ---------------------------------------------------


def test_api_02_what_belongs_to_another_organisation_does_not_exist(running: Service) -> None:
    """Every call with an id of theirs answers as for an id of nobody, word for word."""
    theirs = running.client_of(running.theirs.key)
    with theirs:
        body = {"pass": {"values": {"fullName": "Them"}, "extId": "theirs-1"}}
        made = theirs.post("/api/v1/passes", params={"passTemplate": running.theirs.template}, json=body)
        pass_id = made.json()["data"]["id"]
    nobody = "00000000-0000-4000-8000-000000000000"
    files = {"template.toml": "x = 1"}

    for found, unknown in (
        (f"passes/{pass_id}", f"passes/{nobody}"),
        ("passes/theirs-1", "passes/nobody-1"),
        (f"pass-templates/{running.theirs.template}", f"pass-templates/{nobody}"),
    ):
        answers = [running.client.get(f"/api/v1/{each}") for each in (found, unknown)]
        assert [each.status_code for each in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
    for path in (f"passes/{pass_id}", f"passes/{nobody}"):
        assert running.patch(path.removeprefix("passes/"), {"pass": {}}).status_code == 404
        assert running.client.post(f"/api/v1/{path}/nullify").status_code == 404
    for template in (running.theirs.template, nobody):
        put = running.client.put(f"/api/v1/pass-templates/{template}", json={"files": files})
        assert put.status_code in (404, 422)
        params = {"passTemplate": template}
        assert running.client.post("/api/v1/passes", params=params, json={"pass": {}}).status_code == 404


def test_bnd_20_a_list_shows_nothing_of_others_and_bindings_only_when_asked(running: Service) -> None:
    made = running.bound()
    theirs = running.client_of(running.theirs.key)
    with theirs:
        listed = theirs.get("/api/v1/passes", params={"includeBinding": True, "perPage": 100}).json()
    plain = running.client.get("/api/v1/passes", params={"perPage": 100}).json()
    asked = running.client.get("/api/v1/passes", params={"perPage": 100, "includeBinding": True}).json()

    assert made.id not in json.dumps(listed)
    assert "binding" not in json.dumps(plain)
    found = {each["id"]: each["attributes"] for each in asked["data"]}
    assert found[made.id]["binding"]["bindingEmail"] == "j***@gmail.com"
    assert "canary" not in json.dumps(asked)


# --- repeats ------------------------------------------------------------------


def test_api_03_a_repeat_is_answered_as_the_first_request_was(running: Service) -> None:
    body = {"pass": {"values": {"fullName": "Jane"}}, "binding": BINDING}
    headers = {"Idempotency-Key": "repeat-1"}
    first, second = new(running, body, headers=headers), new(running, body, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["etag"] == first.headers["etag"]


def test_api_03_bnd_14_a_key_used_for_another_request_is_refused(running: Service) -> None:
    """Another address, another path, another query; the first pass stays as it was."""
    headers = {"Idempotency-Key": "reused-1"}
    body = {"pass": {"values": {"fullName": "Jane"}}, "binding": BINDING}
    first = new(running, body, headers=headers).json()["data"]
    other = {**body, "binding": {**BINDING, "email": "john.canary@gmail.com"}}

    answers = [
        new(running, other, headers=headers),
        running.patch(first["id"], {"pass": {}}, headers=headers),
        running.client.post(
            "/api/v1/passes",
            params={"passTemplate": running.ours.template, "includeLocations": True},
            json=body,
            headers=headers,
        ),
    ]

    assert [codes(each) for each in answers] == [["idempotency_key_reused"]] * 3
    assert {each.status_code for each in answers} == {422}
    assert running.show(first["id"])["binding"]["bindingEmail"] == "j***@gmail.com"


def test_api_03_a_key_belongs_to_one_organisation(running: Service) -> None:
    headers = {"Idempotency-Key": "shared-1"}
    ours = new(running, {"pass": {"values": {"fullName": "Us"}}}, headers=headers)
    with running.client_of(running.theirs.key) as client:
        params = {"passTemplate": running.theirs.template}
        body = {"pass": {"values": {"fullName": "Them"}}}
        theirs = client.post("/api/v1/passes", params=params, json=body, headers=headers)

    assert theirs.status_code == 201
    assert theirs.json()["data"]["id"] != ours.json()["data"]["id"]


def test_api_03_after_a_day_a_key_is_new_again(running: Service) -> None:
    headers, body = {"Idempotency-Key": "old-1"}, {"pass": {"values": {"fullName": "Jane"}}}
    first = new(running, body, headers=headers)
    running.clock.add(hours=24, seconds=1)
    try:
        second = new(running, body, headers=headers)
    finally:
        running.clock.at = AT
    assert second.json()["data"]["id"] != first.json()["data"]["id"]


def test_api_03_a_repeat_during_the_first_request_is_told_to_wait(running: Service) -> None:
    """Sixteen at once: one pass, and everybody else has the same answer or a 409."""
    body, headers = {"pass": {"values": {"fullName": "Jane"}}}, {"Idempotency-Key": "at-once-1"}
    found: list[httpx2.Response] = []
    barrier = threading.Barrier(16)

    def ask() -> None:
        barrier.wait()
        found.append(new(running, body, headers=headers))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    made = {each.json()["data"]["id"] for each in found if each.status_code == 201}
    others = [each for each in found if each.status_code != 201]
    assert len(made) == 1
    assert all(codes(each) == ["request_in_progress"] for each in others)
    assert all(each.headers["retry-after"] == "1" for each in others)


def test_api_03_a_refused_first_request_can_be_sent_again(running: Service) -> None:
    """It was undone whole: the key is still new."""
    headers = {"Idempotency-Key": "mended-1"}
    refused = new(running, {"pass": {"values": {"points": "many"}}}, headers=headers)
    mended = new(running, {"pass": {"values": {"fullName": "Jane"}}}, headers=headers)

    assert refused.status_code == 422
    assert mended.status_code == 201


def test_api_03_updates_ends_and_templates_repeat_too(running: Service) -> None:
    made = running.create(binding=BINDING)["data"]["id"]
    headers = {"Idempotency-Key": "repeat-2"}
    body = {"pass": {"values": {"points": 5}}}
    answers = [running.patch(made, body, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert running.show(made)["version"] == 2

    headers = {"Idempotency-Key": "repeat-3"}
    ends = [running.client.post(f"/api/v1/passes/{made}/nullify", headers=headers) for _ in range(2)]
    assert ends[0].json() == ends[1].json()

    headers = {"Idempotency-Key": "repeat-4"}
    sent = [_send_zip(running, headers=headers) for _ in range(2)]
    assert sent[0].json() == sent[1].json()
    assert sent[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"\xc3\xa4"])
def test_an_idempotency_key_has_a_form(running: Service, key: bytes) -> None:
    answer = new(running, {"pass": {}}, headers={b"Idempotency-Key": key})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}


def test_eml_11_an_idempotency_record_holds_no_address_mask_or_link(running: Service) -> None:
    """Fingerprints are keyed; the answer is kept without what has to be purged."""
    body = {"pass": {"values": {"fullName": "Jane"}}, "binding": {**BINDING, "email": "zz.canary@gmail.com"}}
    answer = new(running, body, headers={"Idempotency-Key": "jane.canary@example.com"})
    token = answer.json()["data"]["attributes"]["downloadUrl"].rpartition("/")[2]

    import sqlite3
    from contextlib import closing

    path = _database(running)[0].parent / "passes.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT * FROM answers").fetchall()
    assert rows
    for each in rows:
        text = repr(each)
        assert "canary" not in text
        assert "z***@" not in text
        assert token not in text


# --- what requests may hold ---------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"pass": {"id": "x"}}, "/pass/id"),
        ({"pass": {"status": "active"}}, "/pass/status"),
        ({"pass": {"platform": "apple"}}, "/pass/platform"),
        ({"pass": {"bound": True}}, "/pass/bound"),
        ({"pass": {"token": "x"}}, "/pass/token"),
        ({"pass": {"organisation": "org-2"}}, "/pass/organisation"),
        ({"pass": {}, "organisation": "org-2"}, "/organisation"),
        ({"pass": {"serialNumber": "x"}}, "/pass/serialNumber"),
    ],
)
def test_api_04_members_that_nobody_may_set_are_refused_with_their_path(
    running: Service, body: Any, pointer: str
) -> None:
    answer = new(running, body)

    assert answer.status_code == 422
    assert codes(answer) == ["invalid_member"]
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"barcode": {"enabled": "true"}}, "/pass/barcode/enabled"),
        ({"nfc": {"enabled": 1}}, "/pass/nfc/enabled"),
        ({"extId": 5}, "/pass/extId"),
        ({"extId": ["x"]}, "/pass/extId"),
        ({"extId": "a b"}, "/pass/extId"),
        ({"values": []}, "/pass/values"),
        ({"values": {"fullName": []}}, "/pass/values/fullName"),
        ({"values": {"fullName": {"value": {}}}}, "/pass/values/fullName"),
        ({"values": {"fullName": {"value": "x", "y": 1}}}, "/pass/values/fullName"),
        ({"values": {"fullName": "x" * 5001}}, "/pass/values/fullName"),
        ({"barcode": []}, "/pass/barcode"),
        ({"barcode": {"type": "ean13"}}, "/pass/barcode/type"),
        ({"barcode": {"source": "custom"}}, "/pass/barcode"),
        ({"barcode": {}, "qr": {"enabled": True}}, "/pass"),
        ({"qr": {"type": "aztec"}}, "/pass"),
        ({"expiresAt": 1800000000}, "/pass/expiresAt"),
        ({"expiresAt": "2030-01-01"}, "/pass/expiresAt"),
        ({"expiresAt": "2030-01-01T00:00:00"}, "/pass/expiresAt"),
        ({"locations": [{"latitude": "1", "longitude": 1}]}, "/pass/locations/0/latitude"),
        ({"locations": [{"latitude": 91, "longitude": 1}]}, "/pass/locations/0/latitude"),
        ({"locations": [{"latitude": 1}]}, "/pass/locations/0/longitude"),
        ({"locations": [{"latitude": 1, "longitude": 1}] * 11}, "/pass/locations"),
        ({"message": 5}, "/pass/message"),
    ],
)
def test_jsn_08_nothing_is_taken_for_something_else(running: Service, members: Any, pointer: str) -> None:
    answer = new(running, {"pass": members})

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize("body", [None, [], "x", 5, {"pass": None}, {"pass": []}, {}])
def test_jsn_08_a_body_that_is_no_pass_is_refused(running: Service, body: Any) -> None:
    assert new(running, body).status_code == 422


def test_jsn_09_a_misspelt_member_is_named(running: Service) -> None:
    answer = new(
        running, {"pass": {"barcods": [], "locations": [{"latitude": 1, "longitude": 1, "txt": ""}]}}
    )

    assert pointers(answer) == ["/pass/locations/0/txt", "/pass/barcods"]


def test_jsn_10_ten_thousand_mistakes_are_fifty_errors(running: Service) -> None:
    many = {f"member{number}": 1 for number in range(10_000)}
    answer = new(running, {"pass": {"barcode": many, **many}})

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 50


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"pass": {}, "pass": {}}',
        b'{"pass": {"values": {"points": NaN}}}',
        b'{"pass": {"values": {"points": 1e999}}}',
        b'{"pass": {"values": {"points": 123456789012345678901234567890}}}',
        b"[" * 100_000,
        '{"pass": {}}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"pass": {"message": "\\u0000"}}',
        b'{"pass": {"message": "\\ud800"}}',
        b'{"pass": {},}',
        b"{'pass': {}}",
        b'{"pass": {}} jane.canary@example.com',
    ],
)
def test_a_body_that_readers_disagree_about_is_refused(running: Service, text: bytes) -> None:
    answer = running.client.post(
        "/api/v1/passes",
        params={"passTemplate": running.ours.template},
        content=text,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == (400 if text else 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
def test_a_body_of_another_type_is_not_guessed_at(running: Service, kind: str) -> None:
    answer = running.client.post(
        "/api/v1/passes",
        params={"passTemplate": running.ours.template},
        content=b'{"pass": {}}',
        headers={"Content-Type": kind},
    )

    assert answer.status_code == 415
    assert codes(answer) == ["unsupported_media_type"]


@pytest.mark.parametrize(
    ("members", "binding"),
    [
        ({"values": {"fullName": ["canary"]}}, None),
        ({"values": {"canary@example.com": "x"}}, None),
        ({"values": {"points": "canary"}}, None),
        ({"values": {"since": "canary"}}, None),
        ({"canary@example.com": 1}, None),
        ({"extId": "canary canary"}, None),
        ({"expiresAt": "canary"}, None),
        ({"barcode": {"type": "canary"}}, None),
        ({"barcode": {"canary@example.com": 1}}, None),
        ({}, {"email": "canary", "learnMoreUrl": HELP}),
        ({}, {"email": "canary@canary@example.com", "learnMoreUrl": HELP}),
        ({}, {"email": "jane.canary@example.com", "learnMoreUrl": "http://canary.example"}),
        ({}, {"email": "jane.canary@example.com", "learnMoreUrl": HELP, "canary": 1}),
        ({}, "canary"),
    ],
)
def test_jsn_11_eml_12_no_error_repeats_what_was_sent(running: Service, members: Any, binding: Any) -> None:
    """Every answer and every line of the log is searched for the word canary as it comes."""
    body = {"pass": members} | ({"binding": binding} if binding is not None else {})
    answer = new(running, body)

    assert answer.status_code == 422
    running.log.lines()


# --- lists --------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"page": 0},
        {"page": -1},
        {"page": 10**9},
        {"page": "canary"},
        {"page": 1.5},
        {"perPage": 0},
        {"perPage": 101},
        {"perPage": 10**30},
        {"sort": "name"},
        {"canary@example.com": "x"},
        {"status": "canary' OR 1=1 --"},
        {"platform": "nokia"},
        {"bound": "perhaps"},
        {"extId": "x" * 65},
    ],
)
def test_api_06_a_parameter_that_makes_no_sense_is_refused(running: Service, params: dict[str, Any]) -> None:
    answer = running.client.get("/api/v1/passes", params=params)

    assert answer.status_code == 400
    assert codes(answer) == ["malformed_parameter"]
    assert answer.json()["errors"][0]["source"].keys() == {"parameter"}


def test_api_06_a_filter_is_data_and_never_a_piece_of_sql(running: Service) -> None:
    for text in ("' OR 1=1 --", "%", "_", '"; DROP TABLE passes; --'):
        found = running.client.get("/api/v1/passes", params={"extId": text}).json()
        assert found == {"data": [], "meta": {"page": 1, "perPage": 25, "total": 0}}


def test_a_list_has_pages_and_filters(running: Service) -> None:
    running.create(extId="page-1")
    google = running.bound(extId="page-2")
    answer = running.patch(google.id, {"pass": {}}, params={"includePassSource": "google"})
    assert answer.status_code == 200

    def ids(**params: Any) -> list[str]:
        listed = running.client.get("/api/v1/passes", params={"perPage": 100, **params}).json()
        assert listed["meta"]["total"] == len(listed["data"])
        return [each["attributes"]["extId"] for each in listed["data"]]

    assert ids(extId="page-1") == ["page-1"]
    assert "page-2" in ids(platform="google")
    assert "page-1" not in ids(platform="google")
    assert "page-2" in ids(bound=True)
    assert "page-2" not in ids(bound=False)
    assert set(ids(status="issued")) >= {"page-1", "page-2"}
    assert ids(passTemplate=running.theirs.template) == []
    whole = ids()
    pages = [
        running.client.get("/api/v1/passes", params={"perPage": 1, "page": number}).json()
        for number in range(1, len(whole) + 2)
    ]
    assert [each["data"][0]["attributes"]["extId"] for each in pages[:-1]] == whole
    assert pages[-1]["data"] == []


# --- showing and updating -----------------------------------------------------


def test_a_pass_has_two_names(running: Service) -> None:
    made = running.create(extId="two-names:1.a_b-c")["data"]

    assert running.show("two-names:1.a_b-c") == running.show(made["id"])


def test_an_answer_holds_more_when_asked(running: Service) -> None:
    made = running.create(locations=[{"latitude": 1.5, "longitude": 2, "text": "Here"}])["data"]["id"]
    plain = running.show(made)
    whole = running.show(made, includePassDesign=True, includeLocations=True, includeBeacons=True)

    assert "passDesign" not in plain
    assert whole["passDesign"]["name"] == "Coffee Club"
    assert whole["passDesign"]["fields"]["fullName"] == {
        "label": "Member",
        "slot": "secondary",
        "type": "text",
    }
    assert whole["locations"] == [{"latitude": 1.5, "longitude": 2.0, "text": "Here"}]
    assert whole["beacons"] == []


def test_the_sources_of_a_pass_without_a_binding_come_with_a_look(running: Service) -> None:
    """The file verifies, the link says how it travels; nothing of the pass changes."""
    made = running.create()["data"]["id"]
    before = running.show(made)
    apple_ = running.show(made, includePassSource="apple")
    google = running.client.get(f"/api/v1/passes/{made}", params={"includePassSource": "google"}).json()

    verdict = apple.verify(
        base64.b64decode(apple_["applePassFile"]), trust=apple.Trust.of(_root()), at=running.clock.at
    )
    assert verdict.ok, verdict.report
    assert verdict.serial_number == before["serialNumber"]
    assert google["data"]["attributes"]["googleDownloadUrl"].startswith("https://pay.google.com/gp/v/save/")
    assert google["meta"]["google"]["form"] in ("class-and-object", "object", "id")
    assert running.show(made) == before


def _root() -> bytes:
    from tests.service_context import EXAMPLE

    return (EXAMPLE / "root.pem").read_bytes()


def test_an_update_merges_values_and_takes_away_what_is_null(running: Service) -> None:
    made = running.create(values={"fullName": "Jane", "points": {"value": 5}}, message="Hello")["data"]["id"]
    answer = running.patch(
        made,
        {
            "pass": {
                "values": {"points": None, "tier": "Gold"},
                "message": None,
                "expiresAt": "2030-01-01T00:00:00Z",
            }
        },
    )
    after = answer.json()["data"]["attributes"]

    assert after["values"] == {"fullName": "Jane", "tier": "Gold"}
    assert after["message"] is None
    assert after["expiresAt"] == "2030-01-01T00:00:00Z"
    assert after["version"] == 2
    assert answer.headers["x-notification-status"] == "none"
    assert answer.json()["meta"]["notifications"]["status"] == "none"


def test_a_pass_can_be_switched_off_and_on_again(running: Service) -> None:
    made = running.create()["data"]["id"]

    assert running.patch(made, {"pass": {"status": "deactivate"}}).status_code == 200
    assert running.show(made)["status"] == "deactivated"
    answer = running.client.get(f"/api/v1/passes/{made}", params={"includePassSource": "apple"})
    assert codes(answer) == ["pass_deactivated"]
    assert running.patch(made, {"pass": {"status": "reactivate"}}).status_code == 200
    assert running.show(made)["status"] == "issued"


def test_api_08_an_update_of_another_version_is_refused(running: Service) -> None:
    """Two clients read, both update: the second is told."""
    made = running.create()["data"]["id"]
    tag = running.client.get(f"/api/v1/passes/{made}").headers["etag"]
    first = running.patch(made, {"pass": {"values": {"points": 1}}}, headers={"If-Match": tag})
    second = running.patch(made, {"pass": {"values": {"points": 2}}}, headers={"If-Match": tag})

    assert first.status_code == 200
    assert second.status_code == 412
    assert codes(second) == ["pass_changed"]
    assert running.show(made)["values"]["points"] == 1
    again = running.patch(
        made, {"pass": {"values": {"points": 2}}}, headers={"If-Match": first.headers["etag"]}
    )
    assert again.status_code == 200
    assert running.patch(made, {"pass": {}}, headers={"If-Match": "*"}).status_code == 200
    assert running.patch(made, {"pass": {}}, headers={"If-Match": "x"}).status_code == 400


def test_an_external_id_is_taken_until_its_pass_ends(running: Service) -> None:
    first = running.create(extId="taken-1")["data"]["id"]
    answer = new(running, {"pass": {"values": {"fullName": "Jane"}, "extId": "taken-1"}})
    assert answer.status_code == 409
    assert codes(answer) == ["ext_id_taken"]
    assert pointers(answer) == ["/pass/extId"]

    for _ in range(2):
        ended = running.client.post(f"/api/v1/passes/{first}/nullify")
        assert ended.status_code == 200
        assert ended.json()["data"]["attributes"]["status"] == "nullified"
    assert running.create(extId="taken-1")["data"]["id"] != first


def test_a_pass_no_wallet_could_be_given_is_refused_with_every_reason(running: Service) -> None:
    answer = new(running, {"pass": {"values": {"fulName": "Jane", "points": 1.5}}})

    assert answer.status_code == 422
    assert set(codes(answer)) == {"pass_rejected"}
    assert set(pointers(answer)) == {"/pass/values/fulName", "/pass/values/points", "/pass/values/fullName"}


# --- templates ----------------------------------------------------------------


def _zip(files: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def _send_zip(running: Service, *, files: Any = None, **more: Any) -> httpx2.Response:
    headers = {"Content-Type": "application/zip", **more.pop("headers", {})}
    content = _zip(template_files() if files is None else files)
    return running.client.post("/api/v1/pass-templates", content=content, headers=headers, **more)


def test_a_template_comes_as_a_zip_or_as_json(running: Service) -> None:
    files = {
        name: data.decode() if name.endswith(".toml") else base64.b64encode(data).decode()
        for name, data in template_files().items()
    }
    running.clock.add(seconds=1)
    zipped = _send_zip(running)
    running.clock.add(seconds=1)
    sent = running.client.post("/api/v1/pass-templates", json={"files": files})

    assert zipped.status_code == sent.status_code == 201
    assert sent.json()["data"]["attributes"]["name"] == "Coffee Club"
    assert sent.json()["data"]["attributes"]["kind"] == "loyalty"
    assert "without a barcode" in sent.json()["meta"]["boundPasses"]
    for answer in (zipped, sent):
        template = answer.json()["data"]["id"]
        shown = running.client.get(f"/api/v1/pass-templates/{template}").json()
        assert shown["data"] == answer.json()["data"]
        made = running.client.post(
            "/api/v1/passes",
            params={"passTemplate": template, "includePassSource": "apple"},
            json={"pass": {"values": {"fullName": "Jane"}}},
        )
        assert made.status_code == 201
    listed = running.client.get("/api/v1/pass-templates", params={"perPage": 2}).json()
    assert [each["id"] for each in listed["data"]] == [
        sent.json()["data"]["id"],
        zipped.json()["data"]["id"],
    ]


def test_a_template_that_breaks_rules_is_refused_with_each_of_them(running: Service) -> None:
    text = template_files()["template.toml"].replace(b'slot = "header"', b'slot = "haeder"')
    answer = _send_zip(running, files={**template_files(), "template.toml": text})

    assert answer.status_code == 422
    assert set(codes(answer)) == {"template_rejected"}
    assert "template.toml:" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "files",
    [
        {"template.toml": "kind = 1", "images/icon.png": "not base64!"},
        {"../template.toml": "x"},
        {"/template.toml": "x"},
        {},
        {"template.toml": 5},
    ],
)
def test_files_of_a_template_in_json_have_a_form(running: Service, files: Any) -> None:
    answer = running.client.post("/api/v1/pass-templates", json={"files": files})

    assert answer.status_code == 422
    assert codes(answer) == ["invalid_member"]


def test_a_body_that_is_no_archive_is_refused(running: Service) -> None:
    for content in (b"", b"PK\x03\x04 canary", b"canary" * 1000):
        headers = {"Content-Type": "application/zip"}
        answer = running.client.post("/api/v1/pass-templates", content=content, headers=headers)
        assert answer.status_code == 422
        assert codes(answer) == ["template_rejected"]


def test_url_08_no_picture_is_fetched_from_a_url(running: Service) -> None:
    """A template that names pictures by URL is refused or left as it is: the service opens no connection."""
    import socket

    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.2)
    port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    text = template_files()["template.toml"].replace(b"https://cdn.example.com/club/", url.encode())
    assert url.encode() in text
    made = _send_zip(running, files={**template_files(), "template.toml": text})
    as_json = {"files": {"template.toml": text.decode(), "images/icon.png": url}}
    refused = running.client.post("/api/v1/pass-templates", json=as_json)

    assert made.status_code in (201, 422)
    assert refused.status_code == 422
    with listening, pytest.raises(TimeoutError):
        listening.accept()


# --- limits -------------------------------------------------------------------


def test_api_09_a_key_and_a_visitor_have_their_own_limits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Above them 429 with Retry-After; a forged header of a proxy makes nobody somebody else."""
    limits = ServiceLimits(key_per_second=0.01, key_burst=3, visitor_per_second=0.01, visitor_burst=3)
    with service(tmp_path_factory.mktemp("limits"), limits=limits) as running:
        found = [running.client.get("/api/v1/passes").status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        with running.client_of(running.theirs.key) as client:
            assert client.get("/api/v1/passes").status_code == 200
        forged = [
            running.holder.get("/api/v1/passes", headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(5)
        ]
        assert [each.status_code for each in forged] == [401, 401, 401, 429, 429]
        assert int(forged[-1].headers["retry-after"]) >= 1


def test_api_05_nobody_without_a_key_makes_the_service_read_a_body(running: Service) -> None:
    """The answer comes while the body is still to come."""
    import socket

    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        head = "POST /api/v1/passes HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
        sock.sendall(head.encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_api_05_a_body_above_the_limit_is_refused(running: Service) -> None:
    answer = new(running, {"pass": {"message": "x" * 2**20}})

    assert answer.status_code == 413


def test_api_10_a_path_that_is_none_is_not_redirected(running: Service) -> None:
    """With a slash too many, or a host that is not ours."""
    for path in ("/api/v1/passes/", "/api/v1/passes//", "/", "/api/v2/passes", "/health/"):
        answer = running.client.get(path, headers={"Host": "evil.example.com"})
        assert answer.status_code == 404
        assert codes(answer) == ["not_found"] or codes(answer) == ["pass_not_found"]
        assert "evil" not in answer.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CANARY", "DELETE"])
def test_api_10_a_method_that_does_nothing_here_is_refused(running: Service, method: str) -> None:
    answer = running.client.request(method, "/api/v1/passes")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


# --- health -------------------------------------------------------------------


def test_sup_05_health_tells_of_the_example_authority(running: Service) -> None:
    for path in ("/health", "/ready"):
        answer = running.holder.get(path)
        assert answer.status_code == 200
        assert answer.json()["exampleAuthority"] is True
        check_answer(answer)


def test_ready_tells_when_the_database_is_not(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """And health does not ask it."""

    def away() -> None:
        raise StoreUnavailable("the file is away")

    monkeypatch.setattr(running.context.store, "check", away)
    answer = running.holder.get("/ready")

    assert answer.status_code == 503
    assert codes(answer) == ["try_again"]
    assert running.holder.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (LinkTooLong(2000, 1800, {}), 422, "save_link_too_long"),
        (GoogleError(500, "canary", "canary"), 502, "google_failed"),
        (SignerFailed("canary"), 500, "signing_failed"),
        (StoreUnavailable("canary"), 503, "try_again"),
        (StaleBinding("canary"), 503, "try_again"),
        (AlreadyExists("canary"), 409, "request_in_progress"),
        (StoreError("canary"), 500, "internal_error"),
        (
            VaultError("vault_key_retired", "a sealed value needs the retired key k1"),
            500,
            "vault_key_retired",
        ),
        (
            ServiceRefused("too_many_attempts", "a ceremony may begin 10 times an hour"),
            429,
            "too_many_attempts",
        ),
        (IllegalTransition("platform_locked", "google_bound", "x"), 409, "platform_locked"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_api_10_every_exception_has_an_answer_that_tells_nothing_of_it(
    exc: PasswrightError, status: int, code: str
) -> None:
    made = errors.problem_from(exc)

    assert errors.STATUSES[made.problems[0].code] == status
    assert made.problems[0].code == code
    assert "canary" not in repr(errors.problem_json(made.problems))
    assert status not in (429, 503) or int(made.headers["Retry-After"]) > 0
