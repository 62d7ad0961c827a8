"""``raw_reviews``: what every source sent on an ingestion day, as it came."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from assets import catalogue, preview
from assets.clock import Clock
from assets.damage import damage_named
from assets.partition_rows import describe_days
from assets.partitions import DAYS, ONE_RUN
from assets.scope import RunScope
from resources.collection.arrivals import Absence, Arrival, collect_day
from resources.collection.port import Collector
from resources.database import Database
from resources.reviews import gate
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    **catalogue.entry("collection", "assets/collection", "resources/collection", table=RAW_REVIEWS),
    kinds={"deltalake", "python"},
    description=(
        "Append-only records of every source, with payload, source, tenant, task id and cost. The "
        "partition of the current UTC day asks every collector for the tenants' active sources and "
        "lands what they bring, each batch once. Every partition shows what landed on its day, "
        "whoever brought it: batches of collectors, and the files of `reviewgraph import`, which "
        "lands them as they are read."
    ),
)
def raw_reviews(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    collectors: dg.ResourceParam[Sequence[Collector]],
    clock: dg.ResourceParam[Clock],
    scope: RunScope,
) -> dg.MaterializeResult[None]:
    """Ask the sources if it is today, then show what landed on every day."""
    gate.start()  # what checks the reviews gets ready while they are collected
    days = scope.days(context)
    told: list[Arrival | Absence] = []
    # A source answers with what it has now. Asked for an earlier day it would file today's reviews
    # under a day on which nobody received them, and a partition would depend on when it is rerun.
    if days.first <= clock.today() <= days.last:
        for outcome in collect_day(
            collectors,
            clock.today(),
            lake=lake,
            database=database,
            tenants=scope.tenants,
            run_id=context.run.run_id,
        ):
            context.log.info(outcome.sentence)
            told.append(outcome)
    with damage_named(lake):
        tenants = scope.collected_tenants(context, lake)
        batches = landed_batches(lake, database, days, tenants)
    asked = {"asked": preview.records(map(_answer, told))} if told else {}

    def describe(day: date) -> dict[str, Any]:
        landed = batches.filter(pl.col("day") == day)
        return {
            "preview": preview.table(count_rows(landed)),
            "batches": preview.table(landed),
            **(asked if day == clock.today() else {}),
        }

    describe_days(context, lake, RAW_REVIEWS, days, describe)
    return dg.MaterializeResult()


def landed_batches(
    lake: Lake, database: Database, days: DayRange, tenants: Collection[str]
) -> pl.DataFrame:
    """List what landed, counted in the lake, with the files' names from the notes of imports.

    Returns:
        Columns ``day, tenant_id, source, batch_id, rows, task_id, task_cost_usd, file, bytes,
        received_at``, one row per batch, latest day first; ``file`` and ``bytes`` are null for what
        a collector brought.
    """
    raw = lake.read(RAW_REVIEWS, days=days, tenants=tenants).frame
    batches = raw.group_by("day", "tenant_id", "source", "batch_id").agg(
        pl.len().alias("rows"),
        pl.col("task_id", "task_cost_usd").max(),
        pl.col("received_at").max(),
    )
    with database.jobs() as work:
        files = work.imports.on_days((days.first, days.last))
    notes = pl.LazyFrame(
        [(one.tenant_id, one.id, one.file_name, one.byte_count) for one in files],
        schema={
            "tenant_id": pl.String, "batch_id": pl.String, "file": pl.String, "bytes": pl.Int64
        },
        orient="row",
    )  # fmt: skip
    order = ["day", "tenant_id", "source", "received_at", "batch_id"]
    return (
        batches.join(notes, on=["tenant_id", "batch_id"], how="left")
        .sort(order, descending=[True, False, False, False, False])
        .select(pl.exclude("received_at"), "received_at")
        .collect()
    )


def count_rows(batches: pl.DataFrame) -> pl.DataFrame:
    """Count raw rows per day, tenant and source.

    Args:
        batches: As :func:`landed_batches` lists them.

    Returns:
        Columns ``day, tenant_id, source, batches, rows, task_cost_usd``, in the order of the
        first three.
    """
    return (
        batches.group_by("day", "tenant_id", "source")
        .agg(
            pl.len().alias("batches"),
            pl.col("rows").sum(),
            pl.col("task_cost_usd").sum(),
        )
        .sort("day", "tenant_id", "source")
    )


def _answer(outcome: Arrival | Absence) -> dict[str, Any]:
    """What a source answered, as a row of numbers."""
    if isinstance(outcome, Absence):
        failure = outcome.failure
        return {
            "collector": outcome.collector,
            "tenant_id": failure.tenant_id,
            "source": failure.source,
            "records": 0,
            "claimed": None,
            "cost_usd": 0.0,
            "trouble": failure.reason,
        }
    batch = outcome.batch
    return {
        "collector": outcome.collector,
        "tenant_id": batch.tenant_id,
        "source": batch.source,
        "records": batch.rows.num_rows,
        "claimed": batch.claimed_count,
        "cost_usd": batch.cost_usd,
        "trouble": None if outcome.is_new else f"landed before on {outcome.day}",
    }
