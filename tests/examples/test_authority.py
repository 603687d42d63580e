"""The fake authority has Apple's shape, can break anything on purpose, and is trusted by nobody."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from passwright.apple.identity import Identity
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Trust
from passwright.apple.trust.chain import chain
from passwright.examples.authority import EXAMPLE_PASSWORD, Authority, example_directory
from passwright.examples.certificates import PASS_TYPE, TEAM, Issued, Leaf, new_key
from passwright.examples.directory import write_example
from passwright.examples.legacy_p12 import legacy_p12

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILES = {
    "README",
    "nfc.key",
    "pass-ec.key",
    "pass-ec.p12",
    "pass-ec.pem",
    "pass-legacy.p12",
    "pass-nfc.key",
    "pass-nfc.p12",
    "pass-nfc.pem",
    "pass.key",
    "pass.p12",
    "pass.pem",
    "root.pem",
    "service-account.json",
    "wwdr.pem",
}
PRIVATE = {name for name in FILES if name.endswith((".key", ".p12", ".json"))}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create(now=NOW)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("example") / "new"
    before = os.umask(0)
    try:
        write_example(directory, now=NOW)
    finally:
        os.umask(before)
    return directory


@pytest.fixture(params=["committed", "written"])
def directory(request: pytest.FixtureRequest, written: Path) -> Path:
    return written if request.param == "written" else example_directory()


def test_a_pass_certificate_has_apples_shape(authority: Any) -> None:
    """Subject, usages and markers as measured on Apple's own."""
    leaf = asn1.Certificate.load(authority.identity(nfc=True).certificate)
    names = [(one[0]["type"].native, one[0]["value"].native) for one in leaf.subject.chosen]
    assert names == [
        ("user_id", PASS_TYPE),
        ("common_name", f"Pass Type ID with NFC: {PASS_TYPE}"),
        ("organizational_unit_name", TEAM),
        ("organization_name", "Passwright throw-away example"),
        ("country_name", "US"),
    ]
    assert leaf.key_usage_value.native == {"digital_signature"}
    assert leaf.extended_key_usage_value.native == ["client_auth", x.PASS_PURPOSE]
    assert leaf.basic_constraints_value.native["ca"] is False
    extensions = {
        one["extn_id"].dotted: one["extn_value"].contents for one in leaf["tbs_certificate"]["extensions"]
    }
    text = b"\x0c" + bytes((len(PASS_TYPE),)) + PASS_TYPE.encode()
    assert extensions[x.PASS_MARKER] == text
    assert extensions[x.NFC_MARKER] == text
    assert extensions["1.2.840.113635.100.6.3.2"] == b"\x05\x00"
    assert leaf.public_key.bit_size == 2048
    assert leaf.signature_algo == "rsassa_pkcs1v15"
    assert leaf.hash_algo == "sha256"


def test_only_certificates_for_nfc_are_marked_so(authority: Any) -> None:
    assert authority.identity(nfc=True).nfc
    plain = authority.identity()
    assert not plain.nfc
    assert (
        asn1.Certificate.load(plain.certificate).subject.native["common_name"] == f"Pass Type ID: {PASS_TYPE}"
    )


def test_root_and_intermediate_have_apples_shape(authority: Any) -> None:
    root, intermediate = asn1.Certificate.load(authority.root), asn1.Certificate.load(authority.intermediate)
    assert root.self_signed == "maybe"
    assert intermediate.issuer == root.subject
    assert intermediate.authority_key_identifier == root.key_identifier
    for one in (root, intermediate):
        assert one.ca
        assert one.key_usage_value.native == {"key_cert_sign", "crl_sign"}
        assert one.subject.native["organization_name"] == "Passwright throw-away example"
    markers = [one["extn_id"].dotted for one in intermediate["tbs_certificate"]["extensions"]]
    assert "1.2.840.113635.100.6.2.1" in markers


def test_everything_lives_from_five_years_before_to_thirty_after(authority: Any) -> None:
    for octets in (authority.root, authority.intermediate, authority.identity().certificate):
        one = asn1.Certificate.load(octets)
        assert one.not_valid_before == NOW - timedelta(days=5 * 365)
        assert (one.not_valid_after.year, one.not_valid_after.month) == (2056, 1)


