"""Records as rows of the SQL store's tables, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.binding.lifecycle import Attempt, Evidence, State, Status
from passwright.service.store.protocol import Address, PassStatus, StoredBinding, StoredCredential, StoredPass

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["address_in", "binding_in", "columns_of", "members_of", "pass_in", "slot_for"]

# A slot holds a multiple of this many bytes, so that a purged one tells no length.
SLOT = 128


def members_of(record: Any) -> dict[str, Any]:
    """The members of a record as columns of the same names."""
    values = {name: getattr(record, name) for name in record.__slots__}
    if isinstance(values.get("status"), PassStatus):
        values["status"] = values["status"].value
    for name in ("content", "body"):
        if name in values:
            values[name] = dict(values[name])
    return values


def pass_in(row: RowMapping) -> StoredPass:
    """The pass in a row of `passes`."""
    return StoredPass(**{**dict(row), "status": PassStatus(row["status"])})


def columns_of(binding: StoredBinding) -> dict[str, Any]:
    """Returns the columns of a row of `bindings`. The address is not in it."""
    status, credential = binding.status, binding.credential
    opened, won = status.open_attempt, status.won_attempt
    return {
        "pass_id": binding.pass_id,
        "organisation": binding.organisation,
        "state": status.state.value,
        "platform": status.platform,
        "evidence": status.evidence and status.evidence.value,
        "learn_more_url": status.learn_more_url,
        "changed_at": status.changed_at,
        "version": status.version,
        "open_attempt": opened and opened.id,
        "open_attempt_at": opened and opened.opened_at,
        "won_attempt": won and won.id,
        "won_attempt_at": won and won.opened_at,
        "won_digest": won and won.payload_digest,
        "ceremony": None if binding.ceremony is None else dict(binding.ceremony),
        "credential_id": credential and credential.id,
        "credential": None if credential is None else dict(credential.data),
        "google_issued_at": binding.google_issued_at,
    }


def binding_in(row: RowMapping) -> StoredBinding:
    """The binding in a row of `bindings` with the slot of its address, if that is live."""
    opened, won = row["open_attempt"], row["won_attempt"]
    status = Status(
        State(row["state"]),
        row["learn_more_url"],
        row["changed_at"],
        version=row["version"],
        platform=row["platform"],
        evidence=row["evidence"] and Evidence(row["evidence"]),
        open_attempt=opened and Attempt(opened, row["open_attempt_at"]),
        won_attempt=won and Attempt(won, row["won_attempt_at"], row["won_digest"]),
    )
    credential = None
    if row["credential"] is not None:
        credential = StoredCredential(row["credential_id"], row["credential"])
    return StoredBinding(
        pass_id=row["pass_id"],
        organisation=row["organisation"],
        status=status,
        address=None if row["slot"] is None else address_in(row["slot"]),
        ceremony=row["ceremony"],
        credential=credential,
        google_issued_at=row["google_issued_at"],
    )


def slot_for(address: Address, *, length: int = 0) -> bytes:
    """A slot of at least so many bytes: each part after its length in two bytes, mask first, then zeros."""
    mask = address.mask.encode()
    content = len(mask).to_bytes(2) + mask + len(address.sealed).to_bytes(2) + address.sealed
    rounded = -(-len(content) // SLOT) * SLOT
    return content.ljust(max(rounded, length), b"\0")


def address_in(slot: bytes) -> Address:
    """The address in a slot."""
    end = 2 + int.from_bytes(slot[:2])
    sealed = slot[end + 2 : end + 2 + int.from_bytes(slot[end : end + 2])]
    return Address(sealed, slot[2:end].decode())
