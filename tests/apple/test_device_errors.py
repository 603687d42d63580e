"""A line of a device's log leads to its causes, and each cause to the codes that a pass with it is given."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import report
from passwright.apple.builder import PassBuilder
from passwright.apple.cms import der
from passwright.apple.cms.parser import SIGNING_TIME
from passwright.apple.cms.signature import SignatureTemplate
from passwright.apple.container import pkpass
from passwright.apple.container.manifest import digest, format_manifest
from passwright.apple.pkpasses import pack_passes
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Anchor, Trust
from passwright.apple.verification import device_errors
from passwright.apple.verification.diagnosis import Diagnosis, diagnose, identify_file
from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf
from passwright.model.parts import Images
from passwright.report import error, note, warning
from tests.apple.test_signature import Maker
from tests.apple.test_verifier import changed, signed, zipped
from tests.conftest import AT, png

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright import Template
    from passwright.apple.identity import Identity

LATER = AT + timedelta(days=1)

# What stands around a message in a log: process, time, identifiers, an error in an error.
AROUND = (
    "{}",
    (
        "Sep 14 12:27:19 iPhone MobileSafari(PassKitCore)[328] <Notice>: Invalid data error reading pass "
        "pass.com.example.card/7004031685. {}"
    ),
    "error\t15:22:11.139198+0100\tPass Viewer\tInvalid data error reading pass (null)/(null). {}",
    (
        "PKPass initWithData failed Error Domain=PKPassKitErrorDomain Code=1 “The pass cannot be read "
        "because it isn’t valid.” UserInfo={{NSUnderlyingError=0x13183ecc0 {{Error Code=1 “{}”}}}}"
    ),
)
SPECIFIC = [message for message in device_errors.messages() if not message.general]
TEXTS = [(message, text) for message in SPECIFIC for text in message.texts]


@pytest.mark.parametrize("around", AROUND, ids=("bare", "phone", "mac", "wrapped"))
@pytest.mark.parametrize(("message", "text"), TEXTS, ids=[f"{m.id}-{len(t)}" for m, t in TEXTS])
def test_every_message_is_known_whatever_stands_around_it(
    message: device_errors.Message, text: str, around: str
) -> None:
    found = device_errors.explain_log(around.format(text.replace("*", "icon@2x.png")))

    assert found[0].sure
    assert message in [each.message for each in found]
    assert found[0].message.causes, "a cause is named"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("manifest signature did not verify succesfully", "manifest-signature"),
        ("No entry in manifest for file model/mycard.pass/logo.png", "manifest-entry"),
        ("NO ENTRY IN MANIFEST FOR FILE ‘.DS_Store’", "manifest-entry"),
        ("no entry in manifest found for icon.png", "manifest-entry"),
        (
            (
                "MobileSafari[80785]: Invalid data error reading card pass.com.example.ticket/aa45. Unable "
                "to parse relevantDate 2012-10-10T02:09:17 as a date. We expect dates in “W3C date time stamp"
            ),
            "date",
        ),
        ("Unable to parse expirationDate 2024-05-06T10:49:14-0400 as a date.", "date"),
        ("Unable to parse labelColor rgb(80-159-209) as a color", "colour"),
        ("Invalid data error reading pass X more than one field has the key 'key'.", "field-keys"),
        ("Pass dictionary must contain key 'formatVersion'.", "dictionary-key"),
        (
            (
                "Error evaluating trust. Status: 0 ResultType: 0 Description: "
                "[leaf AnchorApple ChainLength IntermediateMarkerOid MissingIntermediate]"
            ),
            "trust-intermediate",
        ),
        ("passd[219] <Error>: SecTrustEvaluate  [leaf AnchorSHA1 SubjectOrganizationalUnit]", "trust-team"),
        (
            (
                "[2018-01-10 11:59:51 +0100] Web service error for pass.com.example (https://example.com/): "
                "Server returned the pass data for serial number 'x' but did not provide a 'last-modified'"
            ),
            "service-last-modified",
        ),
        (
            (
                "Register task (for device 19121d6b, pass type pass.com.example, serial number 7; with web "
                "service url https://example.com/) encountered error: Authentication failure"
            ),
            "service-token",
        ),
        ("<Fault>: Invalid data error reading pass <private>. <private>", "not-valid"),
        ("The pass cannot be read because it isn’t valid.", "not-valid"),
        ('Error Domain=PKPassKitErrorDomain Code=1 "(null)"', "not-valid"),
    ],
)
def test_lines_that_people_found_are_understood(line: str, message: str) -> None:
    assert device_errors.explain_log(line)[0].message.id == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "pass",
        "signature",
        "<private>",
        "wlan0: connection lost",
        "The quick brown fox jumps over the lazy dog",
        "notify_get_state check indicated test daemon not ready.",
        "Verifying structure for pass <private>",
        "Traceback (most recent call last):",
        "the server returned an error",
    ],
)
def test_a_line_of_something_else_is_not_explained(line: str) -> None:
    assert device_errors.explain_log(line) == ()


def test_a_message_that_is_cut_off_is_a_candidate_and_not_sure() -> None:
    [match] = device_errors.explain_log(
        "The passTypeIdentifier or teamIdentifier provided may not match your cert"
    )

    assert match.message.id == "identifiers-or-chain"
    assert not match.sure


def test_several_messages_in_one_line_are_all_named() -> None:
    found = device_errors.explain_log(
        "SecTrustEvaluate  [leaf AnchorSHA1 AnchorTrusted SubjectOrganizationalUnit]"
    )

    assert {match.message.id for match in found} == {"trust-team", "trust-anchor"}


@given(st.text(max_size=300))
def test_any_line_has_an_answer(line: str) -> None:
    for match in device_errors.explain_log(line):
        assert 0.5 < match.score <= 1.0 + 1e-9


def test_a_line_of_a_megabyte_is_answered() -> None:
    line = "x " * 500_000

    assert device_errors.explain_log(f"Signature is missing {line}")[0].message.id == "signature-missing"


# --- the table -----------------------------------------------------------------------------------


def test_the_table_names_codes_that_there_are_and_messages_that_there_are() -> None:
    ids = {message.id for message in device_errors.messages()}
    for cause in device_errors.causes():
        assert {code.partition("@")[0] for code in cause.codes} <= set(report.finding_codes()), cause.id
        assert not cause.said or cause.said in ids, cause.id
        assert cause.see.endswith((".", "-noverify", "json.tool")), cause.id
        assert cause.remedy.endswith("."), cause.id
        assert cause.source, cause.id
        assert not cause.title.endswith("."), cause.id
    for message in device_errors.messages():
        assert bool(message.causes) is not message.general, message.id


def test_no_code_belongs_to_two_causes() -> None:
    named = [code for cause in device_errors.causes() for code in cause.codes]

    assert sorted(named) == sorted(set(named))


def test_every_cause_is_met_by_a_message_or_a_code() -> None:
    met = {cause.id for message in device_errors.messages() for cause in message.causes}

    assert [each.id for each in device_errors.causes() if each.id not in met and not each.codes] == []


def test_causes_are_found_by_their_ids() -> None:
    assert device_errors.cause("no-icon").title == "The pass has no icon"
    with pytest.raises(KeyError):
        device_errors.cause("no-such-cause")


# --- what to mend first --------------------------------------------------------------------------


def test_what_phones_refuse_comes_before_what_they_tolerate() -> None:
    tolerated = warning("layout-falls-back", "pass.json", "a")
    unknown = error("no-such-code", "pass.json", "b")
    chain = warning("intermediate-wrong", "signature", "c")
    field = error("duplicate-field-key", "pass.json#/coupon", "d")

    def one(*findings: report.Finding) -> str:
        first = device_errors.most_urgent(findings)
        assert first is not None
        return first[0].message

    assert one(tolerated, unknown, field, chain) == "c"
    assert one(tolerated, unknown, field) == "d"
    assert one(tolerated, unknown) == "b"
    assert one(tolerated) == "a"
    assert device_errors.most_urgent([note("sha1-digests", "manifest.json", "e")]) is None


def test_a_code_with_a_place_says_more_than_the_same_code_anywhere() -> None:
    def named(where: str) -> str | None:
        cause = device_errors.cause_of(error("missing-file", where, ""))
        return None if cause is None else cause.id

    assert named("signature") == "no-signature"
    assert named("manifest.json") == "bad-manifest"
    assert named("icon.png") == "no-icon"
    assert named("de.lproj/pass.strings") == "changed-file"


# --- a pass with each fault ----------------------------------------------------------------------


JSON_FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "other-pass-type": (
        lambda d: d.update(passTypeIdentifier="pass.com.example.other"),
        "pass-type-mismatch",
    ),
    "other-team": (lambda d: d.update(teamIdentifier="AAAAAAAAAA"), "team-mismatch"),
    "nfc-certificate": (
        lambda d: d.update(nfc={"message": "1", "encryptionPublicKey": "x", "requiresAuthentication": True}),
        "nfc-needs-certificate",
    ),
    "two-styles": (lambda d: d.update(coupon=d["storeCard"]), "keys-exclude"),
    "missing-key": (lambda d: d.pop("organizationName"), "missing-key"),
    "wrong-type": (lambda d: d.update(organizationName=7), "wrong-type"),
    "bad-date": (lambda d: d.update(relevantDate="2024-03-06T08:05:52"), "bad-date"),
    "repeated-field": (
        lambda d: d["storeCard"].update(backFields=[{"key": "points", "value": "x"}]),
        "duplicate-field-key",
    ),
    "bad-value": (lambda d: d.update(backgroundColor="rgb(255-255-255)"), "bad-color"),
    "no-code": (
        lambda d: d.update(
            barcodes=[{"format": "PKBarcodeFormatQR", "message": "€", "messageEncoding": "iso-8859-1"}]
        ),
        "code-not-encodable",
    ),
    "other-layout": (
        lambda d: d.update(
            eventTicket=d.pop("storeCard"), preferredStyleSchemes=["posterEventTicket", "eventTicket"]
        ),
        "layout-falls-back",
    ),
    "no-updates": (
        lambda d: d.update(webServiceURL="https://example.com/v1", authenticationToken="0123456789abcdef"),
        "web-service-version",
    ),
}


@dataclass(frozen=True)
class Bench:
    """What passes with faults are made from."""

    authority: Authority
    other: Authority
    small: bytes

    @property
    def identity(self) -> Identity:
        return self.authority.identity()

    @property
    def files(self) -> dict[str, bytes]:
        read = pkpass.read(self.small)
        return {name: read[name] for name in ("icon.png", "pass.json")}

    @property
    def knowing(self) -> Trust:
        """Trust that knows the intermediate, as it knows Apple's."""
        parsed = x.parse(self.authority.intermediate)
        times = parsed.not_valid_before_utc, parsed.not_valid_after_utc
        root = self.authority.trust.roots[0].name
        known = Anchor("WWDR", x.spki(parsed), x.key_id(parsed), *times, root=root)
        return replace(self.authority.trust, intermediates=(known,))

    def by(self, sign: Callable[[bytes], bytes]) -> bytes:
        """Signed in any way whatever."""
        manifest = format_manifest({name: digest(data) for name, data in self.files.items()})
        return zipped({**self.files, "manifest.json": manifest, "signature": sign(manifest)})

    def framed(self, leaf: Leaf, *, beside: bytes | None = None, alone: bool = False) -> bytes:
        """Signed by a certificate that no `Identity` would sign with, or beside another one."""
        issued = self.authority.issue(leaf)
        extra = issued.certificate if alone else beside or self.authority.intermediate
        frame = SignatureTemplate(leaf=issued.certificate, intermediate=extra, signer=issued.signer)
        return self.by(lambda manifest: frame.unsigned(manifest, at=AT).complete())

    def undated(self) -> bytes:
        maker = Maker(self.authority)

        def sign(manifest: bytes) -> bytes:
            maker.attributes = [one for one in maker.usual(manifest) if der.oid(SIGNING_TIME) not in one]
            return maker.make(manifest)

        return self.by(sign)

    def rewritten(self, change: Callable[[dict[str, Any]], object]) -> bytes:
        """Signed again after pass.json was changed."""
        document = json.loads(self.files["pass.json"])
        change(document)
        return signed({**self.files, "pass.json": json.dumps(document).encode()}, self.identity)


