"""Erasures of people who write reviews: requests, steps, and the marks that outlive them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import protect
from resources.database.schema import SCHEMA

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
NOW = sa.text("now()")
# Columns that refer to others and had no index: deleting what they refer to read the whole table.
_REFERENCES = (
    ("tenant_domains", ("tenant_id",)),
    ("provider_attempts", ("tenant_id", "provider_id")),
)


def upgrade() -> None:
    """Create the tables behind their wall."""
    _create_erasures()
    _create_steps()
    _create_marks()
    for table, columns in _REFERENCES:
        name = f"ix_{table}_{'_'.join(columns)}"
        op.create_index(name, table, list(columns), schema=SCHEMA)
    # A tenant asks and reads; what is done about it is the graph's.
    protect(
        "erasures",
        app_may=[
            "select",
            "insert (tenant_id, kind, requested_by, suppress, subject, sealed)",
        ],
    )
    protect("erasure_steps", app_may=["select"])
    protect("erasure_marks", app_may=["select"])


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("suppress", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("receipt", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.Column("started_at", TIMESTAMP, nullable=True),
        sa.Column("finished_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "kind in ('author', 'account', 'review')", name=op.f("ck_erasures_kind")
        ),
        sa.CheckConstraint(
            "status in ('queued', 'running', 'done', 'failed')", name=op.f("ck_erasures_status")
        ),
        sa.CheckConstraint(
            "status <> 'done' or sealed is null", name=op.f("ck_erasures_done_is_unsealed")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_erasures_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_erasures_tenant_id_id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_erasures_tenant_id_created_at_id",
        "erasures",
        ["tenant_id", "created_at", "id"],
        schema=SCHEMA,
    )


def _create_steps() -> None:
    op.create_table(
        "erasure_steps",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("removed", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("done_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_erasure_steps_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "erasure_id"],
            [f"{SCHEMA}.erasures.tenant_id", f"{SCHEMA}.erasures.id"],
            name="fk_erasure_steps_tenant_id_erasure_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "erasure_id", "step", name="pk_erasure_steps"),
        schema=SCHEMA,
    )


def _create_marks() -> None:
    op.create_table(
        "erasure_marks",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=True),
        sa.Column("suppress", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "mark ~ '^[a-z]+:[0-9a-f]{40}$'", name=op.f("ck_erasure_marks_mark_is_hash")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_erasure_marks_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "erasure_id"],
            [f"{SCHEMA}.erasures.tenant_id", f"{SCHEMA}.erasures.id"],
            name="fk_erasure_marks_tenant_id_erasure_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "mark", name="pk_erasure_marks"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_erasure_marks_tenant_id_erasure_id",
        "erasure_marks",
        ["tenant_id", "erasure_id"],
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop the tables; what was erased stays erased."""
    for table in ("erasure_marks", "erasure_steps", "erasures"):
        op.drop_table(table, schema=SCHEMA)
    for table, columns in _REFERENCES:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table, schema=SCHEMA)
