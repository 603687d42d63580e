"""Signatures made elsewhere, by hand or by a machine that has no network.

What has to be signed is written down (`PassBuilder.unsigned`, `Maker.to_sign`),
carried to the key, and the signatures are carried back. Building again with
`AirGapSigner`, at the same time and with the same values, makes the passes that
the key itself would have made: there is one road, and only the signer differs.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.errors import InvalidInput, SignerFailed
from passwright.times import is_aware, require_aware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["AirGapSigner", "Signed", "order", "read"]

MAX_LINE_BYTES = 2**14
_SHA_256 = re.compile(r"[0-9a-f]{64}\Z")

Signed = tuple[bytes, bytes]
"""The SHA-256 of a message, and the signature over that message."""


class AirGapSigner:
    """Answers with signatures that are there already.

    `signatures` are pairs: the SHA-256 of a message and the signature over that
    message, as `read` gives them. They are read as far as needed, and each is
    forgotten once it was asked for, so a file in the order of the passes may be
    longer than the memory. Threads may share a signer.
    """

    key_id = None

    def __init__(self, signatures: Iterable[Signed] = ()) -> None:
        self._rest = iter(signatures)
        self._known: dict[bytes, bytes] = {}
        self._lock = Lock()

    def sign(self, message: bytes) -> bytes:
        """The signature that was made over `message`.

        Raises:
            SignerFailed: there is none: what is signed has changed since, or nobody
                signed it; or the signatures can't be read on.
        """
        digest = sha256(message).digest()
        with self._lock:
            while digest not in self._known:
                found = self._next()
                if found is None:
                    raise SignerFailed(
                        "no signature was made over this: the pass, its certificate or its signing time "
                        "are others than they were when it was written down what has to be signed"
                    )
                self._known[found[0]] = found[1]
            return self._known.pop(digest)

    def _next(self) -> Signed | None:
        try:
            return next(self._rest, None)
        except InvalidInput as exc:
            raise SignerFailed(str(exc)) from exc


def order(serial: str, message: bytes, *, at: datetime) -> dict[str, str]:
    """The line that asks for a signature: serial, at, sha256 in hexadecimal, message in Base64.

    The signing side adds `signature`, in Base64, made over the message with SHA-256
    (RSA: PKCS #1 v1.5; EC: DER), and may leave the message away.

    Raises:
        ValueError: `at` is naive, so that `read` would refuse the line.
    """
    return {
        "serial": serial,
        "at": require_aware(at, "at").isoformat(),
        "sha256": sha256(message).hexdigest(),
        "message": b64encode(message).decode(),
    }


def read(lines: Iterable[bytes], *, name: str) -> tuple[datetime, Iterator[Signed]]:
    """The signing time that lines agree on, and the signatures in them; `name` is the file's in errors.

    Raises:
        InvalidInput: `bad-signatures`: a line is not what `order` says with a `signature`
            added; here for the first line, later when it is come to.
    """
    numbered = enumerate((line for line in lines if line.strip()), start=1)
    first = next(numbered, None)
    if first is None:
        raise InvalidInput("bad-signatures", name, "the file holds no signature")
    at, signed = _line(*first, name)

    def rest() -> Iterator[Signed]:
        yield signed
        for number, line in numbered:
            time, each = _line(number, line, name)
            if time != at:
                raise InvalidInput(
                    "bad-signatures", f"{name}, line {number}", "the passes of a batch are signed at one time"
                )
            yield each

    return at, rest()


def _line(number: int, line: bytes, name: str) -> tuple[datetime, Signed]:
    where = f"{name}, line {number}"
    try:
        said: Any = strict_json.loads(line, name=where, max_bytes=MAX_LINE_BYTES, max_depth=2)
        at = datetime.fromisoformat(said["at"])
        digest, signature = said["sha256"], b64decode(said["signature"], validate=True)
    except InvalidInput as exc:
        raise InvalidInput("bad-signatures", where, f"this is not a JSON object: {exc.message}") from exc
    except (TypeError, KeyError, ValueError) as exc:
        raise InvalidInput(
            "bad-signatures", where, "a line has the members at, sha256 and signature, the last in Base64"
        ) from exc
    if not is_aware(at) or not isinstance(digest, str) or not _SHA_256.match(digest):
        raise InvalidInput("bad-signatures", where, "at has a zone, and sha256 64 hexadecimal digits")
    return at, (bytes.fromhex(digest), signature)
