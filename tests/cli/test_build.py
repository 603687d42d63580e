"""`new`, `build`, `link`, `certs example`: what they make."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import tomllib
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from passwright.cli import files
from passwright.errors import UsageError
from passwright.examples.authority import EXAMPLE_PASSWORD, EXAMPLE_TEMPLATES
from passwright.model.template import Template
from tests.run_cli import (
    ADDRESS,
    BOUND,
    CARD,
    HOLDER,
    LEARN_MORE,
    LINK,
    TEMPLATE,
    certs,
    club,
    documents,
    names,
    pem,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "card.pkpass"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certs(tmp_path_factory.mktemp("keys"))


def pass_json(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("pass.json"))


def shown(document: Any) -> dict[str, Any]:
    """Every field of a pass.json by key."""
    return {each["key"]: each["value"] for fields in document["storeCard"].values() for each in fields}


# --- new -----------------------------------------------------------------------------------------


def test_new_makes_a_template_that_builds(tmp_path: Path) -> None:
    folder = tmp_path / "Käse Club"

    result = run("new", str(folder))

    template = Template.load(folder)
    assert result.exit_code == 0
    assert template.id.startswith("k-se-club-")
    assert template.name == "Coffee Club"
    assert f"passwright build '{folder}'" in result.stdout
    built = run("build", str(folder), "--serial", "M-1", "--example", "--out", str(tmp_path / "card.pkpass"))
    assert built.exit_code == 0
    assert names(tmp_path) == ["Käse Club", "card.pkpass"]


@pytest.mark.parametrize("kind", EXAMPLE_TEMPLATES)
def test_new_starts_from_a_template_of_any_kind_that_goes_to_both_wallets(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "mine"

    assert run("new", str(folder), "--kind", kind).exit_code == 0
    assert Template.load(folder).kind.name == kind
    built = run("build", str(folder), "--serial", "M-1", "--example", "--out", str(tmp_path / "card.pkpass"))
    assert built.exit_code == 0
    linked = run("link", str(folder), "--serial", "M-1", "--example", "--json")
    assert linked.exit_code == 0
    assert documents(linked)[0]["length"] <= 1800


def test_new_tells_every_kind_it_can_start_from() -> None:
    assert set(re.findall(r"[a-z_]+", run("new", "--help").stdout)) >= EXAMPLE_TEMPLATES.keys()


def test_new_gives_every_template_an_id_of_its_own(tmp_path: Path) -> None:
    """Google keeps a class for ever, so two templates must not share one by accident."""
    ids = set()
    for parent in ("a", "b"):
        (tmp_path / parent).mkdir()
        run("new", str(tmp_path / parent / "club"))
        ids.add(tomllib.loads((tmp_path / parent / "club" / "template.toml").read_text())["id"])

    assert len(ids) == 2


def test_new_fills_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert run("new", ".").exit_code == 0
    assert Template.load(".").id.startswith("here-")
    assert names(tmp_path) == ["here"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("full",), "not empty"),
        (("full/file",), "not a folder"),
        (("absent/club",), "absent/club: No such file or directory"),
        (("club", "--kind", "loyalti"), "'loyalty'"),
        (("club", "--kind", "gift-card"), "'gift_card'"),
        (
            ("club", "--kind", "bus"),
            "there is one for: loyalty, gift_card, offer, event, generic, flight, train",
        ),
    ],
)
def test_new_refuses(
    tmp_path: Path, args: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")

    result = run("new", *args)

    assert result.exit_code == 2
    assert said in result.stderr
    assert names(tmp_path) == ["full"]
    assert names(tmp_path / "full") == ["file"]


# --- build ---------------------------------------------------------------------------------------


def test_build_writes_a_pass_and_says_what_it_is(out: Path) -> None:
    result = run(*CARD, "--out", str(out))

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{out}: pass M-1 of pass.com.example.passwright, ")
    assert shown(pass_json(out))["fullName"] == "Jane Smith"
    assert run("verify", "--example", str(out)).exit_code == 0


def test_fil_06_a_pass_may_be_read_by_all(out: Path) -> None:
    before = os.umask(0)
    try:
        run(*CARD, "--out", str(out))
        assert stat.S_IMODE(out.stat().st_mode) == 0o644
        os.umask(0o077)
        run(*CARD, "--out", str(out))
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_build_prints_one_document(out: Path) -> None:
    result = run(*CARD, *BOUND, "--out", str(out), "--json")

    [document] = documents(result)
    data = out.read_bytes()
    assert list(document) == [
        *("file", "bytes", "sha256", "serial_number", "pass_type_identifier", "findings"),
    ]
    assert document["file"] == str(out)
    assert (document["bytes"], document["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert document["serial_number"] == "M-1"
    assert document["pass_type_identifier"] == "pass.com.example.passwright"
    assert "apple-binding-not-enforced-by-file" in {finding["code"] for finding in document["findings"]}
    assert result.stderr == ""


def test_findings_of_a_build_go_to_standard_error(out: Path) -> None:
    result = run(*CARD, *BOUND, "--out", str(out))

    assert "[apple-binding-not-enforced-by-file]" in result.stderr
    assert "note" not in result.stdout


def test_values_are_read_by_the_type_of_their_field(out: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text('{"fullName": "名前 ☕", "points": 7, "since": "2025-02-03"}', "utf-8")

    result = run(
        *CARD, "--values", str(values), "--set", "points=1200", "--set", "tier=a=b", "--out", str(out)
    )

    fields = shown(pass_json(out))
    assert result.exit_code == 0
    assert fields["fullName"] == "名前 ☕"
    assert fields["points"] == 1200
    assert fields["tier"] == "a=b"
    assert fields["since"].startswith("2025-02-03")


def test_nfc_barcode_and_expiry_are_the_options(out: Path) -> None:
    expires = "2031-01-31T23:59:59+01:00"
    result = run(*CARD, "--nfc", "NFC-7", "--barcode", "CODE-7", "--expires", expires, "--out", str(out))

    document = pass_json(out)
    assert result.exit_code == 0
    assert document["nfc"]["message"] == "NFC-7"
    assert document["barcodes"][0]["message"] == "CODE-7"
    assert document["expirationDate"] == expires


def test_a_bound_pass_says_nothing_of_its_holder(out: Path) -> None:
    result = run(*CARD, *BOUND, "--out", str(out))

    document = pass_json(out)
    assert result.exit_code == 0
    assert document["sharingProhibited"] is True
    assert document["nfc"]["requiresAuthentication"] is True
    assert LEARN_MORE in json.dumps(document)
    assert ADDRESS.encode() not in out.read_bytes()
    assert "***" not in result.output


@pytest.mark.parametrize("name", ["pass-nfc", "pass-ec"])
def test_build_signs_with_keys_in_pem(keys: Path, out: Path, name: str) -> None:
    result = run("build", TEMPLATE, "--serial", "M-1", *HOLDER, *pem(keys, name), "--out", str(out))

    assert result.exit_code == 0
    assert shown(pass_json(out))["fullName"] == "Jürgen Größe"
    assert run("verify", "--root", str(keys / "root.pem"), str(out)).exit_code == 0


def p12(keys: Path, *more: str, name: str = "pass-nfc.p12") -> Callable[[Path], Result]:
    given = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, "--p12", str(keys / name), *more)
    return lambda out: run(*given, "--out", str(out))


def secret(folder: Path, text: str = EXAMPLE_PASSWORD, *, mode: int = 0o600) -> str:
    path = folder / "password"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_key_07_the_password_comes_from_a_file(keys: Path, tmp_path: Path, out: Path, end: str) -> None:
    result = p12(keys, "--password-file", secret(tmp_path, EXAMPLE_PASSWORD + end))(out)

    assert result.exit_code == 0
    assert "key-file-exposed" not in result.stderr
    assert EXAMPLE_PASSWORD not in result.output.replace("com.example.passwright", "")


def test_key_07_the_password_comes_from_standard_input(keys: Path, out: Path) -> None:
    args = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, "--p12", str(keys / "pass-nfc.p12"))
    result = run(*args, "--password-file", "-", "--out", str(out), stdin=f"{EXAMPLE_PASSWORD}\n")

    assert result.exit_code == 0


def test_key_07_a_terminal_asks_for_the_password(
    keys: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked = []

    def prompt(text: str, **options: Any) -> str:
        asked.append((text, options["hide_input"]))
        return EXAMPLE_PASSWORD

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr(files.sys, "stdin", Terminal())  # type: ignore[attr-defined]
    made = files.password(None, prompt="Password of F", found=[], strict=False)

    assert made == EXAMPLE_PASSWORD
    assert asked == [("Password of F", True)]


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("pass-nfc.p12", "wrong-canary", "its password is wrong"),
        ("pass-nfc.p12", "", "its password is wrong"),
        ("pass-nfc.p12", None, "no password was given (--password-file FILE)"),
        ("README", "wrong-canary", "can't be read"),
    ],
)
def test_key_01_a_wrong_password_is_said_without_it(
    *, keys: Path, tmp_path: Path, out: Path, name: str, password: str | None, said: str
) -> None:
    """`run` looks for the canary in all that is printed."""
    given = () if password is None else ("--password-file", secret(tmp_path, password))

    result = p12(keys, *given, name=name)(out)

    assert result.exit_code == 2
    assert said in result.stderr
    assert f"{keys / name}: " in result.stderr
    assert not out.exists()


def test_a_p12_in_the_legacy_form_is_read_or_the_remedy_is_named(
    keys: Path, tmp_path: Path, out: Path
) -> None:
    """Some builds of OpenSSL 3 read RC2 no more."""
    result = p12(keys, "--password-file", secret(tmp_path), name="pass-legacy.p12")(out)

    assert out.exists() is (result.exit_code == 0)
    assert result.exit_code == 0 or "openssl pkcs12 -legacy" in result.stderr


def encrypted(keys: Path, folder: Path) -> Path:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key((keys / "pass-nfc.key").read_bytes(), None)
    path = folder / "encrypted.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open")))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("password", "code", "said"),
    [("open", 0, ""), ("shut", 2, "password is wrong"), (None, 2, "is encrypted: give --password-file")],
)
def test_an_encrypted_key_needs_its_password(
    *, keys: Path, tmp_path: Path, out: Path, password: str | None, code: int, said: str
) -> None:
    signer = ("--cert", str(keys / "pass-nfc.pem"), "--intermediate", str(keys / "wwdr.pem"))
    given = () if password is None else ("--password-file", secret(tmp_path, password))
    key = str(encrypted(keys, tmp_path))

    args = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, *signer, "--key", key, *given)
    result = run(*args, "--out", str(out))

    assert result.exit_code == code
    assert said in result.stderr
    assert out.exists() is (code == 0)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_key_03_a_key_that_others_may_read_is_a_warning(
    keys: Path, tmp_path: Path, out: Path, mode: int
) -> None:
    """With --strict-keys it is refused."""
    key = tmp_path / "exposed.key"
    key.write_bytes((keys / "pass-nfc.key").read_bytes())
    key.chmod(mode)
    signer = ("--cert", str(keys / "pass-nfc.pem"), "--intermediate", str(keys / "wwdr.pem"))
    args = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, *signer, "--key", str(key), "--out", str(out))

    refused = run(*args, "--strict-keys")
    assert refused.exit_code == 2
    assert f"chmod 600 {key}" in refused.stderr
    assert not out.exists()

    warned = run(*args)
    assert warned.exit_code == 0
    assert "[key-file-exposed]" in warned.stderr
    assert f"chmod 600 {key}" in warned.stderr

    [document] = documents(run(*args, "--json"))
    assert document["findings"][0]["code"] == "key-file-exposed"


def test_key_03_a_link_to_a_key_is_judged_by_the_key(keys: Path, tmp_path: Path) -> None:
    key = tmp_path / "exposed.key"
    key.write_bytes(b"key")
    key.chmod(0o644)
    (tmp_path / "link.key").symlink_to(key)

    assert files.exposure_warning(tmp_path / "link.key") is not None
    assert files.exposure_warning(keys / "pass.key") is None


def test_key_03_a_password_file_is_kept_as_a_key_is(keys: Path, tmp_path: Path, out: Path) -> None:
    open_file = secret(tmp_path, mode=0o644)

    refused = p12(keys, "--password-file", open_file, "--strict-keys")(out)
    assert refused.exit_code == 2
    assert "chmod 600" in refused.stderr

    warned = p12(keys, "--password-file", open_file)(out)
    assert warned.exit_code == 0
    assert "[key-file-exposed]" in warned.stderr


def test_modes_mean_nothing_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"")
    (tmp_path / "key").chmod(0o644)
    (tmp_path / "pipe").mkdir()

    assert files.exposure_warning(tmp_path / "pipe") is None
    monkeypatch.setattr(files.os, "name", "nt")  # type: ignore[attr-defined]
    try:
        assert files.exposure_warning(tmp_path / "key") is None
    finally:
        monkeypatch.undo()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"x" * (2**14 + 1), id="too long"),
    ],
)
def test_a_password_file_that_is_none_is_not_repeated(keys: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(UsageError) as refused:
        files.password(path, prompt="", found=[], strict=True)

    assert str(refused.value).startswith(f"{path}: a password file ")
    assert "xxx" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.foreign("openssl")
def test_openssl_verifies_what_build_signs(keys: Path, out: Path, tmp_path: Path) -> None:
    run("build", TEMPLATE, "--serial", "M-1", *HOLDER, *pem(keys, "pass-nfc"), "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        for name in ("manifest.json", "signature"):
            (tmp_path / name).write_bytes(archive.read(name))

    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature"]
    command += ["-content", "manifest.json", "-purpose", "any", "-CAfile", str(keys / "root.pem")]
    done = subprocess.run([*command, "-out", "verified"], cwd=tmp_path, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "verified").read_bytes() == (tmp_path / "manifest.json").read_bytes()


UNSIGNED = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, "--unsigned")
NAMES = ("--pass-type", "pass.com.example.unsigned", "--team", "ABCDE12345")


def test_unsigned_writes_files_and_a_list_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"

    result = run(*UNSIGNED, *NAMES, "--out", str(folder))

    listed = json.loads((folder / "bundle.json").read_text())
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "bundle.json"
    }
    assert result.exit_code == 0
    assert {each["name"]: (each["bytes"], each["sha1"]) for each in listed["files"]} == {
        name: (len(data), hashlib.sha1(data).hexdigest()) for name, data in found.items()
    }
    assert {"pass.json", "manifest.json", "icon@2x.png", "de.lproj/pass.strings"} <= found.keys()
    assert "signature" not in found
    assert listed["pass_type_identifier"] == json.loads(found["pass.json"])["passTypeIdentifier"]
    assert listed["pass_type_identifier"] == "pass.com.example.unsigned"
    assert listed["team_identifier"] == "ABCDE12345"
    assert isinstance(listed["findings"], list)
    assert names(tmp_path) == ["bundle"]


def test_unsigned_prints_one_document(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()

    result = run(*UNSIGNED, *NAMES, "--out", str(folder), "--json")

    [document] = documents(result)
    assert document["file"] == str(folder)
    assert document["bytes"] == sum(
        each["bytes"] for each in json.loads((folder / "bundle.json").read_text())["files"]
    )
    assert document["sha256"] is None
    assert document["pass_type_identifier"] == "pass.com.example.unsigned"
    assert names(tmp_path) == ["bundle"]


def test_unsigned_takes_the_names_of_the_template(tmp_path: Path) -> None:
    apple = '[apple]\npassTypeIdentifier = "pass.com.example.own"\nteamIdentifier = "OWNTEAM123"\n\n[nfc]'
    template = club(tmp_path, ("[nfc]", apple))

    args = ("build", template, "--serial", "M-1", *HOLDER, "--unsigned", "--out", str(tmp_path / "bundle"))

    assert run(*args).exit_code == 0
    assert json.loads((tmp_path / "bundle" / "bundle.json").read_text())["team_identifier"] == "OWNTEAM123"


def test_a_bundle_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        if path.name == "manifest.json":
            raise OSError(28, "No space left on device", str(path))
        path.write_bytes(b"x")

    monkeypatch.setattr("passwright.atomic_file.write", full)
    result = run(*UNSIGNED, *NAMES, "--out", str(tmp_path / "bundle"))

    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert names(tmp_path) == []


# --- link ----------------------------------------------------------------------------------------


def token_claims(url: str) -> Any:
    import jwt

    token = url.strip().removeprefix("https://pay.google.com/gp/v/save/")
    return jwt.decode(token, options={"verify_signature": False})


def test_link_prints_the_url_alone() -> None:
    result = run(*LINK)

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    [card] = token_claims(result.stdout)["payload"]["loyaltyObjects"]
    assert card["id"] == "3388000000022222222.M-1"
    assert card["accountName"] == "Jane Smith"


def test_link_says_what_to_insert_first(tmp_path: Path) -> None:
    requires = tmp_path / "requires.json"

    told = run(*LINK)
    assert "Insert this loyaltyClass through Google's API" in told.stderr
    assert "--requires-out FILE writes its JSON" in told.stderr

    written = run(*LINK, "--requires-out", str(requires))
    assert f"Its JSON is in {requires}" in written.stderr
    assert json.loads(requires.read_text())["loyaltyClass"]["id"] == "3388000000022222222.coffee-club"


def test_link_asks_for_nothing_that_is_inserted() -> None:
    by_class = run(*LINK, "--inserted", "class")
    assert "Insert" not in by_class.stderr
    assert "loyaltyObjects" in token_claims(by_class.stdout)["payload"]

    by_id = run(*LINK, "--inserted", "class", "--inserted", "object")
    assert token_claims(by_id.stdout)["payload"] == {"loyaltyObjects": [{"id": "3388000000022222222.M-1"}]}


def test_link_prints_one_document() -> None:
    result = run(*LINK, *BOUND, "--json")

    [document] = documents(result)
    assert list(document) == ["url", "form", "length", "requires", "claims", "findings"]
    assert document["form"] == "object"
    assert (
        document["length"] == len(document["url"].removeprefix("https://pay.google.com/gp/v/save/")) <= 1800
    )
    assert document["claims"] == token_claims(document["url"])
    assert list(document["requires"]) == ["loyaltyClass"]
    found = {finding["code"] for finding in document["findings"]}
    assert {"link-needs-class", "google-restriction-not-enabled"} <= found
    assert result.stderr == ""


def test_the_restriction_is_believed_where_google_has_enabled_it() -> None:
    assert "google-restriction-not-enabled" in run(*LINK, *BOUND).stderr
    assert "google-restriction-not-enabled" not in run(*LINK, *BOUND, "--restrictions-enabled").stderr


def account(keys: Path, folder: Path) -> tuple[str, ...]:
    """The service account's key in PEM, with its address."""
    members = json.loads((keys / "service-account.json").read_text())
    path = folder / "account.key"
    path.write_text(members["private_key"])
    path.chmod(0o600)
    return "--key", str(path), "--email", members["client_email"]


