"""The keys of the vault change: every address under a new key, the old keys retired.

    begin     a new key joins the ring and seals from then on
    reseal    batch by batch, every address that another key sealed is sealed anew
    retire    keys that no address depends on leave the ring, proved by a count

Each step may stop anywhere and be called again. At every moment each address
can be read, also by a service that runs meanwhile: it reads the ring again when
its file changes.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from passwright.errors import VaultError
from passwright.service.vault import Purpose, Vault, key_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from passwright.service.store.protocol import Store, Transaction
    from passwright.service.vault import KeyFile

__all__ = ["BATCH", "Batch", "begin", "reseal", "retire", "usage"]

# Opened and sealed in a tenth of a second, and written in much less: a service barely notices.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """The progress: addresses seen and sealed again so far, and passes whose address can't be opened."""

    seen: int = 0
    sealed: int = 0
    unreadable: tuple[str, ...] = ()


def begin(keys: KeyFile, *, at: datetime, random: Callable[[int], bytes] = secrets.token_bytes) -> bool:
    """Adds a key that seals from now on, and tells whether it did.

    It does not while older keys are still in the ring: then a rotation that
    stopped has to go on first.

    Raises:
        KeyMaterialError: the ring can't be read.
        OSError: its file can't be written.
    """
    ring = keys.current()
    if len(ring.keys) > 1:
        return False
    # The day is for people; the rest so that two rotations of one day differ.
    keys.write(ring.with_new(f"{at:%Y-%m-%d}-{random(3).hex()}", random=random))
    return True


def reseal(store: Store, keys: KeyFile, *, batch: int = BATCH) -> Iterator[Batch]:
    """Seals every address anew that isn't under the ring's sealing key; yields after each batch.

    An address that can't be opened is left as it is and named by its pass.

    Raises:
        KeyMaterialError: the ring can't be read.
        StoreUnavailable: others keep writing; what was yielded is done.
    """
    vault, so_far, after = Vault(keys), Batch(), ""
    while True:
        with store.reading() as transaction:
            rows = transaction.addresses(after=after, limit=batch)
        if not rows:
            return
        made, unreadable = [], []
        for organisation, pass_id, sealed in rows:
            try:
                if vault.is_current(sealed):
                    continue
                made.append((pass_id, sealed, _reseal_address(vault, organisation, pass_id, sealed)))
            except VaultError:
                unreadable.append(pass_id)
        changed = 0
        if made:
            with store.writing() as transaction:
                # One that is gone or changed meanwhile is no longer ours to write.
                changed = sum(transaction.reseal(*each) for each in made)
        so_far = Batch(so_far.seen + len(rows), so_far.sealed + changed, (*so_far.unreadable, *unreadable))
        yield so_far
        after = rows[-1][1]


def _reseal_address(vault: Vault, organisation: str, pass_id: str, sealed: bytes) -> bytes:
    email = vault.open(sealed, purpose=Purpose.EMAIL, organisation_id=organisation, pass_id=pass_id)
    return vault.seal(email, purpose=Purpose.EMAIL, organisation_id=organisation, pass_id=pass_id)


def usage(transaction: Transaction, *, batch: int = BATCH) -> Mapping[str, int]:
    """Returns the number of addresses that depend on each key, by its id; "" stands for values that are not
    sealed.
    """
    found: Counter[str] = Counter()
    after = ""
    while rows := transaction.addresses(after=after, limit=batch):
        found.update(_key_of(sealed) for _, _, sealed in rows)
        after = rows[-1][1]
    return found


def _key_of(sealed: bytes) -> str:
    try:
        return key_id(sealed)
    except VaultError:
        return ""


def retire(store: Store, keys: KeyFile) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Takes every key out of the ring that doesn't seal and that no address depends on.

    The count runs while no other process can write: a later writer finds a ring without these keys, and
    seals with the one that stays. Returns the retired keys and the count.

    Raises:
        KeyMaterialError: the ring can't be read.
        StoreUnavailable: others keep writing; nothing retired.
        OSError: the ring's file can't be written; nothing retired.
    """
    with store.writing() as transaction:
        counted, ring = usage(transaction), keys.current()
        retired = tuple(name for name in ring.keys if name != ring.sealing and not counted.get(name))
        for name in retired:
            ring = ring.without(name)
        if retired:
            keys.write(ring)
    return retired, counted
