"""What is judged once and what is judged per pass say together what judging the whole says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Colours, Field, Images, Link, Location, Nfc, Template, validate
from passwright.apple import context as apple_context
from passwright.apple.build import pass_json as apple
from passwright.apple.rules import pass_json as apple_rules
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import Placeholder
from passwright.documents.rule import Rule
from passwright.documents.validator import DocumentValidator
from passwright.google import content as google
from passwright.google import context as google_context
from passwright.google.rules import payload as google_rules
from passwright.model.kinds import KINDS
from passwright.report import error, has_errors, note
from passwright.schema.model import Schema
from passwright.schema.validator import Validator
from tests.conftest import BINDING, MEMBERSHIP, READER_KEY, png
from tests.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright import Pass
    from passwright.report import Finding
    from passwright.schema.pointers import Locator

# One of everything that a template can hold.
FULL = Template(
    kind=KINDS["loyalty"],
    id="full",
    organisation="Кофейня",
    name="Full",
    description="One of everything",
    language="en",
    colours=Colours(background="#3c414c", text="#ffffff", label="#dcc8a0"),
    images=Images(files={"icon@3x.png": png(114, 114)}, url="https://cdn.example.com/", alt="Picture"),
    fields={
        "points": Field(slot="header", label="Points", type="integer", means="points", change="Now %@"),
        "secondary": Field(slot="primary", label="Miles", type="number", means="points.secondary"),
        "holder": Field(slot="secondary", label="Member", means="holder", align="right"),
        "credit": Field(slot="secondary", label="Credit", type="money", currency="EUR"),
        "since": Field(slot="auxiliary", label="Since", type="date", date="long"),
        "visit": Field(slot="auxiliary", label="Visit", type="datetime", optional=True),
        "number": Field(slot="back", label="Number", value="No. {serial}", means="number"),
        "terms": Field(slot="back", label="Terms", value="Fixed"),
        "silent": Field(default="x"),
    },
    nfc=Nfc(apple_key=READER_KEY, google_issuers=("1",), google_constraint=("BLOCK_PAYMENT",)),
    barcode=Barcode(format="pdf417", text="No. {serial}"),
    links=(Link(label="Site", url="https://example.com"),),
    locations=(Location(latitude=48.1, longitude=11.5, text="Near"),),
    translations={"de": {"Points": "Punkte", "Fixed": "Fest"}},
    google_class="full-{silent}",
)
GIVEN = {
    "points": 5,
    "secondary": 1.5,
    "holder": "Jane",
    "credit": Decimal("12.50"),
    "since": date(2026, 5, 1),
    "visit": datetime(2026, 5, 1, 9, tzinfo=UTC),
}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"nfc": False, "barcode": False},
    "code": {},
    "bound": {"binding": BINDING, "barcode": False},
    "bound-with-code": {"binding": BINDING},
    "expiring": {"expires": datetime(2027, 1, 1, tzinfo=UTC)},
}


Prepared = dict[str, tuple[DocumentValidator, JsonTemplate, Any, dict[str, Any]]]


def prepared(name: str, pass_: Pass) -> Prepared:
    """DocumentValidator, stencil, what is known besides, and good values, for each document of a pass."""
    template = pass_.template
    values = {**pass_.resolved_values(), "@email-sha256": "0" * 64}
    bound = pass_.binding is not None
    skeleton = apple.document(template, pass_.shape, pass_type="pass.com.example", team="ABCDE12345")
    payload = google.payload(template, pass_.shape, issuer_id="1")
    about = google_context.ValidationContext(bound=bound, issuer_id="1")
    class_judge, object_judge = google_rules.validators(template.kind.class_type, template.kind.object_type)
    apple_about = apple_context.ValidationContext(bound=bound)
    return {
        f"{name}-pass.json": (apple_rules.validator(), JsonTemplate(skeleton), apple_about, values),
        f"{name}-class": (class_judge, JsonTemplate(payload.class_), about, values),
        f"{name}-object": (object_judge, JsonTemplate(payload.object_), about, values),
    }


PREPARED: Prepared = {}
for shape, given_ in SHAPES.items():
    PREPARED |= prepared(shape, FULL.issue("M-1", GIVEN, **given_))
# One template of each kind as well.
OF_KINDS: Prepared = {}
for folder in sorted(MEMBERSHIP.parent.iterdir()):
    OF_KINDS |= prepared(folder.name, Template.load(folder).example(barcode="M-1"))


# What may be filled in by a mistake, beside what is right.
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.text(st.characters(), max_size=80),
    st.sampled_from(
        ["", "\0", "x" * 70, "https://a", "2026-05-01", "rgb(1,2,3)", "0" * 64, "iso-8859-1", "QR_CODE"]
    ),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(
        st.sampled_from(["value", "type", "int", "string", "language", "x"]), st.text(max_size=5)
    ),
)


@pytest.mark.parametrize("name", PREPARED)
def test_good_values_say_nothing_new(name: str) -> None:
    judge, stencil, about, values = PREPARED[name]
    filled = stencil.compute(values)

    judged = judge.compile(stencil, about)

    assert {finding.code for finding in judged.validate_values(filled)} <= {
        *("binding-forbids-barcode", "google-restriction-not-enabled", "apple-binding-not-enforced-by-file"),
    }
    assert set(judged.findings) | set(judged.validate_values(filled)) == set(
        judge.validate(stencil.document(filled), about)
    )


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [*PREPARED, *OF_KINDS])
@examples(25)
@given(data=st.data())
def test_blanks_and_whole_are_judged_alike(name: str, data: st.DataObject) -> None:
    """Half of the values are as they should be, half are anything."""
    judge, stencil, about, values = (PREPARED | OF_KINDS)[name]
    filled = [data.draw(st.just(value) | WRONG) for value in stencil.compute(values)]

    judged = judge.compile(stencil, about)
    by_blanks = set(judged.findings) | set(judged.validate_values(filled))

    assert by_blanks == set(judge.validate(stencil.document(filled), about))


def test_wrong_values_are_really_found() -> None:
    """The comparison above would also hold if both sides were blind."""
    judge, stencil, about, values = PREPARED["code-pass.json"]
    filled = stencil.compute(values)
    wrong = [
        index
        for index in range(len(filled))
        if judge.compile(stencil, about).validate_values(replaced(filled, index))
    ]

    assert len(wrong) == len(filled)


def replaced(filled: list[Any], index: int) -> list[Any]:
    return [*filled[:index], {"no": "such thing"}, *filled[index + 1 :]]


@pytest.mark.parametrize(
    ("reads", "pointer", "read"),
    [
        ("/nfc", "/nfc", True),
        ("/nfc", "/nfc/message", False),
        ("/nfc", "", True),
        ("/nfc", "/nfcs", False),
        ("/nfc/message", "/nfc", True),
        ("/barcodes/*", "/barcodes/0", True),
        ("/barcodes/*", "/barcodes", True),
        ("/barcodes/*", "/barcodes/0/message", False),
        ("/barcodes/**", "/barcodes/0/message", True),
        ("/barcodes/**", "/barcodes", True),
        ("/barcodes/**", "/barcode", False),
        ("/*/*/key", "/storeCard/backFields/key", True),
        ("/*/*/key", "/storeCard/backFields/value", False),
        ("/**", "/anything/at/all", True),
    ],
)
def test_a_rule_reads_what_its_patterns_say(reads: str, pointer: str, read: bool) -> None:  # noqa: FBT001
    rule = Rule("doc", (reads,), lambda *_: ())

    assert rule.reads_one_of([pointer]) is read
    assert not rule.reads_one_of([])


TABLE = Schema.of(
    {
        "Doc": {
            "a": {"type": "integer"},
            "b": {"type": "text"},
            "list": {"type": "text", "list": True},
            "free": {"type": "object"},
        }
    }
)


def judge_with(*rules: Rule) -> DocumentValidator:
    return DocumentValidator("doc", Validator(TABLE), "Doc", rules)


def counting(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    yield note("a-is", place("/a"), f"a is {document.get('a')!r}")


def test_a_rule_is_asked_once_when_nothing_open_is_read_and_per_pass_otherwise() -> None:
    open_a = JsonTemplate({"a": Placeholder(lambda values: values["a"], "a"), "b": "x"})
    open_b = JsonTemplate({"a": 1, "b": Placeholder(lambda values: values["b"], "b")})
    judge = judge_with(Rule("doc", ("/a",), counting))

    once, each = judge.compile(open_b, None), judge.compile(open_a, None)

    assert [finding.message for finding in once.findings] == ["a is 1"]
    assert once.validate_values(["y"]) == []
    assert each.findings == ()
    assert [finding.message for finding in each.validate_values([7])] == ["a is 7"]


@pytest.mark.parametrize("typed", [True, False])
def test_a_rule_that_relies_on_types_is_not_asked_where_they_are_wrong(typed: bool) -> None:  # noqa: FBT001
    rule = Rule("doc", ("/a",), counting, requires_types=typed)
    judge = judge_with(rule)
    asked = [] if typed else ["a-is"]

    def codes(findings: list[Finding] | tuple[Finding, ...]) -> list[str]:
        return [finding.code for finding in findings]

    assert codes(judge.validate({"a": "x"}, None)) == ["wrong-type", *asked]
    assert codes(judge.validate({"a": None}, None)) == ["null-value", *asked]
    assert codes(judge.validate({"a": 1, "b": 5}, None)) == ["wrong-type", "a-is"], (
        "b is none of its business"
    )
    stencil = JsonTemplate({"a": Placeholder(lambda values: values["a"], "a")})
    assert codes(judge.compile(stencil, None).validate_values(["x"])) == ["wrong-type", *asked]
    constant = JsonTemplate({"a": "x", "b": Placeholder(lambda values: values["b"], "b")})
    assert codes(judge.compile(constant, None).findings) == ["wrong-type", *asked]


def test_a_verdict_over_what_is_constant_says_whether_it_failed() -> None:
    judge = judge_with(Rule("doc", (), lambda *_: [error("never", "doc", "never right")]))

    assert has_errors(judge.compile(JsonTemplate({"a": 1}), None).findings)
    assert not has_errors(judge_with().compile(JsonTemplate({"a": 1}), None).findings)


def test_what_stands_in_a_free_object_is_not_judged() -> None:
    stencil = JsonTemplate(
        {"free": {"x": Placeholder(lambda values: values["x"], "x")}, "list": [Placeholder(lambda _: "x")]}
    )
    judged = judge_with().compile(stencil, None)

    assert judged.validate_values([object(), "x"]) == []
    assert [finding.location for finding in judged.validate_values([5, 5])] == ["doc#/list/0"]


def test_reading_is_milder_than_writing() -> None:
    severities = [
        [finding.severity.value for finding in judge_with().validate({"c": 1}, None, writing=writing)]
        for writing in (True, False)
    ]

    assert severities == [["error"], ["warning"]]


def test_a_place_of_the_callers_own_is_used() -> None:
    findings = judge_with(Rule("doc", ("/a",), counting)).validate(
        {"a": 1, "b": 2}, None, place=lambda p: f"at {p}"
    )

    assert [finding.location for finding in findings] == ["at /b", "at /a"]


def test_the_full_template_is_as_good_as_it_looks() -> None:
    """FULL would prove little if it were refused for something else."""
    pass_ = FULL.issue("M-1", GIVEN, barcode=False, binding=BINDING)

    assert validate(pass_).errors == ()


def test_a_rule_is_asked_where_one_of_its_members_is_there_whatever_was_judged_before() -> None:
    """A judge remembers which rules concern documents with which members, of a few of them."""
    names = [f"n{number}" for number in range(8)]
    asked: list[str] = []

    def rule(needed: str | None) -> Rule:
        def check(*_: object) -> list[Finding]:
            asked.append(needed or "any")
            return []

        return Rule("doc", (), check, requires_members=frozenset({needed} if needed else ()))

    judge = DocumentValidator(
        "doc", Validator(Schema.of({"Doc": {}})), "Doc", tuple(map(rule, (*names, None)))
    )
    for number in range(2 * 2**8):
        there = [name for bit, name in enumerate(names) if number >> bit & 1]
        asked.clear()
        judge.validate(dict.fromkeys([*there, "unheard"]), None)
        assert asked == [*there, "any"]
