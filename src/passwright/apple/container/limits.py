"""The limits for reading an archive: sizes, number of files, names and folders."""

from __future__ import annotations

from dataclasses import dataclass

from passwright.apple.container.filenames import MAX_NAME_BYTES

__all__ = ["MAX_PASSES", "PASSES_LIMITS", "PASS_LIMITS", "THIRD_PARTY_LIMITS", "ArchiveLimits", "Buffer"]

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Limits of an archive: far above any pass seen (4 MB, 79 files), far below a harmful size."""

    archive_bytes: int = 16 * 2**20
    entries: int = 256
    entry_bytes: int = 8 * 2**20
    """One file, unpacked."""
    unpacked_bytes: int = 32 * 2**20
    """All files, unpacked: with the archive itself, what reading keeps in memory."""
    ratio: int = 100
    """Unpacked to packed size; deflate reaches 1,032, texts and pictures stay below 20."""
    ratio_from_bytes: int = 64 * 2**10
    """Smaller files may shrink more: an empty picture does."""
    name_bytes: int = MAX_NAME_BYTES
    manifest_bytes: int = 256 * 2**10
    """256 files with names of 255 bytes need 80 kB."""
    signature_bytes: int = 64 * 2**10
    """A signature with its certificates has 3 to 8 kB."""
    json_bytes: int = 2**20
    """Every other JSON file: it is parsed as a whole."""
    allow_folders: bool = False
    """Folders other than `<tag>.lproj`: a few genuine passes carry a whole working copy."""

    @property
    def smallest(self) -> int:
        """The bytes that any file may have."""
        return min(
            self.entry_bytes,
            self.ratio_from_bytes,
            self.manifest_bytes,
            self.signature_bytes,
            self.json_bytes,
        )

    def of(self, name: str) -> int:
        """The most bytes the file `name` may have."""
        if name in ("manifest.json", "signature"):
            most = self.manifest_bytes if name == "manifest.json" else self.signature_bytes
        else:
            most = self.json_bytes if name.endswith(".json") else self.entry_bytes
        return min(most, self.entry_bytes)


PASS_LIMITS = ArchiveLimits()
"""For the archive of one pass."""

THIRD_PARTY_LIMITS = ArchiveLimits(allow_folders=True)
"""For a third-party pass, whose working copy may have got into the archive."""

# Apple, "Distributing and updating a pass": at most ten passes, or 150 MB.
MAX_PASSES = 10
PASSES_LIMITS = ArchiveLimits(
    archive_bytes=150 * 10**6, entry_bytes=ArchiveLimits().archive_bytes, unpacked_bytes=150 * 10**6
)
"""For an archive of passes: ten passes, each as large as `PASS_LIMITS` lets one be, up to 150 MB."""
