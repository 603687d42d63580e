"""A bound pass carries no code, whoever wrote it and wherever; rules read only what they say they read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Template, apple, google, validate, validation
from passwright.apple import context as apple_context
from passwright.apple.rules import pass_json as apple_rules
from passwright.binding.rules import forbid_barcode, is_bound_payload
from passwright.errors import LinkTooLong, PassRejected
from passwright.google import context as google_context
from passwright.google.rules import payload as google_rules
from passwright.google.schema import VERTICALS
from passwright.google.schema import payload_schema as google_table
from passwright.model.validation import barcodes_of
from tests.conftest import AT, BINDING
from tests.documents.test_validator import PREPARED
from tests.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.apple.identity import Identity
    from passwright.documents.rule import Rule
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass
    from passwright.report import Report

RULE = "binding-forbids-barcode"
QR = {"format": "PKBarcodeFormatQR", "message": "M-1", "messageEncoding": "iso-8859-1"}
GOOGLE_QR = {"type": "QR_CODE", "value": "M-1"}
ROTATING = {"type": "QR_CODE", "valuePattern": "{totp_value_0}"}
DIGEST = "0" * 64
# What is no code.
EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


def forbidden(report: Report) -> list[str]:
    """Where the barcode rule was broken."""
    return [finding.location for finding in report.errors if finding.code == RULE]


# --- the rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [QR, "M-1", [QR], True, 7, {"message": ""}])
def test_whatever_stands_where_a_code_stands_is_refused_of_a_bound_pass(value: object) -> None:
    (finding,) = forbid_barcode([("pass.json#/barcode", value)], bound=True)

    assert str(finding) == (
        "error: pass.json#/barcode: a bound pass can't have a barcode "
        f"(remove the barcode, or issue the pass without a binding) [{RULE}]"
    )
    assert not list(forbid_barcode([("pass.json#/barcode", value)], bound=False))


@pytest.mark.parametrize("value", EMPTY)
def test_an_empty_code_is_none(value: object) -> None:
    assert not list(forbid_barcode([("pass.json#/barcode", value)], bound=True))


@pytest.mark.parametrize("name", ["saveRestrictions", "fidoProfile", "issuerBindingData"])
def test_a_payload_is_bound_when_it_carries_what_binds_it(name: str) -> None:
    assert is_bound_payload({name: {"x": 1}})
    assert not is_bound_payload({name: None})
    assert not is_bound_payload({"nfc": {"x": 1}})


# --- asked of the definition ---------------------------------------------------------------------


def with_code(template: Template, code: Barcode | None = Barcode()) -> Template:  # noqa: B008 -- frozen
    return replace(template, barcode=code)


@pytest.mark.parametrize(
    "given_codes",
    [
        (False, None, []),
        (False, False, []),
        (False, "", []),
        (False, "M-1", ["pass#/barcode"]),
        (True, None, ["template.toml#/barcode"]),
        (True, False, []),
        (True, "", []),
        (True, "M-1", ["pass#/barcode"]),
    ],
)
def test_a_code_of_the_definition_is_refused_by_every_road(
    club: Template,
    identity: Identity,
    issuer: Issuer,
    given_codes: tuple[bool, Any, list[str]],
) -> None:
    in_template, in_pass, places = given_codes
    template = with_code(club) if in_template else club
    pass_ = template.issue("M-1", {"fullName": "Jane"}, barcode=in_pass, binding=BINDING)
    reports = [
        apple.PassBuilder(identity).report(pass_),
        google.PassBuilder(issuer).report(pass_),
        validate(pass_),
    ]

    assert [forbidden(report) for report in reports] == [places] * 3
    assert [where for where, value in barcodes_of(pass_) if value] == places
    if places:
        for build in (apple.PassBuilder(identity).build, google.PassBuilder(issuer).save_link):
            with pytest.raises(PassRejected) as refused:
                build(pass_)
            assert forbidden(refused.value.report) == places


def test_an_unbound_pass_may_carry_its_code(club: Template) -> None:
    assert forbidden(validate(with_code(club).issue("M-1", {"fullName": "Jane"}, barcode="M-1"))) == []


# --- asked of what leaves ------------------------------------------------------------------------

APPLE_OVERRIDES: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"barcode": QR}, ["pass.json#/barcode"]),
    ({"barcodes": [QR]}, ["pass.json#/barcodes/0"]),
    ({"barcodes": [QR, QR]}, ["pass.json#/barcodes/0", "pass.json#/barcodes/1"]),
    ({"barcode": QR, "barcodes": [QR]}, ["pass.json#/barcode", "pass.json#/barcodes/0"]),
    ({"barcode": "M-1"}, ["pass.json#/barcode"]),
    ({"barcodes": QR}, ["pass.json#/barcodes"]),
    ({"barcodes": [None, QR]}, ["pass.json#/barcodes/1"]),
    ({"barcode": None, "barcodes": []}, []),
)
GOOGLE_OVERRIDES: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"barcode": GOOGLE_QR}, ["object#/barcode"]),
    ({"rotatingBarcode": ROTATING}, ["object#/rotatingBarcode"]),
    ({"barcode": GOOGLE_QR, "rotatingBarcode": ROTATING}, ["object#/barcode", "object#/rotatingBarcode"]),
    ({"barcode": "M-1"}, ["object#/barcode"]),
    ({"rotatingBarcode": [ROTATING]}, ["object#/rotatingBarcode"]),
    ({"barcode": None, "rotatingBarcode": None}, []),
)


@pytest.mark.parametrize("level", ["template", "pass"])
@pytest.mark.parametrize(("override", "places"), APPLE_OVERRIDES)
def test_a_code_from_an_apple_override_is_refused(
    club: Template, identity: Identity, override: dict[str, Any], places: list[str], level: str
) -> None:
    template = replace(club, apple=override) if level == "template" else club
    own = override if level == "pass" else {}
    pass_ = template.issue("M-1", {"fullName": "Jane"}, binding=BINDING, apple=own)
    builder = apple.PassBuilder(identity)

    assert forbidden(builder.report(pass_)) == places
    if places:
        with pytest.raises(PassRejected) as refused:
            builder.build(pass_)
        assert forbidden(refused.value.report) == places


@pytest.mark.parametrize("level", ["template", "pass"])
@pytest.mark.parametrize(("override", "places"), GOOGLE_OVERRIDES)
def test_a_code_from_a_google_override_is_refused(
    club: Template, issuer: Issuer, override: dict[str, Any], places: list[str], level: str
) -> None:
    template = replace(club, google={"object": override}) if level == "template" else club
    own = {"object": override} if level == "pass" else {}
    pass_ = template.issue("M-1", {"fullName": "Jane"}, binding=BINDING, google=own)
    builder = google.PassBuilder(issuer)

    assert forbidden(builder.report(pass_)) == places
    if places:
        with pytest.raises(PassRejected) as refused:
            builder.save_link(pass_)
        assert forbidden(refused.value.report) == places


@pytest.mark.parametrize("name", ["fidoProfile", "issuerBindingData"])
def test_an_override_that_binds_forbids_the_code_too(club: Template, identity: Identity, name: str) -> None:
    """Nobody said `binding=`, and what will be signed is bound all the same."""
    pass_ = club.issue("M-1", {"fullName": "Jane"}, barcode="M-1", apple={name: {"x": 1}})

    assert forbidden(apple.PassBuilder(identity).report(pass_)) == ["pass.json#/barcodes/0"]


def test_a_restriction_from_an_override_forbids_the_code_too(club: Template, issuer: Issuer) -> None:
    own = {"object": {"saveRestrictions": {"restrictToEmailSha256": DIGEST}}}
    pass_ = club.issue("M-1", {"fullName": "Jane"}, barcode="M-1", google=own)

    assert forbidden(google.PassBuilder(issuer).report(pass_)) == ["object#/barcode"]


# --- asked of payloads of others -----------------------------------------------------------------


@pytest.mark.parametrize("mark", ["fidoProfile", "issuerBindingData"])
@pytest.mark.parametrize(("codes", "places"), APPLE_OVERRIDES)
def test_a_foreign_pass_json_that_is_bound_carries_no_barcode(
    codes: dict[str, Any], places: list[str], mark: str
) -> None:
    payload = {"formatVersion": 1, **codes, mark: {"x": 1}}

    assert forbidden(validation.check(payload, "pass.json")) == places
    assert forbidden(validation.check(json.dumps(payload), "pass.json")) == places
    del payload[mark]
    assert forbidden(validation.check(payload, "pass.json")) == []
    assert forbidden(validation.check(payload, "pass.json", bound=True)) == places


@pytest.mark.parametrize("vertical", VERTICALS)
@pytest.mark.parametrize(("codes", "places"), GOOGLE_OVERRIDES)
def test_a_foreign_object_that_is_bound_carries_no_barcode(
    codes: dict[str, Any], places: list[str], vertical: str
) -> None:
    name = f"{vertical}Object"
    payload = {"id": "1.M-1", "classId": "1.c", "state": "ACTIVE", **codes}
    bound = {**payload, "saveRestrictions": {"restrictToEmailSha256": DIGEST}}
    expected = [place.replace("object#", f"{name}#") for place in places]

    assert forbidden(validation.check(bound, name)) == expected
    assert forbidden(validation.check(json.dumps(bound).encode(), name)) == expected
    assert forbidden(validation.check(payload, name)) == []
    assert forbidden(validation.check(payload, name, bound=True)) == expected


@pytest.mark.parametrize("vertical", VERTICALS)
def test_every_place_of_a_code_that_the_schema_knows_is_asked(vertical: str) -> None:
    """Found in the table by type, so a member that Google adds with the next schema is asked as well."""
    name = f"{vertical[0].upper()}{vertical[1:]}Object"
    members = [
        key.name
        for key in google_table().objects[name].values()
        if key.types[0] in ("Barcode", "RotatingBarcode")
    ]

    assert members == ["barcode", "rotatingBarcode"]
    for member in members:
        assert forbidden(validation.check({"id": "1.x", member: {"value": "x"}}, name, bound=True)) == [
            f"{vertical}Object#/{member}"
        ]


@pytest.mark.parametrize("bound_by", ["itself", "caller", "nobody"])
def test_foreign_claims_with_a_bound_object_carry_no_barcode(bound_by: str) -> None:
    restriction = {"saveRestrictions": {"restrictToEmailSha256": DIGEST}} if bound_by == "itself" else {}
    objects = [{"id": "1.a"}, {"id": "1.b", "classId": "1.c", "barcode": GOOGLE_QR, **restriction}]
    claims = {"iss": "a@b.example", "payload": {"loyaltyObjects": objects}}

    found = forbidden(validation.check(claims, "save-claims", bound=bound_by == "caller"))

    assert found == ([] if bound_by == "nobody" else ["save-claims#/payload/loyaltyObjects/1/barcode"])


def test_a_foreign_link_with_a_bound_object_carries_no_barcode(club: Template, issuer: Issuer) -> None:
    """An issuer's own link is honest, so it is made of an unbound pass and called bound by the caller."""
    pass_ = club.issue("M-1", {"fullName": "Jane"}, barcode="M-1")
    link = google.PassBuilder(issuer).save_link(pass_, issued_at=AT)

    assert forbidden(validation.check(link.url, "link")) == []
    assert forbidden(validation.check(link.url, "link", bound=True)) == [
        "claims#/payload/loyaltyObjects/0/barcode"
    ]
    assert forbidden(validation.check(link.token.encode(), "link", bound=True))


