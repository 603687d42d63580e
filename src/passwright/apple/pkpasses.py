"""Several passes in one .pkpasses archive, which Safari adds in one step.

Source: Apple, Wallet Passes, "Distributing and updating a pass".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from passwright.apple.container import pkpass
from passwright.apple.container.limits import PASSES_LIMITS
from passwright.apple.verification.verifier import Verifier
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.apple.container.limits import Buffer
    from passwright.apple.trust.anchors import Trust
    from passwright.apple.verification.verifier import Verification

__all__ = ["PASSES_MIME_TYPE", "PASS_MIME_TYPE", "pack_passes", "verify_passes"]

PASS_MIME_TYPE = "application/vnd.apple.pkpass"  # noqa: S105 -- a media type
"""What a .pkpass is served as: under another type, phones only download a file."""

PASSES_MIME_TYPE = "application/vnd.apple.pkpasses"
"""What a .pkpasses is served as."""


def pack_passes(passes: Mapping[str, Buffer]) -> bytes:
    """The .pkpasses archive of 1 to 10 passes, at most 150 MB in all.

    `passes` maps file names, such as `outbound.pkpass`, to the bytes of a
    .pkpass each. They are sorted by name and stored as they are: same passes,
    same bytes. Signatures are not verified: `verify_passes` does.

    Raises:
        InvalidInput: `wrong-container` for another number of passes, a name
            that does not end in .pkpass, or an archive of passes as a pass;
            `bad-name` and `duplicate-name`; `too-large`; and whatever keeps a
            pass from being read, with the name of that pass.
    """
    pkpass.check_passes(passes)
    for name, data in passes.items():
        _check_readable(name, data)
    packed = pkpass.pack(passes)
    most = PASSES_LIMITS.archive_bytes
    if len(packed) > most:
        message = f"the archive has {len(packed):,} bytes, at most {most:,} are allowed"
        raise InvalidInput("too-large", "", message)
    return packed


def _check_readable(name: str, data: Buffer) -> None:
    try:
        pkpass.read(data)
    except InvalidInput as exc:
        where = f"{name}: {exc.location}" if exc.location else name
        raise InvalidInput(exc.code, where, exc.message) from exc


def verify_passes(data: Buffer, *, trust: Trust, at: datetime | None = None) -> dict[str, Verification]:
    """The verdict over each pass of a .pkpasses archive, by file name.

    `trust` and `at` are as for `verify`; all passes are judged at one moment.

    Raises:
        InvalidInput: the archive itself can't be read, so there is no pass to
            judge; `wrong-container` when it is a single pass.
        TypeError: `data` is not bytes.
        ValueError: `at` is naive.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"verify_passes takes the bytes of a .pkpasses, not {type(data).__name__}")
    moment = at or datetime.now(UTC)
    passes = pkpass.read_passes(data)
    verifier = Verifier(trust)
    return {name: verifier.verify(each, at=moment) for name, each in passes.items()}
