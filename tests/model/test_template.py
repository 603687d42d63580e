"""A template and a pass are plain values: what was given stays as it was, and what was saved is read back."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Colours, Field, Images, Link, Location, Nfc, Template
from passwright.errors import TemplateRejected
from passwright.model.kinds import KINDS
from passwright.model.parts import Personalization, learn_more_label
from passwright.model.validation import template_document, validate_template
from tests.conftest import BINDING, MEMBERSHIP, READER_KEY, png
from tests.documents.test_validator import FULL, GIVEN
from tests.tiers import examples

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)

# --- values --------------------------------------------------------------------------------------


def test_values_are_filled_in_from_the_pass_the_defaults_and_each_other() -> None:
    filled = FULL.issue("M-1", GIVEN, nfc="N-1", expires=AT, binding=BINDING).resolved_values()

    assert filled["serial"] == "M-1"
    assert filled["holder"] == "Jane"
    assert filled["silent"] == "x", "its default"
    assert filled["number"] == "No. M-1", "its value with blanks"
    assert filled["terms"] == "Fixed"
    assert (filled["@nfc"], filled["@barcode"], filled["@barcode-text"]) == ("N-1", "M-1", "No. M-1")
    assert (filled["@expires"], filled["@learn-more"]) == (AT, BINDING.learn_more_url)
    assert "@email" not in str(filled)


def test_none_is_the_templates_false_is_off_and_text_is_the_passs_own() -> None:
    passes = {given: FULL.issue("M-1", GIVEN, nfc=given, barcode=given) for given in (None, False, "own")}

    messages = {
        message: [pass_.resolved_values().get(name) for name in ("@nfc", "@barcode")]
        for message, pass_ in passes.items()
    }
    assert messages == {None: ["M-1", "M-1"], False: [None, None], "own": ["own", "own"]}
    shapes = {given: sorted(each.shape & {"@nfc", "@barcode"}) for given, each in passes.items()}
    assert shapes == {None: ["@barcode", "@nfc"], False: [], "own": ["@barcode", "@nfc"]}


@pytest.mark.parametrize(
    ("given_", "there"),
    [
        ({}, set()),
        ({"binding": BINDING}, {"@binding"}),
        ({"expires": AT}, {"@expires"}),
        ({"values": {"visit": AT}}, {"visit"}),
        ({"values": {"visit": None}}, set()),
    ],
)
def test_the_shape_names_the_optional_parts_that_are_there(given_: dict[str, Any], there: set[str]) -> None:
    values = {key: value for key, value in GIVEN.items() if key != "visit"} | given_.pop("values", {})
    shape = FULL.issue("M-1", values, barcode=False, nfc=False, **given_).shape

    assert shape == {key for key in FULL.fields if key != "visit"} | there


def test_a_pass_without_a_barcode_in_its_template_may_bring_one() -> None:
    pass_ = replace(FULL, barcode=None).issue("M-1", GIVEN, barcode="own")

    assert (pass_.resolved_values()["@barcode"], "@barcode" in pass_.shape) == ("own", True)
    assert "@barcode" not in replace(FULL, barcode=None).issue("M-1", GIVEN, barcode="").shape


def test_what_the_caller_gave_may_change_later() -> None:
    values, overrides = {"holder": "Jane"}, {"voided": True}
    fields, files = {"holder": Field()}, {"icon.png": png(1, 1)}
    template = replace(FULL, fields=fields, images=Images(files=files), apple=overrides)
    pass_ = template.issue("M-1", values, apple=overrides)
    for mapping in (values, overrides, fields, files):
        mapping.clear()

    assert (dict(pass_.values), dict(pass_.apple)) == ({"holder": "Jane"}, {"voided": True})
    assert (list(template.fields), list(template.images.files)) == (["holder"], ["icon.png"])
    assert template.apple == {"voided": True}


def test_a_pass_is_changed_by_making_another() -> None:
    pass_ = FULL.issue("M-1", GIVEN)

    assert (pass_.replace(serial="M-2").serial, pass_.serial) == ("M-2", "M-1")


def test_an_example_is_made_of_example_values() -> None:
    template = replace(
        FULL, fields={"name": Field(example="Jane"), "tier": Field(default="Bronze"), "n": Field(example=1)}
    )

    pass_ = template.example(values={"n": 2}, barcode=False)

    assert (pass_.serial, dict(pass_.values), pass_.barcode) == ("EXAMPLE-1", {"name": "Jane", "n": 2}, False)
    assert dict(template.example("S-1").values) == {"name": "Jane", "n": 1}


def test_neither_values_nor_codes_are_shown() -> None:
    shown = repr(
        FULL.issue(
            "M-1",
            {"holder": "Canary"},
            nfc="Canary",
            barcode="Canary",
            apple={"a": "Canary"},
            binding=BINDING,
        )
    )

    assert "Canary" not in shown
    assert str(BINDING.email) not in shown
    assert "bytes" not in repr(Images(files={"icon.png": b"bytes"}))


@pytest.mark.parametrize(
    ("value", "constant"),
    [
        ("Fixed", True),
        (5, True),
        ("No. {serial}", False),
        ("{{braces}}", False),
        ("a }} b", False),
        (None, False),
    ],
)
def test_a_value_is_constant_when_it_stands_here_as_it_is_shown(value: Any, constant: bool) -> None:  # noqa: FBT001
    assert Field(value=value).is_constant is constant


def test_double_braces_are_shown_as_braces_with_and_without_blanks() -> None:
    template = replace(FULL, fields={"a": Field(value="{{serial}}"), "b": Field(value="{{{serial}}}")})

    values = template.issue("M-1").resolved_values()
    assert {key: values[key] for key in "ab"} == {"a": "{serial}", "b": "{M-1}"}


PARSED = (
    ("text", " as it is ", " as it is "),
    ("integer", " 12 ", 12),
    ("number", "1.5", Decimal("1.5")),
    ("money", "12.50", Decimal("12.50")),
    ("date", "2026-05-01", date(2026, 5, 1)),
    ("datetime", "2026-05-01T09:00:00Z", AT),
)
NOT_PARSED = (
    ("integer", "1.5", "is not a whole number"),
    ("number", "one", "is not a number"),
    ("number", "NaN", "is not a number"),
    ("money", "Infinity", "is not an amount such as 12.50"),
    ("date", "1 May", "is not a date such as 2026-05-01"),
    ("datetime", "", "is not a date with time and zone such as 2026-05-01T09:00:00+02:00"),
    ("integer", "9" * 5000, "is not a whole number"),
)


@pytest.mark.parametrize(("type_", "text", "value"), PARSED)
def test_a_text_is_parsed_by_the_type_of_its_field(type_: Any, text: str, value: Any) -> None:
    assert Field(type=type_).parse(text) == value


@pytest.mark.parametrize(("type_", "text", "rule"), NOT_PARSED)
def test_a_text_that_is_no_value_is_refused_without_being_repeated(type_: Any, text: str, rule: str) -> None:
    with pytest.raises(ValueError, match="is not a") as refused:
        Field(type=type_).parse(text)

    assert str(refused.value) == rule
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("language", "label"), [("de-AT", "Zu diesem Pass"), ("EN", "About this pass"), ("xx", "About this pass")]
)
def test_a_learn_more_link_is_labelled_in_many_languages(language: str, label: str) -> None:
    assert learn_more_label(language) == label


# --- saving and loading --------------------------------------------------------------------------

# Everything but what is no text anywhere: NUL and halves of surrogate pairs.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
# Field values hold no control characters either; braces would name other values.
VALUE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="{}"),
    min_size=1,
    max_size=20,
)
KEY = st.from_regex(r"\A[A-Za-z0-9_-]{1,12}\Z").filter(lambda key: key != "serial")
COLOUR = st.none() | st.from_regex(r"\A#[0-9a-fA-F]{6}\Z")
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
QUARTERS = st.integers(-10_000, 10_000).map(lambda number: Decimal(number) / 4)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": VALUE,
    "integer": st.integers(-(2**53), 2**53),
    "number": st.floats(-1e15, 1e15) | st.integers(-9, 9) | QUARTERS,
    "money": QUARTERS,
    "date": st.dates(),
    "datetime": st.datetimes(timezones=ZONES),
}
JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OVERRIDES = st.dictionaries(TEXT, JSON, max_size=3)
PICTURE = png(2, 2)
PICTURES = st.dictionaries(
    st.sampled_from(
        ["icon.png", "icon@2x.png", "logo@3x.png", "de/hero.png", "zh-Hans/strip.png", "program-logo.png"]
    ),
    st.just(PICTURE),
)


@st.composite
def fields(draw: st.DrawFn) -> Field:
    kind = draw(st.sampled_from(list(VALUES)))
    value = VALUES[kind]
    given_ = draw(st.sampled_from(["value", "default", "optional", "nothing"]))
    return Field(
        label=draw(TEXT | st.just("")),
        slot=draw(st.none() | st.sampled_from(["header", "primary", "secondary", "auxiliary", "back"])),
        type=kind,  # type: ignore[arg-type]  # drawn from the types
        value=draw(value) if given_ == "value" else None,
        default=draw(value) if given_ == "default" else None,
        optional=given_ == "optional",
        example=draw(st.none() | value),
        currency="EUR" if kind == "money" else None,
        date=draw(st.none() | st.sampled_from(["none", "short", "full"]))
        if kind in ("date", "datetime")
        else None,
        time=draw(st.none() | st.sampled_from(["none", "short", "full"])) if kind == "datetime" else None,
        align=draw(st.none() | st.sampled_from(["left", "centre", "right"])),
        change=draw(st.none() | TEXT.map(lambda text: f"{text} %@")),
    )


TEMPLATES = st.builds(
    Template,
    kind=st.just(KINDS["loyalty"]),
    id=st.from_regex(r"\A[A-Za-z0-9._-]{1,12}\Z"),
    organisation=TEXT,
    name=TEXT,
    description=TEXT,
    language=st.sampled_from(["en", "de-AT", "zh-Hans"]),
    colours=st.builds(Colours, background=COLOUR, text=COLOUR, label=COLOUR),
    images=st.builds(
        Images, files=PICTURES, url=st.none() | st.just("https://cdn.example.com/"), alt=st.none() | TEXT
    ),
    fields=st.dictionaries(KEY, fields(), min_size=1, max_size=4),
    nfc=st.none()
    | st.builds(
        Nfc,
        message=st.sampled_from(["{serial}", "fixed"]),
        apple_key=st.none() | st.just(READER_KEY),
        google_issuers=st.lists(st.from_regex(r"\A[0-9]{1,19}\Z"), max_size=2).map(tuple),
        google_constraint=st.sampled_from([(), ("BLOCK_PAYMENT",)]),
    ),
    barcode=st.none()
    | st.builds(
        Barcode, format=st.sampled_from(["qr", "aztec"]), message=st.just("{serial}"), text=st.none() | VALUE
    ),
    personalization=st.none()
    | st.builds(
        Personalization,
        fields=st.sampled_from([("name",), ("email", "phone")]),
        description=TEXT,
        terms=st.none() | TEXT,
    ),
    links=st.lists(st.builds(Link, label=TEXT, url=st.just("https://www.example.com/a?b=c")), max_size=2).map(
        tuple
    ),
    locations=st.lists(
        st.builds(
            Location, latitude=st.floats(-90, 90), longitude=st.integers(-180, 180), text=st.none() | TEXT
        ),
        max_size=2,
    ).map(tuple),
    translations=st.dictionaries(st.sampled_from(["fr", "it-CH"]), st.dictionaries(VALUE, VALUE, max_size=3)),
    google_class=st.none() | st.just("class-{serial}"),
    apple=OVERRIDES,
    google=st.fixed_dictionaries({}, optional={"class": OVERRIDES, "object": OVERRIDES}),
)


@pytest.mark.no_cover
@examples(60)
@given(TEMPLATES)
def test_a_saved_template_is_read_back_as_it_was(template: Template) -> None:
    assert [finding for finding in validate_template(template) if finding.severity.value == "error"] == []
    with tempfile.TemporaryDirectory() as folder:
        template.save(folder)
        again = Template.load(folder)

    assert template_document(again) == template_document(template)
    assert list(again.fields) == list(template.fields), "order is the order shown"
    assert again.images.files == template.images.files
    assert again.translations == template.translations


def test_the_membership_template_is_read_back_as_it_was(club: Template, tmp_path: Path) -> None:
    club.save(tmp_path / "copy")
    again = Template.load(tmp_path / "copy")

    assert template_document(again) == template_document(club) == template_document(Template.load(MEMBERSHIP))
    assert (again.images, again.translations) == (club.images, club.translations)


def test_an_empty_barcode_is_saved(tmp_path: Path) -> None:
    replace(FULL, barcode=Barcode(), nfc=Nfc()).save(tmp_path)
    again = Template.load(tmp_path)

    assert (again.barcode, again.nfc) == (Barcode(), Nfc())


def test_nothing_is_written_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(FileExistsError, match="not empty"):
        FULL.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fields": {}}, "no-fields"),
        ({"images": Images(files={"../icon.png": PICTURE})}, "bad-name"),
        ({"translations": {"../de": {}}}, "bad-name"),
        ({"apple": {"logoText": None}}, "null-value"),
        ({"google": {"class": {"a": [{"b": None}]}}}, "null-value"),
        ({"apple": {"a": float("nan")}}, "not-json"),
    ],
)
def test_a_template_that_no_folder_can_hold_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(TemplateRejected) as refused:
        replace(FULL, **changes).save(tmp_path / "new")

    assert code in [finding.code for finding in refused.value.report.errors]
    assert list(tmp_path.iterdir()) == []


def test_save_says_where_null_stands(tmp_path: Path) -> None:
    template = replace(FULL, google={"class": {"a": ({"b": None},)}})
    with pytest.raises(TemplateRejected) as refused:
        template.save(tmp_path)

    assert [finding.location for finding in refused.value.report.errors] == ["template#/google/class/a/0/b"]
