"""Requests with an idempotency key: carried out once, answered alike each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from passwright.errors import ServiceRefused
from passwright.service.store.protocol import StoredResponse
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from passwright.service.store.protocol import Transaction

__all__ = ["ANSWER_LIFE", "IdempotencyKey", "ReplayedResponse", "find_stored", "store_response"]

# How long a request with an idempotency key is answered as it was the first time.
ANSWER_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A request that is carried out at most once. Both hashes are keyed ones.

    `render` makes the body to keep for repeats; it must not hold the mask.
    """

    key_hash: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    render: Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReplayedResponse:
    """The response to the first request. The mask is the current one, or None after the purge."""

    body: Mapping[str, Any] = field(repr=False)
    mask: str | None


def find_stored(
    transaction: Transaction, organisation: str, once: IdempotencyKey, *, at: datetime
) -> ReplayedResponse | None:
    """Returns the response that this request got before, None if it is new.

    Raises:
        ServiceRefused: `idempotency_key_reused`, another request had this key.
    """
    answer = transaction.answer(organisation, once.key_hash, since=at - ANSWER_LIFE)
    if answer is None:
        return None
    if answer.fingerprint != once.fingerprint:
        raise ServiceRefused("idempotency_key_reused", "another request was sent with this key before")
    bound = transaction.binding(answer.pass_id) if answer.pass_id else None
    return ReplayedResponse(answer.body, bound.address.mask if bound and bound.address else None)


def store_response(
    transaction: Transaction,
    organisation: str,
    once: IdempotencyKey,
    made: Any,
    *,
    pass_id: str | None = None,
    mask: str | None = None,
    at: datetime,
) -> None:
    """Keeps what a request is answered, for its repeats; `mask` is that of the pass.

    Raises:
        ValueError: the answer to keep holds the mask, which may have to be purged.
    """
    body = once.render(made)
    if mask and mask in dumps(body):
        raise ValueError("an answer is kept without the masked address: it may have to be purged")
    transaction.sweep(answers_before=at - ANSWER_LIFE, downloads_before=at - ANSWER_LIFE)
    transaction.add_answer(
        StoredResponse(
            organisation=organisation,
            key_hash=once.key_hash,
            fingerprint=once.fingerprint,
            pass_id=pass_id,
            body=body,
            created_at=at,
        )
    )
