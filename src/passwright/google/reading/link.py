"""Parses the text of a save link: links in any form, tokens, unsigned claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from passwright import strict_json
from passwright.errors import InvalidInput
from passwright.google.link import SAVE_URL
from passwright.report import error, warning
from passwright.schema.pointers import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.report import Finding

__all__ = ["LinkText", "is_link_text", "parse_link_text"]

MAX_TEXT = 2**18
_JWT = r"eyJ[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*"
_TOKEN = re.compile(_JWT, re.ASCII)
_URL = re.compile(rf"https?://(?P<host>[^\s/?#\"'<>]+)/[^\s\"'<>]*?(?P<token>{_JWT})[^\s\"'<>]*", re.ASCII)
# Hosts that have led to a save page: today's, and that of Android Pay, which Google still forwards.
_HOSTS = ("pay.google.com", "www.android.com", "android.com")


@dataclass(frozen=True, slots=True)
class LinkText:
    """The form of a text: `link` a save link as Google requires it, `other-link` one in another form,
    `token` a bare token, `claims` the JSON of a token that is not signed yet.

    `token` is the token, or the text of the claims; `findings` say what is odd about the form.
    """

    form: Literal["link", "other-link", "token", "claims"]
    token: str
    findings: tuple[Finding, ...] = ()


def is_link_text(text: str) -> bool:
    """Returns True if a word of a command line is a link or a token itself, and not the name of a file."""
    return text.startswith(("https://", "http://")) or _TOKEN.fullmatch(text.strip()) is not None


def parse_link_text(text: str) -> LinkText:
    """Parses a text that should be a save link.

    Raises:
        InvalidInput: `bad-token`; the message says what it is instead where that can be told.
    """
    plain = text.strip()
    if len(plain) > MAX_TEXT:
        raise InvalidInput("bad-token", "", f"this has {len(plain):,} characters, no save link is that long")
    if plain.startswith(SAVE_URL) and not set("/?#") & set(rest := plain.removeprefix(SAVE_URL)):
        return LinkText("link", rest)
    if plain.startswith("eyJ"):
        return LinkText("token", plain)
    if found := _URL.search(plain):
        return LinkText("other-link", found["token"], tuple(_form_findings(found, alone=found[0] == plain)))
    if plain.startswith("{"):
        return _parse_claims(plain)
    raise InvalidInput("bad-token", "", _rejection_message(plain))


def _form_findings(found: re.Match[str], *, alone: bool) -> Iterator[Finding]:
    """Yields the faults of a link with a token in it."""
    hint = f"a save link is {SAVE_URL} and the token, and nothing else"
    base, _, after = found[0].partition(found["token"])
    if found["host"].lower() not in _HOSTS:
        message = f"the link leads to {printable(found['host'])}, and not to pay.google.com"
        yield error("odd-link", "link", message, hint)
    elif base != SAVE_URL:
        yield warning("odd-link", "link", "the link has another base than Google documents", hint)
    elif after:
        yield warning("odd-link", "link", "something follows the token", hint)
    if not alone:
        yield warning("odd-link", "link", "the link stands among other text", "give the link alone")


def _parse_claims(text: str) -> LinkText:
    try:
        document = strict_json.loads(text.encode("utf-8", "surrogatepass"), name="claims")
    except InvalidInput:
        raise InvalidInput("bad-token", "", "this is JSON, or begins like it, and no save link") from None
    if isinstance(document, dict) and {"payload", "iss", "aud"} & document.keys():
        return LinkText("claims", text)
    raise InvalidInput(
        "bad-token", "", "this is JSON without claims of a save link, such as a class or an object"
    )


def _rejection_message(text: str) -> str:
    if text.startswith(SAVE_URL.removesuffix("save/")):
        return "this is a link of Google Pay without a token in it: a save link ends with one"
    if text.startswith(("https://", "http://")):
        return "this is a link without a token in it: a save link ends with one"
    return "this is no save link and no token: header, payload and signature are needed"
