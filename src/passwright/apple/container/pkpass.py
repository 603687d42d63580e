"""A pass as files, and as the bytes of a ZIP archive.

The manifest lists the digest of every file but itself and the signature; both travel in the archive.
Writing computes once what passes of one template share; reading takes third-party bytes. Nothing touches a
disk.

Source: Apple, Wallet Passes, "Building a Pass".
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from passwright import strict_json
from passwright.apple.container import archive, stored_archive
from passwright.apple.container.archive import ArchiveLimits
from passwright.apple.container.filenames import (
    check_name,
    collation_key,
    is_junk_file,
    is_secret,
    is_unknown_folder,
    quoted_name,
)
from passwright.errors import InvalidInput
from passwright.report import Finding, Severity, error, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from passwright.apple.container.archive import Buffer
    from passwright.apple.container.stored_archive import NameReader

    NameCheck: TypeAlias = Callable[[str], tuple[Finding, ...]]

__all__ = [
    "PASSES_LIMITS",
    "PASS_LIMITS",
    "PER_PASS_FILES",
    "THIRD_PARTY_LIMITS",
    "ArchiveLimits",
    "PrebuiltArchive",
    "check_manifest",
    "check_name",
    "check_passes",
    "digest",
    "is_junk_file",
    "is_secret",
    "manifest",
    "name_findings",
    "pack",
    "read",
    "read_passes",
]

PER_PASS_FILES = ("pass.json", "manifest.json", "signature")
"""The files that differ from pass to pass, in the order they end an archive."""

PASS_LIMITS = ArchiveLimits()
"""For the archive of one pass."""

THIRD_PARTY_LIMITS = ArchiveLimits(allow_folders=True)
"""For a third-party pass, whose working copy may have got into the archive."""

# Apple, "Distributing and updating a pass": at most ten passes, or 150 MB.
_MAX_PASSES = 10
PASSES_LIMITS = ArchiveLimits(
    archive_bytes=150 * 10**6, entry_bytes=ArchiveLimits().archive_bytes, unpacked_bytes=150 * 10**6
)
"""For an archive of passes: ten passes, each as large as `PASS_LIMITS` lets one be, up to 150 MB."""


# --- manifest ------------------------------------------------------------------------------------

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


def manifest(digests: Mapping[str, str]) -> bytes:
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


# --- writing -------------------------------------------------------------------------------------


class PrebuiltArchive:
    """The constant part of the archives of one template: its constant files, hashed and laid out once.

    `files` are all files but those of `PER_PASS`. They are copied, so nobody
    can change them between digest and archive. `digests` maps their names to
    what the manifest lists. Same files, same bytes. `allow_folders` lets through
    folders other than those of languages.

    Raises:
        InvalidInput: `bad-name`, `secret-file`, `duplicate-name`,
            `too-many-entries` (65,535 or more) or `too-large` (4 GiB or more).
        ValueError: `files` holds one of `PER_PASS`.
    """

    __slots__ = ("_entries", "_head", "_tail", "digests")

    def __init__(self, files: Mapping[str, Buffer], *, allow_folders: bool = False) -> None:
        if not files.keys().isdisjoint(PER_PASS_FILES):
            raise ValueError(f"{', '.join(PER_PASS_FILES)} differ from pass to pass: give them to pack()")
        frozen = {name: _frozen(files[name]) for name in sorted(files)}
        local, central, _ = archive.layout_entries(_encode_names(frozen, allow_folders=allow_folders))
        self._entries = archive.Entries(b"".join(local), b"".join(central), len(frozen))
        self.digests: Mapping[str, str] = MappingProxyType(
            {name: digest(data) for name, data in frozen.items()}
        )
        # The manifest around the digest of pass.json, which has its own place in the order of names.
        self._head, self._tail = manifest({**self.digests, "pass.json": "\0"}).split(rb"\u0000")

    def manifest(self, pass_json: bytes) -> bytes:
        """manifest.json for the constant files and this pass.json."""
        return b"%b%b%b" % (self._head, digest(pass_json).encode(), self._tail)

    def sign(self, pass_json: bytes, sign: Callable[[bytes], bytes]) -> bytes:
        """The archive of a signed pass; `sign` makes the signature over its manifest."""
        manifest = self.manifest(pass_json)
        return self.pack({"pass.json": pass_json, "manifest.json": manifest, "signature": sign(manifest)})

    def pack(self, per_pass: Mapping[str, Buffer]) -> bytes:
        """The archive of the constant files and, after them, those of `PER_PASS` that are given.

        Raises:
            InvalidInput: `too-many-entries` or `too-large`, as for `Front`.
            ValueError: another file is among them.
        """
        last = [(raw, _frozen(per_pass[name])) for name, raw in _PER_PASS if name in per_pass]
        if len(last) != len(per_pass):
            raise ValueError(
                f"only {', '.join(PER_PASS_FILES)} differ from pass to pass: give others to Front()"
            )
        return archive.join_entries(self._entries, last)


_PER_PASS = [(name, name.encode()) for name in PER_PASS_FILES]


def _encode_names(files: Mapping[str, bytes], *, allow_folders: bool) -> Iterator[tuple[bytes, bytes]]:
    taken = set(map(collation_key, PER_PASS_FILES))
    for name, data in files.items():
        check_name(name, allow_folders=allow_folders)
        if is_secret(name):
            raise InvalidInput(
                "secret-file", name, "this is called like a private key, which must not travel in a pass"
            )
        if collation_key(name) in taken:
            raise InvalidInput("duplicate-name", name, "two files have this name, perhaps but for case")
        taken.add(collation_key(name))
        yield name.encode(), data


def pack(files: Mapping[str, Buffer], *, allow_folders: bool = False) -> bytes:
    """The archive of these files: sorted by name, then those of `PER_PASS` that are there.

    For many passes of one template, `Front` does the constant part once;
    `allow_folders` is as there.

    Raises:
        InvalidInput: as for `Front`.
    """
    constant = {name: data for name, data in files.items() if name not in PER_PASS_FILES}
    return PrebuiltArchive(constant, allow_folders=allow_folders).pack(
        {name: files[name] for name in PER_PASS_FILES if name in files}
    )


def _frozen(data: Buffer) -> bytes:
    # Not bytes(data), which makes zeros of an int.
    return data if isinstance(data, bytes) else memoryview(data).tobytes()


# --- reading -------------------------------------------------------------------------------------


def read(
    data: Buffer, *, limits: ArchiveLimits = PASS_LIMITS, names: NameReader | None = None
) -> dict[str, bytes]:
    """The files of the pass whose archive this is, by name, in the archive's order.

    In memory only, and strict: see `archive`. Whether the files belong together is for
    `check_manifest` and the signature. `names` is `plain_archive.read_names`, or a cache
    around it.

    Raises:
        InvalidInput: with a code for what is wrong and the name of the entry;
            `missing-pass-json` when there is no pass.json, and
            `wrong-container` when it is an archive of passes.
    """
    files = stored_archive.unpack(data, limits, names=names)
    if "pass.json" not in files:
        if any(map(_is_pass, files)):
            raise InvalidInput("wrong-container", "", "this is an archive of several passes, not one pass")
        raise InvalidInput(
            "missing-pass-json", "pass.json", "there is no pass.json at the root of the archive"
        )
    return files


def read_passes(data: Buffer, *, limits: ArchiveLimits = PASSES_LIMITS) -> dict[str, bytes]:
    """The passes of a .pkpasses archive by name: each the bytes of an archive for `read`.

    Raises:
        InvalidInput: as for `read`; `wrong-container` when this is one pass,
            when it holds anything but passes, or more than ten of them.
    """
    passes = stored_archive.unpack(data, limits)
    check_passes(passes)
    return passes


def check_passes(names: Collection[str]) -> None:
    """Refuses files that are not the passes of one .pkpasses archive, by their names and their number.

    Raises:
        InvalidInput: `wrong-container`.
    """
    if "pass.json" in names:
        raise InvalidInput("wrong-container", "", "this is one pass, not an archive of several")
    for name in names:
        if not _is_pass(name):
            raise InvalidInput(
                "wrong-container", quoted_name(name), "an archive of passes holds .pkpass files only"
            )
    if not 0 < len(names) <= _MAX_PASSES:
        raise InvalidInput(
            "wrong-container", "", f"the archive holds {len(names)} passes, not 1 to {_MAX_PASSES}"
        )


def _is_pass(name: str) -> bool:
    return name.endswith(".pkpass") and "/" not in name
