"""The gate behind ``reviews``: expectations on the rows, and the balance of the counts.

Both checks block the stages after them in the same run, and mark the tenants they failed in the
ledger, so that a later run does not report numbers that a gate has refused.
"""

import dagster as dg
import polars as pl

from assets import preview
from assets.scope import RunScope
from resources.database import BatchStage, Database
from resources.reviews import quality
from resources.reviews.findings import Finding
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS, TableSpec
from resources.vocabulary import DayRange, Stage


@dg.asset_check(
    asset="reviews",
    blocking=True,
    description="Great Expectations: keys, versions, ranges and dates of the run's rows.",
)
def reviews_meet_expectations(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> dg.AssetCheckResult:
    """Hold the run's reviews against their suite."""
    days, tenants = scope.days(context), scope.collected_tenants(context, lake)
    rows = rows_of_the_run(context, lake, database, REVIEWS, days, tenants)
    findings = quality.check_reviews(rows)
    hold_back(database, days, quality.tenants_at_fault(rows, findings), "reviews_meet_expectations")
    return check_result(findings)


@dg.asset_check(
    asset="reviews",
    blocking=True,
    additional_deps=["rejected_reviews"],
    description="collected = kept + unchanged + rejected, for every tenant and day.",
)
def nothing_is_lost(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> dg.AssetCheckResult:
    """Count the tables themselves and compare with what the ledger says of each tenant and day."""
    days, tenants = scope.days(context), scope.collected_tenants(context, lake)
    with database.jobs() as work:
        records = [
            {"tenant_id": record.tenant_id, "day": record.day, "unchanged": record.rows_unchanged}
            for day in days.days()
            for record in work.ledger.for_day(day)
            if record.stage == "normalised"
        ]
    balance = balance_of(lake, days, tenants, records)
    wrong = balance.filter(pl.col("difference") != 0)
    hold_back(database, days, wrong["tenant_id"].unique().to_list(), "nothing_is_lost")
    return dg.AssetCheckResult(
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


def rows_of_the_run(
    context: dg.AssetCheckExecutionContext,
    lake: Lake,
    database: Database,
    spec: TableSpec,
    days: DayRange,
    tenants: list[str],
) -> pl.DataFrame:
    """The rows that the run has written, and of the others those that bear the same names.

    They come in the columns that the gate looks at.
    A check that runs without its asset is given all rows of the days.
    """
    stage: BatchStage = "normalised" if spec is REVIEWS else "enriched"
    with database.jobs() as work:
        done = work.batches.of_run(context.run.run_id, stage)
    columns = ("batch_id", *quality.COLUMNS[spec.name])
    frame = lake.read(spec, days=days, tenants=tenants).frame.select(columns)
    if not done:
        return frame.collect()
    batches = pl.col("batch_id").is_in(sorted({record.batch_id for record in done}))
    rows = frame.filter(batches).collect()
    name = ("tenant_id", "review_key", "version")
    # Only the names of the others are looked at; whole rows only where there are any.
    others = frame.filter(~batches.fill_null(value=False))
    twice = others.select(name).join(rows.lazy().select(name), on=name, how="semi").collect()
    if twice.is_empty():
        return rows
    return pl.concat([rows, others.join(twice.lazy(), on=name, how="semi").collect()])


def hold_back(
    database: Database, days: DayRange, tenants: list[str], check: str, stage: Stage = "normalised"
) -> None:
    """Hold the tenants' days back in the ledger, so that nothing is reported from them."""
    if not tenants:
        return
    with database.jobs() as work:
        for day in days.days():
            for tenant in tenants:
                work.ledger.fail(tenant, day, stage, f"The check {check} did not pass.")


def check_result(findings: list[Finding]) -> dg.AssetCheckResult:
    """Turn findings into the check's answer: what broke, and how often."""
    return dg.AssetCheckResult(
        passed=all(finding.held for finding in findings),
        metadata={
            "expectations": len(findings),
            "findings": preview.records(
                {
                    "expectation": finding.expectation,
                    "held": finding.held,
                    "unexpected rows": finding.unexpected_count,
                }
                for finding in findings
            ),
        },
    )