OLD = Leaf(not_before=AT - timedelta(9), not_after=AT - timedelta(1))
# Cause -> a pass that has it, and the code that it is given.
FAULTS: dict[str, tuple[Callable[[Bench], bytes], str]] = {
    "no-archive": (lambda _: b"<html>Not found</html>", "not-a-zip"),
    "several-passes": (lambda b: pack_passes({"a.pkpass": b.small}), "wrong-container"),
    "wrapping-folder": (
        lambda b: zipped({f"card/{name}": data for name, data in b.files.items()}),
        "missing-pass-json",
    ),
    "odd-archive": (lambda b: b.small + b"tail", "trailing-data"),
    "no-signature": (lambda b: changed(b.small, signature=None), "missing-file"),
    "bad-manifest": (lambda b: changed(b.small, manifest__json=b"[]"), "bad-manifest"),
    "unlisted-file": (lambda b: zipped({**pkpass.read(b.small), "notes.txt": b"x"}), "unlisted-file"),
    "changed-file": (lambda b: changed(b.small, icon__png=png(2, 2)), "digest-mismatch"),
    "bad-signature": (lambda b: changed(b.small, signature=b"\1" * 256), "signature-raw-value"),
    "no-signing-date": (Bench.undated, "no-signing-time"),
    "not-apples": (
        lambda b: signed(b.files, b.other.identity()),
        "untrusted-chain",
    ),
    "wrong-certificate": (lambda b: b.framed(Leaf(marker=None)), "wrong-pass-type"),
    "dead-certificate": (lambda b: b.framed(OLD), "signed-outside-validity"),
    "wrong-intermediate": (
        lambda b: b.framed(Leaf(), beside=b.other.intermediate),
        "intermediate-wrong",
    ),
    "no-intermediate": (lambda b: b.framed(Leaf(), alone=True), "intermediate-missing"),
    "bad-json": (
        lambda b: signed({**b.files, "pass.json": b"{'a': 1}"}, b.identity),
        "bad-json",
    ),
    "no-icon": (lambda b: signed({"pass.json": b.files["pass.json"]}, b.identity), "missing-file"),
    **{
        cause: (lambda b, change=change: b.rewritten(change), code)  # type: ignore[misc]
        for cause, (change, code) in JSON_FAULTS.items()
    },
}
# Phones take these, and show no code, the classic layout, or never anything new.
HARMLESS = {"no-code", "other-layout", "no-updates"}
# What no file shows, since it is the web service that does it.
UNSEEN = {"service-no-date", "service-unchanged", "service-token", "service-registration", "service-status"}