def test_mistakes_elsewhere_do_not_silence_the_rule() -> None:
    payload = {
        "formatVersion": "1",
        "barcodes": [{"message": 5}],
        "nfc": 7,
        "storeCard": "x",
        "fidoProfile": {"x": 1},
    }

    assert forbidden(validation.check(payload, "pass.json")) == ["pass.json#/barcodes/0"]
    resource = {
        "id": 5,
        "state": 7,
        "barcode": {"value": 1},
        "saveRestrictions": {"restrictToEmailSha256": 1},
    }
    assert forbidden(validation.check(resource, "loyaltyObject")) == ["loyaltyObject#/barcode"]


# --- a property of everything that leaves --------------------------------------------------------

MAYBE_CODES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", {}, [], "M-1", QR, GOOGLE_QR, ROTATING, [QR], [], [{}], [None], 5]
)
APPLE = st.dictionaries(
    st.sampled_from(["barcode", "barcodes", "userInfo", "voided"]), MAYBE_CODES, max_size=2
)
GOOGLE = st.dictionaries(
    st.sampled_from(["class", "object"]),
    st.dictionaries(
        st.sampled_from(["barcode", "rotatingBarcode", "state", "groupingInfo"]), MAYBE_CODES, max_size=2
    ),
    max_size=2,
)
TEMPLATE_CODES = st.none() | st.builds(
    Barcode,
    format=st.sampled_from(["qr", "pdf417", "aztec", "code128"]),
    message=st.sampled_from(["{serial}", "fixed"]),
    text=st.none() | st.just("No. {serial}"),
)
PASS_CODES = st.none() | st.just(False) | st.sampled_from(["", "M-1", "é"])


