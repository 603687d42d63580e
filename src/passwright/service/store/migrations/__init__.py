"""The tables of the SQL store, version by version, and how a database gets to the newest.

All steps that a database lacks happen in one transaction: whatever interrupts
them, it stays at a version that we know.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from passwright.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ["check", "upgrade"]


def upgrade(engine: Engine) -> None:
    """Brings the tables of a database up to date; an empty one gets all of them.

    Raises:
        StoreError: the database is of a version that this program doesn't know.
    """
    script = _script()
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        found = context.get_current_revision()
        if found is None and inspect(connection).get_table_names():
            raise StoreError("the database holds tables of another program: give passes a file of their own")
        if found in _all_versions(script):
            steps: list[Any] = list(script.iterate_revisions("head", found or "base"))
            with Operations.context(context):
                for step in reversed(steps):
                    step.module.upgrade()
                    context.stamp(script, step.revision)
        check(connection)


def check(connection: Connection) -> None:
    """Asks for the version this program was written for.

    Raises:
        StoreError: the tables are of another version.
    """
    found = MigrationContext.configure(connection).get_current_revision()
    known = _all_versions(_script())
    if found != known[0]:
        remedy = (
            "start the service once" if found in known else "use the program that wrote it, or a newer one"
        )
        raise StoreError(f"the database has tables of version {found or 'none'}: {remedy}")


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _all_versions(script: ScriptDirectory) -> tuple[str | None, ...]:
    """Every version from the newest to the oldest, and None, which is an empty database."""
    return (*(each.revision for each in script.walk_revisions()), None)
