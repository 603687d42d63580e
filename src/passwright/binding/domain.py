"""Domain names, validated and written as A-labels.

The library idna implements RFC 5891 to 5893. Characters that IDNA 2003 and 2008
read differently (sharp s, final sigma, joiners) are refused, and so is everything
a reader could take for something else: mixed alphabets, full-width forms,
direction marks. Messages name the broken rule and never repeat the name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["ascii_domain", "has_hidden"]

# RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters in print.
_MAX_DOMAIN = 253
_MAX_LABEL = 63

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

_NOT_A_NAME = "must have a domain of letters, digits and inner hyphens"
_LONG_LABEL = "must have a domain with labels of at most 63 characters"
_FALSE_A_LABEL = "must have a domain whose A-labels are valid"
_FALSE_ENDS = "must have a domain whose labels begin and end with a letter or digit"
_NOT_BIDI = "must have a domain whose labels obey the rule for right-to-left names"

# RFC 5893 section 1.4: the classes of characters that make a name bidirectional.
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


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
