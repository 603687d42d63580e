"""The manifest of a pass: the SHA-1 digest of every file except the manifest itself and the signature.

Source: Apple, Wallet Passes, "Building a Pass".
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, TypeAlias

from passwright import strict_json
from passwright.apple.container.filenames import (
    is_junk_file,
    is_secret,
    is_unknown_folder,
    quoted_name,
)
from passwright.apple.container.limits import PASS_LIMITS
from passwright.errors import InvalidInput
from passwright.report import Finding, Severity, error, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from passwright.apple.container.limits import Buffer

    NameCheck: TypeAlias = Callable[[str], tuple[Finding, ...]]

__all__ = ["PER_PASS_FILES", "UNLISTED", "check_manifest", "digest", "format_manifest", "name_findings"]

PER_PASS_FILES = ("pass.json", "manifest.json", "signature")


"""The files that differ from pass to pass, in the order they end an archive."""


_MAX_FINDINGS = 50


# Many times what an archive can hold, since names may have commas in them.
_MAX_LISTED = 5000


UNLISTED = frozenset({"manifest.json", "signature"})


_DIGEST = re.compile(r"[0-9A-Fa-f]{40}")


_ICON = re.compile(r"(?:[^/]+\.lproj/)?icon(?:@[23]x)?\.png")


def digest(data: Buffer) -> str:
    """The SHA-1 of a file as the manifest writes it: 40 lower-case digits.

    The format knows no other digest; what protects against two files with one
    digest is that images are encoded anew before they are hashed.
    """
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def format_manifest(digests: Mapping[str, str]) -> bytes:
    """manifest.json for these digests, file name -> `digest(...)`: sorted by name, compact.

    Same digests, same bytes, in whatever order they come.
    """
    return strict_json.dumps(dict(sorted(digests.items()))).encode()


def check_manifest(
    files: Mapping[str, bytes], *, signed: bool = True, names: NameCheck | None = None
) -> list[Finding]:
    """Yields the differences between the files of a pass and its manifest.

    Errors: `bad-manifest`, `duplicate-key`, `missing-file` (listed or
    required, and not there or empty), `unlisted-file`, `digest-mismatch`.
    Warnings, for what wallets accept: `upper-case-digest`, and listed
    left-overs (`left-over-file`), keys (`secret-file`) and files in other
    folders than those of languages (`unknown-folder`). `signed=False`
    does not ask for the file `signature`. `names` is `name_findings`, or a cache
    around it. Past 50 findings the rest are only counted, in a finding as bad as
    the worst of them.
    """
    findings = _missing(files, signed=signed)
    written = files.get("manifest.json")
    if written:
        digests = {name: digest(data) for name, data in files.items() if name not in UNLISTED}
        findings += _compare_manifest(bytes(written), files.keys(), digests, names or name_findings)
    return _limit_findings(findings)


def _compare_manifest(
    written: bytes, names: AbstractSet[str], digests: Mapping[str, str], check_name: NameCheck
) -> list[Finding]:
    """Yields findings from comparing a manifest with the digests of the files."""
    try:
        listed = strict_json.loads(
            written, name="manifest.json", max_bytes=PASS_LIMITS.manifest_bytes, max_items=_MAX_LISTED
        )
    except InvalidInput as refused:
        code = refused.code if refused.code == "duplicate-key" else "bad-manifest"
        return [error(code, refused.location, refused.message)]
    if not isinstance(listed, dict):
        return [error("bad-manifest", "manifest.json", "the manifest is not an object of names and digests")]
    if len(listed) > PASS_LIMITS.entries:
        message = f"the manifest lists {len(listed)} files, an archive holds at most {PASS_LIMITS.entries}"
        return [error("bad-manifest", "manifest.json", message)]
    findings: list[Finding] = []
    for name, one in listed.items():
        finding = _compare(name, one, digests.get(name))
        if finding:
            findings.append(finding)
        # Names of the archive alone go to the cache: they are short.
        findings += check_name(name) if name in names else name_findings(name, there=False)
    for name in sorted(names - listed.keys() - UNLISTED):
        hint = "a left-over of a desktop: build the archive without it" if is_junk_file(name) else ""
        findings.append(
            error("unlisted-file", quoted_name(name), "the manifest does not list this file", hint)
        )
    return findings


def _missing(files: Mapping[str, bytes], *, signed: bool) -> list[Finding]:
    required = PER_PASS_FILES if signed else PER_PASS_FILES[:2]
    findings = [
        error("missing-file", name, f"{name} is {'empty' if name in files else 'not there'}")
        for name in required
        if not files.get(name)
    ]
    if not files.get("icon.png") and not any(data and _ICON.fullmatch(name) for name, data in files.items()):
        findings.append(
            error("missing-file", "icon.png", "there is no icon, or it is empty", "add icon.png, @2x and @3x")
        )
    return findings


def name_findings(name: str, *, there: bool = True) -> tuple[Finding, ...]:
    """Findings about a listed file that follow from its name; `there` tells that the archive holds it."""
    found = []
    if is_junk_file(name):
        found.append(
            warning("left-over-file", quoted_name(name), "a left-over of a desktop is part of the pass")
        )
    elif there and is_unknown_folder(name):
        found.append(warning("unknown-folder", quoted_name(name), "Wallet looks into no folder like this"))
    if is_secret(name):
        message = "the pass carries what is called like a private key"
        found.append(warning("secret-file", quoted_name(name), message))
    return tuple(found)


def _compare(name: str, written: object, found: str | None) -> Finding | None:
    """Returns the finding for a listed digest that is wrong; `found` is the digest of the file, None if
    there is no such file.
    """
    if found is not None and found == written:
        return None
    where = quoted_name(name)
    if name in UNLISTED:
        return error("bad-manifest", where, "the manifest lists itself or its signature")
    if not isinstance(written, str) or not _DIGEST.fullmatch(written):
        return error("bad-manifest", where, "what is listed is not a SHA-1 of 40 hexadecimal digits")
    if found is None:
        return error("missing-file", where, "the manifest lists this file, and it is not there")
    if found != written.lower():
        return error("digest-mismatch", where, "the file was changed after the manifest was made")
    return warning("upper-case-digest", where, "the digest is not written in lower-case digits")


def _limit_findings(findings: list[Finding]) -> list[Finding]:
    if len(findings) <= _MAX_FINDINGS:
        return findings
    ordered = sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)
    rest = ordered[_MAX_FINDINGS - 1 :]
    more = Finding(
        "more-findings", rest[0].severity, "manifest.json", f"{len(rest)} more findings are not shown"
    )
    return [*ordered[: _MAX_FINDINGS - 1], more]
