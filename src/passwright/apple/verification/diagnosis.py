"""Finds the first thing to fix in a .pkpass that a phone rejects, or identifies a file that is not a pass."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from passwright.apple.verification import device_errors
from passwright.apple.verification.verifier import verify
from passwright.schema.pointers import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from passwright.apple.trust.anchors import Trust
    from passwright.apple.verification.device_errors import DeviceError, Message
    from passwright.apple.verification.verifier import Verification
    from passwright.report import Finding

__all__ = ["Diagnosis", "NotAPass", "diagnose", "identify_file"]

# Enough to tell a page from a picture; a page may begin with blank lines and a comment.
HEAD = 4096
_HTML = re.compile(rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_JSON = re.compile(rb"[{\[]")
_URL = re.compile(rb"https?://")
_XML = re.compile(rb"<(\?xml|[A-Za-z])")
_MAX_NAMES = 1000
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.")


@dataclass(frozen=True, slots=True)
class NotAPass:
    """A file that is not a pass: what it is, with the cause of that kind and what to do."""

    what: str
    cause: DeviceError
    remedy: str


_WEB = "Ask the server again and look at its status; a pass comes as application/vnd.apple.pkpass."
LINK_REMEDY = "It belongs to Google Wallet: read it as a save link."
_REST = "Load the file again, and compare its size with the Content-Length of the server."
PACK_REMEDY = "A .pkpass is a ZIP archive with pass.json and a signature."
PEM_REMEDY = "It belongs to the signing identity."
# The first bytes of what is saved as .pkpass by mistake.
_BEGINNINGS = (
    (b"\x89PNG", "a PNG picture", PACK_REMEDY),
    (b"\xff\xd8\xff", "a JPEG picture", PACK_REMEDY),
    (b"%PDF", "a PDF document", PACK_REMEDY),
    (b"-----BEGIN", "a PEM file, a certificate or a key", PEM_REMEDY),
    (b"UEsDB", "a ZIP archive written as base64", "Decode it: base64 -d FILE > card.pkpass."),
    (
        b"\x1f\x8b",
        "gzip data",
        "A server compressed it and did not say so, or it is another kind of archive: gunzip it.",
    ),
)


@dataclass(frozen=True)
class Diagnosis:
    """The faults of a .pkpass, and which to fix first.

    `finding` is the finding to fix first and `cause` what is known about it; both are None if there is
    nothing to fix, `cause` also if it is not known. `refused` is True if phones reject the pass. `stranger`
    identifies a file that is not a pass. `waiting` are the other errors and warnings.
    """

    verification: Verification = field(repr=False)
    finding: Finding | None
    cause: DeviceError | None
    refused: bool
    stranger: NotAPass | None
    waiting: tuple[Finding, ...]

    @property
    def message(self) -> Message | None:
        """Returns the message that devices log for the cause, None if it is not known."""
        return None if self.cause is None else device_errors.message_for(self.cause)


def diagnose(data: bytes, *, trust: Trust, at: datetime | None = None) -> Diagnosis:
    """Runs every check over the bytes of a .pkpass and says what to mend first.

    `trust` and `at` are as for `verify`. Whatever the bytes are, nothing raises.

    Raises:
        TypeError: `data` is not bytes.
        ValueError: `at` is naive.
    """
    judged = verify(data, trust=trust, at=at)
    odd = identify_file(bytes(data)) if judged.steps["container"] != "ok" else None
    found = device_errors.most_urgent(judged.report)
    if found is None:
        return Diagnosis(judged, None, None, refused=False, stranger=odd, waiting=())
    finding, cause = found
    others = (*judged.report.errors, *judged.report.warnings)
    return Diagnosis(
        judged,
        finding,
        cause if odd is None else odd.cause,
        refused=device_errors.is_rejected(finding, cause),
        stranger=odd,
        waiting=tuple(each for each in others if each is not finding),
    )


def identify_file(data: bytes) -> NotAPass | None:
    """Identifies bytes that are not a pass by their beginning; None if they give no hint."""
    head = data[:HEAD]
    if head.startswith(b"PK"):
        return _archive(data)
    found = _page(head) or next(
        ((what, remedy) for beginning, what, remedy in _BEGINNINGS if head.startswith(beginning)), None
    )
    return None if found is None else NotAPass(found[0], device_errors.cause("no-archive"), found[1])


def _page(head: bytes) -> tuple[str, str] | None:
    """Identifies the answers of servers and the copied texts that are saved instead of a pass."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for kind, found in (
        (("an empty file", _REST), not text),
        (("the token of a save link for Google Wallet", LINK_REMEDY), _TOKEN.match(text)),
        (("a save link for Google Wallet", LINK_REMEDY), _URL.match(text) and b"/gp/v/save/" in text),
        (("a link and not the file behind it", "Load what the link leads to."), _URL.match(text)),
        (("a web page, such as an error or a login", _WEB), _HTML.match(text)),
        (("JSON, such as an error or a pass.json that was never packed and signed", _WEB), _JSON.match(text)),
        (("XML, such as the error of a storage service", _WEB), _XML.match(text)),
    ):
        if found:
            return kind
    return None


def _archive(data: bytes) -> NotAPass | None:
    """Identifies a ZIP archive that can't be read as a pass."""
    end = data.rfind(b"PK\x05\x06")
    if end < 0:
        what = "the beginning of an archive, whose rest is missing"
        return NotAPass(what, device_errors.cause("no-archive"), _REST)
    # APPNOTE.TXT 4.3.16: the directory lies before its end record, which says how long it is.
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    names = set(_names(data[max(0, end - size) : end]))
    if b"pass.json" in names:
        return None
    if wrapped := next((name for name in names if name.endswith(b"/pass.json")), None):
        folder = wrapped.removesuffix(b"/pass.json").decode("utf-8", "replace")
        cause = device_errors.cause("wrapping-folder")
        return NotAPass(f"an archive whose files lie in the folder {quote(folder)}", cause, cause.remedy)
    if any(name.endswith(b".pkpass") for name in names):
        cause = device_errors.cause("several-passes")
        return NotAPass("an archive of several passes", cause, cause.remedy)
    return None


def _names(directory: bytes) -> Iterator[bytes]:
    """Names in the directory of an archive (APPNOTE.TXT 4.3.12): to tell people, nothing is read by them."""
    at = -46
    size = 0
    for _ in range(_MAX_NAMES):
        at = directory.find(b"PK\x01\x02", at + 46 + size)
        if at < 0:
            return
        size = int.from_bytes(directory[at + 28 : at + 30], "little")
        yield directory[at + 46 : at + 46 + size]
