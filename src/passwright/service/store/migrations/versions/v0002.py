"""When a pass was deactivated or nullified."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From version 0001, which kept only the time of the last change.

    Nothing changes a nullified pass, so that is when it was nullified. A deactivated one may have
    been changed since: its time is the latest possible.
    """
    passes = sa.table(
        "passes",
        sa.column("status", sa.String),
        *(sa.column(name, sa.BigInteger) for name in ("changed_at", "deactivated_at", "nullified_at")),
    )
    for status in ("deactivated", "nullified"):
        name = f"{status}_at"
        op.add_column("passes", sa.Column(name, sa.BigInteger()))
        op.execute(sa.update(passes).where(passes.c.status == status).values({name: passes.c.changed_at}))
