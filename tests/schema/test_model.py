"""One checker judges every document: each broken fact is found at its place and said in a sentence."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build import pass_json
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import Placeholder
from passwright.google import schema as google
from passwright.model import validation
from passwright.report import Finding, Report, Severity
from passwright.schema.formats import (
    BASE_TYPES,
    FORMATS,
    Pending,
    describe_type,
    fits_style,
    is_date,
    is_number,
    is_text,
    is_url,
)
from passwright.schema.model import Schema
from passwright.schema.pointers import MAX_POINTER, did_you_mean, join_pointer, locator, printable, quote
from passwright.schema.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLACE = locator("doc")
Objects = dict[str, dict[str, dict[str, Any]]]
OUR_TABLES = {
    "pass.json": pass_json.pass_schema,
    "google": google.payload_schema,
    "template.toml": validation.template_schema,
}


def check(facts: dict[str, Any], value: Any, *, writing: bool = True) -> list[Finding]:
    """Returns the findings about `{"key": value}` where `key` has these keywords; X and Y are objects."""
    objects: Objects = {
        "Root": {"key": {"type": "text", **facts}},
        "X": {"a": {"type": "text"}, "b": {"type": "integer", "required": True}},
        "Y": {"id": {"type": "text", "unique_in": "key"}},
    }
    return list(Validator(Schema.of(objects)).check("Root", {"key": value}, place=PLACE, writing=writing))


def summaries(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.severity.value, finding.code, finding.location) for finding in findings]


HERE = "doc#/key"

# Facts, what fits them, what does not, and the code of the finding.
FACTS: tuple[tuple[dict[str, Any], list[Any], list[Any], str], ...] = (
    ({"type": "text"}, ["", "x", "Größe 🎫"], [1, True, 1.5, [], {}], "wrong-type"),
    ({"type": "text"}, ["line\nbreak\t"], ["\0", "a\ud800"], "bad-string"),
    ({"type": "text"}, [], [None], "null-value"),
    ({"type": "text", "list": True}, [[], ["x"], ("x",)], ["x", {}, 1], "wrong-type"),
    ({"type": "boolean"}, [True, False], ["true", 1, 0, "false"], "wrong-type"),
    ({"type": "integer"}, [0, -5, 10**30], [1.0, "1", True], "wrong-type"),
    ({"type": "number"}, [0, 1.5], ["1", True, float("nan"), float("inf"), Decimal(1)], "wrong-type"),
    ({"type": "int64"}, ["0", str(-(2**63)), str(2**63 - 1)], [1, str(2**63), "1.5", "٣"], "wrong-type"),
    ({"type": "object"}, [{}, {"any": [1]}], ["x", []], "wrong-type"),
    ({"type": "X"}, [{"b": 1}], ["x", []], "wrong-type"),
    ({"type": ["number", "date", "text"]}, [1, "x"], [[], True], "wrong-type"),
    ({"type": "any"}, [1, "x", [], {}, True], [], ""),
    ({"enum": ["QR", "AZTEC"]}, ["QR"], ["qr", ""], "unknown-value"),
    ({"enum": ["QR"], "aliases_of": {"qrCode": "QR"}}, ["QR"], ["QRR"], "unknown-value"),
    (
        {"type": "color"},
        ["rgb(0,0,0)", "rgb( 60, 65 ,76 )"],
        ["red", "rgb(256,0,0)", "rgb(1,2)", "rgb(1,2,3)\n"],
        "bad-color",
    ),
    (
        {"type": "date"},
        ["2026-05-01T09:00Z", "2026-05-01T09:00:00.5+02:00"],
        [
            "2026-05-01",
            "2026-05-01T09:00:00",
            "2026-13-01T09:00Z",
            "2026-05-01T09:00Z\n",
            "٢٠٢٦-05-01T09:00Z",
        ],
        "bad-date",
    ),
    (
        {"type": "url"},
        ["https://a.example/x", "tel:+491234", "HTTP://a.example"],
        ["a.example", "//a.example/x", "https:/x", "https://", "https:///x", "https://a b", "https://a\n"],
        "bad-url",
    ),
    (
        {"type": "url", "scheme": "https"},
        ["https://a.example", "HTTPS://a.example"],
        ["http://a.example", "javascript:alert(1)", "data:x", "ftp://a.example", " https://a.example"],
        "bad-url",
    ),
    (
        {"type": "url", "scheme": ["https", "tel"]},
        ["https://a.example", "tel:110"],
        ["http://a.example", "file:///etc/passwd"],
        "bad-url",
    ),
    ({"min_length": 2}, ["ab"], ["", "a"], "too-short"),
    ({"max_length": 2}, ["ab", "日本"], ["abc"], "too-long"),
    ({"max_bytes": 4}, ["abcd", "éé"], ["日本"], "too-long"),
    ({"pattern": "^[a-z]{1,3}$"}, ["abc"], ["", "abcd", "abc\n", "äb"], "bad-value"),
    ({"contains": "%@"}, ["now %@"], ["now"], "text-lacks"),
    ({"type": "number", "min": -90, "max": 90}, [-90, 90, 0.5], [-90.1, 91, 10**400], "out-of-range"),
    ({"list": True, "max_items": 2}, [["a", "b"]], [["a", "b", "c"]], "too-many-items"),
    ({"write": False}, [], ["x"], "read-only-key"),
    ({"format": "currency"}, ["EUR"], ["eur", "EURO", "EUR\n", "ÄÖÜ"], "bad-value"),
    ({"format": "language"}, ["de", "de-AT", "zh-Hans-CN"], ["german!", "d", "de_AT", "de\n"], "bad-value"),
    ({"format": "uuid"}, ["01234567-89ab-cdef-0123-456789abcdef"], ["0123"], "bad-value"),
    ({"format": "hex"}, ["", "00fF"], ["0", "zz"], "bad-value"),
    ({"format": "decimal"}, ["12.50", "-1"], ["12,50", "1.", "1e5", "٣"], "bad-value"),
    ({"format": "time-zone"}, ["Europe/Berlin", "UTC"], ["Berlin", "../../etc/passwd"], "bad-value"),
    (
        {"format": "charset"},
        ["iso-8859-1", "utf-8", "UTF-16"],
        ["latin-99", "", "a\0b", "../evil", "é", "x" * 41, "\ud800"],
        "bad-value",
    ),
    (
        {"format": "p256-spki-base64"},
        ["MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8="],
        [
            "",
            "AAAA",
            "not base64",
            "é",
            "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAEv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8=",
        ],
        "bad-value",
    ),
)


def rows(kind: int) -> Iterator[Any]:
    for facts, good, bad, code in FACTS:
        for value in (good, bad)[kind]:
            row = (facts, value, code) if kind else (facts, value)
            yield pytest.param(*row, id=f"{facts}-{ascii(value)[:40]}")


@pytest.mark.parametrize(("facts", "value"), list(rows(0)))
def test_what_fits_the_facts_is_let_through(facts: dict[str, Any], value: Any) -> None:
    assert check(facts, value) == []


@pytest.mark.parametrize(("facts", "value", "code"), list(rows(1)))
def test_jsn_08_what_breaks_a_fact_is_refused_at_its_place(
    facts: dict[str, Any], value: Any, code: str
) -> None:
    findings = check(facts, value)

    assert code in [finding.code for finding in findings]
    assert {finding.location for finding in findings} == {HERE}
    assert all(finding.severity is Severity.ERROR for finding in findings)


@pytest.mark.parametrize(("facts", "value", "code"), list(rows(1)))
def test_jsn_11_no_finding_repeats_a_value(facts: dict[str, Any], value: Any, code: str) -> None:
    """Values may be addresses or names: a finding names only the location and the rule."""
    canary = "jane.doe@example.com"
    values = [canary, [canary], {"a": canary, "b": canary}] if isinstance(value, str) else [value]
    for each in values:
        assert canary not in str(Report.from_findings(check(facts, each)))


SOFT = (
    {"unconfirmed": ["max_bytes"], "max_bytes": 1},
    {"warn": ["pattern"], "pattern": "^a$"},
    {"warn": ["enum"], "enum": ["a"]},
    {"warn": ["min_length"], "min_length": 9},
    {"warn": ["max_length"], "max_length": 1},
    {"warn": ["format"], "format": "uuid"},
    {"warn": ["contains"], "contains": "%@"},
    {"warn": ["scheme"], "type": "url", "scheme": "https"},
)


@pytest.mark.parametrize("facts", SOFT)
def test_a_fact_that_nobody_confirms_only_warns(facts: dict[str, Any]) -> None:
    assert {finding.severity for finding in check(facts, "http:")} == {Severity.WARNING}


@pytest.mark.parametrize(
    ("facts", "value", "code", "hint"),
    [
        ({"type": "boolean"}, "true", "wrong-type", "write true or false, without quotes"),
        ({"type": "int64"}, 5, "wrong-type", "64-bit numbers are text in Google's JSON: put it in quotes"),
        ({"type": "text"}, 5, "wrong-type", "put it in quotes"),
        ({"type": "number"}, "5", "wrong-type", "write the number without quotes"),
        ({"type": "text", "list": True}, "x", "wrong-type", "put it in square brackets: [...]"),
        ({"type": "text"}, {}, "wrong-type", ""),
        ({"enum": ["header", "primary"]}, "heder", "unknown-value", "did you mean 'header'?"),
        ({"enum": ["header", "primary"]}, "x", "unknown-value", "one of header, primary"),
        (
            {"enum": [str(n) for n in range(20)]},
            "x",
            "unknown-value",
            "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...",
        ),
        ({"aliases_of": {"qrCode": "QR"}, "enum": ["QR"]}, "qrCode", "deprecated-value", "write 'QR'"),
        ({"type": "color"}, "#3c414c", "hex-color", "the documented form is rgb(60, 65, 76)"),
        ({"pattern": "^a$", "form": "write a"}, "b", "bad-value", "write a"),
    ],
)
def test_a_hint_says_what_to_write(facts: dict[str, Any], value: Any, code: str, hint: str) -> None:
    assert [(finding.code, finding.hint) for finding in check(facts, value)] == [(code, hint)]


def test_an_empty_text_is_called_empty() -> None:
    assert [finding.message for finding in check({"min_length": 1}, "")] == ["key is empty"]
    assert "1 characters" in check({"min_length": 2}, "a")[0].message


def test_a_young_value_of_a_service_is_let_through_with_a_warning() -> None:
    """Google may answer with values that our table is too old for; we never send one."""
    facts = {"enum": ["QR"], "aliases_of": {}}

    assert summaries(check(facts, "NEW", writing=False)) == [("warning", "unknown-value", HERE)]
    assert summaries(check(facts, "NEW")) == [("error", "unknown-value", HERE)]


def test_what_only_a_wallet_writes_may_be_read() -> None:
    assert check({"write": False}, "x", writing=False) == []


def test_a_deprecated_key_warns() -> None:
    assert summaries(check({"deprecated": True}, "x")) == [("warning", "deprecated-key", HERE)]
    assert check({"deprecated": "9"}, "x") == []


def test_jsn_09_an_unknown_key_is_an_error_in_what_we_write_and_a_warning_in_what_we_read() -> None:
    table = Schema.of({"Root": {"barcodes": {"type": "any", "aliases": ["barCodes"]}}})

    def findings(name: str, *, writing: bool = True) -> list[Finding]:
        return list(Validator(table).check("Root", {name: 1}, place=PLACE, writing=writing))

    assert summaries(findings("barcods")) == [("error", "unknown-key", "doc#/barcods")]
    assert findings("barcods")[0].hint == "did you mean 'barcodes'?"
    assert summaries(findings("barcods", writing=False)) == [("warning", "unknown-key", "doc#/barcods")]
    assert summaries(findings("barCodes")) == [("warning", "deprecated-key", "doc#/barCodes")]
    assert findings("colour")[0].hint == ""


def test_a_document_has_to_be_an_object() -> None:
    findings = list(Validator(Schema.of({"Root": {}})).check("Root", [], place=PLACE))

    assert [str(finding) for finding in findings] == [
        "error: doc: this is a list, has to be an object [wrong-type]"
    ]


def test_places_lead_into_lists_and_objects() -> None:
    table = Schema.of(
        {"Root": {"fields": {"type": "Field", "list": True}}, "Field": {"a/b~c": {"type": "integer"}}}
    )
    document = {"fields": [{"a/b~c": 1}, {"a/b~c": "x"}, None, 5]}

    assert summaries(list(Validator(table).check("Root", document, place=PLACE))) == [
        ("error", "wrong-type", "doc#/fields/1/a~1b~0c"),
        ("error", "null-value", "doc#/fields/2"),
        ("error", "wrong-type", "doc#/fields/3"),
    ]


def test_where_any_name_will_do_the_name_is_called_by_name() -> None:
    table = Schema.of({"Root": {"*": {"type": "text", "pattern": "^[0-9a-f]{40}$"}}})
    findings = list(Validator(table).check("Root", {"icon.png": "x", "logo.png": 5}, place=PLACE))

    assert [finding.message for finding in findings] == [
        "'icon.png' does not have the right form",
        "'logo.png' is a whole number, has to be text",
    ]


NEIGHBOURS: tuple[tuple[dict[str, dict[str, Any]], dict[str, Any], list[tuple[str, str]]], ...] = (
    ({"a": {"required": True}}, {}, [("missing-key", "doc")]),
    ({"a": {"required": True}}, {"a": "x"}, []),
    ({"a": {"requires": ["b"]}, "b": {}}, {"a": "x"}, [("key-needs-key", "doc#/a")]),
    ({"a": {"requires": ["b"]}, "b": {}}, {"a": "x", "b": "x"}, []),
    ({"a": {"excludes": ["b"]}, "b": {}}, {"a": "x", "b": "x"}, [("keys-exclude", "doc#/a")]),
    ({"a": {}, "b": {"excludes": ["a"]}}, {"a": "x", "b": "x"}, [("keys-exclude", "doc#/b")]),
    (
        {"a": {"excludes": ["b"]}, "b": {"excludes": ["a"]}},
        {"a": "x", "b": "x"},
        [("keys-exclude", "doc#/a")],
    ),
    ({"a": {}, "b": {"required_if": {"a": "x"}}}, {"a": "x"}, [("missing-key", "doc")]),
    ({"a": {}, "b": {"required_if": {"a": "x"}}}, {"a": "y"}, []),
    ({"a": {}, "b": {"required_if": {"a": "x"}}}, {}, []),
    ({"a": {}, "b": {"required_unless": {"a": "x"}}}, {"a": "y"}, [("missing-key", "doc")]),
    ({"a": {}, "b": {"required_unless": {"a": "x"}}}, {"a": "x"}, []),
    ({"a": {}, "b": {"required_unless": {"a": "x"}}}, {"a": Pending()}, []),
    ({"a": {"group": "style"}, "b": {"group": "style"}}, {}, [("missing-key", "doc")]),
    ({"a": {"group": "style"}, "b": {"group": "style"}}, {"b": "x"}, []),
    ({"a": {"group": "s"}, "b": {"allowed_beside": ["a"]}}, {"a": "x", "b": "x"}, []),
    (
        {"a": {"group": "s"}, "b": {"allowed_beside": ["c"]}},
        {"a": "x", "b": "x"},
        [("keys-exclude", "doc#/b")],
    ),
    ({"a": {"group": "s"}, "b": {"group": "s"}}, {"a": "x", "b": "x"}, [("keys-exclude", "doc#/b")]),
    ({"value": {}, "f": {"with_value": "number"}}, {"value": "x", "f": "x"}, [("style-misfit", "doc#/f")]),
    ({"value": {"type": "any"}, "f": {"with_value": "number"}}, {"value": 5, "f": "x"}, []),
    ({"value": {}, "f": {"with_value": "date"}}, {"value": "2026-05-01T09:00Z", "f": "x"}, []),
    ({"value": {}, "f": {"with_value": "date"}}, {"value": "May", "f": "x"}, [("style-misfit", "doc#/f")]),
    ({"value": {}, "f": {"with_value": "date"}}, {"value": Pending(), "f": "x"}, []),
    ({"value": {}, "f": {"with_value": "date"}}, {"f": "x"}, []),
)


@pytest.mark.parametrize(("keys", "document", "expected"), NEIGHBOURS)
def test_facts_between_keys_are_asked(
    keys: dict[str, dict[str, Any]], document: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    table = Schema.of({"Root": {name: {"type": "text", **facts} for name, facts in keys.items()}})

    found = list(Validator(table).check("Root", document, place=PLACE))

    assert [(finding.code, finding.location) for finding in found] == expected


def test_a_key_may_narrow_the_values_of_a_member_below_it() -> None:
    """Values of genuine passes yield warnings in third-party payloads."""
    objects: Objects = {
        "Root": {"old": {"type": "Code", "narrows": {"format": ["qr"]}}, "new": {"type": "Code"}},
        "Code": {"format": {"type": "text", "enum": ["qr", "code128"]}},
    }
    table = Schema.of(objects)

    def findings(format_: str, *, writing: bool = True) -> list[tuple[str, str, str]]:
        document = {"old": {"format": format_}, "new": {"format": "code128"}}
        return summaries(list(Validator(table).check("Root", document, place=PLACE, writing=writing)))

    assert findings("qr") == []
    assert findings("code128") == [("error", "unknown-value", "doc#/old/format")]
    assert findings("code128", writing=False) == [("warning", "unknown-value", "doc#/old/format")]
    assert findings("ean8") == [("error", "unknown-value", "doc#/old/format")]


def test_what_differs_within_a_pass_differs_within_its_list() -> None:
    actions = {"identifier": "a", "type": "place"}
    found = pass_json.pass_validator().check("Pass", {"featuredActions": [actions, actions]}, place=PLACE)

    assert ("error", "duplicate-value", "doc#/featuredActions/1/identifier") in summaries(list(found))


def test_members_that_have_to_differ_are_compared_within_their_list() -> None:
    ids = [{"id": "a"}, {"id": "b"}, {"id": "a"}, {}, {}, 5]
    objects: Objects = {
        "Root": {"key": {"type": "Y", "list": True}},
        "Y": {"id": {"type": "text", "unique_in": "key"}},
    }

    found = list(Validator(Schema.of(objects)).check("Root", {"key": ids}, place=PLACE))

    assert ("error", "duplicate-value", "doc#/key/2/id") in summaries(found)
    assert sum(finding.code == "duplicate-value" for finding in found) == 1


def test_what_is_not_known_yet_counts_as_there_and_is_not_judged() -> None:
    objects: Objects = {
        "Root": {
            "key": {"type": "text", "required": True, "enum": ["a"]},
            "list": {"type": "X", "list": True},
        },
        "X": {"n": {"type": "integer", "required": True}},
    }
    document = {"key": Pending(), "list": [Pending(), {"n": Pending()}]}

    assert list(Validator(Schema.of(objects)).check("Root", document, place=PLACE)) == []
    assert list(Validator(Schema.of(objects)).check("Root", Pending(), place=PLACE)) == []


def test_one_value_is_judged_as_it_would_be_in_its_document() -> None:
    schema = Schema.of({"Root": {"n": {"type": "integer", "max": 5}, "l": {"type": "text", "list": True}}})

    def findings(value: Any, pointer: str) -> list[tuple[str, str, str]]:
        validator = Validator(schema).value_validator("Root", {"n": 1, "l": ["x"]}, pointer)
        assert validator is not None
        findings = summaries(list(validator.findings(value, place=PLACE)))
        assert validator.accepts(value) is (findings == [])
        return findings

    assert findings(6, "/n") == [("error", "out-of-range", "doc#/n")]
    assert findings("x", "/l/0") == []
    assert findings("x", "/l") == [("error", "wrong-type", "doc#/l")]
    assert findings(5, "/l/0") == [("error", "wrong-type", "doc#/l/0")]


def test_a_value_that_the_schema_does_not_describe_has_no_validator() -> None:
    assert pass_json.pass_validator().value_validator("Pass", {"userInfo": {"x": 1}}, "/userInfo/x") is None


def test_the_key_of_a_pointer_is_found_with_the_object_it_stands_in() -> None:
    table = pass_json.pass_schema()
    document = {"storeCard": {"backFields": [{"key": "a", "value": 1}]}, "userInfo": {"x": 1}}

    found = table.locate("Pass", document, "/storeCard/backFields/0/value")

    assert found is not None
    assert (found[0].name, found[1]) == ("value", {"key": "a", "value": 1})
    assert table.locate("Pass", document, "/userInfo/x") is None
    assert table.locate("Pass", document, "/unknown") is None
    assert table.locate("Pass", {"storeCard": "text"}, "/storeCard/backFields/0") is None
    assert table.locate("Nothing", document, "/x") is None


def test_a_format_waits_for_a_value_that_is_not_there() -> None:
    assert fits_style("date", None)
    assert fits_style("number", Pending())
    assert not fits_style("number", True)


# --- bounds --------------------------------------------------------------------------------------


def test_jsn_10_many_mistakes_are_told_in_few_lines() -> None:
    """10,000 wrong items: at most 50 lines of a kind, and one that counts the rest."""
    table = Schema.of({"Root": {f"known{n}": {"type": "text"} for n in range(60)}, "X": {}})
    document = {f"knwn{n}": n for n in range(10_000)}
    report = Report.from_findings(Validator(table).check("Root", document, place=PLACE))

    assert len(report) == 51
    assert report.findings[-1].message == "9950 more findings like these: unknown-key"
    assert not report.ok
    assert len(str(report)) < 64 * 1024


@pytest.mark.parametrize("name", ["x" * 1_000_000, "a\nb", "\u202egnp.exe", "\ud800", ""])
def test_a_name_from_outside_keeps_to_its_line(name: str) -> None:
    """No key can break, blow up or turn round the lines of a report."""
    table = Schema.of({"Root": {"known": {"type": "text"}}})
    (finding,) = Validator(table).check("Root", {name: 1}, place=PLACE)

    assert len(str(finding)) < 2 * MAX_POINTER
    assert str(finding).isprintable()


@given(st.text() | st.integers())
def test_a_pointer_is_printed_as_it_is_when_it_can_be(name: str | int) -> None:
    pointer = join_pointer("/fields", name)
    if pointer.isprintable() and len(pointer) <= MAX_POINTER:
        assert locator("f")(pointer) == f"f#{pointer}"
    assert printable(pointer).isprintable()


def test_the_whole_document_is_called_by_its_name() -> None:
    assert locator("pass.json")("") == "pass.json"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lable", "did you mean 'label'?"),
        ("LABEL", "did you mean 'label'?"),
        ("x", ""),
        (5, ""),
        ("l" * 100, ""),
    ],
)
def test_a_hint_names_what_was_probably_meant(name: object, hint: str) -> None:
    assert did_you_mean(name, ["label", "slot"]) == hint


def test_a_text_is_shown_in_quotes_and_cut() -> None:
    assert quote("Points") == "'Points'"
    assert quote("x" * 500) == f"'{'x' * 59}...'"


def test_what_a_value_is_can_be_said_of_anything() -> None:
    values = [True, "x", 1, 1.5, float("inf"), Decimal(1), {}, [], (), None, b""]
    dates = [date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)]

    assert [describe_type(value) for value in values + dates] == [
        *("true or false", "text", "a whole number", "a number", "not a finite number", "a Decimal"),
        *("an object", "a list", "a list", "null", "a bytes", "a date", "a date with a time"),
    ]


# --- regular expressions -------------------------------------------------------------------------

LONG = 100_000
# Texts that keep a careless expression busy: the beginning of a match without its end.
NASTY = (
    "a",
    "0",
    "-",
    "a-",
    "ab-",
    "%",
    " ",
    "1.",
    "-1",
    "\n",
    "https://a",
    "rgb(1,",
    "rgb( ",
    "é",
    "==",
    "A/",
    "#",
    "pass.",
)


def nasty(seed: str) -> Iterator[str]:
    text = (seed * LONG)[:LONG]
    yield from (
        text,
        f"{text}\n",
        f"{text}!",
        f"a{text}\0",
        f"rgb({text}",
        f"https:{text} ",
        f"pass.{text}\n",
    )


def quick(work: Any, *inputs: Any, seconds: float = 0.01) -> bool:
    """Under ten milliseconds of processor time, once in five tries: others share the machine."""
    for _ in range(5):
        start = time.process_time()
        work(*inputs)
        if time.process_time() - start < seconds:
            return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("name", OUR_TABLES)
def test_jsn_12_no_pattern_of_a_table_runs_away(name: str) -> None:
    patterns = {
        key.pattern for keys in OUR_TABLES[name]().objects.values() for key in keys.values() if key.pattern
    }

    assert patterns
    for pattern in patterns:
        for seed in NASTY:
            for text in nasty(seed):
                assert quick(pattern.search, text), (pattern.pattern, seed)


@pytest.mark.long
@pytest.mark.parametrize("form", [*FORMATS, "url", "date", "text"])
def test_jsn_12_no_form_of_a_text_runs_away(form: str) -> None:
    others: dict[str, Callable[[str], bool]] = {"url": is_url, "date": is_date, "text": is_text}
    work = others.get(form) or FORMATS[form][1]
    work("")  # what is read once is not the text's fault

    for seed in NASTY:
        for text in nasty(seed):
            assert quick(work, text), (form, seed)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["color", "url", "date", "int64", "text"])
def test_jsn_12_no_type_runs_away(kind: str) -> None:
    validator = Validator(Schema.of({"Root": {"key": {"type": kind, "enum": ["https://a.example"]}}}))
    for seed in NASTY:
        for text in nasty(seed):
            assert quick(lambda text=text: list(validator.check("Root", {"key": text}, place=PLACE))), seed


# --- the tables themselves -----------------------------------------------------------------------

KNOWN_FACTS = {
    *("type", "list", "enum", "aliases_of", "pattern", "contains", "format", "scheme", "min", "max"),
    *("min_length", "max_length", "max_bytes", "max_items", "requires", "excludes", "required"),
    *("required_if", "required_unless", "with_value", "group", "unique_in", "unconfirmed", "warn"),
    *("aliases", "deprecated", "write", "form"),
}


@pytest.mark.parametrize("name", OUR_TABLES)
def test_every_type_and_format_of_a_table_exists(name: str) -> None:
    table = OUR_TABLES[name]()
    for owner, keys in table.objects.items():
        for key in keys.values():
            assert all(kind in BASE_TYPES or kind in table.objects for kind in key.types), (owner, key.name)
            assert key.keywords.get("format") in (None, *FORMATS), (owner, key.name)
            assert not {"min", "max"} & key.keywords.keys() or set(key.types) <= {"number", "integer"}


@pytest.mark.parametrize("name", OUR_TABLES)
def test_facts_between_keys_name_keys_of_the_same_object(name: str) -> None:
    for owner, keys in OUR_TABLES[name]().objects.items():
        for key in keys.values():
            for fact in ("requires", "excludes", "required_if", "required_unless"):
                assert set(key.keywords.get(fact, ())) <= keys.keys(), (owner, key.name, fact)


def test_no_fact_of_our_own_table_is_misspelt() -> None:
    for owner, keys in validation.template_schema().objects.items():
        for key in keys.values():
            assert key.keywords.keys() <= KNOWN_FACTS, (owner, key.name)


def test_a_formatting_member_beside_a_value_constrains_the_value() -> None:
    skeleton = {
        "storeCard": {"backFields": [{"key": "a", "value": Placeholder(lambda _: 1), "dateStyle": "x"}]}
    }
    pointer = "/storeCard/backFields/0/value"
    validator = pass_json.pass_validator().value_validator("Pass", JsonTemplate(skeleton).body, pointer)

    assert validator is not None
    misfits = list(validator.findings("May", place=PLACE))
    assert summaries(misfits) == [("error", "style-misfit", "doc#/storeCard/backFields/0/dateStyle")]
    assert not validator.accepts("May")
    assert validator.accepts("2026-05-01T09:00Z")


@given(st.floats() | st.integers() | st.decimals(allow_nan=True) | st.booleans())
def test_only_numbers_that_json_can_hold_are_numbers(value: Any) -> None:
    finite = isinstance(value, (int, float)) and value == value and abs(value) != float("inf")  # noqa: PLR0124

    assert is_number(value) == (finite and not isinstance(value, bool))
