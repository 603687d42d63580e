"""A definition becomes the files of a pass: values in Apple's forms, strings, pictures at three scales."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pytest
from PIL import Image

from passwright import Barcode, Field, Template
from passwright.apple.build import pass_json
from passwright.apple.build.pictures import build_pictures, picture_facts
from passwright.apple.build.strings import build_strings
from passwright.documents.json_template import JsonTemplate
from passwright.model.kinds import KINDS
from passwright.model.parts import Colours, Images, Link
from tests.conftest import BINDING, png

if TYPE_CHECKING:
    from passwright.model.kinds import Kind
    from passwright.model.template import Pass
    from passwright.report import Finding


def document(card: Pass) -> dict[str, Any]:
    skeleton = pass_json.document(card.template, card.shape, pass_type="pass.a", team="TEAM")
    stencil = JsonTemplate(skeleton)
    return stencil.document(stencil.compute(card.resolved_values()))


def shown(template: Template, field: Field, value: Any = None) -> dict[str, Any]:
    """The one field of a pass."""
    card = replace(template, fields={"f": field}).issue("M-1", {} if value is None else {"f": value})
    style = document(card)["storeCard"]
    ((found,),) = style.values()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("field", "value", "members"),
    [
        ({}, "Jané", {"value": "Jané"}),
        ({"type": "integer"}, 7, {"value": 7}),
        ({"type": "number"}, 2.5, {"value": 2.5}),
        ({"type": "number"}, Decimal("1E+3"), {"value": 1000}),
        ({"type": "number"}, Decimal("0.10"), {"value": 0.1}),
        ({"type": "money", "currency": "EUR"}, Decimal("12.50"), {"value": 12.5, "currencyCode": "EUR"}),
        (
            {"type": "date"},
            date(2024, 5, 1),
            {
                "value": "2024-05-01T00:00:00Z",
                "dateStyle": "PKDateStyleMedium",
                "timeStyle": "PKDateStyleNone",
                "ignoresTimeZone": True,
            },
        ),
        (
            {"type": "datetime", "date": "full", "time": "none"},
            datetime(2024, 5, 1, 9, 30, 1, 5, tzinfo=timezone(timedelta(hours=2))),
            {
                "value": "2024-05-01T09:30:01+02:00",
                "dateStyle": "PKDateStyleFull",
                "timeStyle": "PKDateStyleNone",
            },
        ),
        ({"change": "Now %@"}, "x", {"value": "x", "changeMessage": "Now %@"}),
        ({"align": "centre"}, "x", {"value": "x", "textAlignment": "PKTextAlignmentCenter"}),
    ],
)
def test_every_type_has_apples_form(
    tiny: Template, field: dict[str, Any], value: Any, members: dict[str, Any]
) -> None:
    wanted = {"key": "f", "label": "L", **members}
    assert shown(tiny, Field(slot="header", label="L", **field), value) == wanted
    if field.get("change") is None:  # the same as a constant
        assert shown(tiny, Field(slot="header", label="L", value=value, **field)) == wanted


def test_times_without_a_style_are_short(tiny: Template) -> None:
    found = shown(tiny, Field(slot="header", type="datetime"), datetime(2024, 5, 1, tzinfo=UTC))
    assert (found["dateStyle"], found["timeStyle"]) == ("PKDateStyleMedium", "PKDateStyleShort")
    assert "label" not in found


@pytest.mark.parametrize("slot", ["primary", "back"])
def test_primary_and_back_fields_have_no_alignment(tiny: Template, slot: Any) -> None:
    assert "textAlignment" not in shown(tiny, Field(slot=slot, align="right", value="x"))


def test_a_field_without_a_slot_is_carried_as_meaning_only(tiny: Template) -> None:
    fields = {"worth": Field(type="money", currency="EUR", means="balance", default=Decimal("1E+3"))}
    made = document(replace(tiny, fields=fields).issue("M-1"))
    assert made["semantics"] == {"balance": {"amount": "1000", "currencyCode": "EUR"}}
    assert made["storeCard"] == {}


@pytest.mark.parametrize(
    ("amount", "text"),
    [(Decimal("12.50"), "12.50"), (12.5, "12.5"), (1e-7, "0.0000001"), (Decimal("1E+2"), "100"), (7, "7")],
)
def test_amounts_of_money_are_plain_decimals(tiny: Template, amount: Any, text: str) -> None:
    for given in ({"value": amount}, {"default": amount}):
        fields = {"worth": Field(type="money", currency="EUR", means="balance", **given)}
        made = document(replace(tiny, fields=fields).issue("M-1"))
        assert made["semantics"]["balance"]["amount"] == text


def test_colours_links_and_places_stand_where_apple_reads_them(tiny: Template) -> None:
    template = replace(
        tiny,
        colours=Colours(background="#3C414c", text="#ffffff", label="#000000"),
        links=(Link(label="Web", url='https://a.example.com/?a=1&b="2"'),),
    )
    made = document(template.issue("M-1"))
    assert made["backgroundColor"] == "rgb(60, 65, 76)"
    assert (made["foregroundColor"], made["labelColor"]) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    (link,) = made["storeCard"]["backFields"]
    assert link["value"] == 'https://a.example.com/?a=1&b="2"'
    assert link["attributedValue"].count('"') == 2
    assert "&amp;b=&quot;2&quot;" in link["attributedValue"]


@pytest.mark.parametrize(
    ("message", "charset"), [("M-1", "iso-8859-1"), ("Zoé", "iso-8859-1"), ("Žoë €", "utf-8")]
)
def test_a_code_names_a_charset_that_can_say_it(tiny: Template, message: str, charset: str) -> None:
    (code,) = document(tiny.issue("M-1", barcode=message))["barcodes"]
    assert code == {"format": "PKBarcodeFormatQR", "message": message, "messageEncoding": charset}
    assert code["message"].encode(charset)


@pytest.mark.parametrize("format_", ["qr", "pdf417", "aztec", "code128"])
def test_every_format_of_a_code_has_apples_name(tiny: Template, format_: str) -> None:
    template = replace(tiny, barcode=Barcode(format=format_))
    (code,) = document(template.issue("M-1"))["barcodes"]
    assert code["format"] in _codes()["format"].keywords["enum"]


def test_without_a_key_of_the_reader_there_is_no_nfc(tiny: Template) -> None:
    assert "nfc" in document(tiny.issue("M-1"))
    assert "nfc" not in document(tiny.issue("M-1", nfc=False))
    keyless = replace(tiny, nfc=replace(tiny.nfc, apple_key=None))  # type: ignore[type-var]  # it has NFC
    assert "nfc" not in document(keyless.issue("M-1"))


def _codes() -> Any:
    """What the table says of one entry of `barcodes`."""
    table = pass_json.pass_schema()
    return table.objects[table.objects["Pass"]["barcodes"].types[0]]


# --- strings ---


def lines(data: bytes) -> dict[str, str]:
    """What a reader of .strings sees: quoted pairs, in UTF-16 with a mark or in ASCII."""
    text = data.decode("utf-16") if data.startswith(b"\xff\xfe") else data.decode("ascii")
    made = {}
    for line in text.splitlines():
        assert line.startswith('"')
        assert line.endswith('";')
        key, value = line[1:-2].split('" = "')
        made[key] = value
    return made


def test_every_language_has_its_strings_and_the_templates_own_too(tiny: Template) -> None:
    """With de.lproj alone, Wallet would show German to everybody."""
    template = replace(
        tiny,
        language="en",
        fields={"p": Field(slot="header", label='Say "hi"\\\n', value="x")},
        translations={"de": {"Tiny": "Winzig", 'Say "hi"\\\n': "Grüß"}, "fr": {}},
    )
    files = build_strings(template, bound=True)
    assert files.keys() == {"en.lproj/pass.strings", "de.lproj/pass.strings", "fr.lproj/pass.strings"}
    german, english, french = (lines(files[f"{each}.lproj/pass.strings"]) for each in ("de", "en", "fr"))
    assert german == {
        "Tiny": "Winzig",
        'Say \\"hi\\"\\\\\\n': "Grüß",
        "About this pass": "Zu diesem Pass",
    }
    assert english["Tiny"] == "Tiny"
    assert english["About this pass"] == "About this pass"
    assert french == {"About this pass": "À propos de ce pass"}
    assert "About this pass" not in lines(build_strings(template, bound=False)["en.lproj/pass.strings"])
    assert build_strings(tiny, bound=True) == {}


def test_the_learn_more_link_is_labelled_in_the_language_of_the_template(tiny: Template) -> None:
    german = replace(tiny, language="de-AT")
    (link,) = document(german.issue("M-1", binding=BINDING))["storeCard"]["backFields"]
    assert link["label"] == "Zu diesem Pass"


# --- pictures ---


def kind(style: str) -> Kind:
    return replace(KINDS["loyalty"], style=style)


def pictures(template: Template, **files: bytes) -> tuple[dict[str, bytes], list[Finding]]:
    """`logo_2x` is logo@2x.png, `de__logo` is de/logo.png."""
    named = {
        name.replace("__", "/").replace("_2x", "@2x").replace("_3x", "@3x") + ".png": data
        for name, data in {"icon_3x": png(114, 114), **files}.items()
    }
    return build_pictures(replace(template, images=Images(files=named)))


def sizes(files: dict[str, bytes]) -> dict[str, tuple[int, int]]:
    return {name: struct.unpack(">II", data[16:24]) for name, data in files.items()}


def test_one_picture_is_made_into_three_scales(tiny: Template) -> None:
    files, findings = pictures(tiny, logo_3x=png(480, 150))
    assert sizes(files) == {
        "icon.png": (38, 38),
        "icon@2x.png": (76, 76),
        "icon@3x.png": (114, 114),
        "logo.png": (160, 50),
        "logo@2x.png": (320, 100),
        "logo@3x.png": (480, 150),
    }
    assert findings == []


def test_pictures_that_are_given_stay_as_they_are(tiny: Template) -> None:
    small = png(30, 30)
    files, findings = pictures(tiny, icon=small)
    assert files["icon.png"] == small
    assert findings == []


@pytest.mark.parametrize(
    ("style", "name", "size", "others"),
    [
        ("storeCard", "strip", (1125, 432), (750, 288)),
        ("storeCard", "strip", (1125, 369), (750, 246)),
        ("storeCard", "strip", (960, 369), (750, 288)),
        ("eventTicket", "strip", (1125, 294), (750, 196)),
        ("eventTicket", "background", (1029, 1509), (686, 1006)),
        ("eventTicket", "background", (540, 660), (360, 440)),
        ("generic", "thumbnail", (270, 270), (180, 180)),
        ("generic", "thumbnail", (405, 270), (270, 180)),
        ("storeCard", "icon", (87, 87), (76, 76)),
    ],
)
def test_sizes_of_earlier_guidance_are_right_and_give_scales_that_look_alike(
    tiny: Template, style: str, name: str, size: tuple[int, int], others: tuple[int, int]
) -> None:
    files, findings = pictures(replace(tiny, kind=kind(style)), **{f"{name}_3x": png(*size)})
    assert [each.code for each in findings] == []
    assert sizes(files)[f"{name}@3x.png"] == size
    assert sizes(files)[f"{name}@2x.png"] == others


def test_a_ratio_of_no_guidance_warns(tiny: Template) -> None:
    files, findings = pictures(tiny, strip_3x=png(600, 600))
    assert {(each.code, each.location) for each in findings} >= {("image-ratio", "images/strip@3x.png")}
    assert sizes(files)["strip@2x.png"] == (750, 288)


def test_an_old_strip_of_store_cards_is_no_strip_of_event_tickets(tiny: Template) -> None:
    ticket = replace(tiny, kind=kind("eventTicket"))
    _, findings = pictures(ticket, strip_3x=png(1125, 200))
    assert "image-ratio" in {each.code for each in findings}


@pytest.mark.parametrize("other", ["background", "thumbnail"])
def test_an_event_ticket_with_a_strip_draws_nothing_else(tiny: Template, other: str) -> None:
    both = {"strip_3x": png(1125, 294), f"{other}_3x": png(270, 270)}
    _, findings = pictures(replace(tiny, kind=kind("eventTicket")), **both)
    assert ("pictures-exclude", f"images/{other}.png") in {(each.code, each.location) for each in findings}
    alone = {f"{other}_3x": png(270, 270)}
    _, findings = pictures(replace(tiny, kind=kind("eventTicket")), **alone)
    assert "pictures-exclude" not in {each.code for each in findings}


def test_what_the_style_does_not_draw_is_left_out_with_a_note(tiny: Template) -> None:
    files, findings = pictures(tiny, thumbnail=png(90, 90), hero=png(10, 10), program__x=png(1, 1))
    assert {name.split("@")[0].removesuffix(".png") for name in files} == {"icon"}
    assert [(each.code, each.location, each.severity.value) for each in findings] == [
        ("unknown-picture", "images/program/x.png", "warning"),
        ("picture-not-drawn", "images/thumbnail.png", "note"),
    ]


def test_a_picture_of_some_language_stands_in_every_language_folder_and_nowhere_else(tiny: Template) -> None:
    template = replace(tiny, translations={"de": {}, "fr": {}})
    base, german = png(160, 50), png(160, 50, (1, 2, 3))
    files, findings = pictures(template, logo=base, de__logo=german)
    logos = {name for name in files if "logo" in name}
    assert logos == {
        f"{each}.lproj/logo{scale}.png" for each in ("de", "en", "fr") for scale in ("", "@2x", "@3x")
    }
    assert files["de.lproj/logo.png"] == german
    assert files["en.lproj/logo.png"] == files["fr.lproj/logo.png"] == base
    assert {each.location for each in findings if each.code == "image-upscaled"} >= {"images/de/logo@3x.png"}


def test_a_language_with_pictures_and_no_texts_keeps_its_pictures(tiny: Template) -> None:
    files, _ = pictures(tiny, logo=png(160, 50), it__logo=png(160, 50, (1, 2, 3)))
    assert {"it.lproj/logo.png", "en.lproj/logo.png"} <= files.keys()
    assert "logo.png" not in files


def test_a_picture_that_one_language_lacks_is_named(tiny: Template) -> None:
    template = replace(tiny, translations={"de": {}, "fr": {}})
    _, findings = pictures(template, de__logo=png(160, 50))
    missing = {(each.location, each.severity.value) for each in findings if each.code == "missing-picture"}
    assert missing == {("images/en/logo.png", "warning"), ("images/fr/logo.png", "warning")}
    only = replace(template, images=Images(files={"en/logo.png": png(160, 50), "icon.png": png(38, 38)}))
    _, findings = build_pictures(only)
    assert "missing-picture" not in {each.code for each in findings}  # the template's own language serves all


def test_a_broken_picture_of_a_language_is_named_with_its_folder(tiny: Template) -> None:
    _, findings = pictures(tiny, logo=png(160, 50), de__logo=b"GIF89a")
    assert {(each.code, each.location) for each in findings if each.severity.value == "error"} == {
        ("not-png", "images/de/logo.png")
    }


def test_a_picture_without_a_published_size_is_kept_in_its_own(tiny: Template) -> None:
    poster = replace(tiny, kind=kind("posterEventTicket"))
    files, findings = pictures(poster, venueMap_3x=png(300, 90))
    assert sizes(files)["venueMap.png"] == (100, 30)
    assert findings == []


def test_every_rule_about_pictures_speaks_of_pictures_there_are() -> None:
    facts = picture_facts()
    for rule in facts["excludes"]:
        assert {rule["image"], *rule["not_with"]} <= facts["images"].keys()


@pytest.mark.parametrize(("mode", "corner"), [("crop", (60, 65, 76, 255)), ("pad", (0, 0, 0, 0))])
def test_a_template_may_say_how_its_pictures_meet_a_slot(
    tiny: Template, mode: Literal["crop", "pad"], corner: tuple[int, ...]
) -> None:
    """A wide picture in the square icon: cropped to fill it, or with room above."""
    given = replace(tiny.images, files={"icon@3x.png": png(200, 100)}, mode=mode)
    files, _ = build_pictures(replace(tiny, images=given))
    with Image.open(io.BytesIO(files["icon@2x.png"])) as made:
        assert made.size == (76, 76)
        assert made.convert("RGBA").getpixel((0, 0)) == corner
