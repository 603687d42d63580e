"""Our tables are what Google's own description says, read here without our tables."""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import googleapiclient
import pytest

from passwright import Barcode, Field, Template
from passwright.google import schema as google_schema
from passwright.google.builder import PassBuilder
from passwright.google.content import resource_name
from passwright.google.schema import VERTICALS, from_discovery, payload_schema, resources
from passwright.google.schema import __main__ as command
from passwright.model.parts import Link, Location
from tests.conftest import AT, BINDING, TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.google.issuer import Issuer

DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache/documents/walletobjects.v1.json"
DISCOVERY = json.loads(DOCUMENT.read_text("utf-8"))
SCHEMAS = DISCOVERY["schemas"]
PYTHON: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
}


def disagreements(schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    """Yields differences of a JSON value from a discovery document: names, types, enumerations."""
    if "$ref" in schema:
        schema = {"type": "object", **SCHEMAS[schema["$ref"]]}
    kind = schema["type"]
    if not isinstance(value, PYTHON[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{where} is {type(value).__name__}, not {kind}"
    elif kind == "array":
        for index, item in enumerate(value):
            yield from disagreements(schema["items"], item, f"{where}/{index}")
    elif kind == "object":
        for key, each in value.items():
            if key in schema["properties"]:
                yield from disagreements(schema["properties"][key], each, f"{where}/{key}")
            else:
                yield f"{where} has no {key}"
    else:
        yield from unwritable(schema, value, where)


def unwritable(schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    """Returns the fault of one number or text, or None."""
    if schema.get("format") == "int64" and not re.fullmatch("-?[0-9]{1,19}", value):
        yield f"{where} is not an int64"
    if schema.get("format") == "int32" and not -(2**31) <= value < 2**31:
        yield f"{where} is not an int32"
    if "enum" in schema:
        old = schema.get("enumDeprecated", [False] * len(schema["enum"]))
        if value not in [each for each, dead in zip(schema["enum"], old, strict=True) if not dead]:
            yield f"{where} is {value}, none of the values to write"
        if value.endswith("_UNSPECIFIED"):
            yield f"{where} says nothing"


def test_this_test_notices_what_google_would_refuse() -> None:
    schema = {"$ref": "LoyaltyObject"}
    samples: tuple[dict[str, Any], ...] = (
        {"stat": "ACTIVE"},
        {"state": "active"},
        {"state": "STATE_UNSPECIFIED"},
        {"id": 1},
        {"hasUsers": "true"},
        {"loyaltyPoints": {"balance": {"int": "5"}}},
        {"loyaltyPoints": {"balance": {"money": {"micros": 1}}}},
        {"messages": {}},
        {"merchantLocations": [{"latitude": True}]},
    )
    for wrong in samples:
        assert list(disagreements(schema, wrong, "")), wrong


RICH = {
    "money": Field(slot="header", label="Money", type="money", currency="EUR", default=5),
    "since": Field(slot="auxiliary", label="Since", type="date", optional=True),
    "at": Field(slot="auxiliary", label="At", type="datetime", optional=True),
    "holder": Field(slot="primary", label="Holder", means="holder", optional=True),
    "number": Field(slot="back", label="Number", means="number", value="{serial}"),
    "terms": Field(slot="back", label="Terms", value="Terms"),
    "ratio": Field(slot="secondary", label="Ratio", type="number", optional=True),
}
POINTS = (
    Field(slot="header", label="Points", type="integer", means="points", default=3),
    Field(slot="header", label="Points", type="number", means="points", default=2.5),
    Field(slot="header", label="Points", type="money", currency="EUR", means="balance", default=2.5),
    Field(slot="header", label="Points", type="text", means="points.secondary", default="many"),
)


@pytest.mark.parametrize("points", POINTS, ids=lambda each: each.type)
@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_our_payloads_agree_with_googles_own_description(
    issuer: Issuer, tiny: Template, club: Template, points: Field, *, bound: bool
) -> None:
    binding = BINDING if bound else None
    rich = replace(
        tiny,
        fields={"points": points, **RICH},
        links=(Link(label="Web", url="https://a.example.com"),),
        locations=(Location(latitude=1, longitude=2.5),),
        translations={"de": {"Points": "Punkte", "Terms": "Regeln", "Web": "Netz"}},
        nfc=replace(tiny.nfc, google_constraint=("BLOCK_PAYMENT",)),  # type: ignore[type-var]  # it has NFC
        barcode=None if bound else Barcode(format="pdf417", text="{serial}"),
    )
    day = datetime(2026, 5, 1, 9, tzinfo=UTC)
    full = rich.issue(
        "M-1", {"since": day.date(), "at": day, "holder": "J", "ratio": 0.5}, binding=binding, expires=AT
    )
    others = (rich.issue("M-2", binding=binding), club.issue("M-3", {"fullName": "J"}, binding=binding))
    builder = PassBuilder(issuer)
    for card in (full, *others):
        class_, object_ = builder.payload(card)
        assert list(disagreements({"$ref": "LoyaltyClass"}, class_, "class")) == []
        assert list(disagreements({"$ref": "LoyaltyObject"}, object_, "object")) == []
        claims = builder.save_link(card, issued_at=AT, inserted={"class"}).claims
        assert claims["payload"]["loyaltyObjects"] == [object_]


@pytest.mark.parametrize("name", sorted(folder.name for folder in TEMPLATES.iterdir()))
def test_payloads_of_every_template_agree_with_googles_own_description(issuer: Issuer, name: str) -> None:
    template = Template.load(TEMPLATES / name)
    builder = PassBuilder(issuer)
    least = {
        key: each.example
        for key, each in template.fields.items()
        if each.value is None and each.default is None and not each.optional
    }
    for card in (template.example(), template.issue("M-1", least)):
        for binding in (None, BINDING):
            bound = card.replace(binding=binding, barcode=False if binding else card.barcode)
            class_, object_ = builder.payload(bound)
            for resource, document in (
                (template.kind.class_type, class_),
                (template.kind.object_type, object_),
            ):
                assert list(disagreements({"$ref": resource_name(resource)}, document, resource)) == []


def test_the_table_is_made_of_the_document_that_google_ships() -> None:
    packaged = json.loads(Path(google_schema.__file__).with_name("objects.json").read_text("utf-8"))
    assert packaged == from_discovery(DISCOVERY)
    assert DISCOVERY["revision"] in packaged["about"][0]


def test_every_resource_has_the_keys_types_and_values_of_the_document() -> None:
    """Compared key by key, with this file's own reading of the document."""
    seen = 0
    assert len(resources()) == 14
    for name, keys in payload_schema().objects.items():
        properties = SCHEMAS[name].get("properties", {})
        assert keys.keys() == properties.keys()
        for key, schema in properties.items():
            ours = keys[key]
            item = schema.get("items", schema)
            assert ours.is_list is (schema.get("type") == "array")
            wanted = item.get("$ref") or ("int64" if item.get("format") == "int64" else item["type"])
            assert ours.types[0] in (wanted, {"string": "text"}.get(wanted), "url"), (name, key)
            if "enum" in item:
                assert {*ours.keywords["enum"], *ours.keywords["aliases_of"]} == set(item["enum"])
                old = item.get("enumDeprecated", [False] * len(item["enum"]))
                dead = {each for each, is_dead in zip(item["enum"], old, strict=True) if is_dead}
                assert ours.keywords["aliases_of"].keys() == dead
            if schema.get("description", "").startswith("Required."):
                assert ours.keywords["required"] is True, (name, key)
            seen += 1
    assert seen > 500


def test_an_old_spelling_follows_the_value_it_stands_for() -> None:
    facts = payload_schema().objects["Barcode"]["type"].keywords
    assert facts["aliases_of"]["qrCode"] == "QR_CODE"
    assert facts["aliases_of"]["pdf417"] == "PDF_417"
    assert "QR_CODE" in facts["enum"]
    assert "qrCode" not in facts["enum"]


def test_prose_speaks_of_keys_that_are_there() -> None:
    prose = json.loads(Path(google_schema.__file__).with_name("prose.json").read_text("utf-8"))["objects"]
    for pattern, keys in prose.items():  # a name, or a pattern such as *Class
        known = {key for name in fnmatch.filter(SCHEMAS, pattern) for key in SCHEMAS[name]["properties"]}
        assert keys.keys() <= known, pattern


def test_there_are_seven_verticals_with_a_class_and_an_object_each() -> None:
    for vertical in VERTICALS:
        for part in ("class", "object"):
            assert f"{vertical}{part}".lower() in DISCOVERY["resources"]


def test_the_table_is_written_anew_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "objects.json"
    packaged = command.OBJECTS.read_bytes()
    monkeypatch.setattr(command, "OBJECTS", target)
    assert command.main([str(DOCUMENT)]) == 0
    assert target.read_bytes() == packaged
    assert re.fullmatch(r"objects.json: \d+ objects\n", capsys.readouterr().out)


def test_a_comparison_prints_differences_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packaged = command.OBJECTS.read_bytes()
    assert command.main(["--diff", str(DOCUMENT)]) == 0
    assert capsys.readouterr().out == ""
    newer = json.loads(DOCUMENT.read_text("utf-8"))
    newer["schemas"]["LoyaltyObject"]["properties"]["brandNew"] = {"type": "string"}
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    assert command.main(["--diff", str(tmp_path / "newer.json")]) == 1
    assert "brandNew" in capsys.readouterr().out
    assert command.OBJECTS.read_bytes() == packaged


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schemas": {}}'])
def test_what_is_no_discovery_document_is_wrong_use(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    for path in ("other.json", "missing.json"):
        with pytest.raises(SystemExit) as refused:
            command.main([str(tmp_path / path)])
        assert refused.value.code == 2
