"""Bad input of every kind: an exit code, words that help, no traceback, no half-written file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "card.pkpass"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certs(tmp_path_factory.mktemp("keys"))


LONG = "\n".join(f'f{n} = {{ slot = "back", label = "F", default = "x" }}' for n in range(300))

# A change of template.toml -> what is said.
BAD_TEMPLATES: dict[str, tuple[tuple[str, str], str]] = {
    "broken TOML": (("[nfc]", "[nfc"), "template.toml:18: this is not TOML"),
    "unknown key": (("organisation =", "organization ="), "did you mean 'organisation'?"),
    "unknown member": (('label = "Tier"', 'lable = "Tier"'), "did you mean 'label'?"),
    "unknown kind": (('"loyalty"', '"loyalti"'), "did you mean 'loyalty'?"),
    "wrong type": (('name = "Coffee Club"', "name = 5"), "template.toml:4#/name"),
    "colour": (("#3c414c", "brown"), "write it like #3c414c"),
    "address of pictures": (("https://cdn", "http://cdn"), "#/images/url"),
    "300 fields": (("[nfc]", f"{LONG}\n[nfc]"), "at most 100"),
    "non-ASCII key": (("[nfc]", '"größe" = { label = "G" }\n[nfc]'), "can't be called 'größe'"),
}


@pytest.mark.parametrize(("change", "said"), BAD_TEMPLATES.values(), ids=BAD_TEMPLATES.keys())
def test_a_bad_template_is_refused_with_its_place(
    tmp_path: Path, out: Path, change: tuple[str, str], said: str
) -> None:
    result = run("build", club(tmp_path, change), "--serial", "M-1", "--example", "--out", str(out))

    assert result.exit_code == 1
    assert said in result.stderr
    assert "the template was refused" in result.stderr
    assert "template.toml" in result.stderr
    assert names(tmp_path) == ["club"]


def test_a_template_without_fields_is_refused(tmp_path: Path, out: Path) -> None:
    template = Path(club(tmp_path))
    text = (template / "template.toml").read_text("utf-8")
    start, end = text.index("[fields]"), text.index("[nfc]")
    (template / "template.toml").write_text(text[:start] + "[fields]\n" + text[end:], "utf-8")

    result = run("build", str(template), "--serial", "M-1", "--example", "--out", str(out), "--json")

    [document] = documents(result)
    assert result.exit_code == 1
    assert document["file"] is None
    assert "no-fields" in {finding["code"] for finding in document["findings"]}


# Words after `build TEMPLATE --serial M-1 --example --out card.pkpass` -> exit code and what is said.
BAD_WISHES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "unknown field": (("--set", "pionts=1"), 1, "did you mean 'points'?"),
    "wrong type of value": (("--set", "points=many"), 1, "points is not a whole number"),
    "bad date": (("--set", "since=yesterday"), 1, "since is not a date such as 2026-05-01"),
    "fixed value": (("--set", "terms=mine"), 1, "the template fixes 'terms'"),
    "control character": (("--set", "tier=\x00"), 1, "tier holds a control character"),
    "half a character": (("--set", "tier=\udcff"), 1, "tier holds"),
    "no equals sign": (("--set", "points"), 2, "--set takes KEY=VALUE, and number 1"),
    "serial": (("--serial", "ä/b"), 1, "1 to 64 letters"),
    "long NFC message": (("--nfc", "ü" * 33), 1, "at most 64"),
    "expiry without zone": (("--expires", "2030-01-01T00:00"), 2, "has no zone"),
    "expiry": (("--expires", "soon"), 2, "is not a time: write 2027-01-31T12:00:00+01:00"),
    "bind without learn-more": (("--bind", ADDRESS), 2, "--bind and --learn-more go together"),
    "learn-more without bind": (("--learn-more", LEARN_MORE), 2, "--bind and --learn-more go together"),
    "address": (("--bind", f"{ADDRESS}@x", "--learn-more", LEARN_MORE), 1, 'exactly one "@"'),
    "address in capitals": (("--bind", "Ünï@canary", "--learn-more", LEARN_MORE), 1, "/binding/email"),
    "http": (("--bind", ADDRESS, "--learn-more", "http://example.com"), 1, "absolute https URL"),
    "javascript": (("--bind", ADDRESS, "--learn-more", "javascript:alert(1)"), 1, "absolute https URL"),
    "bound with a barcode": ((*BOUND, "--barcode", "X"), 1, "binding-forbids-barcode"),
    "two signers": (("--p12", "x.p12"), 2, "--example and --p12 exclude each other"),
    "names of a certificate": (("--team", "ABCDE12345"), 2, "go with --unsigned"),
    "absent values": (("--values", "absent.json"), 2, "absent.json: No such file"),
    "values in a folder": (("--values", "."), 2, "Is a directory"),
}


@pytest.mark.parametrize(("more", "code", "said"), BAD_WISHES.values(), ids=BAD_WISHES.keys())
def test_a_bad_wish_is_refused_in_words(
    *, out: Path, tmp_path: Path, more: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(*CARD, "--out", str(out), *more)

    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr
    assert names(tmp_path) == []


def test_eml_12_an_address_is_not_repeated_by_any_refusal() -> None:
    """Every command line here has one in it; `run` looks for it in all that is printed."""
    for more, _, _ in BAD_WISHES.values():
        run(*LINK, *BOUND, *more)


def test_all_that_is_wrong_with_a_pass_is_said_at_once(out: Path) -> None:
    result = run(*CARD, "--out", str(out), "--set", "points=x", "--set", "tear=y", "--serial", "ä", "--json")

    [document] = documents(result)
    codes = [finding["code"] for finding in document["findings"]]
    assert sorted(codes) == ["bad-serial", "unknown-field", "wrong-value"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("{", 1, "values.json:1"),
        ("[]", 2, "--values takes a JSON object"),
        ('{"points": 1, "points": 2}', 1, "values.json:1#/points"),
        ('{"points": "x"}', 1, "points is not a whole number"),
        ('{"points": 1.5}', 1, "points has to be a whole number"),
        ('{"tier": 5}', 1, "tier has to be text"),
        ('{"since": "2024-13-01"}', 1, "since is not a date"),
        (f"{'[' * 100_000}", 1, "values.json"),
    ],
)
def test_bad_values_are_refused(
    *, out: Path, tmp_path: Path, text: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values.json").write_text(text)

    result = run(*CARD, "--values", "values.json", "--out", str(out))

    assert result.exit_code == code
    assert said in result.stderr
    assert names(tmp_path) == ["values.json"]


# Who signs -> what is said. Files are those of the example authority.
BAD_SIGNERS: dict[str, tuple[tuple[str, ...], str]] = {
    "nobody": ((), "nobody signs: give one of --example"),
    "half of one": (("--cert", "pass.pem"), "--key and --intermediate are missing"),
    "absent key": (("--cert", "pass.pem", "--key", "no", "--intermediate", "wwdr.pem"), "no: No such file"),
    "a folder": (("--cert", "pass.pem", "--key", ".", "--intermediate", "wwdr.pem"), "Is a directory"),
    "no key": (("--cert", "pass.pem", "--key", "README", "--intermediate", "wwdr.pem"), "private key"),
    "no certificate": (
        ("--cert", "README", "--key", "pass.key", "--intermediate", "wwdr.pem"),
        "certificate can't be read",
    ),
    "key of another": (
        ("--cert", "pass.pem", "--key", "pass-nfc.key", "--intermediate", "wwdr.pem"),
        "does not belong",
    ),
    "key of another kind": (
        ("--cert", "pass.pem", "--key", "nfc.key", "--intermediate", "wwdr.pem"),
        "does not belong",
    ),
    "another issuer": (
        ("--cert", "pass.pem", "--key", "pass.key", "--intermediate", "root.pem"),
        "did not issue",
    ),
    "no pass certificate": (
        ("--cert", "wwdr.pem", "--key", "pass.key", "--intermediate", "root.pem"),
        "not a pass certificate",
    ),
    "absent p12": (("--p12", "absent.p12"), "absent.p12: No such file"),
    "no p12": (("--p12", "README"), "without one the PKCS #12 file can't be read"),
    "unsigned without names": (("--unsigned",), "--unsigned goes with --pass-type and --team"),
}


@pytest.mark.parametrize(("signer", "said"), BAD_SIGNERS.values(), ids=BAD_SIGNERS.keys())
def test_key_02_keys_that_cannot_sign_are_refused(
    keys: Path, out: Path, signer: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(keys)

    result = run("build", TEMPLATE, "--serial", "M-1", *HOLDER, *signer, "--out", str(out))

    assert result.exit_code == 2
    assert said in result.stderr
    assert "PRIVATE KEY" not in result.output
    assert names(out.parent) == []


@pytest.mark.parametrize("more", [(), ("--strict",)])
def test_strict_refuses_what_some_phones_refuse(keys: Path, out: Path, more: tuple[str, ...]) -> None:
    result = run("build", TEMPLATE, "--serial", "M-1", *HOLDER, *pem(keys, "pass"), "--out", str(out), *more)

    assert "[nfc-needs-certificate]" in result.stderr
    assert result.exit_code == (1 if more else 0)
    assert out.exists() is not bool(more)


# Who signs for Google -> what is said.
BAD_ISSUERS: dict[str, tuple[tuple[str, ...], str]] = {
    "nobody": ((), "nobody signs: give one of --example"),
    "no issuer id": (("--service-account", "service-account.json"), "--issuer-id is missing"),
    "bad issuer id": (("--service-account", "service-account.json", "--issuer-id", "x"), "1 to 19 digits"),
    "no service account": (("--service-account", "README", "--issuer-id", "1"), "README: "),
    "absent": (("--service-account", "absent", "--issuer-id", "1"), "absent: No such file"),
    "key without address": (("--key", "pass.key", "--issuer-id", "1"), "--key goes with --email"),
    "EC key": (("--key", "nfc.key", "--email", "a@b.example", "--issuer-id", "1"), "RSA signatures only"),
    "no key": (
        ("--key", "README", "--email", "a@b.example", "--issuer-id", "1"),
        "private key can't be read",
    ),
    "two": (("--key", "pass.key", "--example"), "exclude each other"),
    "contradiction": (("--example", "--self-contained", "--inserted", "class"), "exclude each other"),
}


@pytest.mark.parametrize(("issuer", "said"), BAD_ISSUERS.values(), ids=BAD_ISSUERS.keys())
def test_keys_that_cannot_sign_for_google_are_refused(
    keys: Path, issuer: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(keys)

    result = run("link", TEMPLATE, "--serial", "M-1", *HOLDER, *issuer)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "PRIVATE KEY" not in result.output


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("absent", "absent: No such file"),
        (f"{TEMPLATE}/template.toml", "name the folder that holds template.toml"),
        (f"{TEMPLATE}/images", "images/template.toml: No such file"),
    ],
)
def test_a_template_that_is_none_is_refused(out: Path, template: str, said: str) -> None:
    result = run("build", template, "--serial", "M-1", "--example", "--out", str(out))

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, out: Path) -> None:
    """A link to itself: nobody can read it, root included."""
    (tmp_path / "loop.json").symlink_to("loop.json")

    result = run(*CARD, "--values", str(tmp_path / "loop.json"), "--out", str(out))

    assert result.exit_code == 2
    assert f"{tmp_path / 'loop.json'}: Too many levels" in result.stderr


def test_a_key_file_without_end_is_not_read_to_its_end(tmp_path: Path, out: Path) -> None:
    big = tmp_path / "big.key"
    with big.open("wb") as file:
        file.truncate(2**30)
    big.chmod(0o600)

    result = run("build", TEMPLATE, "--serial", "M-1", "--p12", str(big), "--out", str(out))

    assert result.exit_code == 2
    assert "a key file has at most 1,048,576 bytes" in result.stderr


def test_fil_04_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "old.pkpass").write_text("old")
    (tmp_path / "old.pkpass").chmod(0o444)
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    before = names(tmp_path)

    for out, said in {
        "folder": "folder: a folder can't be replaced by a file",
        "old.pkpass": "old.pkpass: the file is read-only",
        "absent/card.pkpass": "absent/card.pkpass: its folder does not exist",
        "file/card.pkpass": "file/card.pkpass: Not a directory",
        "pipe": "pipe: only regular files are replaced",
        "x" * 300: "File name too long",
    }.items():
        result = run(*CARD, "--out", str(tmp_path / out))

        assert result.exit_code == 2
        assert said in result.stderr
        assert ".tmp" not in result.stderr
        assert result.stdout == ""
    assert names(tmp_path) == before
    assert (tmp_path / "old.pkpass").read_text() == "old"


def test_fil_04_a_link_is_replaced_and_not_followed(tmp_path: Path, out: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    out.symlink_to("elsewhere")

    assert run(*CARD, "--out", str(out)).exit_code == 0
    assert not out.is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.ci)])
def test_fil_05_several_writers_leave_one_whole_pass(tmp_path: Path, out: Path, count: int) -> None:
    command = [sys.executable, "-m", "passwright", *CARD, "--out", str(out)]
    writers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]

    assert [writer.wait(timeout=60) for writer in writers] == [0] * count
    assert run("verify", "--example", str(out)).exit_code == 0
    assert names(tmp_path) == ["card.pkpass"]


PEM = ("--cert", "{keys}/pass.pem", "--key", "{keys}/pass.key", "--intermediate", "{keys}/wwdr.pem")
ISSUER = ("--issuer-id", "3388000000022222222")
BUILD = ("build", TEMPLATE, "--serial", "M-1")
SAVE = ("link", TEMPLATE, "--serial", "M-1")
PNG = "images/icon@3x.png"
# What is given where something else belongs, and what is said about which file.
MIXED_UP = [
    (("new", "{out}", "--from", "{keys}/pass.pem"), "pass.pem: this is not a ZIP archive"),
    (
        (*BUILD, *PEM[:1], "{keys}/pass.key", *PEM[2:], "--out", "{out}"),
        "pass.key holds a private key: --cert",
    ),
    (
        (*BUILD, *PEM[:3], "{keys}/pass.pem", *PEM[4:], "--out", "{out}"),
        "pass.pem: the private key can't be read",
    ),
    ((*BUILD, "--p12", "{keys}/pass.pem", "--out", "{out}"), "pass.pem is PEM, and --p12 takes PKCS #12"),
    (
        (*SAVE, "--service-account", "{keys}/pass.pem", *ISSUER),
        "pass.pem: the service account file is not JSON",
    ),
    (
        (*SAVE, "--service-account", "{keys}/service-account.json", "--issuer-id", "abc"),
        "passwright: the issuer id 'abc' is not 1 to 19 digits",
    ),
    (
        (*SAVE, "--key", "{keys}/pass.pem", "--email", "a@b.example", *ISSUER),
        "pass.pem: the private key can't",
    ),
    (
        ("batch", TEMPLATE, f"{TEMPLATE}/{PNG}", "--example", "--out", "{out}.zip"),
        "icon@3x.png: line 1: this is no text in UTF-8",
    ),
    (
        ("batch", TEMPLATE, "{keys}/README", "--example", "--out", "{out}.zip"),
        "README: line 1: there is no column",
    ),
    (("verify", "{keys}/README", "--root", "{keys}/pass.key"), "pass.key: a root certificate can't be read"),
    (("inspect", "{keys}/pass.pem"), "pass.pem: this is no save link"),
    (
        ("certs", "intermediate", "--out", "{out}", "--for", "{keys}/pass.key"),
        "pass.key: the certificate can't be read",
    ),
    (
        ("certs", "intermediate", "--out", "{out}", "--from", "{keys}/README"),
        "README: what came for WWDR G4 is no",
    ),
    (("nfc-key", "--from", "{keys}/README"), "README: no key can be read here"),
    (("demo", "--out", "{keys}/README"), "README: this is not a folder"),
    (("vault", "create", "{keys}/absent/keys.toml"), "absent/keys.toml: its folder does not exist"),
]


@pytest.mark.parametrize(("args", "said"), MIXED_UP, ids=lambda each: each if isinstance(each, str) else None)
def test_a_file_in_the_wrong_place_is_named_with_what_belongs_there(
    keys: Path, out: Path, args: tuple[str, ...], said: str
) -> None:
    """Whole or not at all: nothing is written."""
    result = run(*(each.format(keys=keys, out=out) for each in args))
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not out.exists()
    assert names(out.parent) == []
