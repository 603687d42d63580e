"""Addresses at rest: sealed, tied to their place, readable through every rotation, silent everywhere else."""

from __future__ import annotations

import base64
import copy
import multiprocessing
import os
import pickle
import sqlite3
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from passwright.errors import KeyMaterialError, VaultError
from passwright.service.vault import KeyFile, KeyRing, Purpose, Vault, key_id
from tests.service_context import key_shown

if TYPE_CHECKING:
    from pathlib import Path

JANE = "jane@gmail.com"
RING = KeyRing.create("one")
VAULT = Vault(RING)


def seal(text: str = JANE, vault: Vault = VAULT, *, org: str = "org-1", pass_: str = "pass-1") -> bytes:
    return vault.seal(text, purpose=Purpose.EMAIL, organisation_id=org, pass_id=pass_)


def unseal(
    sealed: bytes,
    vault: Vault = VAULT,
    *,
    purpose: Purpose = Purpose.EMAIL,
    org: str = "org-1",
    pass_: str = "pass-1",
) -> str:
    return vault.open(sealed, purpose=purpose, organisation_id=org, pass_id=pass_)


def unreadable(sealed: bytes, vault: Vault = VAULT, **place: Any) -> str:
    with pytest.raises(VaultError) as caught:
        unseal(sealed, vault, **place)
    assert JANE not in str(caught.value)
    return caught.value.code


# --- sealed and opened


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_what_was_sealed_opens_again(text: str) -> None:
    assert unseal(seal(text)) == text


def test_a_sealed_value_says_its_form_and_key_and_nothing_else() -> None:
    """Version, length and id of the key, 96-bit nonce, ciphertext of 256 bytes, 128-bit tag."""
    sealed = seal()

    assert sealed[:5] == b"\x01\x03one"
    assert len(sealed) == 5 + 12 + 256 + 16
    assert key_id(sealed) == "one"


def test_the_length_of_an_address_does_not_show() -> None:
    assert len(seal("a@x.io")) == len(seal("a" * 64 + "@" + "example." * 20 + "com"))


def test_equal_addresses_look_different() -> None:
    assert seal() != seal()


def test_the_cipher_is_aes_256_gcm_with_the_place_authenticated() -> None:
    """Opened without the vault: RFC 5869 and NIST SP 800-38D, put together by hand."""
    import hashlib
    import hmac

    sealed = seal()
    place = b"".join(len(p).to_bytes(8, "big") + p for p in (b"one", b"email", b"org-1", b"pass-1"))
    info = b"passwright seal " + place
    key = hmac.digest(RING.keys["one"], info + b"\x01", hashlib.sha256)

    assert AESGCM(key).decrypt(sealed[5:17], sealed[17:], place).rstrip(b"\0") == JANE.encode()


def test_a_nul_is_refused_since_it_would_not_come_back() -> None:
    with pytest.raises(ValueError, match="NUL"):
        seal("jane\0")


# --- EML-06, EML-13: moved, damaged


PLACES: list[dict[str, Any]] = [
    {"org": "org-2"},
    {"pass_": "pass-2"},
    {"purpose": Purpose.HOLDER},
    {"org": "org-1p", "pass_": "ass-1"},
]


@pytest.mark.parametrize("place", PLACES)
def test_eml_06_a_value_moved_elsewhere_does_not_open(place: dict[str, Any]) -> None:
    """To the row of another pass, to another organisation, to another column, or across their border."""
    assert unreadable(seal(), **place) == "vault_unreadable"


def test_eml_06_a_value_under_the_name_of_another_key_does_not_open() -> None:
    ring = RING.with_new("two")
    sealed = seal(vault=Vault(ring))

    assert unreadable(sealed.replace(b"two", b"one", 1), Vault(ring)) == "vault_unreadable"


def test_eml_13_no_flipped_bit_and_no_cut_goes_unnoticed() -> None:
    """Refused with a typed code, and nothing partial comes back."""
    sealed = seal()

    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        assert unreadable(bytes(changed)).startswith("vault_")
    for size in range(len(sealed)):
        assert unreadable(sealed[:size]) == "vault_unreadable"


def test_eml_13_one_damaged_row_leaves_the_others_alone() -> None:
    rows = [bytearray(seal(f"{number}@example.com", pass_=str(number))) for number in range(5)]
    rows[2][-1] ^= 1

    for number, row in enumerate(rows):
        if number == 2:
            assert unreadable(bytes(row), pass_="2") == "vault_unreadable"
        else:
            assert unseal(bytes(row), pass_=str(number)) == f"{number}@example.com"


