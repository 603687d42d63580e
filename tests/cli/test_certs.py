"""`certs request`, `certs check`, `certs intermediate`: from nothing to a signed pass, without a Mac."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passwright.apple.certificates.check import check_credentials
from passwright.apple.trust import certificate as x
from passwright.cli import output
from passwright.cli.commands import certs as certs_cli
from passwright.examples.authority import EXAMPLE_PASSWORD, Authority
from passwright.examples.certificates import Leaf
from passwright.testing.https_server import CertificatePage
from tests.conftest import AT
from tests.run_cli import TEMPLATE, certs, documents, names, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary-secret"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return certs(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- request -------------------------------------------------------------------------------------


def test_a_request_makes_key_and_request_and_says_what_comes_next(tmp_path: Path) -> None:
    folder = tmp_path / "my certs"
    result = run("certs", "request", str(folder))

    assert result.exit_code == 0
    assert names(folder) == ["pass.certSigningRequest", "pass.key"]
    assert "readable by you alone" in result.stdout
    steps = [line for line in result.stdout.splitlines() if re.match(r"  [1-6] ", line)]
    assert len(steps) == 6
    assert "https://developer.apple.com/account" in steps[0]
    assert f"upload '{folder}/pass.certSigningRequest'" in steps[1]
    assert f"passwright certs intermediate --for '{folder}/pass.cer'" in steps[3]
    assert "passwright build TEMPLATE" in steps[5]
    assert x509.load_pem_x509_csr((folder / "pass.certSigningRequest").read_bytes()).is_signature_valid


@pytest.mark.foreign("openssl")
def test_openssl_verifies_the_request(tmp_path: Path) -> None:
    run("certs", "request", str(tmp_path / "new"), "--name", "Example Coffee")
    request, key = tmp_path / "new" / "pass.certSigningRequest", tmp_path / "new" / "pass.key"

    def openssl(*args: str) -> str:
        done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout + done.stderr

    told = openssl("req", "-verify", "-in", str(request), "-noout", "-subject", "-text")
    assert "verify OK" in told
    assert "Example Coffee" in told
    assert "sha256WithRSAEncryption" in told
    assert "(2048 bit)" in told
    modulus = openssl("req", "-in", str(request), "-noout", "-modulus")
    assert modulus == openssl("rsa", "-in", str(key), "-noout", "-modulus")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_fil_06_the_key_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        run("certs", "request", str(tmp_path / "new"))
    finally:
        os.umask(before)

    assert mode(tmp_path / "new" / "pass.key") == 0o600
    assert mode(tmp_path / "new" / "pass.certSigningRequest") == 0o644 & ~mask
    assert not mode(tmp_path / "new") & 0o077


def test_key_03_the_key_is_created_closed(tmp_path: Path) -> None:
    """From its first byte: every file that is opened for it is opened with 0600 or less."""
    watched = (
        "import os, sys\n"
        "sys.addaudithook(lambda name, args: name == 'open' and 'pass.key' in str(args[0])"
        " and args[2] & os.O_CREAT and print('created'))\n"
        "real = os.open\n"
        "def opened(path, flags, mode=0o777, **more):\n"
        "    if 'pass.key' in str(path) and flags & os.O_CREAT:\n"
        "        print(oct(mode))\n"
        "    return real(path, flags, mode, **more)\n"
        "os.open = opened\n"
        "from passwright.cli import main\n"
        f"main(['certs', 'request', {str(tmp_path / 'new')!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True)

    assert "0o600\n" in done.stdout
    assert set(re.findall(r"^0o\d+$", done.stdout, re.MULTILINE)) == {"0o600"}


@pytest.mark.parametrize("name", ["pass.key", "pass.certSigningRequest"])
def test_nothing_that_is_there_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    result = run("certs", "request", str(tmp_path))

    assert result.exit_code == 2
    assert f"{name} is there already" in result.stderr
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_to_nowhere_is_something_too(tmp_path: Path) -> None:
    (tmp_path / "pass.key").symlink_to(tmp_path / "elsewhere")

    assert run("certs", "request", str(tmp_path)).exit_code == 2
    assert names(tmp_path) == ["pass.key"]


def test_key_07_the_password_of_a_new_key_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{CANARY}\n")
    secret.chmod(0o600)
    result = run("certs", "request", str(tmp_path / "new"), "--password-file", str(secret))

    assert result.exit_code == 0
    assert "a new private key, encrypted" in result.stdout
    key = (tmp_path / "new" / "pass.key").read_bytes()
    assert b"ENCRYPTED" in key
    found = run("certs", "check", str(tmp_path / "new" / "pass.key"), "--password-file", str(secret))
    assert "private key, RSA 2048" in found.stdout


def test_key_07_a_terminal_asks_twice_for_a_new_password(tmp_path: Path) -> None:
    result = run("certs", "request", str(tmp_path / "new"), "--encrypt", stdin=f"{CANARY}\n{CANARY}\n")

    assert result.exit_code == 0
    assert b"ENCRYPTED" in (tmp_path / "new" / "pass.key").read_bytes()


def test_an_empty_password_and_an_odd_name_are_wrong_use(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch(0o600)
    result = run("certs", "request", str(tmp_path / "new"), "--password-file", str(empty))
    assert (result.exit_code, "password is empty" in result.stderr) == (2, True)
    result = run("certs", "request", str(tmp_path / "new"), "--name", "")
    assert (result.exit_code, "1 to 64 characters" in result.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


# --- check ---------------------------------------------------------------------------------------


def test_three_that_fit_are_said_to_fit(keys: Path) -> None:
    paths = [str(keys / name) for name in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem")]
    result = run("certs", "check", *paths, "--example")

    assert result.exit_code == 0
    for line in (
        f"{keys}/pass-nfc.pem: pass certificate",
        "  pass type  pass.com.example.passwright",
        "  team       EXAMPLE123, Passwright throw-away example",
        "  NFC        yes",
        "  issued by  Passwright Example Worldwide Developer Relations, under Passwright Example Root CA",
        f"{keys}/pass-nfc.key: private key, RSA 2048",
        "They fit together, and passes can be signed with them.",
    ):
        assert f"{line}\n" in result.stdout
    assert re.search(r"  valid      2\d{3}-\d\d-\d\d to 2\d{3}-\d\d-\d\d, \d+ days left\n", result.stdout)


def test_an_issuer_that_nothing_proves_is_named_as_such(keys: Path) -> None:
    """Who forgot --root sees whose it is, and that this is a claim."""
    paths = [str(keys / name) for name in ("pass-nfc.pem", "wwdr.pem")]
    result = run("certs", "check", *paths)

    assert result.exit_code == 1
    name = "Passwright Example Worldwide Developer Relations"
    assert f"  issued by  {name} by its own word, which nothing here proves\n" in result.stdout
    assert "--root FILE trusts a root" in result.stdout


def test_what_is_said_to_sign_signs(keys: Path, tmp_path: Path) -> None:
    paths = [str(keys / name) for name in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem")]
    [document] = documents(run("certs", "check", *paths, "--example", "--json"))
    words = document["next"][0].replace("TEMPLATE", TEMPLATE).replace("card.pkpass", str(tmp_path / "card"))

    assert run(*words.split()[1:], "--set", "fullName=Jane").exit_code == 0
    assert run("verify", str(tmp_path / "card"), "--example").exit_code == 0


def test_the_document_names_every_thing(keys: Path) -> None:
    [document] = documents(run("certs", "check", str(keys / "pass.pem"), str(keys / "pass.key"), "--json"))

    assert list(document) == ["ok", "ready", "items", "next", "findings"]
    assert (document["ok"], document["ready"]) == (False, False), "nobody trusts the example unasked"
    leaf, key = document["items"]
    assert (leaf["kind"], leaf["pass_type_identifier"], leaf["team_identifier"], leaf["nfc"]) == (
        "pass",
        "pass.com.example.passwright",
        "EXAMPLE123",
        False,
    )
    assert (leaf["issuer"], leaf["root"]) == (None, None)
    assert leaf["claimed_issuer"] == "Passwright Example Worldwide Developer Relations"
    assert leaf["days_left"] > 0
    assert key == {
        "file": str(keys / "pass.key"),
        "kind": "key",
        "name": "RSA 2048",
        "key_sha256": leaf["key_sha256"],
    }


def test_key_02_what_does_not_fit_ends_with_one(keys: Path) -> None:
    result = run("certs", "check", *(str(keys / name) for name in ("pass.pem", "pass-nfc.key")), "--example")

    assert result.exit_code == 1
    assert "[key-mismatch]" in result.stdout
    assert "  next give the private key" in result.stdout


def test_the_days_are_counted_from_the_time_that_is_named(keys: Path) -> None:
    end = x.parse(x.split_pem((keys / "pass.pem").read_bytes())[0]).not_valid_after_utc
    for days, said, code in (
        (31, "31 days left", 0),
        (30, "in 30 days", 0),
        (1, "in 1 day ", 0),
        (-1, "it has ended", 1),
    ):
        at = (end - timedelta(days=days)).isoformat()
        result = run(
            "certs", "check", str(keys / "pass.pem"), str(keys / "wwdr.pem"), "--example", "--at", at
        )
        assert result.exit_code == code
        assert said in result.stdout


def test_key_03_a_key_that_others_may_read_is_a_warning(keys: Path) -> None:
    (keys / "pass.key").chmod(0o644)
    result = run("certs", "check", str(keys / "pass.key"))

    assert result.exit_code == 0
    assert "[key-file-exposed]" in result.stdout
    assert f"chmod 600 {keys}/pass.key" in result.stdout
    assert "key-file-exposed" not in run("certs", "check", str(keys / "pass.pem")).stdout


def test_key_07_the_password_of_a_p12_comes_from_a_file(keys: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(EXAMPLE_PASSWORD)
    secret.chmod(0o600)
    p12 = str(keys / "pass.p12")
    result = run("certs", "check", p12, "--example", "--password-file", str(secret))
    assert result.exit_code == 0
    assert f"  next passwright build TEMPLATE --serial 1 --p12 {p12} --out card.pkpass\n" in result.stdout

    assert run("certs", "check", p12, "--example").exit_code == 1, "nobody is there to be asked"


def test_key_01_a_wrong_password_is_said_without_it(keys: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(CANARY)
    secret.chmod(0o600)
    result = run("certs", "check", str(keys / "pass.p12"), "--password-file", str(secret))

    assert result.exit_code == 1
    assert "[unreadable-credential]" in result.stdout
    assert "its password may be wrong or missing" in result.stdout


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    assert run("certs", "check", str(tmp_path / "none.pem")).exit_code == 2


@pytest.mark.parametrize("width", [40, 60, 200])
def test_on_a_terminal_of_any_width_nothing_is_cut_off(keys: Path, width: int) -> None:
    made = output.console(width=width, record=True)
    files = [(name, (keys / name).read_bytes()) for name in ("pass.pem", "pass-nfc.key", "wwdr.pem")]
    found = check_credentials(files, trust=Authority.example().trust, at=AT)
    certs_cli.print_check(found, [], on=made)

    text = made.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "[key-mismatch]" in "".join(text.split())


# --- intermediate --------------------------------------------------------------------------------


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CertificatePage]:
    """A page that this process trusts, as it trusts what the system trusts."""
    with CertificatePage() as made:
        (tmp_path / "page.pem").write_bytes(made.authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "page.pem"))
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        yield made


def test_another_certificate_than_apples_is_refused_and_not_written(
    page: CertificatePage, tmp_path: Path
) -> None:
    page.files["/g4.cer"] = Authority.example().intermediate
    out = tmp_path / "wwdr.pem"
    result = run("certs", "intermediate", "--from", f"{page.url}/g4.cer", "--out", str(out))

    assert result.exit_code == 2
    assert page.seen == ["/g4.cer"]
    assert "this is not WWDR G4 (SHA-256 fingerprints): expected ea475788" in result.stderr
    assert not out.exists()


def test_a_file_that_was_loaded_by_hand_is_compared_as_well(keys: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pem"
    result = run("certs", "intermediate", "--from", str(keys / "wwdr.pem"), "--out", str(out))

    assert result.exit_code == 2
    assert "this is not WWDR G4" in result.stderr
    assert not out.exists()


@pytest.fixture(scope="module")
def genuine(passkit: Path) -> bytes:
    """Apple's own G4, which a library of others ships."""
    text = (passkit / "node_modules/@walletpass/pass-js/dist/lib/sign-manifest.js").read_bytes()
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    return bytes(blocks[0].replace(b"\\n", b"\n"))


