"""The binding of a pass to one person, as the issuer asks for it.

`passwright.binding.lifecycle` holds the status of a binding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from passwright.binding.domain import ascii_domain, has_hidden
from passwright.binding.email import clean
from passwright.binding.email import problem as email_problem
from passwright.errors import BindingInvalid

__all__ = ["MAX_URL", "Binding", "check_learn_more_url", "parse", "problems", "stored_url", "validate"]

# PassEntry, Pass Binding: learnMoreUrl has at most 255 characters.
MAX_URL = 255


@dataclass(frozen=True, slots=True, repr=False)
class Binding:
    """This pass is for the person with this address; the URL tells strangers more.

    Construction checks nothing: `validate` does. No text made from a binding
    shows the address; a pickle of it holds the address. `email` None is an
    address that was purged: Apple's builder doesn't need it, Google's refuses,
    and no pass is created like that.
    """

    email: str | None
    learn_more_url: str

    def __repr__(self) -> str:
        # An address in place of the URL is hidden too.
        usable = _url_rule(self.learn_more_url) is None
        url = repr(self.learn_more_url) if usable else "<unusable>"
        return f"Binding(email=<hidden>, learn_more_url={url})"


def problems(binding: Binding) -> dict[str, str]:
    """Returns the broken rules of a binding: JSON pointer to rule, "must ...". Empty when it is valid.

    The pointers are those of the HTTP API: `/binding/email`, `/binding/learnMoreUrl`.

    Raises:
        TypeError: `binding` is not a Binding.
    """
    if not isinstance(binding, Binding):
        raise TypeError("a Binding is needed")
    rules = {"/binding/email": _email_rule(binding.email), _URL: _url_rule(binding.learn_more_url)}
    return {pointer: rule for pointer, rule in rules.items() if rule}


def validate(binding: Binding) -> None:
    """Raises BindingInvalid, naming every rule the binding breaks.

    Raises:
        BindingInvalid: see `problems`.
        TypeError: `binding` is not a Binding.
    """
    if broken := problems(binding):
        raise BindingInvalid(broken)


def parse(members: object) -> Binding:
    """The binding of a request: `{"email": ..., "learnMoreUrl": ...}`, both given, nothing else.

    The address is trimmed and the URL brought into its stored form. Neither
    values nor the names of unknown members are repeated in errors.

    Raises:
        BindingInvalid: null, empty, no object, unknown members, or a rule of `problems` is broken.
    """
    if not isinstance(members, Mapping) or not members:
        raise BindingInvalid({"/binding": "must be an object with email and learnMoreUrl"})
    broken = {}
    if not members.keys() <= {"email", "learnMoreUrl"}:
        broken["/binding"] = "must have no members other than email and learnMoreUrl"
    email: Any = members.get("email")
    url: Any = members.get("learnMoreUrl")
    asked = Binding(email, url)
    missing = {f"/binding/{name}": "is missing" for name in ("email", "learnMoreUrl") if name not in members}
    broken |= {**problems(asked), **missing}
    if broken:
        raise BindingInvalid(broken)
    return Binding(clean(email), stored_url(asked.learn_more_url))


_URL = "/binding/learnMoreUrl"
# ASCII: without it a long s counts as an s.
_PARTS = re.compile(r"(?ai:https)://([^/?#]*)(.*)", re.DOTALL)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT = 65535

# Names that never lead anywhere outside: RFC 6761 section 6.3, RFC 6762
# section 3, ICANN board resolution 2024.07.29.06.
_NOT_PUBLIC = frozenset({"localhost", "local", "internal"})


@lru_cache(maxsize=256)  # an issuer has a handful of them, for any number of passes
def check_learn_more_url(url: str) -> str | None:
    """Says which rule a learn-more URL breaks, as "must ...", or None when it is fine.

    An absolute https URL (RFC 3986) to a public-looking name, of at most 255
    code points both as sent and in its stored form. Text outside ASCII may stand
    in host, path, query and fragment.

    Raises:
        TypeError: `url` is not a str.
    """
    if not isinstance(url, str):
        raise TypeError("a URL is a str")
    if len(url) > MAX_URL:  # before any work on long text
        return "must have at most 255 characters"
    try:
        stored = _normalize_url(url)
    except ValueError as broken:
        return str(broken)
    return None if len(stored) <= MAX_URL else "must have at most 255 characters, its host as A-labels"


def stored_url(url: str) -> str:
    """The URL with scheme and host in lower case and the host as A-labels, the rest as sent.

    Raises:
        BindingInvalid: the URL breaks a rule of `check_learn_more_url`.
        TypeError: `url` is not a str.
    """
    if rule := check_learn_more_url(url):
        raise BindingInvalid({_URL: rule})
    return _normalize_url(url)


def _normalize_url(url: str) -> str:
    if has_hidden(url):
        raise ValueError("must have no blanks, control characters or invisible characters")
    if re.search(r'[\\<>"]', url):  # RFC 3986 appendix C; browsers read \ as /
        raise ValueError('must have no backslash and none of < > "')
    parts = _PARTS.fullmatch(url)
    if parts is None:
        raise ValueError("must be an absolute https URL")
    if re.search(r"%(?![0-9A-Fa-f]{2})", parts[2]):
        raise ValueError("must have two hexadecimal digits after each %")
    if re.search(r"%([01][0-9A-Fa-f]|7[Ff])", parts[2]):
        raise ValueError("must have no escaped control characters")
    return f"https://{_normalize_authority(parts[1])}{parts[2]}"


def _normalize_authority(authority: str) -> str:
    if "@" in authority:
        raise ValueError("must have no user information")
    host, colon, port = authority.partition(":")
    if not host:
        raise ValueError("must have a host")
    if host.startswith("["):
        raise ValueError("must have a domain name, not an IP address")
    if colon and not (_PORT.fullmatch(port) and int(port) <= _MAX_PORT):
        raise ValueError("must have a port from 1 to 65535, or none")
    name = ascii_domain(host)
    if name.rpartition(".")[2] in _NOT_PUBLIC:
        raise ValueError("must have a host that is reachable from everywhere")
    return f"{name}{colon}{port}"


def _email_rule(email: object) -> str | None:
    return email_problem(email) if isinstance(email, str) else "must be text"


def _url_rule(url: object) -> str | None:
    return check_learn_more_url(url) if isinstance(url, str) else "must be text"
