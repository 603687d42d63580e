"""The meaning of the errors of Google's REST API, as data.

Google's own text is looked at and never repeated: it may name accounts and
hold parts of what was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from passwright import strict_json
from passwright.errors import GoogleError, InvalidInput

__all__ = ["CAUSES", "ErrorHelp", "error_from_response", "explain"]


@dataclass(frozen=True, slots=True)
class ErrorHelp:
    """A usual cause: what an error of it looks like, and what to do.

    `says` is a pattern that is looked for in Google's reason and text, in
    lower case; the empty one fits all. 0 among `statuses` means no answer at all.
    """

    statuses: frozenset[int]
    pattern: str
    advice: str


def _cause(statuses: str, says: str, advice: str) -> ErrorHelp:
    return ErrorHelp(frozenset(map(int, statuses.split())), says, advice)


# The first that fits counts. Google, walletobjects v1 and the troubleshooting pages of its guides.
CAUSES = (
    _cause("0", "",
        "nobody answered in time; what was asked may have been done all the same, and put() finds that out"),
    _cause("400", r"invalid ?resource|resource id",
        "the id is not taken: the suffix allows letters, digits, '.', '_' and '-', the part before the "
        "first dot is the issuer id of the console, and the business profile there has to be finished"),
    _cause("400", r"review ?status",
        "a client writes UNDER_REVIEW or, before anything else, DRAFT; 'approved' can't be sent back"),
    _cause("400", r"image",
        "Google can't load a picture: it has to be public, reachable over https, and PNG or JPEG"),
    _cause("400", "",
        "a member is missing, unknown or of the wrong form: passwright.check() names it; "
        "numbers of 64 bits are text, enumerations upper case"),
    _cause("401", r"invalid_grant|invalid_client|token-refused",
        "the account gets no access token: its key was deleted, the account is off, "
        "or this machine's clock is wrong by minutes"),
    _cause("401", "",
        "the access token is missing or too old"),
    _cause("403 429", r"quota|rate ?limit|too ?many",
        "the quota is used up: 20 requests a second, 3 notifications per pass in 24 hours; "
        "send slower, or TEXT instead of TEXT_AND_NOTIFY"),
    _cause("403", r"insufficient|scope",
        "the access token lacks the scope https://www.googleapis.com/auth/wallet_object.issuer"),
    _cause("403", r"disabled|has not been used|not ?configured|service_disabled",
        "switch on the Google Wallet API in the service account's Cloud project"),
    _cause("403", "",
        "add the service account as a Developer to the users of the Google Pay & Wallet console, and wait "
        "some minutes; a role in Google Cloud does not help. The id has to begin with that issuer's id"),
    _cause("404", "",
        "there is no such class or object: insert it first. It may be of another vertical, its class may "
        "be a DRAFT, and an object in a link exists only after somebody saved it"),
    _cause("409", "",
        "the id is taken, and ids are for ever: put() changes what is there"),
    _cause("412", "", "somebody else changed it at the same time: read it again"),
    _cause("413", "", "the request is too large: shorten texts and lists"),
    _cause("429", "", "too many requests: 20 a second are allowed; send slower"),
    _cause("500 502 503 504", "", "Google is in trouble: try again later; inserting twice does no harm"),
)  # fmt: skip

_OTHER = "Google's API does not document this answer; is something between this machine and Google?"
# Google's words for reasons look like this; anything else is not shown.
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z", re.ASCII)


def explain(status: int, reason: str, text: str) -> GoogleError:
    """The error for a status and a reason; `text` is searched for more and not shown."""
    said = f"{reason} {text}".lower()
    fitting = (cause for cause in CAUSES if status in cause.statuses and re.search(cause.pattern, said))
    return GoogleError(status, reason, next((cause.advice for cause in fitting), _OTHER))


def error_from_response(status: int, body: bytes) -> GoogleError:
    """The error in an answer. Without a reason of Google's it is the status's own name (RFC 9110)."""
    try:
        value = strict_json.loads(body, name="answer")
    except InvalidInput:
        value = None
    error = _member(value, "error")
    details = _member(error, "errors")
    first = details[0] if isinstance(details, list) and details else None
    reasons = (_member(first, "reason"), _member(error, "status"), _name(status))
    reason = next(each for each in reasons if isinstance(each, str) and _REASON.match(each))
    text = _member(error, "message")
    return explain(status, reason, text if isinstance(text, str) else "")


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _name(status: int) -> str:
    try:
        return HTTPStatus(status).name.lower().replace("_", "-")
    except ValueError:
        return "unknown-status"
