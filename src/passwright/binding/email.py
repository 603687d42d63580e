"""The holder's email address: checked, masked, hashed.

Pure functions over text. Nothing here repeats an address in a message: a rule
names what must hold, never what was given.

An address is a dot-string of RFC 5321 section 4.1.2, opened to other alphabets
by RFC 6531; quoted local parts and address literals are refused. Domains become
A-labels by RFC 5891 to 5893, which the library idna implements. Characters that
IDNA 2003 and 2008 read differently (sharp s, final sigma, joiners) are refused,
and so is everything a reader could take for something else: mixed alphabets,
full-width forms, direction marks.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from passwright.errors import BindingInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "POLICIES",
    "Policy",
    "ascii_domain",
    "candidate_hashes",
    "clean",
    "has_hidden",
    "is_ambiguous",
    "mask",
    "normalise",
    "problem",
    "sha256",
]

# RFC 5321 section 4.5.3.1: a path has 256 octets, two of them angle brackets.
_MAX_ADDRESS = 254
_MAX_LOCAL_PART = 64
# RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters in print.
_MAX_DOMAIN = 253
_MAX_LABEL = 63

# RFC 5322 section 3.2.3, atext and the dot between atoms; RFC 6531 section 3.3 adds all that is not ASCII.
# Named is what is left out of ASCII, since a set of all the others takes long to compile.
_LOCAL = re.compile(r'[^\x00-\x20"(),:;<>@\[\\\]\x7f]+')
# One atom, and a domain that `ascii_domain` judges.
_USUAL = re.compile(r"(?=.{1,254}\Z)([A-Za-z0-9_-]{1,64})@([A-Za-z0-9.-]+)")
_LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")

_ASCII_UNSEEN = re.compile(r"[\x00-\x20\x7f]")
# Letters and marks by category, yet nothing a person can see: fillers, joiners,
# blank patterns, variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# UTS #39 section 5.2, "highly restrictive": the alphabets one label may mix.
_MIXTURES = tuple(
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", *more})
    for more in (("HIRAGANA", "KATAKANA"), ("BOPOMOFO",), ("HANGUL",))
)

_TOO_LONG = "must have at most 254 characters"
_NOT_ASCII = "must have an ASCII local part: the normal form of others is not agreed on"
_UNDISPUTED = re.compile(r"[a-z0-9_-]+")  # no policy changes anything in such a local part
_GOOGLEMAIL = re.compile(r"@googlemail\.com\Z")

_NOT_A_NAME = "must have a domain of letters, digits and inner hyphens"
_LONG_LABEL = "must have a domain with labels of at most 63 characters"
_FALSE_A_LABEL = "must have a domain whose A-labels are valid"
_FALSE_ENDS = "must have a domain whose labels begin and end with a letter or digit"
_NOT_BIDI = "must have a domain whose labels obey the rule for right-to-left names"

# RFC 5893 section 1.4: the classes of characters that make a name bidirectional.
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


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


@lru_cache(maxsize=1024)  # holders are many, the domains they live at are few
def ascii_domain(domain: str) -> str:
    """A domain name in lower case, with every label that is not ASCII as its A-label.

    Raises:
        TypeError: `domain` is not a str.
        ValueError: this is not a DNS name with a dot, or readers take it for
            different names; the message is the rule, "must ...".
    """
    if not isinstance(domain, str):
        raise TypeError("a domain is a str")
    if len(domain) > _MAX_DOMAIN:  # before any work on long text
        raise ValueError("must have a domain of at most 253 characters")
    labels = unicodedata.normalize("NFC", domain.lower()).split(".")
    if not all(labels):
        raise ValueError("must have a domain without leading, trailing or double dot")
    if len(labels) == 1:
        raise ValueError("must have a domain with a dot in it")
    pairs = [_label(label) for label in labels]
    if not _obeys_bidi_rule([shown for _, shown in pairs]):
        raise ValueError(_NOT_BIDI)
    # RFC 3696 section 2: no top-level name is a number, so nothing that some
    # reader takes for an IPv4 address (127.1, 2130706433, 0x7f.1) passes.
    if not pairs[-1][0][0].isalpha():
        raise ValueError("must have a domain name, not an IP address")
    name = ".".join(label for label, _ in pairs)
    if len(name) > _MAX_DOMAIN:
        raise ValueError("must have a domain of at most 253 characters as A-labels")
    return name


def has_hidden(text: str) -> bool:
    """Blanks, control characters, and characters nobody sees or nobody has assigned."""
    if text.isascii():
        return _ASCII_UNSEEN.search(text) is not None
    return _UNSEEN.search(text) is not None or any(unicodedata.category(char)[0] in "CZ" for char in text)


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


def _label(label: str) -> tuple[str, str]:
    """One label as A-label (or plain ASCII) and as U-label, by RFC 5891 section 5."""
    if label.isascii():
        if not _LDH.fullmatch(label):
            raise ValueError(_NOT_A_NAME)
        if len(label) > _MAX_LABEL:
            raise ValueError(_LONG_LABEL)
        if label[2:4] != "--":
            return label, label
    else:
        _check_readings(label)
        if len(label.encode("punycode")) > _MAX_LABEL - len("xn--"):
            raise ValueError(_LONG_LABEL)
    encoded, shown, rule = _by_idna(label)
    if rule:
        raise ValueError(rule)
    _check_readings(shown)
    alphabets = {name for char in shown if (name := _alphabet(char))}
    if len(alphabets) > 1 and not any(alphabets <= mixture for mixture in _MIXTURES):
        raise ValueError("must have a domain whose labels each keep to one alphabet")
    return encoded, shown


def _by_idna(label: str) -> tuple[str, str, str]:
    """A-label, U-label, and the rule that is broken or "".

    The rule is returned because an exception would keep the library's, which repeats the label.
    """
    import idna

    try:
        encoded = idna.alabel(label).decode("ascii")
        return encoded, idna.ulabel(encoded), ""
    except (idna.InvalidCodepoint, idna.InvalidCodepointContext):
        return "", "", _NOT_A_NAME
    except idna.IDNABidiError:
        return "", "", _NOT_BIDI
    except idna.IDNAError:
        return "", "", _FALSE_A_LABEL if label.isascii() else _FALSE_ENDS


def _check_readings(label: str) -> None:
    """Refuses a label that some reader takes for another one."""
    if has_hidden(label):
        raise ValueError(_NOT_A_NAME)
    # RFC 5892 section 2.2. It takes sharp s and final sigma too, which IDNA 2003
    # turned into other letters: two readers, two domains.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    if folded != label:
        raise ValueError("must have a domain of characters that all readers read alike")


def _alphabet(char: str) -> str:
    """The script of a character, or "" where any script uses it.

    The standard library has no table of scripts; the names of characters begin
    with them.
    """
    if char == "-" or (char.isascii() and char.isdigit()):
        return ""
    first = re.split("[ -]", unicodedata.name(char, "?").removeprefix("EXTENDED "), maxsplit=1)[0]
    return "" if first == "COMBINING" else first


def _obeys_bidi_rule(labels: list[str]) -> bool:
    """RFC 5893 section 2: the rule is for every label once one is written from right to left."""
    if all(unicodedata.bidirectional(char) not in _RIGHT_TO_LEFT for label in labels for char in label):
        return True
    import idna

    try:
        return all(idna.check_bidi(label, check_ltr=True) for label in labels)
    except idna.IDNABidiError:
        return False
