"""A pass as files, and as the bytes of a ZIP archive.

The manifest lists the digest of every file but itself and the signature; both travel in the archive.
Writing computes once what passes of one template share; reading takes third-party bytes. Nothing touches a
disk.

Source: Apple, Wallet Passes, "Building a Pass".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from passwright.apple.container import stored_archive
from passwright.apple.container.archive_writer import Entries, join_entries, layout_entries
from passwright.apple.container.filenames import (
    check_name,
    collation_key,
    is_secret,
    quoted_name,
)
from passwright.apple.container.limits import MAX_PASSES, PASS_LIMITS, PASSES_LIMITS, ArchiveLimits
from passwright.apple.container.manifest import PER_PASS_FILES, digest, format_manifest
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from passwright.apple.container.limits import Buffer
    from passwright.apple.container.stored_archive import NameReader
    from passwright.report import Finding

    NameCheck: TypeAlias = Callable[[str], tuple[Finding, ...]]

__all__ = ["PrebuiltArchive", "check_passes", "pack", "read", "read_passes"]


# --- manifest ------------------------------------------------------------------------------------


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
        local, central, _ = layout_entries(_encode_names(frozen, allow_folders=allow_folders))
        self._entries = Entries(b"".join(local), b"".join(central), len(frozen))
        self.digests: Mapping[str, str] = MappingProxyType(
            {name: digest(data) for name, data in frozen.items()}
        )
        # The manifest around the digest of pass.json, which has its own place in the order of names.
        self._head, self._tail = format_manifest({**self.digests, "pass.json": "\0"}).split(rb"\u0000")

    def format_manifest(self, pass_json: bytes) -> bytes:
        """manifest.json for the constant files and this pass.json."""
        return b"%b%b%b" % (self._head, digest(pass_json).encode(), self._tail)

    def sign(self, pass_json: bytes, sign: Callable[[bytes], bytes]) -> bytes:
        """The archive of a signed pass; `sign` makes the signature over its manifest."""
        manifest = self.format_manifest(pass_json)
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
        return join_entries(self._entries, last)


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
    if not 0 < len(names) <= MAX_PASSES:
        raise InvalidInput(
            "wrong-container", "", f"the archive holds {len(names)} passes, not 1 to {MAX_PASSES}"
        )


def _is_pass(name: str) -> bool:
    return name.endswith(".pkpass") and "/" not in name