@pytest.mark.no_cover
@examples(200)
@given(
    code=TEMPLATE_CODES,
    own=PASS_CODES,
    overrides=st.tuples(*(each | st.just({}) for each in (APPLE, APPLE, GOOGLE, GOOGLE))),
    nfc=st.sampled_from([None, False, "N-1"]),
)
def test_no_bound_pass_of_any_shape_leaves_a_builder_with_a_code(
    shared: Shared,
    code: Barcode | None,
    own: Any,
    overrides: tuple[dict[str, Any], ...],
    nfc: Any,
) -> None:
    template = replace(shared.template, barcode=code, apple=overrides[0], google=overrides[2])
    pass_ = template.issue(
        "M-1", {}, barcode=own, nfc=nfc, binding=BINDING, apple=overrides[1], google=overrides[3]
    )
    for document in shared.built(pass_):
        assert not list(codes_in(document)), document
        shared.left[document["kind"]] += 1


class Shared:
    """Builders that stay, and how many documents left them."""

    def __init__(self, template: Template, identity: Identity, issuer: Issuer) -> None:
        self.template = template
        self.apple = apple.PassBuilder(identity, binding_needs_nfc=False)
        self.google = google.PassBuilder(issuer)
        self.left = {"pass.json": 0, "claims": 0}

    def built(self, pass_: Pass) -> Iterator[dict[str, Any]]:
        try:
            files = self.apple.files(pass_)
        except PassRejected:
            pass
        else:
            yield {"kind": "pass.json", "it": json.loads(files["pass.json"])}
        try:
            link = self.google.save_link(pass_, issued_at=AT)
        except (PassRejected, LinkTooLong):
            pass
        else:
            token = google.read(link.url)
            yield {"kind": "claims", "it": token.claims, "requires": link.requires}


