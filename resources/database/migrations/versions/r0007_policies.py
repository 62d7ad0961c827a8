"""Policies that ask once a statement whose rows may be seen, no longer once a row."""

from __future__ import annotations

from collections.abc import Callable

from alembic import op

from resources.database.schema import LOGIN_SETTING, SCHEMA, TENANT_SETTING, USER_SETTING, current

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OF_TENANTS = (
    "aspect_lexicons",
    "batch_runs",
    "corrections",
    "dataforseo_tasks",
    "events",
    "import_batches",
    "memberships",
    "nlp_settings",
    "report_documents",
    "report_requests",
    "snapshot_pointers",
    "snapshots",
    "source_days",
    "sources",
    "stage_runs",
    "taxonomies",
    "usage_entries",
)


def upgrade() -> None:
    """Read the settings in queries of their own."""
    _write_policies(current)


def downgrade() -> None:
    """Read them in place, as the first revisions did."""
    _write_policies(lambda setting: f"nullif(current_setting('{setting}', true), '')")


def _write_policies(setting: Callable[[str], str]) -> None:
    own_user = f"{setting(USER_SETTING)}::uuid"
    for table in OF_TENANTS:
        _own_rows(table, f"tenant_id = {setting(TENANT_SETTING)}")
    _own_rows("tenants", f"id = {setting(TENANT_SETTING)}")
    _own_rows("users", f"id = {own_user} or email = {setting(LOGIN_SETTING)}")
    op.execute(f"alter policy own_memberships on {SCHEMA}.memberships using (user_id = {own_user})")
    op.execute(
        f"alter policy tenants_of_user on {SCHEMA}.tenants using (exists"
        f" (select from {SCHEMA}.memberships m"
        f" where m.tenant_id = tenants.id and m.user_id = {own_user}))"
    )


def _own_rows(table: str, visible: str) -> None:
    op.execute(
        f"alter policy own_rows on {SCHEMA}.{table} using ({visible}) with check ({visible})"
    )