def test_link_signs_with_a_service_account(keys: Path, tmp_path: Path) -> None:
    base = ("link", TEMPLATE, "--serial", "M-1", *HOLDER, "--issuer-id", "123")

    by_file = run(*base, "--service-account", str(keys / "service-account.json"))
    by_key = run(*base, *account(keys, tmp_path))

    assert (by_file.exit_code, by_key.exit_code) == (0, 0)
    for result in (by_file, by_key):
        claims = token_claims(result.stdout)
        assert claims["iss"].startswith("wallet-example@")
        assert claims["payload"]["loyaltyObjects"][0]["id"] == "123.M-1"


@pytest.mark.parametrize(
    ("more", "insert"),
    [
        (("--self-contained",), ["loyaltyClass"]),
        ((*BOUND, "--set", f"tier={'x' * 900}"), ["loyaltyClass", "loyaltyObject"]),
        ((*BOUND, "--inserted", "class", "--set", f"tier={'x' * 900}"), ["loyaltyObject"]),
    ],
)
def test_jwt_07_a_link_that_is_too_long_names_length_limit_and_remedy(
    tmp_path: Path, more: tuple[str, ...], insert: list[str]
) -> None:
    requires = tmp_path / "requires.json"

    told = run(*LINK, *more, "--requires-out", str(requires))
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "at most 1800 are safe" in told.stderr
    assert all(f"Insert this {name}" in told.stderr for name in insert)
    assert list(json.loads(requires.read_text())) == insert

    [document] = documents(run(*LINK, *more, "--json"))
    assert document["url"] is None
    assert document["length"] > 1800
    assert list(document["requires"]) == insert
    assert [finding["code"] for finding in document["findings"]] == ["link-too-long"]


