"""Pictures that were read before: passes of one template have the same, and consist of little else.

A picture is known again by comparing all its bytes, which proves more than any
checksum and takes a tenth of the time. What follows from the bytes alone is then
known as well.
"""

from __future__ import annotations

from hashlib import sha1
from threading import Lock

from passwright.apple.archive import END_SIGN

__all__ = ["PICTURES", "KnownPictures", "Picture"]

# The pictures of some twenty templates: one has 50 to 300 kB of them.
MAX_BYTES = 4 * 2**20
# Below this, working it out costs no more than looking it up.
MIN_PICTURE_BYTES = 512
MAX_NAMES = 1024


class Picture:
    """A picture, its CRC-32, and its SHA-1 from when it is asked for."""

    __slots__ = ("_digest", "crc", "data")

    def __init__(self, data: bytes, crc: int) -> None:
        self.data = data
        self.crc = crc
        self._digest = ""

    @property
    def digest(self) -> str:
        """The SHA-1 as 40 lower-case digits."""
        if not self._digest:
            self._digest = sha1(self.data, usedforsecurity=False).hexdigest()
        return self._digest


class KnownPictures:
    """The pictures that came more than once, at most `max_bytes` of them; threads may share it.

    What comes once, such as the portrait on a membership card, is not kept. Nor
    is what holds the sign of an archive's end: readers of archives search for that.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Knows no picture any more."""
        with self._lock:
            # By name and size. The oldest goes first where room is needed.
            self._pictures: dict[tuple[bytes, int], Picture] = {}
            self._by_identity: dict[int, Picture] = {}
            self._bytes = 0
            # CRC-32 of what came once.
            self._seen: dict[tuple[bytes, int], int] = {}

    def find(self, name: bytes, size: int, archive: bytes, at: int) -> Picture | None:
        """The known picture that stands in an archive from `at` on, byte for byte."""
        known = self._pictures.get((name, size))
        return known if known is not None and archive.startswith(known.data, at) else None

    def met(self, name: bytes, data: bytes, crc: int) -> None:
        """A picture was read that was not known; `crc` is its CRC-32."""
        # One that is larger would drive out nearly all others.
        if not MIN_PICTURE_BYTES <= len(data) <= self._max_bytes // 4:
            return
        key = name, len(data)
        if self._seen.get(key) != crc:
            if len(self._seen) >= MAX_NAMES:
                self._seen.clear()
            self._seen[key] = crc
        elif END_SIGN not in data:
            self._keep(key, Picture(data, crc))

    def _keep(self, key: tuple[bytes, int], picture: Picture) -> None:
        with self._lock:
            if key in self._pictures:
                self._drop(key)
            while self._pictures and self._bytes + key[1] > self._max_bytes:
                self._drop(next(iter(self._pictures)))
            self._pictures[key] = self._by_identity[id(picture.data)] = picture
            self._bytes += key[1]

    def _drop(self, key: tuple[bytes, int]) -> None:
        del self._by_identity[id(self._pictures.pop(key).data)]
        self._bytes -= key[1]

    def digest(self, data: bytes) -> str:
        """The SHA-1 of a file as 40 lower-case digits: known, where `find` gave these very bytes."""
        known = self._by_identity.get(id(data))
        if known is not None and known.data is data:
            return known.digest
        return sha1(data, usedforsecurity=False).hexdigest()


PICTURES = KnownPictures()
"""Those of this process."""
