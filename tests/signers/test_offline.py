"""Keys that no program reaches: what has to be signed goes out, signatures come back as files."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

import passwright as pw
from passwright import batch
from passwright.apple.cms.parser import read_signing_time
from passwright.errors import InvalidInput, KeyMaterialError, PassRejected, SignerFailed, WrongSignature
from passwright.examples.certificates import new_key
from passwright.google.link import SAVE_URL
from passwright.google.reading.token import issued_at
from passwright.signers import offline
from passwright.signing import KeySigner, load_public_key
from tests.batch.test_batch import read_all, rows
from tests.conftest import AT, MEMBERSHIP
from tests.run_cli import BOUND, HOLDER, TEMPLATE, certs, documents, names, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority
    from passwright.google.issuer import Issuer

VALUES = {"fullName": "Jane Smith"}


def elsewhere(identity: Identity, *signed: offline.Signed) -> Identity:
    """The same certificates, and signatures in place of the key."""
    return pw.apple.Identity(
        certificate=identity.certificate,
        intermediate=identity.intermediate,
        signer=offline.AirGapSigner(signed),
    )


# --- in a program ---


def test_a_pass_finished_elsewhere_is_the_pass_that_the_key_makes(
    club: pw.Template, identity: Identity
) -> None:
    card = club.issue("M-1", VALUES)
    message = pw.apple.PassBuilder(elsewhere(identity)).unsigned(card, at=AT).to_be_signed
    signature = identity.signer.sign(message)
    finished = pw.apple.PassBuilder(elsewhere(identity, (sha256(message).digest(), signature)))
    assert finished.build(card, at=AT) == pw.apple.PassBuilder(identity).build(card, at=AT)


def test_an_ec_key_may_sign_elsewhere(club: pw.Template, authority: Authority) -> None:
    """No two of its signatures are alike, so the pass is judged instead of compared."""
    identity = authority.identity(nfc=True, ec=True)
    card = club.issue("M-1", VALUES)
    message = pw.apple.PassBuilder(identity).unsigned(card, at=AT).to_be_signed
    signed = (sha256(message).digest(), identity.signer.sign(message))
    data = pw.apple.PassBuilder(elsewhere(identity, signed)).build(card, at=AT)
    assert pw.apple.verify(data, trust=authority.trust, at=AT).ok


def test_what_has_to_be_signed_says_when(club: pw.Template, identity: Identity) -> None:
    builder = pw.apple.PassBuilder(identity)
    for at in (AT, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert read_signing_time(builder.unsigned(club.issue("M-1", VALUES), at=at).to_be_signed) == at


@pytest.mark.parametrize("message", [b"", b"1\0", b"nonsense", b"0\x03\x02\x01\x05", b"1" + bytes(40)])
def test_what_is_not_to_be_signed_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_signing_time(message)
    assert refused.value.code in ("bad-attributes", "bad-content-type", "bad-message-digest")


def test_attributes_without_a_time_are_refused(club: pw.Template, identity: Identity) -> None:
    from passwright.apple.cms import der

    message = pw.apple.PassBuilder(identity).unsigned(club.issue("M-1", VALUES), at=AT).to_be_signed
    kept = [
        each.encoded for each in der.read(message, limit=200).children() if b"\x17\x0d" not in each.encoded
    ]
    with pytest.raises(InvalidInput, match="no time"):
        read_signing_time(der.set_of(*kept))


def test_nothing_is_told_for_what_would_not_be_signed(club: pw.Template, identity: Identity) -> None:
    builder = pw.apple.PassBuilder(elsewhere(identity))
    with pytest.raises(PassRejected):
        builder.unsigned(club.issue("M-1"), at=AT)
    with pytest.raises(KeyMaterialError, match="valid from"):
        builder.unsigned(club.issue("M-1", VALUES), at=datetime(2000, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="no identity"):
        pw.apple.PassBuilder(None).unsigned(club.issue("M-1", VALUES), at=AT)
    with pytest.raises(ValueError, match="time zone"):
        identity.unsigned(b"{}", at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_changed_pass_has_no_signature(club: pw.Template, identity: Identity) -> None:
    message = pw.apple.PassBuilder(identity).unsigned(club.issue("M-1", VALUES), at=AT).to_be_signed
    signed = (sha256(message).digest(), identity.signer.sign(message))
    for card, at in (
        (club.issue("M-1", {"fullName": "Joe"}), AT),
        (club.issue("M-1", VALUES), AT.replace(second=7)),
    ):
        with pytest.raises(SignerFailed, match="others than they were"):
            pw.apple.PassBuilder(elsewhere(identity, signed)).build(card, at=at)


def test_a_signature_by_another_key_is_refused(club: pw.Template, identity: Identity) -> None:
    card = club.issue("M-1", VALUES)
    message = pw.apple.PassBuilder(identity).unsigned(card, at=AT).to_be_signed
    signed = (sha256(message).digest(), KeySigner(new_key()).sign(message))
    with pytest.raises(WrongSignature):
        pw.apple.PassBuilder(elsewhere(identity, signed)).build(card, at=AT)


def test_a_link_takes_signatures_from_elsewhere_as_well(club: pw.Template, issuer: Issuer) -> None:

    def builder(*signed: offline.Signed) -> pw.google.PassBuilder:
        made = pw.google.Issuer(
            issuer_id=issuer.issuer_id,
            email=issuer.email,
            signer=offline.AirGapSigner(signed),
            public_key=issuer.public_key,
        )
        return pw.google.PassBuilder(made)

    card = club.issue("M-1", VALUES)
    message = builder().unsigned(card, issued_at=AT).to_be_signed
    signed = (sha256(message).digest(), issuer.signer.sign(message))
    link = pw.google.PassBuilder(issuer).save_link(card, issued_at=AT)
    assert builder(signed).save_link(card, issued_at=AT).url == link.url


# --- many passes in a program ---


def makers(club: pw.Template, identity: Identity, signed: Any) -> batch.PassMaker:
    made = pw.apple.Identity(
        certificate=identity.certificate,
        intermediate=identity.intermediate,
        signer=offline.AirGapSigner(signed),
    )
    return batch.PassMaker(club, apple=pw.apple.PassBuilder(made), at=AT)


def test_many_passes_are_finished_elsewhere(club: pw.Template, identity: Identity) -> None:
    wanted = [makers(club, identity, ()).to_sign(number, row) for number, row in enumerate(rows(5), start=1)]
    assert all(made.ok and made.pkpass is None for made in wanted)
    lines = [offline.order(made.serial, made.to_sign or b"", at=AT) for made in wanted]
    for line in lines:
        line["signature"] = b64encode(identity.signer.sign(b64decode(line.pop("message")))).decode()
    at, signed = offline.read([json.dumps(line).encode() for line in lines], name="signed.jsonl")
    assert at == AT
    maker = makers(club, identity, signed)
    own = batch.PassMaker(club, apple=pw.apple.PassBuilder(identity), at=AT)
    for number, row in enumerate(rows(5), start=1):
        assert maker.make(number, row).pkpass == own.make(number, row).pkpass


def test_a_line_without_a_time_zone_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValueError, match="at has no time zone"):
        offline.order("M-1", b"message", at=AT.replace(tzinfo=None))


def test_rows_that_cant_become_passes_are_not_signed(
    club: pw.Template, issuer: Issuer, identity: Identity
) -> None:
    maker = makers(club, identity, ())
    for row in ({"serial": "M-1"}, {"serial": "M-1", "fullName": "J", "points": "x"}, batch.BadRow(())):
        assert maker.to_sign(1, row).to_sign is None
    assert [finding.code for finding in maker.to_sign(1, {"serial": "M-1"}).findings] == ["missing-value"]


def test_what_has_to_be_signed_is_told_for_one_wallet(
    club: pw.Template, issuer: Issuer, identity: Identity
) -> None:
    """The service account's key signs links, and the pass certificate's key passes."""
    apple, google = pw.apple.PassBuilder(identity), pw.google.PassBuilder(issuer)
    row = {"serial": "M-1", **VALUES}
    with pytest.raises(ValueError, match="one of apple= and google="):
        batch.PassMaker(club, apple=apple, google=google, at=AT).to_sign(1, row)
    told = batch.PassMaker(club, google=google, at=AT).to_sign(1, row)
    assert told.to_sign == google.unsigned(club.issue("M-1", VALUES), issued_at=AT).to_be_signed


def test_signatures_are_read_as_far_as_needed_and_forgotten() -> None:
    """A file of a million of them takes no memory."""
    came: list[int] = []

    def all_of_them() -> Iterator[offline.Signed]:
        for number in range(10):
            came.append(number)
            yield sha256(b"%d" % number).digest(), b"signature %d" % number

    signer = offline.AirGapSigner(all_of_them())
    assert signer.sign(b"2") == b"signature 2"
    assert came == [0, 1, 2]
    assert signer.sign(b"0") == b"signature 0"
    assert came == [0, 1, 2]
    assert len(signer._known) == 1
    with pytest.raises(SignerFailed):
        signer.sign(b"0")


GOOD = {"serial": "M-1", "at": AT.isoformat(), "sha256": "0" * 64, "signature": "AAAA"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n\n",
        b"nope",
        b"[]",
        b"5",
        *(
            json.dumps({**GOOD, **wrong}).encode()
            for wrong in (
                {"at": "today"},
                {"at": "2026-01-01T00:00:00"},
                {"at": 5},
                {"sha256": "0" * 63},
                {"sha256": 5},
                {"sha256": "Z" * 64},
                {"signature": "??"},
                {"signature": None},
            )
        ),
        json.dumps({key: value for key, value in GOOD.items() if key != "signature"}).encode(),
    ],
)
def test_lines_that_are_no_signatures_are_refused(line: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"signed\.jsonl") as refused:
        offline.read([line], name="signed.jsonl")
    assert refused.value.code == "bad-signatures"


def test_a_bad_line_further_down_ends_the_signing() -> None:
    lines = [json.dumps(GOOD).encode(), json.dumps({**GOOD, "at": "2026-01-01T00:00:00Z"}).encode()]
    _, signed = offline.read(lines, name="signed.jsonl")
    with pytest.raises(SignerFailed, match=r"line 2.*one time"):
        offline.AirGapSigner(signed).sign(b"x")


# --- on the command line ---


def sign(folder: Path, key: Path, name: str = "card") -> None:
    """What a person does where the key is."""
    command = ["openssl", "dgst", "-sha256", "-sign", str(key), "-out", f"{name}.sig", f"{name}.tbs"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("key", ["pass-nfc", "pass-ec"])
def test_openssl_signs_a_pass_where_the_key_is(tmp_path: Path, key: str) -> None:
    keys = certs(tmp_path)
    cert = ("--cert", str(keys / f"{key}.pem"), "--intermediate", str(keys / "wwdr.pem"))
    card = ("build", TEMPLATE, "--serial", "M-1", *HOLDER, *cert)
    first = run(*card, "--emit-tbs", str(tmp_path / "card.tbs"))
    assert first.exit_code == 0, first.output
    assert "openssl dgst" in first.output
    sign(tmp_path, keys / f"{key}.key")
    out = tmp_path / "card.pkpass"
    second = run(*card, "--signature", str(tmp_path / "card.sig"), "--out", str(out))
    assert second.exit_code == 0, second.output
    at = read_signing_time((tmp_path / "card.tbs").read_bytes())
    verdict = pw.apple.verify(
        out.read_bytes(), trust=pw.apple.Trust.of((keys / "root.pem").read_bytes()), at=at
    )
    assert verdict.ok, verdict.report
    assert verdict.signed_at == at
    if key == "pass-nfc":
        own = pw.apple.Identity.from_pem(
            *((keys / each).read_bytes() for each in (f"{key}.pem", f"{key}.key", "wwdr.pem"))
        )
        made = pw.Template.load(MEMBERSHIP).issue("M-1", {"fullName": "Jürgen Größe"})
        assert pw.apple.PassBuilder(own).build(made, at=at) == out.read_bytes()


@pytest.mark.foreign("openssl")
def test_a_signature_that_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    keys = certs(tmp_path)
    cert = ("--cert", str(keys / "pass.pem"), "--intermediate", str(keys / "wwdr.pem"))
    card = ("build", TEMPLATE, "--serial", "M-1", *cert)
    assert run(*card, *HOLDER, "--emit-tbs", str(tmp_path / "card.tbs"), "--json").exit_code == 0
    sign(tmp_path, keys / "pass-ec.key")
    finish = ("--signature", str(tmp_path / "card.sig"), "--out", str(tmp_path / "card.pkpass"))
    other_key = run(*card, *HOLDER, *finish)
    sign(tmp_path, keys / "pass.key")
    other_values = run(*card, "--set", "fullName=Joe", *finish)
    (tmp_path / "other.tbs").write_bytes(b"nonsense")
    no_message = run(*card, *HOLDER, *finish, "--tbs", str(tmp_path / "other.tbs"))
    missing = run(*card, *HOLDER, *finish, "--tbs", str(tmp_path / "none.tbs"))
    unsigned = run(*card, *HOLDER, "--signature", str(tmp_path / "none.sig"), *finish[2:])
    for result, code, says in (
        (other_key, 2, "not a signature by the expected key"),
        (other_values, 2, "written for other values"),
        (no_message, 1, "other.tbs: signature: this is not a set of signed attributes"),
        (missing, 2, "none.tbs"),
        (unsigned, 2, "none.sig"),
    ):
        assert result.exit_code == code, result.output
        assert says in " ".join(result.output.split())
    assert "card.pkpass" not in names(tmp_path)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--cert", "c", "--emit-tbs", "a", "--out", "b"), "--out comes later"),
        (("--cert", "c", "--emit-tbs", "a", "--signature", "b"), "--signature comes later"),
        (("--cert", "c", "--tbs", "a", "--out", "b"), "--tbs goes with --signature"),
        (("--cert", "c", "--signature", "a"), "--out FILE is missing"),
        (("--unsigned", "--emit-tbs", "a"), "--unsigned goes without"),
        (("--p12", "c", "--emit-tbs", "a"), "--p12 goes without"),
        (("--cert", "c", "--key", "k", "--emit-tbs", "a"), "no --key"),
    ],
)
def test_options_that_do_not_go_together(args: tuple[str, ...], says: str) -> None:
    result = run("build", TEMPLATE, "--serial", "M-1", *HOLDER, *args)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(5)))
    return path


def answer(path: Path, key: KeySigner) -> Path:
    """What a program does where the key is."""
    signed = path.with_name("signed.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["signature"] = b64encode(key.sign(b64decode(line.pop("message")))).decode()
    signed.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return signed


def test_a_batch_is_signed_where_the_key_is(tmp_path: Path, table: Path) -> None:
    keys = certs(tmp_path)
    cert = ("--cert", str(keys / "pass-nfc.pem"), "--intermediate", str(keys / "wwdr.pem"))
    order = ("batch", str(MEMBERSHIP), str(table), *cert)
    emitted = run(*order, "--emit-tbs", str(tmp_path / "tbs.jsonl"))
    assert emitted.exit_code == 0, emitted.output
    assert "5 passes" in emitted.output
    signed = answer(tmp_path / "tbs.jsonl", KeySigner.from_pem((keys / "pass-nfc.key").read_bytes()))
    out = tmp_path / "passes.zip"
    finished = run(*order, "--signatures", str(signed), "--out", str(out), "--jobs", "2")
    assert finished.exit_code == 0, finished.output
    at = datetime.fromisoformat(json.loads(signed.read_text().splitlines()[0])["at"])
    own = pw.apple.Identity.from_pem(
        *((keys / each).read_bytes() for each in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem"))
    )
    maker = batch.PassMaker(pw.Template.load(MEMBERSHIP), apple=pw.apple.PassBuilder(own), at=at)
    assert list(read_all(out).values()) == [maker.make(1, row).pkpass for row in rows(5)]


def test_a_batch_lists_rows_that_are_not_to_be_signed(tmp_path: Path, table: Path) -> None:
    table.write_text(table.read_text() + '{"serial": "M-9"}\n')
    order = ("batch", str(MEMBERSHIP), str(table), "--example", "--emit-tbs", str(tmp_path / "tbs.jsonl"))
    result = run(*order, "--json")
    assert result.exit_code == 1
    (document,) = documents(result)
    assert document["to_sign"] == 5
    (line,) = (tmp_path / "tbs.jsonl.refused.jsonl").read_text().splitlines()
    assert json.loads(line)["row"] == 6
    assert "refused" in run(*order).output
    table.write_text("".join(f"{json.dumps(row)}\n" for row in rows(5)))
    assert run(*order).exit_code == 0
    assert "tbs.jsonl.refused.jsonl" not in names(tmp_path)


def test_a_batch_signed_by_another_key_is_refused(tmp_path: Path, table: Path) -> None:
    keys = certs(tmp_path)
    order = ("batch", str(MEMBERSHIP), str(table), "--example")
    assert run(*order, "--emit-tbs", str(tmp_path / "tbs.jsonl")).exit_code == 0
    signed = answer(tmp_path / "tbs.jsonl", KeySigner.from_pem((keys / "pass.key").read_bytes()))
    result = run(*order, "--signatures", str(signed), "--out", str(tmp_path / "passes.zip"))
    assert result.exit_code == 2
    assert "not a signature by the expected key" in " ".join(result.output.split())
    assert "passes.zip" not in names(tmp_path)


@pytest.mark.parametrize(
    "args",
    [
        ("--emit-tbs", "a", "--out", "b.zip"),
        ("--emit-tbs", "a", "--signatures", "b"),
        ("--signatures", "a", "--out", "b.zip", "--links", "b.csv"),
    ],
)
def test_options_of_a_batch_that_do_not_go_together(table: Path, args: tuple[str, ...]) -> None:
    result = run("batch", str(MEMBERSHIP), str(table), "--example", *args)
    assert result.exit_code == 2
    says = "goes with one of the two" if "--links" in args else "--emit-tbs goes without"
    assert says in " ".join(result.output.split())


# --- links ---


@pytest.fixture
def account(tmp_path: Path) -> tuple[str, ...]:
    """The options for a service account whose key is elsewhere: there as account.key, here as account.pub."""
    said = json.loads((certs(tmp_path) / "service-account.json").read_text())
    (tmp_path / "account.key").write_text(said["private_key"])
    command = ["openssl", "pkey", "-in", "account.key", "-pubout", "-out", "account.pub"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    given = ("--email", said["client_email"], "--issuer-id", "3388000000022222222")
    return (*given, "--public-key", str(tmp_path / "account.pub"))


@pytest.mark.foreign("openssl")
def test_openssl_signs_a_link_where_the_key_is(tmp_path: Path, account: tuple[str, ...]) -> None:
    link = ("link", TEMPLATE, "--serial", "M-1", *HOLDER, *BOUND, *account)
    first = run(*link, "--emit-tbs", str(tmp_path / "link.tbs"))
    assert first.exit_code == 0, first.output
    assert "openssl dgst" in first.output
    sign(tmp_path, tmp_path / "account.key", "link")
    second = run(*link, "--signature", str(tmp_path / "link.sig"), "--json")
    assert second.exit_code == 0, second.output
    (document,) = documents(second)
    message = (tmp_path / "link.tbs").read_bytes()
    assert document["url"].encode().startswith(SAVE_URL.encode() + message + b".")
    key = load_public_key((tmp_path / "account.pub").read_bytes())
    token = pw.google.read(document["url"], public_key=key)  # type: ignore[arg-type]  # an RSA key
    assert token.claims == document["claims"]
    assert issued_at(message) == datetime.fromtimestamp(token.claims["iat"], UTC)


@pytest.mark.foreign("openssl")
def test_a_signature_that_does_not_fit_makes_no_link(tmp_path: Path, account: tuple[str, ...]) -> None:
    link = ("link", TEMPLATE, "--serial", "M-1", *account)
    emitted = run(*link, *HOLDER, "--emit-tbs", str(tmp_path / "link.tbs"), "--json")
    assert emitted.exit_code == 0, emitted.output
    (document,) = documents(emitted)
    assert document["to_sign_sha256"] == sha256((tmp_path / "link.tbs").read_bytes()).hexdigest()
    sign(tmp_path, tmp_path / "certs" / "pass.key", "link")
    finish = ("--signature", str(tmp_path / "link.sig"))
    other_key = run(*link, *HOLDER, *finish)
    other_values = run(*link, "--set", "fullName=Joe", *finish)
    (tmp_path / "other.tbs").write_bytes(b"nonsense")
    no_message = run(*link, *HOLDER, *finish, "--tbs", str(tmp_path / "other.tbs"))
    for result, code, says in (
        (other_key, 2, "not a signature by the expected key"),
        (other_values, 2, "written for other values"),
        (no_message, 1, "other.tbs: these are no header and claims"),
    ):
        assert result.exit_code == code, result.output
        assert says in " ".join(result.output.split())
        assert SAVE_URL not in result.output


def test_an_example_link_may_be_signed_elsewhere(tmp_path: Path) -> None:
    """Trying it out needs no account."""
    link = ("link", TEMPLATE, "--serial", "M-1", *HOLDER, "--example")
    assert run(*link, "--emit-tbs", str(tmp_path / "link.tbs")).exit_code == 0
    said = json.loads((certs(tmp_path) / "service-account.json").read_text())
    signature = KeySigner.from_pem(said["private_key"]).sign((tmp_path / "link.tbs").read_bytes())
    (tmp_path / "link.sig").write_bytes(signature)
    finished = run(*link, "--signature", str(tmp_path / "link.sig"))
    assert finished.exit_code == 0, finished.output
    assert SAVE_URL in finished.output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--service-account", "c", "--emit-tbs", "a"), "--service-account goes without"),
        (("--key", "c", "--signature", "a"), "--key goes without"),
        (("--public-key", "c"), "--public-key signs nothing"),
        (("--public-key", "c", "--emit-tbs", "a", "--issuer-id", "1"), "goes with --email and --public-key"),
        (("--example", "--emit-tbs", "a", "--signature", "b"), "--signature comes later"),
        (("--example", "--tbs", "a"), "--tbs goes with --signature"),
    ],
)
def test_options_of_a_link_that_do_not_go_together(args: tuple[str, ...], says: str) -> None:
    result = run("link", TEMPLATE, "--serial", "M-1", *HOLDER, *args)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


@pytest.mark.foreign("openssl")
def test_a_batch_of_links_is_signed_where_the_key_is(
    tmp_path: Path, table: Path, account: tuple[str, ...]
) -> None:
    order = ("batch", str(MEMBERSHIP), str(table), *account, "--links", str(tmp_path / "links.csv"))
    emitted = run(*order, "--emit-tbs", str(tmp_path / "tbs.jsonl"))
    assert emitted.exit_code == 0, emitted.output
    assert "5 links" in emitted.output
    assert "links.csv" not in names(tmp_path)
    key = KeySigner.from_pem((tmp_path / "account.key").read_bytes())
    signed = answer(tmp_path / "tbs.jsonl", key)
    finished = run(*order, "--signatures", str(signed), "--jobs", "2")
    assert finished.exit_code == 0, finished.output
    at = datetime.fromisoformat(json.loads(signed.read_text().splitlines()[0])["at"])
    issuer = pw.google.Issuer(issuer_id=account[3], email=account[1], signer=key)
    maker = batch.PassMaker(pw.Template.load(MEMBERSHIP), google=pw.google.PassBuilder(issuer), at=at)
    listed = (tmp_path / "links.csv").read_text().splitlines()
    for number, row in enumerate(rows(5), start=1):
        assert any(maker.make(number, row).link in line for line in listed)  # type: ignore[operator]


@pytest.mark.parametrize(
    "message", [b"", b"a", b"a.b.c", b"a.!", b"YQ.YQ", b"e30.e30", b"e30.eyJpYXQiOi0xfQ", b"e30.W10"]
)
def test_what_is_no_link_that_waits_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        issued_at(message)
    assert refused.value.code in ("bad-token", "bad-claim", "bad-json")
