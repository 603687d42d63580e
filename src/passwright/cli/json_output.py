"""Documents that `--json` prints. Members are only ever added."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from passwright.apple.verification.verifier import Verification
    from passwright.google.link import SaveLink
    from passwright.report import Finding

__all__ = ["build", "findings", "link", "unsigned_files", "verification", "without_hash"]


def findings(found: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings as JSON."""
    return [finding.as_dict() for finding in found]


def build(
    file: str | None,
    data: bytes | None,
    *,
    serial: str,
    pass_type: str | None,
    found: Iterable[Finding],
) -> dict[str, Any]:
    """Returns the document of `build`; `file`, `bytes` and `sha256` are null if it made nothing."""
    return {
        "file": file,
        "bytes": None if data is None else len(data),
        "sha256": None if data is None else hashlib.sha256(data).hexdigest(),
        "serial_number": serial,
        "pass_type_identifier": pass_type,
        "findings": findings(found),
    }


def unsigned_files(
    files: Mapping[str, bytes], pass_json: Mapping[str, Any], *, found: Iterable[Finding]
) -> dict[str, Any]:
    """The files of an unsigned pass: names, sizes, and the SHA-1 digests that the manifest lists."""
    return {
        "pass_type_identifier": pass_json.get("passTypeIdentifier"),
        "team_identifier": pass_json.get("teamIdentifier"),
        "serial_number": pass_json.get("serialNumber"),
        "files": [
            {
                "name": name,
                "bytes": len(data),
                "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            }
            for name, data in sorted(files.items())
        ],
        "findings": findings(found),
    }


def link(made: SaveLink, found: Iterable[Finding] = ()) -> dict[str, Any]:
    """A save link; `found` are findings from around it."""
    return {
        "url": made.url,
        "form": made.form,
        "length": made.length,
        "requires": made.requires,
        "claims": made.claims,
        "findings": findings((*found, *made.report)),
    }


def verification(file: str, verification: Verification) -> dict[str, Any]:
    """A verdict over one .pkpass."""
    return {
        "file": file,
        "ok": verification.ok,
        "steps": dict(verification.steps),
        "signed": verification.is_signed,
        "signed_at": verification.signed_at.isoformat() if verification.signed_at else None,
        "pass_type_identifier": verification.pass_type_identifier,
        "team_identifier": verification.team_identifier,
        "serial_number": verification.serial_number,
        "style": verification.style,
        "findings": findings(verification.report),
    }


def without_hash(value: Any) -> Any:
    """Returns the JSON with the hash of the holder's address hidden.

    The hash has no salt, so a list of addresses can undo it.
    """
    if isinstance(value, list):
        return [without_hash(item) for item in value]
    if isinstance(value, dict):
        members: Mapping[str, Any] = value
        return {
            key: "(hidden)" if key == "restrictToEmailSha256" else without_hash(item)
            for key, item in members.items()
        }
    return value
