"""Row-level security as revisions write it: the policies and privileges of a new table."""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

from resources.database.schema import APP_ROLE, JOBS_ROLE, SCHEMA, TENANT_SETTING, current

OWN_TENANT = f"tenant_id = {current(TENANT_SETTING)}"


def protect(table: str, *, app_may: Iterable[str], visible: str = OWN_TENANT) -> None:
    """Put a table behind the wall and say what each role may do with it.

    Args:
        table: The table's name.
        app_may: Privileges of the application's role, for example ``select`` or ``update (name)``.
        visible: SQL condition of the rows that the application sees and may write.
    """
    name = f"{SCHEMA}.{table}"
    op.execute(f"alter table {name} enable row level security")
    op.execute(f"alter table {name} force row level security")
    op.execute(
        f"create policy own_rows on {name} to {APP_ROLE} using ({visible}) with check ({visible})"
    )
    op.execute(f"create policy all_rows on {name} to {JOBS_ROLE} using (true) with check (true)")
    op.execute(f"grant {', '.join(app_may)} on {name} to {APP_ROLE}")
    op.execute(f"grant select, insert, update, delete on {name} to {JOBS_ROLE}")


def also_show(table: str, policy: str, visible: str) -> None:
    """Let the application read further rows of a protected table.

    Args:
        table: The table's name.
        policy: A name for the reason.
        visible: SQL condition of the further rows.
    """
    op.execute(
        f"create policy {policy} on {SCHEMA}.{table} for select to {APP_ROLE} using ({visible})"
    )
