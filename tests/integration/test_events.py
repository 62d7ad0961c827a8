"""The outbox holds what has happened until it was carried out, and never without its cause."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError


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
        assert work.events.unpublished() == (told,)
    assert (told.tenant_id, told.data, told.published_at) == (acme, {"days": [1, 2]}, None)


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
        times = work.session.execute(
            text("select published_at >= created_at from reviewgraph.events order by position")
        )
        assert [each[0] for each in times] == [True, True, None]


def test_what_was_taken_but_not_published_is_taken_again(database, acme):
    add(database, "a", tenant_id=acme)
    with database.jobs() as work:
        work.events.mark_published(work.events.unpublished())
        work.session.rollback()
    with database.jobs() as work:
        assert subjects(work.events.unpublished()) == ["a"]


def test_two_who_carry_out_at_once_never_take_the_same_event(database, acme):
    add(database, "a", "b", "c", tenant_id=acme)
    with database.jobs() as one, database.jobs() as other:
        assert subjects(one.events.unpublished(2)) == ["a", "b"]
        assert subjects(other.events.unpublished(2)) == ["c"]


@pytest.mark.parametrize(
    "change",
    [
        "update reviewgraph.events set data = '{}'",
        "update reviewgraph.events set created_at = now()",
        "delete from reviewgraph.events",
    ],
)
def test_what_was_told_cannot_be_told_otherwise(database, acme, change):
    add(database, "a", tenant_id=acme)
    with pytest.raises(ProgrammingError, match="permission denied"), database.jobs() as work:
        work.session.execute(text(change))


@pytest.mark.parametrize("kind", ["", "Report", "report.", "report finished"])
def test_a_type_is_words_from_the_general_to_the_special(database, kind):
    with pytest.raises(IntegrityError, match="type_is_dotted"), database.jobs() as work:
        work.events.add(kind, "a")
