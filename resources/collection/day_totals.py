"""The ledger's first line: what a tenant's ingestion day holds, whoever brought it.

Files and vendors land rows side by side on one day, so the line, the sources' shares of it and what
is charged for are counted in the lake after each landing, and never added up from what the landings
say of themselves. What a killed landing left unsaid is thereby said by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from resources.collection.port import CollectedBatch
from resources.database import UnitOfWork
from resources.database.recording import BatchOutcome, DayOutcome, SourceOutcome, StageRecorder
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange


@dataclass(frozen=True)
class LandedRows:
    """What the lake holds of a batch.

    Attributes:
        day: The ingestion day it landed on.
        rows: How many rows.
    """

    day: date
    rows: int


def find_landed(lake: Lake, tenant_id: str, batches: Collection[str]) -> dict[str, LandedRows]:
    """Find batches in the lake, wherever they landed; those without rows are not in the answer."""
    raw = lake.read(RAW_REVIEWS, tenants=[tenant_id], batches=batches).frame
    counts = raw.group_by("batch_id", "day").agg(pl.len()).collect()
    return {batch: LandedRows(day, rows) for batch, day, rows in counts.iter_rows()}


def note_collected(
    work: UnitOfWork,
    lake: Lake,
    tenant_id: str,
    day: date,
    *,
    brought: Sequence[CollectedBatch] = (),
    run_id: str | None = None,
) -> None:
    """Record what a tenant's ingestion day holds now, counted in the lake itself.

    Args:
        work: The transaction that ledger, sources and usage are written in.
        lake: Where the rows have landed.
        tenant_id: The tenant.
        day: The ingestion day.
        brought: What collectors brought for this day: they alone know what a source claims to
            have, and what was paid for an answer without rows.
        run_id: The Dagster run, None outside of one.
    """
    raw = lake.read(RAW_REVIEWS, days=DayRange.single(day), tenants=[tenant_id])
    batches = (
        raw.frame.group_by("source", "batch_id")
        .agg(pl.len().alias("rows"), pl.col("task_cost_usd").max().fill_null(0.0).alias("cost"))
        .sort("source", "batch_id")
        .collect()
    )
    rows = int(batches["rows"].sum())
    outcome = DayOutcome(
        tenant_id=tenant_id,
        day=day,
        rows_in=rows,
        rows_kept=rows,
        table_version=raw.version,
        cost_usd=float(batches["cost"].sum()),
        batches=list(_batch_outcomes(batches, brought)),
        sources=list(_source_outcomes(batches, brought)),
    )
    StageRecorder("collected", run_id).record(work, [outcome])


def _batch_outcomes(
    batches: pl.DataFrame, brought: Sequence[CollectedBatch]
) -> Iterator[BatchOutcome]:
    for source, batch_id, rows, cost in batches.iter_rows():
        yield BatchOutcome(
            batch_id=batch_id, source=source, rows_in=rows, rows_kept=rows, cost_usd=cost
        )
    for batch in brought:
        if not batch.rows.num_rows:
            yield BatchOutcome(
                batch_id=batch.batch_id,
                source=batch.source,
                rows_in=0,
                rows_kept=0,
                cost_usd=batch.cost_usd,
            )


def _source_outcomes(
    batches: pl.DataFrame, brought: Sequence[CollectedBatch]
) -> Iterator[SourceOutcome]:
    fetched = dict(batches.group_by("source").agg(pl.col("rows").sum()).iter_rows())
    claimed = {batch.source: batch.claimed_count for batch in brought}
    for source in sorted({*fetched, *claimed}):
        yield SourceOutcome(
            source=source, claimed=claimed.get(source), fetched=fetched.get(source, 0)
        )
