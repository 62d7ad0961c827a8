"""One word for one stage: what the ledger called understood is enriched, as everywhere else."""

from __future__ import annotations

from alembic import op

from resources.database.schema import SCHEMA

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = f"{SCHEMA}.stage_runs"
STAGES = ("collected", "normalised", "{enriched}", "counted", "published", "reported")


def upgrade() -> None:
    """Rename the stage in what was recorded."""
    _rename("understood", "enriched")


def downgrade() -> None:
    """Take the old name again."""
    _rename("enriched", "understood")


def _rename(before: str, after: str) -> None:
    names = ", ".join(f"'{stage.format(enriched=after)}'" for stage in STAGES)
    # The first revision named the constraint, and the naming convention put the same before it.
    for name in ("ck_stage_runs_stage", "ck_stage_runs_ck_stage_runs_stage"):
        op.execute(f"alter table {TABLE} drop constraint if exists {name}")
    # The wall holds for the owner too, who would find no row to rename.
    op.execute(f"alter table {TABLE} no force row level security")
    op.execute(f"update {TABLE} set stage = '{after}' where stage = '{before}'")
    op.execute(f"alter table {TABLE} force row level security")
    op.execute(f"alter table {TABLE} add constraint ck_stage_runs_stage check (stage in ({names}))")
