"""A template and a pass are judged before any wallet is asked: all mistakes, each where it is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import (
    Barcode,
    Binding,
    Field,
    Images,
    Link,
    Location,
    Nfc,
    Pass,
    Template,
    apple,
    google,
    validate,
)
from passwright.documents.placeholders import compile_text, names_in
from passwright.model.kinds import KINDS, Kind
from passwright.model.validation import template_document, validate_document, validate_pass, validate_template
from passwright.report import Finding, Report
from passwright.schema.pointers import locator
from tests.conftest import BINDING, READER_KEY, png
from tests.documents.test_validator import FULL, GIVEN
from tests.schema.test_model import NASTY, nasty, quick

NAN = float("nan")
GOOD: dict[str, Any] = {
    "kind": "loyalty",
    "id": "club",
    "organisation": "Club",
    "name": "Club",
    "description": "A card",
    "fields": {"points": {"slot": "header", "label": "Points", "type": "integer", "default": 0}},
}


def said(findings: Any) -> list[tuple[str, str]]:
    return [(finding.code, finding.location) for finding in findings]


def judged(**changes: Any) -> list[Finding]:
    """What is said about GOOD with some members changed, None takes one out."""
    document = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return list(validate_document(document, place=locator("t")))


def field(**members: Any) -> list[Finding]:
    """What is said about a field `x` beside a plain one."""
    return judged(fields={"x": members, "plain": {}, "maybe": {"optional": True}})


def test_a_good_document_is_good() -> None:
    assert judged() == []


MISTAKES: tuple[tuple[dict[str, Any], list[tuple[str, str]]], ...] = (
    ({"kind": None}, [("missing-key", "t")]),
    ({"kind": "loyality"}, [("unknown-kind", "t#/kind")]),
    ({"kind": ["loyalty"]}, [("wrong-type", "t#/kind")]),
    ({"id": "has blank"}, [("bad-value", "t#/id")]),
    ({"id": "club\n"}, [("bad-value", "t#/id")]),
    ({"id": "../club"}, [("bad-value", "t#/id")]),
    ({"name": ""}, [("too-short", "t#/name")]),
    ({"name": "x" * 201}, [("too-long", "t#/name")]),
    ({"name": 5}, [("wrong-type", "t#/name")]),
    ({"language": "german"}, [("bad-value", "t#/language")]),
    ({"organization": "x"}, [("unknown-key", "t#/organization")]),
    ({"colours": {"background": "#3c414"}}, [("bad-value", "t#/colours/background")]),
    ({"colours": {"background": "rgb(1,2,3)", "text": "red"}}, [
        ("bad-value", "t#/colours/background"), ("bad-value", "t#/colours/text"),
    ]),
    ({"colours": {"backgroun": "#3c414c"}}, [("unknown-key", "t#/colours/backgroun")]),
    ({"images": {"url": "http://cdn.example.com/"}}, [("bad-url", "t#/images/url")]),
    ({"images": {"url": "https://cdn.example.com"}}, [("bad-value", "t#/images/url")]),
    ({"nfc": {"messag": "x"}}, [("unknown-key", "t#/nfc/messag")]),
    ({"nfc": {"message": ""}}, [("too-short", "t#/nfc/message")]),
    ({"nfc": {"google_issuers": [3388]}}, [("wrong-type", "t#/nfc/google_issuers/0")]),
    ({"nfc": {"google_issuers": "3388"}}, [("wrong-type", "t#/nfc/google_issuers")]),
    ({"nfc": {"google_constraint": ["BLOCK_PAYMENTS"]}}, [("unknown-value", "t#/nfc/google_constraint/0")]),
    ({"nfc": {"message": "{seriel}"}}, [("unknown-blank", "t#/nfc/message")]),
    ({"nfc": {"apple_key": "AAAA"}}, [("bad-value", "t#/nfc/apple_key")]),
    ({"barcode": {"format": "ean13"}}, [("unknown-value", "t#/barcode/format")]),
    ({"barcode": {"text": "{name}"}}, [("unknown-blank", "t#/barcode/text")]),
    ({"barcode": "M-1"}, [("wrong-type", "t#/barcode")]),
    ({"links": {"label": "x", "url": "https://x.example"}}, [("wrong-type", "t#/links")]),
    ({"links": [{"label": "x"}]}, [("missing-key", "t#/links/0")]),
    ({"links": [{"label": "x", "url": "http://x.example"}]}, [("bad-url", "t#/links/0/url")]),
    ({"links": [{"label": "x", "url": "javascript:alert(1)"}]}, [("bad-url", "t#/links/0/url")]),
    ({"links": [{"label": "x", "url": "https://x.example"}] * 11}, [("too-many-items", "t#/links")]),
    ({"locations": [{"latitude": 91, "longitude": -181}]}, [
        ("out-of-range", "t#/locations/0/latitude"), ("out-of-range", "t#/locations/0/longitude"),
    ]),
    ({"locations": [{"latitude": NAN, "longitude": 0}]}, [("wrong-type", "t#/locations/0/latitude")]),
    ({"google_class": "{carrier}-1"}, [("unknown-blank", "t#/google_class")]),
    ({"google": {"clas": {}}}, [("unknown-key", "t#/google/clas")]),
    ({"google": {"class": []}}, [("wrong-type", "t#/google/class")]),
    ({"apple": []}, [("wrong-type", "t#/apple")]),
    ({"apple": {"expirationDate": date(2026, 5, 1)}}, [("not-json", "t#/apple/expirationDate")]),
    ({"apple": {"a": [1, {"b": float("inf")}]}}, [("not-json", "t#/apple/a/1/b")]),
    ({"apple": {"a": b""}}, [("not-json", "t#/apple/a")]),
    ({"apple": {"a": "\0"}}, [("bad-string", "t#/apple/a")]),
    ({"apple": {5: "x"}}, [("not-json", "t#/apple")]),
    ({"apple": {"\ud800": "x"}}, [("not-json", "t#/apple")]),
    ({"google": {"object": {"a": Decimal(1)}}}, [("not-json", "t#/google/object/a")]),
    ({"fields": {}}, [("no-fields", "t#/fields")]),
    ({"fields": None}, [("no-fields", "t#/fields")]),
    ({"fields": [{"label": "x"}]}, [("wrong-type", "t#/fields")]),
    ({"fields": {"x": "text"}}, [("wrong-type", "t#/fields/x")]),
    ({"fields": {f"f{n}": {} for n in range(300)}}, [("too-many-fields", "t#/fields")]),
    ({"fields": {"имя": {}}}, [("bad-field-key", "t#/fields/имя")]),
    ({"fields": {"serial": {}}}, [("bad-field-key", "t#/fields/serial")]),
    ({"fields": {"a.b": {}}}, [("bad-field-key", "t#/fields/a.b")]),
    ({"fields": {"x" * 65: {}}}, [("bad-field-key", f"t#/fields/{'x' * 65}")]),
    ({"fields": {"x": {"means": "point"}}}, [("unknown-meaning", "t#/fields/x/means")]),
    ({"fields": {"x": {"means": "holder"}, "y": {"means": "holder"}}}, [
        ("duplicate-meaning", "t#/fields/y/means"),
    ]),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), MISTAKES)
def test_a_mistake_is_found_where_it_is_and_nothing_else(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert said(judged(**changes)) == expected


FIELDS: tuple[tuple[dict[str, Any], list[tuple[str, str]]], ...] = (
    ({"lable": "x"}, [("unknown-key", "t#/fields/x/lable")]),
    ({"slot": "heder"}, [("unknown-value", "t#/fields/x/slot")]),
    ({"type": "int"}, [("unknown-value", "t#/fields/x/type")]),
    ({"type": ["text"]}, [("wrong-type", "t#/fields/x/type")]),
    ({"optional": "yes"}, [("wrong-type", "t#/fields/x/optional")]),
    ({"value": "a", "default": "b"}, [("keys-exclude", "t#/fields/x/default")]),
    ({"value": "a", "optional": True}, [("keys-exclude", "t#/fields/x/value")]),
    ({"type": "money"}, [("missing-key", "t#/fields/x")]),
    ({"type": "money", "currency": "euro"}, [("bad-value", "t#/fields/x/currency")]),
    ({"currency": "EUR"}, [("style-misfit", "t#/fields/x/currency")]),
    ({"date": "short"}, [("style-misfit", "t#/fields/x/date")]),
    ({"type": "date", "time": "short"}, [("style-misfit", "t#/fields/x/time")]),
    ({"type": "datetime", "time": "brief"}, [("unknown-value", "t#/fields/x/time")]),
    ({"type": "date", "default": "2026-05-01"}, [("wrong-value", "t#/fields/x/default")]),
    ({"type": "datetime", "example": datetime(2026, 5, 1, 9)}, [("wrong-value", "t#/fields/x/example")]),  # noqa: DTZ001
    ({"type": "integer", "value": 1.5}, [("wrong-value", "t#/fields/x/value")]),
    ({"type": "integer", "value": "{plain}"}, [("wrong-type", "t#/fields/x/value")]),
    ({"type": "text", "default": 5}, [("wrong-value", "t#/fields/x/default")]),
    ({"default": "a\x07b"}, [("wrong-value", "t#/fields/x/default")]),
    ({"value": "{plane}"}, [("unknown-blank", "t#/fields/x/value")]),
    ({"value": "{x}"}, [("unknown-blank", "t#/fields/x/value")]),
    ({"value": "{maybe}"}, [("unknown-blank", "t#/fields/x/value")]),
    ({"change": "changed"}, [("text-lacks", "t#/fields/x/change")]),
    ({"align": "center"}, [("unknown-value", "t#/fields/x/align")]),
    ({"value": "{plain} {serial} {{x}}"}, []),
    ({"type": "money", "currency": "EUR", "default": 12.5}, []),
)


@pytest.mark.parametrize(("members", "expected"), FIELDS)
def test_a_mistake_in_a_field_is_found_where_it_is(
    members: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert said(field(**members)) == expected


HINTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "loyality"}, "did you mean 'loyalty'?"),
    ({"organization": "x"}, "did you mean 'organisation'?"),
    ({"colours": {"backgroun": "#3c414c"}}, "did you mean 'background'?"),
    ({"nfc": {"message": "{seriel}"}}, "did you mean 'serial'?"),
    ({"nfc": {"message": "{zz}"}}, "write {{ and }} for braces"),
    ({"fields": {"x": {"means": "point"}}}, "did you mean 'points'?"),
    ({"fields": {"x": {"slot": "heder"}}}, "did you mean 'header'?"),
    ({"fields": {"serial": {}}}, "'serial' is the pass's own number"),
    ({"fields": {"имя": {}}}, "use 1 to 64 of A-Z, a-z, 0-9, _ and -; the label may hold any letters"),
    ({"apple": {"d": date(2026, 5, 1)}}, 'write it as text: "2026-05-01T09:00:00Z"'),
    ({"colours": {"text": "red"}}, "write it like #3c414c"),
)


@pytest.mark.parametrize(("changes", "hint"), HINTS)
def test_a_mistake_comes_with_a_hint(changes: dict[str, Any], hint: str) -> None:
    assert [finding.hint for finding in judged(**changes)] == [hint]


def test_a_meaning_nobody_has_heard_of_lists_those_there_are() -> None:
    (finding,) = judged(fields={"x": {"means": "zzz"}})

    assert finding.hint.startswith("meanings of loyalty: points, ")


def test_kinds_of_the_callers_own_are_known() -> None:
    kinds = {"badge": Kind(name="badge", style="generic", vertical="generic", google={})}
    found = list(validate_document({**GOOD, "kind": "badge"}, kinds=kinds, place=locator("t")))

    assert found == []
    assert said(validate_document(GOOD, kinds=kinds, place=locator("t"))) == [("unknown-kind", "t#/kind")]


def test_many_levels_of_overrides_are_too_deep() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"x": deep}
    around: dict[str, Any] = {}
    around["x"] = around

    for value in (deep, around):
        (finding,) = judged(apple=value)
        assert finding.code == "too-deep"


SCRIPTS = ("Кофейный клуб", "نادي القهوة", "コーヒークラブ", "קפה", "☕🎫👩‍👩‍👧", "Größe & <b>")


@pytest.mark.parametrize("text", SCRIPTS)
def test_texts_may_be_written_in_any_script(club: Template, identity: Any, issuer: Any, text: str) -> None:
    """Cyrillic, Arabic, emoji: through both builders, unchanged."""
    import json

    fields = {**club.fields, "extra": Field(slot="back", label=text, value=text)}
    template = replace(
        club, organisation=text, name=text, description=text, fields=fields, translations={"de": {text: text}}
    )
    pass_ = template.issue("M-1", {"fullName": text})

    files = apple.PassBuilder(identity).files(pass_)
    class_, object_ = google.PassBuilder(issuer).payload(pass_)

    made = json.loads(files["pass.json"])
    assert (made["organizationName"], made["storeCard"]["secondaryFields"][0]["value"]) == (text, text)
    assert (class_["issuerName"], object_["accountName"]) == (text, text)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes()
    | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["type", "value"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "nfc", "barcode", "links", "apple", "google", "colours", "google_class"]), ANY
    )
)
def test_no_document_raises_whatever_it_holds(document: dict[str, Any]) -> None:
    for finding in validate_document(document, place=locator("t")):
        assert str(finding)


@given(
    st.dictionaries(
        st.sampled_from(
            ["label", "type", "value", "default", "example", "currency", "slot", "means", "optional", "date"]
        ),
        ANY,
    )
)
def test_no_field_raises_whatever_it_holds(members: dict[str, Any]) -> None:
    for finding in field(**members):
        assert str(finding)


# --- templates -----------------------------------------------------------------------------------


def test_a_template_made_in_a_program_gets_the_findings_of_a_folder() -> None:
    wrong: Any = "heder"
    fields = {"x": Field(slot=wrong, type="money"), "serial": Field()}
    template = replace(FULL, google_class=None, fields=fields)

    assert said(validate_template(template)) == [
        ("unknown-value", "template#/fields/x/slot"),
        ("missing-key", "template#/fields/x"),
        ("bad-field-key", "template#/fields/serial"),
    ]


def test_an_empty_part_is_there_with_its_defaults() -> None:
    """`[barcode]` alone means a QR code with the serial number."""
    document = template_document(replace(FULL, barcode=Barcode(), nfc=Nfc(), images=Images()))

    assert (document["barcode"], document["nfc"]) == ({}, {})
    assert "images" not in document


@pytest.mark.parametrize(
    "name",
    [
        "../icon.png",
        "/icon.png",
        "de/../icon.png",
        "icon.jpg",
        "a b.png",
        "icon.png\n",
        "de/en/icon.png",
        "",
        5,
    ],
)
def test_a_picture_keeps_to_its_folder(name: Any) -> None:
    template = replace(FULL, images=Images(files={name: png(1, 1)}, url="https://cdn.example.com/"))
    (finding,) = validate_template(template)

    assert finding.code == "bad-name"


@pytest.mark.parametrize("language", ["../de", "german!", "", "de_AT", "de\n", 5])
def test_a_language_keeps_to_its_folder(language: Any) -> None:
    (finding,) = validate_template(replace(FULL, translations={language: {}}))

    assert finding.code == "bad-name"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ({"Points": 5}, "wrong-value"),
        ({5: "x"}, "wrong-value"),
        ({"Points": "\0"}, "wrong-value"),
        (["x"], "wrong-type"),
    ],
)
def test_translations_map_texts_to_texts(texts: Any, code: str) -> None:
    assert [finding.code for finding in validate_template(replace(FULL, translations={"de": texts}))] == [
        code
    ]


def test_translations_are_compared_with_the_texts_there_are() -> None:
    texts = {"Points": "Punkte", "Mebmer": "Mitglied"}
    template = replace(
        FULL, translations={"de": texts, "en": {}}, images=Images(files={"fr/icon.png": png(1, 1)})
    )
    found = list(validate_template(template))

    assert ("unused-translation", "translations/de.toml#/Mebmer") in said(found)
    assert ("own-language-translated", "translations/en.toml") in said(found)
    assert ("unused-picture", "images/fr/icon.png") in said(found)
    missing = [finding.message for finding in found if finding.code == "missing-translation"]
    assert "there is no de for 'Member'" in missing
    assert (
        next(finding.hint for finding in found if finding.code == "unused-translation")
        == "did you mean 'Member'?"
    )


# --- passes --------------------------------------------------------------------------------------

NO_ZONE = datetime(2026, 5, 1, 9)  # noqa: DTZ001
PASSES: tuple[tuple[dict[str, Any], list[tuple[str, str]]], ...] = (
    ({}, []),
    ({"serial": "has blank"}, [("bad-serial", "pass#/serial")]),
    ({"serial": ""}, [("bad-serial", "pass#/serial")]),
    ({"serial": "M-1\n"}, [("bad-serial", "pass#/serial")]),
    ({"serial": "x" * 65}, [("bad-serial", "pass#/serial")]),
    ({"serial": 5}, [("bad-serial", "pass#/serial")]),
    ({"serial": "Ñ"}, [("bad-serial", "pass#/serial")]),
    ({"values": {"holdr": "Jane"}}, [("unknown-field", "pass#/values/holdr")]),
    ({"values": {5: "Jane"}}, [("unknown-field", "pass#/values/5")]),
    ({"values": {"points": "5"}}, [("wrong-value", "pass#/values/points")]),
    ({"values": {"points": 2**53 + 1}}, [("wrong-value", "pass#/values/points")]),
    ({"values": {"points": True}}, [("wrong-value", "pass#/values/points")]),
    ({"values": {"secondary": float("nan")}}, [("wrong-value", "pass#/values/secondary")]),
    ({"values": {"secondary": 10**400}}, [("wrong-value", "pass#/values/secondary")]),
    ({"values": {"credit": Decimal("sNaN")}}, [("wrong-value", "pass#/values/credit")]),
    ({"values": {"credit": Decimal("1e99999")}}, [("wrong-value", "pass#/values/credit")]),
    ({"values": {"credit": "12.50"}}, [("wrong-value", "pass#/values/credit")]),
    ({"values": {"since": NO_ZONE}}, [("wrong-value", "pass#/values/since")]),
    ({"values": {"since": "2026-05-01"}}, [("wrong-value", "pass#/values/since")]),
    ({"values": {"visit": NO_ZONE}}, [("wrong-value", "pass#/values/visit")]),
    ({"values": {"visit": date(2026, 5, 1)}}, [("wrong-value", "pass#/values/visit")]),
    ({"values": {"holder": "a\ud800"}}, [("wrong-value", "pass#/values/holder")]),
    ({"values": {"holder": 5}}, [("wrong-value", "pass#/values/holder")]),
    ({"values": {"terms": "mine"}}, [("fixed-value", "pass#/values/terms")]),
    ({"values": {"holder": None}}, [("missing-value", "pass#/values/holder")]),
    ({"values": {"visit": None}}, []),
    ({"nfc": 5}, [("wrong-type", "pass#/nfc")]),
    ({"nfc": "\0"}, [("wrong-value", "pass#/nfc")]),
    ({"barcode": True}, [("wrong-type", "pass#/barcode")]),
    ({"expires": NO_ZONE}, [("bad-date", "pass#/expires")]),
    ({"expires": date(2026, 5, 1)}, [("wrong-type", "pass#/expires")]),
    ({"expires": datetime(2026, 5, 1, tzinfo=UTC)}, []),
    ({"apple": {"a": {1}}}, [("not-json", "pass#/apple/a")]),
    ({"google": {"object": {"a": float("nan")}}}, [("not-json", "pass#/google/object/a")]),
    ({"binding": "jane@example.com"}, [("wrong-type", "pass#/binding")]),
    ({"binding": Binding(email="jane", learn_more_url="http://x")}, [
        ("binding-invalid", "pass#/binding/email"), ("binding-invalid", "pass#/binding/learnMoreUrl"),
    ]),
)  # fmt: skip


def changed(changes: dict[str, Any]) -> Pass:
    """A full pass with some members changed, and of its values those that are named."""
    values = {**GIVEN, **changes.get("values", {})}
    return FULL.issue("M-1", GIVEN).replace(**{**changes, "values": values})


@pytest.mark.parametrize(("changes", "expected"), PASSES)
def test_a_mistake_in_a_pass_is_found_where_it_is(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert said(validate_pass(changed(changes))) == expected


@pytest.mark.parametrize(("changes", "expected"), PASSES)
def test_both_builders_refuse_what_the_definition_refuses(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """No mistake of a pass reaches a builder's own code: it would raise something foreign there."""
    report = validate(changed({"barcode": False, **changes}))

    assert [pair for pair in said(report.errors) if pair in expected] == expected


