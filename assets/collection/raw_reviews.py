"""``raw_reviews``: what every active source sent on an ingestion day, as it came."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl

from assets import preview
from assets.partitions import DAYS, ONE_RUN
from assets.scope import RunScope
from resources.collection.dataforseo.collecting import DataForSEOCollector
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange

# A source answers with what it has now. Asking it again for an old day would file today's reviews
# under a day on which nobody received them.
_LATEST_DAYS = timedelta(days=1)


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    group_name="collection",
    owners=preview.OWNERS,
    kinds={"deltalake", "python"},
    description=(
        "Append-only records of every source, with payload, source, tenant, task id and cost. "
        "Imported files are landed by `reviewgraph import`; this asset asks the tenants' active "
        "vendor sources, each once a day, and counts what the day holds."
    ),
)
def raw_reviews(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    collector: dg.ResourceParam[DataForSEOCollector],
    scope: RunScope,
) -> dg.MaterializeResult[None]:
    """Ask the active sources for the latest day, then count every day's rows."""
    days = scope.days(context)
    if is_recent(days.last):  # once for a range: a source has one answer, and it costs money
        for report in collector.collect_day(
            days.last, tenants=scope.tenants, run_id=context.run.run_id
        ):
            context.log.info(report.sentence)
    counts = count_rows(lake, days, scope.collected_tenants(context, lake))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": int(counts["rows"].sum()),
            "table_version": lake.version(RAW_REVIEWS),
            "preview": preview.table(counts),
        }
    )


def is_recent(day: date) -> bool:
    """Whether a vendor asked now would answer for this ingestion day."""
    return day >= datetime.now(UTC).date() - _LATEST_DAYS


def count_rows(lake: Lake, days: DayRange, tenants: list[str]) -> pl.DataFrame:
    """Count raw rows per day, tenant and source.

    Returns:
        Columns ``day, tenant_id, source, batches, rows, task_cost_usd``, in the order of the
        first three.
    """
    raw = lake.read(RAW_REVIEWS, days=days, tenants=tenants).frame
    tasks = (
        raw.group_by("day", "tenant_id", "source", "batch_id")
        .agg(pl.len().alias("rows"), pl.col("task_cost_usd").max())
        .group_by("day", "tenant_id", "source")
        .agg(
            pl.len().alias("batches"),
            pl.col("rows").sum(),
            pl.col("task_cost_usd").sum(),
        )
    )
    return tasks.sort("day", "tenant_id", "source").collect()