@pytest.fixture(scope="module")
def bench(authority: Authority, tiny: Template) -> Bench:
    template = replace(tiny, nfc=None, images=Images(files={"icon.png": png(1, 1)}, url=tiny.images.url))
    files = PassBuilder(authority.identity()).files(template.issue("M-1"))
    kept = {name: files[name] for name in ("icon.png", "pass.json")}
    return Bench(authority, Authority.create(now=AT), signed(kept, authority.identity()))


def test_a_sound_pass_has_nothing_to_mend(bench: Bench) -> None:
    found = diagnose(bench.small, trust=bench.authority.trust, at=LATER)

    assert (found.finding, found.cause, found.refused, found.stranger, found.message) == (
        None,
        None,
        False,
        None,
        None,
    )


def test_there_is_a_pass_for_every_cause_that_a_file_shows() -> None:
    assert {cause.id for cause in device_errors.causes() if cause.codes} == FAULTS.keys()
    assert {cause.id for cause in device_errors.causes() if not cause.codes} == UNSEEN


@pytest.mark.parametrize("cause", FAULTS)
def test_a_pass_with_the_fault_gives_the_code_and_the_cause(bench: Bench, cause: str) -> None:
    make, code = FAULTS[cause]
    trust = bench.knowing if "intermediate" in cause else bench.authority.trust

    found = diagnose(make(bench), trust=trust, at=LATER)

    assert code in {finding.code for finding in found.verification.report}
    assert found.cause is not None
    assert found.finding is not None
    assert (found.cause.id, found.finding.code) == (cause, code)
    assert found.refused is (cause not in HARMLESS)
    assert all(each is not found.finding for each in found.waiting)