def test_a_missing_value_is_asked_for_with_its_example() -> None:
    template = replace(FULL, fields={"name": Field(example="Jane"), "other": Field()})

    assert [finding.hint for finding in validate_pass(template.issue("M-1"))] == [
        "give it, or make the field optional (example: Jane)",
        "",
    ]


def test_nfc_needs_a_template_that_has_it() -> None:
    template = replace(FULL, nfc=None)

    assert said(validate_pass(template.issue("M-1", GIVEN, nfc="N-1"))) == [("nfc-not-set-up", "pass#/nfc")]
    assert said(validate_pass(template.issue("M-1", GIVEN, nfc=False))) == []


@pytest.mark.parametrize("message", ["x" * 65, "é" * 33])
def test_an_nfc_message_is_at_most_64_bytes(club: Template, identity: Any, message: str) -> None:
    report = apple.PassBuilder(identity).report(club.issue("M-1", {"fullName": "Jane"}, nfc=message))

    assert said(report.errors) == [("too-long", "pass.json#/nfc/message")]
    assert apple.PassBuilder(identity).report(club.issue("M-1", {"fullName": "Jane"}, nfc="é" * 32)).ok


def test_no_finding_repeats_what_belongs_to_a_holder() -> None:
    """Wrong on purpose in every place that a holder's value can stand in."""
    canary = "jane.canary@example.com"
    wrong = dict.fromkeys(GIVEN, f"{canary}\0")
    binding = Binding(email=f"{canary} x", learn_more_url=canary)
    pass_ = FULL.issue(
        canary, wrong, nfc=f"{canary}\0", barcode=f"{canary}\0", binding=binding,
        apple={"voided": canary, "barcodes": [{"format": canary, "message": canary}]},
        google={"object": {"state": canary, "hasUsers": canary}},
    )  # fmt: skip
    said_ = str(validate(pass_)) + repr(pass_)

    assert "wrong-value" in said_
    assert canary not in said_.replace(repr(pass_.serial), "")
    overrides = FULL.issue(
        "M-1", GIVEN, binding=BINDING, barcode=False, apple=pass_.apple, google=pass_.google
    )
    report = validate(overrides)
    assert {"wrong-type", "unknown-value", "read-only-key"} <= {finding.code for finding in report}
    assert canary not in str(report)


