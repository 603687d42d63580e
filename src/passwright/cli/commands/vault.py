"""Keys that addresses are sealed with: `vault`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from passwright.cli import output, service_setup
from passwright.cli.service_setup import Config, Database, Example  # noqa: TC001 -- Typer reads annotations
from passwright.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.service.key_rotation import Batch
    from passwright.service.store.protocol import Store
    from passwright.service.vault import KeyFile

__all__ = ["app"]

app = typer.Typer(help="Keys that encrypt the addresses of holders: create, rotate.")


@app.command()
def create(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to create, for vault_keys.", show_default=False)
    ],
) -> int:
    """Create the key file for a new service, readable only by its owner.

    Without this file, addresses cannot be decrypted and links stop working. Keep a copy of
    the file, but not together with copies of the database.
    """
    service_setup.check_extra()
    from passwright.service.vault import KeyFile, KeyRing

    if file.exists() or file.is_symlink():
        raise UsageError(f"{file} is there already: another ring in its place would close every address")
    KeyFile(file).write(KeyRing.create(f"{datetime.now(UTC):%Y-%m-%d}"))
    output.print_line(f"{file} holds the keys of a new vault: name it as vault_keys in the settings")
    return 0


@app.command()
def rotate(
    *,
    config: Config = None,
    database: Database = None,
    example: Example = False,
) -> int:
    """Encrypt every address with a new key, and retire the old key.

    The service can run meanwhile. After an interruption, run the command again to continue. The
    old key is retired only after a count has proved that no address depends on it.
    """
    service_setup.check_extra()
    from passwright.service import key_rotation

    found = service_setup.load_settings(config, database, example=example)
    keys = service_setup.vault_keys(found)
    with service_setup.storage_only(found) as opened:
        fresh = key_rotation.begin(keys, at=datetime.now(UTC))
        sealing = keys.current().sealing
        output.print_line(
            f"New key: {sealing}" if fresh else f"Going on to {sealing}: an earlier rotation stopped"
        )
        last = _reseal(opened.store, keys)
        output.print_line(f"Sealed anew: {last.sealed:,} of {last.seen:,} addresses")
        retired, counted = key_rotation.retire(opened.store, keys)
    for name in retired:
        output.print_line(f"Retired: {name}, no address depends on it")
    return _print_rotation(keys, counted, last)


def _reseal(store: Store, keys: KeyFile) -> Batch:
    """All batches, with a bar on the terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from passwright.service import key_rotation

    last = key_rotation.Batch()
    with store.reading() as transaction:
        total = sum(key_rotation.usage(transaction).values())
    columns = (TextColumn("Sealing anew"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    err = output.console(err=True)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=total)
        for last in key_rotation.reseal(store, keys):
            bar.update(task, completed=last.seen)
    return last


def _print_rotation(keys: KeyFile, counted: Mapping[str, int], last: Batch) -> int:
    """Prints the keys that stay, with the reason: exit code 1 if an address can't be opened."""
    ring = keys.current()
    for name in ring.keys:
        if name != ring.sealing:
            count = counted.get(name, 0)
            depend = "1 address depends" if count == 1 else f"{count:,} addresses depend"
            output.print_failure(f"{name} stays: {depend} on it")
    for pass_id in last.unreadable:
        output.print_failure(
            f"the address of pass {pass_id} can't be opened: passwright explain vault_unreadable"
        )
    return int(len(ring.keys) > 1 or bool(last.unreadable))
