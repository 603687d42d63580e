"""A save link carries what it says, fits, names what is missing, and binds when the pass is bound."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Binding, Field, Template
from passwright.binding.email import mask
from passwright.documents.rule import Rule
from passwright.errors import LinkTooLong, PassRejected, SignerFailed
from passwright.examples.certificates import new_key
from passwright.google.builder import PassBuilder
from passwright.google.issuer import Issuer
from passwright.google.link import MAX_TOKEN, SAVE_URL, SaveLink
from passwright.google.reading.token import read
from passwright.report import error, warning
from passwright.signing import KeySigner
from tests.conftest import ACCOUNT, AT, BINDING, ISSUER_ID
from tests.keys import odd_key

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = {"fullName": "Jane Smith", "points": 120}
# Published by Google for example@example.com, and made by hand for the others.
HASHES = {
    "example@example.com": "31c5543c1734d25c7206f5fd591525d0295bec6fe84ff82f946a34fe970a1e66",
    "user@gmail.com": "02ee7bdc4ccf5c94808a0118eb531822f13e7e38e3810ab29ebefb2c2feb8e58",
    "Jane.Doe+tickets@gmail.com": "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69",
    "jane.doe@googlemail.com": "338abf9ef1c8793cadc7bcf51ed595338eb727ed9e06ce3d91d566d60b975937",
    "jane.doe+tickets@example.com": "5503bb1ec01dc79fce82006420d26590e5ab611e4a5aa497d2c352171d6d9bc4",
    "user@bücher.example": "db62323f2a86b51f9d021453bd387057b7d94e487e1ca0bc112fcff7f9784b22",
}


@pytest.fixture(scope="module")
def builder(issuer: Issuer) -> PassBuilder:
    return PassBuilder(issuer)


def codes(refused: pytest.ExceptionInfo[PassRejected]) -> set[str]:
    return {finding.code for finding in refused.value.report.errors}


def decoded(link: SaveLink, issuer: Issuer) -> dict[str, Any]:
    """What PyJWT makes of the link under the account's public key."""
    key: Any = issuer.public_key
    claims: dict[str, Any] = jwt.decode(link.token, key, algorithms=["RS256"], audience="google")
    return claims


def object_of(link: SaveLink) -> dict[str, Any]:
    (found,) = link.claims["payload"]["loyaltyObjects"]
    assert isinstance(found, dict)
    return found


# --- the bound membership link ---


