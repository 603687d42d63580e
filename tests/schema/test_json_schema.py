"""The schema refuses what the checker calls an error, and accepts the rest: key by key, in every table."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build import pass_json
from passwright.cli.commands.schema import SCHEMAS, of
from passwright.google import schema as google
from passwright.model import validation
from passwright.report import Severity
from passwright.schema import formats
from passwright.schema.json_schema import DIALECT, json_schema
from passwright.schema.model import Member, Schema
from passwright.schema.validator import Validator
from tests.paths import ROOT as REPOSITORY
from tests.run_cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIXTURES = REPOSITORY / "fixtures"
ISSUER = "3388000000022222222"

# Every fact that can refuse, also those that only warn in the tables we ship.
EVERY_FACT = Schema.of(
    {
        "Root": {
            "needed": {"type": "text", "required": True},
            "if": {"type": "text", "required_if": {"needed": "x"}},
            "unless": {"type": "text", "required_unless": {"needed": "x"}},
            "one": {"type": "boolean", "group": "kind"},
            "two": {"type": "boolean", "group": "kind", "excludes": ["needs", "items"]},
            "red": {"type": "boolean", "group": "colour"},
            "blue": {"type": "boolean", "group": "colour"},
            "needs": {"type": "boolean", "requires": ["items", "number"]},
            "poster": {"type": "boolean", "allowed_beside": ["one", "red"]},
            "items": {"type": "Item", "list": True, "max_items": 2, "narrows": {"kind": ["QR_CODE"]}},
            "loose": {"type": "text", "list": True, "max_items": 2, "warn": ["max_items"]},
            "number": {"type": "number", "min": 0, "max": 10},
            "text": {"type": "text", "min_length": 2, "max_length": 3},
            "bytes": {"type": "text", "max_bytes": 4},
            "contains": {"type": "localized", "contains": "%@ (a|b)"},
            "three": {"type": "text", "contains": "x", "pattern": "^x", "format": "hex", "warn": ["format"]},
            "both": {"type": "text", "pattern": "^[A-Z]", "format": "currency"},
            "union": {"type": ["Item", "int64", "url", "boolean", "number"], "min": 1},
            "web": {"type": "url", "scheme": ["https", "tel"]},
            "old": {"type": "text", "deprecated": True, "aliases": ["older"], "default": "x"},
            "theirs": {"type": "text", "write": False},
            "young": {"type": "text", "enum": ["QR_CODE"], "aliases_of": {"qrCode": "QR_CODE"}},
            "soft": {"type": "integer", "enum": [1], "warn": ["enum"]},
            "value": {"type": ["text", "number", "date"]},
            "when": {"type": ["date", "number"]},
            "dated": {"type": "boolean", "with_value": "date"},
            "counted": {"type": "boolean", "with_value": "number"},
            "any": {"type": "any"},
            "free": {"type": "object"},
            "names": {"type": "Names"},
            **{name: {"type": "text", "format": name} for name in formats.FORMATS},
        },
        "Item": {
            "id": {"type": "text", "unique_in": "items"},
            "kind": {"type": "text", "enum": ["QR_CODE", "AZTEC"]},
            "items": {"type": "Item", "list": True},
        },
        "Names": {"*": {"type": "integer"}, "theirs": {"type": "integer", "write": False}},
    }
)
# A right object of it.
ROOT = {"needed": "x", "if": "x", "one": True, "red": True}
TABLES = {
    "template": validation.template_schema(),
    "pass.json": pass_json.pass_schema(),
    "google": google.payload_schema(),
    "every-fact": EVERY_FACT,
}
VALIDATORS = {id(schema): Validator(schema) for schema in TABLES.values()}
OBJECTS = [(table, name) for table, each in TABLES.items() for name in each.objects]

# Near misses of every type and form there is: each is tried as the value of every key.
DATES = (
    *("2026-05-01T09:00:00+02:00", "2026-05-01T09:00Z", "2026-05-01T09:00:59.123456789-23:59"),
    *("2026-05-01T09:00:00", "2026-05-01", "2026-13-01T09:00Z", "2026-05-32T09:00Z", "2026-05-01T24:00Z"),
    *("2026-05-01T09:60Z", "2026-05-01T09:00:60Z", "2026-05-01T09:00+24:00", "2026-05-01T09:00+02:60"),
    *("2026-05-01 09:00Z", "2026-05-01T09:00z", "x2026-05-01T09:00Z", "2026-05-01T09:00Zx"),
)
URLS = (
    *("https://www.example.com/", "HTTPS://e", "http://e/?a#b", "tel:+49", "mailto:a@b", "my-app+x.1:go"),
    *(
        "https:",
        "https:e",
        "https://",
        "https:///x",
        "https://a b",
        "https://a\u2003b",
        "tel:",
        "1x:y",
        "//e",
    ),
)
COLORS = (
    *(
        "rgb(0,0,0)",
        "rgb( 255 ,\t255 , 007 )",
        "#3c414c",
        "#FFF",
        "rgb(256,0,0)",
        "rgb(0,0)",
        "rgb(1000,0,0)",
    ),
    *("#ffff", "RGB(0,0,0)", "rgb(-1,0,0)", "rgb(0,0,0) ", "rgb(٣,0,0)", "3c414c"),
)
INTEGERS = (
    *(
        "0",
        "-0",
        "007",
        str(2**63 - 1),
        str(-(2**63)),
        str(2**63),
        str(-(2**63) - 1),
        "9" * 19,
        "1" * 20,
        "-",
    ),
    *("1.0", "+1", "٣", " 1"),
)
FORMS = (
    *("EUR", "eur", "EURO", "12.50", "12.", "-1", "en", "de-AT", "e", "en_US", "utf-8", "iso-8859-1", "x y"),
    *("550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000", "0a0B", "0a0", "a" * 64),
    *("a" * 40, "a" * 16, "A" * 10, "pass.com.example", "pass.", "Europe/Berlin", "a-b_c", "a.b", "%@ (a|b)"),
    *("MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8=", "x%", "xx", "xyz"),
)
TEXTS = (
    "",
    "x",
    "ä",
    "xyzxyz",
    "🎫" * 3,
    "🎫" * 5,
    "x" * 201,
    "x" * 2001,
    "\0",
    "a\0b",
    "line\nbreak",
    "x" * 5001,
)
OTHERS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 10, 11, 1.5, -90.5, 90, 181, 65535, 65536, 2**31, 1e300),
    *([], {}, [None], ["x"], [1], [[]], [{}], {"x": 1}, [True, True]),
)
POOL: tuple[Any, ...] = (*DATES, *URLS, *COLORS, *INTEGERS, *FORMS, *TEXTS, *OTHERS)


def accepted(table: Schema, name: str, document: object, *, writing: bool = True) -> bool:
    """The checker finds no error."""
    found = VALIDATORS[id(table)].check(name, document, place=str, writing=writing)
    return all(finding.severity is not Severity.ERROR for finding in found)


@cache
def validator(table: str, name: str, *, writing: bool = True) -> Any:
    """The quick one of two judges; the other speaks where it knows better, and draws at random."""
    return jsonschema_rs.Draft202012Validator(json_schema(TABLES[table], name, title=name, writing=writing))


@cache
def second_validator(table: str, name: str, *, writing: bool = True) -> Any:
    return jsonschema.Draft202012Validator(json_schema(TABLES[table], name, title=name, writing=writing))


def fits(table: Schema, key: Member, value: object) -> bool:
    """The value is right for the key, whatever stands beside it."""
    if key.keywords.get("write") is False:
        return False
    owner = next(name for name, members in table.objects.items() if members.get(key.name) is key)
    validator = VALIDATORS[id(table)].value_validator(owner, {key.name: value}, f"/{key.name}")
    assert validator is not None
    return all(finding.severity is not Severity.ERROR for finding in validator.findings(value, place=str))


def values(table: Schema, key: Member) -> Iterator[Any]:
    """Yields valid and invalid values of a member."""
    facts = key.keywords
    singles = [*facts.get("enum", ()), *facts.get("aliases_of", ()), *POOL]
    singles += [smallest(table, kind) for kind in key.types if kind in table.objects]
    yield from singles
    if key.is_list:
        right = next((each for each in singles if fits(table, key, [each])), None)
        yield from ([each] for each in singles)
        yield from ([right] * count for count in (2, 3, 10, 11, 15, 16))


def smallest(table: Schema, name: str) -> dict[str, Any]:
    """The smallest right object of a name: what is required, and one key of each group."""
    if table is EVERY_FACT and name == "Root":
        return dict(ROOT)
    keys = table.objects[name]
    wanted = {key.name: key for key in keys.values() if key.keywords.get("required") and key.name != "*"}
    for members in table.groups_of(name).values():
        wanted.setdefault(members[0], keys[members[0]])
    missing = [other for key in wanted.values() for other in key.keywords.get("requires", ())]
    wanted |= {other: keys[other] for other in missing}
    return {member: right(table, key) for member, key in wanted.items()}


def right(table: Schema, key: Member) -> Any:
    return next(value for value in values(table, key) if fits(table, key, value))


def documents(table: Schema, name: str, *, writing: bool) -> Iterator[dict[str, Any]]:
    """The smallest object, with one key at a time set to everything, missing, and beside every partner."""
    base = smallest(table, name)
    yield base
    yield from ({member: value for member, value in base.items() if member != gone} for gone in base)
    yield from ({**base, unknown: 1} for unknown in ("nothingOfTheKind", "older", ""))
    seen: set[str] = set()
    for key in table.objects[name].values():
        member = "icon.png" if key.name == "*" else key.name
        # Of many keys alike the first sees everything, the others see every type. So do
        # those that are read as they are written.
        facts = repr({fact: key.keywords[fact] for fact in key.keywords.keys() - {"note", "since", "styles"}})
        alike = facts in seen or not (writing or key.keywords.keys() & {"aliases_of", "write", "narrows"})
        tried = OTHERS if alike else values(table, key)
        yield from ({**base, member: value} for value in tried)
        seen.add(facts)
        for alias in key.keywords.get("aliases", ()):
            yield from ({**base, alias: value} for value in (None, 1, "x"))
    yield from sibling_documents(table, name, base)


BETWEEN = (
    *("requires", "excludes", "required_if", "required_unless", "allowed_beside"),
    *("group", "with_value", "narrows"),
)


def sibling_documents(table: Schema, name: str, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    keys = {key.name: key for key in table.objects[name].values() if key.keywords.get("write") is not False}
    asking = [key for key in keys.values() if key.keywords.keys() & set(BETWEEN)]
    asked = {other for key in asking for fact in BETWEEN[:5] for other in key.keywords.get(fact, ())}
    for key in asking:
        for other in (*asking, *(keys[each] for each in sorted(asked))):
            both = {key.name: right(table, key), other.name: right(table, other)}
            yield base | both
            yield {member: value for member, value in base.items() if member not in both} | both
            yield {member: value for member, value in (base | both).items() if member != other.name}
        for partner in key.keywords.keys() & {"required_if", "required_unless"}:
            for other_name in key.keywords[partner]:
                for value in ("x", "y", "place", None, 1):
                    rest = {member: each for member, each in base.items() if member != key.name}
                    yield {**rest, other_name: value}
                    yield {**base, key.name: right(table, key), other_name: value}
        for member in key.keywords.get("narrows", ()):
            kind = next(kind for kind in key.types if kind in table.objects)
            for value in table.objects[kind][member].keywords["enum"]:
                one = {**smallest(table, kind), member: value}
                yield {**base, key.name: [one] if key.is_list else one}
        for members in table.groups_of(name).values() if "allowed_beside" in key.keywords else ():
            rest = {member: value for member, value in base.items() if member not in members}
            yield from (
                {**rest, key.name: right(table, key), each: right(table, keys[each])} for each in members
            )
        if "with_value" in key.keywords:
            yield from (
                {**base, key.name: right(table, key), "value": value} for value in (*DATES, 5, 1.5, "x")
            )


# Constraints that JSON Schema can't express: it accepts values that the validator refuses, never the reverse.
# Reason, code of the checker's finding, and a document of the object Root above that shows it.
DIFFERENCES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JSON Schema calls 1.0 an integer", "wrong-type", {"names": {"a": 1.0}}),
    ("half a surrogate pair is not a character that a pattern could name", "bad-string", {"text": "a\ud800"}),
    ("lengths are counted in characters, not in bytes of UTF-8", "too-long", {"bytes": "äää"}),
    ("no keyword compares members of the items of a list", "duplicate-value", {"items": [{"id": "a"}] * 2}),
    ("the names of character sets are a registry", "bad-value", {"charset": "no-such-set"}),
    ("the names of time zones are a database", "bad-value", {"time-zone": "Europe/Nowhere"}),
    ("a key is bytes in Base64", "bad-value", {"p256-spki-base64": "AAAA"}),
    ("months differ in length", "style-misfit", {"value": "2026-02-30T09:00Z", "dated": True}),
    (
        "Python's $ stands before a final line break too, ECMA-262's does not",
        "bad-value",
        {"currency": "EUR\n"},
    ),
)


@pytest.mark.parametrize(("reason", "code", "document"), DIFFERENCES)
def test_what_json_schema_can_not_say_is_listed(reason: str, code: str, document: dict[str, Any]) -> None:
    """A line whose difference is gone fails."""
    errors = Validator(EVERY_FACT).check("Root", ROOT | document, place=str)

    assert [each.code for each in errors if each.severity is Severity.ERROR] == [code], reason
    # The quick one has no half surrogates, and a $ of its own.
    assert second_validator("every-fact", "Root").is_valid(ROOT | document), reason


def explained(table: Schema, name: str, document: object, *, writing: bool) -> bool:
    """Every error of the checker is one of the differences above."""
    for finding in VALIDATORS[id(table)].check(name, document, place=str, writing=writing):
        found = table.locate(name, document, finding.location)
        if finding.severity is not Severity.ERROR:
            continue
        facts = found[0].keywords if found else {}
        value: Any = document
        for part in finding.location.split("/")[1:]:
            value = value[int(part) if isinstance(value, list) else part]
        if not (
            (finding.code == "too-long" and len(value) <= facts.get("max_bytes", 0))
            or finding.code == "duplicate-value"
            or (finding.code == "wrong-type" and isinstance(value, float) and value.is_integer())
            or (
                finding.code == "bad-value"
                and facts.get("format") in ("charset", "time-zone", "p256-spki-base64")
            )
        ):
            return False
    return True


def compare(table: str, name: str, document: object, *, writing: bool, check: Any = validator) -> bool:
    """Schema and checker agree; whether they accept."""
    schema = check(table, name, writing=writing).is_valid(document)
    checker = accepted(TABLES[table], name, document, writing=writing)
    if schema != checker:
        assert schema, f"only the schema refuses {document!r}"
        assert explained(TABLES[table], name, document, writing=writing), (
            f"only the checker refuses {document!r}"
        )
    return checker


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "writing", [True, pytest.param(False, marks=pytest.mark.long)], ids=["writing", "reading"]
)
@pytest.mark.parametrize(("table", "name"), OBJECTS)
def test_schema_and_checker_agree_on_every_key(table: str, name: str, *, writing: bool) -> None:
    verdicts = [
        compare(table, name, document, writing=writing)
        for document in documents(TABLES[table], name, writing=writing)
    ]

    assert verdicts[0], "the smallest instance is right"
    if TABLES[table].objects[name]:
        assert not all(verdicts), "something has to be wrong"


@given(st.data())
def test_schema_and_checker_agree_on_objects_put_together_at_random(data: st.DataObject) -> None:
    table, name = data.draw(st.sampled_from(OBJECTS))
    base = smallest(TABLES[table], name)
    keys = [*TABLES[table].objects[name].values()]
    chosen = (
        data.draw(st.lists(st.sampled_from(keys), max_size=5, unique_by=lambda key: key.name)) if keys else []
    )
    for key in chosen:
        base[key.name] = data.draw(st.sampled_from([*values(TABLES[table], key)]))
    compare(table, name, base, writing=data.draw(st.booleans()), check=second_validator)


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    assert not validator("pass.json", "Pass").is_valid(document)


def as_json(value: Any) -> Any:
    """TOML as an editor's JSON Schema checker sees it: dates are text."""
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("templates/*/template.toml")), ids=lambda path: path.parent.name
)
def test_our_templates_fit_the_schema_of_templates(path: Path) -> None:
    document = as_json(tomllib.loads(path.read_text("utf-8")))

    jsonschema.Draft202012Validator(of("template")).validate(document)
    document["fields"]["x"] = {"lable": "X"}
    errors = jsonschema.Draft202012Validator(of("template")).iter_errors(document)
    assert [[*error.absolute_path] for error in errors] == [["fields", "x"]]


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("reading", [(), ("--reading",)])
def test_the_command_prints_a_schema_of_everything_there_is(name: str, reading: tuple[str, ...]) -> None:
    result = run("schema", name, *reading)

    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert result.stdout.isascii()
    root = schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    assert root["additionalProperties"] is bool(reading)


