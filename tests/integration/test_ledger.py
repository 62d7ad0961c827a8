"""The ledger answers what was done, what is due, and what it cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from resources.database import StageRecord
from resources.vocabulary import STAGES

FIRST, SECOND, THIRD = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

COLLECTED = StageRecord(
    tenant_id="acme",
    day=FIRST,
    stage="collected",
    rows_in=100,
    rows_kept=100,
    table_version=7,
    cost_usd=0.25,
    run_id="run-1",
    started_at=NOON,
    finished_at=NOON + timedelta(minutes=1),
)
NORMALISED = replace(
    COLLECTED,
    stage="normalised",
    rows_kept=80,
    rows_unchanged=15,
    rows_rejected=5,
    table_version=3,
    input_version=7,
)


@pytest.fixture
def work(database):
    with database.jobs() as work:
        for tenant_id in ("acme", "bolt"):
            work.tenants.create(tenant_id, tenant_id.title())
        yield work


def test_what_is_recorded_is_read_back(work):
    work.ledger.record(COLLECTED)
    assert work.ledger.get("acme", FIRST, "collected") == COLLECTED
    assert work.ledger.get("acme", FIRST, "normalised") is None


def test_a_repeated_run_replaces_its_record_and_is_counted_as_an_attempt(work):
    work.ledger.record(replace(COLLECTED, status="running", finished_at=None))
    work.ledger.record(COLLECTED)
    assert work.ledger.get("acme", FIRST, "collected").attempts == 1
    work.ledger.record(replace(COLLECTED, run_id="run-2", status="failed", error="no network"))
    again = work.ledger.get("acme", FIRST, "collected")
    assert (again.attempts, again.status, again.error) == (2, "failed", "no network")


def test_times_are_the_present_unless_given(work):
    work.ledger.record(StageRecord(tenant_id="acme", day=FIRST, stage="collected"))
    work.ledger.record(
        StageRecord(tenant_id="acme", day=FIRST, stage="normalised", status="running")
    )
    done, running = work.ledger.for_tenant("acme")
    assert done.started_at == done.finished_at
    assert running.finished_at is None


def test_records_come_by_day_and_in_the_order_of_the_stages(work):
    work.ledger.record_all(
        replace(COLLECTED, day=day, stage=stage, tenant_id=tenant_id)
        for stage in sorted(STAGES)
        for day in (SECOND, FIRST)
        for tenant_id in ("bolt", "acme")
    )
    for_tenant = work.ledger.for_tenant("acme")
    assert [(each.day, each.stage) for each in for_tenant] == [
        (day, stage) for day in (FIRST, SECOND) for stage in STAGES
    ]
    assert {each.day for each in work.ledger.for_tenant("acme", (SECOND, THIRD))} == {SECOND}
    for_day = work.ledger.for_day(FIRST)
    assert [(each.tenant_id, each.stage) for each in for_day] == [
        (tenant_id, stage) for tenant_id in ("acme", "bolt") for stage in STAGES
    ]


def test_nothing_recorded_is_nothing_done(work):
    work.ledger.record_all([])
    assert work.ledger.for_day(FIRST) == ()
    assert work.ledger.due("normalised") == []


def test_a_stage_is_due_where_the_one_before_it_is_done_and_it_is_not(work):
    work.ledger.record_all(
        [
            COLLECTED,
            replace(COLLECTED, day=SECOND),
            replace(COLLECTED, day=THIRD, status="failed"),
            replace(COLLECTED, tenant_id="bolt"),
            NORMALISED,
            replace(NORMALISED, tenant_id="bolt", status="running", finished_at=None),
        ]
    )
    assert work.ledger.due("normalised") == [("bolt", FIRST), ("acme", SECOND)]
    assert work.ledger.due("normalised", (SECOND, THIRD)) == [("acme", SECOND)]
    assert work.ledger.due("normalised", tenants=["bolt"]) == [("bolt", FIRST)]
    assert work.ledger.due("enriched") == [("acme", FIRST)]


def test_a_stage_is_due_again_when_its_input_has_a_later_version(work):
    work.ledger.record_all([COLLECTED, NORMALISED])
    assert work.ledger.due("normalised") == []
    work.ledger.record(replace(COLLECTED, table_version=8, run_id="run-2"))
    assert work.ledger.due("normalised") == [("acme", FIRST)]
    work.ledger.record(replace(NORMALISED, input_version=11, run_id="run-3"))
    assert work.ledger.due("normalised") == []


def test_where_no_table_is_written_the_clock_decides(work):
    published = replace(COLLECTED, stage="published", table_version=None)
    reported = replace(published, stage="reported", started_at=NOON + timedelta(hours=1))
    work.ledger.record_all([published, reported])
    assert work.ledger.due("reported") == []
    work.ledger.record(replace(published, finished_at=NOON + timedelta(hours=2)))
    assert work.ledger.due("reported") == [("acme", FIRST)]


def test_a_check_fails_a_stage_after_the_fact_until_it_is_repeated(work):
    work.ledger.record_all([COLLECTED, NORMALISED, replace(COLLECTED, stage="reported")])
    assert work.ledger.held("acme") == ()
    for day in (FIRST, SECOND):
        work.ledger.fail("acme", day, "normalised", "The balance does not hold.")
    work.ledger.fail("acme", FIRST, "reported", "no browser")
    held = work.ledger.held("acme")
    assert {(each.day, each.stage, each.rows_in) for each in held} == {
        (FIRST, "normalised", 100),
        (SECOND, "normalised", 0),
    }
    assert work.ledger.due("normalised") == [("acme", FIRST)]
    work.ledger.record_all([NORMALISED, replace(NORMALISED, day=SECOND)])
    assert work.ledger.held("acme") == ()


def test_a_thousand_records_take_less_than_a_few_seconds(work):
    records = [
        replace(COLLECTED, day=FIRST + timedelta(days=number), stage=stage)
        for number in range(170)
        for stage in STAGES
    ]
    began = datetime.now(UTC)
    work.ledger.record_all(records)
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    assert len(work.ledger.for_tenant("acme")) == len(records)


@pytest.mark.parametrize(
    "wrong", [{"tenant_id": "nobody"}, {"stage": "guessed"}, {"status": "maybe"}]
)
def test_a_record_of_nothing_that_exists_is_refused(work, wrong):
    with pytest.raises(IntegrityError):
        work.ledger.record(replace(COLLECTED, **wrong))
    work.session.rollback()