def test_the_bound_membership_link_is_what_pyjwt_reads(issuer: Issuer, club: Template) -> None:
    link = PassBuilder(issuer).save_link(club.issue("M-0001", VALUES, binding=BINDING), issued_at=AT)
    claims = decoded(link, issuer)
    assert claims == link.claims
    assert (claims["iss"], claims["aud"], claims["typ"]) == (ACCOUNT, "google", "savetowallet")
    assert type(claims["iat"]) is int
    assert claims["iat"] == int(AT.timestamp())
    assert jwt.get_unverified_header(link.token) == {"alg": "RS256", "typ": "JWT"}
    assert link.url == SAVE_URL + link.token
    assert link.length == len(link.token) <= MAX_TOKEN == 1800
    assert claims.keys() == {"iss", "aud", "typ", "iat", "payload"}

    (object_,) = claims["payload"]["loyaltyObjects"]
    assert object_["id"] == f"{ISSUER_ID}.M-0001"
    assert object_["saveRestrictions"]["restrictToEmailSha256"] == (
        "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
    )
    assert object_["linksModuleData"]["uris"] == [{"uri": BINDING.learn_more_url, "description": "Info"}]
    assert not object_.keys() & {"barcode", "rotatingBarcode"}

    # The class has no room, so it is named, with its JSON, and a finding says so.
    assert (link.form, claims["payload"].keys()) == ("object", {"loyaltyObjects"})
    (class_,) = link.requires.values()
    assert link.requires.keys() == {"loyaltyClass"}
    assert class_["id"] == object_["classId"] == f"{ISSUER_ID}.coffee-club"
    assert class_["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    assert "link-needs-class" in {finding.code for finding in link.report.warnings}
    assert (class_, object_) == PassBuilder(issuer).payload(club.issue("M-0001", VALUES, binding=BINDING))


def test_class_and_object_travel_together_when_they_fit(issuer: Issuer, tiny: Template) -> None:
    link = PassBuilder(issuer).save_link(tiny.issue("M-1", binding=BINDING), issued_at=AT)
    payload = decoded(link, issuer)["payload"]
    assert (link.form, link.requires) == ("class-and-object", {})
    assert payload["loyaltyClasses"][0]["id"] == payload["loyaltyObjects"][0]["classId"]
    assert payload["loyaltyClasses"][0]["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    assert "link-needs-class" not in {finding.code for finding in link.report}


@pytest.mark.parametrize(("email", "digest"), HASHES.items())
def test_jwt_13_the_restriction_is_the_published_hash(
    builder: PassBuilder, tiny: Template, email: str, digest: str
) -> None:
    binding = Binding(email=email, learn_more_url=BINDING.learn_more_url)
    link = builder.save_link(tiny.issue("M-1", binding=binding), issued_at=AT)
    assert object_of(link)["saveRestrictions"] == {"restrictToEmailSha256": digest}


def test_jwt_13_the_policy_is_the_issuers_and_doubt_is_said(issuer: Issuer, tiny: Template) -> None:
    card = tiny.issue("M-1", binding=Binding(email="Example@example.com", learn_more_url="https://a.example"))
    verbatim = PassBuilder(replace(issuer, email_policy="verbatim")).save_link(card, issued_at=AT)
    assert object_of(verbatim)["saveRestrictions"]["restrictToEmailSha256"].startswith("bc34f262c93ad712")
    assert "email-hash-ambiguous" in {finding.code for finding in verbatim.report.warnings}
    certain = card.replace(binding=Binding(email="example@example.com", learn_more_url="https://a.example"))
    report = PassBuilder(issuer).report(certain)
    assert "email-hash-ambiguous" not in {finding.code for finding in report}


def test_eml_12_a_bad_address_is_named_by_its_field_only(builder: PassBuilder, tiny: Template) -> None:
    for email in ("canary", "canary@localhost", '"canary"@example.com', "kanarienvögel@example.com"):
        card = tiny.issue("M-1", binding=Binding(email=email, learn_more_url="https://a.example.com"))
        with pytest.raises(PassRejected) as refused:
            builder.save_link(card)
        assert codes(refused) == {"binding-invalid"}
        assert email not in str(refused.value)
        assert "/binding/email" in str(refused.value)


def test_jwt_08_nothing_private_is_in_the_link_but_the_hash(
    issuer: Issuer, tiny: Template, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    binding = Binding(email="canary.bird@example.org", learn_more_url="https://a.example.com/")
    link = PassBuilder(issuer).save_link(tiny.issue("M-1", binding=binding), issued_at=AT)
    texts = [urlsafe_b64decode(part + "==").decode("latin-1") for part in link.token.split(".")]
    texts += [repr(link), str(link), str(link.report), caplog.text, json.dumps(link.claims)]
    for text in texts:
        for secret in ("canary", "bird", mask(str(binding.email)), "example.org", "PRIVATE"):
            assert secret not in text
    digest = object_of(link)["saveRestrictions"]["restrictToEmailSha256"]
    assert all(digest not in text for text in (repr(link), str(link), str(link.report), caplog.text))
    assert link.token not in repr(link)


def test_jwt_12_no_link_of_a_bound_pass_without_its_restriction(builder: PassBuilder, tiny: Template) -> None:
    other = "0" * 64
    for level in ("pass", "template"):
        for own, code in (
            ({"saveRestrictions": None}, "binding-lost"),
            ({"saveRestrictions": {"restrictToEmailSha256": None}}, "binding-lost"),
            ({"saveRestrictions": {"restrictToEmailSha256": ""}}, "binding-lost"),
            ({"saveRestrictions": "x"}, "wrong-type"),
            ({"saveRestrictions": {"restrictToEmailSha256": "jane@example.com"}}, "bad-value"),
            ({"saveRestrictions": {"restrictToEmailSha256": other}}, "binding-lost"),
        ):
            template = replace(tiny, google={"object": own}) if level == "template" else tiny
            card = template.issue("M-1", binding=BINDING, google={"object": own} if level == "pass" else None)
            with pytest.raises(PassRejected) as refused:
                builder.save_link(card)
            assert codes(refused) & {code, "binding-lost"}, (level, own)


def test_the_restriction_warns_until_google_has_enabled_it(issuer: Issuer, tiny: Template) -> None:
    card = tiny.issue("M-1", binding=BINDING)
    asked = replace(issuer, restrictions_enabled=False)
    assert "google-restriction-not-enabled" in {
        each.code for each in PassBuilder(asked).report(card).warnings
    }
    assert "google-restriction-not-enabled" not in {each.code for each in PassBuilder(issuer).report(card)}


def test_a_class_that_lets_many_hold_a_bound_pass_warns(builder: PassBuilder, tiny: Template) -> None:
    for status, warns in (("MULTIPLE_HOLDERS", True), ("ONE_USER_ONE_DEVICE", False), (None, True)):
        own = {"class": {"multipleDevicesAndHoldersAllowedStatus": status}}
        found = {
            each.code for each in builder.report(tiny.issue("M-1", binding=BINDING, google=own)).warnings
        }
        assert ("binding-allows-many-holders" in found) is warns


# --- codes ---

CODE = {"type": "QR_CODE", "value": "1"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda card: card.replace(barcode="M-1"), "pass#/barcode"),
        (lambda card: card.replace(template=replace(card.template, barcode=Barcode())), "template#/barcode"),
        (lambda card: card.replace(google={"object": {"barcode": CODE}}), "object#/barcode"),
        (
            lambda card: card.replace(google={"object": {"rotatingBarcode": {"type": "QR_CODE"}}}),
            "object#/rotatingBarcode",
        ),
        (
            lambda card: card.replace(google={"object": {"barcode": {"alternateText": "1"}}}),
            "object#/barcode",
        ),
        (
            lambda card: card.replace(template=replace(card.template, google={"object": {"barcode": CODE}})),
            "object#/barcode",
        ),
        (
            lambda card: card.replace(
                template=replace(card.template, google={"object": {"rotatingBarcode": {"type": "QR_CODE"}}})
            ),
            "object#/rotatingBarcode",
        ),
    ],
    ids=["definition", "template", "barcode", "rotating", "text", "template-barcode", "template-rotating"],
)
def test_bnd_12_a_bound_pass_with_a_code_gets_no_link(
    builder: PassBuilder, tiny: Template, change: Any, where: str
) -> None:
    with pytest.raises(PassRejected) as refused:
        builder.save_link(change(tiny.issue("M-1", binding=BINDING)))
    found = {(finding.code, finding.location) for finding in refused.value.report.errors}
    assert ("binding-forbids-barcode", where) in found


def test_bnd_12_an_object_that_restricts_itself_counts_as_bound(builder: PassBuilder, tiny: Template) -> None:
    own = {"object": {"barcode": CODE, "saveRestrictions": {"restrictToEmailSha256": "0" * 64}}}
    with pytest.raises(PassRejected) as refused:
        builder.save_link(tiny.issue("M-1", google=own))
    assert codes(refused) == {"binding-forbids-barcode"}


SHAPES = st.fixed_dictionaries(
    {
        "barcode": st.sampled_from([None, False, "", "code"]),
        "binding": st.sampled_from([None, BINDING]),
        "google": st.sampled_from(
            [
                {},
                {"object": {"barcode": CODE}},
                {"object": {"barcode": {}}},
                {"object": {"rotatingBarcode": {"type": "QR_CODE"}}},
            ]
        ),
    }
)


@pytest.mark.no_cover
@given(SHAPES, st.sampled_from([None, Barcode()]), st.sampled_from([(), ("class",)]))
def test_no_bound_pass_of_any_shape_gets_a_link_with_a_code(
    builder: PassBuilder, tiny: Template, shape: Any, code: Any, inserted: Any
) -> None:
    card = replace(tiny, barcode=code).issue("M-1", **shape)
    try:
        link = builder.save_link(card, issued_at=AT, inserted=inserted)
    except PassRejected:
        return
    if card.binding:
        assert not object_of(link).get("barcode")
        assert not object_of(link).get("rotatingBarcode")
        assert object_of(link)["saveRestrictions"]["restrictToEmailSha256"]


# --- which form ---


def long_club(tiny: Template, characters: int) -> Template:
    return replace(
        tiny, fields={**tiny.fields, "note": Field(slot="back", label="Note", default="x" * characters)}
    )


def attempt(builder: PassBuilder, card: Any) -> tuple[SaveLink | None, LinkTooLong | None]:
    try:
        return builder.save_link(card, issued_at=AT), None
    except LinkTooLong as exc:
        return None, exc


def test_what_is_inserted_already_stays_out_of_the_link(builder: PassBuilder, tiny: Template) -> None:
    names: tuple[Any, ...] = ({"object"}, {"class", "object"}, ["object"])
    card = tiny.issue("M-1")
    link = builder.save_link(card, issued_at=AT, inserted={"class"})
    assert (link.form, link.requires, link.claims["payload"].keys()) == ("object", {}, {"loyaltyObjects"})
    for inserted in names:
        link = builder.save_link(card, issued_at=AT, inserted=inserted)
        assert link.form == "id"
        assert object_of(link) == {"id": f"{ISSUER_ID}.M-1"}
        assert link.requires == {}


@pytest.mark.parametrize("inserted", ["class", {"klass"}, ["class", "Object"]])
def test_an_unknown_name_of_what_is_inserted_is_a_mistake(
    builder: PassBuilder, tiny: Template, inserted: Any
) -> None:
    with pytest.raises(ValueError, match="inserted names"):
        builder.save_link(tiny.issue("M-1"), inserted=inserted)


def test_choices_that_exclude_each_other_are_a_mistake(builder: PassBuilder, tiny: Template) -> None:
    with pytest.raises(ValueError, match="self-contained"):
        builder.save_link(tiny.issue("M-1"), inserted={"class"}, self_contained=True)
    with pytest.raises(ValueError, match="no time zone"):
        builder.save_link(tiny.issue("M-1"), issued_at=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point
    with pytest.raises(ValueError, match="no issuer"):
        PassBuilder(None).save_link(tiny.issue("M-1"))


def test_jwt_07_a_link_never_gets_too_long_and_never_loses_a_part(
    builder: PassBuilder, tiny: Template
) -> None:
    """Walked over every length around both limits: each form is taken as long as it fits."""
    forms = []
    for characters in range(0, 1200, 25):
        card = long_club(tiny, characters).issue("M-1", binding=BINDING)
        link, refused = attempt(builder, card)
        forms.append("too long" if link is None else link.form)
        if link is not None:
            assert link.length <= MAX_TOKEN
            assert object_of(link) == builder.payload(card)[1]
            continue
        assert refused is not None
        assert refused.limit == MAX_TOKEN < refused.length
        both = dict(zip(("loyaltyClass", "loyaltyObject"), builder.payload(card), strict=True))
        assert refused.insert == both
        with pytest.raises(LinkTooLong) as again:
            builder.save_link(card, issued_at=AT, inserted={"class"})
        assert again.value.insert == {"loyaltyObject": both["loyaltyObject"]}
        with pytest.raises(LinkTooLong) as alone:
            builder.save_link(card, issued_at=AT, self_contained=True)
        assert alone.value.insert == both
        assert alone.value.length > refused.length
    assert forms == sorted(forms, key=["class-and-object", "object", "too long"].index)
    assert set(forms) == {"class-and-object", "object", "too long"}


def test_an_unbound_pass_too_long_for_a_link_is_linked_by_id(builder: PassBuilder, tiny: Template) -> None:
    """Class and object are both named with what to insert, and nothing else travels."""
    card = long_club(tiny, 1200).issue("M-1")
    link = builder.save_link(card, issued_at=AT)
    class_, object_ = builder.payload(card)
    assert link.form == "id"
    assert object_of(link) == {"id": object_["id"]}
    assert link.requires == {"loyaltyClass": class_, "loyaltyObject": object_}
    assert {"link-needs-class", "link-needs-object"} <= {each.code for each in link.report.warnings}


def test_translations_give_way_before_the_restriction_does(builder: PassBuilder, tiny: Template) -> None:
    """What does not fit with its translations travels without them, and the report says so."""
    label, long = "Member since the year", "Mitglied " * 60
    fields = {**tiny.fields, "since": Field(label=label, slot="auxiliary", default="2020")}
    template = replace(tiny, fields=fields, translations={"de": {label: long}})
    link = builder.save_link(template.issue("M-1", binding=BINDING), issued_at=AT)
    assert "link-drops-translations" in {each.code for each in link.report.warnings}
    assert long not in json.dumps(link.claims)
    module = next(each for each in object_of(link)["textModulesData"] if each["id"] == "since")
    assert module == {"id": "since", "header": label, "body": "2020"}
    assert object_of(link)["saveRestrictions"]


def test_a_self_contained_link_that_does_not_fit_is_an_error(builder: PassBuilder, club: Template) -> None:
    with pytest.raises(LinkTooLong) as refused:
        builder.save_link(club.issue("M-1", VALUES), self_contained=True)
    assert refused.value.insert.keys() == {"loyaltyClass"}
    assert "insert the loyaltyClass" in str(refused.value)


def test_an_id_that_does_not_fit_beside_long_origins_is_an_error(issuer: Issuer, tiny: Template) -> None:
    crowded = replace(issuer, origins=tuple(f"https://{index}.shop.example.com" for index in range(60)))
    with pytest.raises(LinkTooLong):
        PassBuilder(crowded).save_link(tiny.issue("M-1"), inserted={"object"})


def test_a_bound_pass_by_id_needs_proof_of_its_restriction(builder: PassBuilder, tiny: Template) -> None:
    card = tiny.issue("M-1", binding=BINDING)
    stored = builder.payload(card)[1]
    link = builder.save_link(card, issued_at=AT, inserted={"object"}, stored_object=stored)
    assert (link.form, object_of(link)) == ("id", {"id": stored["id"]})
    nobody = {key: value for key, value in stored.items() if key != "saveRestrictions"}
    for proof, code in (
        (None, "binding-unproved"),
        (nobody, "binding-lost"),
        ({**stored, "saveRestrictions": {}}, "binding-lost"),
        ({**stored, "saveRestrictions": "x"}, "binding-lost"),
        ({**stored, "saveRestrictions": {"restrictToEmailSha256": "0" * 64}}, "binding-lost"),
        ({**stored, "id": f"{ISSUER_ID}.M-2"}, "binding-lost"),
        ({**stored, "barcode": CODE}, "binding-forbids-barcode"),
        ({**stored, "rotatingBarcode": {"type": "QR_CODE"}}, "binding-forbids-barcode"),
    ):
        with pytest.raises(PassRejected) as refused:
            builder.save_link(card, inserted={"object"}, stored_object=proof)
        assert codes(refused) == {code}


def test_an_override_may_not_part_the_object_from_its_class(builder: PassBuilder, tiny: Template) -> None:
    """A link never points at something nobody was told to insert."""
    other = f"{ISSUER_ID}.other"
    for own in ({"class": {"id": other}}, {"object": {"classId": other}}):
        for card in (tiny.issue("M-1", google=own), replace(tiny, google=own).issue("M-1")):
            with pytest.raises(PassRejected) as refused:
                builder.save_link(card)
            assert "class-mismatch" in codes(refused)
    both = {"class": {"id": other}, "object": {"classId": other}}
    for card in (tiny.issue("M-1", google=both), replace(tiny, google=both).issue("M-1")):
        assert object_of(builder.save_link(card))["classId"] == other


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ({"object": {"id": "3388.M-1"}}, "foreign-id"),
        ({"object": {"classId": "1.tiny"}, "class": {"id": "1.tiny"}}, "foreign-id"),
        ({"object": {"linkedObjectIds": ["1.x"]}}, "foreign-id"),
        ({"object": {"id": "M-1"}}, "bad-id"),
        ({"object": {"id": f"{ISSUER_ID}.M 1"}}, "bad-id"),
        ({"object": {"id": None}}, "missing-key"),
        ({"class": {"id": None}}, "missing-key"),
        ({"object": {"state": "active-ish"}}, "unknown-value"),
        ({"object": {"header": "x"}}, "unknown-key"),
        ({"object": {"hasUsers": True}}, "read-only-key"),
        ({"object": {"linkedObjectIds": 5}}, "wrong-type"),
        ({"class": {"linkedObjectIds": 5}}, "unknown-key"),
        ({"class": {"reviewStatus": "APPROVED"}}, "read-only-value"),
        ({"class": {"redemptionIssuers": []}}, "smart-tap-incomplete"),
        ({"class": {"textModulesData": [{"id": "a.b", "body": "x"}]}}, "bad-value"),
        ({"object": {"barcode": {"type": "AZTEC", "value": "x", "renderEncoding": "UTF_8"}}}, "bad-value"),
        ({"object": {"loyaltyPoints": {"balance": {"string": "x"}}}}, "keys-exclude"),
        ({"class": {"programLogo": {"sourceUri": None}}}, "missing-key"),
        ({"object": {"x": {1}}}, "not-json"),
        ({"object": {"x": Decimal(1)}}, "not-json"),
        ({"object": "x"}, "wrong-type"),
        ({"class": None}, "wrong-type"),
        ({"klass": {}}, "unknown-key"),
    ],
)
def test_jwt_09_overrides_that_google_would_refuse_are_refused_here(
    builder: PassBuilder, tiny: Template, own: dict[str, Any], code: str
) -> None:
    with pytest.raises(PassRejected) as refused:
        builder.save_link(tiny.issue("M-1", google=own))
    assert code in codes(refused)
    with pytest.raises(PassRejected):
        builder.save_link(tiny.issue("M-1", google=own, binding=BINDING))
    with pytest.raises(PassRejected):
        builder.payload(tiny.issue("M-1", google=own))
    assert not builder.report(tiny.issue("M-1", google=own)).ok