# --- EML-07: rotation


def test_eml_07_every_value_stays_readable_while_keys_change() -> None:
    old = seal()
    ring = RING.with_new("two")
    vault = Vault(ring)

    assert unseal(old, vault) == JANE
    assert key_id(new := seal(unseal(old, vault), vault)) == "two"
    assert unseal(new, Vault(ring.without("one"))) == JANE


def test_eml_07_a_retired_key_in_use_is_an_error_of_its_own() -> None:
    ring = RING.with_new("two").without("one")

    assert unreadable(seal(), Vault(ring)) == "vault_key_retired"
    assert unreadable(seal(vault=Vault(KeyRing.create("elsewhere")))) == "vault_key_unknown"


def test_a_key_that_seals_never_retires_and_no_name_comes_back() -> None:
    ring = RING.with_new("two").without("one")

    for name in ("two", "one", "three"):
        with pytest.raises(ValueError, match="not a key that can retire"):
            ring.without(name)
    for name in ("one", "two"):
        with pytest.raises(ValueError, match="there is or was"):
            ring.with_new(name)


# --- EML-14: nonces


def nonces(count: int) -> list[bytes]:
    return [seal()[5:17] for _ in range(count)]


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_eml_14_no_nonce_repeats(count: int) -> None:
    assert len(set(nonces(count))) == count


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_eml_14_two_processes_share_no_nonce(method: str) -> None:
    """Neither copies of one process nor two that started alike: the system is asked each time."""
    with multiprocessing.get_context(method).Pool(2) as pool:
        first, second = pool.map(nonces, [500, 500], chunksize=1)

    assert not set(first) & set(second) & set(nonces(500))
    assert len({*first, *second}) == 1000


def test_eml_14_passes_share_no_aes_key() -> None:
    """With one nonce and one text for all: under one AES key the ciphertexts would be equal.

    So the messages per key are the few of one pass, far from 2**32.
    """
    vault = Vault(RING, random=bytes)
    bodies = {seal(vault=vault, pass_=str(number))[17:-16] for number in range(100)}

    assert len(bodies) == 100


# --- keyed hashes


def test_eml_11_a_keyed_hash_needs_the_ring_and_keeps_purposes_apart() -> None:
    """Whoever copies the database can't try addresses or tokens against it."""
    made = {VAULT.hash(purpose, JANE) for purpose in Purpose}

    assert len(made) == len(Purpose)
    assert {len(each) for each in made} == {32}
    assert VAULT.hash(Purpose.LINK, JANE) == Vault(RING.with_new("two")).hash(Purpose.LINK, JANE)
    assert VAULT.hash(Purpose.LINK, JANE) != Vault(KeyRing.create("one")).hash(Purpose.LINK, JANE)


def test_a_keyed_hash_keeps_the_borders_of_its_parts() -> None:
    parts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), (b"abc",), ()]

    assert len({VAULT.hash(Purpose.LINK, *each) for each in parts}) == 5  # text is its UTF-8


# --- EML-05: at rest


def test_eml_05_a_database_of_sealed_addresses_holds_none_in_clear(tmp_path: Path) -> None:
    """A thousand canaries: not as text, not turned, not in the journal."""
    canaries = [f"canary-{number:04}@gmail.com" for number in range(1000)]
    database = sqlite3.connect(tmp_path / "database")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE bindings (email_sealed BLOB)")
    database.executemany("INSERT INTO bindings VALUES (?)", [(seal(each),) for each in canaries])
    database.commit()

    octets = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    database.close()

    assert len(octets) > 250_000
    assert b"canary" not in octets
    assert b"canary"[::-1] not in octets
    assert "canary".encode("utf-16-le") not in octets


# --- the ring in a file


def test_a_ring_comes_back_from_its_text() -> None:
    ring = RING.with_new("2026-11.b_2").with_new("three").without("one")

    assert KeyRing.parse(ring.to_text()) == ring


def test_a_rotation_reaches_a_running_vault(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "vault.toml")
    file.write(RING)
    vault = Vault(KeyFile(file.path))
    old = seal(vault=vault)

    file.write(RING.with_new("two"))

    assert key_id(seal(vault=vault)) == "two"
    assert unseal(old, vault) == JANE
    file.write(RING.with_new("two").without("one"))
    assert unreadable(old, vault) == "vault_key_retired"


def test_a_file_that_did_not_change_is_read_once(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "vault.toml")
    file.write(RING)

    assert file.current() is file.current()


