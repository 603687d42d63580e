"""Strings files are read as systems read them, within limits, and written so that they read them back."""

from __future__ import annotations

import codecs
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build import strings_file
from passwright.errors import InvalidInput

NAME = "de.lproj/pass.strings"
SAMPLE = '/* Card */\n"Points" = "Punkte";\n"Thé" = "Tee ☕";\n'
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def read(data: bytes | str) -> dict[str, str]:
    octets = data if isinstance(data, bytes) else data.encode()
    return dict(strings_file.loads(octets, name=NAME).value)


def refusal(data: bytes | str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(data)
    return caught.value


# Written out byte for byte, so that nothing that writes here can hide what reads wrong.
BIG_ENDIAN = bytes.fromhex("feff 0022 0041 0022 0020 003d 0020 0022 00c4 2615 0022 003b 000a")
LITTLE_ENDIAN = bytes.fromhex("fffe 2200 4100 2200 2000 3d00 2000 2200 c400 1526 2200 3b00 0a00")


@pytest.mark.parametrize(
    "data",
    [
        BIG_ENDIAN,
        LITTLE_ENDIAN,
        b'"A" = "\xc3\x84\xe2\x98\x95";\n',
        b'\xef\xbb\xbf"A" = "\xc3\x84\xe2\x98\x95";\n',
    ],
    ids=["utf-16 big endian", "utf-16 little endian", "utf-8", "utf-8 with mark"],
)
def test_both_orders_of_utf_16_and_utf_8_say_the_same(data: bytes) -> None:
    assert read(data) == {"A": "Ä☕"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("  \r\n\t // nothing\n/* here */ ", {}),
        ('"a"="b";"c"="d";', {"a": "b", "c": "d"}),
        ('"a" = "b"; // after\r"c"\n=\n"d"\n;', {"a": "b", "c": "d"}),
        ('/* "x" = "y"; ** / * */ "a" /* 1 */ = // 2\n "b" /**/ ;', {"a": "b"}),
        ('key = value; "k-2" = v.2;', {"key": "value", "k-2": "v.2"}),
        ('"Points";bare;', {"Points": "Points", "bare": "bare"}),
        ('"" = "";', {"": ""}),
        ('"a // b" = "/* c */ ; = d";', {"a // b": "/* c */ ; = d"}),
        (r'"say \"a\"" = "\\n\n\t\r\'\q";', {'say "a"': "\\n\n\t\r'q"}),
        (r'"\U00e4\u263A" = "\101\60";', {"ä☺": "A0"}),
        (r'"\ud83d\ude00" = "x";', {"😀": "x"}),
        ('"two\nlines" = "one\\\nmore";', {"two\nlines": "one\nmore"}),
    ],
)
def test_what_systems_read_is_read(text: str, expected: dict[str, str]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"a" = "b"', 1),
        ('"a" = ;', 1),
        ('\n\n"a" "b";', 3),
        ('"a" = "b";\n"c" = "d', 2),
        ('"a" = "b";;', 1),
        ("{ a = b; }", 1),
        ("/* never ends", 1),
        ("'a' = 'b';", 1),
        ('"a" = ("b");', 1),
        ("=", 1),
        (r'"\ud800" = "x";', 1),
        (r'"x" = "\0";', 1),
        ("<?xml version='1.0'?><plist/>", 1),
    ],
)
def test_what_is_no_strings_file_is_refused_with_its_line(text: str, line: int) -> None:
    refused = refusal(text)
    assert (refused.code, refused.location) == ("bad-strings", f"{NAME}:{line}")


@pytest.mark.parametrize(
    "data",
    [
        b"bplist00\xd1\x01\x02",
        SAMPLE.encode("latin-1", "replace") + b"\xe4",
        SAMPLE.encode("utf-16-le"),
        SAMPLE.encode("utf-32"),
        codecs.BOM_UTF16_BE + b'\x00"\x00',
        codecs.BOM_UTF16_LE + b"\x00\xd8",
        b'"a" = "\0";',
    ],
    ids=["binary", "latin-1", "utf-16 without mark", "utf-32", "half a unit", "half a pair", "nul"],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    assert refusal(data).code == "bad-strings"


def test_a_text_that_stands_twice_has_its_last_translation_and_is_named() -> None:
    done = strings_file.loads(b'"a" = "1";\n"b" = "2";\n"a" = "3";', name=NAME)
    assert done.value == {"a": "3", "b": "2"}
    assert [(each.code, each.location) for each in done.findings] == [("duplicate-translation", f"{NAME}:3")]


def test_of_many_texts_that_stand_twice_ten_are_named_and_the_rest_counted() -> None:
    done = strings_file.loads(b"a;\n" * 40, name=NAME)
    assert done.value == {"a": "a"}
    assert [each.location for each in done.findings] == [f"{NAME}:{line}" for line in range(2, 12)]
    assert [each.message.partition(", and ")[2] for each in done.findings] == [
        *[""] * 9,
        "29 more after this",
    ]


def test_a_text_that_stands_there_over_and_over_is_one_of_the_most() -> None:
    """Each was looked for from the start of the file: half a megabyte of them took half a minute."""
    assert len(strings_file.loads(b"a;" * strings_file.MAX_TEXTS, name=NAME).findings) == 10
    assert refusal(b"a;" * (strings_file.MAX_TEXTS + 1)).code == "bad-strings"


def test_a_file_has_limits() -> None:
    assert refusal(b" " * (strings_file.MAX_BYTES + 1)).code == "too-large"
    most = "".join(f"k{number};\n" for number in range(strings_file.MAX_TEXTS))
    assert len(read(most)) == strings_file.MAX_TEXTS
    assert refusal(f"{most}one_more;").code == "bad-strings"


@pytest.mark.long
@pytest.mark.parametrize(
    "piece", ['"', "/*", "/* *", "//", '"a"', "a=", "\\", '"\\', "a;", '"a"="b";', "= ", "*/", "\ufeff "]
)
def test_reading_takes_time_in_proportion_to_the_file(piece: str) -> None:
    """Twenty times the file takes no hundred times as long, whatever it says."""

    def cost(size: int) -> float:
        data = (piece * size)[:size].encode()[: strings_file.MAX_BYTES]
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            with contextlib.suppress(InvalidInput):
                read(data)
            best = min(best, time.process_time() - start)
        return best

    assert cost(100_000) < 100 * max(cost(5_000), 1e-4)


@given(st.dictionaries(TEXT, TEXT, max_size=6))
def test_what_is_written_is_read_again(texts: dict[str, str]) -> None:
    assert read(strings_file.dumps(texts)) == texts
    # The same in the other order, and in UTF-8.
    written = strings_file.dumps(texts)
    text = written.decode("utf-16") if written.startswith(codecs.BOM_UTF16_LE) else written.decode()
    assert read(codecs.BOM_UTF16_BE + text.encode("utf-16-be")) == texts
    assert read(text.encode("utf-8-sig")) == texts


def test_what_is_written_is_sorted_and_ascii_where_that_is_enough() -> None:
    assert strings_file.dumps({"b": "1", "a": 'x"\\\n'}) == b'"a" = "x\\"\\\\\\n";\n"b" = "1";\n'
    assert strings_file.dumps({"A": "Ä☕"}) == LITTLE_ENDIAN


@given(st.binary(max_size=60) | st.text('"\\;= /*aU0\n', max_size=60).map(str.encode))
def test_no_bytes_whatever_raise_anything_else(noise: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        read(noise)