def test_an_override_of_the_template_that_is_no_json_is_refused(builder: PassBuilder, tiny: Template) -> None:
    for own in ({"object": {"x": {1}}}, {"class": {"x": Decimal(1)}}, {"class": "x"}):
        with pytest.raises(PassRejected):
            builder.save_link(replace(tiny, google=own).issue("M-1"))


# --- claims ---


def test_jwt_04_the_claims_are_googles_whatever_the_pass_says(issuer: Issuer, tiny: Template) -> None:
    own = {"object": {"state": "EXPIRED"}}
    link = PassBuilder(issuer).save_link(tiny.issue("M-1", google=own), issued_at=AT)
    public: Any = issuer.public_key
    assert read(link.url, public_key=public, email=ACCOUNT).verified
    assert object_of(link)["state"] == "EXPIRED"


def test_jwt_10_origins_come_from_the_issuer_and_from_nowhere_else(issuer: Issuer, tiny: Template) -> None:
    assert "origins" not in PassBuilder(issuer).save_link(tiny.issue("M-1")).claims
    shop = replace(issuer, origins=("https://shop.example.com",))
    link = PassBuilder(shop).save_link(tiny.issue("M-1"), issued_at=AT)
    assert decoded(link, shop)["origins"] == ["https://shop.example.com"]


