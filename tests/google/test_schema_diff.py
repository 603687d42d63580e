"""Tests of passwright.google.schema.diff: each difference between two discovery documents is a line."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from passwright.google.schema import from_discovery
from passwright.google.schema.__main__ import main
from passwright.google.schema.diff import schema_differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DISCOVERY: dict[str, Any] = json.loads(
    (files("googleapiclient.discovery_cache") / "documents" / "walletobjects.v1.json").read_text("utf-8")
)
Schemas = dict[str, Any]


def members(schemas: Schemas, name: str) -> Any:
    return schemas[name]["properties"]


def change(name: str, member: str, **keywords: Any) -> Callable[[Schemas], Any]:
    """Changes keywords of a member. Without keywords the member is removed."""

    def make(schemas: Schemas) -> None:
        if keywords:
            members(schemas, name)[member] = {**members(schemas, name).get(member, {}), **keywords}
        else:
            del members(schemas, name)[member]

    return make


def remove_format(name: str, member: str) -> Callable[[Schemas], Any]:
    """Removes the format of a number."""
    return lambda schemas: members(schemas, name)[member].pop("format")


def value(member: str, new: str, *, old: bool = False) -> Callable[[Schemas], Any]:
    """Adds a value to an enumeration of Barcode. An `old` value is a deprecated spelling."""

    def make(schemas: Schemas) -> None:
        schema = members(schemas, "Barcode")[member]
        schema["enumDeprecated"] = [*schema.get("enumDeprecated", [False] * len(schema["enum"])), old]
        schema["enum"].append(new)

    return make


def new_class(schemas: Schemas) -> None:
    schemas["BoardingClass"] = {"properties": {"id": {"type": "string"}}}


def new_object(schemas: Schemas) -> None:
    schemas["Ribbon"] = {"properties": {"text": {"type": "string"}}}
    members(schemas, "LoyaltyClass")["ribbons"] = {"type": "array", "items": {"$ref": "Ribbon"}}


TEXT = {"type": "string"}
STATES = ["UNKNOWN_STATE", "NOT_ACTIVATED", "ACTIVATED", "Activated", "not_activated", "activated"]

# Name -> a change of the discovery document, and the expected lines.
CHANGES: dict[str, tuple[Callable[[Schemas], Any], list[str]]] = {
    "new-class": (new_class, ["BoardingClass: schema outside the table added"]),
    "old-class": (lambda s: s.pop("Pagination"), ["Pagination: schema outside the table removed"]),
    "new-object": (new_object, ["Ribbon: schema added", "LoyaltyClass.ribbons: added, list of Ribbon"]),
    "old-object": (lambda s: s.pop("OfferObject"), ["OfferObject: schema removed"]),
    "new-member": (
        change("LoyaltyObject", "extra", **TEXT, description="Required. More."),
        ["LoyaltyObject.extra: added, text, required"],
    ),
    "new-enumeration": (
        change("LoyaltyObject", "extra", **TEXT, enum=["A", "B"], deprecated=True),
        ["LoyaltyObject.extra: added, text, deprecated, one of A, B"],
    ),
    "old-member": (change("LoyaltyObject", "accountId"), ["LoyaltyObject.accountId: removed"]),
    "type": (
        change("LoyaltyObject", "accountId", type="integer"),
        ["LoyaltyObject.accountId: type is integer, was text"],
    ),
    "unknown-type": (
        change("LoyaltyObject", "accountId", type="tuple"),
        ["LoyaltyObject.accountId: type is any, was text"],
    ),
    "int64": (remove_format("Money", "micros"), ["Money.micros: type is text, was int64"]),
    "int32": (
        remove_format("GroupingInfo", "sortIndex"),
        [
            "GroupingInfo.sortIndex: max is None, was 2147483647",
            "GroupingInfo.sortIndex: min is None, was -2147483648",
        ],
    ),
    "list": (
        change("LoyaltyObject", "accountId", type="array", items=TEXT),
        ["LoyaltyObject.accountId: list is True, was None"],
    ),
    "required": (
        change("LoyaltyObject", "accountId", description="Who it is. This is required."),
        ["LoyaltyObject.accountId: required is True, was None"],
    ),
    "deprecated": (
        change("LoyaltyObject", "accountId", deprecated=True),
        ["LoyaltyObject.accountId: deprecated is True, was None"],
    ),
    "words": (change("LoyaltyObject", "accountId", description="Other words."), []),
    "enumerated": (change("Barcode", "value", enum=["A"]), ["Barcode.value: value A added"]),
    "new-value": (value("type", "NEW"), ["Barcode.type: value NEW added"]),
    "new-spelling": (
        value("type", "Qr_Code", old=True),
        ["Barcode.type: old spelling Qr_Code of QR_CODE added"],
    ),
    # A value without a replacement stays a value when it is deprecated.
    "ended-value": (value("type", "GONE", old=True), ["Barcode.type: value GONE added"]),
    "old-value": (
        change("Barcode", "renderEncoding", enum=["RENDER_ENCODING_UNSPECIFIED"]),
        ["Barcode.renderEncoding: value UTF_8 removed"],
    ),
    "old-spelling": (
        change("ActivationStatus", "state", enum=STATES[:3], enumDeprecated=[False] * 3),
        [
            "ActivationStatus.state: old spelling activated removed",
            "ActivationStatus.state: old spelling not_activated removed",
        ],
    ),
    "other-spelling": (
        change("ActivationStatus", "state", enum=STATES, enumDeprecated=[False] * 4 + [True] * 2),
        [
            "ActivationStatus.state: value Activated added",
            "ActivationStatus.state: old spelling activated is of Activated, was of ACTIVATED",
        ],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_difference_is_a_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, lines = CHANGES[name]
    newer = copy.deepcopy(DISCOVERY)
    made(newer["schemas"])
    (tmp_path / "newer.json").write_text(json.dumps(newer), "utf-8")

    code = main(["--diff", str(tmp_path / "newer.json")])

    assert capsys.readouterr().out.splitlines() == lines
    assert code == bool(lines)


@pytest.mark.parametrize("name", CHANGES)
def test_the_reverse_comparison_has_as_many_lines(name: str) -> None:
    made, lines = CHANGES[name]
    newer = copy.deepcopy(DISCOVERY)
    made(newer["schemas"])

    assert len([*schema_differences(from_discovery(newer), from_discovery(DISCOVERY))]) == len(lines)


def test_a_value_that_becomes_an_old_spelling_is_two_lines() -> None:
    newer = copy.deepcopy(DISCOVERY)
    value("type", "Qr_Code")(newer["schemas"])
    before = from_discovery(newer)
    members(newer["schemas"], "Barcode")["type"]["enumDeprecated"][-1] = True

    assert [*schema_differences(before, from_discovery(newer))] == [
        "Barcode.type: value Qr_Code removed",
        "Barcode.type: old spelling Qr_Code of QR_CODE added",
    ]
