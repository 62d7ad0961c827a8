"""Workspaces hold locations and have reports of their own; what cuts answers is told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import tell_changes
from resources.database.schema import SCHEMA

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_OF_WORKSPACES = ("report_requests", "report_documents")

# What a tenant's numbers are, beside its snapshot: which reviews are a workspace's, and how far
# back the plan lets see.
_TOLD = {
    "workspace_items": ("tenant_id", "insert or update or delete", "tell_change"),
    "workspaces": ("tenant_id", "update of archived_at or delete", "tell_change"),
    "tenants": ("id", "update of plan, plan_limits", "tell_numbers"),
}


def upgrade() -> None:
    """Let workspaces hold locations and reports name one; tell of what cuts answers.

    Erasures know a further kind: reviews whose time is over.
    """
    _replace_check("workspace_items", "kind", "kind in ('product', 'location', 'source')")
    _replace_check("erasures", "kind", "kind in ('author', 'account', 'review', 'retention')")
    for table in _OF_WORKSPACES:
        op.add_column(table, sa.Column("workspace_id", sa.Uuid(), nullable=True), schema=SCHEMA)
        op.create_foreign_key(
            f"fk_{table}_tenant_id_workspace_id",
            table,
            "workspaces",
            ["tenant_id", "workspace_id"],
            ["tenant_id", "id"],
            source_schema=SCHEMA,
            referent_schema=SCHEMA,
        )
        op.create_index(
            f"ix_{table}_tenant_id_workspace_id",
            table,
            ["tenant_id", "workspace_id"],
            schema=SCHEMA,
        )
    for table, (column, of, trigger) in _TOLD.items():
        tell_changes(table, "numbers", column, of=of, trigger=trigger)


def downgrade() -> None:
    """Forget locations and whose the reports were; tell of nothing but snapshots."""
    for table, (_, _, trigger) in _TOLD.items():
        op.execute(f"drop trigger {trigger} on {SCHEMA}.{table}")
    for table in _OF_WORKSPACES:
        op.drop_column(table, "workspace_id", schema=SCHEMA)
    _beyond_the_wall(
        "workspace_items", f"delete from {SCHEMA}.workspace_items where kind = 'location'"
    )
    _replace_check("workspace_items", "kind", "kind in ('source', 'product')")
    _beyond_the_wall(
        "erasures", f"update {SCHEMA}.erasures set kind = 'review' where kind = 'retention'"
    )
    _replace_check("erasures", "kind", "kind in ('author', 'account', 'review')")


def _replace_check(table: str, name: str, condition: str) -> None:
    constraint = op.f(f"ck_{table}_{name}")
    op.drop_constraint(constraint, table, schema=SCHEMA, type_="check")
    op.create_check_constraint(constraint, table, condition, schema=SCHEMA)


def _beyond_the_wall(table: str, statement: str) -> None:
    """Change a table's rows as its owner, for whom the wall else holds too."""
    op.execute(f"alter table {SCHEMA}.{table} no force row level security")
    op.execute(statement)
    op.execute(f"alter table {SCHEMA}.{table} force row level security")
