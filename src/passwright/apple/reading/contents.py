"""The contents of a .pkpass from any source.

Nothing is judged here: `read` takes what wallets take, names what it let
through, and keeps every key and file, known or not. Whether anybody signed it
is for `verify`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.apple.build import strings_file
from passwright.apple.container import pkpass
from passwright.apple.container.limits import THIRD_PARTY_LIMITS
from passwright.apple.rules.layouts import fields, style_of
from passwright.binding.rules import is_bound_payload
from passwright.errors import InvalidInput
from passwright.report import Report, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from passwright.apple.container.limits import Buffer
    from passwright.report import Finding

__all__ = ["Contents", "check_strings", "read", "read_document", "read_strings"]

MAX_ITEMS = 3000
"""Items of pass.json that are read: real ones have 30 to 300, and each is looked at by many."""

MAX_STRINGS_BYTES = 2**20
"""All `pass.strings` together; forty languages of the longest seen have less."""

_STRINGS = re.compile(r"([^/]+)\.lproj/pass\.strings")
_PICTURE = re.compile(r"(?:[^/]+\.lproj/)?[^/]+\.png")


@dataclass(frozen=True)
class Contents:
    """The contents of a .pkpass.

    `files` are all its files by name, in the archive's order, manifest and signature
    among them. `document` is pass.json with every key, as JSON says it. `strings`
    maps languages, as their folders name them (`de`, `zh-Hans`, `de_CH`), to texts
    and their translations. `report` names what was tolerated.
    """

    files: Mapping[str, bytes] = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    strings: Mapping[str, Mapping[str, str]] = field(repr=False)
    report: Report

    @cached_property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The fields of the pass as pass.json holds them, by key; of two with one key the first."""
        found: dict[str, Mapping[str, Any]] = {}
        for _, _, each in fields(self.document):
            if isinstance(key := each.get("key"), str):
                found.setdefault(key, each)
        return found

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The values of the fields by key: text or numbers; dates are text."""
        return {key: each.get("value") for key, each in self.fields.items()}

    @cached_property
    def pictures(self) -> Mapping[str, bytes]:
        """The pictures by file name: `icon@2x.png`, `de.lproj/logo.png`. Some are JPEG all the same."""
        return {name: data for name, data in self.files.items() if _PICTURE.fullmatch(name)}

    @property
    def serial_number(self) -> str | None:
        """The serial number; one written as a number comes as text, None where there is none."""
        found = self.document.get("serialNumber")
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        return found if isinstance(found, str) else None

    @property
    def style(self) -> str | None:
        """The style key, None where there is none: `storeCard`."""
        return style_of(self.document)

    @property
    def is_bound(self) -> bool:
        """The pass says itself that it is bound to one person."""
        return is_bound_payload(self.document)


def read(data: Buffer) -> Contents:
    """Reads the bytes of a .pkpass from any source, as far as wallets read it.

    Reading proves nothing about the signer: `verify` does that. JSON with common mistakes, strings in UTF-8
    and UTF-16, and files and folders of any kind are read. A pass.strings that can't be read is left out of
    `strings`, with a finding.

    Raises:
        InvalidInput: the archive can't be opened, or there is no pass.json in it
            that is an object in JSON.
        TypeError: `data` is not bytes.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"read takes the bytes of a .pkpass, not {type(data).__name__}")
    files = pkpass.read(data, limits=THIRD_PARTY_LIMITS)
    document, findings = read_document(files["pass.json"])
    strings, more = read_strings(files)
    return Contents(files, document, strings, Report.from_findings([*findings, *more]))


def read_document(data: bytes) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Reads pass.json from any source, with findings about its mistakes.

    Raises: InvalidInput: the document can't be read; `wrong-type` if it is not an object.
    """
    tolerated = strict_json.loads_tolerant(data, name="pass.json", max_items=MAX_ITEMS)
    if not isinstance(tolerated.value, dict):
        raise InvalidInput("wrong-type", "pass.json", "pass.json has to hold an object")
    return tolerated.value, tolerated.findings


def check_strings(
    files: Mapping[str, bytes], *, check: Callable[[str, bytes], tuple[Finding, ...]] | None = None
) -> list[Finding]:
    """Finds what `read_strings` finds, without the translations.

    `check` is `strings_findings`, or a cache around it.
    """
    texts = {name: data for name, data in files.items() if name.endswith("/pass.strings")}
    if sum(map(len, texts.values())) > MAX_STRINGS_BYTES:
        return read_strings(texts)[1]
    findings: list[Finding] = []
    for name, data in texts.items():
        is_small = len(data) <= _MAX_CACHED_BYTES
        findings += (check if check and is_small else strings_findings)(name, data)
    return findings


# Larger ones are rare, and would take a cache more memory than they save time.
_MAX_CACHED_BYTES = 16 * 2**10


def strings_findings(name: str, data: bytes) -> tuple[Finding, ...]:
    """Findings about one `pass.strings`."""
    return tuple(read_strings({name: data})[1])


def read_strings(files: Mapping[str, bytes]) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """Language -> text -> translation, and a warning for each `pass.strings` that can't be read."""
    strings: dict[str, dict[str, str]] = {}
    findings: list[Finding] = []
    left = MAX_STRINGS_BYTES
    for name, data in files.items():
        if not (match := _STRINGS.fullmatch(name)):
            continue
        left -= len(data)
        if left < 0:
            message = f"all languages together have more than {MAX_STRINGS_BYTES:,} bytes"
            findings.append(warning("too-large", name, message, "shorten the texts"))
            continue
        try:
            tolerated = strings_file.loads(data, name=name)
        except InvalidInput as exc:
            hint = "until it is mended, everybody reads the texts of pass.json"
            findings.append(warning(exc.code, exc.location, exc.message, hint))
        else:
            strings[match[1]] = tolerated.value
            findings += tolerated.findings
    return strings, findings
