"""Rewriting changes what was asked for and nothing else, and never unbinds a pass."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from passwright import apple
from passwright.apple.builder import PassBuilder
from passwright.apple.container.filenames import is_junk_file, is_secret, name_problem
from passwright.apple.container.manifest import PER_PASS_FILES, digest
from passwright.apple.verification.verifier import verify
from passwright.errors import InvalidInput, KeyMaterialError, PassRejected
from tests.apple.test_contents import JSON, TEXT, archive
from tests.apple.test_verifier import LATER, zipped
from tests.conftest import AT, BINDING, READER_KEY, png
from tests.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from passwright import Template
    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority

# What somebody else's pass holds besides what it needs.
FOREIGN: dict[str, Any] = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.org.example.other",
    "teamIdentifier": "OTHERTEAM1",
    "organizationName": "Other",
    "description": "Other card",
    "serialNumber": "X-1",
    "createdAt": 1,
    "storeUserId": None,
    "userInfo": {"a": [1, 2.5, {"b": None}]},
    "generic": {
        "primaryFields": [{"key": "name", "value": "Ann", "odd": {"x": 1}}],
        "auxilaryFields": [{"key": "lost", "value": "kept"}],
        "backFields": [
            {"key": "seen", "value": "2020-01-01T00:00:00Z", "dateStyle": "PKDateStyleShort"},
            {"key": "site", "value": "a", "attributedValue": "<a href='https://example.org'>a</a>"},
        ],
    },
}
ICON = png(1, 1)
BESIDE = {"icon.png": ICON, "README": b"hello", "logo.svg": b"<svg/>", "de_CH.lproj/pass.strings": b"a = b;"}


def foreign(**members: Any) -> bytes:
    """A pass by nobody: no manifest, no signature."""
    return zipped({**BESIDE, "pass.json": json.dumps({**FOREIGN, **members}).encode()})


def refused(data: bytes, identity: Identity, **changes: Any) -> set[str]:
    with pytest.raises(PassRejected) as caught:
        apple.rewrite(data, identity, at=AT, **changes)
    return {finding.code for finding in caught.value.report.errors}


@pytest.fixture(scope="module")
def other(authority: Authority) -> Identity:
    return authority.identity(pass_type="pass.com.example.mine", team="MYTEAM1234")


# --- what changes, and what stays ---


def test_a_pass_of_anybody_becomes_ours(authority: Authority, other: Identity) -> None:
    done = apple.rewrite(foreign(), other, values={"name": "Bea"}, at=AT)
    verdict = verify(done.data, trust=authority.trust, at=LATER)
    assert verdict.ok, verdict.report
    assert (verdict.pass_type_identifier, verdict.team_identifier) == ("pass.com.example.mine", "MYTEAM1234")
    assert (verdict.serial_number, verdict.signed_at) == ("X-1", AT)
    assert "Bea" not in repr(done)
    expected = json.loads(json.dumps(FOREIGN))
    expected |= {"passTypeIdentifier": "pass.com.example.mine", "teamIdentifier": "MYTEAM1234"}
    expected["generic"]["primaryFields"][0]["value"] = "Bea"
    read = apple.read(done.data)
    assert read.document == expected
    assert list(read.document) == list(FOREIGN)
    assert {name: data for name, data in read.files.items() if name not in PER_PASS_FILES} == BESIDE


def test_same_input_same_bytes(other: Identity) -> None:
    one, two = (apple.rewrite(foreign(), other, values={"name": "B"}, at=AT).data for _ in range(2))
    assert one == two
    assert apple.rewrite(apple.read(foreign()), other, values={"name": "B"}, at=AT).data == one


def test_what_was_rewritten_is_what_is_built_with_these_values(identity: Identity, club: Template) -> None:
    """Byte for byte, where both passes are ours."""
    builder = PassBuilder(identity)
    one = builder.build(club.issue("M-1", {"fullName": "Ann", "points": 1}, binding=BINDING), at=AT)
    two = builder.build(club.issue("M-1", {"fullName": "Bea", "points": 2}, binding=BINDING), at=AT)
    assert apple.rewrite(one, identity, values={"fullName": "Bea", "points": 2}, at=AT).data == two


@pytest.mark.foreign("unzip", "openssl")
def test_sig_19_openssl_accepts_what_was_rewritten(
    authority: Authority, other: Identity, tmp_path: Path
) -> None:
    (tmp_path / "card.pkpass").write_bytes(apple.rewrite(foreign(), other, at=AT).data)
    root = x509.load_der_x509_certificate(authority.root)
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for command in (
        "unzip -q card.pkpass",
        (
            "openssl cms -verify -binary -inform DER -in signature -content manifest.json "
            "-CAfile root.pem -purpose any -out verified"
        ),
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    listed = json.loads((tmp_path / "verified").read_bytes())
    assert listed.keys() == {*BESIDE, "pass.json"}
    for name, expected in listed.items():
        assert digest((tmp_path / name).read_bytes()) == expected


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", "text"),
        ("", ""),
        (3, 3),
        (2.5, 2.5),
        (Decimal("12.50"), 12.5),
        (Decimal(7), 7),
        (date(2026, 5, 1), "2026-05-01T00:00:00Z"),
        (datetime(2026, 5, 1, 9, 30, tzinfo=UTC), "2026-05-01T09:30:00+00:00"),
    ],
)
def test_values_of_every_type_are_written_as_apple_reads_them(
    other: Identity, value: Any, written: Any
) -> None:
    key = "seen" if isinstance(value, date) else "name"
    done = apple.rewrite(foreign(), other, values={key: value}, at=AT)
    assert apple.read(done.data).values[key] == written


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, [], {}, b"x", "\0", "\ud800", float("nan"), Decimal("inf"), 1j),
        datetime(2026, 5, 1),  # noqa: DTZ001 -- a naive one is the point
    ],
)
def test_values_that_have_no_form_are_refused(other: Identity, value: Any) -> None:
    assert refused(foreign(), other, values={"name": value}) == {"wrong-value"}


def test_a_field_that_is_not_there_is_named_with_what_was_meant(other: Identity) -> None:
    with pytest.raises(PassRejected, match="did you mean 'name'") as caught:
        apple.rewrite(foreign(), other, values={"nam": "x"})
    [finding] = caught.value.report.errors
    assert (finding.code, finding.location) == ("unknown-field", "pass#/values/nam")


def test_a_key_that_stands_in_two_places_changes_in_both(other: Identity) -> None:
    style = {**FOREIGN["generic"], "headerFields": [{"key": "name", "value": "Ann"}]}
    done = apple.rewrite(foreign(generic=style), other, values={"name": "Bea"}, at=AT)
    made = apple.read(done.data).document["generic"]
    assert made["headerFields"][0]["value"] == made["primaryFields"][0]["value"] == "Bea"


def test_a_value_that_phones_do_not_show_is_a_warning(other: Identity) -> None:
    done = apple.rewrite(foreign(), other, values={"site": "b"}, at=AT)
    assert ("value-not-shown", "pass#/values/site") in {(f.code, f.location) for f in done.report.warnings}


def test_members_are_merged_and_null_takes_out(other: Identity) -> None:
    own = {"createdAt": None, "userInfo": {"c": 3}, "voided": True}
    made = apple.read(apple.rewrite(foreign(), other, apple=own, at=AT).data).document
    assert "createdAt" not in made
    assert made["userInfo"] == {"a": [1, 2.5, {"b": None}], "c": 3}
    assert made["voided"] is True


def test_files_are_added_replaced_and_left_out(other: Identity) -> None:
    done = apple.rewrite(
        foreign(), other, files={"README": None, "logo.png": ICON, "logo.svg": b"new"}, at=AT
    )
    files = apple.read(done.data).files
    assert "README" not in files
    assert (files["logo.png"], files["logo.svg"]) == (ICON, b"new")
    for name in PER_PASS_FILES:
        with pytest.raises(ValueError, match="are made here"):
            apple.rewrite(foreign(), other, files={name: b"x"})
    with pytest.raises(InvalidInput) as caught:
        apple.rewrite(foreign(), other, files={"../x": b"x"}, at=AT)
    assert caught.value.code == "bad-name"


def test_sloppy_json_becomes_strict_and_is_named(authority: Authority, other: Identity) -> None:
    text = json.dumps(FOREIGN).replace('"createdAt"', '"createdAt": 0, "createdAt"')[:-1] + ",} // end"
    done = apple.rewrite(
        zipped({"icon.png": ICON, "pass.json": b"\xef\xbb\xbf" + text.encode()}), other, at=AT
    )
    assert {f.code for f in done.report.warnings} >= {
        *("json-bom", "json-comment", "json-duplicate-key", "json-trailing-comma", "unknown-key")
    }
    again = verify(done.data, trust=authority.trust, at=LATER)
    assert not any(finding.code.startswith("json-") for finding in again.report)
    assert again.document["createdAt"] == 1


# --- what is refused ---


def test_what_genuine_passes_lack_stays_as_it_is(other: Identity) -> None:
    """No style, no description, a serial number that is a number: phones take it, and the report says so."""
    document = {key: value for key, value in FOREIGN.items() if key not in ("description", "generic")}
    data = zipped({**BESIDE, "pass.json": json.dumps({**document, "serialNumber": 5}).encode()})
    done = apple.rewrite(data, other, at=AT)
    assert apple.read(done.data).document["serialNumber"] == 5
    assert {f.code for f in done.report.warnings} == {"wrong-type", "missing-key", "unknown-key"}


def test_what_a_wallet_refuses_is_not_signed_until_it_is_mended(other: Identity) -> None:
    code = {"format": "PKBarcodeFormatQR", "message": "漢", "messageEncoding": "iso-8859-1"}
    broken = foreign(barcodes=[code])
    assert refused(broken, other, values={"name": "B"}) == {"code-not-encodable"}
    mended = {"barcodes": [{**code, "messageEncoding": "utf-8"}]}
    assert apple.rewrite(broken, other, apple=mended, at=AT).report.ok


def test_crt_07_crt_08_identifiers_are_those_of_the_certificate(other: Identity) -> None:
    own = {"passTypeIdentifier": "pass.org.example.other", "teamIdentifier": "OTHERTEAM1"}
    assert refused(foreign(), other, apple=own) == {"pass-type-mismatch", "team-mismatch"}


def test_a_pass_without_an_icon_is_refused(other: Identity) -> None:
    bare = zipped({"pass.json": json.dumps(FOREIGN).encode()})
    assert refused(bare, other) == {"missing-file"}
    assert apple.rewrite(bare, other, files={"icon.png": ICON}, at=AT).data


@pytest.mark.parametrize("name", ["pass.p12", "certs/key.pem", "Key.KEY"])
def test_keys_are_not_signed_into_a_pass(other: Identity, name: str) -> None:
    data = zipped({"icon.png": ICON, "pass.json": json.dumps(FOREIGN).encode(), name: b"secret"})
    assert refused(data, other) == {"secret-file"}
    assert name not in apple.read(apple.rewrite(data, other, files={name: None}, at=AT).data).files


def test_man_12_left_overs_stay_behind_and_are_named(other: Identity) -> None:
    left = {".DS_Store": b"x", "__MACOSX/._icon.png": b"x", ".git/HEAD": b"x", "de.lproj/Thumbs.db": b"x"}
    data = zipped({"icon.png": ICON, "pass.json": json.dumps(FOREIGN).encode(), **left, "old/a.txt": b"x"})
    done = apple.rewrite(data, other, at=AT)
    assert {f.location for f in done.report.warnings if f.code == "left-over-file"} == left.keys()
    assert apple.read(done.data).files.keys() == {"icon.png", "old/a.txt", *PER_PASS_FILES}


def test_man_11_the_pass_is_made_of_what_was_judged(other: Identity) -> None:
    """Overrides that JSON writes otherwise than they look are judged as written."""
    assert refused(foreign(), other, apple={"x": {1, 2}}) == {"not-json"}
    assert refused(foreign(), other, apple={"x": "\0"}) == {"bad-string"}
    assert refused(foreign(), other, apple={"x": "\ud800"}) == {"not-utf8"}
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert refused(foreign(), other, apple={"x": deep}) == {"too-deep"}


def test_what_can_not_be_read_can_not_be_rewritten(other: Identity) -> None:
    with pytest.raises(InvalidInput):
        apple.rewrite(b"PK", other)


def test_times_are_asked_as_when_building(other: Identity) -> None:
    with pytest.raises(ValueError, match="time zone"):
        apple.rewrite(foreign(), other, at=datetime(2026, 1, 1))  # noqa: DTZ001 -- a naive one is the point
    with pytest.raises(KeyMaterialError):
        apple.rewrite(foreign(), other, at=AT + timedelta(days=20_000))
    now = datetime.now(UTC)
    assert verify(apple.rewrite(foreign(), other).data, trust=_trust(other), at=now).is_signed


def _trust(identity: Identity) -> Any:
    from passwright.apple.trust.anchors import Trust

    return Trust.of(identity.intermediate)


# --- bound passes ---

BOUND: dict[str, Any] = {
    "fidoProfile": {"relyingPartyIdentifier": "wallet.example.com", "accountHash": "00" * 32},
    "issuerBindingData": {"issuerBindingData": "414243"},
    "sharingProhibited": True,
    "nfc": {"message": "X-1", "encryptionPublicKey": READER_KEY, "requiresAuthentication": True},
}


@pytest.mark.parametrize(
    "code",
    [
        {"barcode": {"format": "PKBarcodeFormatQR", "message": "X", "messageEncoding": "utf-8"}},
        {"barcodes": [{"format": "PKBarcodeFormatQR", "message": "X", "messageEncoding": "utf-8"}]},
        {"barcodes": "X"},
    ],
)
def test_a_bound_pass_gets_no_code(identity: Identity, code: Mapping[str, Any]) -> None:
    assert "binding-forbids-barcode" in refused(foreign(**BOUND), identity, apple=code)
    # The caller may know what the file does not say.
    assert "binding-forbids-barcode" in refused(foreign(nfc=BOUND["nfc"]), identity, apple=code, bound=True)
    if code["barcodes" if "barcodes" in code else "barcode"] != "X":
        assert apple.rewrite(foreign(), identity, apple=code, at=AT).data


def test_a_code_beside_a_binding_is_refused_until_it_is_taken_out(identity: Identity) -> None:
    code = {"format": "PKBarcodeFormatQR", "message": "X", "messageEncoding": "utf-8"}
    data = foreign(**BOUND, barcodes=[code])
    assert refused(data, identity, values={"name": "B"}) == {"binding-forbids-barcode"}
    made = apple.read(apple.rewrite(data, identity, apple={"barcodes": None}, at=AT).data)
    assert made.is_bound
    assert "barcodes" not in made.document


@pytest.mark.parametrize(
    ("own", "where"),
    [
        ({"fidoProfile": None}, "/fidoProfile"),
        ({"fidoProfile": {}, "issuerBindingData": None}, "/issuerBindingData"),
        ({"fidoProfile": {"accountHash": None}}, "/fidoProfile/accountHash"),
        ({"fidoProfile": "x"}, "/fidoProfile/relyingPartyIdentifier"),
        ({"issuerBindingData": {"issuerBindingData": ""}}, "/issuerBindingData/issuerBindingData"),
        ({"sharingProhibited": False}, "/sharingProhibited"),
        ({"nfc": None}, "/nfc"),
        ({"nfc": {"requiresAuthentication": False}}, "/nfc/requiresAuthentication"),
    ],
)
def test_a_bound_pass_loses_nothing_that_binds_it(
    identity: Identity, own: Mapping[str, Any], where: str
) -> None:
    with pytest.raises(PassRejected) as caught:
        apple.rewrite(foreign(**BOUND), identity, apple=own, at=AT)
    assert f"pass.json#{where}" in {
        f.location for f in caught.value.report.errors if f.code == "binding-lost"
    }


def test_a_bound_pass_is_rewritten_with_new_values(authority: Authority, identity: Identity) -> None:
    own = {"issuerBindingData": {"issuerBindingData": "44"}, "fidoProfile": {"accountHash": "11" * 32}}
    done = apple.rewrite(foreign(**BOUND), identity, values={"name": "B"}, apple=own, at=AT)
    assert verify(done.data, trust=authority.trust, at=LATER).ok
    made = apple.read(done.data)
    assert made.is_bound
    assert made.document["fidoProfile"] == {**BOUND["fidoProfile"], "accountHash": "11" * 32}
    # What an unbound pass may lose.
    assert apple.rewrite(foreign(nfc=BOUND["nfc"]), identity, apple={"nfc": None}, at=AT).data


# --- anything anybody may have put there ---

KNOWN = st.sampled_from(
    ["a", "é", "x y", "logo", ".hidden", "…", "名前", "_", "old/a", "de_CH.lproj/x", "a/b/c"]
)
NAMES = st.builds(
    "{}{}".format, KNOWN | st.text(TEXT, max_size=6), st.sampled_from(["", ".txt", ".JSON", "~"])
)
KEYS = st.text(TEXT, min_size=1, max_size=6).map("odd {}".format)


def _may_stay(name: str) -> bool:
    fault = name_problem(name, allow_folders=True, max_bytes=255)
    return not (fault or is_junk_file(name) or is_secret(name) or name in PER_PASS_FILES)


@pytest.mark.no_cover
@given(st.dictionaries(KEYS, JSON, max_size=4), st.dictionaries(NAMES, st.binary(max_size=20), max_size=4))
@examples(150)
def test_jsn_09_rewriting_keeps_every_unknown_key_and_file(
    identity: Identity, members: dict[str, Any], beside: dict[str, bytes]
) -> None:
    """At the top, in the style, in a field, in semantics; files of any name in any folder."""
    files = {name: data for name, data in beside.items() if _may_stay(name)}
    style = {**members, "primaryFields": [{"key": "name", "value": "Ann", **members}]}
    document = {**FOREIGN, **members, "generic": style, "semantics": dict(members)}
    archived = zipped({"icon.png": ICON, **files, "pass.json": json.dumps(document).encode()})
    try:
        contents = apple.read(archived)
    except InvalidInput as twice:
        # Two names that some file system takes for one, or a file called like a folder.
        assert twice.code == "duplicate-name"  # noqa: PT017  # any other is a failure
        return
    made = apple.read(apple.rewrite(contents, identity, values={"name": "Bea"}, at=AT).data)
    expected = json.loads(json.dumps(document))
    expected["generic"]["primaryFields"][0]["value"] = "Bea"
    expected |= {
        "passTypeIdentifier": identity.pass_type_identifier,
        "teamIdentifier": identity.team_identifier,
    }
    assert made.document == expected
    assert {name: data for name, data in made.files.items() if name not in PER_PASS_FILES} == {
        "icon.png": ICON,
        **files,
    }


@pytest.mark.no_cover
@given(
    st.dictionaries(st.sampled_from(["generic", "nfc", "barcodes", "fidoProfile", "semantics", "x"]), JSON)
)
def test_no_document_whatever_raises_anything_else(identity: Identity, members: dict[str, Any]) -> None:
    data = archive(pass__json={**FOREIGN, **members}, icon__png=ICON)
    try:
        done = apple.rewrite(data, identity, at=AT)
    except PassRejected as rejected:
        assert rejected.report.errors  # noqa: PT017  # the report is what is looked at
    else:
        assert done.report.ok
