"""Which batches of a day a stage has carried on, so that the next run does only what is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import protect
from resources.database.schema import SCHEMA

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and build the wall between tenants."""
    op.create_table(
        "batch_runs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_kept", sa.BigInteger(), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stage in ('normalised', 'enriched')", name=op.f("ck_batch_runs_stage")),
        sa.CheckConstraint(
            "rows_in = rows_kept + rows_unchanged + rows_rejected",
            name=op.f("ck_batch_runs_nothing_is_lost"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_batch_runs_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "day", "stage", "batch_id", name="pk_batch_runs"),
        schema=SCHEMA,
    )
    op.create_index("ix_batch_runs_day_stage", "batch_runs", ["day", "stage"], schema=SCHEMA)
    op.create_index("ix_batch_runs_run_id_stage", "batch_runs", ["run_id", "stage"], schema=SCHEMA)
    protect("batch_runs", app_may=["select"])


def downgrade() -> None:
    """Drop the table: without it every day is done as a whole, as before."""
    op.drop_table("batch_runs", schema=SCHEMA)
