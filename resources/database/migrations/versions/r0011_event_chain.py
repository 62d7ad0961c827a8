"""Events that are chained: each holds the hash of the one before it, in its tenant's chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import only_add_to, protect
from resources.database.schema import (
    ACTOR_SETTING,
    APP_ROLE,
    AUDIT_SCHEMA,
    EVENTS_CHANNEL,
    JOBS_ROLE,
    SCHEMA,
    USER_SETTING,
    current,
)

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIMESTAMP = sa.DateTime(timezone=True)

# What is hashed: an array as jsonb spells it, of the event's fields and the hash before it.
_HASH = f"""
create function {SCHEMA}.hash_of(event {SCHEMA}.events) returns bytea
language sql stable set search_path = pg_catalog, pg_temp as $$
    select sha256(convert_to(jsonb_build_array(
        event.tenant_id, event.sequence, encode(event.previous_hash, 'hex'), event.id::text,
        event.source, event.type, event.subject,
        to_char(event.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        event.actor, event.data::text
    )::text, 'UTF8'))
$$
"""

# The head is locked until the transaction ends: who writes to one chain takes turns, so that it
# has no fork, and no gap where one of them rolls back. Only this function may move it: it runs with
# its owner's rights.
_CHAIN = f"""
create function {SCHEMA}.chain_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare head {AUDIT_SCHEMA}.event_chains;
begin
    new.actor := coalesce(
        {current(ACTOR_SETTING)}, 'user:' || {current(USER_SETTING)}, 'system'
    );
    insert into {AUDIT_SCHEMA}.event_chains as chain (tenant_id, sequence, hash)
        values (new.tenant_id, 1, '')
        on conflict (tenant_id) do update set sequence = chain.sequence + 1
        returning * into head;
    new.sequence := head.sequence;
    new.previous_hash := head.hash;
    new.hash := {SCHEMA}.hash_of(new);
    update {AUDIT_SCHEMA}.event_chains set hash = new.hash
        where tenant_id is not distinct from new.tenant_id;
    perform pg_notify('{EVENTS_CHANNEL}', coalesce(new.tenant_id, ''));
    return new;
end $$
"""

_OLDER = f"""
do $$ declare old {SCHEMA}.events; head record;
begin
    for old in select * from {SCHEMA}.events order by position loop
        insert into {AUDIT_SCHEMA}.event_chains as chain (tenant_id, sequence, hash)
            values (old.tenant_id, 1, '')
            on conflict (tenant_id) do update set sequence = chain.sequence + 1
            returning * into head;
        old.sequence := head.sequence;
        old.previous_hash := head.hash;
        old.hash := {SCHEMA}.hash_of(old);
        update {SCHEMA}.events set sequence = old.sequence, previous_hash = old.previous_hash,
            hash = old.hash where id = old.id;
        update {AUDIT_SCHEMA}.event_chains set hash = old.hash
            where tenant_id is not distinct from old.tenant_id;
    end loop;
end $$
"""


def upgrade() -> None:
    """Chain what there is, and let the database chain what comes."""
    # In a schema of its own, and without a wall, for the function works with the owner's rights,
    # and the wall would hold for the owner too. Nobody else may do more than read it.
    op.execute(f"create schema {AUDIT_SCHEMA}")
    op.execute(
        f"create table {AUDIT_SCHEMA}.event_chains (tenant_id text unique nulls not distinct,"
        " sequence bigint not null, hash bytea not null)"
    )
    op.execute(f"grant usage on schema {AUDIT_SCHEMA} to {JOBS_ROLE}")
    op.execute(f"grant select on {AUDIT_SCHEMA}.event_chains to {JOBS_ROLE}")
    op.create_table(
        "event_publications",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("published_at", TIMESTAMP, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], [f"{SCHEMA}.events.id"], name="fk_event_publications_event_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{SCHEMA}.tenants.id"], name="fk_event_publications_tenant_id"
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_event_publications"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_event_publications_tenant_id", "event_publications", ["tenant_id"], schema=SCHEMA
    )
    _lift_wall("events")
    op.execute(
        f"insert into {SCHEMA}.event_publications (event_id, tenant_id, published_at)"
        f" select id, tenant_id, published_at from {SCHEMA}.events where published_at is not null"
    )
    op.drop_index("ix_events_unpublished", "events", schema=SCHEMA)
    op.drop_column("events", "published_at", schema=SCHEMA)
    op.add_column(
        "events",
        sa.Column("source", sa.Text(), server_default="/reviewgraph", nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "events",
        sa.Column("actor", sa.Text(), server_default="system", nullable=False),
        schema=SCHEMA,
    )
    op.add_column("events", sa.Column("sequence", sa.BigInteger()), schema=SCHEMA)
    op.add_column("events", sa.Column("previous_hash", sa.LargeBinary()), schema=SCHEMA)
    op.add_column("events", sa.Column("hash", sa.LargeBinary()), schema=SCHEMA)
    op.execute(_HASH)
    op.execute(_OLDER)
    for column in ("sequence", "previous_hash", "hash"):
        op.alter_column("events", column, nullable=False, schema=SCHEMA)
    op.create_index(
        "ix_events_tenant_id_sequence",
        "events",
        ["tenant_id", "sequence"],
        unique=True,
        schema=SCHEMA,
        postgresql_nulls_not_distinct=True,
    )
    op.execute(f"alter table {SCHEMA}.events force row level security")
    op.execute(_CHAIN)
    op.execute(
        f"create trigger chain before insert on {SCHEMA}.events"
        f" for each row execute function {SCHEMA}.chain_event()"
    )
    for function in (f"hash_of({SCHEMA}.events)", "chain_event()"):
        op.execute(f"revoke all on function {SCHEMA}.{function} from public")
    only_add_to("events")
    op.execute(f"grant insert (id) on {SCHEMA}.events to {APP_ROLE}, {JOBS_ROLE}")
    protect("event_publications", app_may=["select"], jobs_may=["select", "insert"])


def downgrade() -> None:
    """Take the chain off, and note again beside each event that it was published."""
    op.execute(f"drop trigger only_add on {SCHEMA}.events")
    op.execute(f"drop trigger chain on {SCHEMA}.events")
    op.execute(f"drop function {SCHEMA}.chain_event()")
    op.execute(f"drop function {SCHEMA}.hash_of({SCHEMA}.events)")
    op.drop_index("ix_events_tenant_id_sequence", "events", schema=SCHEMA)
    for column in ("source", "actor", "sequence", "previous_hash", "hash"):
        op.drop_column("events", column, schema=SCHEMA)
    op.add_column("events", sa.Column("published_at", TIMESTAMP), schema=SCHEMA)
    for table in ("events", "event_publications"):
        _lift_wall(table)
    op.execute(
        f"update {SCHEMA}.events e set published_at = p.published_at"
        f" from {SCHEMA}.event_publications p where p.event_id = e.id"
    )
    op.execute(f"alter table {SCHEMA}.events force row level security")
    op.execute(f"revoke insert (id) on {SCHEMA}.events from {APP_ROLE}, {JOBS_ROLE}")
    op.execute(f"grant update (published_at) on {SCHEMA}.events to {JOBS_ROLE}")
    op.create_index(
        "ix_events_unpublished",
        "events",
        ["position"],
        schema=SCHEMA,
        postgresql_where=sa.text("published_at is null"),
    )
    op.drop_table("event_publications", schema=SCHEMA)
    op.execute(f"drop schema {AUDIT_SCHEMA} cascade")


def _lift_wall(table: str) -> None:
    """Let the owner move a table's rows; the wall holds for it too."""
    op.execute(f"alter table {SCHEMA}.{table} no force row level security")