@pytest.mark.parametrize("name", ["LoyaltyObject", "loyaltyobject", "PASS.JSON", "template.toml"])
def test_names_are_known_in_every_spelling_that_is_in_use(name: str) -> None:
    assert run("schema", name).exit_code == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [("LoyaltyClas", "did you mean 'loyaltyClass'?"), ("x", "it is one of template, pass.json")],
)
def test_an_unknown_name_is_wrong_use(name: str, hint: str) -> None:
    result = run("schema", name)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert hint in " ".join(result.stderr.split())


def test_what_is_not_judged_is_told() -> None:
    """Editors show descriptions; comments tell maintainers what is left to the checker."""
    schema = json_schema(EVERY_FACT, "Root", title="Everything", id="https://example.com/everything")
    keys = schema["$defs"]["Root"]["properties"]

    assert schema["$id"] == "https://example.com/everything"
    assert schema["title"] == "Everything"
    assert keys["loose"]["$comment"] == "warned of only: max_items 2"
    assert keys["bytes"]["$comment"] == "no keyword says: max_bytes 4"
    assert keys["time-zone"]["$comment"] == 'no keyword says: format "time-zone"'
    assert keys["old"]["deprecated"] is True
    assert keys["old"]["default"] == "x"
    assert keys["theirs"]["readOnly"] is True
    assert keys["young"]["anyOf"][1] == {
        "enum": ["qrCode"],
        "deprecated": True,
        "description": "Old spellings.",
    }
    apple_keys = of("pass.json")["$defs"]["Pass"]["properties"]
    assert "Read since iOS 6. Deprecated since iOS 9." in apple_keys["barcode"]["description"]
    assert "Has an effect in: posterEventTicket." in apple_keys["addOnURL"]["description"]