@pytest.fixture(scope="module")
def shared(tiny: Template, identity: Identity, issuer: Issuer) -> Iterator[Shared]:
    made = Shared(tiny, identity, issuer)
    yield made
    assert min(made.left.values()) > 5, "too few passes were let through for the property to say anything"


def codes_in(node: Any) -> Iterator[Any]:
    """Every code in a document, wherever it stands."""
    if isinstance(node, dict):
        yield from (
            node[name] for name in ("barcode", "barcodes", "rotatingBarcode") if node.get(name) not in EMPTY
        )
        for value in node.values():
            yield from codes_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from codes_in(value)


# --- rules read what they say they read ----------------------------------------------------------


class Watched(dict):  # type: ignore[type-arg]
    """An object that notes which of its members are looked at."""

    def __init__(self, members: Mapping[str, Any], pointer: str, seen: set[str]) -> None:
        super().__init__({name: watched(value, f"{pointer}/{name}", seen) for name, value in members.items()})
        self.pointer, self.seen = pointer, seen

    def __getitem__(self, name: Any) -> Any:
        self.seen.add(f"{self.pointer}/{name}")
        return super().__getitem__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        self.seen.add(f"{self.pointer}/{name}")
        return super().get(name, default)

    def __contains__(self, name: Any) -> bool:
        self.seen.add(f"{self.pointer}/{name}")
        return super().__contains__(name)

    def items(self) -> Any:
        self.seen.update(f"{self.pointer}/{name}" for name in self)
        return super().items()

    def values(self) -> Any:
        return [value for _, value in self.items()]


class WatchedList(list):  # type: ignore[type-arg]
    """A list that notes which of its items are looked at."""

    def __init__(self, items: list[Any], pointer: str, seen: set[str]) -> None:
        super().__init__(watched(item, f"{pointer}/{index}", seen) for index, item in enumerate(items))
        self.pointer, self.seen = pointer, seen

    def __getitem__(self, index: Any) -> Any:
        self.seen.add(f"{self.pointer}/{index}")
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        self.seen.update(f"{self.pointer}/{index}" for index in range(len(self)))
        return super().__iter__()


def watched(value: Any, pointer: str, seen: set[str]) -> Any:
    if isinstance(value, dict):
        return Watched(value, pointer, seen)
    return WatchedList(value, pointer, seen) if isinstance(value, list) else value


RULES = [
    *(("pass.json", rule) for rule in apple_rules.RULES),
    *(("class", rule) for rule in google_rules.validators("loyaltyClass", "loyaltyObject")[0].rules),
    *(("object", rule) for rule in google_rules.validators("loyaltyClass", "loyaltyObject")[1].rules),
]


def name_of(value: Any) -> str:
    return getattr(getattr(value, "check", None), "__qualname__", str(value))


def seen_by(rule: Rule, document: dict[str, Any], about: Any) -> set[str]:
    seen: set[str] = set()
    list(rule.check(Watched(document, "", seen), about, lambda pointer: pointer))
    return seen


