"""Every difference between Google's description and a newer one is named, in a line of its own."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from passwright.google.schema import from_discovery
from passwright.google.schema.__main__ import main
from passwright.google.schema.diff import drift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DISCOVERY: dict[str, Any] = json.loads(
    (files("googleapiclient.discovery_cache") / "documents" / "walletobjects.v1.json").read_text("utf-8")
)
Schemas = dict[str, Any]


def members(schemas: Schemas, name: str) -> Any:
    return schemas[name]["properties"]


def change(name: str, member: str, **facts: Any) -> Callable[[Schemas], Any]:
    """A member with other facts; without any it is gone."""

    def make(schemas: Schemas) -> None:
        if facts:
            members(schemas, name)[member] = {**members(schemas, name).get(member, {}), **facts}
        else:
            del members(schemas, name)[member]

    return make


def plain(name: str, member: str) -> Callable[[Schemas], Any]:
    """A number without its format."""
    return lambda schemas: members(schemas, name)[member].pop("format")


def value(member: str, new: str, *, old: bool = False) -> Callable[[Schemas], Any]:
    """A further value of an enumeration of Barcode; `old`: it is a spelling that is no longer in use."""

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

# What Google did, and all that is to say about it.
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
    "int64": (plain("Money", "micros"), ["Money.micros: type is text, was int64"]),
    "int32": (
        plain("GroupingInfo", "sortIndex"),
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
    # A value may go out of use without another in its place: it stays a value.
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
def test_what_is_different_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, lines = CHANGES[name]
    newer = copy.deepcopy(DISCOVERY)
    made(newer["schemas"])
    (tmp_path / "newer.json").write_text(json.dumps(newer), "utf-8")

    code = main(["--drift", str(tmp_path / "newer.json")])

    assert capsys.readouterr().out.splitlines() == lines
    assert code == bool(lines)


@pytest.mark.parametrize("name", CHANGES)
def test_as_much_is_different_the_other_way_round(name: str) -> None:
    made, lines = CHANGES[name]
    newer = copy.deepcopy(DISCOVERY)
    made(newer["schemas"])

    assert len([*drift(from_discovery(newer), from_discovery(DISCOVERY))]) == len(lines)


def test_a_value_that_becomes_an_old_spelling_is_named_as_both() -> None:
    newer = copy.deepcopy(DISCOVERY)
    value("type", "Qr_Code")(newer["schemas"])
    before = from_discovery(newer)
    members(newer["schemas"], "Barcode")["type"]["enumDeprecated"][-1] = True

    assert [*drift(before, from_discovery(newer))] == [
        "Barcode.type: value Qr_Code removed",
        "Barcode.type: old spelling Qr_Code of QR_CODE added",
    ]
