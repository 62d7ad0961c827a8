"""Work that is done after a request: jobs, deferred in the transaction that makes them needed."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from resources.database.schema import APP_ROLE, JOBS_ROLE, JOBS_SCHEMA, SCHEMA

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = Path(__file__).parent.parent / "sql" / "procrastinate_3_10.sql"

# The application may hand over work and nothing else: it sees no job, not even its own, since
# other tenants' addresses stand beside them. The function runs with its owner's rights, on a path
# of schemas that its caller cannot bend.
_DEFER = f"""
create function {SCHEMA}.defer_job(
    task text, queue text, arguments jsonb, lock text, queueing_lock text,
    scheduled_at timestamptz
) returns bigint language plpgsql security definer set search_path = {JOBS_SCHEMA}, pg_temp
as $$ begin
    return (procrastinate_defer_jobs_v1(array[
        row(queue, task, 0, lock, queueing_lock, arguments, scheduled_at)
    ]::procrastinate_job_to_defer_v1[]))[1];
exception when unique_violation then
    return null;  -- one of the same queueing lock is waiting already
end $$
"""


def upgrade() -> None:
    """Install the library's tables in a schema of their own, and the one way in."""
    op.execute(f"create schema {JOBS_SCHEMA}")
    op.execute(f"set local search_path = {JOBS_SCHEMA}")
    # The driver's own way: no placeholder of SQLAlchemy is meant by what looks like one.
    connection = op.get_bind().connection.cursor()
    connection.execute(_TABLES.read_text())
    op.execute("reset search_path")
    op.execute(
        f"create table {JOBS_SCHEMA}.mails_sent"
        " (id uuid primary key, sent_at timestamptz not null default now())"
    )
    op.execute(f"revoke all on all functions in schema {JOBS_SCHEMA} from public")
    op.execute(f"grant usage on schema {JOBS_SCHEMA} to {JOBS_ROLE}")
    op.execute(
        f"grant select, insert, update, delete on all tables in schema {JOBS_SCHEMA} to {JOBS_ROLE}"
    )
    op.execute(f"grant usage on all sequences in schema {JOBS_SCHEMA} to {JOBS_ROLE}")
    op.execute(f"grant execute on all functions in schema {JOBS_SCHEMA} to {JOBS_ROLE}")
    op.execute(_DEFER)
    signature = f"{SCHEMA}.defer_job(text, text, jsonb, text, text, timestamptz)"
    op.execute(f"revoke all on function {signature} from public")
    op.execute(f"grant execute on function {signature} to {APP_ROLE}, {JOBS_ROLE}")


def downgrade() -> None:
    """Drop the schema with all jobs."""
    op.execute(f"drop function {SCHEMA}.defer_job")
    op.execute(f"drop schema {JOBS_SCHEMA} cascade")
