"""A pass is verified as good only when it is what its signer signed; nothing that comes in raises."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.container.manifest import PER_PASS_FILES, digest, format_manifest
from passwright.apple.identity import Identity
from passwright.apple.trust.anchors import Trust
from passwright.apple.verification.verifier import STEPS, Verification, verify
from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf
from passwright.model.parts import Images
from passwright.report import Severity
from tests.conftest import AT, BINDING, png
from tests.keys import odd_key

if TYPE_CHECKING:
    from passwright import Template

LATER = AT + timedelta(days=1)


@pytest.fixture(scope="module")
def small(authority: Authority, tiny: Template) -> bytes:
    """As few bytes as a signed pass can have, since every one of them will be flipped."""
    template = replace(tiny, nfc=None, images=Images(files={"icon.png": png(1, 1)}, url=tiny.images.url))
    files = PassBuilder(authority.identity()).files(template.issue("M-1"))
    kept = {name: files[name] for name in ("icon.png", "pass.json")}
    return signed(kept, authority.identity())


def signed(files: dict[str, bytes], identity: Identity, *, at: datetime = AT) -> bytes:
    """Any files as a pass: with a right manifest and a right signature."""
    manifest = format_manifest({name: digest(data) for name, data in files.items()})
    signature = identity.sign_manifest(manifest, at=at)
    return zipped({**files, "manifest.json": manifest, "signature": signature})


def zipped(files: dict[str, bytes]) -> bytes:
    """An archive by somebody else, who writes any name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def codes(verdict: Verification, severity: Severity = Severity.ERROR) -> set[str]:
    return {finding.code for finding in verdict.report if finding.severity is severity}


def changed(data: bytes, **changes: bytes | None) -> bytes:
    """The archive with files exchanged; `__` in a name is a dot, None takes the file out."""
    files = pkpass.read(data)
    for name, blob in changes.items():
        key = name.replace("__", ".")
        if blob is None:
            del files[key]
        else:
            files[key] = blob
    return zipped(files)


# --- what is good ---


@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ec"])
def test_sig_19_what_we_build_verifies(authority: Authority, club: Template, *, ec: bool) -> None:
    identity = authority.identity(ec=ec, nfc=True)
    data = PassBuilder(identity).build(club.issue("M-0001", {"fullName": "J"}, binding=BINDING), at=AT)
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert verdict.ok
    assert verdict.is_signed
    assert dict(verdict.steps) == dict.fromkeys(STEPS, "ok")
    assert list(verdict.steps) == list(STEPS)
    assert verdict.signed_at == AT
    assert verdict.pass_type_identifier == identity.pass_type_identifier
    assert verdict.team_identifier == identity.team_identifier
    assert (verdict.serial_number, verdict.style) == ("M-0001", "storeCard")
    assert verdict.files == pkpass.read(data)
    assert verdict.chain is not None
    assert verdict.chain.leaf is not None


def test_sig_19_rsa_4096_verifies(authority: Authority, tiny: Template) -> None:
    issued = authority.issue(Leaf(nfc=True), key=odd_key("rsa 4096"))
    big = Identity(certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer)
    assert verify(PassBuilder(big).build(tiny.issue("M-1"), at=AT), trust=authority.trust, at=LATER).ok


def test_man_08_the_verdict_says_that_files_are_bound_by_sha1(authority: Authority, small: bytes) -> None:
    assert "sha1-digests" in codes(verify(small, trust=authority.trust, at=LATER), Severity.NOTE)


def test_the_bytes_may_come_in_any_buffer(authority: Authority, small: bytes) -> None:
    for form in (bytearray(small), memoryview(small)):
        assert verify(form, trust=authority.trust, at=LATER).ok  # type: ignore[arg-type]  # promised: bytes


def test_mistakes_of_the_caller_raise(authority: Authority, small: bytes) -> None:
    with pytest.raises(TypeError, match="bytes"):
        verify("PK", trust=authority.trust)  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(ValueError, match="time zone"):
        verify(small, trust=authority.trust, at=datetime(2026, 1, 3))  # noqa: DTZ001 -- likewise


