"""The ledger's first line: what a tenant's ingestion day holds, whoever brought it.

Files and vendors land rows side by side on one day, so the line is counted in the lake after each
landing and never added up from what the landings say of themselves.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from resources.database import StageRecord, UnitOfWork
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange


def note_collected(
    work: UnitOfWork, lake: Lake, tenant_id: str, day: date, *, run_id: str | None = None
) -> None:
    """Write to the ledger what a tenant's ingestion day holds now, counted in the lake itself."""
    raw = lake.read(RAW_REVIEWS, days=DayRange.single(day), tenants=[tenant_id])
    counted = (
        raw.frame.group_by("task_id")
        .agg(pl.len().alias("rows"), pl.col("task_cost_usd").max())
        .select(pl.col("rows").sum(), pl.col("task_cost_usd").sum())
        .collect()
    )
    rows, cost = counted.row(0)
    work.ledger.record(
        StageRecord(
            tenant_id=tenant_id,
            day=day,
            stage="collected",
            rows_in=int(rows or 0),
            rows_kept=int(rows or 0),
            cost_usd=float(cost or 0.0),
            table_version=raw.version,
            run_id=run_id,
        )
    )
