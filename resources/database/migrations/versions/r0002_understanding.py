"""What people correct, and what each tenant chooses for the understanding of its reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from resources.database.migrations.walls import protect
from resources.database.schema import SCHEMA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)
DOCUMENTS = ("taxonomies", "aspect_lexicons")


def upgrade() -> None:
    """Create the tables, and build the wall between tenants."""
    _create_corrections()
    for table in DOCUMENTS:
        _create_documents(table)
    _create_settings()
    protect("corrections", app_may=["select", "insert"])
    for table in DOCUMENTS:
        protect(table, app_may=["select", "insert"])
    # The plan and the folder of models are not the tenant's own to choose.
    protect(
        "nlp_settings",
        app_may=[
            "select",
            "insert (tenant_id, tier, plugins, updated_at)",
            "update (tier, plugins, updated_at)",
        ],
    )


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("review_key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("value", JSONB(), nullable=True),
        sa.Column("previous", JSONB(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column(
            "created_at", TIMESTAMP, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "field in ('aspects', 'entities', 'language', 'sentiment', 'topics')",
            name=op.f("ck_corrections_field"),
        ),
        sa.CheckConstraint(
            "review_key ~ '^[0-9a-f]{32}$'", name=op.f("ck_corrections_review_key_is_hash")
        ),
        sa.CheckConstraint("revision > 0", name=op.f("ck_corrections_revision_is_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_corrections_tenant_id"
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "review_key", "field", "revision", name="pk_corrections"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_corrections_tenant_id_day_created_at",
        "corrections",
        ["tenant_id", "day", "created_at"],
        schema=SCHEMA,
    )


def _create_documents(table: str) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("document", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("revision > 0", name=op.f(f"ck_{table}_revision_is_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name=f"fk_{table}_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "revision", name=f"pk_{table}"),
        schema=SCHEMA,
    )


def _create_settings() -> None:
    op.create_table(
        "nlp_settings",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), server_default=sa.text("'fast'"), nullable=False),
        sa.Column("plugins", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column(
            "allowed_tiers",
            JSONB(),
            server_default=sa.text("""'["fast", "cascade", "deep"]'::jsonb"""),
            nullable=False,
        ),
        sa.Column("models_folder", sa.Text(), nullable=True),
        sa.Column("models_version", sa.Text(), nullable=True),
        sa.Column("updated_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "tier in ('fast', 'cascade', 'deep', 'plugin')", name=op.f("ck_nlp_settings_tier")
        ),
        sa.CheckConstraint("allowed_tiers ? tier", name=op.f("ck_nlp_settings_tier_is_allowed")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_nlp_settings_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_nlp_settings"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("corrections", *DOCUMENTS, "nlp_settings"):
        op.drop_table(table, schema=SCHEMA)
