"""What the ledger says of days from which records were taken: counted anew in the lake itself.

Only numbers change, and only where the ledger has a line already. When a stage ran and what it read
stays as it was, so nothing is due that was not due before. What was used is not given back:
``usage_entries`` tell of work that was done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import update

from resources.database import UnitOfWork
from resources.database.batch_records import batch_runs
from resources.database.source_days import source_days
from resources.database.stage_records import stage_runs
from resources.storage.lake import Lake
from resources.storage.schemas import (
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
    TableSpec,
)
from resources.vocabulary import DayRange

Counts = Mapping[str, int]


def recount(work: UnitOfWork, lake: Lake, tenant_id: str, days: Collection[date]) -> int:
    """Count some days of a tenant anew, in the ledger, its batches and its sources.

    Args:
        work: The transaction that all of it is written in.
        lake: Where the rows are.
        tenant_id: The tenant.
        days: The ingestion days.

    Returns:
        How many lines were written anew.
    """
    return sum(_recount_day(work, lake, tenant_id, day) for day in sorted(days))


def _recount_day(work: UnitOfWork, lake: Lake, tenant_id: str, day: date) -> int:
    raw = _counted(lake, RAW_REVIEWS, tenant_id, day)
    kept = _counted(lake, REVIEWS, tenant_id, day)
    rejected = _counted(lake, REJECTED_REVIEWS, tenant_id, day)
    enriched = _counted(lake, REVIEW_ENRICHMENTS, tenant_id, day)
    lines = 0
    for record in work.batches.of_days("normalised", (day, day), [tenant_id]):
        batch = record.batch_id
        numbers = _shared_out(raw.get(batch, 0), kept.get(batch, 0), rejected.get(batch, 0))
        lines += _write(work, batch_runs, (tenant_id, day, "normalised", batch), numbers)
    for record in work.batches.of_days("enriched", (day, day), [tenant_id]):
        read = enriched.get(record.batch_id, 0)
        numbers = _shared_out(read, read, 0)
        lines += _write(work, batch_runs, (tenant_id, day, "enriched", record.batch_id), numbers)
    all_raw, all_read = sum(raw.values()), sum(enriched.values())
    normalised = _shared_out(all_raw, sum(kept.values()), sum(rejected.values()))
    passed_on = _shared_out(all_read, all_read, 0)
    of_stage = {"collected": _shared_out(all_raw, all_raw, 0), "normalised": normalised}
    for stage in ("enriched", "counted", "published", "reported"):
        of_stage[stage] = passed_on
    for stage, numbers in of_stage.items():
        lines += _write(work, stage_runs, (tenant_id, day, stage), numbers)
    return lines + _recount_sources(work, lake, tenant_id, day)


def _recount_sources(work: UnitOfWork, lake: Lake, tenant_id: str, day: date) -> int:
    raw = _counted(lake, RAW_REVIEWS, tenant_id, day, by="source")
    rejected = _counted(lake, REJECTED_REVIEWS, tenant_id, day, by="source")
    reviews = lake.read(REVIEWS, days=DayRange.single(day), tenants=[tenant_id]).frame
    gone = pl.col("is_deleted")
    kinds = {
        "new": (pl.col("version") == 1) & ~gone,
        "changed": (pl.col("version") > 1) & ~gone,
        "gone": gone,
    }
    sums = reviews.group_by("source").agg(
        **{name: condition.sum().cast(pl.Int64) for name, condition in kinds.items()}
    )
    kept = {row["source"]: row for row in sums.collect().iter_rows(named=True)}
    lines = 0
    for known in work.source_days.for_tenant(tenant_id, (day, day)):
        own = kept.get(known.source, {})
        numbers = {name: int(own.get(name, 0)) for name in kinds}
        fetched, refused = raw.get(known.source, 0), rejected.get(known.source, 0)
        numbers |= {
            "fetched": fetched,
            "rejected": refused,
            "unchanged": fetched - refused - sum(numbers.values()),
        }
        told = {name: value for name, value in numbers.items() if getattr(known, name) is not None}
        lines += _write(work, source_days, (tenant_id, day, known.source), told)
    return lines


def _counted(
    lake: Lake, spec: TableSpec, tenant_id: str, day: date, *, by: str = "batch_id"
) -> dict[str, int]:
    rows = lake.read(spec, days=DayRange.single(day), tenants=[tenant_id]).frame
    counts = rows.group_by(by).agg(pl.len().cast(pl.Int64)).collect()
    return dict(counts.iter_rows())


def _shared_out(given: int, kept: int, rejected: int) -> Counts:
    return {
        "rows_in": given,
        "rows_kept": kept,
        "rows_unchanged": max(given - kept - rejected, 0),
        "rows_rejected": rejected,
    }


def _write(work: UnitOfWork, table: Any, key: tuple[Any, ...], numbers: Counts) -> int:
    if not numbers:
        return 0
    conditions = (
        column == value for column, value in zip(table.primary_key.columns, key, strict=True)
    )
    statement = update(table).where(*conditions).values(**numbers).returning(table.c.tenant_id)
    return len(work.session.execute(statement).all())
