"""The outbox: what has happened and others have to hear of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import protect
from resources.database.schema import SCHEMA

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table, and build the wall between tenants."""
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "type ~ '^[a-z_]+([.][a-z_]+)*$'", name=op.f("ck_events_type_is_dotted")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_events_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_events_unpublished",
        "events",
        ["position"],
        schema=SCHEMA,
        postgresql_where=sa.text("published_at is null"),
    )
    op.create_index(
        "ix_events_tenant_id_created_at", "events", ["tenant_id", "created_at"], schema=SCHEMA
    )
    # What happened stays as it was told: only that it was carried out may be noted.
    protect(
        "events",
        app_may=["select", "insert (tenant_id, type, subject, data)"],
        jobs_may=[
            "select",
            "insert (tenant_id, type, subject, data)",
            "update (published_at)",
        ],
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("events", schema=SCHEMA)