def test_an_unbound_pass_too_long_for_a_link_is_linked_by_id(tmp_path: Path) -> None:
    requires = tmp_path / "requires.json"

    told = run(*LINK, "--set", f"tier={'x' * 900}", "--requires-out", str(requires))

    assert told.exit_code == 0
    assert "link-needs-object" in told.stderr
    assert list(json.loads(requires.read_text())) == ["loyaltyClass", "loyaltyObject"]


def test_what_a_refused_link_was_refused_for_is_one_document() -> None:
    result = run(*LINK, "--serial", "no good", "--json")

    [document] = documents(result)
    assert result.exit_code == 1
    assert document["url"] is None
    assert [finding["code"] for finding in document["findings"]] == ["bad-serial"]


# --- certs example -------------------------------------------------------------------------------


def test_certs_example_makes_an_authority_that_signs(tmp_path: Path) -> None:
    folder = tmp_path / "certs"

    result = run("certs", "example", str(folder))

    assert result.exit_code == 0
    assert {"root.pem", "wwdr.pem", "pass.p12", "service-account.json", "README"} <= set(names(folder))
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600
        for path in folder.iterdir()
        if path.suffix in (".key", ".p12", ".json")
    )
    args = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, *pem(folder, "pass-nfc"), "--strict-keys")
    assert run(*args, "--out", str(tmp_path / "card.pkpass")).exit_code == 0
    again = run("certs", "example", str(folder))
    assert again.exit_code == 2
    assert "not empty" in again.stderr


def test_a_template_with_a_code_is_bound_without_it(tmp_path: Path) -> None:
    """The code is left off because somebody says so, never by itself."""
    ticket = str(tmp_path / "ticket")
    assert run("new", ticket, "--kind", "event").exit_code == 0
    make = ("build", ticket, "--serial", "T-1", "--example", *BOUND, "--out", str(tmp_path / "t.pkpass"))

    assert "binding-forbids-barcode" in run(*make).stderr
    assert run(*make, "--no-barcode").exit_code == 0
    assert "exclude each other" in run(*make, "--no-barcode", "--barcode", "x").stderr
