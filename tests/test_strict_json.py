"""Tests of passwright.strict_json: values, errors with their locations, and tolerated deviations."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passwright import strict_json
from passwright.errors import InvalidInput
from passwright.report import Severity


def error_of(data: bytes, **limits: int) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        strict_json.loads(data, name="pass.json", **limits)
    return caught.value


def read_tolerantly(data: bytes) -> tuple[object, list[str]]:
    """Returns the value, and each finding as "code location"."""
    result = strict_json.loads_tolerant(data, name="")
    assert all(finding.severity is Severity.WARNING for finding in result.findings)
    return result.value, [f"{finding.code} {finding.location}".strip() for finding in result.findings]


def test_good_json_is_read() -> None:
    text = '{"a": [1, -2.5e3, true, null], "\\u00e9": "\\ud83c\\udfab", "b": {}}'

    assert strict_json.loads(text.encode(), name="x") == {"a": [1, -2500.0, True, None], "é": "🎫", "b": {}}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"a": 1,\n "b": 2,\n "a": 1}', "pass.json:3#/a"),
        (b'{"barcodes": [{}, {"format": 1, "message": 2, "format": 1}]}', "pass.json:1#/barcodes/1/format"),
        (b'{"a": 1, "\\u0061": 2}', "pass.json:1#/a"),
        (b'{"x": [1, [{"a~b/c": 1}, {"a~b/c": 1, "a~b/c": 2}]]}', "pass.json:1#/x/1/1/a~0b~1c"),
        (b'{"": 1, "": 2}', "pass.json:1#/"),
        (b'{"x": "a",\n"a": "x",\n"a": "x"}', "pass.json:3#/a"),
    ],
)
def test_jsn_01_duplicate_keys_at_any_depth_are_refused_with_their_location(data: bytes, where: str) -> None:
    error = error_of(data)

    assert (error.code, error.location) == ("duplicate-key", where)


def test_equal_keys_of_different_objects_are_not_duplicates() -> None:
    assert strict_json.loads(b'[{"a": 1}, {"a": {"a": 2}}]', name="x") == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400 + ".0"])
def test_jsn_02_nan_and_infinities_are_refused(word: str) -> None:
    error = error_of(b'{"a":\n[0, %b]}' % word.encode())

    assert (error.code, error.location) == ("bad-number", "pass.json:2#/a/1")


@pytest.mark.parametrize("digits", [str(2**53 + 1), str(-(2**53) - 1), "9" * 17, "9" * 400, "-" + "9" * 5000])
def test_jsn_03_integers_that_a_float_would_round_are_refused(digits: str) -> None:
    assert error_of(digits.encode()).code == "bad-number"


@pytest.mark.parametrize("number", [2**53, -(2**53), 0])
def test_integers_up_to_two_to_the_53_are_read(number: int) -> None:
    assert strict_json.loads(str(number).encode(), name="x") == number


@pytest.mark.parametrize("levels", [33, 1_000, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_jsn_04_deep_nesting_is_refused_before_parsing(levels: int, opening: str) -> None:
    closing = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opening]
    repeats = -(-levels // len(closing))
    whole = f"{opening * repeats}1{closing * repeats}".encode()
    cut = (opening * repeats).encode()

    assert {error_of(data, max_bytes=2**21).code for data in (whole, cut)} == {"too-deep"}


def test_jsn_04_brackets_in_strings_and_side_by_side_do_not_count_as_levels() -> None:
    wide = [[{"text": '[[[[{{{{"\\'}] for _ in range(100)]

    assert strict_json.loads(json.dumps(wide).encode(), name="x") == wide


def test_jsn_04_the_32nd_level_is_read() -> None:
    data = b"[" * 32 + b"]" * 32

    assert strict_json.loads(data, name="x") is not None
    assert strict_json.loads(b"[[],%b,[]]" % data[1:-1], name="x") is not None
    assert error_of(b"[%b]" % data).code == "too-deep"


def test_nesting_below_a_higher_limit_still_raises_invalid_input() -> None:
    assert error_of(b"[" * 200_000, max_depth=10**6).code == "too-deep"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-16-be"),
        '{"a": 1}'.encode("utf-32"),
        '{"a": 1}'.encode("utf-32-le"),
        '{"a": "é"}'.encode("latin-1"),
        b'"\xed\xa0\x80"',  # half a surrogate pair
        b'"\xc0\xaf"',  # a slash in two bytes
    ],
)
def test_jsn_05_other_encodings_are_refused(data: bytes) -> None:
    assert error_of(data).code == "not-utf8"


def test_jsn_05_the_error_names_the_line_of_the_wrong_byte() -> None:
    assert error_of(b'{\n"a": "\xe9"}').location == "pass.json:2"


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"a": ["\\ud800"]}', "pass.json#/a/0"),
        (b'"\\ude00\\ud83d"', "pass.json"),
        (b'{"a": "x\\u0000y"}', "pass.json#/a"),
        (b'{"k": {"\\ud800": 1}}', "pass.json#/k/\\ud800"),
        (b'["\x01"]', "pass.json:1"),
        (b'["a\nb"]', "pass.json:1"),
        (b'\n["\\x41"]', "pass.json:2"),
        (b'["\\u12"]', "pass.json:1"),
    ],
)
def test_jsn_06_strings_that_are_not_text_are_refused(data: bytes, where: str) -> None:
    error = error_of(data)

    assert (error.code, error.location) == ("bad-string", where)


@pytest.mark.parametrize(
    "text",
    [
        *("{} x", "{}{}", "// c\n{}", "{/* c */}", "{'a': 1}", "[1,]", '{"a": 1,}'),
        *("", " ", "[", '"abc', '"abc\\', "[1 2]", "01", "+1", "True"),
    ],
)
def test_jsn_07_a_syntax_error_is_refused_with_its_line(text: str) -> None:
    error = error_of(f"\n{text}".encode())

    assert error.code == "bad-json"
    assert error.location.startswith("pass.json:")


def test_a_document_over_the_limit_is_refused_before_parsing() -> None:
    assert error_of(b"[" + b" " * 2**20 + b"]").code == "too-large"
    assert error_of(b"[1]", max_bytes=2).code == "too-large"
    assert strict_json.loads(b"[1]", name="x", max_bytes=3) == [1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"abc', "a string has no end (column 1)"),
        ("1 2", "something follows the end of the document (column 3)"),
        ("[1,,2]", "this is not JSON (column 4)"),
    ],
)
def test_the_message_has_the_reason_and_the_column(text: str, reason: str) -> None:
    assert error_of(text.encode()).message == reason


SECRET = "jane.doe-4711"


@pytest.mark.parametrize(
    "data",
    [
        f'{{"authenticationToken": "{SECRET}\x01"}}',
        f'{{"authenticationToken": "{SECRET}" "{SECRET}"}}',
        f'{{"authenticationToken": "{SECRET}',
        f'{{"authenticationToken": "{SECRET}\\u0000"}}',
        f'{{"authenticationToken": "{SECRET}\\q"}}',
        f'{{"a": "{SECRET}", "a": "{SECRET}", "b": NaN}}',
        f'{{"a": "{SECRET}", "b": 4711471147114711471147}}',
        f'"{SECRET}" "{SECRET}"',
        f"{SECRET}",
    ],
)
def test_jsn_11_errors_do_not_repeat_values(data: str) -> None:
    for read in (strict_json.loads, strict_json.loads_tolerant):
        with pytest.raises(InvalidInput) as caught:
            read(data.encode(), name="x")
        text = f"{caught.value} {caught.value!r}"
        assert "4711" not in text
        assert "jane" not in text
        # A log prints the context of the exception as well.
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_locations_are_safe_to_print() -> None:
    key = "k" * 500
    long = error_of(json.dumps({key: {"\u202e\x1b": math.inf}}).encode())

    assert long.location == f"pass.json:1#/{'k' * 60}…/\\u202e\\x1b"


# --- tolerance ---


def test_strict_json_has_no_findings() -> None:
    assert read_tolerantly(b'{"a": [1, "//", "/* */", ",]"]}') == ({"a": [1, "//", "/* */", ",]"]}, [])


@pytest.mark.parametrize(
    ("data", "value", "found"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}, ["json-bom"]),
        ('{"é": 1}'.encode("utf-16"), {"é": 1}, ["json-utf16"]),
        (b"\xfe\xff" + '{"é": 1}'.encode("utf-16-be"), {"é": 1}, ["json-utf16"]),
        ('{"é": 1}'.encode("utf-16-le"), {"é": 1}, ["json-utf16"]),
        ('{"é": 1}'.encode("utf-16-be"), {"é": 1}, ["json-utf16"]),
        (b"[1, 2,\n]", [1, 2], ["json-trailing-comma :1"]),
        (
            b'{"a": [{}, ],\n"b": "x" ,// ]\n}',
            {"a": [{}], "b": "x"},
            ["json-trailing-comma :1", "json-trailing-comma :2", "json-comment :2"],
        ),
        (b'// first "\n{"a": 1} // last', {"a": 1}, ["json-comment :1", "json-comment :2"]),
        (b'{/* one\ntwo [[ "*/"a": /**/1}', {"a": 1}, ["json-comment :1", "json-comment :2"]),
        (b"// one\r// two\r\n1", 1, ["json-comment :1", "json-comment :1"]),
        (
            b'{"a": 1,\n"a": {"b": 1, "b": 2}}',
            {"a": {"b": 2}},
            ["json-duplicate-key :2#/a", "json-duplicate-key :2#/a/b"],
        ),
        (
            b'\xef\xbb\xbf{"a": 1, "a": 2,}',
            {"a": 2},
            ["json-bom", "json-trailing-comma :1", "json-duplicate-key :1#/a"],
        ),
        (b"/*" + b"[" * 100 + b"*/ []", [], ["json-comment :1"]),
    ],
)
def test_a_tolerated_deviation_is_a_warning_with_its_location(
    data: bytes, value: object, found: list[str]
) -> None:
    assert read_tolerantly(data) == (value, found)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[,]", "bad-json"),
        (b"[1,,]", "bad-json"),
        (b'{"a":,}', "bad-json"),
        (b"[1 /* never closed ]", "bad-json"),
        (b"[1 /*/]", "bad-json"),
        (b"1 /* never closed", "bad-json"),
        (b"1 /*/", "bad-json"),
        (b"[1 / 2]", "bad-json"),
        (b"{'a': 1}", "bad-json"),
        (b"<html>", "bad-json"),
        (b"[NaN,]", "bad-number"),
        (b'["\\u0000",]', "bad-string"),
        (b"// \n" + b"[" * 33 + b"]" * 33, "too-deep"),
        (b'"\xe9"', "not-utf8"),
        ('{"a": 1}'.encode("utf-32"), "not-utf8"),
        (b"\xff\xfe\x00\xd8{\0", "not-utf8"),
        (b" " * (2**20 + 1), "too-large"),
        (b"\xff\xfe" + b" \0" * 2**20, "too-large"),
    ],
)
def test_other_deviations_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        strict_json.loads_tolerant(data, name="pass.json")

    assert caught.value.code == code


def test_utf_16_up_to_the_limit_is_tolerated() -> None:
    data = "[1]".encode("utf-16")

    assert strict_json.loads_tolerant(data, name="x", max_bytes=len(data)).value == [1]


def test_an_error_after_tolerated_deviations_has_the_right_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        strict_json.loads_tolerant(b'{ // one\n/* two\nthree */ "a": [1,],\n"b": NaN}', name="pass.json")

    assert caught.value.location == "pass.json:4#/b"


def test_jsn_10_ten_thousand_faults_are_ten_findings() -> None:
    findings = strict_json.loads_tolerant(b"[" + b"[1,]," * 10_000 + b"0]", name="x").findings

    assert len(findings) == 10
    assert findings[0].message == "a comma stands after the last item"
    assert findings[-1].message.endswith("9990 more after this")

    ten = strict_json.loads_tolerant(b"[" + b"[1,]," * 10 + b"0]", name="x").findings
    assert [finding.message for finding in ten] == [findings[0].message] * 10


HOSTILE = {
    "open brackets": b"[" * 2**20,
    "open objects": b'{"a":' * 200_000,
    "escaped quotes without end": b'"' + b'\\"' * 2**19,
    "quotes": b'"' * 2**20,
    "open comments": b"/*" * 2**19,
    "comments": b"//\n" * 340_000,
    "slashes": b"/" * 2**20,
    "commas": b"," * 2**20,
    "digits": b"9" * 2**20,
    "fraction": b"0." + b"1" * (2**20 - 2),
    "backslashes": b"\\" * 2**20,
    "repeated keys": b'{"a":1' + b',"a":1' * 150_000 + b"}",
}


@pytest.mark.long
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_jsn_12_hostile_documents_take_linear_time(data: bytes) -> None:
    """A quadratic scan of a megabyte would take minutes. The limit allows for a slow machine."""
    started = time.process_time()
    for read in (strict_json.loads, strict_json.loads_tolerant):
        try:
            read(data, name="x")
        except InvalidInput as error:
            assert len(str(error)) < 500  # noqa: PT017 - not raising is fine too

    assert time.process_time() - started < 20


# --- the writer ---


def test_the_writer_is_compact_and_keeps_order() -> None:
    assert strict_json.dumps({"b": [1, 2.5, None], "a": "é\n\u2028"}) == '{"b":[1,2.5,null],"a":"é\\n\u2028"}'


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_the_writer_refuses_values_without_a_form_in_json(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        strict_json.dumps(value)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_written_values_are_read_unchanged(value: object) -> None:
    data = strict_json.dumps(value).encode()

    assert strict_json.loads(data, name="x") == value
    assert strict_json.loads_tolerant(data, name="x") == strict_json.TolerantResult(value, ())


@given(st.binary(max_size=60) | st.text('[]{}:,"\\/* \n019eE.-+tfnu', max_size=60).map(str.encode))
@example(b'{"a":1]')
@example(b'}{"a":1,"a":2')
def test_any_bytes_give_a_value_or_invalid_input(data: bytes) -> None:
    """The value is that of the reader of the standard library."""
    for read in (strict_json.loads, strict_json.loads_tolerant):
        try:
            result = read(data, name="x")
        except InvalidInput:
            continue
        if read is strict_json.loads:
            assert result == json.loads(data)


@given(JSON, st.sampled_from(["// ]}\"'", '/* " [{ */ // ,', "", "  /**/"]))
def test_comments_and_trailing_commas_do_not_change_the_value(value: object, comment: str) -> None:
    """The comment follows each line of a document with one item per line."""
    lines = json.dumps(value, indent=1).split("\n")
    ends_item = [after.lstrip()[:1] in ("]", "}") for after in lines[1:]] + [False]
    sloppy = [
        line + "," * (end and not line.endswith(("[", "{"))) + comment
        for line, end in zip(lines, ends_item, strict=True)
    ]

    assert strict_json.loads_tolerant("\n".join(sloppy).encode(), name="x").value == value
