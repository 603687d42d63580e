"""A pass asks its holder to sign up only when Wallet would, and no answer of the server signs a pass."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from passwright import Personalization, Template, validate
from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.identity import Identity
from passwright.apple.personalization import (
    FILE,
    MAX_REQUEST_BYTES,
    MAX_TOKEN_BYTES,
    check_files,
    files,
    read_request,
    sign_token,
)
from passwright.apple.verification.verifier import verify
from passwright.errors import InvalidInput, KeyMaterialError, PassRejected, TemplateRejected
from passwright.examples.certificates import Leaf
from passwright.google.builder import PassBuilder as LinkBuilder
from passwright.model.kinds import KINDS
from passwright.model.parts import Nfc
from passwright.report import Severity
from tests.apple.test_verifier import signed
from tests.conftest import AT, BINDING, READER_KEY, png
from tests.paths import TESTS

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.examples.authority import Authority
    from passwright.report import Finding, Report

ASKED = Personalization(
    fields=("name", "email", "phone", "postal_code"),
    description="Join and earn points",
    terms='You agree to <a href="https://www.example.com/terms">the terms</a>.',
)
WRITTEN = {
    "requiredPersonalizationFields": [
        "PKPassPersonalizationFieldName",
        "PKPassPersonalizationFieldEmailAddress",
        "PKPassPersonalizationFieldPhoneNumber",
        "PKPassPersonalizationFieldPostalCode",
    ],
    "description": "Join and earn points",
    "termsAndConditions": 'You agree to <a href="https://www.example.com/terms">the terms</a>.',
}
LOGO = "personalizationLogo@3x.png"
LOGOS = {"personalizationLogo.png", "personalizationLogo@2x.png", LOGO}


def with_logo(template: Template, name: str = LOGO) -> Template:
    pictures = {**template.images.files, name: png(450, 120)}
    return replace(template, images=replace(template.images, files=pictures))


@pytest.fixture(scope="module")
def rewards(tiny: Template) -> Template:
    """The smallest template that asks its holder to sign up."""
    return replace(with_logo(tiny), personalization=ASKED)


def found(report: Report | list[Finding], code: str) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.location) for finding in report if finding.code == code]


def refusals(template: Template, identity: Identity, **given_: Any) -> dict[str, str]:
    with pytest.raises(PassRejected) as refused:
        PassBuilder(identity).build(template.issue("R-1", **given_), at=AT)
    return {finding.code: finding.location for finding in refused.value.report.errors}


# --- what a template says ---


TOML = """
[personalization]
fields = ["name", "email"]
description = "Join"
"""


def folder(tmp_path: Path, template: Template, addition: str) -> Path:
    made = tmp_path / "template"
    template.save(made)
    path = made / "template.toml"
    path.write_text(path.read_text("utf-8") + addition, "utf-8")
    return made


def test_a_folder_says_what_the_sheet_asks(tiny: Template, tmp_path: Path) -> None:
    loaded = Template.load(folder(tmp_path, with_logo(tiny), TOML))

    assert loaded.personalization == Personalization(fields=("name", "email"), description="Join")


def test_a_saved_template_is_loaded_with_its_sheet(rewards: Template, tmp_path: Path) -> None:
    rewards.save(tmp_path / "saved")

    assert Template.load(tmp_path / "saved").personalization == ASKED


@pytest.mark.parametrize(
    ("old", "new", "code", "pointer"),
    [
        ('"email"', '"e-mail"', "unknown-value", "/personalization/fields/1"),
        ('["name", "email"]', '"name"', "wrong-type", "/personalization/fields"),
        (
            '["name", "email"]',
            '["name", "name", "name", "name", "name"]',
            "too-many-items",
            "/personalization/fields",
        ),
        ('fields = ["name", "email"]', "", "missing-key", "/personalization"),
        ('description = "Join"', "", "missing-key", "/personalization"),
        ('"Join"', '""', "too-short", "/personalization/description"),
        ('"Join"', f'"{"x" * 501}"', "too-long", "/personalization/description"),
        ("description", "descripton", "unknown-key", "/personalization/descripton"),
    ],
)
def test_mistakes_are_found_with_file_and_line(
    tiny: Template, tmp_path: Path, *, old: str, new: str, code: str, pointer: str
) -> None:
    with pytest.raises(TemplateRejected) as refused:
        Template.load(folder(tmp_path, with_logo(tiny), TOML.replace(old, new)))

    (where,) = {finding.location for finding in refused.value.report.errors if finding.code == code}
    place, _, rest = where.partition("#")
    assert rest == pointer
    assert place.startswith("template.toml:")


# --- what a pass carries ---


def test_the_pass_carries_the_sheet_and_its_logo(
    rewards: Template, identity: Identity, authority: Authority
) -> None:
    data = PassBuilder(identity).build(rewards.issue("R-1"), at=AT)
    held = pkpass.read(data)
    verdict = verify(data, trust=authority.trust, at=AT)

    assert json.loads(held[FILE]) == WRITTEN
    assert held.keys() >= LOGOS
    assert json.loads(held["manifest.json"]).keys() >= {FILE, *LOGOS}
    assert verdict.ok
    assert not [finding for finding in verdict.report if "personalization" in finding.code]
    assert data == PassBuilder(identity).build(rewards.issue("R-1"), at=AT)


def test_without_terms_there_is_no_key_for_them(rewards: Template) -> None:
    without = replace(rewards, personalization=replace(ASKED, terms=None, fields=("email",)))

    assert json.loads(files(without)[FILE]) == {
        "requiredPersonalizationFields": ["PKPassPersonalizationFieldEmailAddress"],
        "description": "Join and earn points",
    }


def test_the_texts_of_the_sheet_are_translated(rewards: Template, identity: Identity) -> None:
    german = {"Join and earn points": "Mitmachen und Punkte sammeln", ASKED.terms or "": "Du stimmst zu."}
    template = replace(rewards, translations={"de": german})
    held = pkpass.read(PassBuilder(identity).build(template.issue("R-1"), at=AT))
    report = PassBuilder(identity).report(template.issue("R-1"), at=AT)

    strings = held["de.lproj/pass.strings"].decode()
    assert '"Join and earn points" = "Mitmachen und Punkte sammeln";' in strings
    assert ' = "Du stimmst zu.";' in strings
    assert not found(report, "unused-translation")
    lacking = replace(template, translations={"de": {}})
    said = [str(each) for each in PassBuilder(identity).report(lacking.issue("R-1"), at=AT)]
    assert any("Join and earn points" in each and "missing-translation" in each for each in said)


def test_a_logo_of_a_language_is_a_logo(tiny: Template, identity: Identity) -> None:
    template = replace(with_logo(tiny, f"de/{LOGO}"), personalization=ASKED, translations={"de": {}})

    held = pkpass.read(PassBuilder(identity).build(template.issue("R-1"), at=AT))

    assert {f"de.lproj/{name}" for name in LOGOS} <= held.keys()


def test_who_has_signed_up_gets_a_pass_without_the_sheet(rewards: Template, identity: Identity) -> None:
    members = replace(rewards, personalization=None)
    held = pkpass.read(PassBuilder(identity).build(members.issue("R-1"), at=AT))
    report = PassBuilder(identity).report(members.issue("R-1"), at=AT)

    assert not [name for name in held if "personalization" in name]
    assert found(report, "picture-not-drawn") == [(Severity.NOTE, "images/personalizationLogo.png")]


def test_google_is_said_to_have_no_sheet(rewards: Template, issuer: Any) -> None:
    report = LinkBuilder(issuer).report(rewards.issue("R-1"))

    assert (Severity.NOTE, "template#/personalization") in found(report, "google-drops")
    without = LinkBuilder(issuer).report(replace(rewards, personalization=None).issue("R-1"))
    assert (Severity.NOTE, "template#/personalization") not in found(without, "google-drops")


# --- what it needs ---


@pytest.mark.parametrize(
    ("nfc", "given_"),
    [
        (None, {}),
        (Nfc(google_issuers=("1",)), {}),
        (Nfc(apple_key=READER_KEY), {"nfc": False}),
        (Nfc(apple_key=READER_KEY), {"apple": {"nfc": None}}),
    ],
    ids=["no NFC", "no key for Apple", "switched off", "taken out by an override"],
)
def test_nobody_signs_up_for_a_pass_without_nfc(
    nfc: Nfc | None, given_: dict[str, Any], rewards: Template, identity: Identity
) -> None:
    template = replace(rewards, nfc=nfc)

    assert refusals(template, identity, **given_) == {"personalization-needs-nfc": "pass.json#/nfc"}


def test_an_override_may_bring_the_nfc(rewards: Template, identity: Identity) -> None:
    nfc = {"nfc": {"message": "R-1", "encryptionPublicKey": READER_KEY}}

    assert PassBuilder(identity).build(replace(rewards, nfc=None).issue("R-1", apple=nfc), at=AT)


def test_the_sheet_needs_its_logo(tiny: Template, identity: Identity) -> None:
    template = replace(tiny, personalization=ASKED)

    assert refusals(template, identity) == {"personalization-needs-logo": "personalizationLogo.png"}


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ((), "personalization-asks-nothing", ""),
        (("email", "name", "email"), "duplicate-value", "/2"),
    ],
)
def test_the_sheet_asks_for_something_and_once(
    fields: tuple[str, ...], code: str, pointer: str, rewards: Template, identity: Identity
) -> None:
    template = replace(rewards, personalization=replace(ASKED, fields=fields))

    assert refusals(template, identity) == {code: f"{FILE}#/requiredPersonalizationFields{pointer}"}


@pytest.mark.parametrize(
    "given_",
    [{"binding": BINDING}, {"binding": BINDING, "apple": {"userInfo": {}}}],
    ids=["from the stencil", "judged whole"],
)
def test_a_bound_pass_lets_nobody_sign_up(
    given_: dict[str, Any], rewards: Template, identity: Identity
) -> None:
    """Whoever opened the file first could sign up in the place of the one it is for."""
    assert refusals(rewards, identity, **given_) == {"personalization-on-bound-pass": "pass.json"}
    assert PassBuilder(identity).build(replace(rewards, personalization=None).issue("R-1", **given_), at=AT)


def test_validate_says_the_same_without_an_identity(rewards: Template) -> None:
    bound = validate(rewards.issue("R-1", binding=BINDING))

    assert found(bound, "personalization-on-bound-pass") == [(Severity.ERROR, "pass.json")]
    assert validate(rewards.issue("R-1")).ok


def test_the_certificate_has_to_be_for_nfc(rewards: Template, authority: Authority) -> None:
    ordinary = authority.identity()
    report = PassBuilder(ordinary).report(rewards.issue("R-1"), at=AT)

    assert found(report, "nfc-needs-certificate") == [(Severity.WARNING, "pass.json#/nfc")]
    with pytest.raises(PassRejected, match="nfc-needs-certificate"):
        PassBuilder(ordinary, strict=True).build(rewards.issue("R-1"), at=AT)


def test_other_styles_are_built_with_a_warning(rewards: Template, identity: Identity) -> None:
    """That only store cards show the sheet is inferred, so nothing is refused for it."""
    generic = replace(KINDS["loyalty"], style="generic")
    card = replace(rewards, kind=generic).issue("R-1")
    held = pkpass.read(PassBuilder(identity).build(card, at=AT))
    report = PassBuilder(identity).report(card, at=AT)

    assert held.keys() >= {FILE, *LOGOS}
    assert found(report, "personalization-style") == [(Severity.WARNING, "pass.json#/generic")]


@pytest.mark.foreign("unzip", "node", "npm")
def test_passkit_generator_keeps_the_sheet(
    rewards: Template,
    authority: Authority,
    passkit: Path,
    tmp_path: Path,
) -> None:
    """It takes the files out of a pass when one part is missing, or breaks its own schema."""
    issued = authority.issue(Leaf(nfc=True))
    identity = Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
    )
    data = PassBuilder(identity).build(rewards.issue("R-1"), at=AT)
    (tmp_path / "pass.zip").write_bytes(data)
    subprocess.run(["unzip", "-q", "pass.zip", "-d", "pass"], cwd=tmp_path, check=True)
    script = passkit / "read_pass.mjs"
    shutil.copy(TESTS / "node" / script.name, script)
    certificates = {
        "wwdr": pem(authority.intermediate),
        "signerCert": pem(issued.certificate),
        "signerKey": issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }
    done = subprocess.run(
        ["node", script],
        input=json.dumps({"folder": str(tmp_path / "pass"), "certificates": certificates}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = json.loads(done.stdout)["signed"]

    assert base64.b64decode(kept[FILE]) == pkpass.read(data)[FILE]
    assert kept.keys() >= LOGOS


def pem(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()


# --- passes of others ---


def verdict_on(
    changes: dict[str, bytes | None], rewards: Template, authority: Authority, **given_: Any
) -> Report:
    """The report on a rightly signed pass by somebody else; a file changed to None is left out."""
    identity = authority.identity(nfc=True)
    held = pkpass.read(PassBuilder(identity).build(rewards.issue("R-1"), at=AT))
    held = {name: data for name, data in held.items() if name not in ("manifest.json", "signature")}
    made = {name: data for name, data in {**held, **changes}.items() if data is not None}
    if given_:
        document = json.loads(made["pass.json"])
        made["pass.json"] = json.dumps({k: v for k, v in {**document, **given_}.items() if v}).encode()
    return verify(signed(made, identity), trust=authority.trust, at=AT).report


def sheet(**changes: Any) -> bytes:
    return json.dumps(
        {name: value for name, value in {**WRITTEN, **changes}.items() if value is not None}
    ).encode()


@pytest.mark.parametrize(
    ("changes", "given_", "code", "severity", "where"),
    [
        ({}, {"nfc": None}, "personalization-needs-nfc", Severity.WARNING, "pass.json#/nfc"),
        ({}, {"fidoProfile": {"x": "y"}}, "personalization-on-bound-pass", Severity.WARNING, "pass.json"),
        (dict.fromkeys(LOGOS), {}, "personalization-needs-logo", Severity.WARNING, "personalizationLogo.png"),
        (
            {FILE: sheet(requiredPersonalizationFields=[])},
            {},
            "personalization-asks-nothing",
            Severity.WARNING,
            f"{FILE}#/requiredPersonalizationFields",
        ),
        (
            {FILE: sheet(requiredPersonalizationFields=["PKPassPersonalizationFieldName"] * 2)},
            {},
            "duplicate-value",
            Severity.WARNING,
            f"{FILE}#/requiredPersonalizationFields/1",
        ),
        (
            {FILE: sheet(requiredPersonalizationFields=["PKPassPersonalizationFieldNam"])},
            {},
            "unknown-value",
            Severity.ERROR,
            f"{FILE}#/requiredPersonalizationFields/0",
        ),
        (
            {FILE: sheet(requiredPersonalizationFields=[["x"], {}])},
            {},
            "wrong-type",
            Severity.ERROR,
            f"{FILE}#/requiredPersonalizationFields/0",
        ),
        (
            {FILE: sheet(requiredPersonalizationFields="PKPassPersonalizationFieldName")},
            {},
            "wrong-type",
            Severity.ERROR,
            f"{FILE}#/requiredPersonalizationFields",
        ),
        ({FILE: sheet(description=None)}, {}, "missing-key", Severity.ERROR, FILE),
        ({FILE: sheet(terms="x")}, {}, "unknown-key", Severity.WARNING, f"{FILE}#/terms"),
        ({FILE: b"[]"}, {}, "wrong-type", Severity.ERROR, FILE),
        ({FILE: b"{"}, {}, "bad-json", Severity.ERROR, f"{FILE}:1"),
        ({FILE: b"\xef\xbb\xbf" + sheet()}, {}, "json-bom", Severity.WARNING, FILE),
    ],
)
def test_the_sheet_in_a_pass_of_others_is_judged(
    rewards: Template,
    authority: Authority,
    *,
    changes: dict[str, bytes | None],
    given_: dict[str, Any],
    code: str,
    severity: Severity,
    where: str,
) -> None:
    report = verdict_on(changes, rewards, authority, **given_)

    assert (severity, where) in found(report, code)


def test_a_logo_alone_asks_nobody(rewards: Template, authority: Authority) -> None:
    report = verdict_on({FILE: None}, rewards, authority)

    assert report.ok
    assert not [finding for finding in report if finding.code.startswith("personalization")]


@pytest.mark.long
def test_a_sheet_of_a_megabyte_is_judged_in_linear_time() -> None:
    hostile = sheet(requiredPersonalizationFields=[f"x{number}" for number in range(80_000)])
    started = time.perf_counter()

    findings = list(check_files({FILE: hostile}, writing=False))

    assert time.perf_counter() - started < 10
    assert findings


# --- the server's half ---


TOKEN = "Zm9yIG9uZSBzaWduLXVwIG9ubHk="
INFO = {
    "fullName": "Jane Smith",
    "givenName": "Jane",
    "familyName": "Smith",
    "emailAddress": "jane.canary@example.com",
    "phoneNumber": "+49 89 123456",
    "postalCode": "80331",
    "ISOCountryCode": "DE",
}


def body(info: Any = INFO, token: Any = TOKEN, **more: Any) -> bytes:
    return json.dumps({"personalizationToken": token, "requiredPersonalizationInfo": info, **more}).encode()


def test_what_the_holder_entered_is_read() -> None:
    read = read_request(body())

    assert (read.full_name, read.given_name, read.family_name) == ("Jane Smith", "Jane", "Smith")
    assert (read.email, read.phone) == ("jane.canary@example.com", "+49 89 123456")
    assert (read.postal_code, read.country) == ("80331", "DE")
    assert read.token == TOKEN


def test_what_was_not_asked_is_none() -> None:
    read = read_request(body({"emailAddress": "jane@example.com"}))

    assert read.email == "jane@example.com"
    assert {
        read.full_name,
        read.given_name,
        read.family_name,
        read.phone,
        read.postal_code,
        read.country,
    } == {None}


def test_members_of_newer_systems_are_ignored() -> None:
    assert read_request(body({**INFO, "shoeSize": 42}, newer={"a": [1]})) == read_request(body())


def test_key_06_a_request_shows_nothing_of_its_holder() -> None:
    read = read_request(body())

    for text in (repr(read), str(read), f"{read}"):
        assert text == "PersonalizationRequest()"


@pytest.mark.parametrize(
    ("sent", "code", "where"),
    [
        (b"", "bad-json", "personalize:1"),
        (b"[]", "wrong-type", "personalize"),
        (b"null", "wrong-type", "personalize"),
        (b"\xff", "not-utf8", "personalize"),
        (b"{}", "missing-key", "personalize"),
        (body(token=None), "null-value", "personalize#/personalizationToken"),
        (body(token=1), "wrong-type", "personalize#/personalizationToken"),
        (body(info="Jane"), "wrong-type", "personalize#/requiredPersonalizationInfo"),
        (
            body(info={"emailAddress": ["a"]}),
            "wrong-type",
            "personalize#/requiredPersonalizationInfo/emailAddress",
        ),
        (body(info={"fullName": None}), "null-value", "personalize#/requiredPersonalizationInfo/fullName"),
        (body(token=""), "unsafe-token", "personalize#/personalizationToken"),
        (body(token='{"pass.json":"0"}'), "unsafe-token", "personalize#/personalizationToken"),
        (body(info={"fullName": "x" * MAX_REQUEST_BYTES}), "too-large", "personalize"),
        (b'{"personalizationToken":' + b"[" * 1000, "too-deep", "personalize"),
        (body()[:-1] + b',"personalizationToken":"b"}', "duplicate-key", "personalize"),
        (body(info={"fullName": "\ud800"}), "bad-string", "personalize"),
    ],
)
def test_a_request_that_is_none_is_refused_without_repeating_it(sent: bytes, code: str, where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(sent)

    assert refused.value.code == code
    assert refused.value.location.startswith(where)
    assert "canary" not in str(refused.value)


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["personalizationToken", "requiredPersonalizationInfo", *INFO]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_a_request_or_refused(sent: bytes) -> None:
    try:
        read = read_request(sent)
    except InvalidInput:
        return
    assert read.token


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ec"])
@pytest.mark.parametrize("token", [TOKEN, "t", "jeton-é"], ids=["base64", "short", "beyond ASCII"])
def test_openssl_verifies_the_signature_over_the_bytes_of_the_token(
    token: str, authority: Authority, tmp_path: Path, *, ec: bool
) -> None:
    identity = authority.identity(ec=ec, nfc=True)
    (tmp_path / "root.pem").write_text(pem(authority.root))
    (tmp_path / "token").write_bytes(token.encode())
    (tmp_path / "signature").write_bytes(sign_token(identity, token, at=AT))
    command = "openssl cms -verify -binary -purpose any -inform DER -in signature -content token"

    done = subprocess.run(
        [*command.split(), "-CAfile", "root.pem", "-out", "content"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "content").read_bytes() == token.encode()
    (tmp_path / "token").write_bytes(token.encode() + b"\n")
    changed = subprocess.run(
        [*command.split(), "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, check=False
    )
    assert changed.returncode != 0


def test_the_signature_is_detached_and_made_like_that_of_a_manifest(identity: Identity) -> None:
    content = cms.ContentInfo.load(sign_token(identity, TOKEN, at=AT), strict=True)["content"]

    assert content["encap_content_info"]["content"].native is None
    assert len(content["certificates"]) == 2
    (signer,) = content["signer_infos"]
    attributes = {each["type"].native: each["values"].native for each in signer["signed_attrs"]}
    assert attributes["signing_time"] == [AT]
    assert sign_token(identity, TOKEN, at=AT) == identity.sign_manifest(TOKEN.encode(), at=AT)


def test_a_token_can_not_be_the_manifest_of_a_pass(tiny: Template, authority: Authority) -> None:
    """Else anybody who posts to the service gets passes of his own signed by it."""
    identity = authority.identity(nfc=True)
    forged = PassBuilder(identity).files(tiny.issue("FORGED"))
    manifest = forged["manifest.json"].decode()

    with pytest.raises(InvalidInput) as refused:
        sign_token(identity, manifest, at=AT)
    assert refused.value.code == "unsafe-token"
    # What would come of it without the refusal.
    signature = identity.sign_manifest(manifest.encode(), at=AT)
    assert verify(pkpass.pack({**forged, "signature": signature}), trust=authority.trust, at=AT).ok


@pytest.mark.parametrize(
    "token",
    [
        "",
        "{}",
        ' {"pass.json": "0"}',
        "\ufeff{}",
        "[{}]",
        "}{",
        "a\0b",
        "\0{\0}",
        "a\nb",
        "a\u200bb",
        "\ud800",
        "x" * (MAX_TOKEN_BYTES + 1),
        "é" * MAX_TOKEN_BYTES,
    ],
    ids=ascii,
)
def test_a_token_that_is_not_like_wallets_is_not_signed(token: str, identity: Identity) -> None:
    with pytest.raises(InvalidInput) as refused:
        sign_token(identity, token, at=AT)

    assert refused.value.code == "unsafe-token"
    assert refused.value.location == "personalize#/personalizationToken"


@given(st.text(max_size=50))
def test_whatever_is_signed_is_no_json_object_in_any_encoding(token: str) -> None:
    """Neither as UTF-8 nor, were a reader to guess so, as UTF-16 or UTF-32."""

    class Recorder:
        signed = b""

        def sign_manifest(self, manifest: bytes, *, at: datetime) -> bytes:
            self.signed = manifest
            return b""

    recorder = Recorder()
    try:
        sign_token(recorder, token, at=AT)  # type: ignore[arg-type]
    except InvalidInput:
        return
    assert recorder.signed == token.encode()
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert "{" not in recorder.signed.decode(encoding, "replace")


def test_the_time_of_a_signature_is_held_to_the_certificate(identity: Identity) -> None:
    with pytest.raises(KeyMaterialError, match="valid from"):
        sign_token(identity, TOKEN, at=AT + timedelta(days=365 * 40))
    with pytest.raises(ValueError, match="no time zone"):
        sign_token(identity, TOKEN, at=datetime(2026, 1, 2))  # noqa: DTZ001