def test_the_same_wishes_give_the_same_identity(authority: Any) -> None:
    assert authority.identity() is authority.identity()
    assert authority.identity(pass_type="pass.org.other").pass_type_identifier == "pass.org.other"
    assert isinstance(authority.identity(ec=True).public_key, ec.EllipticCurvePublicKey)


def test_serial_numbers_differ(authority: Any) -> None:
    assert len({x.parse(authority.issue().certificate).serial_number for _ in range(20)}) == 20


@pytest.mark.parametrize("team", ["", "SHORT", "ELEVENCHARS"])
def test_a_team_has_ten_characters(authority: Any, team: Any) -> None:
    with pytest.raises(ValueError, match="10 characters"):
        authority.identity(team=team)


def test_the_size_of_the_keys_can_be_chosen() -> None:
    authority = Authority.create(now=NOW, key_size=3072)
    assert asn1.Certificate.load(authority.root).public_key.bit_size == 3072
    assert asn1.Certificate.load(authority.intermediate).public_key.bit_size == 3072


def test_its_trust_is_its_own_root_alone(authority: Any) -> None:
    other = Authority.create(now=NOW)
    identity = authority.identity()
    embedded = [identity.certificate, identity.intermediate]
    assert chain(identity.certificate, embedded, trust=authority.trust, at=NOW).ok
    for trust in (other.trust, Trust.apple()):
        assert not chain(identity.certificate, embedded, trust=trust, at=NOW).ok


def test_an_ec_issuer_makes_no_sha1_certificates(authority: Any) -> None:
    issuer = Issued(authority.intermediate, new_key(ec=True))
    with pytest.raises(TypeError, match="RSA"):
        authority.issue(Leaf(sha1=True), by=issuer)


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(
    ("leaf", "good"), [(Leaf(), True), (Leaf(ec=True), True), (Leaf(not_after=NOW), False)]
)
def test_openssl_follows_its_chains(authority: Any, tmp_path: Any, leaf: Any, good: Any) -> None:
    issued = authority.issue(leaf)
    for name, octets in {
        "root": authority.root,
        "wwdr": authority.intermediate,
        "leaf": issued.certificate,
    }.items():
        (tmp_path / name).write_text(asn1_pem(octets))
    at = str(int(NOW.timestamp()) + 1)
    command = [
        "openssl",
        "verify",
        "-attime",
        at,
        "-x509_strict",
        "-CAfile",
        "root",
        "-untrusted",
        "wwdr",
        "leaf",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout == "leaf: OK\n") is good