@pytest.mark.foreign("npm")
def test_apples_own_intermediate_is_fetched_and_written(
    page: CertificatePage, genuine: bytes, tmp_path: Path
) -> None:
    page.files["/g4.cer"] = x.split_pem(genuine)[0]
    out = tmp_path / "wwdr.pem"
    result = run("certs", "intermediate", "--from", f"{page.url}/g4.cer", "--out", str(out))

    assert result.exit_code == 0
    assert result.stdout == f"{out}: WWDR G4, valid to 2030-12-10, fingerprint as Apple's\n"
    assert x.split_pem(out.read_bytes()) == [x.split_pem(genuine)[0]]
    again = run("certs", "intermediate", "--from", str(out), "--out", str(tmp_path / "again.pem"))
    assert again.exit_code == 0
    told = run("certs", "check", str(out))
    assert "  name       WWDR G4\n" in told.stdout
    assert told.exit_code == 0


def test_a_page_that_fails_is_named(page: CertificatePage, tmp_path: Path) -> None:
    out = str(tmp_path / "wwdr.pem")
    for url, said in (
        (f"{page.url}/none", "127.0.0.1 answered 404"),
        ("http://127.0.0.1/g4.cer", "only https URLs are loaded"),
    ):
        result = run("certs", "intermediate", "--from", url, "--out", out)
        assert result.exit_code == 2
        assert said in result.stderr


