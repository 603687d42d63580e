"""Addresses that are nowhere to be read, and nowhere at all once Apple has the pass."""

from __future__ import annotations

import base64
import logging
import random
import secrets
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from passwright.binding import email as binding_email
from passwright.service import passes, release
from passwright.service.rendering import PassContent
from passwright.service.store.sql import SqlStore
from tests.service_context import AT, HELP, desk_of, membership, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredTemplate

ORG = "org-1"
# What all of them share, and what nobody else writes.
MARK = f"canary{secrets.token_hex(6)}"
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


def email(number: int) -> str:
    """Every local part holds the mark; every domain, which a mask shows, is of its own."""
    return f"{MARK}.{number:04}@d{number:04}-{MARK[6:]}.example"


def everything(folder: Path) -> bytes:
    """Database, write-ahead log and its index, whatever else SQLite left there."""
    read = []
    for path in sorted(folder.iterdir()):
        try:
            read.append(path.read_bytes())
        except FileNotFoundError:  # a journal that is gone again
            continue
    return b"".join(read)


def writings(text: str) -> list[bytes]:
    """The ways a text might stand in a file without being sealed."""
    plain = text.encode()
    encoded = [
        base64.b64encode(b"\0" * shift + plain)[4 * bool(shift) : -4].rstrip(b"=") for shift in range(3)
    ]
    return [
        plain,
        plain[::-1],
        plain.hex().encode(),
        text.encode("utf-16-le"),
        *(each for each in encoded if each),
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(dir=FAST))
    yield made
    shutil.rmtree(made)


class Watch:
    """Looks into the files as often as it can, as long as it is open."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stop = folder, threading.Event()
        self._forbidden = writings(MARK)
        self.looked, self.found = 0, 0
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            seen = everything(self._folder)
            self.found += any(each in seen for each in self._forbidden)
            self.looked += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def lived(context: ServiceContext, template: StoredTemplate, number: int) -> tuple[str, bytes, bytes]:
    """A pass for one address, created with an idempotency key: its id, ciphertext and mask."""
    wish = passes.PassRequest(
        template=template.id,
        content=PassContent(values={"fullName": "Jane Smith"}),
        binding={"email": email(number), "learnMoreUrl": HELP},
    )
    once = passes.IdempotencyKey(
        key_hash=number.to_bytes(32, "big"),
        fingerprint=secrets.token_bytes(32),
        render=lambda made: {"data": {"id": made.pass_.id, "binding": {"bindingEmail": None}}},
    )
    made = passes.create(context, ORG, wish, at=AT, once=once)
    assert isinstance(made, passes.PassView)
    name = made.pass_.id
    with context.store.reading() as transaction:
        found = transaction.binding(name)
    assert found is not None
    assert found.address is not None
    return name, found.address.sealed, found.address.mask.encode()


@pytest.mark.ci
def test_eml_05_addresses_are_in_no_file_and_eml_08_gone_once_apple_has_the_pass(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_canaries(folder, caplog, 200)


@pytest.mark.long
def test_eml_05_a_thousand_addresses_are_in_no_file_and_eml_08_gone_once_apple_has_the_pass(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_canaries(folder, caplog, 1000)


def check_canaries(folder: Path, caplog: pytest.LogCaptureFixture, canaries: int) -> None:
    """Passes of so many addresses live by threads, in an order nobody knows, and change in between."""
    caplog.set_level(logging.DEBUG)
    with opened(folder / "passes.db") as context, Watch(folder) as watch, ThreadPoolExecutor(4) as pool:
        template = membership(context)
        # What a pass could be built for is asked elsewhere; here it would only cost time.
        blind = desk_of(context.store, vault=context.vault, google=None, apple=None)
        made = list(pool.map(lambda number: lived(blind, template, number), range(canaries)))
        assert all(mask in everything(folder) for _, _, mask in made[:5]), "the search would find a mask"
        sorts = {"apple": made[::2], "google": made[1::4], "ended": made[3::8], "left": made[7::8]}
        act(context, blind, pool, sorts)
        for _, *secrets_ in (*sorts["apple"], *sorts["ended"]):
            seen = everything(folder)
            assert not any(each in seen for each in secrets_), "purged, and still in a file"
    assert watch.looked > 5
    assert watch.found == 0
    seen = everything(folder)
    purged, kept = [*sorts["apple"], *sorts["ended"]], [*sorts["google"], *sorts["left"]]
    assert not any(sealed[-32:] in seen or mask in seen for _, sealed, mask in purged)
    assert all(sealed in seen and mask in seen for _, sealed, mask in kept)
    for number in range(0, canaries, 50):
        digest = binding_email.sha256(email(number))
        assert digest.encode() not in seen, "EML-10: the hash is made when it is needed"
        assert bytes.fromhex(digest) not in seen
    assert MARK not in caplog.text
    check_rows(folder, {name for name, _, _ in purged})


def act(
    context: ServiceContext,
    blind: ServiceContext,
    pool: ThreadPoolExecutor,
    sorts: Mapping[str, list[tuple[str, bytes, bytes]]],
) -> None:
    """Each pass goes the way of its sort, all of them mixed."""
    order = random.Random(MARK)
    deeds: list[Callable[[], object]] = []
    for name, _, _ in sorts["apple"]:
        deeds.append(partial(release.apple_begin, context, ORG, name, at=AT))
    for name, _, _ in sorts["ended"]:
        deeds.append(partial(passes.nullify, blind, ORG, name, at=AT))
    for name, _, _ in sorts["google"]:
        change = passes.PassChanges(values={"tier": "G" * order.randint(1, 90)})  # rows grow, and move
        deeds.append(partial(passes.update, blind, ORG, name, change, at=AT))
    for name, _, _ in sorts["google"][:10]:
        deeds.append(partial(release.google_save_link, context, ORG, name, at=AT))
    order.shuffle(deeds)
    list(pool.map(lambda deed: deed(), deeds))


def check_rows(folder: Path, purged: set[str]) -> None:
    """EML-08: every value of every table, after a restart."""
    store = SqlStore(f"sqlite:///{folder / 'passes.db'}")
    with store.reading() as transaction:
        raw: Any = transaction._connection.connection.driver_connection
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert len(tables) > 8
        for table in tables:
            for row in raw.execute(f"SELECT * FROM {table}"):
                values = [each.encode() if isinstance(each, str) else each for each in row]
                texts = [each for each in values if isinstance(each, bytes)]
                assert not any(MARK.encode() in each for each in texts)
                if any(each.decode("latin-1") in purged for each in texts):
                    assert not any(MARK[6:].encode() in each for each in texts), f"a mask in {table}"
        for name in purged:
            found = transaction.binding(name)
            assert found is not None
            assert found.address is None
    store.close()


def test_eml_08_a_replay_after_the_purge_shows_no_mask(folder: Path) -> None:
    with opened(folder / "passes.db") as context:
        template = membership(context)
        name, _, mask = lived(context, template, 1)
        release.apple_begin(context, ORG, name, at=AT)
        assert passes.find(context, ORG, name).mask is None
        assert mask not in everything(folder)