@pytest.mark.parametrize(
    "moment",
    [
        AT,
        AT + timedelta(microseconds=999_999),
        AT.astimezone(timezone(timedelta(hours=-11))),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_jwt_11_iat_is_the_given_time_and_never_later(
    builder: PassBuilder, tiny: Template, moment: datetime
) -> None:
    iat = builder.save_link(tiny.issue("M-1"), issued_at=moment).claims["iat"]
    assert type(iat) is int
    assert moment.timestamp() - 1 < iat <= moment.timestamp()


def test_jwt_11_now_is_the_default(builder: PassBuilder, tiny: Template) -> None:
    before = datetime.now(UTC).timestamp()
    iat = builder.save_link(tiny.issue("M-1")).claims["iat"]
    assert before - 1 < iat <= datetime.now(UTC).timestamp()


def test_a_key_id_travels_only_when_asked_for(issuer: Issuer, tiny: Template) -> None:
    named = replace(issuer, signer=KeySigner(new_key(), key_id="k-1"), public_key=None)
    plain = PassBuilder(named).save_link(tiny.issue("M-1"), issued_at=AT)
    assert "kid" not in jwt.get_unverified_header(plain.token)
    link = PassBuilder(replace(named, send_key_id=True)).save_link(tiny.issue("M-1"), issued_at=AT)
    assert jwt.get_unverified_header(link.token)["kid"] == "k-1"


def test_texts_of_other_alphabets_travel_as_utf8(issuer: Issuer, tiny: Template) -> None:
    cyrillic = replace(tiny, name="Кофейный клуб")
    link = PassBuilder(issuer).save_link(cyrillic.issue("M-1"), issued_at=AT)
    claims = urlsafe_b64decode(link.token.split(".")[1] + "==")
    assert "Кофейный клуб".encode() in claims
    assert b": " not in claims
    assert decoded(link, issuer)["payload"]["loyaltyClasses"][0]["programName"] == "Кофейный клуб"


def test_same_input_gives_the_same_link(issuer: Issuer, club: Template) -> None:
    card = club.issue("M-1", VALUES, binding=BINDING)
    assert len({PassBuilder(issuer).save_link(card, issued_at=AT).url for _ in range(3)}) == 1


# --- signers of others ---


class Foreign:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.key_id = "hsm"

    def sign(self, message: bytes) -> Any:
        return self.answer(message)


def test_the_signers_of_google_auth_fit_as_they_are(tiny: Template) -> None:
    from google.auth import crypt

    key: Any = new_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    load: Any = crypt.RSASigner.from_string
    signer = load(pem, key_id="g-1")
    issuer = Issuer(
        issuer_id="1", email=ACCOUNT, signer=signer, public_key=key.public_key(), send_key_id=True
    )
    link = PassBuilder(issuer).save_link(tiny.issue("M-1"), issued_at=AT)
    assert decoded(link, issuer)["iss"] == ACCOUNT
    assert jwt.get_unverified_header(link.token)["kid"] == "g-1"


@pytest.mark.parametrize("fault", ["wrong key", "raises", "text", "digest", "empty"])
def test_a_signer_that_answers_nonsense_is_caught(tiny: Template, fault: str) -> None:
    own, other = KeySigner(new_key()), KeySigner(new_key())

    def raises(_: bytes) -> bytes:
        raise TimeoutError

    answers: dict[str, Any] = {
        "wrong key": other.sign,
        "raises": raises,
        "text": lambda _: "c2ln",
        "digest": lambda message: own.sign(b"digest of " + message),
        "empty": lambda _: b"",
    }
    issuer = Issuer(issuer_id="1", email=ACCOUNT, signer=Foreign(answers[fault]), public_key=own.public_key)
    with pytest.raises(SignerFailed) as failed:
        PassBuilder(issuer).save_link(tiny.issue("M-1"))
    assert isinstance(failed.value.__cause__, TimeoutError) is (fault == "raises")


def test_without_a_public_key_the_answer_is_not_judged_and_a_warning_says_so(tiny: Template) -> None:
    issuer = Issuer(issuer_id="1", email=ACCOUNT, signer=Foreign(KeySigner(new_key()).sign))
    link = PassBuilder(issuer).save_link(tiny.issue("M-1"))
    assert "signer-not-verified" in {finding.code for finding in link.report.warnings}
    with pytest.raises(SignerFailed, match="str instead of bytes"):
        PassBuilder(replace(issuer, signer=Foreign(lambda _: "text"))).save_link(tiny.issue("M-1"))


def test_an_unknown_key_that_is_longer_than_usual_still_gives_links_that_fit(tiny: Template) -> None:
    big = odd_key("rsa 4096")
    builder = PassBuilder(Issuer(issuer_id="1", email=ACCOUNT, signer=Foreign(KeySigner(big).sign)))
    forms = set()
    for characters in range(0, 900, 50):
        # A builder that has not signed yet doesn't know how long the signatures are.
        card = long_club(tiny, characters).issue("M-1", binding=BINDING)
        link, refused = attempt(PassBuilder(builder.issuer), card)
        forms.add("too long" if link is None else link.form)
        assert link is None or link.length <= MAX_TOKEN
        assert refused is None or refused.insert
    assert forms == {"object", "too long"}


# --- rules, classes that vary, builders without an issuer ---


def test_rules_of_the_caller_are_asked_like_our_own(issuer: Issuer, tiny: Template) -> None:
    def no_expired(document: Any, about: Any, place: Any) -> Iterator[Any]:
        if document.get("state") != "ACTIVE":
            yield error("house-state", place("/state"), "we issue active passes only")

    def shared(document: Any, about: Any, place: Any) -> Iterator[Any]:
        yield warning("house-class", place("/id"), "mind the class")

    def of_the_pass(card: Any, about: Any, place: Any) -> Iterator[Any]:
        if card.serial == "M-13":
            yield error("house-serial", place("/serial"), "no such house number")

    rules = [
        Rule("object", ("/state",), no_expired),
        Rule("class", ("/id",), shared),
        Rule("pass", ("/serial",), of_the_pass),
    ]
    builder = PassBuilder(issuer, rules=rules)
    assert [each.code for each in builder.save_link(tiny.issue("M-1")).report.warnings] == ["house-class"]
    for card, code in (
        (tiny.issue("M-1", google={"object": {"state": "EXPIRED"}}), "house-state"),
        (tiny.issue("M-13"), "house-serial"),
    ):
        with pytest.raises(PassRejected) as refused:
            builder.save_link(card)
        assert codes(refused) == {code}


def test_a_class_that_varies_has_to_be_named_after_what_varies(builder: PassBuilder, tiny: Template) -> None:
    kind = replace(
        tiny.kind,
        meanings={
            **tiny.kind.meanings,
            "tier": replace(
                tiny.kind.meanings["points"],
                google="class.rewardsTier",
                google_label="class.rewardsTierLabel",
            ),
        },
    )
    fields = {
        "tier": Field(label="Tier", means="tier", default="Gold"),
        "city": Field(label="City", slot="back", default="Rome"),
        "both": Field(label="Both", slot="back", value="{tier} {city}"),
    }
    varied = replace(tiny, kind=kind, fields=fields)
    with pytest.raises(PassRejected) as refused:
        builder.save_link(varied.issue("M-1"))
    assert codes(refused) == {"class-varies"}
    assert "/rewardsTier of the class varies with tier" in str(refused.value)
    # A name with blanks stands for what varies with them, a flight's for its gate.
    builder.save_link(replace(varied, google_class="club-{city}").issue("M-1"))
    named = replace(varied, google_class="club-{tier}-{city}")
    link = builder.save_link(named.issue("M-1", {"tier": "Silver"}), issued_at=AT)
    assert object_of(link)["classId"] == f"{ISSUER_ID}.club-Silver-Rome"


def test_optional_fields_leave_the_shared_class_as_it_is(builder: PassBuilder, tiny: Template) -> None:
    fields = {
        **tiny.fields,
        "holder": Field(label="Member", slot="secondary", means="holder", optional=True),
        "since": Field(label="Since", slot="auxiliary", optional=True),
    }
    template = replace(tiny, fields=fields)
    with_all = builder.payload(template.issue("M-1", {"holder": "J", "since": "2020"}))
    with_none = builder.payload(template.issue("M-2", nfc=False))
    assert with_all[0] == with_none[0]
    assert with_all[0]["accountNameLabel"] == "Member"
    assert "accountName" not in with_none[1]


def test_without_an_issuer_a_builder_still_reports(tiny: Template) -> None:
    report = PassBuilder(None).report(tiny.issue("M-1", binding=BINDING))
    assert report.ok
    assert "google-class-one-holder" in {finding.code for finding in report.notes}
    assert not PassBuilder(None).report(tiny.issue("M 1")).ok


LETTERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
VALUES_OF_ANY = st.fixed_dictionaries(
    {"holder": LETTERS, "more": LETTERS, "points": st.integers(-(2**33), 2**33)}
)
MEMBERS_OF_ANY = st.fixed_dictionaries(
    {
        "binding": st.sampled_from([None, BINDING]),
        "nfc": st.sampled_from([None, False, "abc", "é"]),
        "expires": st.none() | st.datetimes(timezones=st.just(UTC)),
    }
)


@pytest.mark.no_cover
@given(VALUES_OF_ANY, MEMBERS_OF_ANY)
def test_the_prepared_road_says_what_judging_the_whole_says(
    builder: PassBuilder, tiny: Template, values: Any, members: Any
) -> None:
    fields = {**tiny.fields, "holder": Field(slot="secondary", means="holder"), "more": Field(slot="back")}
    card = replace(tiny, fields=fields).issue("M-1", values, **members)
    whole = card.replace(google={"object": {"heroImage": None}})  # changes nothing, but is judged whole
    assert set(map(str, builder.report(card))) == set(map(str, builder.report(whole)))
    if builder.report(card).ok:
        assert builder.payload(card) == builder.payload(whole)