def test_a_pass_outlives_its_certificate(authority: Authority, tiny: Template) -> None:
    """Devices ask whether the certificates lived when the pass was signed."""
    issued = authority.issue(Leaf(nfc=True, not_after=AT + timedelta(days=1)))
    short = Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
    )
    data = PassBuilder(short).build(tiny.issue("M-1"), at=AT)
    assert verify(data, trust=authority.trust, at=AT + timedelta(days=900)).ok
    early = verify(data, trust=authority.trust, at=AT - timedelta(days=1))
    assert codes(early) == {"signed-in-future"}
    assert early.steps["chain"] == "failed"


# --- what is tampered with ---


def test_the_smallest_change_of_each_file_fails_its_step(authority: Authority, small: bytes) -> None:
    manifest = pkpass.read(small)["manifest.json"]
    document = pkpass.read(small)["pass.json"]
    for change, step, code in (
        ({"pass__json": document.replace(b"Tiny", b"Tinx")}, "manifest", "digest-mismatch"),
        ({"icon__png": png(1, 1, (0, 0, 0))}, "manifest", "digest-mismatch"),
        ({"manifest__json": manifest + b" "}, "signature", "digest-mismatch"),
        ({"evil__png": png(1, 1)}, "manifest", "unlisted-file"),
        ({"icon__png": None}, "manifest", "missing-file"),
        ({"signature": b""}, "signature", "signature-empty"),
        ({"signature": None}, "signature", "signature-empty"),
    ):
        verdict = verify(changed(small, **change), trust=authority.trust, at=LATER)
        assert not verdict.ok
        assert verdict.steps[step] == "failed", step
        assert code in codes(verdict)


def test_sig_17_one_blank_more_in_the_manifest_is_another_manifest(
    authority: Authority, small: bytes
) -> None:
    manifest = pkpass.read(small)["manifest.json"]
    for spaced in (manifest + b"\n", b" " + manifest, manifest.replace(b":", b": ", 1)):
        verdict = verify(changed(small, manifest__json=spaced), trust=authority.trust, at=LATER)
        assert dict(verdict.steps) == {
            "container": "ok",
            "manifest": "ok",
            "signature": "failed",
            "chain": "skipped",
            "content": "ok",
        }
        assert not verdict.is_signed


def test_sig_18_a_signature_of_another_pass_of_the_same_issuer_is_none(
    authority: Authority, identity: Identity, tiny: Template
) -> None:
    builder = PassBuilder(identity)
    one, other = (builder.build(tiny.issue(serial), at=AT) for serial in ("M-1", "M-2"))
    swapped = changed(one, signature=pkpass.read(other)["signature"])
    assert codes(verify(swapped, trust=authority.trust, at=LATER)) == {"digest-mismatch"}


def test_a_pass_of_somebody_elses_authority_is_not_trusted(small: bytes) -> None:
    for trust in (Trust.apple(), Authority.create(now=AT).trust):
        verdict = verify(small, trust=trust, at=LATER)
        assert (verdict.steps["signature"], verdict.steps["chain"]) == ("ok", "failed")
        assert codes(verdict) == {"untrusted-chain"}
        assert verdict.is_signed
        assert not verdict.ok


# --- what does not fit the certificate ---


def other_content(small: bytes, identity: Identity, **members: Any) -> bytes:
    files = pkpass.read(small)
    document = {**json.loads(files["pass.json"]), **members}
    kept = {key: value for key, value in document.items() if value is not None}
    return signed({"icon.png": files["icon.png"], "pass.json": json.dumps(kept).encode()}, identity)


