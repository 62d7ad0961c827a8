"""Row-level security as revisions write it: the policies and privileges of a new table."""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

from resources.database.changes import CHANNEL
from resources.database.schema import APP_ROLE, JOBS_ROLE, SCHEMA, TENANT_SETTING, current

OWN_TENANT = f"tenant_id = {current(TENANT_SETTING)}"


EVERYTHING = ("select", "insert", "update", "delete")


def protect(
    table: str,
    *,
    app_may: Iterable[str],
    jobs_may: Iterable[str] = EVERYTHING,
    visible: str = OWN_TENANT,
) -> None:
    """Put a table behind the wall and say what each role may do with it.

    Args:
        table: The table's name.
        app_may: Privileges of the application's role, for example ``select`` or ``update (name)``.
        jobs_may: Privileges of the graph's role, for all tenants.
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
    op.execute(f"grant {', '.join(jobs_may)} on {name} to {JOBS_ROLE}")


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


def only_add_to(table: str) -> None:
    """Refuse every change to a table's rows, whoever asks: privileges do not bind an owner."""
    op.execute(
        f"create or replace function {SCHEMA}.refuse_change() returns trigger language plpgsql"
        " as $$ begin raise exception 'rows of % are only ever added', tg_table_name"
        " using errcode = 'insufficient_privilege'; end $$"
    )
    op.execute(
        f"create trigger only_add before update or delete or truncate on {SCHEMA}.{table}"
        f" for each statement execute function {SCHEMA}.refuse_change()"
    )


def tell_changes(
    table: str, subject: str, column: str, *, of: str, trigger: str = "tell_change"
) -> None:
    """Let a table's changes be heard by those who keep copies of its rows in memory.

    Args:
        table: The table's name.
        subject: What its rows are about, for example ``user``.
        column: The column that says which one.
        of: The changes that matter, for example ``update of ended_at or delete``.
        trigger: Its name, for a table whose changes are about several things.
    """
    op.execute(
        f"create or replace function {SCHEMA}.tell_change() returns trigger language plpgsql as $$"
        " begin"
        "   if tg_op <> 'INSERT' then"
        f"     perform pg_notify('{CHANNEL}', tg_argv[0] || ':' || (to_jsonb(old) ->> tg_argv[1]));"
        "   end if;"
        "   if tg_op <> 'DELETE' then"
        f"     perform pg_notify('{CHANNEL}', tg_argv[0] || ':' || (to_jsonb(new) ->> tg_argv[1]));"
        "   end if;"
        "   return null;"
        " end $$"
    )
    op.execute(
        f"create trigger {trigger} after {of} on {SCHEMA}.{table} for each row"
        f" execute function {SCHEMA}.tell_change('{subject}', '{column}')"
    )