@pytest.mark.parametrize("message", SPECIFIC, ids=lambda message: message.id)
def test_every_message_leads_to_a_pass_that_is_given_the_code(message: device_errors.Message) -> None:
    """What a device logs, the cause in the table, and our verifier's code for it hang together."""
    shown = [cause.id for cause in message.causes if cause.codes]

    assert set(shown) <= FAULTS.keys()
    assert shown or {cause.id for cause in message.causes} <= UNSEEN
    for name in shown:
        cause, code = device_errors.cause(name), FAULTS[name][1]
        assert code in {each.partition("@")[0] for each in cause.codes}


# --- what is no pass -----------------------------------------------------------------------------

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.AAAA"


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (b"", "an empty file", "Content-Length"),
        (b"  \r\n\n", "an empty file", "Content-Length"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><title>404</title>", "a web page", "status"),
        (b"<!-- built --> <HTML>", "a web page", "status"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "XML", "status"),
        (b'{"error": "not found"}', "JSON", "status"),
        (b"[]", "JSON", "status"),
        (
            f"https://pay.google.com/gp/v/save/{TOKEN}".encode(),
            "a save link for Google",
            "Google Wallet",
        ),
        (TOKEN.encode(), "the token of a save link", "Google Wallet"),
        (b"https://example.com/card.pkpass\n", "a link and not the file", "leads to"),
        (png(1, 1), "a PNG picture", "ZIP archive"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture", "ZIP archive"),
        (b"%PDF-1.7", "a PDF document", "ZIP archive"),
        (b"\x1f\x8b\x08", "gzip data", "gunzip"),
        (b"-----BEGIN CERTIFICATE-----", "a PEM file", "signing identity"),
        (b"UEsDBBQAAAA", "base64", "base64 -d"),
    ],
)
def test_what_is_no_pass_is_told_by_how_it_begins(data: bytes, what: str, remedy: str) -> None:
    found = identify_file(data)

    assert found is not None
    assert what in found.what
    assert remedy in found.remedy
    assert found.cause.id == "no-archive"