@pytest.mark.parametrize(
    "wrong",
    [
        "PASS.com.example.passwright",
        "pass.com.example.passwright ",
        "pass.com.example.passwrighu",
        "pass.com.example.passwrıght",
        None,
        1,
    ],
)
def test_crt_07_the_pass_type_has_to_be_that_of_the_certificate(
    authority: Authority, small: bytes, wrong: Any
) -> None:
    data = other_content(small, authority.identity(), passTypeIdentifier=wrong)
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert "pass-type-mismatch" in codes(verdict)
    assert dict(verdict.steps) == {**dict.fromkeys(STEPS, "ok"), "content": "failed"}


@pytest.mark.parametrize("wrong", ["example123", "EXAMPLE123 ", "EXAMPLE124", None, ["EXAMPLE123"]])
def test_crt_08_the_team_has_to_be_that_of_the_certificate(
    authority: Authority, small: bytes, wrong: Any
) -> None:
    data = other_content(small, authority.identity(), teamIdentifier=wrong)
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert "team-mismatch" in codes(verdict)
    assert verdict.steps["content"] == "failed"


def test_nfc_under_a_certificate_that_is_not_for_it_warns(authority: Authority, tiny: Template) -> None:
    plain = PassBuilder(authority.identity()).build(tiny.issue("M-1"), at=AT)
    verdict = verify(plain, trust=authority.trust, at=LATER)
    assert verdict.ok
    assert codes(verdict, Severity.WARNING) == {"nfc-needs-certificate"}


# --- what is missing, odd, or no pass at all ---


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"icon__png": b""}, "missing-file"),
        ({"icon__png": None}, "missing-file"),
        ({"pass__json": b""}, "bad-json"),
        ({"manifest__json": b""}, "missing-file"),
        ({"signature": b""}, "missing-file"),
        ({"pass__json": None}, "missing-pass-json"),
    ],
)
def test_man_09_missing_and_empty_files_are_named(
    authority: Authority, small: bytes, change: dict[str, bytes | None], code: str
) -> None:
    verdict = verify(changed(small, **change), trust=authority.trust, at=LATER)
    assert code in codes(verdict)
    assert not verdict.ok


@pytest.mark.parametrize("name", [".DS_Store", "de.lproj/.DS_Store", "Thumbs.db"])
def test_man_12_listed_left_overs_are_data_and_unlisted_ones_are_not(
    authority: Authority, small: bytes, name: str
) -> None:
    kept = {key: data for key, data in pkpass.read(small).items() if key not in PER_PASS_FILES[1:]}
    listed = verify(signed({**kept, name: b"x"}, authority.identity()), trust=authority.trust, at=LATER)
    assert listed.ok
    assert "left-over-file" in codes(listed, Severity.WARNING)
    added = zipped({**pkpass.read(small), name: b"x"})
    unlisted = verify(added, trust=authority.trust, at=LATER)
    assert codes(unlisted) == {"unlisted-file"}
    assert any("left-over" in finding.hint for finding in unlisted.report)


def test_a_failed_container_skips_the_rest_and_says_so(authority: Authority) -> None:
    for data in (b"", b"PK", b"<html>404 Not Found</html>", b"\x00" * 1000):
        verdict = verify(data, trust=authority.trust, at=LATER)
        assert dict(verdict.steps) == {**dict.fromkeys(STEPS, "skipped"), "container": "failed"}
        skipped = [finding.location for finding in verdict.report if finding.code == "step-skipped"]
        assert skipped == list(STEPS[1:])
        assert (verdict.ok, verdict.is_signed, verdict.files, verdict.style) == (False, False, {}, None)


@pytest.mark.parametrize(
    ("text", "code", "ok"),
    [
        (b'{"formatVersion": 1,}', "missing-key", False),
        (b"[]", "wrong-type", False),
        (b"null", "wrong-type", False),
        (b"{" * 1_000, "too-deep", False),
        (b'{"a": 1', "bad-json", False),
        (b"\xff\xfe\x00", "bad-json", False),
    ],
)
def test_pass_json_that_holds_no_pass_fails_the_content(
    authority: Authority, small: bytes, text: bytes, code: str, *, ok: bool
) -> None:
    data = signed({"icon.png": pkpass.read(small)["icon.png"], "pass.json": text}, authority.identity())
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert verdict.ok is ok
    assert verdict.steps["signature"] == "ok"
    assert verdict.steps["content"] == "failed"
    assert codes(verdict) & {code, "too-deep", "not-utf8"}