def test_an_object_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        json_schema(EVERY_FACT, "Nothing", title="Nothing")


@pytest.mark.parametrize("kind", formats.PATTERNS)
def test_patterns_say_what_the_checker_of_the_type_says(kind: str) -> None:
    """All texts there are in the pool, through both."""
    pattern = re.compile(formats.PATTERNS[kind])
    validator = Validator(Schema.of({"Root": {"key": {"type": kind}}}))
    for text in (each for each in (*POOL, "https://a\x85b", "https://a\ufeffb") if isinstance(each, str)):
        found = validator.check("Root", {"key": text}, place=str)
        is_accepted = all(finding.severity is not Severity.ERROR for finding in found)
        assert (pattern.fullmatch(text) is not None) is is_accepted, text


def patterns(schema: Any) -> Iterator[str]:
    """Every pattern in a schema, however deep."""
    if isinstance(schema, list):
        for each in schema:
            yield from patterns(each)
    elif isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for each in schema.values():
            yield from patterns(each)


NODE = """
const {patterns, texts} = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const read = patterns.map(pattern => new RegExp(pattern, "u"));
console.log(JSON.stringify(read.map(pattern => texts.map(text => pattern.test(text)))));
"""


@pytest.mark.foreign("node")
def test_the_other_dialect_reads_our_patterns_alike() -> None:
    """JSON Schema's patterns are ECMA-262's; editors read them so."""
    found = sorted({pattern for name in SCHEMAS for pattern in patterns(of(name))})
    found += sorted({*patterns(json_schema(EVERY_FACT, "Root", title=""))} - {*found})
    texts = [
        each for each in (*POOL, "a\x85b", "https://a\x85b", "https://a\ufeffb") if isinstance(each, str)
    ]
    given_ = json.dumps({"patterns": found, "texts": texts})

    done = subprocess.run(["node", "-e", NODE], input=given_, capture_output=True, text=True, check=True)

    assert len(found) > 20
    for pattern, verdicts in zip(found, json.loads(done.stdout), strict=True):
        assert [re.search(pattern, text) is not None for text in texts] == verdicts, pattern
