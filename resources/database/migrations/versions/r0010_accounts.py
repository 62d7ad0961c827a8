"""Accounts that people make themselves: proven addresses, second factors, identity providers.

With them come limits that all workers count together, and tokens that work once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import protect
from resources.database.schema import (
    APP_ROLE,
    IDENTITY_SETTING,
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

TABLES = (
    "rate_limits",
    "one_time_tokens",
    "second_factors",
    "recovery_codes",
    "identity_providers",
    "tenant_domains",
    "user_identities",
    "provider_attempts",
)
TIMESTAMP = sa.DateTime(timezone=True)
OWN_USER = f"{current(USER_SETTING)}::uuid"


def upgrade() -> None:
    """Let the application make accounts, and create the tables behind their walls."""
    _let_people_register()
    _create_rate_limits()
    _create_one_time_tokens()
    _create_second_factors()
    _create_identity_providers()
    _create_user_identities()


def _let_people_register() -> None:
    op.alter_column("users", "password_hash", nullable=True, schema=SCHEMA)
    op.add_column("users", sa.Column("email_verified_at", TIMESTAMP), schema=SCHEMA)
    # Whoever is there was let in by the operator, who vouched for the address.
    op.execute(f"alter table {SCHEMA}.users no force row level security")
    op.execute(f"update {SCHEMA}.users set email_verified_at = created_at")
    op.execute(f"alter table {SCHEMA}.users force row level security")
    op.execute(
        "grant insert (email, name, password_hash, email_verified_at),"
        f" update (email, email_verified_at) on {SCHEMA}.users to {APP_ROLE}"
    )
    op.execute(f"grant insert (tenant_id, user_id, role) on {SCHEMA}.memberships to {APP_ROLE}")


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


def _create_second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name="fk_second_factors_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
        schema=SCHEMA,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name="fk_recovery_codes_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "signature", name="pk_recovery_codes"),
        schema=SCHEMA,
    )
    for table in ("second_factors", "recovery_codes"):
        protect(
            table,
            app_may=["select", "insert", "update", "delete"],
            visible=f"user_id = {OWN_USER}",
        )


def _create_identity_providers() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed_client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("default_role", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "default_role in ('viewer', 'analyst')",
            name=op.f("ck_identity_providers_default_role"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_identity_providers_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identity_providers"),
        sa.UniqueConstraint("tenant_id", "issuer", name="uq_identity_providers_tenant_id_issuer"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_identity_providers_tenant_id_id"),
        schema=SCHEMA,
    )
    protect("identity_providers", app_may=["select", "insert", "delete"])
    op.create_table(
        "tenant_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "domain = lower(domain)", name=op.f("ck_tenant_domains_domain_is_lower")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_tenant_domains_tenant_id"
        ),
        sa.PrimaryKeyConstraint("domain", name="pk_tenant_domains"),
        schema=SCHEMA,
    )
    # Only the operator says which domain is whose.
    protect("tenant_domains", app_may=["select"])
    op.create_table(
        "provider_attempts",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.Column("used_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_provider_attempts_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            [f"{SCHEMA}.identity_providers.tenant_id", f"{SCHEMA}.identity_providers.id"],
            name="fk_provider_attempts_tenant_id_provider_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("state_hash", name="pk_provider_attempts"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_provider_attempts_expires_at", "provider_attempts", ["expires_at"], schema=SCHEMA
    )
    protect("provider_attempts", app_may=["select", "insert", "update (used_at)", "delete"])


def _create_user_identities() -> None:
    op.create_table(
        "user_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.users.id"],
            name="fk_user_identities_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_user_identities"),
        schema=SCHEMA,
    )
    op.create_index("ix_user_identities_user_id", "user_identities", ["user_id"], schema=SCHEMA)
    # An issuer is an address and holds no space, so the two are told apart.
    protect(
        "user_identities",
        app_may=["select", "insert"],
        visible=f"issuer || ' ' || subject = {current(IDENTITY_SETTING)} or user_id = {OWN_USER}",
    )


def downgrade() -> None:
    """Drop the tables; whoever has no password is given one that nobody knows."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute(f"revoke insert (tenant_id, user_id, role) on {SCHEMA}.memberships from {APP_ROLE}")
    op.execute(
        "revoke insert (email, name, password_hash, email_verified_at),"
        f" update (email, email_verified_at) on {SCHEMA}.users from {APP_ROLE}"
    )
    op.execute(f"alter table {SCHEMA}.users no force row level security")
    op.execute(f"update {SCHEMA}.users set password_hash = '' where password_hash is null")
    op.execute(f"alter table {SCHEMA}.users force row level security")
    op.drop_column("users", "email_verified_at", schema=SCHEMA)
    op.alter_column("users", "password_hash", nullable=False, schema=SCHEMA)
