"""Kept answers are a user's own and sealed; changes are told to who keeps rows in memory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import protect, tell_changes
from resources.database.schema import (
    SCHEMA,
    TENANT_SETTING,
    USER_SETTING,
    current,
)

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)

# What access is decided on. A session that is refreshed is none of it, only one that ends.
_TOLD = {
    "users": ("user", "id", "update or delete"),
    "memberships": ("user", "user_id", "insert or update or delete"),
    "tenants": ("tenant", "id", "update or delete"),
    "snapshot_pointers": ("numbers", "tenant_id", "insert or update or delete"),
    "sessions": ("session", "id", "update of ended_at, ends_at, idle_ends_at or delete"),
    "api_keys": ("key", "id", "update of scopes, expires_at, revoked_at or delete"),
    "signing_keys": ("signing", "kid", "insert or update or delete"),
}


def upgrade() -> None:
    """Make the table anew: what is kept in it is needed for two days, and names no user."""
    op.drop_table("idempotency_keys", schema=SCHEMA)
    _create_sealed_answers()
    for table, (subject, column, of) in _TOLD.items():
        tell_changes(table, subject, column, of=of)


def downgrade() -> None:
    """Bring back the table of answers by tenant alone, and tell nobody of changes."""
    for table in _TOLD:
        op.execute(f"drop trigger tell_change on {SCHEMA}.{table}")
    op.execute(f"drop function {SCHEMA}.tell_change()")
    op.drop_table("idempotency_keys", schema=SCHEMA)
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_idempotency_keys_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotency_keys"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_idempotency_keys_tenant_id_created_at",
        "idempotency_keys",
        ["tenant_id", "created_at"],
        schema=SCHEMA,
    )
    protect("idempotency_keys", app_may=["select", "insert", "delete"])


def _create_sealed_answers() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name="fk_idempotency_keys_user_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_idempotency_keys_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_keys"),
        sa.UniqueConstraint(
            "user_id", "tenant_id", "key", name="uq_idempotency_keys_user_id_tenant_id_key"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_idempotency_keys_outside",
        "idempotency_keys",
        ["user_id", "key"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("tenant_id is null"),
    )
    op.create_index(
        "ix_idempotency_keys_tenant_id_created_at",
        "idempotency_keys",
        ["tenant_id", "created_at"],
        schema=SCHEMA,
    )
    # What was answered stays as it was until its key may be used anew. Outside of tenants a row is
    # seen by its user alone.
    protect(
        "idempotency_keys",
        app_may=["select", "insert", "delete"],
        visible=f"tenant_id = {current(TENANT_SETTING)} or "
        f"(tenant_id is null and user_id = {current(USER_SETTING)}::uuid)",
    )
