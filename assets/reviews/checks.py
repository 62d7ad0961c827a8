"""The gate behind ``reviews``: expectations on the rows, and the balance of the counts.

Both checks block the stages after them in the same run, and mark the tenants they failed in the
ledger, so that a later run does not report numbers that a gate has refused.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets import preview
from assets.damage import damage_named
from assets.gates import check_result, gate, hold_back, rows_of_the_run, say_skipped
from assets.scope import RunScope
from resources.database import Database
from resources.reviews import quality
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import DayRange


@gate("reviews", "Great Expectations: keys, versions, ranges and dates of the run's rows.")
def reviews_meet_expectations(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> Iterator[dg.AssetCheckResult]:
    """Hold the run's reviews against their suite."""
    days, tenants = scope.days(context), scope.collected_tenants(context, lake)
    with damage_named(lake):
        rows = rows_of_the_run(context, lake, database, REVIEWS, days, tenants)
    if rows.is_empty():
        say_skipped(context, "reviews", "reviews_meet_expectations")
        return
    findings = quality.check_reviews(rows)
    hold_back(database, days, quality.tenants_at_fault(rows, findings), "reviews_meet_expectations")
    yield check_result(findings, "reviews", "reviews_meet_expectations")


@gate(
    "reviews",
    "collected = kept + unchanged + rejected, for every tenant and day.",
    also_reads=["rejected_reviews"],
)
def nothing_is_lost(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> Iterator[dg.AssetCheckResult]:
    """Count the tables themselves and compare with what the ledger says of each tenant and day."""
    days, tenants = scope.days(context), scope.collected_tenants(context, lake)
    with database.jobs() as work:
        records = [
            {"tenant_id": record.tenant_id, "day": record.day, "unchanged": record.rows_unchanged}
            for day in days.days()
            for record in work.ledger.for_day(day)
            if record.stage == "normalised"
        ]
    with damage_named(lake):
        balance = balance_of(lake, days, tenants, records)
    if balance.is_empty():
        say_skipped(context, "reviews", "nothing_is_lost")
        return
    wrong = balance.filter(pl.col("difference") != 0)
    hold_back(database, days, wrong["tenant_id"].unique().to_list(), "nothing_is_lost")
    yield dg.AssetCheckResult(
        asset_key="reviews",
        check_name="nothing_is_lost",
        passed=wrong.is_empty(),
        metadata={"balance": preview.table(balance), "tenants_and_days": len(balance)},
    )


def balance_of(
    lake: Lake, days: DayRange, tenants: list[str], ledger: list[dict[str, object]]
) -> pl.DataFrame:
    """Set collected against kept, unchanged and rejected, per tenant and day.

    Args:
        lake: Where the three tables are.
        days: The ingestion days to balance.
        tenants: The tenants to balance.
        ledger: ``tenant_id, day, unchanged`` as recorded; unchanged rows leave no row behind.

    Returns:
        Columns ``day, tenant_id, collected, kept, unchanged, rejected, difference``.
    """
    unchanged = pl.LazyFrame(
        ledger, schema={"tenant_id": pl.String, "day": pl.Date, "unchanged": pl.Int64}
    )
    balance = lake.read(RAW_REVIEWS, days=days, tenants=tenants).frame
    balance = balance.group_by("day", "tenant_id").agg(pl.len().cast(pl.Int64).alias("collected"))
    for spec, name in ((REVIEWS, "kept"), (REJECTED_REVIEWS, "rejected")):
        counted = lake.read(spec, days=days, tenants=tenants).frame
        counted = counted.group_by("day", "tenant_id").agg(pl.len().cast(pl.Int64).alias(name))
        balance = balance.join(counted, on=["day", "tenant_id"], how="left")
    return (
        balance.join(unchanged, on=["day", "tenant_id"], how="left")
        .with_columns(pl.col("kept", "unchanged", "rejected").fill_null(0))
        .with_columns(
            (pl.col("collected") - pl.col("kept") - pl.col("unchanged") - pl.col("rejected")).alias(
                "difference"
            )
        )
        .select("day", "tenant_id", "collected", "kept", "unchanged", "rejected", "difference")
        .sort("day", "tenant_id")
        .collect()
    )
