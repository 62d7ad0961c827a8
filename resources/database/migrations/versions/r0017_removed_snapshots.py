"""A snapshot that is taken away is told of: what was answered from it is not answered again."""

from __future__ import annotations

from alembic import op

from resources.database.migrations.walls import tell_changes
from resources.database.schema import SCHEMA

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell of each deletion."""
    tell_changes("snapshots", "numbers", "tenant_id", of="delete")


def downgrade() -> None:
    """Tell nobody."""
    op.execute(f"drop trigger tell_change on {SCHEMA}.snapshots")
