"""Organisations, their keys, templates and passes; bindings and what belongs to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From an empty database."""
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("binding", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
    )
    op.create_table(
        "answers",
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pass_id", sa.String(length=36)),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_answers_organisation"),
        sa.PrimaryKeyConstraint("organisation", "key_hash", name="pk_answers"),
    )
    op.create_index("ix_answers_created_at", "answers", ["created_at"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_api_keys_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_templates_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_templates"),
    )
    op.create_index("ix_templates_newest", "templates", ["organisation", "created_at", "id"])
    op.create_table(
        "passes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("template", sa.String(length=36), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ext_id", sa.String(length=255)),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_passes_organisation"),
        sa.ForeignKeyConstraint(["template"], ["templates.id"], name="fk_passes_template"),
        sa.PrimaryKeyConstraint("id", name="pk_passes"),
        sa.UniqueConstraint("link_hash", name="uq_passes_link_hash"),
        sa.UniqueConstraint("serial", name="uq_passes_serial"),
    )
    op.create_index("ix_passes_newest", "passes", ["organisation", "created_at", "id"])
    op.create_index(
        "uq_passes_live_ext_id",
        "passes",
        ["organisation", "ext_id"],
        unique=True,
        sqlite_where=sa.text("status != 'nullified'"),
        postgresql_where=sa.text("status != 'nullified'"),
    )
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pass_id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("slot", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name="fk_addresses_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.UniqueConstraint("pass_id", name="uq_addresses_pass_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bindings",
        sa.Column("pass_id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("platform", sa.String(length=8)),
        sa.Column("evidence", sa.String(length=32)),
        sa.Column("learn_more_url", sa.String(length=255), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("open_attempt", sa.String(length=64)),
        sa.Column("open_attempt_at", sa.BigInteger()),
        sa.Column("won_attempt", sa.String(length=64)),
        sa.Column("won_attempt_at", sa.BigInteger()),
        sa.Column("won_digest", sa.String(length=64)),
        sa.Column("ceremony", sa.JSON(none_as_null=True)),
        sa.Column("credential_id", sa.String(length=1400)),
        sa.Column("credential", sa.JSON(none_as_null=True)),
        sa.Column("google_issued_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name="fk_bindings_pass_id"),
        sa.PrimaryKeyConstraint("pass_id", name="pk_bindings"),
        sa.UniqueConstraint("credential_id", name="uq_bindings_credential_id"),
    )
    op.create_table(
        "downloads",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pass_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name="fk_downloads_pass_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_downloads"),
    )
    op.create_index("ix_downloads_expires_at", "downloads", ["expires_at"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pass_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name="fk_events_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_pass", "events", ["pass_id", "kind", "at"])
