"""Every key of Apple's reference and every member of Google's description, right and wrong.

What there is to ask is read from the reference and from Google's own discovery
document, with code of this file alone: our tables are what is judged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from passwright.apple import context as apple_context
from passwright.apple.build import pass_json
from passwright.apple.rules import pass_json as apple_rules
from passwright.google import context as google_context
from passwright.google.rules import payload as google_rules
from passwright.report import Finding, Severity
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Facts = dict[str, Any]
Found = list[tuple[str, str]]


@dataclass(frozen=True)
class Format:
    """One of the two formats: its objects and members, how to fill and how to judge a document of it."""

    objects: dict[str, dict[str, Facts]]
    roots: tuple[str, ...]
    judge: Callable[[str, dict[str, Any], bool], list[Finding]]
    # Members of which an object holds only one.
    alternatives: tuple[tuple[str, frozenset[str]], ...] = ()
    routes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def route(self, name: str) -> list[tuple[str, str]]:
        """Object and member of each step from a root down to the object, the shortest there is."""
        if not self.routes:
            self.routes.update({root: [] for root in self.roots})
            wanted = [*self.roots]
            while wanted:
                owner = wanted.pop(0)
                for member, facts in self.objects[owner].items():
                    # A member that narrows its object is no place to try everything.
                    for kind in set(facts["types"]) & self.objects.keys() - self.routes.keys():
                        if "narrows" not in facts:
                            self.routes[kind] = [*self.routes[owner], (owner, member)]
                            wanted.append(kind)
        return self.routes[name]

    def instance(self, name: str, *members: str) -> dict[str, Any]:
        """A right object that holds these members and what has to stand beside them."""
        wanted = [*members]
        wanted += [member for member, facts in self.objects[name].items() if facts.get("needed")]
        for member in wanted:
            wanted += [each for each in self.objects[name][member].get("requires", ()) if each not in wanted]
        for owner, choices in self.alternatives:
            if owner == name:
                # The public address of a picture can stand anywhere, a private one cannot.
                usual = sorted(choices & {"sourceUri"}) or sorted(choices)
                asked = [member for member in members if member in choices] or usual[:1]
                wanted = [*(member for member in wanted if member not in choices), asked[0]]
        return {member: self.value(name, member) for member in dict.fromkeys(wanted)}

    def value(self, name: str, member: str) -> Any:
        facts = self.objects[name][member]
        kind = facts["types"][0]
        one = self.instance(kind) if kind in self.objects else facts["example"]
        return [one] if facts.get("list") else one


# --- Apple ------------------------------------------------------------------------------------

FIXTURE = ROOT / "fixtures" / "apple-pass-keys.json"

EXAMPLES: Facts = {
    # By type,
    "text": "x",
    "localized": "x",
    "url": "https://www.example.com/",
    "color": "rgb(0, 0, 0)",
    "date": "2026-05-01T09:00+02:00",
    "number": 1,
    "integer": 1,
    "boolean": True,
    "object": {},
    # by format,
    "charset": "utf-8",
    "currency": "EUR",
    "decimal": "12.50",
    "hex": "0a",
    "time-zone": "Europe/Berlin",
    "uuid": "550e8400-e29b-41d4-a716-446655440000",
    "p256-spki-base64": "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADv8XMWqvYvSbHQ3yp2rJ8dXWkbsVUC1hXcDxGcFzuxB8=",
    # by pattern.
    r"^pass\..+$": "pass.com.example",
    "^[0-9a-f]{40}$": "0" * 40,
    "^[0-9a-fA-F]{64}$": "0" * 64,
}
# The style that older systems draw, by the scheme that newer ones draw instead.
BASE = {
    "posterEventTicket": "eventTicket",
    "semanticBoardingPass": "boardingPass",
    "posterGeneric": "generic",
}


def apple_example(facts: Facts) -> Any:
    if "enum" in facts:
        return facts["enum"][0]
    named = next((facts[fact] for fact in ("pattern", "format") if fact in facts), None)
    kind = facts["type"] if isinstance(facts["type"], str) else facts["type"][0]
    example = EXAMPLES.get(named or kind)
    return example * facts["min_length"] if "min_length" in facts else example


def apple_judge(root: str, document: dict[str, Any], writing: bool) -> list[Finding]:  # noqa: FBT001
    if root == "Pass":
        about = apple_context.ValidationContext(writing=writing)
        return apple_rules.validator().validate(document, about, place=str, writing=writing)
    return [*pass_json.pass_validator().check(root, document, place=str, writing=writing)]


@cache
def apple() -> Format:
    raw = json.loads(FIXTURE.read_text("utf-8"))["objects"]
    objects = {
        name: {
            key: {
                **facts,
                "types": [facts["type"]] if isinstance(facts["type"], str) else facts["type"],
                "example": apple_example(facts),
                "needed": facts.get("required") and key != "*",
            }
            for key, facts in keys.items()
        }
        for name, keys in raw.items()
    }
    held = {kind for keys in objects.values() for facts in keys.values() for kind in facts["types"]}
    styles = frozenset(key for key, facts in objects["Pass"].items() if facts.get("group") == "style")
    # A classic style has to be there; where none is asked for, a generic pass may hold any member.
    return Format(objects, tuple(objects.keys() - held), apple_judge, (("Pass", styles),))


# --- Google -----------------------------------------------------------------------------------

ROOTS = tuple(
    f"{vertical}{part}"
    for vertical in ("EventTicket", "Flight", "Generic", "GiftCard", "Loyalty", "Offer", "Transit")
    for part in ("Class", "Object")
)
# What the document says in words only, and no pattern of words tells.
NEEDED = {
    *("LocalizedString.defaultValue", "TranslatedString.language", "TranslatedString.value", "ImageUri.uri"),
    *("Uri.uri", "Money.micros", "Money.currencyCode", "MerchantLocation.latitude"),
    "MerchantLocation.longitude",
    *("ValueAddedModuleData.header", "ValueAddedModuleData.uri", "Uri.description"),
    *("RotatingBarcodeTotpDetails.periodMillis", "RotatingBarcodeTotpDetails.parameters"),
    *(f"RotatingBarcodeTotpDetailsTotpParameters.{member}" for member in ("key", "valueLength")),
}
ALTERNATIVES = (
    ("Image", frozenset({"sourceUri", "privateImageId"})),
    ("LoyaltyPointsBalance", frozenset({"double", "int", "money", "string"})),
    ("CardRowTemplateInfo", frozenset({"oneItem", "twoItems", "threeItems"})),
    ("FlightCarrier", frozenset({"carrierIataCode", "carrierIcaoCode"})),
)
# Members that Google sets. DeviceContext asks for hasLinkedDevice of a ticket beside it.
READ_ONLY = {"classReference", "hasUsers", "hasLinkedDevice", "review"}
WRITABLE = {"TransitObject.hasLinkedDevice"}
# Members that are right in one place only.
ROUTES = {
    "Image.privateImageId": [("EventTicketObject", "imageModulesData"), ("ImageModuleData", "mainImage")],
}
# "QR_CODE or PDF_417": what else the description lists, no rotating code can be.
ROTATING = {"QR_CODE", "qrCode", "qrcode", "PDF_417", "pdf417", "PDF417"}
READ_ONLY_VALUES = {"APPROVED", "approved", "REJECTED", "rejected"}
# Members that ask for others, and by which the object is judged.
COMPANY = {
    "enableSmartTap": ["redemptionIssuers"],
    "renderEncoding": ["type"],
    "secondValue": ["firstValue"],
    "destinationName": ["originName"],
    "destinationStationCode": ["originStationCode"],
}
TEXTS = {
    "id": "3388000000022222222.x",
    "classId": "3388000000022222222.y",
    "linkedObjectIds": "3388000000022222222.z",
    "linkedOfferIds": "3388000000022222222.z",
    "uri": EXAMPLES["url"],
    "currencyCode": "EUR",
    "language": "en",
    "hexBackgroundColor": "#3c414c",
    "restrictToEmailSha256": "0" * 64,
    "TextModuleData.id": "x",
    "Barcode.type": "QR_CODE",
    "RotatingBarcode.type": "QR_CODE",
    "carrierIataCode": "LX",
    "carrierIcaoCode": "SWR",
    "airportIataCode": "MUC",
    "flightNumber": "123",
    "operatingFlightNumber": "123",
    "key": "0a",
    "CallbackOptions.url": EXAMPLES["url"],
    "activationUrl": EXAMPLES["url"],
}


def google_example(owner: str, member: str, schema: Facts) -> Any:
    if "enum" in schema:
        return TEXTS.get(f"{owner}.{member}", schema["enum"][-1])
    if schema.get("type") != "string":
        return (
            {"boolean": True, "integer": 1, "number": 1.5}.get(schema["type"]) if "type" in schema else None
        )
    if schema.get("format") in ("int64", "uint64"):
        return "7"
    if re.search(r"ISO 8601|[dD]ate and time|date/time", schema.get("description", "")):
        return "2026-05-01T09:00:00" if member.startswith("local") else "2026-05-01T09:00:00Z"
    return TEXTS.get(f"{owner}.{member}", TEXTS.get(member, "x"))


def google_judge(root: str, document: dict[str, Any], writing: bool) -> list[Finding]:  # noqa: FBT001
    vertical = root[0].lower() + root.removesuffix("Class").removesuffix("Object")[1:]
    judges = google_rules.validators(f"{vertical}Class", f"{vertical}Object")
    judge = judges[0] if root.endswith("Class") else judges[1]
    return judge.validate(
        document, google_context.ValidationContext(writing=writing), place=str, writing=writing
    )


@cache
def google() -> Format:
    folder = files("googleapiclient.discovery_cache") / "documents"
    schemas = json.loads((folder / "walletobjects.v1.json").read_text("utf-8"))["schemas"]
    objects: dict[str, dict[str, Facts]] = {}
    wanted = [*ROOTS]
    while wanted:
        name = wanted.pop()
        if name not in objects:
            objects[name] = {
                member: google_facts(name, member, schema)
                for member, schema in schemas[name].get("properties", {}).items()
            }
            wanted += [kind for facts in objects[name].values() for kind in facts["types"] if kind in schemas]
    return Format(objects, ROOTS, google_judge, ALTERNATIVES)


def google_facts(name: str, member: str, schema: Facts) -> Facts:
    item = {**schema, **schema.get("items", {})}
    words = schema.get("description", "")
    int64 = item.get("format") in ("int64", "uint64")
    facts = {
        "types": [item.get("$ref") or ("int64" if int64 else item["type"].replace("string", "text"))],
        "list": "items" in schema,
        "example": google_example(name, member, item),
        # More than what is required does no harm.
        "needed": f"{name}.{member}" in NEEDED or re.search(r"\brequired\b", words, re.IGNORECASE),
        "write": member not in READ_ONLY or f"{name}.{member}" in WRITABLE,
        "requires": COMPANY.get(member, []),
    }
    if f"{name}.{member}" == "RotatingBarcode.type":
        facts["barred"] = {*item["enum"]} - ROTATING
    return facts | ({"enum": item["enum"]} if "enum" in item else {})


# --- Both -------------------------------------------------------------------------------------

FORMATS = {"apple": apple, "google": google}
OBJECTS = [(format_, name) for format_, read in FORMATS.items() for name in read().objects]
each_object = pytest.mark.parametrize(("format_", "name"), OBJECTS)

# A value of another type, by type; a key that has two takes neither of these.
WRONG: Facts = {
    **dict.fromkeys(("text", "localized", "url", "color", "date", "int64"), 7),
    **dict.fromkeys(("number", "integer"), "7"),
    "boolean": "yes",
    "object": "x",
}


def wrong_type(facts: Facts) -> Any:
    return True if len(facts["types"]) > 1 else WRONG.get(facts["types"][0], "x")


def document(of: Format, name: str, member: str) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    """Name of the root, a right document, where in it an object holds the member, and that object."""
    facts = of.objects[name][member]
    route = ROUTES.get(f"{name}.{member}") or [*of.route(name)]
    root = route[0][0] if route else name
    if root == "Pass":
        route = placed(name, member, facts, route)
    last = of.instance(name, *([member] if member != "*" else []))
    if member == "*":
        last["icon.png"] = facts["example"]
    if facts.get("with_value") == "number":
        last["value"] = 5
    elif facts.get("with_value") == "date":
        last["value"] = EXAMPLES["date"]
    made, pointer = last, ""
    for owner, step in reversed(route):
        listed = of.objects[owner][step].get("list")
        pointer = f"/{step}{'/0' if listed else ''}{pointer}"
        made = {**of.instance(owner, step), step: [made] if listed else made}
    if root == "Pass":
        dress(made, facts, member)
    return root, made, pointer, last


def placed(name: str, member: str, facts: Facts, route: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The route through a style and a list of fields that may hold the member."""
    for at, (owner, step) in enumerate(route):
        if owner == "Pass" and step in ("boardingPass", "coupon", "eventTicket", "generic", "storeCard"):
            route[at] = (owner, style(facts, member))
        if owner == "PassFields" and (name == "PassFieldContent"):
            barred = facts.get("not_slots", ())
            slots = facts.get(
                "slots", [each for each in ("headerFields", "backFields") if each not in barred]
            )
            route[at] = (owner, slots[0])
    return route


