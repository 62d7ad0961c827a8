"""Whoever changes what has been told, with whatever privileges, leaves a chain that shows it."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from resources.database.migrations import downgrade, upgrade
from tests.odd_events import add_odd_event

OTHERS = ("bolt", None)


@pytest.fixture
def filled(database):
    with database.jobs() as work:
        for tenant in ("acme", "bolt"):
            work.tenants.create(tenant, tenant.title())
        for n in range(5):
            for tenant in ("acme", "bolt", None):
                data = {"field": 'Größe "7"\n\u2028', "bb": {"z": 1.50, "a": [None, True, 10**20]}}
                add_odd_event(work, "correction.recorded", f"s{n}", tenant_id=tenant, data=data)
    return database


@pytest.fixture
def superuser(filled):
    """A connection that no privilege and no trigger binds."""
    url = make_url(filled.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


def chains(database, **asked):
    with database.jobs() as work:
        return {chain.tenant_id: chain for chain in work.event_chains.verify(**asked)}


def test_chains_that_nobody_touched_are_whole(filled):
    found = chains(filled)
    assert {tenant: chain.events for tenant, chain in found.items()} == {
        "acme": 5,
        "bolt": 5,
        None: 5,
    }
    assert all(chain.is_whole for chain in found.values()), found


TAMPERING = {
    "altered data": ("update {e} set data = '{{}}' where {w} and sequence = 3", "event 3"),
    "altered time": ("update {e} set created_at = now() where {w} and sequence = 3", "event 3"),
    "altered actor": ("update {e} set actor = 'user:x' where {w} and sequence = 3", "event 3"),
    "altered id": ("update {e} set id = gen_random_uuid() where {w} and sequence = 3", "event 3"),
    "removed": ("delete from {e} where {w} and sequence = 3", "event 3 is missing"),
    "removed first": ("delete from {e} where {w} and sequence = 1", "event 1 is missing"),
    "removed last": ("delete from {e} where {w} and sequence = 5", "ends with event 4"),
    "removed all": ("delete from {e} where {w}", "ends with event 0"),
    "two changed places": (
        (
            "update {e} set sequence = case sequence when 2 then 103 when 3 then 102 end"
            " where {w} and sequence in (2, 3);"
            " update {e} set sequence = sequence - 100 where {w} and sequence > 100"
        ),
        "event 2",
    ),
    "inserted at the end": (
        (
            "insert into {e} (tenant_id, type, subject, data, source, actor, sequence,"
            " previous_hash, hash) select tenant_id, type, subject, data, source, actor, 6, hash,"
            " hash from {e}"
            " where {w} and sequence = 5"
        ),
        "event 6",
    ),
    "moved to another tenant": (
        "update {e} set tenant_id = 'bolt', sequence = 6 where {w} and sequence = 5",
        "ends with event 4",
    ),
    "altered and hashed anew": (
        (
            "update {e} set subject = 'other' where {w} and sequence = 3;"
            " update {e} e set hash = reviewgraph.hash_of(e) where {w} and sequence = 3"
        ),
        "event 4 does not follow",
    ),
    "altered the last and hashed anew": (
        (
            "update {e} set subject = 'other' where {w} and sequence = 5;"
            " update {e} e set hash = reviewgraph.hash_of(e) where {w} and sequence = 5"
        ),
        "event 5 is not the one that was written last",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_a_change_is_found(filled, superuser, how):
    statement, fault = TAMPERING[how]
    said = statement.format(e="reviewgraph.events", w="tenant_id = 'acme'")
    superuser.execute(said.encode())
    found = chains(filled)
    assert fault in "; ".join(found["acme"].faults)
    assert found[None].is_whole
    assert set(chains(filled, tenant_id="acme", everything=False)) == {"acme"}


def test_a_chain_that_was_written_anew_as_a_whole_no_longer_holds_a_head_noted_before(
    filled, superuser
):
    noted = chains(filled)["acme"].head
    superuser.execute(
        b"""do $$ declare e reviewgraph.events; before bytea := ''; begin
        for e in select * from reviewgraph.events where tenant_id = 'acme' order by sequence loop
            e.previous_hash := before; e.actor := 'user:nobody'; e.hash := reviewgraph.hash_of(e);
            update reviewgraph.events set actor = e.actor, previous_hash = before, hash = e.hash
                where id = e.id;
            before := e.hash;
        end loop;
        update audit.event_chains set hash = before where tenant_id = 'acme'; end $$"""
    )
    assert chains(filled, tenant_id="acme", everything=False)["acme"].is_whole
    asked = chains(filled, tenant_id="acme", everything=False, noted=noted)
    assert asked["acme"].faults == ["the head that was noted is not in the chain any more"]


def test_even_the_owner_cannot_change_an_event_while_the_trigger_stands(filled):
    url = make_url(filled.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as owner:
        for change in (
            "update reviewgraph.events set actor = 'x'",
            "delete from reviewgraph.events",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added"):
                owner.execute(change.encode())


def test_a_home_with_older_events_is_chained_when_it_migrates(filled):
    engine = create_engine(filled.owner_url)
    downgrade(engine, "0010")
    with engine.begin() as connection:
        connection.execute(
            text("update reviewgraph.events set published_at = now() where subject = 's0'")
        )
    upgrade(engine)
    engine.dispose()
    found = chains(filled)
    assert [chain.events for chain in found.values()] == [5, 5, 5]
    assert all(chain.is_whole for chain in found.values()), found
    with filled.jobs() as work:
        assert {event.subject for event in work.events.unpublished()} == {"s1", "s2", "s3", "s4"}
        work.events.add("metrics.updated", "v", tenant_id="acme")
    assert chains(filled)["acme"].is_whole