def test_what_genuine_passes_have_is_tolerated_and_named(authority: Authority, small: bytes) -> None:
    """Sloppy JSON, keys that nobody knows, JPEG under a .png name, a double key of a field."""
    files = pkpass.read(small)
    text = files["pass.json"].replace(b'{"formatVersion"', b'// hello\n{"createdAt":1,"formatVersion"', 1)
    assert text.endswith(b"}")
    jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 40
    kept = {"icon.png": files["icon.png"], "logo.png": jpeg, "pass.json": text[:-1] + b",}"}
    verdict = verify(signed(kept, authority.identity()), trust=authority.trust, at=LATER)
    assert verdict.ok, verdict.report
    assert codes(verdict, Severity.WARNING) == {
        "json-comment",
        "json-trailing-comma",
        "unknown-key",
        "not-png",
    }


@pytest.mark.parametrize("charset", ["idna", "base64", "hex", "a\0b", "\ud800", "x" * 10_000, "undefined"])
def test_odd_character_sets_of_a_code_raise_nothing(authority: Authority, small: bytes, charset: str) -> None:
    code = {"format": "PKBarcodeFormatQR", "message": "x" * 70, "messageEncoding": charset}
    verdict = verify(
        other_content(small, authority.identity(), barcodes=[code]), trust=authority.trust, at=LATER
    )
    assert verdict.steps["content"] == "failed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    *("passTypeIdentifier", "teamIdentifier", "serialNumber", "storeCard", "eventTicket", "posterGeneric"),
    *("barcode", "barcodes", "nfc", "fidoProfile", "issuerBindingData", "webServiceURL", "semantics"),
    *("locations", "sharingProhibited", "relevantDates", "userInfo", "saveRestrictions"),
)
FIELD = st.dictionaries(st.sampled_from(["key", "value", "label", "dateStyle"]), JSON, max_size=3)
STYLE = st.dictionaries(
    st.sampled_from(["headerFields", "backFields", "x"]),
    JSON | st.lists(FIELD | JSON, max_size=3),
    max_size=2,
)


@pytest.mark.no_cover
@given(st.dictionaries(st.sampled_from(KEYS), JSON | STYLE, max_size=6))
def test_no_content_whatever_raises(authority: Authority, small: bytes, members: dict[str, Any]) -> None:
    document = {**json.loads(pkpass.read(small)["pass.json"]), **members}
    files = {"icon.png": pkpass.read(small)["icon.png"], "pass.json": json.dumps(document).encode()}
    manifest = format_manifest({name: digest(data) for name, data in files.items()})
    data = pkpass.pack({**files, "manifest.json": manifest, "signature": b"x"})
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert verdict.steps["content"] in ("ok", "failed")
    str(verdict.report)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(authority: Authority, small: bytes, noise: bytes) -> None:
    middle = int.from_bytes(hashlib.sha256(noise).digest()[:4]) % len(small)
    for data in (noise, small[:middle] + noise + small[middle:], small[:middle] + noise, noise + small):
        verdict = verify(data, trust=authority.trust, at=LATER)
        assert verdict.ok is (data == small)


def test_a_verdict_needs_every_step() -> None:
    from passwright.report import Report

    steps: dict[str, Any] = dict.fromkeys(STEPS, "ok")
    assert Verification(steps, Report()).ok
    for step in STEPS:
        assert not Verification({**steps, step: "skipped"}, Report()).ok
        assert not Verification({name: "ok" for name in STEPS if name != step}, Report()).ok


def test_now_is_the_default(authority: Authority, small: bytes) -> None:
    assert verify(small, trust=authority.trust).ok is (datetime.now(UTC) >= AT)