def style(facts: Facts, member: str) -> str:
    """The classic style of a pass in which the member has an effect."""
    if facts.get("group") == "style":
        return member
    wanted: str = (facts.get("required_on") or facts.get("styles") or ["generic"])[0]
    return BASE.get(wanted, wanted)


def dress(made: dict[str, Any], facts: Facts, member: str) -> None:
    """Put the pass into the style its member needs; a boarding pass says how one travels."""
    keys, wanted = apple().objects["Pass"], style(facts, member)
    old = next(key for key in made if keys[key].get("group") == "style")
    if old != wanted and made[old] == {}:
        made[wanted] = made.pop(old)
    if "boardingPass" in made:
        made["boardingPass"].setdefault("transitType", "PKTransitTypeAir")


def errors(of: Format, root: str, made: dict[str, Any], *, writing: bool = True) -> Found:
    found = of.judge(root, made, writing)
    return [(each.code, each.location) for each in found if each.severity is Severity.ERROR]


@dataclass(frozen=True)
class Case:
    """A member in a right document."""

    member: str
    facts: Facts
    root: str
    made: dict[str, Any]
    # Where the member stands, the object that holds it, and whether we may write it at all.
    pointer: str
    owner: dict[str, Any]
    writing: bool


def cases(of: Format, name: str) -> Iterator[Case]:
    theirs = any(of.objects[owner][step].get("write") is False for owner, step in of.route(name))
    for member, facts in of.objects[name].items():
        root, made, pointer, owner = document(of, name, member)
        written = "icon.png" if member == "*" else member
        writing = not theirs and facts.get("write") is not False
        yield Case(written, facts, root, made, f"{pointer}/{written}", owner, writing)


