"""The holder's email address: validated, masked, hashed.

Pure functions over text. No message repeats an address: a rule names what must
hold, never the input.

An address is a dot-string of RFC 5321 section 4.1.2, opened to other alphabets
by RFC 6531; quoted local parts and address literals are refused.
`passwright.binding.domain` validates the part after the "@".
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from passwright.binding.domain import ascii_domain, has_hidden
from passwright.errors import BindingInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "POLICIES",
    "Policy",
    "candidate_hashes",
    "clean",
    "is_ambiguous",
    "mask",
    "normalise",
    "problem",
    "sha256",
]

# RFC 5321 section 4.5.3.1: a path has 256 octets, two of them angle brackets.
_MAX_ADDRESS = 254
_MAX_LOCAL_PART = 64

# RFC 5322 section 3.2.3, atext and the dot between atoms; RFC 6531 section 3.3 adds all that is not ASCII.
# The set names the excluded ASCII characters, because a set of all others takes long to compile.
_LOCAL = re.compile(r'[^\x00-\x20"(),:;<>@\[\\\]\x7f]+')
# One atom, and a domain for `ascii_domain`.
_USUAL = re.compile(r"(?=.{1,254}\Z)([A-Za-z0-9_-]{1,64})@([A-Za-z0-9.-]+)")
_TOO_LONG = "must have at most 254 characters"
_NOT_ASCII = "must have an ASCII local part: the normal form of others is not agreed on"
_UNDISPUTED = re.compile(r"[a-z0-9_-]+")  # no policy changes anything in such a local part
_GOOGLEMAIL = re.compile(r"@googlemail\.com\Z")


def problem(email: str) -> str | None:
    """Says which rule an address breaks, as "must ...", or None when it is fine.

    Blanks and tabs around the address are not counted; line breaks are refused
    wherever they stand. Lengths are in characters (code points of the NFC
    form), and hold for the domain's A-label form as well.

    Raises:
        TypeError: `email` is not a str.
    """
    text = _trim(email)
    if len(text) > _MAX_ADDRESS:  # before any work on long text
        return _TOO_LONG
    try:
        _split(unicodedata.normalize("NFC", text))
    except ValueError as broken:
        return str(broken)
    return None


def clean(email: str) -> str:
    """The address without blanks and tabs around it, otherwise as given: the form to store.

    Raises:
        BindingInvalid: the address breaks a rule of `check`.
        TypeError: `email` is not a str.
    """
    return _parts(email)[0]


def _parts(email: str) -> tuple[str, str, str]:
    """The trimmed address, its local part, and its domain as A-labels.

    Raises:
        BindingInvalid, TypeError: as `clean`.
    """
    text = _trim(email)
    if len(text) > _MAX_ADDRESS:  # before any work on long text
        raise _invalid_email(_TOO_LONG)
    try:
        return text, *_split(unicodedata.normalize("NFC", text))
    except ValueError as broken:
        raise _invalid_email(str(broken)) from None


def mask(email: str) -> str:
    """Returns the masked address: first character, three stars, domain in lower case.

    The stars never tell a length; a local part of one character shows stars
    only. A character is a code point of the NFC form.

    Raises:
        BindingInvalid: the address breaks a rule of `check`.
        TypeError: `email` is not a str.
    """
    local, _, domain = unicodedata.normalize("NFC", clean(email)).rpartition("@")
    shown = local[0] if len(local) > 1 else ""
    return f"{shown}***@{unicodedata.normalize('NFC', domain.lower())}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that bring an address into its normal form before it is hashed.

    `cut_tag` drops the local part from its first plus sign on, then every
    character of `remove` goes, both only at `domains` (None: at every domain).
    `verbatim` keeps the address as given, blanks around it included.
    """

    cut_tag: bool = False
    remove: str = ""
    domains: frozenset[str] | None = None
    verbatim: bool = False


_GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})

# Google, Wallet API, SaveRestrictions: the text asks for lower case without
# "notations such as . or +", the two published examples are plain hashes of the
# address as given. Which of the two Google compares with is not known, so each
# reading has a name. The order is the order of `candidate_hashes`.
POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "gmail": Policy(cut_tag=True, remove=".", domains=_GMAIL_DOMAINS),
        "literal": Policy(remove=".+"),
        "literal_tag": Policy(cut_tag=True, remove="."),
        "lower": Policy(),
        "verbatim": Policy(verbatim=True),
    }
)


