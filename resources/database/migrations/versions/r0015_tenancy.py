"""Status and plan of tenants, invitations, workspaces, settings, limits, feature flags, exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from resources.database.migrations.walls import EVERYTHING, OWN_TENANT, also_show, protect
from resources.database.schema import (
    APP_ROLE,
    ONE_TIME_TOKEN_SETTING,
    SCHEMA,
    TENANT_SETTING,
    current,
)

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
TABLES = (
    "feature_flags",
    "feature_overrides",
    "invitations",
    "limit_notices",
    "tenant_exports",
    "tenant_settings",
    "workspaces",
    "workspace_items",
)
LIMITS = (
    "'sources', 'seats', 'reviews_per_month', 'reports_per_month', 'analyzed_texts_per_month',"
    " 'requests_per_minute', 'history_days'"
)
USAGE = "'reviews_collected', 'reviews_enriched', 'vendor_cost', 'report_made'"


def upgrade() -> None:
    """Widen the tenants, create the tables, and build their walls.

    A tenant that is there has the plan without limits, so that it may do all that it did before.
    """
    _widen_tenants()
    _create_flags()
    _create_invitations()
    _create_workspaces()
    _create_settings()
    _create_notices()
    _create_exports()
    _let_the_application_write()
    _count_analysed_texts()


def _widen_tenants() -> None:
    for column in (
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("status_changed_at", TIMESTAMP, nullable=True),
        sa.Column("closes_at", TIMESTAMP, nullable=True),
        sa.Column("plan", sa.Text(), server_default=sa.text("'enterprise'"), nullable=False),
        sa.Column("plan_limits", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    ):
        op.add_column("tenants", column, schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_tenants_status"),
        "tenants",
        "status in ('active', 'suspended', 'closing', 'closed')",
        schema=SCHEMA,
    )
    op.create_check_constraint(
        op.f("ck_tenants_closes"),
        "tenants",
        "(status in ('closing', 'closed')) = (closes_at is not null)",
        schema=SCHEMA,
    )


def _created_at() -> sa.Column[object]:
    return sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False)


def _random_id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)


def _of_tenant(table: str) -> tuple[SchemaItem, SchemaItem]:
    return (
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name=f"fk_{table}_tenant_id"
        ),
    )


def _json(name: str, empty: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), server_default=sa.text(f"'{empty}'::jsonb"), nullable=False)


def _create_flags() -> None:
    op.create_table(
        "feature_flags",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _json("plans", "[]"),
        sa.Column("percentage", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("updated_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "percentage between 0 and 100", name=op.f("ck_feature_flags_percentage")
        ),
        sa.CheckConstraint("name ~ '^[a-z][a-z0-9-]{0,62}$'", name=op.f("ck_feature_flags_name")),
        sa.PrimaryKeyConstraint("name", name="pk_feature_flags"),
        schema=SCHEMA,
    )
    op.create_table(
        "feature_overrides",
        *_of_tenant("feature_overrides"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        _created_at(),
        sa.ForeignKeyConstraint(
            ["name"],
            [f"{SCHEMA}.feature_flags.name"],
            name="fk_feature_overrides_name",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_feature_overrides"),
        schema=SCHEMA,
    )
    op.create_index("ix_feature_overrides_name", "feature_overrides", ["name"], schema=SCHEMA)
    # Flags are the installation's: whoever works for a tenant reads them, nobody else does.
    protect("feature_flags", app_may=["select"], visible=f"{current(TENANT_SETTING)} is not null")
    protect("feature_overrides", app_may=["select"])


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        _random_id(),
        *_of_tenant("invitations"),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        _created_at(),
        sa.Column("sent_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.Column("accepted_at", TIMESTAMP, nullable=True),
        sa.Column("revoked_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "role in ('owner', 'admin', 'analyst', 'viewer')", name=op.f("ck_invitations_role")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_invitations_email_is_lower")),
        sa.CheckConstraint(
            "accepted_at is null or revoked_at is null", name=op.f("ck_invitations_ends_once")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"],
            [f"{SCHEMA}.users.id"],
            name="fk_invitations_invited_by",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], [f"{SCHEMA}.one_time_tokens.id"], name="fk_invitations_token_id"
        ),
        sa.UniqueConstraint("token_id", name="uq_invitations_token_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["tenant_id", "email"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("accepted_at is null and revoked_at is null"),
    )
    op.create_index("ix_invitations_invited_by", "invitations", ["invited_by"], schema=SCHEMA)
    protect(
        "invitations",
        app_may=[
            "select",
            "insert (tenant_id, email, role, token_id, invited_by, expires_at)",
            "update (token_id, sent_at, sent_count, expires_at, accepted_at, revoked_at)",
        ],
    )
    # The link of an invitation opens its row before anybody knows which tenant it is of.
    also_show("invitations", "by_token", f"token_id::text = {current(ONE_TIME_TOKEN_SETTING)}")


def _create_workspaces() -> None:
    op.create_table(
        "workspaces",
        _random_id(),
        *_of_tenant("workspaces"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _created_at(),
        sa.Column("archived_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "kind in ('brand', 'location', 'team')", name=op.f("ck_workspaces_kind")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_workspaces_tenant_id_id"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_workspaces_name",
        "workspaces",
        ["tenant_id", "name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("archived_at is null"),
    )
    op.create_table(
        "workspace_items",
        *_of_tenant("workspace_items"),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('source', 'product')", name=op.f("ck_workspace_items_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            [f"{SCHEMA}.workspaces.tenant_id", f"{SCHEMA}.workspaces.id"],
            name="fk_workspace_items_tenant_id_workspace_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "name", name="pk_workspace_items"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_workspace_items_tenant_id_workspace_id",
        "workspace_items",
        ["tenant_id", "workspace_id"],
        schema=SCHEMA,
    )
    protect(
        "workspaces",
        app_may=["select", "insert (tenant_id, kind, name)", "update (name, archived_at)"],
    )
    protect("workspace_items", app_may=EVERYTHING)


def _create_settings() -> None:
    op.create_table(
        "tenant_settings",
        *_of_tenant("tenant_settings"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _json("choices", "{}"),
        _json("before", "{}"),
        _json("after", "{}"),
        sa.Column("author", sa.Text(), nullable=False),
        _created_at(),
        sa.CheckConstraint("revision > 0", name=op.f("ck_tenant_settings_revision_is_positive")),
        sa.PrimaryKeyConstraint("tenant_id", "revision", name="pk_tenant_settings"),
        schema=SCHEMA,
    )
    # What was once chosen stays as it was told. The graph's role erases tenants that have closed.
    protect(
        "tenant_settings",
        app_may=["select", "insert (tenant_id, revision, choices, before, after, author)"],
        jobs_may=["select", "insert", "delete"],
    )


def _create_notices() -> None:
    op.create_table(
        "limit_notices",
        *_of_tenant("limit_notices"),
        sa.Column("limit_name", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        _created_at(),
        sa.CheckConstraint(f"limit_name in ({LIMITS})", name=op.f("ck_limit_notices_limit_name")),
        sa.CheckConstraint("level in (80, 100)", name=op.f("ck_limit_notices_level")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "limit_name", "month", "level", name="pk_limit_notices"
        ),
        schema=SCHEMA,
    )
    protect(
        "limit_notices",
        app_may=["select", "insert (tenant_id, limit_name, month, level)"],
        jobs_may=["select", "insert", "delete"],
    )


def _create_exports() -> None:
    op.create_table(
        "tenant_exports",
        _random_id(),
        *_of_tenant("tenant_exports"),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _created_at(),
        sa.Column("started_at", TIMESTAMP, nullable=True),
        sa.Column("finished_at", TIMESTAMP, nullable=True),
        sa.Column("expires_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "status in ('queued', 'running', 'done', 'failed', 'expired')",
            name=op.f("ck_tenant_exports_status"),
        ),
        sa.CheckConstraint(
            "status <> 'done' or (object_key is not null and expires_at is not null)",
            name=op.f("ck_tenant_exports_done_has_a_file"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tenant_exports"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_tenant_exports_open",
        "tenant_exports",
        ["tenant_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("status in ('queued', 'running')"),
    )
    op.create_index(
        "ix_tenant_exports_tenant_id_created_at",
        "tenant_exports",
        ["tenant_id", "created_at"],
        schema=SCHEMA,
    )
    protect("tenant_exports", app_may=["select", "insert (tenant_id, requested_by)"])


def _let_the_application_write() -> None:
    """What people do by themselves over the API: make organisations, and govern their own."""
    op.execute(
        f"grant insert (id, name, colour, names, settings, plan),"
        f" update (status, status_reason, status_changed_at, closes_at)"
        f" on {SCHEMA}.tenants to {APP_ROLE}"
    )
    # Only the operator suspends, ends a suspension, or closes for good.
    own = f"id = {current(TENANT_SETTING)}"
    op.execute(
        f"create policy only_closing on {SCHEMA}.tenants as restrictive for update to {APP_ROLE}"
        f" using ({own} and status in ('active', 'closing'))"
        f" with check ({own} and status in ('active', 'closing'))"
    )
    op.execute(f"grant update (role), delete on {SCHEMA}.memberships to {APP_ROLE}")
    also_show(
        "users",
        "members_of_tenant",
        f"exists (select from {SCHEMA}.memberships m"
        f" where m.user_id = users.id and m.tenant_id = {current(TENANT_SETTING)})",
    )


def _count_analysed_texts() -> None:
    _replace_usage_kinds(f"{USAGE}, 'texts_analyzed'")
    op.execute(f"alter table {SCHEMA}.usage_entries validate constraint ck_usage_entries_kind")
    op.execute(
        f"grant insert (id, tenant_id, kind, subject, quantity, unit, cost_usd, day, run_id)"
        f" on {SCHEMA}.usage_entries to {APP_ROLE}"
    )
    op.execute(
        f"create policy only_analyses on {SCHEMA}.usage_entries as restrictive for insert"
        f" to {APP_ROLE} with check ({OWN_TENANT} and kind = 'texts_analyzed')"
    )


def _replace_usage_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_usage_entries_kind"), "usage_entries", schema=SCHEMA)
    # The table can be long: what is in it holds already, and need not be looked at under a lock.
    op.execute(
        f"alter table {SCHEMA}.usage_entries add constraint ck_usage_entries_kind"
        f" check (kind in ({kinds})) not valid"
    )


def downgrade() -> None:
    """Drop the tables and columns. Entries of analysed texts stay: none is ever deleted."""
    op.execute(f"drop policy only_analyses on {SCHEMA}.usage_entries")
    op.execute(
        f"revoke insert (id, tenant_id, kind, subject, quantity, unit, cost_usd, day, run_id)"
        f" on {SCHEMA}.usage_entries from {APP_ROLE}"
    )
    _replace_usage_kinds(USAGE)
    op.execute(f"drop policy members_of_tenant on {SCHEMA}.users")
    op.execute(f"revoke update (role), delete on {SCHEMA}.memberships from {APP_ROLE}")
    op.execute(f"drop policy only_closing on {SCHEMA}.tenants")
    op.execute(
        f"revoke insert (id, name, colour, names, settings, plan)"
        f" on {SCHEMA}.tenants from {APP_ROLE}"
    )
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    for constraint in ("closes", "status"):
        op.drop_constraint(op.f(f"ck_tenants_{constraint}"), "tenants", schema=SCHEMA)
    for column in (
        "plan_limits",
        "plan",
        "closes_at",
        "status_changed_at",
        "status_reason",
        "status",
    ):
        op.drop_column("tenants", column, schema=SCHEMA)
