"""A stage says what it did once, and the ledger, batches, sources and usage agree about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from resources.database import (
    BatchOutcome,
    DayOutcome,
    SourceDay,
    SourceOutcome,
    StageRecorder,
    UsageEntry,
    UsageTotal,
)
from resources.vocabulary import DayRange

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
DAYS = (FIRST, SECOND)

FILE = BatchOutcome(batch_id="file-1", source="shop", rows_in=10, rows_kept=10)
TASK = BatchOutcome(batch_id="task-1", source="google", rows_in=5, rows_kept=5, cost_usd=0.0075)
COLLECTED = DayOutcome(
    tenant_id="acme",
    day=FIRST,
    rows_in=15,
    rows_kept=15,
    cost_usd=0.0075,
    batches=(FILE, TASK),
    sources=(
        SourceOutcome(source="shop", fetched=10),
        SourceOutcome(source="google", claimed=120, fetched=5),
    ),
)
NORMALISED = DayOutcome(
    tenant_id="acme",
    day=FIRST,
    batches=(
        replace(FILE, rows_kept=6, rows_unchanged=3, rows_rejected=1, fingerprint="day first"),
        replace(TASK, rows_kept=4, rows_unchanged=1, cost_usd=0.0),
    ),
    sources=(
        SourceOutcome(source="shop", new=5, changed=1, unchanged=3, rejected=1),
        SourceOutcome(source="google", new=4, changed=0, unchanged=1, rejected=0),
    ),
)
ENTRY = UsageEntry(
    tenant_id="acme", kind="report_made", subject="report-1", quantity=1, day=FIRST, run_id="run-1"
)


@pytest.fixture
def work(database):
    with database.jobs() as work:
        for tenant_id in ("acme", "bolt"):
            work.tenants.create(tenant_id, tenant_id.title())
        yield work


def counts(record):
    return record.rows_in, record.rows_kept, record.rows_unchanged, record.rows_rejected


def test_the_line_of_a_day_is_the_sum_of_its_batches(work):
    StageRecorder("normalised", "run-1").record(work, [NORMALISED])
    first = work.ledger.get("acme", FIRST, "normalised")
    assert (counts(first), first.run_id) == ((15, 10, 4, 1), "run-1")
    later = replace(NORMALISED, batches=(replace(FILE, batch_id="file-2", rows_in=7, rows_kept=7),))
    StageRecorder("normalised", "run-2").record(work, [later])
    assert counts(work.ledger.get("acme", FIRST, "normalised")) == (22, 17, 4, 1)
    names = [each.batch_id for each in work.batches.of_days("normalised", DAYS)]
    assert names == ["file-1", "file-2", "task-1"]
    assert [each.batch_id for each in work.batches.of_run("run-2", "normalised")] == ["file-2"]


def test_a_whole_day_strikes_out_the_batches_that_are_no_longer_in_it(work):
    recorder = StageRecorder("normalised", "run-1")
    recorder.record(work, [NORMALISED, replace(NORMALISED, tenant_id="bolt")])
    recorder.record(work, [replace(NORMALISED, batches=NORMALISED.batches[:1], is_whole=True)])
    found = work.batches.of_days("normalised", DAYS)
    assert [(each.tenant_id, each.batch_id) for each in found] == [
        ("acme", "file-1"),
        ("bolt", "file-1"),
        ("bolt", "task-1"),
    ]
    assert counts(work.ledger.get("acme", FIRST, "normalised")) == (10, 6, 3, 1)
    recorder.record(work, [replace(NORMALISED, batches=(), is_whole=True)])
    assert counts(work.ledger.get("acme", FIRST, "normalised")) == (0, 0, 0, 0)


def test_what_is_used_follows_from_the_batches_and_counts_once(work):
    for run in ("run-1", "run-2"):
        StageRecorder("collected", run).record(work, [COLLECTED])
        StageRecorder("normalised", run).record(work, [NORMALISED])
        StageRecorder("enriched", run).record(
            work,
            [DayOutcome(tenant_id="acme", day=FIRST, batches=(replace(FILE, rows_in=10),))],
        )
    assert work.usage.totals("acme", DAYS) == (
        UsageTotal("reviews_collected", "review", 15, Decimal(0)),
        UsageTotal("reviews_enriched", "review", 10, Decimal(0)),
        UsageTotal("vendor_cost", "task", 1, Decimal("0.0075")),
    )
    assert {each.run_id for each in work.usage.of_tenant("acme", DAYS)} == {"run-1"}
    assert work.usage.totals("bolt", DAYS) == ()
    assert work.batches.of_days("enriched", DAYS)[0].rows_kept == 10


def test_sources_are_told_apart_and_each_stage_adds_what_it_knows(work):
    StageRecorder("collected", "run-1").record(work, [COLLECTED])
    StageRecorder("normalised", "run-2").record(work, [NORMALISED])
    google, shop = (replace(each, updated_at=None) for each in work.source_days.for_day(FIRST))
    assert google == SourceDay(
        tenant_id="acme",
        day=FIRST,
        source="google",
        claimed=120,
        fetched=5,
        new=4,
        changed=0,
        unchanged=1,
        rejected=0,
        run_id="run-2",
    )
    assert (shop.claimed, shop.fetched, shop.new, shop.gone) == (None, 10, 5, None)
    StageRecorder("collected", "run-3").record(
        work, [replace(COLLECTED, sources=(SourceOutcome(source="shop", fetched=12, gone=2),))]
    )
    (_, shop) = work.source_days.for_tenant("acme", DAYS)
    assert (shop.fetched, shop.new, shop.gone) == (12, 5, 2)
    assert work.source_days.for_tenant("acme", (SECOND, SECOND)) == ()


def test_a_stage_for_whole_tenants_records_what_each_day_added_and_no_other_day(work):
    StageRecorder("enriched").record(
        work,
        [
            DayOutcome(tenant_id="acme", day=FIRST, rows_in=10, rows_kept=10),
            DayOutcome(tenant_id="acme", day=SECOND, rows_in=3, rows_kept=3),
            DayOutcome(tenant_id="bolt", day=SECOND, rows_in=4, rows_kept=4),
        ],
    )
    recorder = StageRecorder("counted", "run-1")
    recorder.record_passed_on(work, DayRange(*DAYS), ["acme"], table_version=7, input_version=5)
    assert work.ledger.get("bolt", SECOND, "counted") is None
    found = [each for each in work.ledger.for_tenant("acme") if each.stage == "counted"]
    assert [(each.day, counts(each)) for each in found] == [
        (FIRST, (10, 10, 0, 0)),
        (SECOND, (3, 3, 0, 0)),
    ]
    assert {(each.table_version, each.input_version) for each in found} == {(7, 5)}
    assert {each.started_at for each in found} == {recorder.started_at}
    StageRecorder("published", "run-1").record_passed_on(work, DayRange(*DAYS), ["acme", "bolt"])
    assert work.ledger.get("acme", SECOND, "published").rows_kept == 3
    assert work.ledger.get("bolt", SECOND, "published") is None


def test_all_of_it_is_written_or_nothing(database, work):
    work.session.commit()
    wrong = replace(COLLECTED, batches=(FILE, replace(TASK, batch_id="task-2", cost_usd=-1.0)))
    with pytest.raises(IntegrityError), database.jobs() as other:
        StageRecorder("collected", "run-1").record(other, [wrong])
    assert work.ledger.for_day(FIRST) == ()
    assert work.source_days.for_day(FIRST) == ()
    assert work.usage.totals("acme", DAYS) == ()


def test_nothing_done_is_nothing_written(work):
    StageRecorder("normalised").record(work, [])
    StageRecorder("counted").record_passed_on(work, DayRange(*DAYS), ["acme"])
    assert work.ledger.for_tenant("acme") == ()
    assert work.usage.add_all([]) == 0


def test_an_entry_is_added_once_whatever_a_repeat_says_of_it(work):
    assert work.usage.add_all([ENTRY, replace(ENTRY, subject="report-2")]) == 2
    again = [replace(ENTRY, quantity=9, run_id="run-2"), replace(ENTRY, subject="report-3")]
    assert work.usage.add_all(again) == 1
    assert work.usage.add_all([replace(ENTRY, tenant_id="bolt")]) == 1
    first, second, third = work.usage.of_tenant("acme", (FIRST, FIRST))
    assert (first.subject, first.quantity, first.run_id) == ("report-1", 1, "run-1")
    assert (second.subject, third.subject) == ("report-2", "report-3")
    assert first.created_at is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_id": "nobody"},
        {"quantity": -1},
        {"cost_usd": Decimal("-0.1")},
    ],
)
def test_an_entry_that_cannot_be_true_is_refused(work, wrong):
    with pytest.raises(IntegrityError):
        work.usage.add_all([replace(ENTRY, **wrong)])
    work.session.rollback()


@pytest.mark.parametrize("role", ["owner", "jobs", "app"])
@pytest.mark.parametrize(
    "change",
    [
        "update reviewgraph.usage_entries set quantity = 0",
        "delete from reviewgraph.usage_entries",
        "truncate reviewgraph.usage_entries",
    ],
)
def test_nobody_changes_or_deletes_what_was_used_not_even_the_owner(database, role, change):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
        work.usage.add_all([ENTRY])
    engine = create_engine(getattr(database, f"{role}_url"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("select set_config('app.tenant_id', 'acme', false)"))
        with pytest.raises(ProgrammingError, match=r"permission denied|only ever added"):
            connection.execute(text(change))
    with database.work("acme") as work:
        assert work.usage.totals("acme", DAYS)[0].quantity == 1