@pytest.mark.skipif(os.name != "posix", reason="other systems tell no mode")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_key_03_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "vault.toml"
    KeyFile(path).write(RING)
    assert path.stat().st_mode & 0o777 == 0o600

    path.chmod(mode)

    with pytest.raises(KeyMaterialError, match="chmod 600"):
        KeyFile(path).current()
    assert KeyFile(path, allow_shared=True).current() == RING


KEY = "A" * 43 + "="
BROKEN = {
    "nothing": "",
    "no TOML": "keys = [",
    "no key to seal with": f'sealing = "two"\nhashing = "{KEY}"\n[keys]\none = "{KEY}"',
    "a key of 31 bytes": f'sealing = "one"\nhashing = "{KEY}"\n[keys]\none = "{KEY[4:]}"',
    "a hashing key of 31 bytes": f'sealing = "one"\nhashing = "{KEY[4:]}"\n[keys]\none = "{KEY}"',
    "no base64": f'sealing = "one"\nhashing = "{KEY}"\n[keys]\none = "{KEY[:-2]}!="',
    "a number": f'sealing = "one"\nhashing = 5\n[keys]\none = "{KEY}"',
    "an id with a blank": f'sealing = "o ne"\nhashing = "{KEY}"\n[keys]\n"o ne" = "{KEY}"',
    "an id of 33 letters": f'sealing = "{"a" * 33}"\nhashing = "{KEY}"\n[keys]\n{"a" * 33} = "{KEY}"',
    "a retired key in use": f'sealing = "one"\nretired = ["one"]\nhashing = "{KEY}"\n[keys]\none = "{KEY}"',
    "keys as a list": f'sealing = "one"\nhashing = "{KEY}"\nkeys = ["{KEY}"]',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_ring_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeyRing.parse(text)

    assert "AAAA" not in str(caught.value)


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"#" * 70_000])
def test_a_file_that_is_no_ring_is_refused(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "vault.toml"
    path.write_bytes(octets)
    path.chmod(0o600)

    with pytest.raises(KeyMaterialError):
        KeyFile(path).current()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match=r"vault\.toml: No such file"):
        KeyFile(tmp_path / "vault.toml").current()
    (tmp_path / "vault.toml").mkdir(mode=0o700)
    with pytest.raises(KeyMaterialError, match="not a file with keys"):
        KeyFile(tmp_path / "vault.toml").current()


# --- KEY-04 to KEY-06: nothing shows


def test_key_04_rings_and_vaults_show_no_key_and_are_never_pickled(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "vault.toml")
    file.write(RING)
    shown = repr((RING, VAULT, file, Vault(file))) + f"{RING} {VAULT} {file}"

    for key in (*RING.keys.values(), RING.hashing):
        assert not key_shown(key, shown)
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret keys"):
            copied(RING)


def told_with_locals(caught: pytest.ExceptionInfo[BaseException]) -> str:
    """The traceback below the test's own frame, with every local variable in it."""
    below = caught.value.__traceback__.tb_next if caught.value.__traceback__ else None
    made = traceback.TracebackException(caught.type, caught.value, below, capture_locals=True)
    return "".join(made.format())


def test_key_05_tracebacks_with_local_variables_show_no_key(tmp_path: Path) -> None:
    """Whatever loads the ring and fails."""
    path = tmp_path / "vault.toml"
    path.write_text(RING.to_text().replace("sealing", "dealing"))
    path.chmod(0o600)

    with pytest.raises(KeyMaterialError) as parsed:
        KeyRing.parse(path.read_text())
    with pytest.raises(KeyMaterialError) as loaded:
        KeyFile(path).current()

    for caught in (parsed, loaded):
        told = told_with_locals(caught)
        assert "can't be read" in told
        for key in (RING.keys["one"], RING.hashing):
            assert not key_shown(key, told)


def test_key_06_a_value_that_does_not_open_shows_neither_key_nor_address() -> None:
    sealed = seal()

    with pytest.raises(VaultError) as caught:
        unseal(sealed, org="org-2")

    assert JANE not in told_with_locals(caught)
    assert not key_shown(RING.keys["one"], told_with_locals(caught))


def test_key_04_a_key_in_a_text_is_found_however_it_is_written() -> None:
    """What the tests around here rest on."""
    for key in (RING.keys["one"], RING.hashing, bytes(32), b"'\"" * 16):
        for text in (repr(key), repr(key[:20]), key.hex(), key.hex()[5:25], base64.b64encode(key).decode()):
            assert key_shown(key, f"before {text} after")
        assert not key_shown(key, repr(os.urandom(10_000)))
