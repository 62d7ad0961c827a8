"""Gates: checks that block what follows, skip what holds no row, and hold tenants back.

A check of no rows would pass whatever the code does, and a green mark would say that something had
been looked at. It gives no result instead, and says so in the run's log and on its asset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import preview
from resources.database import BatchStage, Database
from resources.reviews import quality
from resources.reviews.findings import Finding
from resources.storage.lake import Lake
from resources.storage.schemas import REVIEWS, TableSpec
from resources.vocabulary import DayRange, Stage


def gate(
    asset: str, description: str, *, also_reads: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], dg.AssetChecksDefinition]:
    """Make a function a blocking check of an asset, by the function's name, that may be skipped.

    The function yields its result, or none where there is nothing to check.

    Args:
        asset: The asset.
        description: What it holds.
        also_reads: Further assets that it looks at.
    """

    def as_check(function: Callable[..., Any]) -> dg.AssetChecksDefinition:
        spec = dg.AssetCheckSpec(
            function.__name__,
            asset=asset,
            blocking=True,
            description=description,
            additional_deps=[*also_reads],
        )
        # Only a check of those that can be left out may give no result.
        decorate = dg.multi_asset_check(
            name=f"{asset}_{spec.name}", specs=[spec], description=description, can_subset=True
        )
        return decorate(function)

    return as_check


def say_skipped(context: dg.AssetCheckExecutionContext, asset: str, check: str) -> None:
    """Say that a check was skipped because there was no row to check."""
    said = f"The check {check} was skipped: this run has no row of {asset} to check."
    context.log.info(said)
    observation = dg.AssetObservation(asset, metadata={"skipped_check": said})
    context.op_execution_context.log_event(observation)


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


def check_result(findings: list[Finding], asset: str, check: str) -> dg.AssetCheckResult:
    """Turn findings into a check's answer: what broke, and how often."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
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
