"""Answers by the keys that clients gave, and an index of each tenant's open report requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import protect
from resources.database.schema import SCHEMA

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("status in ('queued', 'running')")


def upgrade() -> None:
    """Create the table behind its wall; order the open requests by tenant."""
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
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
    # A key is used once: what was answered stays as it was until the key may be used anew.
    protect("idempotency_keys", app_may=["select", "insert", "delete"])
    op.drop_index("ix_report_requests_open", "report_requests", schema=SCHEMA)
    op.create_index(
        "ix_report_requests_open",
        "report_requests",
        ["tenant_id", "created_at"],
        schema=SCHEMA,
        postgresql_where=_IS_OPEN,
    )


def downgrade() -> None:
    """Drop the table; order the open requests by time alone."""
    op.drop_index("ix_report_requests_open", "report_requests", schema=SCHEMA)
    op.create_index(
        "ix_report_requests_open",
        "report_requests",
        ["created_at"],
        schema=SCHEMA,
        postgresql_where=_IS_OPEN,
    )
    op.drop_table("idempotency_keys", schema=SCHEMA)
