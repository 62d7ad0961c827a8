"""The first tables: tenants, users, collection, the ledger, snapshots and reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import also_show, protect
from resources.database.schema import (
    APP_ROLE,
    DAGSTER_SCHEMA,
    JOBS_ROLE,
    LOGIN_SETTING,
    SCHEMA,
    TENANT_SETTING,
    USER_SETTING,
    current,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
TABLES = (
    "tenants",
    "users",
    "import_batches",
    "memberships",
    "report_requests",
    "snapshots",
    "sources",
    "stage_runs",
    "dataforseo_tasks",
    "report_documents",
    "snapshot_pointers",
)


def upgrade() -> None:
    """Create schemas and tables, and build the wall between tenants."""
    op.execute(f"create schema if not exists {DAGSTER_SCHEMA}")
    op.execute(f"grant usage on schema {SCHEMA} to {APP_ROLE}, {JOBS_ROLE}")
    _create_tables()
    _build_wall()


def _create_tables() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("names", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("settings", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("colour ~ '^#[0-9a-fA-F]{6}$'", name="ck_tenants_colour_is_rgb"),
        sa.CheckConstraint("id ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="ck_tenants_id_is_slug"),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        schema=SCHEMA,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name="ck_users_email_is_lower"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        schema=SCHEMA,
    )
    op.create_table(
        "import_batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("record_count", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("mapping", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("landed_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_import_batches_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_import_batches"),
        schema=SCHEMA,
    )
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role in ('owner', 'admin', 'analyst', 'viewer')", name="ck_memberships_role"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_memberships_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], [f"{SCHEMA}.users.id"], name="fk_memberships_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name="pk_memberships"),
        schema=SCHEMA,
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], schema=SCHEMA)
    op.create_table(
        "report_requests",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", TIMESTAMP, nullable=True),
        sa.Column("finished_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "status in ('queued', 'running', 'done', 'failed', 'held')",
            name="ck_report_requests_status",
        ),
        sa.CheckConstraint("period_start <= period_end", name="ck_report_requests_period_in_order"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_report_requests_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report_requests"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_report_requests_tenant_id_id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_report_requests_open",
        "report_requests",
        ["created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("status in ('queued', 'running')"),
    )
    op.create_table(
        "snapshots",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("inputs", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("published_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_snapshots_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "version", name="pk_snapshots"),
        schema=SCHEMA,
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_sources_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_sources_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_sources_tenant_id_name"),
        schema=SCHEMA,
    )
    op.create_table(
        "stage_runs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_kept", sa.BigInteger(), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), nullable=False),
        sa.Column("table_version", sa.BigInteger(), nullable=True),
        sa.Column("input_version", sa.BigInteger(), nullable=True),
        sa.Column("model_versions", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("started_at", TIMESTAMP, nullable=False),
        sa.Column("finished_at", TIMESTAMP, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "stage in ('collected', 'normalised', 'understood', "
            "'counted', 'published', 'reported')",
            name="ck_stage_runs_stage",
        ),
        sa.CheckConstraint(
            "status in ('running', 'done', 'failed', 'held')", name="ck_stage_runs_status"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_stage_runs_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "day", "stage", name="pk_stage_runs"),
        schema=SCHEMA,
    )
    op.create_index("ix_stage_runs_day_stage", "stage_runs", ["day", "stage"], schema=SCHEMA)
    op.create_table(
        "dataforseo_tasks",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'planned'"), nullable=False),
        sa.Column("cost_usd", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("posted_at", TIMESTAMP, nullable=True),
        sa.Column("collected_at", TIMESTAMP, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status in ('planned', 'failed') or id is not null",
            name="ck_dataforseo_tasks_posted_has_id",
        ),
        sa.CheckConstraint(
            "status in ('planned', 'posted', 'collected', 'failed')",
            name="ck_dataforseo_tasks_status",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "source_id"],
            [f"{SCHEMA}.sources.tenant_id", f"{SCHEMA}.sources.id"],
            name="fk_dataforseo_tasks_tenant_id_source_id",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_dataforseo_tasks_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "tag", name="pk_dataforseo_tasks"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_dataforseo_tasks_tenant_id_id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dataforseo_tasks_open",
        "dataforseo_tasks",
        ["day"],
        schema=SCHEMA,
        postgresql_where=sa.text("status in ('planned', 'posted')"),
    )
    op.create_index(
        "ix_dataforseo_tasks_tenant_id_source_id",
        "dataforseo_tasks",
        ["tenant_id", "source_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "report_documents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("snapshot_version", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("review_count", sa.BigInteger(), nullable=False),
        sa.Column("files", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            [f"{SCHEMA}.report_requests.tenant_id", f"{SCHEMA}.report_requests.id"],
            name="fk_report_documents_tenant_id_request_id",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "snapshot_version"],
            [f"{SCHEMA}.snapshots.tenant_id", f"{SCHEMA}.snapshots.version"],
            name="fk_report_documents_tenant_id_snapshot_version",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_report_documents_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report_documents"),
        sa.UniqueConstraint(
            "tenant_id", "request_id", name="uq_report_documents_tenant_id_request_id"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_report_documents_tenant_id_created_at_id",
        "report_documents",
        ["tenant_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_report_documents_tenant_id_snapshot_version",
        "report_documents",
        ["tenant_id", "snapshot_version"],
        schema=SCHEMA,
    )
    op.create_table(
        "snapshot_pointers",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version"],
            [f"{SCHEMA}.snapshots.tenant_id", f"{SCHEMA}.snapshots.version"],
            name="fk_snapshot_pointers_tenant_id_version",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_snapshot_pointers_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_snapshot_pointers"),
        schema=SCHEMA,
    )


def _build_wall() -> None:
    own_user = f"{current(USER_SETTING)}::uuid"
    protect(
        "tenants",
        app_may=["select", "update (name, colour, names, settings)"],
        visible=f"id = {current(TENANT_SETTING)}",
    )
    protect(
        "users",
        app_may=["select", "update (name, password_hash)"],
        visible=f"id = {own_user} or email = {current(LOGIN_SETTING)}",
    )
    protect("memberships", app_may=["select"])
    protect("sources", app_may=["select", "insert", "update", "delete"])
    protect("import_batches", app_may=["select"])
    protect("dataforseo_tasks", app_may=["select"])
    protect("stage_runs", app_may=["select"])
    protect("snapshots", app_may=["select"])
    protect("snapshot_pointers", app_may=["select"])
    protect("report_requests", app_may=["select", "insert"])
    protect("report_documents", app_may=["select"])
    also_show("memberships", "own_memberships", f"user_id = {own_user}")
    also_show(
        "tenants",
        "tenants_of_user",
        f"exists (select from {SCHEMA}.memberships m"
        f" where m.tenant_id = tenants.id and m.user_id = {own_user})",
    )


def downgrade() -> None:
    """Drop the tables. Dagster's schema stays: what is in it is not ours."""
    op.execute(f"drop policy tenants_of_user on {SCHEMA}.tenants")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute(f"revoke usage on schema {SCHEMA} from {APP_ROLE}, {JOBS_ROLE}")
