"""``review_enrichments``: what each review version says, with the versions of the models."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from assets import catalogue, preview
from assets.damage import damage_named
from assets.enrichment.annotating import SUMMARY_SCHEMA, AnnotatedPart, annotate_part
from assets.enrichment.due_batches import DueBatches, due_batches
from assets.gates import check_result, gate, hold_back, rows_of_the_run, say_skipped
from assets.partition_rows import NOTHING_NEW, describe_days
from assets.partitions import DAYS, ONE_RUN
from assets.reviews.reviews import keep_settled
from assets.scope import RunScope
from resources.database import BatchOutcome, Database, DayOutcome, StageRecorder
from resources.engine import open_engine
from resources.enrichment.annotated_reviews import Reading
from resources.enrichment.tenant_context import corrections_of, tenant_context
from resources.nlp.context import AnnotationContext, default_context
from resources.reviews import quality
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS


@dg.asset(
    deps=["reviews"],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    kinds={"deltalake", "python"},
    **catalogue.entry(
        "enrichment",
        "assets/enrichment",
        "resources/enrichment",
        "resources/nlp",
        table=REVIEW_ENRICHMENTS,
    ),
    description=(
        "Language, sentiment, aspects, topics, entities, keywords and signals of every review "
        "version, by pure functions over Arrow batches; each row names the models that wrote it, "
        "and what people corrected stays corrected."
    ),
)
def review_enrichments(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> dg.MaterializeResult[None]:
    """Annotate the run's review versions as each tenant reads them, each day in one commit."""
    tenants = scope.reviewed_tenants(context, lake)
    with database.jobs() as work:
        contexts = {tenant: tenant_context(work, tenant) for tenant in tenants}
    summaries = [SUMMARY_SCHEMA.to_frame()]
    tiers: dict[date, Counter[str]] = {}
    with damage_named(lake), open_engine(settings) as engine:
        for day in scope.days(context).days():
            with database.jobs() as work:  # now and not before: people may be correcting reviews
                readings = {
                    tenant: Reading(contexts[tenant], corrections_of(work, tenant))
                    for tenant in tenants
                }
                due = due_batches(work, day, contexts, redo=scope.redo)
            recorder = StageRecorder("enriched", context.run.run_id)
            keep_settled(database, recorder, lake.version(REVIEWS), due.settled)
            for part in due.parts():
                recorder = StageRecorder("enriched", context.run.run_id)
                done = annotate_part(engine, lake, day, part, readings)
                outcomes = [
                    outcome_of(tenant, day, done, due, contexts[tenant], part.batches is None)
                    for tenant in part.tenants
                ]
                with database.jobs() as work:
                    recorder.record(work, outcomes)
                summaries.append(done.summary)
                tiers[day] = tiers.get(day, Counter()) + done.tiers
    summary = pl.concat(summaries)
    describe_days(
        context,
        lake,
        REVIEW_ENRICHMENTS,
        scope.days(context),
        lambda day: _described(summary.filter(pl.col("day") == day), tiers.get(day, Counter())),
    )
    return dg.MaterializeResult(
        metadata={"models": dg.MetadataValue.json(default_context().versions())}
    )


def _described(summary: pl.DataFrame, tiers: Counter[str]) -> dict[str, Any]:
    """What the run did of a day."""
    read = f"{summary['reviews'].sum():,} reviews read"
    return {
        "this_run": NOTHING_NEW if summary.is_empty() else read,
        "tiers": dg.MetadataValue.json(dict(tiers)),
        "texts_annotated": int(summary["annotated"].sum()),
        "texts_reused": int(summary["reused"].sum()),
        "rows_repeated": int(summary["repeated"].sum()),
        "rows_corrected": int(summary["corrected"].sum()),
        "preview": preview.table(summary),
    }


def outcome_of(
    tenant: str,
    day: date,
    part: AnnotatedPart,
    due: DueBatches,
    context: AnnotationContext,
    is_whole: bool,
) -> DayOutcome:
    """Say for the ledger what annotating a part did of one tenant's day."""
    batches = due.of(tenant)
    rows = {batch: count for (name, batch), count in part.rows.items() if name == tenant}
    return DayOutcome(
        tenant_id=tenant,
        day=day,
        input_version=part.input_version,
        table_version=part.commit.version,
        model_versions=context.versions(),
        is_whole=is_whole,
        batches=[
            BatchOutcome(
                batch_id=record.batch_id,
                source=record.source,
                rows_in=rows.get(record.batch_id, 0),
                rows_kept=rows.get(record.batch_id, 0),
                fingerprint=due.fingerprints[tenant, record.batch_id],
            )
            for record in batches
        ],
    )


@gate(
    "review_enrichments",
    "Great Expectations: labels, ranges and model versions of the run's rows.",
)
def enrichments_meet_expectations(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> Iterator[dg.AssetCheckResult]:
    """Hold the run's enrichments against their suite."""
    days, tenants = scope.days(context), scope.reviewed_tenants(context, lake)
    with damage_named(lake):
        rows = rows_of_the_run(context, lake, database, REVIEW_ENRICHMENTS, days, tenants)
    if rows.is_empty():
        say_skipped(context, "review_enrichments", "enrichments_meet_expectations")
        return
    findings = quality.check_enrichments(rows)
    at_fault = quality.tenants_at_fault(rows, findings)
    hold_back(database, days, at_fault, "enrichments_meet_expectations", "enriched")
    yield check_result(findings, "review_enrichments", "enrichments_meet_expectations")