@pytest.mark.no_cover
@given(st.dictionaries(st.sampled_from([*GIVEN, "terms", "nothing"]), ANY), ANY, ANY, ANY)
def test_no_pass_raises_whatever_it_holds(
    values: dict[str, Any], nfc: Any, expires: Any, override: Any
) -> None:
    overrides = {"x": override}
    pass_ = FULL.issue("M-1", values, nfc=nfc, expires=expires, apple=overrides, google={"object": overrides})

    assert isinstance(validate(pass_), Report)


def test_a_zone_with_seconds_is_told_and_not_written() -> None:
    """Times of places long ago differ from UTC by odd seconds, which no wallet reads."""
    zone = timezone(timedelta(hours=1, seconds=28))
    report = validate(FULL.issue("M-1", {**GIVEN, "visit": datetime(1890, 1, 1, tzinfo=zone)}))

    assert ("style-misfit", "pass.json#/storeCard/auxiliaryFields/1/dateStyle") in said(report.errors)


def test_links_may_call_and_write_and_lead_to_places() -> None:
    urls = ("https://a.example", "tel:+49123", "mailto:info@a.example", "geo:48.1,11.5")
    links = tuple(Link(label="x", url=url) for url in urls)

    assert not [
        f
        for f in validate_template(replace(FULL, links=links, translations={}))
        if f.severity.value == "error"
    ]


