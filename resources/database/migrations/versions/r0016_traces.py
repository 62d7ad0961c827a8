"""What a request asks of the graph says which trace it is part of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.schema import APP_ROLE, SCHEMA

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = ("report_requests", "erasures")


def upgrade() -> None:
    """Add the column; what was asked for before is part of no trace."""
    for table in _TABLES:
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True), schema=SCHEMA)
    # Of erasures the application may write some columns alone.
    op.execute(f"grant insert (traceparent) on {SCHEMA}.erasures to {APP_ROLE}")


def downgrade() -> None:
    """Drop the column."""
    for table in _TABLES:
        op.drop_column(table, "traceparent", schema=SCHEMA)