@each_object
def test_every_key_is_accepted(format_: str, name: str) -> None:
    """What only the wallet writes is accepted when it is read, and refused when it is written."""
    of = FORMATS[format_]()
    for case in cases(of, name):
        assert errors(of, case.root, case.made, writing=case.writing) == [], case.made
        if case.facts.get("write") is False:
            assert errors(of, case.root, case.made) == [("read-only-key", case.pointer)]


@each_object
def test_a_wrong_type_is_found_in_every_key(format_: str, name: str) -> None:
    of = FORMATS[format_]()
    for case in cases(of, name):
        wrongs = [(wrong_type(case.facts), "wrong-type", ""), (None, "null-value", "")]
        if case.facts.get("list"):
            wrongs = [({}, "wrong-type", ""), ([wrong_type(case.facts)], "wrong-type", "/0")]
            wrongs += [([None], "null-value", "/0"), (case.owner[case.member][0], "wrong-type", "")]
        for wrong, code, below in wrongs:
            case.owner[case.member] = wrong
            found = errors(of, case.root, case.made, writing=case.writing)
            assert (code, f"{case.pointer}{below}") in found, case.made


@each_object
def test_a_misspelled_key_is_found_beside_every_key(format_: str, name: str) -> None:
    of = FORMATS[format_]()
    for case in cases(of, name):
        if "*" in of.objects[name]:
            # Any name is right in a manifest.
            assert name == "Manifest"
            continue
        case.owner[f"{case.member}Q"] = 1
        findings = of.judge(case.root, case.made, case.writing)
        [found] = [each for each in findings if each.location == f"{case.pointer}Q"]
        assert found.code == "unknown-key"
        assert found.severity is (Severity.ERROR if case.writing else Severity.WARNING)
        assert found.hint == f"did you mean {case.member!r}?"


