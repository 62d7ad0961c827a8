"""Sessions that are stored, keys that sign tokens in turn, and API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import OWN_TENANT, protect
from resources.database.schema import (
    API_KEY_SETTING,
    APP_ROLE,
    SCHEMA,
    SIGNING_KEYS_SETTING,
    USER_SETTING,
    current,
)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
NOW = sa.text("now()")
# What changes of a session; whose it is and how long it lasts at most is said once.
CHANGING = (
    "last_used_at",
    "idle_ends_at",
    "ended_at",
    "end_reason",
    "refresh_counter",
    "refreshed_at",
)


def upgrade() -> None:
    """Create the tables behind their walls."""
    _create_signing_keys()
    _create_sessions()
    _end_sessions_with_their_users()
    _create_api_keys()
    _let_accounts_have_events()


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.Column("activated_at", TIMESTAMP, nullable=True),
        sa.Column("retired_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint(
            "state in ('next', 'active', 'retired')", name=op.f("ck_signing_keys_state")
        ),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_signing_keys_in_turn",
        "signing_keys",
        ["state"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state in ('next', 'active')"),
    )
    # The API reads them; they are made and changed with the rights of the command line.
    protect("signing_keys", app_may=["select"], visible=f"{current(SIGNING_KEYS_SETTING)} = 'all'")


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.Column("last_used_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.Column("idle_ends_at", TIMESTAMP, nullable=False),
        sa.Column("ends_at", TIMESTAMP, nullable=False),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("address", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("refresh_counter", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refreshed_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "end_reason in ('logged_out', 'ended_by_user', 'ended_by_operator', 'refresh_reused',"
            " 'password_changed', 'email_changed', 'second_factor_changed', 'deactivated',"
            " 'too_many')",
            name=op.f("ck_sessions_end_reason"),
        ),
        sa.CheckConstraint(
            "(ended_at is null) = (end_reason is null)", name=op.f("ck_sessions_ended_why")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], [f"{SCHEMA}.users.id"], name="fk_sessions_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_sessions_user_id_created_at", "sessions", ["user_id", "created_at"], schema=SCHEMA
    )
    protect(
        "sessions",
        app_may=[
            "select",
            "insert (user_id, idle_ends_at, ends_at, user_agent, address)",
            f"update ({', '.join(CHANGING)})",
        ],
        visible=f"user_id = {current(USER_SETTING)}::uuid",
    )


def _end_sessions_with_their_users() -> None:
    """Let a user who is switched off, in whatever way, come back to no session of before."""
    op.execute(
        f"create function {SCHEMA}.end_sessions() returns trigger language plpgsql"
        " set search_path = pg_catalog, pg_temp as $$ begin"
        f" update {SCHEMA}.sessions set ended_at = now(), end_reason = 'deactivated'"
        " where user_id = new.id and ended_at is null; return null; end $$"
    )
    op.execute(
        f"create trigger end_sessions after update of is_active on {SCHEMA}.users for each row"
        " when (old.is_active and not new.is_active)"
        f" execute function {SCHEMA}.end_sessions()"
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.Column("last_used_at", TIMESTAMP, nullable=True),
        sa.Column("revoked_at", TIMESTAMP, nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"],
            [f"{SCHEMA}.users.id"],
            name="fk_api_keys_created_by",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_api_keys_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_api_keys_tenant_id_created_at", "api_keys", ["tenant_id", "created_at"], schema=SCHEMA
    )
    op.create_index("ix_api_keys_created_by", "api_keys", ["created_by"], schema=SCHEMA)
    # What a key may do and how long it works is said once, when it is made.
    protect(
        "api_keys",
        app_may=["select", "insert", "update (mac, last_used_at, revoked_at, revoked_by)"],
        visible=f"{OWN_TENANT} or id::text = {current(API_KEY_SETTING)}",
    )


def _let_accounts_have_events() -> None:
    """Let what happens to a user's account be told without any tenant, and by that user alone."""
    own = f"tenant_id is null and data ->> 'user' = {current(USER_SETTING)}"
    op.execute(
        f"create policy own_account on {SCHEMA}.events to {APP_ROLE}"
        f" using ({own}) with check ({own})"
    )


def downgrade() -> None:
    """Drop the tables."""
    op.execute(f"drop policy own_account on {SCHEMA}.events")
    op.execute(f"drop trigger end_sessions on {SCHEMA}.users")
    op.execute(f"drop function {SCHEMA}.end_sessions()")
    for table in ("api_keys", "sessions", "signing_keys"):
        op.drop_table(table, schema=SCHEMA)
