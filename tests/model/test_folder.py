"""Every mistake of a template folder is found in one go, each with its file and line."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from passwright import Template
from passwright.errors import TemplateRejected
from passwright.model.folder import MAX_PICTURE_BYTES, MAX_TOML_BYTES, from_files, read, read_files, to_files
from passwright.model.kinds import Kind
from passwright.model.validation import template_document
from tests.conftest import MEMBERSHIP, png

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.report import Report

TOML = """\
kind = "loyalty"
id = "club"
organisation = "Club"
name = "Club"
description = "A card"
colours = { background = "#3c414c" }

[fields]
points = { slot = "header", label = "Points" }
number = { slot = "back", value = "{serial}" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the least there can be."""
    (tmp_path / "template.toml").write_text(TOML)
    return tmp_path


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def said(report: Report) -> list[tuple[str, str, str]]:
    return [(finding.severity.value, finding.code, finding.location) for finding in report]


def findings(root: Path) -> list[tuple[str, str, str]]:
    return said(read(root)[1])


def test_the_least_folder_is_good(folder: Path) -> None:
    assert findings(folder) == []
    template = Template.load(folder)
    assert (template.source, list(template.fields)) == ("template.toml", ["points", "number"])


def test_the_example_has_nothing_to_complain_of() -> None:
    assert findings(MEMBERSHIP) == []


SEEDED = """\
kind = "loyalty"
id = "has blank"
organisation = "Club"
nane = "Club"
name = "Кофейный клуб"
description = 5
colours = { background = "red" }
images = { url = "http://cdn.example.com/" }

[fields]
points = { slot = "heder", label = "Points" }
since  = { slot = "back", label = "Since", type = "datetime", default = 2026-05-01T09:00:00 }
"имя"  = { slot = "back", label = "Имя" }
total  = { slot = "back", lable = "Сумма", type = "integer", default = 1.5 }

[nfc]
message = "{seriel}"

[[links]]
label = "Site"
url = "https://www.example.com"

[[links]]
label = "Shop"
url = "http://www.example.com/shop"
"""


def test_a_folder_with_a_dozen_mistakes_tells_them_all_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "template.toml", SEEDED)
    put(tmp_path, "images/logo.png", "GIF89a")
    put(tmp_path, "translations/de.toml", '"Site" = "Seite"\n\n"Shop.now" = 5\n')
    put(tmp_path, "translations/klingon.toml", "")

    with pytest.raises(TemplateRejected) as refused:
        Template.load(tmp_path)

    report = refused.value.report
    assert sorted(said(report)) == sorted(
        ("error", code, where)
        for code, where in (
            ("bad-value", "template.toml:2#/id"),
            ("unknown-key", "template.toml:4#/nane"),
            ("wrong-type", "template.toml:6#/description"),
            ("bad-value", "template.toml:7#/colours/background"),
            ("bad-url", "template.toml:8#/images/url"),
            ("unknown-value", "template.toml:11#/fields/points/slot"),
            ("wrong-value", "template.toml:12#/fields/since/default"),
            ("bad-field-key", "template.toml:13#/fields/имя"),
            ("unknown-key", "template.toml:14#/fields/total/lable"),
            ("wrong-value", "template.toml:14#/fields/total/default"),
            ("unknown-blank", "template.toml:17#/nfc/message"),
            ("bad-url", "template.toml:25#/links/1/url"),
            ("not-png", "images/logo.png"),
            ("wrong-type", "translations/de.toml:3#/Shop.now"),
            ("bad-name", "translations/klingon.toml"),
        )
    )
    hints = {finding.code: finding.hint for finding in report if "did you mean" in finding.hint}
    assert hints == {
        "unknown-key": "did you mean 'label'?",
        "unknown-value": "did you mean 'header'?",
        "unknown-blank": "did you mean 'serial'?",
    }
    assert str(report) in str(refused.value)


# Text of template.toml, code and place of what is said.
BROKEN = (
    ('kind = "loyalty"\nid = club\n', "bad-toml", "template.toml:2"),
    ('kind = "loyalty"\nkind = "loyalty"\n', "bad-toml", "template.toml:2"),
    ('kind = "loyalty\n', "bad-toml", "template.toml:1"),
    ("[fields\n", "bad-toml", "template.toml:1"),
    ("день = 1\n", "bad-toml", "template.toml:1"),
    ("a = [1,\n", "bad-toml", "template.toml"),
    ("a = 2026-13-45\n", "bad-toml", "template.toml:1"),
    (f"a = {'9' * 5000}\n", "bad-toml", "template.toml"),
    (f"a = {'[' * 20_000}\n", "too-deep", "template.toml"),
    ("x = 1\n" + "a." * 2000 + "a = 1\n", "too-deep", "template.toml:2"),
    (b"a = 1\nb = '\xff'\n", "not-utf8", "template.toml:2"),
    ("a = 1\n" * (MAX_TOML_BYTES // 6 + 1), "too-large", "template.toml"),
)


@pytest.mark.parametrize(
    ("text", "code", "where"), BROKEN, ids=[f"{n}-{row[1]}" for n, row in enumerate(BROKEN)]
)
def test_a_broken_file_is_refused_with_its_line(
    folder: Path, text: str | bytes, code: str, where: str
) -> None:
    put(folder, "template.toml", text)
    put(folder, "images/icon.png", "no picture")

    template, report = read(folder)

    assert template is None
    assert said(report) == [("error", code, where), ("error", "not-png", "images/icon.png")]
    put(folder, "template.toml", TOML)
    put(folder, "translations/de.toml", text)
    assert ("error", code, f"translations/{where.replace('template', 'de')}") in findings(folder)


def test_what_is_wrong_with_toml_is_said_in_words(folder: Path) -> None:
    put(folder, "template.toml", "a = 1\nb = \n")
    (finding,) = read(folder)[1]

    assert finding.message == "this is not TOML: Invalid value"
    assert finding.hint


def test_a_missing_folder_or_file_is_the_systems_own_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError):
            Template.load(path)


def test_a_byte_order_mark_of_an_editor_does_no_harm(folder: Path) -> None:
    put(folder, "template.toml", b"\xef\xbb\xbf" + TOML.replace("\n", "\r\n").encode())

    assert findings(folder) == []


def test_kinds_of_the_callers_own_are_loaded(folder: Path) -> None:
    put(folder, "template.toml", TOML.replace("loyalty", "badge"))
    badge = Kind(name="badge", style="generic", vertical="generic", google={})

    assert Template.load(folder, kinds={"badge": badge}).kind is badge
    assert [code for _, code, _ in findings(folder)] == ["unknown-kind"]


# --- lines ---------------------------------------------------------------------------------------

# A line of template.toml that is wrong, after it what is right, and where it is found.
LINES = (
    ('"id" = 5', "template.toml:1#/id"),
    ("'id' = 5", "template.toml:1#/id"),
    ("colours.backgroun = 1", "template.toml:1#/colours/backgroun"),
    ('colours . "te/xt" = 1', "template.toml:1#/colours/te~1xt"),
    ('colours."te\\u0078ts" = 1', "template.toml:1#/colours/texts"),
    ("[colours]\ntexts = 1", "template.toml:2#/colours/texts"),
    ("[ colours ] # comment\n  texts = 1", "template.toml:2#/colours/texts"),
    ("[fields.x]\nlable = 1", "template.toml:2#/fields/x/lable"),
    ('[fields."x"]\n\nlable = 1', "template.toml:3#/fields/x/lable"),
    (
        "[[links]]\nlabel = 'a'\nurl = 'https://a.example'\n[[links]]\nlabel = 'a'\nurl = 1",
        "template.toml:6#/links/1/url",
    ),
    (
        "[[links]]\nlabel = 'a'\nurl = 'https://a.example'\n[links.more]\nx = 1",
        "template.toml:4#/links/0/more",
    ),
    ("[google.class]\na = 1\n[google.clas]", "template.toml:3#/google/clas"),
    ('description = """\nid = 5\n[fields]\n"""\nlanguage = 5', "template.toml:5#/language"),
    ("description = '''one'''\nlanguage = 5", "template.toml:2#/language"),
    ("links = [\n  { label = 'a', url = 5 },\n]", "template.toml:1#/links/0/url"),
)


@pytest.mark.parametrize(("text", "where"), LINES)
def test_every_way_to_write_a_key_leads_to_its_line(folder: Path, text: str, where: str) -> None:
    put(folder, "template.toml", text)

    assert where in [finding.location for finding in read(folder)[1]]


def test_what_is_missing_altogether_is_missing_at_the_top(folder: Path) -> None:
    put(folder, "template.toml", TOML.replace('id = "club"\n', ""))

    assert findings(folder) == [("error", "missing-key", "template.toml:1")]


@pytest.mark.long
def test_lines_of_a_long_file_are_found_quickly(folder: Path) -> None:
    import time

    put(folder, "template.toml", "a" * 500_000 + " " * 300_000 + "\n")
    start = time.process_time()
    assert findings(folder)[0][1] == "bad-toml"
    put(
        folder,
        "template.toml",
        f"name = '{'a-' * 200_000}'\n" + "".join(f'"k{n}" = 1\n' for n in range(20_000)),
    )
    findings(folder)
    assert time.process_time() - start < 5


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_taken_by_name_and_language(folder: Path) -> None:
    for name in ("icon.png", "logo@2x.png", "de/hero.png", "zh-Hans/strip@3x.png"):
        put(folder, f"images/{name}", png(2, 2))
    template, report = read(folder)

    assert template is not None
    assert sorted(template.images.files) == ["de/hero.png", "icon.png", "logo@2x.png", "zh-Hans/strip@3x.png"]
    assert said(report) == [
        ("warning", "unused-picture", "images/de/hero.png"),
        ("warning", "unused-picture", "images/zh-Hans/strip@3x.png"),
    ]


@pytest.mark.parametrize(
    ("name", "severity", "code", "hint"),
    [
        ("ikon.png", "warning", "unknown-picture", "did you mean 'icon'?"),
        ("holiday.png", "warning", "unknown-picture", ""),
        ("icon.jpg", "warning", "unknown-picture", "pictures are PNG"),
        (".DS_Store", "warning", "left-over-file", "delete it"),
        ("Thumbs.db", "warning", "left-over-file", "delete it"),
        ("__MACOSX/icon.png", "warning", "left-over-file", "delete it"),
        ("._icon.png", "warning", "left-over-file", "delete it"),
        ("german!/icon.png", "error", "bad-name", "folders here are named after languages: de, en-GB"),
        ("de/more/icon.png", "error", "bad-name", "folders here are named after languages: de, en-GB"),
    ],
)
def test_a_file_that_is_no_picture_of_a_pass_is_named(
    folder: Path, name: str, severity: str, code: str, hint: str
) -> None:
    put(folder, f"images/{name}", png(1, 1))
    found = [finding for finding in read(folder)[1] if finding.code == code]

    assert found
    assert found[0].severity.value == severity
    assert hint in found[0].hint


def test_a_folder_may_lie_below_one_that_looks_like_a_left_over(tmp_path: Path) -> None:
    shutil.copytree(MEMBERSHIP, tmp_path / "__MACOSX" / "club")

    assert Template.load(tmp_path / "__MACOSX" / "club").images.files


@pytest.mark.parametrize("part", ["images/icon.png", "translations/de.toml"])
def test_links_folders_and_devices_are_not_followed(folder: Path, part: str) -> None:
    path = folder / part
    path.parent.mkdir()
    path.symlink_to("/etc/passwd")
    assert findings(folder) == [("error", "not-a-regular-file", part)]
    path.unlink()
    os.mkfifo(path)
    assert findings(folder) == [("error", "not-a-regular-file", part)]
    path.unlink()
    path.symlink_to(folder)
    assert findings(folder) == [("error", "not-a-regular-file", part)]


def test_the_definition_itself_may_be_a_link(folder: Path) -> None:
    """Configuration is mounted that way; a device it is never."""
    (folder / "template.toml").rename(folder / "real")
    (folder / "template.toml").symlink_to("real")
    assert findings(folder) == []
    (folder / "template.toml").unlink()
    (folder / "template.toml").mkdir()
    assert findings(folder) == [("error", "not-a-regular-file", "template.toml")]


def test_a_huge_picture_is_not_read(folder: Path) -> None:
    (folder / "images").mkdir()
    with (folder / "images" / "icon.png").open("wb") as file:
        file.truncate(2**40)

    assert findings(folder) == [("error", "too-large", "images/icon.png")]


# --- translations --------------------------------------------------------------------------------


def test_translations_are_taken_by_language(folder: Path) -> None:
    put(folder, "translations/de.toml", '"Points" = "Punkte"\nClub = "Klub"\n"A card" = "Eine \\"Karte\\""\n')
    template, report = read(folder)

    assert template is not None
    assert template.translations == {"de": {"Points": "Punkte", "Club": "Klub", "A card": 'Eine "Karte"'}}
    assert said(report) == []


def test_translations_of_unknown_texts_are_found_with_their_line(folder: Path) -> None:
    put(
        folder,
        "translations/de.toml",
        '# all\n"Points" = "Punkte"\n"Clubb" = "Klub"\n\n"a/b \\"c\\"" = "x"\n',
    )
    report = read(folder)[1]

    assert said(report) == [
        ("warning", "missing-translation", "translations/de.toml:1"),
        ("warning", "missing-translation", "translations/de.toml:1"),
        ("warning", "unused-translation", "translations/de.toml:3#/Clubb"),
        ("warning", "unused-translation", 'translations/de.toml:5#/a~1b "c"'),
    ]
    assert report.findings[2].hint == "did you mean 'Club'?"
    assert Template.load(folder).translations["de"]["Clubb"] == "Klub", "warnings stop nobody"


def test_a_text_with_a_dot_needs_quotes(folder: Path) -> None:
    put(folder, "translations/de.toml", 'Example.com = "x"\n')
    (finding,) = read(folder)[1].errors

    assert finding.location == "translations/de.toml:1#/Example"
    assert finding.hint == "put the whole text in quotes when it holds a dot"


@pytest.mark.parametrize(
    ("name", "code"),
    [("de.tml", "unknown-file"), ("README", "unknown-file"), (".DS_Store", "left-over-file")],
)
def test_what_is_no_translation_is_left_alone(folder: Path, name: str, code: str) -> None:
    put(folder, f"translations/{name}", "anything")

    assert findings(folder) == [("warning", code, f"translations/{name}")]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("image", "images"), ("translation", "translations"), ("Template.toml", "template.toml")],
)
def test_a_misspelt_part_of_the_folder_is_noticed(folder: Path, name: str, meant: str) -> None:
    (folder / name).mkdir()
    (folder / "README.md").write_text("mine")
    (finding,) = read(folder)[1]

    assert (finding.code, finding.location, finding.hint) == (
        "unknown-file",
        name,
        f"did you mean {meant!r}?",
    )


@pytest.mark.parametrize("text", ["Кофейный клуб", "نادي القهوة", "☕👩‍👩‍👧", "a\u202eb"])
def test_folders_are_written_in_any_script(folder: Path, text: str) -> None:
    put(folder, "template.toml", TOML.replace('"Club"', f'"{text}"').replace('"Points"', f'"{text}"'))
    put(folder, "translations/ar.toml", f'"{text}" = "{text}"\n"A card" = "{text}"\n')
    template, report = read(folder)

    assert template is not None
    assert (template.name, template.fields["points"].label, template.translations["ar"][text]) == (
        text,
        text,
        text,
    )
    assert said(report) == []


@pytest.mark.parametrize("fields", [0, 300])
def test_no_fields_and_hundreds_of_fields_are_refused(folder: Path, fields: int) -> None:
    text = (
        TOML.partition("[fields]")[0]
        + "[fields]\n"
        + "".join(f'f{n} = {{ label = "x" }}\n' for n in range(fields))
    )
    put(folder, "template.toml", text)

    assert findings(folder) == [
        ("error", "too-many-fields" if fields else "no-fields", "template.toml:8#/fields")
    ]


def test_jsn_10_ten_thousand_mistakes_make_a_short_report(folder: Path) -> None:
    put(folder, "template.toml", TOML + "".join(f'x{n} = {{ lable = "x" }}\n' for n in range(90)))
    report: Any = read(folder)[1]

    assert len(report) == 51
    assert "40 more" in report.findings[-1].message


FAULTS: list[dict[str, str | bytes]] = [
    {},
    {"template.toml": "kind = "},
    {"template.toml": b"\xff"},
    {"template.toml": "x" * (MAX_TOML_BYTES + 1)},
    {"tmplate.toml": "", "image/icon.png": png(10, 10)},
    {"images/icon.png": png(29, 29), "images/.DS_Store": "", "images/logo.gif": "", "images/lgoo.png": ""},
    {"images/de/hero.png": png(10, 10), "images/german/hero.png": png(10, 10), "images/de/x/hero.png": ""},
    {"images/icon.png": b"no picture"},
    {
        "translations/de.toml": '"A card" = "Eine Karte"\n',
        "translations/de.txt": "",
        "translations/._de.toml": "",
    },
    {"translations/german.toml": "", "translations/fr.toml": "a.b = 1", "translations/x/de.toml": ""},
    {"__MACOSX/images/icon.png": "", "notes.txt": "mine"},
]


@pytest.mark.parametrize("put_there", FAULTS, ids=lambda files: " ".join(files)[:40])
def test_files_in_memory_are_read_like_those_of_a_folder(
    folder: Path, put_there: dict[str, str | bytes]
) -> None:
    for name, content in put_there.items():
        put(folder, name, content)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    template, report = read_files(files)
    other, expected = read(folder)
    assert report == expected
    assert (template is None) is (other is None)


def test_files_without_a_definition_are_no_template() -> None:
    template, report = read_files({"images/icon.png": png(29, 29)})
    assert template is None
    assert said(report) == [("error", "missing-file", "template.toml")]
    with pytest.raises(TemplateRejected, match=r"no template\.toml"):
        from_files({})


def test_a_template_becomes_files_and_comes_back() -> None:
    template = Template.load(MEMBERSHIP)
    files = to_files(template)
    again = from_files(files)
    assert to_files(again) == files
    assert list(files)[-1] == "template.toml"
    assert template_document(again) == template_document(template)
    assert (again.images, again.translations) == (template.images, template.translations)


def test_a_picture_in_memory_may_be_as_large_as_one_in_a_folder() -> None:
    _, report = read_files({"template.toml": TOML.encode(), "images/icon.png": bytes(MAX_PICTURE_BYTES + 1)})
    assert ("error", "too-large", "images/icon.png") in said(report)