@pytest.mark.no_cover
@pytest.mark.parametrize("name", PREPARED)
@pytest.mark.parametrize(("on", "rule"), RULES, ids=name_of)
def test_a_rule_reads_no_open_value_that_it_does_not_declare(
    on: str, rule: Rule, name: str, identity: Identity
) -> None:
    """A rule that reads a blank without saying so would be asked once, before the blank is filled in."""
    judge, stencil, about, values = PREPARED[name]
    if judge.name != on:
        return
    about = replace(about, identity=identity) if on == "pass.json" else about
    blanks = [pointer for pointer, _ in stencil.placeholders]
    seen = seen_by(rule, stencil.document(stencil.compute(values)), about)

    read = {blank for blank in blanks if any(f"{pointer}/".startswith(f"{blank}/") for pointer in seen)}

    assert not {blank for blank in read if not rule.reads_one_of([blank])}


# One document of each kind with a value in every place that some rule looks at.
EVERYTHING: dict[str, dict[str, Any]] = {
    "pass.json": {
        "passTypeIdentifier": "pass.com.example",
        "teamIdentifier": "ABCDE12345",
        "webServiceURL": "https://example.com/v1",
        "barcode": QR,
        "barcodes": [QR, {"message": "é", "messageEncoding": "ascii"}],
        "nfc": {"message": "x", "requiresAuthentication": False},
        "sharingProhibited": False,
        "fidoProfile": {"x": 1},
        "storeCard": {
            "headerFields": [{"key": f"h{n}", "value": n} for n in range(5)],
            "secondaryFields": [{"key": "a", "value": 1}, {"key": "a", "value": 2}],
            "auxiliaryFields": [{"key": f"x{n}", "value": n} for n in range(5)],
        },
    },
    "class": {
        "id": "1.c",
        "reviewStatus": "APPROVED",
        "enableSmartTap": True,
        "redemptionIssuers": [],
        "multipleDevicesAndHoldersAllowedStatus": "MULTIPLE_HOLDERS",
        "textModulesData": [{"id": "a", "body": "b"}],
    },
    "object": {
        "id": "1.a",
        "classId": "bad",
        "linkedObjectIds": ["1.b"],
        "linkedOfferIds": ["2.b"],
        "barcode": {**GOOGLE_QR, "type": "AZTEC", "renderEncoding": "UTF_8"},
        "rotatingBarcode": ROTATING,
        "saveRestrictions": {"restrictToEmailSha256": DIGEST},
        "state": "ACTIVE",
    },
}


def scalar(document: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        try:
            document = document[int(part) if isinstance(document, list) else part]
        except (KeyError, IndexError):
            return False
    return not isinstance(document, (dict, list))


@pytest.mark.parametrize(("on", "rule"), RULES, ids=name_of)
@pytest.mark.parametrize("bound", [True, False])
def test_a_rule_reads_no_value_that_it_does_not_declare(
    on: str,
    rule: Rule,
    bound: bool,  # noqa: FBT001
    identity: Identity,
) -> None:
    document = EVERYTHING[on]
    about = (
        apple_context.ValidationContext(bound=bound, identity=identity)
        if on == "pass.json"
        else google_context.ValidationContext(bound=bound)
    )
    read = {pointer for pointer in seen_by(rule, document, about) if scalar(document, pointer)}

    assert not {pointer for pointer in read if not rule.reads_one_of([pointer])}


SPEAKING = {
    "pass.json": "_forbid_barcode _binding _unique_field_keys _drawn_fields _encodable "
    "_web_service _identifiers _nfc_certificate",
    "class": "_check_holders _check_smart_tap _check_review_status",
    "object": "_forbid_barcode _check_ids _check_restriction _check_encoding",
}


@pytest.mark.parametrize("on", EVERYTHING)
def test_the_documents_of_everything_make_the_rules_speak(on: str, identity: Identity) -> None:
    """Else the two tests above would see nothing being read."""
    about: Any = google_context.ValidationContext(bound=True)
    if on == "pass.json":
        about = apple_context.ValidationContext(bound=True, identity=replace_nfc(identity))
    speaking = {
        rule.check.__qualname__.partition(".")[0]
        for kind, rule in RULES
        if kind == on and list(rule.check(EVERYTHING[on], about, lambda pointer: pointer))
    }

    assert set(SPEAKING[on].split()) <= speaking


def replace_nfc(identity: Identity) -> Any:
    """Somebody who signs for this pass type, and not for NFC."""

    class Plain:
        pass_type_identifier = "pass.com.other"
        team_identifier = identity.team_identifier
        nfc = False

    return Plain()
