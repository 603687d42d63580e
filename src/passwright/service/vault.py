"""Addresses sealed at rest, and keyed hashes to look things up by.

A sealed value is AES-256-GCM under a key of the ring, with a random nonce of 96
bits. It opens only where it was sealed: purpose, organisation, pass and key are
authenticated with it. Each pass has an AES key of its own, derived from the
ring's (RFC 5869), so no key comes near the number of messages after which
random nonces repeat (NIST SP 800-38D section 8.3).

Without the ring, the database reveals neither an address nor its length.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hmac
import os
import re
import stat
import tomllib
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from passwright import atomic_file
from passwright.errors import KeyMaterialError, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["KeyFile", "KeyRing", "KeySource", "Purpose", "Vault", "key_id"]

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: the length that random nonces are made for
MAX_RING_BYTES = 64 * 2**10

_FORMAT = b"\x01"
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
# An address has at most 254 characters: nearly all sealed ones are of one length.
_BLOCK = 256


class Purpose(enum.Enum):
    """The purpose of a sealed value or a keyed hash. One purpose never stands in for another."""

    EMAIL = "email"  # the holder's address, sealed
    LINK = "link"  # the token of a pass's public link
    LINK_LOOKUP = "link-lookup"  # what the store keeps of that token
    DOWNLOAD = "download"  # what the store keeps of the token of a one-time download
    API_KEY = "api-key"  # what the store keeps of an API key
    FINGERPRINT = "fingerprint"  # of a request, for its idempotency key
    HOLDER = "holder"  # the opaque name a passkey or Wallet knows the holder of a pass by


class KeySource(Protocol):
    """The source of the vault's keys."""

    def current(self) -> KeyRing:
        """The ring as it is now. Asked for every operation, so that a rotation reaches running processes."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Keys by their id: all of them open, one of them seals.

    `keys` and `hashing` are 32 random bytes each. `hashing` is the root of all
    keyed hashes; it can't be rotated, since what was hashed is not kept.
    `retired` names keys that are gone: what still needs one is an error of its
    own, and no id comes back.

    Raises: KeyMaterialError: a key of another length, an invalid id, or no key to seal with.
    """

    keys: Mapping[str, bytes]
    sealing: str
    hashing: bytes
    retired: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        if not all(_KEY_ID.fullmatch(each) for each in (*self.keys, *self.retired)):
            raise KeyMaterialError("a key of the vault is named by 1 to 32 letters, digits, dots and dashes")
        if not all(len(key) == KEY_BYTES for key in (*self.keys.values(), self.hashing)):
            raise KeyMaterialError(f"a key of the vault has {KEY_BYTES} bytes")
        if self.sealing not in self.keys:
            raise KeyMaterialError("the vault's ring doesn't hold the key it is to seal with")
        if self.retired & self.keys.keys():
            raise KeyMaterialError("a key of the vault is both in use and retired")

    @classmethod
    def create(cls, name: str, *, random: Callable[[int], bytes] = os.urandom) -> KeyRing:
        """A ring of one new key called `name`, and a new root for keyed hashes."""
        return cls({name: random(KEY_BYTES)}, name, random(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """The ring written down by `to_text`.

        Raises: KeyMaterialError: it is not such a text. The message repeats nothing of it.
        """
        ring = _parse_ring(text)
        del text  # a traceback that shows local variables must not show the keys
        if ring is None:
            raise KeyMaterialError(
                "the vault's keys can't be read: TOML is needed, with sealing, hashing and [keys] in base64"
            )
        return ring

    def to_text(self) -> str:
        """The ring as TOML, keys in base64. Keep it secret, and apart from copies of the database."""
        retired = ", ".join(f'"{name}"' for name in sorted(self.retired))
        lines = [
            "# The keys of the vault. With these keys and the database, the holders' addresses can be read:",
            "# keep this file secret, and never in one backup with the database.",
            f'sealing = "{self.sealing}"',
            f'hashing = "{base64.b64encode(self.hashing).decode()}"',
            f"retired = [{retired}]",
            "",
            "[keys]",
            *(f'"{name}" = "{base64.b64encode(key).decode()}"' for name, key in self.keys.items()),
        ]
        return "\n".join(lines) + "\n"

    def current(self) -> KeyRing:
        """The ring itself: keys in memory stay as they are."""
        return self

    def with_new(self, name: str, *, random: Callable[[int], bytes] = os.urandom) -> KeyRing:
        """The ring with a new key, which seals from now on.

        Raises:
            ValueError: there is, or was, a key of that name.
        """
        if name in self.keys or name in self.retired:
            raise ValueError(f"there is or was a key called {name}: name the new one otherwise")
        return replace(self, keys={**self.keys, name: random(KEY_BYTES)}, sealing=name)

    def without(self, name: str) -> KeyRing:
        """The ring without a key that nothing depends on any more: count first.

        Raises:
            ValueError: there is no such key, or it is the one that seals.
        """
        if name not in self.keys or name == self.sealing:
            raise ValueError(f"{name} is not a key that can retire")
        kept = {each: key for each, key in self.keys.items() if each != name}
        return replace(self, keys=kept, retired=self.retired | {name})

    def __repr__(self) -> str:
        if not hasattr(self, "retired"):
            return "KeyRing(refused)"
        return f"KeyRing({len(self.keys)} keys, sealing={self.sealing!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ring holds secret keys and can't be pickled or copied: load it where it is used")


class KeyFile:
    """A ring in a file, read again whenever the file has changed.

    A file that others may read or change is refused; `allow_shared` takes it
    all the same, for platforms that mount secrets so.
    """

    __slots__ = ("_allow_shared", "_ring", "_seen", "path")

    def __init__(self, path: Path, *, allow_shared: bool = False) -> None:
        self.path = path
        self._allow_shared = allow_shared
        self._seen: tuple[int, ...] = ()
        self._ring: KeyRing | None = None

    def current(self) -> KeyRing:
        """The ring as the file has it now.

        Raises:
            KeyMaterialError: the file can't be read, others may read it, or it holds no ring.
        """
        try:
            found = self.path.stat()
        except OSError as exc:
            raise KeyMaterialError(f"the vault's keys can't be read: {self.path}: {exc.strerror}") from exc
        # `write` makes a new file each time, so a change shows even within one tick of the clock.
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._ring is None or seen != self._seen:
            self._check(found)
            self._ring, self._seen = KeyRing.parse(self._text()), seen
        return self._ring

    def write(self, ring: KeyRing) -> None:
        """Puts another ring into the file, whole or not at all, readable by its owner alone.

        Raises:
            OSError: the file can't be written; it is as it was.
        """
        atomic_file.write(self.path, ring.to_text().encode(), mode=0o600)

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_RING_BYTES:
            raise KeyMaterialError(f"{self.path} is not a file with keys of a vault")
        if os.name == "posix" and found.st_mode & 0o077 and not self._allow_shared:
            mode = stat.S_IMODE(found.st_mode)
            raise KeyMaterialError(
                f"others may read or change {self.path} (mode {mode:04o}): chmod 600 {self.path}"
            )

    def _text(self) -> str:
        try:
            return self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            # Not as the cause: a decoding error carries the whole text.
            raise KeyMaterialError(f"the vault's keys can't be read: {self.path}") from None

    def __repr__(self) -> str:
        return f"KeyFile({str(self.path)!r})"


class Vault:
    """Seals and opens values of passes, and makes keyed hashes."""

    __slots__ = ("_keys", "_random")

    def __init__(self, keys: KeySource, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = keys
        self._random = random

    def seal(self, text: str, *, purpose: Purpose, organisation_id: str, pass_id: str) -> bytes:
        """The text under the ring's sealing key, to be opened with the same three words only.

        The result is a version byte, the key's id with its length before it,
        nonce, ciphertext and tag. The ciphertext hides the length of the text
        in steps of 256 bytes.

        Raises:
            ValueError: the text holds a NUL.
            KeyMaterialError: the ring can't be read.
        """
        if "\0" in text:
            raise ValueError("a text with NUL can't be sealed")
        ring = self._keys.current()
        octets = text.encode("utf-8")
        padded = octets.ljust(-(-len(octets) // _BLOCK) * _BLOCK, b"\0")
        nonce = self._random(NONCE_BYTES)
        place = _frame(ring.sealing, purpose.value, organisation_id, pass_id)
        cipher = _cipher(ring.keys[ring.sealing], place)
        name = ring.sealing.encode()
        return b"".join((_FORMAT, bytes((len(name),)), name, nonce, cipher.encrypt(nonce, padded, place)))

    def open(self, sealed: bytes, *, purpose: Purpose, organisation_id: str, pass_id: str) -> str:
        """The text that was sealed with these three words.

        Raises:
            VaultError: `vault_unreadable` for what was changed, cut, or sealed
                elsewhere; `vault_key_retired` and `vault_key_unknown` for a key
                that the ring doesn't hold.
            KeyMaterialError: the ring can't be read.
        """
        name, nonce, encrypted = _split_sealed(sealed)
        ring = self._keys.current()
        if name in ring.retired:
            raise VaultError("vault_key_retired", f"a sealed value needs the retired key {name}")
        if name not in ring.keys:
            raise VaultError("vault_key_unknown", f"a sealed value needs the key {name}, which is not there")
        place = _frame(name, purpose.value, organisation_id, pass_id)
        try:
            padded = _cipher(ring.keys[name], place).decrypt(nonce, encrypted, place)
        except InvalidTag:
            raise _unreadable() from None
        return padded.rstrip(b"\0").decode("utf-8")

    def is_current(self, sealed: bytes) -> bool:
        """Returns True if the value is sealed with the key that seals now.

        Raises: VaultError: `vault_unreadable`, it is not a sealed value. KeyMaterialError: the ring can't
        be read.
        """
        return key_id(sealed) == self._keys.current().sealing

    def hash(self, purpose: Purpose, *parts: str | bytes) -> bytes:
        """Returns a keyed hash of the parts: 32 bytes that reveal nothing without the ring.

        HMAC-SHA-256 under a key of that purpose alone. Parts keep their
        borders: ("ab", "c") and ("a", "bc") differ.

        Raises:
            KeyMaterialError: the ring can't be read.
        """
        key = _derive_key(self._keys.current().hashing, b"hash " + purpose.value.encode())
        return hmac.digest(key, _frame(*parts), "sha256")

    def __repr__(self) -> str:
        return f"Vault({self._keys!r})"


def key_id(sealed: bytes) -> str:
    """The id of the key that opens a sealed value.

    Raises: VaultError: `vault_unreadable`, it is not a sealed value.
    """
    return _split_sealed(sealed)[0]


def _split_sealed(sealed: bytes) -> tuple[str, bytes, bytes]:
    """Key id, nonce, ciphertext with tag."""
    octets = bytes(sealed)
    nonce = 2 + octets[1] if octets[:1] == _FORMAT and len(octets) > 1 else len(octets)
    name = octets[2:nonce].decode("ascii", "replace")
    if len(octets) <= nonce + NONCE_BYTES or not _KEY_ID.fullmatch(name):
        raise _unreadable()
    return name, octets[nonce : nonce + NONCE_BYTES], octets[nonce + NONCE_BYTES :]


def _unreadable() -> VaultError:
    return VaultError("vault_unreadable", "a sealed value can't be opened: it was changed or moved")


def _frame(*parts: str | bytes) -> bytes:
    """The parts with their lengths before them: no two lists give the same bytes."""
    octets = (part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts)
    return b"".join(len(each).to_bytes(8, "big") + each for each in octets)


def _cipher(key: bytes, place: bytes) -> AESGCM:
    return AESGCM(_derive_key(key, b"seal " + place))


def _derive_key(key: bytes, info: bytes) -> bytes:
    """RFC 5869 section 2.3; the step before it is for keys that are not random."""
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=b"passwright " + info).derive(key)


def _parse_ring(text: str) -> KeyRing | None:
    """None instead of an exception, whose traceback would keep the keys alive and visible."""
    try:
        members: dict[str, Any] = tomllib.loads(text)
        keys = {name: base64.b64decode(key, validate=True) for name, key in members["keys"].items()}
        hashing = base64.b64decode(members["hashing"], validate=True)
        return KeyRing(keys, members["sealing"], hashing, frozenset(members.get("retired", ())))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, KeyMaterialError):
        return None
