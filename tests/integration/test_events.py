"""What has happened is told with its cause, in one order, and never told otherwise."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from resources.database.event_types import EVENT_TYPES, TEXTS, check_event


@pytest.fixture
def acme(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    return "acme"


def add(database, *subjects, tenant_id=None):
    with database.jobs() as work:
        for subject in subjects:
            work.events.add("report.finished", subject, tenant_id=tenant_id, data={"pages": 3})


def subjects(events):
    return [event.subject for event in events]


def test_an_event_exists_only_with_what_it_tells(database, acme):
    with database.work(acme) as work:
        work.events.add("report.requested", "never", tenant_id=acme)
        work.session.rollback()
    with database.work(acme) as work:
        told = work.events.add("report.requested", "r1", tenant_id=acme, data={"days": [1, 2]})
    with database.jobs() as work:
        (event,) = work.events.unpublished()
    assert (event.id, event.tenant_id, event.data) == (told, acme, {"days": [1, 2]})
    assert (event.sequence, event.previous_hash) == (1, b"")


def test_the_database_says_who_did_it(database, acme):
    with database.jobs() as work:
        user = work.users.create("ann@example.com", "Ann", "a password that is long").id
        work.events.add("metrics.updated", "v1", tenant_id=acme)
    with database.work(acme, user_id=user) as work:
        work.events.add("report.requested", "r1", tenant_id=acme)
    with database.work(acme, user_id=user, actor="key:k1") as work:
        work.events.add("report.requested", "r2", tenant_id=acme)
        assert [event.actor for event in work.events.read(acme)] == [
            "system",
            f"user:{user}",
            "key:k1",
        ]


def test_events_are_taken_in_the_order_they_were_written_until_they_are_published(database, acme):
    add(database, "c", "a", tenant_id=acme)
    add(database, "b")
    with database.jobs() as work:
        first = work.events.unpublished(2)
        assert subjects(first) == ["c", "a"]
        work.events.mark_published(first)
        assert subjects(work.events.unpublished()) == ["b"]
    with database.jobs() as work:
        work.events.mark_published(first)
        assert subjects(work.events.unpublished()) == ["b"]


def test_what_was_taken_but_not_published_is_taken_again(database, acme):
    add(database, "a", tenant_id=acme)
    with database.jobs() as work:
        work.events.mark_published(work.events.unpublished())
        work.session.rollback()
    with database.jobs() as work:
        assert subjects(work.events.unpublished()) == ["a"]


def test_while_one_carries_events_out_no_other_overtakes_it(database, acme):
    add(database, "a", "b", "c", tenant_id=acme)
    with database.jobs() as one, database.jobs() as other:
        assert subjects(one.events.unpublished(2)) == ["a", "b"]
        assert other.events.unpublished(2) == ()


def test_events_are_read_from_a_place_on_and_by_type(database, acme):
    with database.jobs() as work:
        for kind in ("report.finished", "metrics.updated", "report.failed", "reports_x.made"):
            work.events.add(kind, kind, tenant_id=acme)
    with database.work(acme) as work:
        assert subjects(work.events.read(acme, after=1, limit=2)) == [
            "metrics.updated",
            "report.failed",
        ]
        assert subjects(work.events.read(acme, types=["report."])) == [
            "report.finished",
            "report.failed",
        ]
        assert subjects(work.events.read(acme, types=["metrics.updated"])) == ["metrics.updated"]
        assert work.events.last_sequence(acme) == 4


@pytest.mark.parametrize(
    "change",
    [
        "update reviewgraph.events set data = '{}'",
        "update reviewgraph.events set created_at = now()",
        "delete from reviewgraph.events",
        "truncate reviewgraph.events",
        "update audit.event_chains set sequence = 0",
        "delete from reviewgraph.event_publications",
    ],
)
@pytest.mark.parametrize("role", ["application", "graph"])
def test_what_was_told_cannot_be_told_otherwise(database, acme, change, role):
    add(database, "a", tenant_id=acme)
    work_of = (lambda: database.work(acme)) if role == "application" else database.jobs
    with pytest.raises(ProgrammingError, match="permission denied"), work_of() as work:
        work.session.execute(text(change))


@pytest.mark.parametrize("column", ["sequence", "hash", "actor", "created_at"])
def test_who_writes_an_event_cannot_choose_its_place_or_its_actor(database, acme, column):
    with pytest.raises(ProgrammingError, match="permission denied"), database.work(acme) as work:
        work.session.execute(
            text(
                f"insert into reviewgraph.events (tenant_id, type, subject, {column})"
                " values ('acme', 'report.finished', 'r', null)"
            )
        )


def test_what_an_account_does_belongs_to_no_tenant_and_is_seen_by_none(database, acme):
    with database.jobs() as work:
        user = work.users.create("ann@example.com", "Ann", "a password that is long").id
    with database.work(None, user_id=user) as work:
        work.events.add("session.started", "s1", data={"user": str(user)})
    with database.work(acme) as work:
        assert work.session.scalar(text("select count(*) from reviewgraph.events")) == 0
    with pytest.raises(ProgrammingError, match="row-level security"), database.work(None) as work:
        work.events.add("metrics.updated", "v1")


def test_writers_of_one_tenant_take_turns_and_leave_no_gap(database, acme):
    def write(count):
        for n in range(count):
            with database.work(acme) as work:
                work.events.add("report.requested", str(n), tenant_id=acme)
                if n % 5 == 0:
                    work.session.rollback()

    writers = [threading.Thread(target=write, args=(15,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with database.jobs() as work:
        sequences = [event.sequence for event in work.events.read(acme, limit=1000)]
        assert sequences == list(range(1, 49))
        assert all(chain.is_whole for chain in work.event_chains.verify())


@pytest.mark.parametrize("kind", ["", "Report", "report.", "report finished"])
def test_a_type_is_words_from_the_general_to_the_special(database, kind):
    with pytest.raises(IntegrityError, match="type_is_dotted"), database.jobs() as work:
        work.events.add(kind, "a")


@pytest.mark.parametrize(
    "data",
    [{"password": "x"}, {"reset_token": "x"}, {"review": {"text": "x"}}, {"a": [{"secret": 1}]}],
)
def test_what_opens_doors_or_quotes_people_is_no_part_of_an_event(data):
    with pytest.raises(ValueError, match="must not hold"):
        check_event("report.finished", data)


def test_an_event_is_short():
    with pytest.raises(ValueError, match="longer"):
        check_event("report.finished", {"pages": [1] * 20_000})


def test_no_registered_type_has_a_field_that_is_refused():
    for kind, registered in EVENT_TYPES.items():
        check_event(kind, dict.fromkeys(registered.data))


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_text_of_an_event_is_of_a_closed_kind(kind):
    holding_texts = {
        name
        for name, kinds in EVENT_TYPES[kind].data.items()
        if {"string", "array", "object"} & set(kinds)
    }
    assert holding_texts <= set(TEXTS)


@pytest.mark.parametrize("name", sorted({*TEXTS, "name", "config", "issuer", "note"}))
@pytest.mark.parametrize("shape", [str, lambda said: [said], lambda said: {"keyword": said}])
def test_no_field_of_an_event_takes_what_people_type(name, shape):
    with pytest.raises(ValueError, match="that people type"):
        check_event("source.created", {name: shape("The worst night of my life")})
