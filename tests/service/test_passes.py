"""Passes are created, shown, listed, updated and ended; what is refused is refused whole."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from passwright import apple
from passwright.binding.lifecycle import EventKind
from passwright.errors import BindingInvalid, PassRejected, ServiceRefused, TemplateRejected
from passwright.model.parts import Location
from passwright.service import passes, release, templates
from passwright.service.rendering import (
    BarcodeOptions,
    NfcOptions,
    PassContent,
    _without_member,
    has_barcode,
    render_pass,
    without_barcode,
)
from passwright.service.store.protocol import Organisation, Page, PassFilter, PassStatus
from tests.images.test_png import IEND, header, idat, picture
from tests.service_context import (
    AT,
    EXAMPLE,
    HELP,
    apple_builder,
    binding_of,
    bound_pass,
    desk_of,
    edited,
    google_builder,
    membership,
    new_pass,
    opened,
    refused,
    template_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredTemplate

ORG = "org-1"
BINDING = {"email": "jane@gmail.com", "learnMoreUrl": HELP}
TOML = template_files()["template.toml"]
# Sound to the last chunk, and its line is written by a filter that there is none of (PNG, section 9.2).
WITHOUT_PIXELS = picture(header(), idat(b"\x09" + bytes(4)), IEND)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceContext]:
    with opened(tmp_path_factory.mktemp("store") / "passes.db") as context:
        with context.store.writing() as transaction:
            transaction.put_organisation(Organisation(id="org-2", name="Another"))
            transaction.put_organisation(Organisation(id="org-3", name="Unbound", binding=False))
        yield context


@pytest.fixture(scope="module")
def template(context: ServiceContext) -> StoredTemplate:
    return membership(context)


# --- created ------------------------------------------------------------------


def test_a_pass_is_created_shown_and_found_by_three_names(
    context: ServiceContext, template: StoredTemplate
) -> None:
    made = bound_pass(context, template, ext_id="M-0001")
    token = made.download_url.removeprefix("https://passes.example.com/p/")
    assert passes.find(context, ORG, made.pass_.id) == made
    assert passes.find(context, ORG, "M-0001") == made
    assert passes.find_by_link(context, token) == replace(made, facts=None)
    assert binding_of(made) == {
        "platform": None,
        "bound": False,
        "bindingEmail": "j***@gmail.com",
        "learnMoreUrl": HELP,
    }
    assert made.pass_.status is PassStatus.ISSUED
    assert token not in repr(made)


def test_a_pass_without_a_binding_has_none(context: ServiceContext, template: StoredTemplate) -> None:
    made = new_pass(context, template)
    assert binding_of(made) is None
    file = release.unbound_pass_file(context, ORG, made.pass_.id, at=AT)
    assert file.name == f"{made.pass_.serial}.pkpass"
    verdict = apple.verify(file.data, trust=apple.Trust.of((EXAMPLE / "root.pem").read_bytes()), at=AT)
    assert verdict.ok, str(verdict.report)
    assert release.google_save_link(context, ORG, made.pass_.id, at=AT).url.startswith(
        "https://pay.google.com/"
    )
    with refused("pass_unbound"):
        release.apple_begin(context, ORG, made.pass_.id, at=AT)


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        (None, {"/binding"}),
        ({}, {"/binding"}),
        ([], {"/binding"}),
        ("jane@gmail.com", {"/binding"}),
        ({"email": "jane@gmail.com"}, {"/binding/learnMoreUrl"}),
        ({"learnMoreUrl": HELP}, {"/binding/email"}),
        ({**BINDING, "email": "jane"}, {"/binding/email"}),
        ({**BINDING, "learnMoreUrl": "http://a.example"}, {"/binding/learnMoreUrl"}),
        ({**BINDING, "more": 1}, {"/binding"}),
    ],
)
def test_a_binding_that_breaks_its_rules_is_refused_with_pointers(
    context: ServiceContext, template: StoredTemplate, members: object, pointers: set[str]
) -> None:
    with pytest.raises(BindingInvalid) as caught:
        new_pass(context, template, binding=members)
    assert caught.value.pointers.keys() == pointers
    assert "jane" not in str(caught.value)


def test_an_organisation_without_the_feature_binds_nothing(context: ServiceContext) -> None:
    kept = membership(context, "org-3")
    with refused("binding_disabled"):
        bound_pass(context, kept)
    assert binding_of(new_pass(context, kept)) is None


CODES: Mapping[str, tuple[BarcodeOptions | None, bool]] = {
    "switched on": (BarcodeOptions(enabled=True), True),
    "an object without a switch": (BarcodeOptions(), True),
    "a type alone": (BarcodeOptions(type="aztec"), True),
    "a source": (BarcodeOptions(source="uuid"), True),
    "a value": (BarcodeOptions(source="custom", value="4711"), True),
    "an alternative text alone": (BarcodeOptions(text="4711"), True),
    "switched off": (BarcodeOptions(enabled=False), False),
    "switched off with a value": (
        BarcodeOptions(enabled=False, source="custom", value="4711", text="x"),
        False,
    ),
    "nothing": (None, False),
}


@pytest.mark.parametrize("asked", CODES)
def test_bnd_10_a_binding_with_anything_that_shows_a_code_is_refused(
    context: ServiceContext, template: StoredTemplate, asked: str
) -> None:
    code, shows = CODES[asked]
    content = PassContent(values={"fullName": "Jane Smith"}, barcode=code)
    before = passes.list_passes(context, ORG, PassFilter(), Page())[1]
    if shows:
        with refused("binding_barcode_conflict"):
            bound_pass(context, template, content=content)
    else:
        bound_pass(context, template, content=content)
    assert passes.list_passes(context, ORG, PassFilter(), Page())[1] == before + (not shows)
    unbound = new_pass(context, template, content=content)
    built = apple_pass(context, unbound)
    assert ("barcodes" in built) is shows


APPLE_CODE = b'{ format = "PKBarcodeFormatQR", message = "1", messageEncoding = "iso-8859-1" }'
TOTP = b'{ key = "00112233445566778899aabbccddeeff00112233", valueLength = 6 }'
IN_TEMPLATES = {
    "[barcode]": b'\n[barcode]\nmessage = "{serial}"\n',
    "an override of pass.json": b"\n[apple]\nbarcode = " + APPLE_CODE,
    "overrides of pass.json": b"\n[apple]\nbarcodes = [" + APPLE_CODE + b"]",
    "an override of Google's object": b'\n[google.object]\nbarcode = { type = "QR_CODE", value = "1" }\n',
    "a rotating code": b"""