def test_the_one_for_a_certificate_is_chosen_by_its_key(keys: Path, tmp_path: Path) -> None:
    result = run("certs", "intermediate", "--for", str(keys / "pass.pem"), "--out", str(tmp_path / "w"))

    assert result.exit_code == 2
    assert "none of Apple's intermediates issued this certificate" in result.stderr


def test_a_generation_that_is_gone_is_refused(tmp_path: Path) -> None:
    result = run("certs", "intermediate", "--generation", "G1", "--out", str(tmp_path / "w"))

    assert result.exit_code == 2
    assert "there are G2, G3, G4, G5, G6" in result.stderr


# --- what signs says when it ends ----------------------------------------------------------------


@pytest.mark.parametrize("days", [29, 31])
def test_crt_18_build_and_verify_warn_thirty_days_ahead(tmp_path: Path, days: int) -> None:
    now = datetime.now(UTC)
    authority = Authority.create(now=now)
    issued = authority.issue(Leaf(nfc=True, not_after=now + timedelta(days=days, hours=1)))
    key = tmp_path / "pass.key"
    key.touch(0o600)
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, octets in (
        ("pass.pem", issued.certificate),
        ("wwdr.pem", authority.intermediate),
        ("root.pem", authority.root),
    ):
        (tmp_path / name).write_bytes(x.as_pem(octets))
    out = tmp_path / "card.pkpass"
    args = (
        "--cert",
        str(tmp_path / "pass.pem"),
        "--key",
        str(key),
        "--intermediate",
        str(tmp_path / "wwdr.pem"),
    )
    built = run("build", TEMPLATE, "--serial", "1", "--set", "fullName=Jane", *args, "--out", str(out))
    judged = run("verify", str(out), "--root", str(tmp_path / "root.pem"))

    assert (built.exit_code, judged.exit_code) == (0, 0)
    assert ("certificate-expires-soon" in built.stderr) is (days == 29)
    assert ("certificate-expires-soon" in judged.stdout) is (days == 29)