@each_object
def test_every_value_of_an_enumeration_is_accepted_and_no_other(format_: str, name: str) -> None:
    of = FORMATS[format_]()
    for case in cases(of, name):
        if "enum" not in case.facts:
            continue
        listed = case.facts.get("list")
        for value in case.facts["enum"]:
            if value in case.facts.get("barred", ()):
                continue
            case.owner[case.member] = [value] if listed else value
            writing = not (case.member == "reviewStatus" and value in READ_ONLY_VALUES)
            assert errors(of, case.root, case.made, writing=writing) == [], case.made
        wrong = 99 if case.facts["types"] == ["integer"] else "NO_SUCH_VALUE"
        case.owner[case.member] = [wrong] if listed else wrong
        found = errors(of, case.root, case.made)
        assert ("unknown-value", case.pointer + ("/0" if listed else "")) in found, case.made


# Fact -> a value that breaks it, and the code of the finding.
BREAKS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "min": (lambda limit: limit - 1, "out-of-range"),
    "max": (lambda limit: limit + 1, "out-of-range"),
    "min_length": (lambda limit: "x" * (limit - 1), "too-short"),
    "max_length": (lambda limit: "x" * (limit + 1), "too-long"),
    "max_bytes": (lambda limit: "ä" * (limit // 2 + 1), "too-long"),
    "pattern": (lambda _: "?", "bad-value"),
    "format": (lambda _: "?", "bad-value"),
    "contains": (lambda _: "?", "text-lacks"),
    "scheme": (lambda _: "ftp://example.com/", "bad-url"),
}
TYPES: dict[str, tuple[Any, str]] = {
    "url": ("example.com", "bad-url"),
    "color": ("blue", "bad-color"),
    "date": ("2026-05-01T09:00", "bad-date"),
}


@pytest.mark.parametrize("name", apple().objects)
def test_every_limit_of_apples_reference_is_judged(name: str) -> None:
    """A fact that is unconfirmed, or costs a feature only, warns."""
    of = apple()
    for case in cases(of, name):
        facts = case.facts
        soft = {*facts.get("unconfirmed", ()), *facts.get("warn", ())}
        breaks = [
            (make(facts[fact]), code, fact in soft) for fact, (make, code) in BREAKS.items() if fact in facts
        ]
        if len(facts["types"]) == 1 and facts["types"][0] in TYPES:
            breaks.append((*TYPES[facts["types"][0]], False))
        where = case.pointer + ("/0" if facts.get("list") else "")
        for value, code, warns in breaks:
            case.owner[case.member] = [value] if facts.get("list") else value
            findings = of.judge(case.root, case.made, True)
            found = [each for each in findings if (each.code, each.location) == (code, where)]
            assert [each.severity is Severity.WARNING for each in found] == [warns], (case.made, code)
        if "max_items" in facts:
            case.owner[case.member] = of.value(name, case.member) * (facts["max_items"] + 1)
            findings = of.judge(case.root, case.made, True)
            severities = [each.severity for each in findings if each.code == "too-many-items"]
            assert severities == [Severity.WARNING if "max_items" in soft else Severity.ERROR]


def test_what_keys_ask_of_each_other_is_judged() -> None:
    """Every `requires`, `excludes`, `with_value`, `required` and `group` of the reference."""
    of = apple()
    asked = 0
    for name, keys in of.objects.items():
        for member, facts in keys.items():
            if member == "*":
                continue
            for fact in ("requires", "excludes"):
                for other in facts.get(fact, ()):
                    root, made, pointer, last = document(of, name, member)
                    last.pop(other, None)
                    if fact == "excludes":
                        last[other] = of.value(name, other)
                    code = "key-needs-key" if fact == "requires" else "keys-exclude"
                    found = errors(of, root, made)
                    assert {(code, f"{pointer}/{each}") for each in (member, other)} & set(found), made
                    asked += 1
            if facts.get("required"):
                root, made, pointer, last = document(of, name, member)
                del last[member]
                assert ("missing-key", pointer) in errors(of, root, made)
                asked += 1
            if "with_value" in facts:
                root, made, pointer, last = document(of, name, member)
                last["value"] = "x"
                assert ("style-misfit", f"{pointer}/{member}") in errors(of, root, made)
                asked += 1
    assert asked == 5 + 2 + 35 + 6


def test_one_classic_style_is_needed_and_a_poster_stands_beside_some() -> None:
    of = apple()
    keys = of.objects["Pass"]
    styles = [key for key, facts in keys.items() if facts.get("group") == "style"]
    bare = {key: value for key, value in of.instance("Pass").items() if key not in styles}
    fields = {key: {"transitType": "PKTransitTypeAir"} if key == "boardingPass" else {} for key in styles}

    assert errors(of, "Pass", bare) == [("missing-key", "")]
    for one in styles:
        found = errors(of, "Pass", {**bare, one: fields[one], "posterGeneric": {}})
        assert found == [] if one in keys["posterGeneric"]["beside"] else [("keys-exclude", "/posterGeneric")]
        for other in styles:
            found = errors(of, "Pass", {**bare, one: fields[one], other: fields[other]})
            assert len(found) == (one != other)


def test_the_older_code_of_a_pass_takes_older_formats_only() -> None:
    of = apple()
    made = of.instance("Pass", "generic", "barcode")
    narrow = of.objects["Pass"]["barcode"]["narrows"]["format"]
    for value in of.objects["Barcode"]["format"]["enum"]:
        made["barcode"]["format"] = value
        wanted = [] if value in narrow else [("unknown-value", "/barcode/format")]
        assert errors(of, "Pass", made) == wanted
        assert errors(of, "Pass", made, writing=False) == []


@pytest.mark.parametrize(("hours", "codes"), [("T09:00", []), ("T09:01", ["interval-too-long"])])
def test_an_interval_of_more_than_a_day_warns(hours: str, codes: list[str]) -> None:
    of = apple()
    assert of.objects["RelevantDate"]["startDate"]["max_hours"] == 24
    made = of.instance("Pass", "generic", "relevantDates")
    made["relevantDates"] = [{"startDate": "2026-05-01T11:00+02:00", "endDate": f"2026-05-02{hours}Z"}]

    found = [each for each in of.judge("Pass", made, True) if each.code == "interval-too-long"]

    assert [(each.code, each.location) for each in found] == [
        (code, "/relevantDates/0/startDate") for code in codes
    ]
    assert errors(of, "Pass", made) == []


def test_so_many_there_are() -> None:
    """What could get lost is counted: objects, keys, enumerations and their values."""

    def counted(of: Format) -> tuple[int, int, int, int]:
        keys = [facts for each in of.objects.values() for facts in each.values()]
        choices = [facts["enum"] for facts in keys if "enum" in facts]
        return len(of.objects), len(keys), len(choices), sum(map(len, choices))

    assert counted(apple()) == (29, 313, 18, 95)
    assert counted(google()) == (89, 762, 72, 475)
    assert len(ROOTS) == 14
