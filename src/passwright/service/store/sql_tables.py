"""The tables of the SQL store, as SQLAlchemy knows them; `migrations` makes them.

Addresses live in slots of their own: see `sqlstore`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["METADATA", "Moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970 UTC: sorted alike by every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """To the database."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """From the database."""
        return None if value is None else _EPOCH + value * _MICROSECOND


METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = sa.String(36)

organisations = sa.Table(
    "organisations",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("binding", sa.Boolean, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("organisation", _ID, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("key_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
)

templates = sa.Table(
    "templates",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("organisation", _ID, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("archive", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_templates_newest", "organisation", "created_at", "id"),
)

passes = sa.Table(
    "passes",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("organisation", _ID, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("template", _ID, sa.ForeignKey("templates.id"), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False, unique=True),
    sa.Column("link_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("ext_id", sa.String(255)),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("deactivated_at", Moment),
    sa.Column("nullified_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_passes_newest", "organisation", "created_at", "id"),
)
# An external id is free again once its pass is nullified.
_LIVE = passes.c.status != "nullified"
sa.Index(
    "uq_passes_live_ext_id",
    passes.c.organisation,
    passes.c.ext_id,
    unique=True,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)

bindings = sa.Table(
    "bindings",
    METADATA,
    sa.Column("pass_id", _ID, sa.ForeignKey("passes.id"), primary_key=True),
    sa.Column("organisation", _ID, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("platform", sa.String(8)),
    sa.Column("evidence", sa.String(32)),
    sa.Column("learn_more_url", sa.String(255), nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("open_attempt", sa.String(64)),
    sa.Column("open_attempt_at", Moment),
    sa.Column("won_attempt", sa.String(64)),
    sa.Column("won_attempt_at", Moment),
    sa.Column("won_digest", sa.String(64)),
    sa.Column("ceremony", sa.JSON(none_as_null=True)),
    sa.Column("credential_id", sa.String(1400), unique=True),
    sa.Column("credential", sa.JSON(none_as_null=True)),
    sa.Column("google_issued_at", Moment),
)

addresses = sa.Table(
    "addresses",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("pass_id", _ID, sa.ForeignKey("passes.id"), nullable=False, unique=True),
    sa.Column("organisation", _ID, nullable=False),
    sa.Column("live", sa.Integer, nullable=False),
    sa.Column("slot", sa.LargeBinary, nullable=False),
    # Without it SQLite gives the number of a deleted last row once more.
    sqlite_autoincrement=True,
)

events = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("pass_id", _ID, sa.ForeignKey("passes.id"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_events_pass", "pass_id", "kind", "at"),
)

downloads = sa.Table(
    "downloads",
    METADATA,
    sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("pass_id", _ID, sa.ForeignKey("passes.id"), nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sa.Column("used_at", Moment),
)

answers = sa.Table(
    "answers",
    METADATA,
    sa.Column("organisation", _ID, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("key_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
    sa.Column("pass_id", _ID),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("created_at", Moment, nullable=False, index=True),
)
