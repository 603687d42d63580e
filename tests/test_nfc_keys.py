"""Every form a P-256 key can have becomes the one Apple takes; everything else is refused in a sentence."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import stat
import subprocess
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from passwright.errors import KeyMaterialError
from passwright.examples.authority import Authority
from passwright.nfc_keys import MAX_BYTES, NfcKey, generate, public_text
from passwright.schema.formats import FORMATS
from tests.conftest import AT, READER_KEY
from tests.keys import rsa_key
from tests.run_cli import documents, run

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "canary-password"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key()
POINT = PUBLIC.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def private(encoding: Encoding, form: PrivateFormat, password: str | None = None, key: Any = KEY) -> bytes:
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    made: bytes = key.private_bytes(encoding, form, how)
    return made


def public(encoding: Encoding, key: Any = PUBLIC) -> bytes:
    made: bytes = key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return made


def compressed_spki() -> bytes:
    """With asn1crypto: cryptography writes points uncompressed only."""
    made = keys.PublicKeyInfo(
        {
            "algorithm": {"algorithm": "ec", "parameters": keys.ECDomainParameters("named", "secp256r1")},
            "public_key": keys.ECPointBitString(POINT),
        }
    )
    dumped: bytes = made.dump()
    return dumped


def certificate() -> bytes:
    """A certificate for a P-256 key, made by nobody here."""
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Reader")])
    builder = x509.CertificateBuilder(name, name, PUBLIC, 1, AT, AT + timedelta(days=1))
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def armoured(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


PEM, DER = Encoding.PEM, Encoding.DER
PKCS8, SEC1 = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
SPKI = public(DER)
EXPECTED = base64.b64encode(compressed_spki()).decode()

FORMS: dict[str, bytes | str] = {
    "private, PKCS #8 in PEM": private(PEM, PKCS8),
    "private, PKCS #8 in DER": private(DER, PKCS8),
    "private, SEC 1 in PEM": private(PEM, SEC1),
    "private, SEC 1 in DER": private(DER, SEC1),
    "private, after its parameters": armoured("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
    + private(PEM, SEC1),
    "public in PEM": public(PEM),
    "public in PEM, as text": public(PEM).decode(),
    "public in PEM, with Windows line ends": public(PEM).replace(b"\n", b"\r\n"),
    "public in PEM, compressed": armoured("PUBLIC KEY", compressed_spki()),
    "public in DER": SPKI,
    "public in DER, compressed": compressed_spki(),
    "public in Base64": base64.b64encode(SPKI),
    "public in Base64, in lines, as text": base64.encodebytes(SPKI).decode(),
    "public in Base64, compressed": EXPECTED,
    "certificate in PEM": armoured("CERTIFICATE", certificate()),
    "certificate in DER": certificate(),
    "certificate and key in one text": armoured("CERTIFICATE", certificate())
    + b"Bag Attributes\n"
    + private(PEM, PKCS8),
    "a bytearray": bytearray(SPKI),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_a_key_becomes_the_same_text(form: bytes | str) -> None:
    assert public_text(form) == EXPECTED


@pytest.mark.parametrize(
    ("form", "password"),
    [
        (private(PEM, PKCS8, PASSWORD), PASSWORD),
        (private(PEM, SEC1, PASSWORD), PASSWORD.encode()),
        (private(DER, PKCS8, PASSWORD), PASSWORD),
        (private(DER, PKCS8), PASSWORD),
        (private(DER, PKCS8), ""),
        (private(PEM, PKCS8), PASSWORD),
    ],
    ids=["PKCS #8", "SEC 1", "DER", "DER that needs none", "DER and an empty one", "PEM that needs none"],
)
def test_a_password_opens_what_is_encrypted(form: bytes, password: bytes | str) -> None:
    assert public_text(form, password=password) == EXPECTED


def test_the_text_is_that_of_59_bytes_with_a_compressed_point() -> None:
    """What asn1crypto reads in it is the point that cryptography compressed."""
    read = keys.PublicKeyInfo.load(base64.b64decode(EXPECTED, validate=True), strict=True)

    assert len(read.dump()) == 59
    assert read.algorithm == "ec"
    assert read.curve == ("named", "secp256r1")
    assert read["public_key"].native == POINT
    assert EXPECTED.startswith(
        ("MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAC", "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAD")
    )
    assert FORMATS["p256-spki-base64"][1](EXPECTED)


def test_the_published_example_stays_as_it_is() -> None:
    assert public_text(READER_KEY) == READER_KEY


@given(st.integers(min_value=1, max_value=2**255))
def test_any_key_comes_back_from_its_text(secret: int) -> None:
    """Points with even and odd y, and with leading zeros, are the same key afterwards."""
    key = ec.derive_private_key(secret, ec.SECP256R1())
    text = public_text(public(DER, key.public_key()))

    point = base64.b64decode(text)[-33:]
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point) == key.public_key()


P384 = ec.generate_private_key(ec.SECP384R1())
KOBLITZ = ec.generate_private_key(ec.SECP256K1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
OTHER = ec.generate_private_key(ec.SECP256R1())
UNREADABLE = "no key can be read"
REFUSED: dict[str, tuple[bytes | str, str]] = {
    "P-384": (public(PEM, P384.public_key()), r"EC on secp384r1.*P-256"),
    "P-384, private": (private(PEM, PKCS8, key=P384), r"EC on secp384r1"),
    "another curve of 256 bits": (public(DER, KOBLITZ.public_key()), "EC on secp256k1"),
    "Ed25519": (public(PEM, EDWARDS.public_key()), "Ed25519PublicKey"),
    "RSA, private": (private(PEM, PKCS8, key=rsa_key()), "RSAPublicKey.*not that of the pass certificate"),
    "a pass certificate": (Authority.example().identity().certificate, "RSAPublicKey"),
    "encrypted, without password": (private(PEM, PKCS8, PASSWORD), "encrypted.*password is wrong or missing"),
    "encrypted DER, without password": (private(DER, PKCS8, PASSWORD), UNREADABLE),
    "two keys": (public(PEM) + public(PEM, OTHER.public_key()), "several different keys"),
    "nothing": (b"", UNREADABLE),
    "empty text": ("", UNREADABLE),
    "text": ("my key", UNREADABLE),
    "text beyond ASCII": ("Schlüssel 🔑 \ud800", UNREADABLE),
    "a name of a file": ("reader.pem", UNREADABLE),
    "cut off": (SPKI[:-1], UNREADABLE),
    "cut off PEM": (public(PEM)[:-30], UNREADABLE),
    "something after it": (SPKI + b"\0", UNREADABLE),
    "a damaged PEM": (public(PEM).replace(b"MFkw", b"MFkx"), UNREADABLE),
    "a damaged certificate": (armoured("CERTIFICATE", certificate()[:-9]), UNREADABLE),
    "a damaged private key": (armoured("PRIVATE KEY", private(DER, PKCS8)[:-9]), UNREADABLE),
    "a request for a certificate": (armoured("CERTIFICATE REQUEST", SPKI), UNREADABLE),
    "the point alone": (base64.b64encode(POINT), UNREADABLE),
    "a raw point off the curve": (compressed_spki()[:27] + b"\xff" * 32, UNREADABLE),
    "too long": (b"A" * (MAX_BYTES + 1), "65,536 bytes"),
    "many beginnings": (b"-----BEGIN PUBLIC KEY-----" * 2000, UNREADABLE),
}


@pytest.mark.parametrize(("form", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_key_for_nfc_is_refused_in_a_sentence(form: bytes | str, said: str) -> None:
    with pytest.raises(KeyMaterialError, match=said):
        public_text(form)


def test_key_01_a_wrong_password_is_told_like_a_missing_one() -> None:
    form = private(PEM, PKCS8, PASSWORD)
    said = set()
    for password in (None, "", "wrong", "x" * 10_000):
        with pytest.raises(KeyMaterialError) as refused:
            public_text(form, password=password)
        said.add(str(refused.value))

    assert len(said) == 1


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_input_is_a_key_or_refused(form: bytes | str) -> None:
    with pytest.raises(KeyMaterialError):
        public_text(form)


@given(st.integers(0, len(SPKI) - 1), st.integers(1, 255))
def test_a_changed_byte_never_crosses_the_border_as_a_foreign_exception(at: int, change: int) -> None:
    changed = bytearray(SPKI)
    changed[at] ^= change
    try:
        text = public_text(bytes(changed))
    except KeyMaterialError:
        return
    assert FORMATS["p256-spki-base64"][1](text)


@pytest.mark.parametrize("form", [private(PEM, PKCS8), private(DER, SEC1)], ids=["PEM", "DER"])
def test_key_05_a_refused_key_is_not_kept_in_the_traceback(form: bytes) -> None:
    """No frame of ours shows key or password when tracebacks show local variables."""
    given_ = form + private(PEM, PKCS8, key=OTHER) if form.startswith(b"-") else form[:-1]
    canary = repr(given_)[10:60]
    try:
        public_text(given_, password=PASSWORD)
    except KeyMaterialError as exc:
        ours = traceback.TracebackException.from_exception(exc, capture_locals=True).stack[1:]
    shown = " ".join(str(frame.locals) for frame in ours)

    assert ours
    assert canary not in shown
    assert PASSWORD not in shown


# --- new keys ---


def test_a_new_key_is_on_p_256_and_each_is_another() -> None:
    made = [generate() for _ in range(3)]

    assert len({key.public_text for key in made}) == 3
    for key in made:
        assert public_text(key.private_pem) == key.public_text
        assert FORMATS["p256-spki-base64"][1](key.public_text)


def test_key_04_a_new_key_keeps_its_private_half_to_itself() -> None:
    key = generate()
    secret = key.private_pem.decode().splitlines()[1]

    for text in (repr(key), str(key), f"{key}"):
        assert text == f"NfcKey({key.public_text!r})"
        assert secret not in text
    for taken in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="can't be pickled or copied"):
            taken(key)
    assert not hasattr(key, "__dict__")
    assert isinstance(key, NfcKey)


@pytest.mark.foreign("openssl")
def test_openssl_reads_the_new_key_and_writes_the_same_text(tmp_path: Path) -> None:
    key = generate()
    (tmp_path / "key.pem").write_bytes(key.private_pem)
    command = ["openssl", "ec", "-in", "key.pem", "-pubout", "-conv_form", "compressed", "-outform", "DER"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)

    assert base64.b64encode(done.stdout).decode() == key.public_text


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(
    "command",
    [
        "openssl ecparam -name prime256v1 -genkey",
        "openssl ecparam -name prime256v1 -genkey -noout -outform DER",
        "openssl ecparam -name prime256v1 -genkey -param_enc explicit",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    ],
)
def test_keys_that_openssl_makes_are_taken(command: str, tmp_path: Path) -> None:
    key = subprocess.run(command.split(), capture_output=True, check=True).stdout
    to_text = ["openssl", "ec", "-pubout", "-conv_form", "compressed", "-param_enc", "named_curve"]
    to_text += ["-outform", "DER", "-inform", "PEM" if key.startswith(b"-") else "DER"]
    done = subprocess.run(to_text, input=key, capture_output=True, check=True)

    assert public_text(key) == base64.b64encode(done.stdout).decode()


# --- the command ---


def line(text: str) -> str:
    return f'apple_key = "{text}"\n'


def test_key_03_the_command_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Its file has mode 0600, from its first byte on."""
    path = tmp_path / "reader.pem"

    result = run("nfc-key", "--out", str(path))

    assert result.exit_code == 0
    assert result.stdout == line(public_text(path.read_bytes()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in result.output
    assert "reader.pem" in result.stderr


def test_a_key_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "reader.pem"
    path.write_bytes(b"precious")

    result = run("nfc-key", "--out", str(path))

    assert result.exit_code == 2
    assert "exists" in result.stderr
    assert path.read_bytes() == b"precious"


def test_a_dangling_link_is_not_replaced_either(tmp_path: Path) -> None:
    path = tmp_path / "reader.pem"
    path.symlink_to(tmp_path / "nowhere")

    assert run("nfc-key", "--out", str(path)).exit_code == 2
    assert path.is_symlink()


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_converts_a_key_there_is(tmp_path: Path, *, as_json: bool) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(public(PEM))

    result = run("nfc-key", "--from", str(path), *(["--json"] if as_json else []))

    assert result.exit_code == 0
    assert result.stderr == ""
    if as_json:
        assert documents(result) == [{"apple_key": EXPECTED}]
    else:
        assert result.stdout == line(EXPECTED)


def test_the_command_reads_standard_input() -> None:
    assert run("nfc-key", "--from", "-", stdin=private(PEM, SEC1)).stdout == line(EXPECTED)


def test_the_command_warns_about_a_private_key_that_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "reader.pem"
    path.write_bytes(private(PEM, PKCS8))
    path.chmod(0o644)
    warned = run("nfc-key", "--from", str(path))
    path.chmod(0o600)

    assert warned.exit_code == 0
    assert warned.stdout == line(EXPECTED)
    assert "key-file-exposed" in warned.stderr
    assert run("nfc-key", "--from", str(path)).stderr == ""


def test_key_07_the_password_comes_from_a_file(tmp_path: Path) -> None:
    for name, data in (("reader.pem", private(PEM, PKCS8, PASSWORD)), ("password", PASSWORD.encode())):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    key, password = str(tmp_path / "reader.pem"), str(tmp_path / "password")

    assert run("nfc-key", "--from", key, "--password-file", password).stdout == line(EXPECTED)
    refused = run("nfc-key", "--from", key)
    assert refused.exit_code == 2
    assert "password is wrong or missing" in refused.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--out FILE for a new key, or --from FILE"),
        (("--out", "a.pem", "--from", "b.pem"), "--out FILE for a new key, or --from FILE"),
        (("--out", "a.pem", "--password-file", "b"), "--password-file opens the key of --from"),
        (("--from", "missing.pem"), "missing.pem: No such file"),
        (("--out", "missing/a.pem"), "missing/a.pem: its folder does not exist"),
    ],
)
def test_wrong_use_makes_no_key(
    args: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("nfc-key", *args)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(json.dumps({"key": "none"}))

    result = run("nfc-key", "--from", str(path))

    assert result.exit_code == 2
    assert "notes.txt: no key can be read" in result.stderr