[google.object.rotatingBarcode]
type = "QR_CODE"
valuePattern = "{totp_value_0}"
totpDetails = { periodMillis = "3000", algorithm = "TOTP_SHA1", parameters = [%s] }
"""
    % TOTP,
}


@pytest.mark.parametrize("where", IN_TEMPLATES)
def test_bnd_10_a_code_of_the_template_counts_unless_it_is_switched_off(
    context: ServiceContext, where: str
) -> None:
    kept = membership(context)
    edited(context, kept, TOML + IN_TEMPLATES[where])
    with refused("binding_barcode_conflict"):
        bound_pass(context, kept)
    off = PassContent(values={"fullName": "Jane Smith"}, barcode=BarcodeOptions(enabled=False))
    if where == "[barcode]":
        assert binding_of(bound_pass(context, kept, content=off))
    else:  # an override is merged last, whatever the pass says
        with refused("binding_barcode_conflict"):
            bound_pass(context, kept, content=off)


@pytest.mark.parametrize("where", IN_TEMPLATES)
def test_bnd_12_a_code_that_comes_through_the_template_reaches_no_bound_pass(
    context: ServiceContext, where: str
) -> None:
    """The template is edited after the passes were issued; whatever shows a code is left out of them."""
    kept = membership(context)
    google, pending = bound_pass(context, kept), bound_pass(context, kept)
    edited(context, kept, TOML + IN_TEMPLATES[where])
    link = release.google_save_link(context, ORG, google.pass_.id, at=AT)
    assert "arcode" not in json.dumps(claims_of(link.url))
    built = apple_pass(context, pending)
    assert not {"barcode", "barcodes"} & built.keys()
    drawn = passes.renderable_pass(context, passes.find(context, ORG, google.pass_.id))
    assert not has_barcode(drawn)
    passes.update(context, ORG, google.pass_.id, passes.PassChanges(values={"tier": "Gold"}), at=AT)


def test_bnd_12_the_builders_still_refuse_what_no_call_left_out(context: ServiceContext) -> None:
    """Leaving out is one named call; without it a code on a bound pass is an error, as everywhere."""
    kept = membership(context)
    card = bound_pass(context, kept)
    edited(context, kept, TOML + IN_TEMPLATES["[barcode]"])
    with context.store.reading() as transaction:
        now = transaction.template(ORG, kept.id)
    assert now is not None
    from passwright.binding import Binding

    rendered = render_pass(card.pass_, now).replace(binding=Binding(None, HELP))
    assert not apple_builder().report(rendered).ok
    assert apple_builder().report(without_barcode(rendered)).ok


def claims_of(url: str) -> dict[str, Any]:
    from base64 import urlsafe_b64decode

    body = url.rpartition("/")[2].split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=="))
    return found


def apple_pass(context: ServiceContext, card: passes.PassView) -> dict[str, Any]:
    """The pass.json that a holder gets, by whatever way there is."""
    name, at = card.pass_.id, AT
    if card.binding is None:
        file = release.unbound_pass_file(context, card.pass_.organisation, name, at=at)
    else:
        attempt = release.apple_begin(context, ORG, name, at=at)
        ticket = release.apple_complete(context, ORG, name, attempt.id, {"ok": True}, at=at)
        file = release.redeem_ticket(context, ticket.token, at=at)
    files = apple.read(file.data).files
    found: dict[str, Any] = json.loads(files["pass.json"])
    return found


def test_what_a_bound_pass_demands_of_apple(context: ServiceContext, template: StoredTemplate) -> None:
    built = apple_pass(context, bound_pass(context, template))
    assert built["sharingProhibited"] is True
    assert built["nfc"]["requiresAuthentication"] is True
    assert any(HELP in str(each) for each in built["storeCard"]["backFields"])


def test_values_come_as_text_and_leave_as_what_their_field_is(
    context: ServiceContext, template: StoredTemplate
) -> None:
    content = PassContent(
        values={"fullName": "Jane Smith", "points": "120", "since": "2024-05-01"},
        message="The bar is open till ten",
        nfc=NfcOptions(source="custom", value="TAP-1"),
        locations=(Location(latitude=1.5, longitude=2.5, text="Here"),),
        expires=AT + timedelta(days=365),
    )
    built = apple_pass(context, new_pass(context, template, content=content))
    assert built["storeCard"]["headerFields"][0]["value"] == 120
    assert built["nfc"]["message"] == "TAP-1"
    assert built["locations"] == [{"latitude": 1.5, "longitude": 2.5, "relevantText": "Here"}]
    assert built["expirationDate"].startswith("2027-06-01T12:00:00")
    assert {
        "key": "message",
        "label": "Message",
        "value": "The bar is open till ten",
        "changeMessage": "%@",
    }.items() <= next(each for each in built["storeCard"]["backFields"] if each["key"] == "message").items()


@pytest.mark.parametrize(("source", "shown"), [("uuid", "id"), ("extId", "ext_id")])
def test_codes_and_taps_say_what_their_source_is(
    context: ServiceContext, template: StoredTemplate, source: Any, shown: str
) -> None:
    content = PassContent(
        values={"fullName": "Jane"},
        nfc=NfcOptions(source=source),
        barcode=BarcodeOptions(source=source, type="pdf417", text="T"),
    )
    card = new_pass(context, template, content=content, ext_id=f"E-{source}")
    built = apple_pass(context, card)
    assert built["nfc"]["message"] == getattr(card.pass_, shown)
    assert built["barcodes"][0]["message"] == getattr(card.pass_, shown)
    assert built["barcodes"][0]["format"] == "PKBarcodeFormatPDF417"
    assert built["barcodes"][0]["altText"] == "T"


@pytest.mark.parametrize(
    ("content", "error", "where"),
    [
        (PassContent(values={"fullName": "J", "points": "many"}), ServiceRefused, "/pass/values/points"),
        (PassContent(values={"fullName": "J", "since": "yesterday"}), ServiceRefused, "/pass/values/since"),
        (PassContent(values={}), PassRejected, "pass#/values/fullName"),
        (PassContent(values={"fullName": "J", "nothing": "x"}), PassRejected, "pass#/values/nothing"),
        (PassContent(values={"fullName": "J\x00"}), PassRejected, "pass#/values/fullName"),
        (PassContent(values={"fullName": ["J"]}), PassRejected, "pass#/values/fullName"),
    ],
)
def test_a_pass_that_no_wallet_could_be_given_is_not_created(
    context: ServiceContext,
    template: StoredTemplate,
    content: PassContent,
    error: type[Exception],
    where: str,
) -> None:
    with pytest.raises(error) as caught:
        new_pass(context, template, content=content)
    found: Any = caught.value
    places = found.pointers if error is ServiceRefused else {each.location for each in found.report.errors}
    assert where in places


@pytest.mark.parametrize(
    "ext_id", ["", " ", "a b", "jane@gmail.com", "a/b", "..", "-x", "x" * 65, "a+b", "é", "a\n", "\ud800"]
)
def test_an_external_id_stands_in_urls_and_holds_no_address(
    context: ServiceContext, template: StoredTemplate, ext_id: str
) -> None:
    with refused("pass_invalid"):
        new_pass(context, template, ext_id=ext_id)
    with refused("pass_not_found"):
        passes.find(context, ORG, ext_id)


def test_an_external_id_is_one_pass_until_that_ends(
    context: ServiceContext, template: StoredTemplate
) -> None:
    first = new_pass(context, template, ext_id="X-1")
    with refused("ext_id_taken"):
        new_pass(context, template, ext_id="X-1")
    new_pass(context, membership(context, "org-2"), ext_id="X-1")
    passes.nullify(context, ORG, "X-1", at=AT)
    assert passes.find(context, ORG, "X-1").pass_.id == first.pass_.id
    second = new_pass(context, template, ext_id="X-1")
    assert passes.find(context, ORG, "X-1").pass_.id == second.pass_.id


def test_a_template_of_nobody_or_of_others_is_not_found(
    context: ServiceContext, template: StoredTemplate
) -> None:
    for organisation, name in ((ORG, "nothing"), (ORG, "\ud800"), ("org-2", template.id)):
        with refused("template_not_found"):
            passes.create(context, organisation, passes.PassRequest(template=name), at=AT)
        with refused("template_not_found"):
            templates.find_template(context, organisation, name)


# --- answered once ------------------------------------------------------------


def once(key: bytes = b"k" * 32, fingerprint: bytes = b"f" * 32) -> passes.IdempotencyKey:
    return passes.IdempotencyKey(
        key_hash=key, fingerprint=fingerprint, render=lambda made: {"id": made.pass_.id}
    )


def test_bnd_14_a_key_that_is_used_again_for_another_address_is_refused(
    context: ServiceContext, template: StoredTemplate
) -> None:
    wish = passes.PassRequest(
        template=template.id, content=PassContent(values={"fullName": "Jane"}), binding=BINDING
    )
    first = passes.create(context, ORG, wish, at=AT, once=once())
    assert isinstance(first, passes.PassView)
    other = replace(wish, binding={**BINDING, "email": "mallory@gmail.com"})
    with refused("idempotency_key_reused"):
        passes.create(context, ORG, other, at=AT, once=once(fingerprint=b"g" * 32))
    assert passes.find(context, ORG, first.pass_.id) == first


def test_api_03_a_repeated_request_is_answered_as_it_was_and_carried_out_once(
    context: ServiceContext, template: StoredTemplate
) -> None:
    key = b"r" * 32
    wish = passes.PassRequest(
        template=template.id, content=PassContent(values={"fullName": "Jane"}), binding=BINDING
    )
    first = passes.create(context, ORG, wish, at=AT, once=once(key))
    assert isinstance(first, passes.PassView)
    body = {"id": first.pass_.id}
    assert passes.create(context, ORG, wish, at=AT, once=once(key)) == passes.ReplayedResponse(
        body, "j***@gmail.com"
    )
    release.apple_begin(context, ORG, first.pass_.id, at=AT)
    assert passes.create(context, ORG, wish, at=AT, once=once(key)) == passes.ReplayedResponse(body, None), (
        "purged meanwhile"
    )
    late = passes.create(context, ORG, wish, at=AT + timedelta(hours=24, seconds=1), once=once(key))
    assert isinstance(late, passes.PassView), "a key is good for 24 hours"
    elsewhere = passes.PassRequest(template=membership(context, "org-2").id, content=wish.content)
    assert isinstance(passes.create(context, "org-2", elsewhere, at=AT, once=once(key)), passes.PassView)


def test_api_03_updates_and_ends_are_carried_out_once_too(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    change = passes.PassChanges(values={"tier": "Gold"})
    updated = passes.update(context, ORG, name, change, at=AT, once=once(b"u" * 32))
    assert isinstance(updated, passes.PassView)
    assert updated.pass_.version == 2
    assert isinstance(
        passes.update(context, ORG, name, change, at=AT, once=once(b"u" * 32)), passes.ReplayedResponse
    )
    assert isinstance(passes.nullify(context, ORG, name, at=AT, once=once(b"n" * 32)), passes.PassView)
    assert isinstance(
        passes.nullify(context, ORG, name, at=AT, once=once(b"n" * 32)), passes.ReplayedResponse
    )
    assert passes.find(context, ORG, name).pass_.version == 3


def test_eml_11_an_answer_that_would_keep_the_mask_is_not_kept(
    context: ServiceContext, template: StoredTemplate
) -> None:
    wish = passes.PassRequest(
        template=template.id, content=PassContent(values={"fullName": "Jane"}), binding=BINDING
    )
    careless = replace(once(b"c" * 32), render=lambda made: {"binding": binding_of(made)})
    with pytest.raises(ValueError, match="without the masked address"):
        passes.create(context, ORG, wish, at=AT, once=careless)


# --- updated ------------------------------------------------------------------

ADDRESS = "somebody.else@gmail.com"


@pytest.mark.parametrize(
    "members",
    [
        None,
        {},
        BINDING,
        {"email": ADDRESS},
        {"learnMoreUrl": "https://other.example/"},
        {"email": None},
        {"platform": None},
        {"bound": True},
        [],
        "unbind",
        False,
    ],
)
def test_bnd_13_any_binding_in_an_update_is_refused_and_nothing_of_it_applied(
    context: ServiceContext, template: StoredTemplate, members: object
) -> None:
    for card in (bound_pass(context, template), new_pass(context, template)):
        change = passes.PassChanges(values={"tier": "Gold"}, binding=members)
        with refused("binding_immutable"):
            passes.update(context, ORG, card.pass_.id, change, at=AT)
        assert passes.find(context, ORG, card.pass_.id) == card


@pytest.mark.parametrize("asked", [name for name, (code, shows) in CODES.items() if code and shows])
def test_bnd_11_an_update_that_adds_a_code_to_a_bound_pass_is_refused(
    context: ServiceContext, template: StoredTemplate, asked: str
) -> None:
    cards = [bound_pass(context, template) for _ in range(3)]
    release.google_save_link(context, ORG, cards[0].pass_.id, at=AT)
    release.apple_begin(context, ORG, cards[1].pass_.id, at=AT)
    for card in cards:
        before = passes.find(context, ORG, card.pass_.id)
        change = passes.PassChanges(values={"tier": "Gold"}, barcode=CODES[asked][0])
        with refused("binding_barcode_conflict"):
            passes.update(context, ORG, card.pass_.id, change, at=AT)
        assert passes.find(context, ORG, card.pass_.id) == before
        for harmless in (None, BarcodeOptions(enabled=False)):
            passes.update(context, ORG, card.pass_.id, passes.PassChanges(barcode=harmless), at=AT)


def test_an_update_merges_values_and_takes_away_what_is_null(
    context: ServiceContext, template: StoredTemplate
) -> None:
    content = PassContent(values={"fullName": "Jane", "tier": "Gold", "points": 3}, message="Hello")
    name = new_pass(context, template, content=content).pass_.id
    change = passes.PassChanges(
        values={"tier": None, "points": 4}, message=None, expires=AT + timedelta(days=1)
    )
    passes.update(context, ORG, name, change, at=AT + timedelta(hours=1))
    now = passes.find(context, ORG, name).pass_
    assert PassContent.from_json(now.content) == PassContent(
        values={"fullName": "Jane", "points": 4}, expires=AT + timedelta(days=1)
    )
    assert now.expires_at == AT + timedelta(days=1)
    assert now.changed_at == AT + timedelta(hours=1)


def test_api_08_an_update_of_an_older_version_is_refused(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = new_pass(context, template).pass_.id
    passes.update(context, ORG, name, passes.PassChanges(values={"tier": "Gold"}, version=1), at=AT)
    with refused("pass_changed"):
        passes.update(context, ORG, name, passes.PassChanges(values={"tier": "Tin"}, version=1), at=AT)
    passes.update(context, ORG, name, passes.PassChanges(values={"tier": "Tin"}, version=2), at=AT)


def test_an_update_may_not_leave_a_pass_that_its_platform_refuses(
    context: ServiceContext, template: StoredTemplate
) -> None:
    name = bound_pass(context, template).pass_.id
    release.apple_begin(context, ORG, name, at=AT)
    with pytest.raises(PassRejected, match="nfc"):
        passes.update(context, ORG, name, passes.PassChanges(nfc=NfcOptions(enabled=False)), at=AT)


# --- ended --------------------------------------------------------------------


@pytest.mark.parametrize("state", ["nullified", "expired", "deactivated"])
def test_bnd_15_a_pass_that_ended_is_handed_out_on_no_platform_and_locked_by_nobody(
    context: ServiceContext, template: StoredTemplate, state: str
) -> None:
    code, at = f"pass_{state}", AT + timedelta(days=1)
    cards = {name: bound_pass(context, template).pass_.id for name in ("new", "google", "apple")}
    release.google_save_link(context, ORG, cards["google"], at=AT)
    attempt = release.apple_begin(context, ORG, cards["apple"], at=AT)
    ticket = release.apple_complete(context, ORG, cards["apple"], attempt.id, {"ok": True}, at=AT)
    for name in cards.values():
        match state:
            case "nullified":
                passes.nullify(context, ORG, name, at=AT)
            case "expired":
                passes.update(context, ORG, name, passes.PassChanges(expires=at), at=AT)
            case _:
                passes.update(context, ORG, name, passes.PassChanges(status="deactivate"), at=AT)
    deeds: list[Callable[[str], object]] = [
        lambda name: release.google_save_link(context, ORG, name, at=at),
        lambda name: release.apple_begin(context, ORG, name, at=at),
        lambda name: release.apple_complete(context, ORG, name, attempt.id, {"ok": True}, at=at),
        lambda name: release.unbound_pass_file(context, ORG, name, at=at),
    ]
    for name in cards.values():
        before = passes.find(context, ORG, name)
        for deed in deeds:
            with refused(code):
                deed(name)
        assert passes.find(context, ORG, name) == before
    with refused("download_expired" if state == "expired" else code):
        release.redeem_ticket(context, ticket.token, at=at if state == "expired" else AT)
    if state == "deactivated":
        for name in cards.values():
            passes.update(context, ORG, name, passes.PassChanges(status="reactivate"), at=at)
        release.google_save_link(context, ORG, cards["new"], at=at)


def test_nullifying_erases_and_is_as_good_twice(context: ServiceContext, template: StoredTemplate) -> None:
    card = bound_pass(context, template)
    attempt = release.apple_begin(context, ORG, card.pass_.id, at=AT)
    release.apple_complete(context, ORG, card.pass_.id, attempt.id, {"ok": True}, at=AT)
    first = passes.nullify(context, ORG, card.pass_.id, at=AT)
    assert passes.nullify(context, ORG, card.pass_.id, at=AT + timedelta(days=1)) == first
    with context.store.reading() as transaction:
        left = transaction.binding(card.pass_.id)
    assert left is not None
    assert (left.address, left.ceremony, left.credential, left.google_issued_at) == (None,) * 4
    assert (left.status.open_attempt, left.status.won_attempt, left.status.evidence) == (None,) * 3
    with refused("pass_nullified"):
        passes.update(context, ORG, card.pass_.id, passes.PassChanges(values={"tier": "Gold"}), at=AT)


# --- shown --------------------------------------------------------------------


def test_bnd_18_links_have_no_order_and_no_repeats_and_others_look_like_unknown_ones(
    context: ServiceContext, template: StoredTemplate
) -> None:
    cards = [new_pass(context, template) for _ in range(40)]
    tokens = [each.download_url.rpartition("/")[2] for each in cards]
    assert all(len(token) == 32 for token in tokens), "160 bits in base32"
    assert len({*tokens, *(each.pass_.id for each in cards), *(each.pass_.serial for each in cards)}) == 120
    assert tokens != sorted(tokens)
    stored = str([each.pass_ for each in cards]) + repr([each.pass_.link_hash for each in cards])
    assert not any(token in stored for token in tokens), "the store can't tell a link"
    said = set()
    for wrong in (
        "",
        "x",
        tokens[0].upper(),
        tokens[0][:-1],
        tokens[0] + "a",
        "\ud800",
        "a" * 10_000,
        cards[0].pass_.id,
    ):
        with pytest.raises(ServiceRefused) as caught:
            passes.find_by_link(context, wrong)
        said.add((caught.value.code, str(caught.value)))
    for organisation, name in (
        ("org-2", cards[0].pass_.id),
        (ORG, "never-was"),
        ("nobody", cards[0].pass_.id),
    ):
        with pytest.raises(ServiceRefused) as caught:
            passes.find(context, organisation, name)
        said.add((caught.value.code, str(caught.value)))
    assert said == {("pass_not_found", "there is no such pass")}


@pytest.mark.long
def test_bnd_18_a_million_links_never_repeat() -> None:
    from passwright.service.transitions import base32_id
    from passwright.service.vault import Purpose, Vault
    from tests.service_context import KEYS

    vault = Vault(KEYS)
    tokens = {base32_id(vault.hash(Purpose.LINK, ORG, str(number))[:20]) for number in range(1_000_000)}
    assert len(tokens) == 1_000_000


def test_bnd_20_lists_show_bindings_only_when_asked_and_never_across_organisations(
    context: ServiceContext,
) -> None:
    theirs = bound_pass(context, membership(context, "org-2"))
    foreign = PassFilter(template=theirs.pass_.template)
    assert passes.list_passes(context, ORG, foreign, Page(size=100)) == ([], 0)
    # A template of its own: other tests have passes in the same store.
    template = membership(context)
    ours = bound_pass(context, template)
    wanted = PassFilter(template=template.id)
    plain, _ = passes.list_passes(context, ORG, wanted, Page(size=100))
    assert all(binding_of(each) is None and each.mask is None for each in plain)
    asked, total = passes.list_passes(context, ORG, wanted, Page(size=100), bindings=True)
    assert ours.pass_.id in {each.pass_.id for each in asked}
    assert binding_of(next(each for each in asked if each.pass_.id == ours.pass_.id)) == binding_of(ours)
    assert total == len(plain)


def test_bnd_21_versions_keep_the_order_when_the_clock_moves(
    context: ServiceContext, template: StoredTemplate
) -> None:
    """Forwards, a day back, over a leap second and a change of daylight time."""
    name = bound_pass(context, template).pass_.id
    hours = [24, -24, 0, 1, -1, -48]
    for each in hours:
        attempt = release.apple_begin(context, ORG, name, at=AT + timedelta(hours=each))
    release.apple_complete(context, ORG, name, attempt.id, {"ok": True}, at=AT + timedelta(hours=-48))
    with context.store.reading() as transaction:
        events = transaction.events(name)
    assert [each.version for each in events] == list(range(1, len(hours) + 3))
    assert [each.kind for each in events][-1] == EventKind.COMPLETE_VALID.value
    assert [each.at for each in events] != sorted(each.at for each in events)


# --- templates ----------------------------------------------------------------


def test_templates_are_kept_cleaned_listed_and_changed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with opened(tmp_path_factory.mktemp("templates") / "passes.db") as context:
        first, report = templates.add(context, ORG, template_files(), at=AT)
        assert report.ok
        assert (first.name, first.kind, first.version) == ("Coffee Club", "loyalty", 1)
        renamed = {
            **template_files(),
            "template.toml": TOML.replace(b'name = "Coffee Club"', b'name = "Tea Club"'),
        }
        second, _ = templates.change(context, ORG, first.id, renamed, at=AT + timedelta(hours=1))
        assert (second.id, second.name, second.version) == (first.id, "Tea Club", 2)
        assert templates.find_template(context, ORG, first.id) == second
        listed, total = templates.list_templates(context, ORG, Page())
        assert [(each.name, each.archive) for each in listed] == [("Tea Club", b"")]
        assert total == 1
        again = templates.files_in(second.archive)
        assert templates.template_of(second).name == "Tea Club"
        assert again.keys() == template_files().keys()
        with refused("template_not_found"):
            templates.change(context, "org-2", first.id, renamed, at=AT)


def test_a_template_is_the_same_archive_each_time_without_what_pictures_carry() -> None:
    template, archive, _ = templates._clean_template(template_files())
    assert templates._clean_template(templates.files_in(archive))[1] == archive
    for name, data in template.images.files.items():
        assert template_files()[f"images/{name}"][:8] == data[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "missing-file"),
        ({"template.toml": b"kind = "}, "bad-toml"),
        ({"template.toml": TOML, "images/icon.png": b"GIF89a"}, "not-png"),
        ({"template.toml": TOML, "images/icon.png": WITHOUT_PIXELS}, "bad-image"),
        ({"template.toml": b"x" * (2**20 + 1)}, "too-large"),
        ({"template.toml": TOML, "images/de/x/icon.png": b""}, "bad-name"),
    ],
)
def test_a_template_with_mistakes_is_refused_with_all_of_them(
    context: ServiceContext, files: Mapping[str, bytes], code: str
) -> None:
    with pytest.raises(TemplateRejected) as caught:
        templates.add(context, ORG, files, at=AT)
    assert code in {each.code for each in caught.value.report}


def test_a_zipped_folder_may_have_its_folder_in_front(context: ServiceContext) -> None:
    import io
    import zipfile

    for front in ("", "coffee-club/"):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in template_files().items():
                archive.writestr(front + name, content)
            archive.writestr("__MACOSX/._template.toml", b"\0")
        assert templates.files_in(data.getvalue())["template.toml"] == TOML


@pytest.mark.parametrize("archive", [b"", b"PK", b"no archive at all"])
def test_what_is_no_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(TemplateRejected):
        templates.files_in(archive)


def test_a_service_without_a_side_says_so(context: ServiceContext, template: StoredTemplate) -> None:
    card = bound_pass(context, template)
    google = desk_of(context.store, apple=None, vault=context.vault)
    with refused("apple_off"):
        release.apple_begin(google, ORG, card.pass_.id, at=AT)
    with refused("apple_off"):
        release.unbound_pass_file(google, ORG, new_pass(context, template).pass_.id, at=AT)
    with refused("google_off"):
        release.google_save_link(
            desk_of(context.store, google=None, vault=context.vault), ORG, card.pass_.id, at=AT
        )
    assert google_builder() is google.google


def test_a_page_draws_what_the_wallets_show(context: ServiceContext, template: StoredTemplate) -> None:
    unbound = passes.renderable_pass(
        context,
        new_pass(context, template, content=PassContent(values={"fullName": "J"}, barcode=BarcodeOptions())),
    )
    assert "@barcode" in unbound.shape
    assert unbound.binding is None
    bound = passes.renderable_pass(context, bound_pass(context, template))
    assert bound.binding is not None
    assert bound.binding.email is None, "nobody needs the address to draw a card"


def test_a_picture_whose_pixels_are_broken_is_refused(context: ServiceContext) -> None:
    name = next(name for name in template_files() if name.startswith("images/"))
    data = bytearray(template_files()[name])
    start = data.index(b"IDAT") + 4
    data[start : start + 40] = bytes(40)
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    data[start + length : start + length + 4] = zlib.crc32(data[start - 4 : start + length]).to_bytes(
        4, "big"
    )
    with pytest.raises(TemplateRejected) as caught:
        templates.add(context, ORG, {**template_files(), name: bytes(data)}, at=AT)
    assert ("bad-image", name) in {(each.code, each.location) for each in caught.value.report.errors}


def test_a_code_is_left_out_wherever_a_newer_schema_may_hold_one() -> None:
    document = {"a": [{"b": 1, "c": 2}, {"b": 3}], "d": {"e": 4}}
    assert _without_member(document, ["a", "0", "b"]) == {"a": [{"c": 2}, {"b": 3}], "d": {"e": 4}}
    assert _without_member(document, ["d", "e"]) == {"a": [{"b": 1, "c": 2}, {"b": 3}], "d": {}}
    assert repr(passes.ABSENT) == "ABSENT"
