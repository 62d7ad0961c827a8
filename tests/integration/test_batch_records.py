"""A stage knows which batches of a day it has carried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from resources.database import BatchRecord

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
RECORD = BatchRecord(
    tenant_id="acme",
    day=FIRST,
    stage="normalised",
    batch_id="batch-1",
    source="google",
    rows_in=100,
    rows_kept=80,
    rows_unchanged=15,
    rows_rejected=5,
    fingerprint="day first",
    run_id="run-1",
    finished_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


@pytest.fixture
def work(database):
    with database.jobs() as work:
        for tenant_id in ("acme", "bolt"):
            work.tenants.create(tenant_id, tenant_id.title())
        yield work


def test_batches_are_read_back_by_day_tenant_and_name(work):
    second = replace(RECORD, batch_id="batch-0")
    later = replace(RECORD, day=SECOND)
    bolts = replace(RECORD, tenant_id="bolt")
    enriched = replace(RECORD, stage="enriched", rows_in=80, rows_unchanged=0, rows_rejected=0)
    work.batches.record_all([later, bolts, RECORD, second, enriched])
    assert work.batches.of_days("normalised", (FIRST, SECOND)) == (second, RECORD, bolts, later)
    assert work.batches.of_days("normalised", (FIRST, FIRST), ["acme"]) == (second, RECORD)
    assert work.batches.of_days("normalised", (FIRST, SECOND), []) == ()
    assert work.batches.of_days("enriched", (FIRST, SECOND)) == (enriched,)


def test_a_batch_done_again_replaces_its_record(work):
    work.batches.record_all([RECORD])
    again = replace(RECORD, rows_kept=95, rows_unchanged=0, fingerprint="month first", run_id="2")
    work.batches.record_all([again])
    assert work.batches.of_days("normalised", (FIRST, FIRST)) == (again,)
    assert work.batches.of_run("run-1", "normalised") == ()
    assert work.batches.of_run("2", "normalised") == (again,)
    assert work.batches.of_run("2", "enriched") == ()


def test_a_batch_ends_at_the_present_unless_given(work):
    before = datetime.now(UTC)
    work.batches.record_all([replace(RECORD, finished_at=None)])
    (found,) = work.batches.of_run("run-1", "normalised")
    assert before <= found.finished_at <= datetime.now(UTC)


def test_forgetting_a_day_forgets_one_stage_of_one_tenant_only(work):
    others = [
        replace(RECORD, tenant_id="bolt"),
        replace(RECORD, day=SECOND),
        replace(RECORD, stage="enriched"),
    ]
    work.batches.record_all([RECORD, replace(RECORD, batch_id="batch-2"), *others])
    work.batches.forget("acme", FIRST, "normalised")
    assert work.batches.of_days("normalised", (FIRST, SECOND)) == tuple(others[:2])
    assert work.batches.of_days("enriched", (FIRST, SECOND)) == (others[2],)


@pytest.mark.parametrize(
    "wrong", [{"rows_kept": 81}, {"stage": "counted"}, {"tenant_id": "nobody"}]
)
def test_a_record_that_cannot_be_true_is_refused(work, wrong):
    with pytest.raises(IntegrityError):
        work.batches.record_all([replace(RECORD, **wrong)])
    work.session.rollback()
