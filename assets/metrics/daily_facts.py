"""``daily_facts`` and ``daily_label_facts``: what the current reviews add up to per day."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from assets import catalogue, preview
from assets.damage import damage_named
from assets.metrics.marts import folder_for_the_marts
from assets.partition_rows import say_nothing_new
from assets.scope import RunScope
from resources.database import Database, StageRecorder
from resources.engine import Engine, open_engine
from resources.metrics import facts
from resources.metrics.current_reviews import keep_current_reviews
from resources.settings import Settings
from resources.storage.lake import Commit, Lake
from resources.storage.schemas import (
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
    REVIEW_ENRICHMENTS,
)

_SPECS = {
    "daily_facts": (
        DAILY_FACTS,
        facts.daily_facts,
        (
            "Reviews, ratings and sentiments per tenant, source, product, location, language and "
            "day of writing. Sums are whole numbers, so that every engine gives the same rows."
        ),
    ),
    "daily_label_facts": (
        DAILY_LABEL_FACTS,
        facts.daily_label_facts,
        "Mentions of topics, keywords and entities with their sentiments, per day of writing.",
    ),
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            deps=["reviews", "review_enrichments"],
            description=description,
            kinds={"deltalake", "polars", "spark"},
            **catalogue.entry(
                "metrics", "assets/metrics/daily_facts.py", "resources/metrics", table=table
            ),
            skippable=True,
        )
        for name, (table, _, description) in _SPECS.items()
    ]
)
def facts_of_the_reviews(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None]]:
    """Count the tenants' current reviews with the configured engine.

    Without a tenant to count for, the tables stay and nothing is materialized; what follows in the
    run is skipped.
    """
    tenants = scope.reviewed_tenants(context, lake)
    if not tenants:
        say_nothing_new(context)
        return
    recorder = StageRecorder("counted", context.run.run_id)
    enriched = lake.version(REVIEW_ENRICHMENTS)
    with (
        damage_named(lake),
        open_engine(settings) as engine,
        folder_for_the_marts(context, settings) as folder,
    ):
        commits = write_facts(lake, engine, tenants, folder)
        context.log.info("Counted %d tenants with %s.", len(tenants), engine.name)
    with database.jobs() as work:
        recorder.record_passed_on(
            work,
            scope.days(context),
            tenants,
            table_version=commits["daily_facts"].version,
            input_version=enriched,
        )
    for name, commit in commits.items():
        yield _result(lake, name, tenants, commit)


def write_facts(
    lake: Lake, engine: Engine, tenants: Sequence[str], folder: Path
) -> dict[str, Commit]:
    """Replace the tenants' facts by what all their current reviews add up to.

    Args:
        lake: Where the reviews are and the facts go.
        engine: What counts.
        tenants: Whose reviews.
        folder: Where the current reviews are kept, for the marts of the same run.

    Returns:
        The commit of each of the two tables, by table name.
    """
    current = keep_current_reviews(engine, lake, tenants, folder)
    return {
        name: lake.replace(spec, engine.collect(count(current)).cast(spec.schema), tenants=tenants)
        for name, (spec, count, _) in _SPECS.items()
    }


def _result(
    lake: Lake, name: str, tenants: Sequence[str], commit: Commit
) -> dg.MaterializeResult[None]:
    spec, _, _ = _SPECS[name]
    count, unit = (
        ("review_count", "reviews") if spec is DAILY_FACTS else ("mention_count", "mentions")
    )
    rows = lake.read(spec, tenants=tenants).frame
    by_month = (
        rows.group_by(pl.col("posted_day").dt.strftime("%Y-%m").alias("month"))
        .agg(pl.col(count).sum())
        .sort("month")
        .collect()
    )
    by_tenant = (rows.group_by("tenant_id").agg(pl.len().alias("rows"), pl.col(count).sum())).sort(
        "tenant_id"
    )
    return dg.MaterializeResult(
        asset_key=name,
        metadata={
            "dagster/row_count": sum(lake.row_counts(spec).values()),
            "rows_of_this_run": commit.rows,
            "table_version": commit.version,
            "by_month": preview.bars(list(by_month.iter_rows()), f"{unit} per month"),
            "preview": preview.table(by_tenant.collect()),
        },
    )
