"""Rules for the names of files in a pass.

Names come from third-party archives and go to all kinds of file systems. A name that one of these would
interpret differently is not allowed.
"""

from __future__ import annotations

import re
import unicodedata

from passwright.errors import InvalidInput

__all__ = [
    "MAX_NAME_BYTES",
    "check_name",
    "collation_key",
    "is_junk_file",
    "is_secret",
    "is_unknown_folder",
    "name_problem",
    "quoted_name",
]

MAX_NAME_BYTES = 255
"""The longest name, in bytes, that every file system in use can store."""

_MAX_SHOWN = 80
# Language tags as Xcode writes them, and with underscores (de_CH), as real passes have them.
_ROOT_OR_LANGUAGE_FOLDER = re.compile(r"(?:[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*\.lproj/)?[^/]+")
# Names of nearly every file of a pass. Checking the rules one by one takes ten times as long.
_NO_DEVICE = "(?!(?i:con|prn|aux|nul|com|lpt))"
_ORDINARY = re.compile(
    rf"(?:{_NO_DEVICE}[a-z]{{2,3}}\.lproj/)?{_NO_DEVICE}[a-zA-Z0-9_@]+(?:\.(?:png|json|strings))?"
)
# A backslash or a colon makes a path or a drive of a name on Windows; the rest it can't store.
_NOT_PORTABLE = re.compile(r'[\\:*?"<>|]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
# Control characters, marks of direction and joining, surrogates, line ends.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LEFT_OVERS = frozenset({".ds_store", "__macosx", "thumbs.db", "desktop.ini", ".git", ".svn", ".hg"})
_SECRETS = (".p12", ".pfx", ".pem", ".key", ".p8", ".jks")


def check_name(name: str, *, allow_folders: bool = False, max_bytes: int = MAX_NAME_BYTES) -> None:
    """Refuses a name that no file of a pass may have.

    Files lie at the root or in one language folder, `<tag>.lproj/<file>`
    (Apple, "Building a Pass"). `allow_folders` lets through other folders, of
    any depth, with safe names: a few genuine passes carry a whole working copy.

    Raises:
        InvalidInput: `bad-name`, saying what is wrong.
    """
    fault = name_problem(name, allow_folders=allow_folders, max_bytes=max_bytes)
    if fault:
        raise InvalidInput("bad-name", quoted_name(name), fault)


def name_problem(name: str, *, allow_folders: bool, max_bytes: int) -> str:
    """Returns the fault of a name, "" if there is none."""
    if len(name) <= max_bytes and _ORDINARY.fullmatch(name):
        return ""
    parts = name.split("/")
    rules = (
        (
            any(unicodedata.category(each) in _UNSEEN for each in name),
            "the name holds characters nobody sees",
        ),
        (len(name.encode(errors="surrogatepass")) > max_bytes, f"the name has more than {max_bytes} bytes"),
        (_NOT_PORTABLE.search(name), 'the name holds one of \\ : * ? " < > |'),
        (any(not part.strip(".") for part in parts), "a part of the name is empty or only dots"),
        (any(part.endswith((".", " ")) for part in parts), "a part of the name ends with a dot or a space"),
        (any(map(_DEVICE.fullmatch, parts)), "a part of the name is a device on Windows"),
        (collation_key(name).endswith(".lproj"), "a file is called like a language folder"),
        (
            not (allow_folders or _ROOT_OR_LANGUAGE_FOLDER.fullmatch(name)),
            "the only folders are <tag>.lproj/",
        ),
    )
    return next((message for broken, message in rules if broken), "")


def is_junk_file(name: str) -> bool:
    """The file is what desktops and version control leave behind, no part of the design: leave it out."""
    return any(part in _LEFT_OVERS or part.startswith("._") for part in name.casefold().split("/"))


def is_unknown_folder(name: str) -> bool:
    """The file lies in another folder than one of a language."""
    return not _ROOT_OR_LANGUAGE_FOLDER.fullmatch(name)


def is_secret(name: str) -> bool:
    """The file is called like a private key or a key store, which must never travel in a pass."""
    return name.casefold().endswith(_SECRETS)


def collation_key(name: str) -> str:
    """Returns the form of a name that file systems compare: without case, Unicode normalised."""
    if name.isascii():
        return name.lower()
    # Canonical caseless matching, The Unicode Standard, section 3.13, D145.
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def quoted_name(name: str | bytes) -> str:
    """A name from outside, safe to print: long ones are cut, what can't be printed is escaped."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
