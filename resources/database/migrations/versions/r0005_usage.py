"""What each source gave on each day, and what each tenant has used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import only_add_to, protect
from resources.database.schema import SCHEMA

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
COUNTS = ("claimed", "fetched", "new", "changed", "unchanged", "rejected", "gone")


def upgrade() -> None:
    """Create the tables, and build the wall between tenants."""
    _create_source_days()
    _create_usage_entries()
    protect("source_days", app_may=["select"])
    protect("usage_entries", app_may=["select"], jobs_may=["select", "insert"])
    only_add_to("usage_entries")


def _create_source_days() -> None:
    op.create_table(
        "source_days",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in COUNTS),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("updated_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_source_days_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "day", "source", name="pk_source_days"),
        schema=SCHEMA,
    )
    op.create_index("ix_source_days_day", "source_days", ["day"], schema=SCHEMA)


def _create_usage_entries() -> None:
    op.create_table(
        "usage_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(18, 6), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind in ('reviews_collected', 'reviews_enriched', 'vendor_cost', 'report_made')",
            name=op.f("ck_usage_entries_kind"),
        ),
        sa.CheckConstraint(
            "quantity >= 0 and cost_usd >= 0", name=op.f("ck_usage_entries_is_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_usage_entries_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_usage_entries"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_usage_entries_tenant_id_day_kind",
        "usage_entries",
        ["tenant_id", "day", "kind"],
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("usage_entries", schema=SCHEMA)
    op.execute(f"drop function {SCHEMA}.refuse_change()")
    op.drop_table("source_days", schema=SCHEMA)