def asn1_pem(octets: bytes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return x.parse(octets).public_bytes(Encoding.PEM).decode()


# --- the example ---


def test_the_example_has_all_its_files(directory: Any) -> None:
    assert {path.name for path in directory.iterdir()} == FILES


def test_key_03_private_files_are_for_their_owner_only(written: Any) -> None:
    """Also where the process would let everybody read what it writes."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in written.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == PRIVATE
    assert {mode for name, mode in modes.items() if name not in PRIVATE} == {0o644}


def test_writing_again_replaces_everything(tmp_path: Any) -> None:
    (tmp_path / "pass.key").write_text("old")
    (tmp_path / "pass.key").chmod(0o666)
    write_example(tmp_path, now=NOW)
    assert stat.S_IMODE((tmp_path / "pass.key").stat().st_mode) == 0o600
    first = (tmp_path / "pass.key").read_bytes()
    write_example(tmp_path, now=NOW)
    assert (tmp_path / "pass.key").read_bytes() != first
    assert Authority.load(tmp_path).identity().pass_type_identifier == PASS_TYPE


def test_the_example_is_an_authority(directory: Any) -> None:
    authority = Authority.load(directory)
    for given in ({}, {"nfc": True}, {"ec": True}):
        identity = authority.identity(**given)  # type: ignore[arg-type]
        assert (identity.pass_type_identifier, identity.team_identifier) == (PASS_TYPE, TEAM)
        assert identity.nfc is given.get("nfc", False)
        embedded = [identity.certificate, identity.intermediate]
        assert chain(identity.certificate, embedded, trust=authority.trust, at=NOW).ok
        assert identity.not_after.year >= 2055


def test_the_example_issues_nothing_new() -> None:
    authority = Authority.example()
    calls: list[Any] = [
        lambda: authority.identity(pass_type="pass.org.other"),
        authority.issue,
        authority.issue_intermediate,
        authority.as_issuer,
        authority.as_root,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="thrown away"):
            call()


@pytest.mark.parametrize("name", ["pass", "pass-nfc", "pass-ec", "pass-legacy"])
def test_the_examples_p12_files_are_read(directory: Any, name: Any) -> None:
    identity = Identity.from_p12((directory / f"{name}.p12").read_bytes(), EXAMPLE_PASSWORD)
    [certificate] = x.split_pem((directory / f"{name.removesuffix('-legacy')}.pem").read_bytes())
    assert identity.certificate == certificate
    assert [identity.intermediate] == x.split_pem((directory / "wwdr.pem").read_bytes())


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(
    ("name", "options", "good"),
    [
        ("pass.p12", [], True),
        ("pass-nfc.p12", [], True),
        ("pass-ec.p12", [], True),
        ("pass-legacy.p12", [], False),
        ("pass-legacy.p12", ["-legacy"], True),
    ],
)
def test_openssl_reads_the_legacy_file_only_when_asked(
    directory: Any, name: Any, options: Any, good: Any
) -> None:
    command = ["openssl", "pkcs12", *options, "-in", name, "-passin", f"pass:{EXAMPLE_PASSWORD}", "-nodes"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is good
    assert done.stdout.count("BEGIN CERTIFICATE") == 2 * good
    assert done.stdout.count("BEGIN PRIVATE KEY") == good
    if "legacy" in name and not good:
        assert "unsupported" in done.stderr


@pytest.mark.foreign("openssl")
def test_the_legacy_file_says_what_it_is_encrypted_with(directory: Any) -> None:
    command = ["openssl", "pkcs12", "-legacy", "-info", "-in", "pass-legacy.p12", "-noout"]
    done = subprocess.run(
        [*command, "-passin", f"pass:{EXAMPLE_PASSWORD}"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    )
    for words in ("MAC: sha1", "pbeWithSHA1And40BitRC2-CBC", "pbeWithSHA1And3-KeyTripleDES-CBC"):
        assert words in done.stderr


@pytest.mark.parametrize("password", ["passwright", "", "x" * 100, "\N{LATIN SMALL LETTER U WITH DIAERESIS}"])
def test_legacy_files_with_any_password(authority: Any, password: Any) -> None:
    issued = authority.issue()
    data = legacy_p12(issued, authority.intermediate, password)
    assert data == legacy_p12(issued, authority.intermediate, password)
    assert Identity.from_p12(data, password).certificate == issued.certificate


def test_the_examples_service_account_is_nobodys(directory: Any) -> None:
    account: dict[str, Any] = json.loads((directory / "service-account.json").read_text())
    assert account["type"] == "service_account"
    assert account["client_email"] == "wallet-example@passwright-throw-away.iam.gserviceaccount.com"
    assert account["token_uri"] == "https://oauth2.googleapis.com/token"
    assert isinstance(load_pem_private_key(account["private_key"].encode(), None), rsa.RSAPrivateKey)


def test_google_auth_reads_the_examples_service_account(directory: Any) -> None:
    from google.oauth2.service_account import Credentials

    read: Any = Credentials.from_service_account_file
    assert read(str(directory / "service-account.json")).service_account_email.startswith("wallet-example@")


def test_the_examples_terminal_key_is_p256(directory: Any) -> None:
    key = load_pem_private_key((directory / "nfc.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


def test_every_subject_of_the_example_says_what_it_is(directory: Any) -> None:
    for name in ("root", "wwdr", "pass", "pass-nfc", "pass-ec"):
        [octets] = x.split_pem((directory / f"{name}.pem").read_bytes())
        assert (
            asn1.Certificate.load(octets).subject.native["organization_name"]
            == "Passwright throw-away example"
        )
    readme = (directory / "README").read_text()
    assert EXAMPLE_PASSWORD in readme
    assert "Nothing trusts" in readme


def test_an_installed_example_is_found_in_the_package(monkeypatch: Any, tmp_path: Any) -> None:
    """The wheel carries the files next to the module; the repository at its root."""
    from passwright.examples import authority

    assert example_directory().name == "certs.example"
    (tmp_path / "certs.example").mkdir()
    monkeypatch.setattr(authority, "__file__", str(tmp_path / "authority.py"))
    assert example_directory() == tmp_path / "certs.example"


def test_an_authority_needs_an_aware_time() -> None:
    with pytest.raises(ValueError, match="now has no time zone"):
        Authority.create(now=NOW.replace(tzinfo=None))