def test_good_parts_of_every_sort_are_good() -> None:
    nfc = Nfc(
        message="{serial}", apple_key=READER_KEY, google_issuers=("1",), google_constraint=("BLOCK_PAYMENT",)
    )
    template = replace(FULL, nfc=nfc, locations=(Location(latitude=1, longitude=2.5),), kind=KINDS["loyalty"])

    assert not [finding for finding in validate_template(template) if finding.severity.value == "error"]


# --- regular expressions -------------------------------------------------------------------------

MODULES = (
    "model.validation",
    "documents.placeholders",
    "model.folder",
    "schema.formats",
    "model.template",
    "google.rules.payload",
    "google.issuer",
    "google.reading.token",
)


@pytest.mark.parametrize("module", MODULES)
def test_jsn_12_no_pattern_runs_away(module: str) -> None:
    patterns = [
        value
        for value in vars(import_module(f"passwright.{module}")).values()
        if isinstance(value, re.Pattern)
    ]

    assert patterns or module == "model.template"
    for pattern in patterns:
        for seed in (*NASTY, '"', "'", "'a' . ", '"\\', "[[a", "a = ", "{", "{a", "{{"):
            for text in nasty(seed):
                assert quick(pattern.match, text), (pattern.pattern, seed)


def test_jsn_12_texts_with_a_hundred_thousand_braces_are_read_at_once() -> None:
    """Ten thousand blanks may take a moment, but no longer each than one alone."""
    for seed in ("{", "{a", "{{", "}", "{a}", "{serial", "a"):
        text = seed * (100_000 // len(seed))
        assert quick(names_in, text, seconds=0.2), seed
        assert quick(compile_text, text, seconds=0.2), seed