def test_archives_that_are_no_pass_are_told_apart(bench: Bench) -> None:
    def told(data: bytes) -> str | None:
        found = identify_file(data)
        return None if found is None else found.what

    assert told(bench.small) is None
    assert told(bench.small[:-30]) == "the beginning of an archive, whose rest is missing"
    wrapped = {f"my card/{name}": data for name, data in bench.files.items()}
    assert told(zipped(wrapped)) == "an archive whose files lie in the folder 'my card'"
    assert told(pack_passes({"a.pkpass": bench.small})) == "an archive of several passes"
    assert told(zipped({"word/document.xml": b""})) is None
    assert identify_file(b"\0\1\2") is None


def test_a_stranger_is_told_with_its_own_remedy(bench: Bench) -> None:
    found: Diagnosis = diagnose(TOKEN.encode(), trust=bench.authority.trust, at=LATER)

    assert found.stranger is not None
    assert found.finding is not None
    assert (found.finding.code, found.refused) == ("not-a-zip", True)


def test_mistakes_of_the_caller_raise(bench: Bench) -> None:
    with pytest.raises(ValueError, match="time zone"):
        diagnose(b"", trust=bench.authority.trust, at=AT.replace(tzinfo=None))
    with pytest.raises(TypeError):
        diagnose("text", trust=bench.authority.trust)  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(noise: bytes) -> None:
    trust = Trust.apple()
    for data in (noise, b"PK\x03\x04" + noise, b"PK\x03\x04PK\x01\x02" + noise + b"PK\x05\x06"):
        assert diagnose(data, trust=trust, at=LATER).refused
