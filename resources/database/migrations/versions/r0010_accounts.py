"""Limits that all workers count together, and tokens that work once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import protect
from resources.database.schema import (
    LIMIT_SETTING,
    ONE_TIME_TOKEN_SETTING,
    SCHEMA,
    USER_SETTING,
    current,
)

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
OWN_USER = f"{current(USER_SETTING)}::uuid"


def upgrade() -> None:
    """Create the tables behind their walls."""
    _create_rate_limits()
    _create_one_time_tokens()


def _create_rate_limits() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("forgotten_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("name", "seconds", name="pk_rate_limits"),
        schema=SCHEMA,
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_rate_limits_forgotten_at", "rate_limits", ["forgotten_at"], schema=SCHEMA)
    named = current(LIMIT_SETTING)
    protect(
        "rate_limits",
        app_may=["select", "insert", "update", "delete"],
        visible=f"name = {named} or ({named} = '*' and forgotten_at < now())",
    )


def _create_one_time_tokens() -> None:
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "purpose in ('verify_email', 'reset_password', 'change_email', 'invite')",
            name=op.f("ck_one_time_tokens_purpose"),
        ),
        sa.CheckConstraint(
            "ended_as in ('used', 'replaced', 'revoked')",
            name=op.f("ck_one_time_tokens_ended_as"),
        ),
        sa.CheckConstraint(
            "(ended_at is null) = (ended_as is null)", name=op.f("ck_one_time_tokens_ended_how")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_one_time_tokens_email_is_lower")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name="fk_one_time_tokens_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_tokens"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_one_time_tokens_email_purpose", "one_time_tokens", ["email", "purpose"], schema=SCHEMA
    )
    op.create_index("ix_one_time_tokens_user_id", "one_time_tokens", ["user_id"], schema=SCHEMA)
    named = current(ONE_TIME_TOKEN_SETTING)
    protect(
        "one_time_tokens",
        app_may=["select", "insert", "update (ended_at, ended_as)"],
        visible=f"id::text = {named} or email = {named} or user_id = {OWN_USER}",
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("one_time_tokens", "rate_limits"):
        op.drop_table(table, schema=SCHEMA)