def normalise(
    email: str, policy: str | Callable[[str], str] = "gmail", *, map_googlemail: bool = False
) -> str:
    """The normal form of an address under a policy; applying it twice changes nothing.

    Every policy of `POLICIES` but `verbatim` trims, applies Unicode NFC, lower
    case, and writes the domain as A-labels. A policy of your own gets the
    trimmed NFC form, and its answer is taken as it is. `map_googlemail` reads
    googlemail.com as gmail.com; off by default, because Google does not say that
    it does so too.

    Raises:
        BindingInvalid: the address breaks a rule of `check`, or its normal form
            has a local part that is empty or not ASCII: then two people could
            share one spelling, or one person have two.
        TypeError: `email` is not a str, or `policy` neither a name nor callable.
        ValueError: no policy has this name, or `map_googlemail` is asked of a
            policy that leaves the domain alone.
    """
    text, local, domain = _parts(email)
    if callable(policy):
        rules, form = None, policy(unicodedata.normalize("NFC", text))
        if not isinstance(form, str):
            raise TypeError("a policy answers with the normal form, a str")
    else:
        rules = _policy(policy)
        form = email if rules.verbatim else _normal_form(local, domain, rules)
        if map_googlemail and not rules.verbatim:
            form = _GOOGLEMAIL.sub("@gmail.com", form)
    if map_googlemail and (rules is None or rules.verbatim):
        raise ValueError("map_googlemail does not go with a policy that leaves the domain alone")
    left = form.rpartition("@")[0]
    if not left.strip():
        raise _invalid_email("must have a local part of which the hash policy leaves something")
    if not left.isascii():
        raise _invalid_email(_NOT_ASCII)
    return form


def sha256(email: str, *, policy: str | Callable[[str], str] = "gmail", map_googlemail: bool = False) -> str:
    """The hash Google compares with the saver's account: 64 lower-case hex digits.

    SHA-256 over the UTF-8 of `normalise(email, policy)`. There is no salt, so
    a list of addresses undoes it: treat the hash as the address itself.

    Raises:
        BindingInvalid, TypeError, ValueError: as `normalise`.
    """
    form = normalise(email, policy, map_googlemail=map_googlemail)
    return _digest(form)


def _digest(form: str) -> str:
    # A policy of the caller's may answer with half a surrogate pair.
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()


def candidate_hashes(email: str) -> dict[str, str]:
    """Every different hash the policies give, by the name of the first policy that gives it.

    More than one entry means that the policies disagree about this address, and
    the one in force should be tried with an account before passes go out.
    `verbatim` reads the trimmed address here. A policy that leaves nothing of
    the local part is left out.

    Raises:
        BindingInvalid: the address breaks a rule of `check`, or its local part is not ASCII.
        TypeError: `email` is not a str.
    """
    return {name: _digest(form) for form, name in _candidates(email).items()}


def is_ambiguous(email: str) -> bool:
    """The policies disagree about this address: see `candidate_hashes`, which raises alike."""
    text, local, domain = _parts(email)
    if _UNDISPUTED.fullmatch(local) and text == f"{local}@{domain}":
        return False
    return len(_candidates(email)) > 1


def _candidates(email: str) -> dict[str, str]:
    """Every different normal form, and the first policy that gives it."""
    text, local, domain = _parts(email)
    if not local.isascii():
        raise _invalid_email(_NOT_ASCII)
    first: dict[str, str] = {}
    for name, policy in POLICIES.items():
        form = text if policy.verbatim else _normal_form(local, domain, policy)
        if not form.startswith("@"):
            first.setdefault(form, name)
    return first


def _trim(email: str) -> str:
    if not isinstance(email, str):
        raise TypeError("an email address is a str")
    return email.strip(" \t")  # not line breaks: they are how headers are injected


def _invalid_email(rule: str) -> BindingInvalid:
    return BindingInvalid({"/binding/email": rule})


def _split(address: str) -> tuple[str, str]:
    """Local part, and the domain as A-labels; ValueError with the rule that is broken."""
    # Nearly all addresses are like this, and break no rule of a local part.
    if usual := _USUAL.fullmatch(address):
        return usual[1], ascii_domain(usual[2])
    return _split_closely(address)


def _split_closely(address: str) -> tuple[str, str]:
    if '"' in address:
        raise ValueError("must not quote the local part")
    if has_hidden(address):
        raise ValueError("must have no blanks, control characters or invisible characters")
    if address.count("@") != 1:
        raise ValueError('must have exactly one "@"')
    local, domain = address.split("@")
    if not 1 <= len(local) <= _MAX_LOCAL_PART:
        raise ValueError("must have a local part of 1 to 64 characters")
    if not _LOCAL.fullmatch(local):
        raise ValueError("must have only letters, digits and !#$%&'*+-/=?^_`{|}~. in the local part")
    if not all(local.split(".")):
        raise ValueError("must have a local part without leading, trailing or double dot")
    if unicodedata.category(local[0])[0] == "M":
        raise ValueError("must not begin with a combining mark")
    if domain.startswith("["):
        raise ValueError("must have a domain name, not an IP address")
    name = ascii_domain(domain)
    if len(local) + 1 + len(name) > _MAX_ADDRESS:
        raise ValueError("must have at most 254 characters, its domain as A-labels")
    return local, name


def _policy(name: str) -> Policy:
    if not isinstance(name, str):
        raise TypeError("a policy is a name of POLICIES or a function from address to normal form")
    if name not in POLICIES:
        raise ValueError(f"no such policy; there are {', '.join(POLICIES)}")
    return POLICIES[name]


def _normal_form(local: str, domain: str, policy: Policy) -> str:
    local = local.lower()
    if policy.domains is None or domain in policy.domains:
        if policy.cut_tag:
            local = local.partition("+")[0]
        for char in policy.remove:
            local = local.replace(char, "")
    return f"{local}@{domain}"
