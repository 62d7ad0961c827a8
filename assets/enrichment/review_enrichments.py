"""``review_enrichments``: what each review version says, with the versions of the models."""

from collections import Counter
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl

from assets import preview
from assets.enrichment.annotating import SUMMARY_SCHEMA, AnnotatedDay, annotate_day
from assets.partitions import DAYS, ONE_RUN
from assets.reviews.checks import check_result, hold_back
from assets.scope import RunScope
from resources.database import Database, StageRecord
from resources.enrichment.tenant_context import corrections_of, tenant_context
from resources.nlp.context import AnnotationContext, default_context
from resources.reviews import quality
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS


@dg.asset(
    deps=["reviews"],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    group_name="enrichment",
    owners=preview.OWNERS,
    kinds={"deltalake", "python"},
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
        annotations = {tenant: tenant_context(work, tenant) for tenant in tenants}
    summaries, tiers = [SUMMARY_SCHEMA.to_frame()], Counter[str]()
    for day in scope.days(context).days():
        started = datetime.now(UTC)
        with database.jobs() as work:  # now and not before: the ledger compares with ``started``
            corrections = {tenant: corrections_of(work, tenant) for tenant in tenants}
        part = annotate_day(
            lake, day, annotations, workers=settings.worker_count, corrections=corrections
        )
        record_day(database, day, part, annotations, run_id=context.run.run_id, started=started)
        summaries.append(part.summary)
        tiers += part.tiers
    summary = pl.concat(summaries)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": int(summary["reviews"].sum()),
            "table_version": lake.version(REVIEW_ENRICHMENTS),
            "models": dg.MetadataValue.json(default_context().versions()),
            "tiers": dg.MetadataValue.json(dict(tiers)),
            "texts_annotated": int(summary["annotated"].sum()),
            "texts_reused": int(summary["reused"].sum()),
            "rows_repeated": int(summary["repeated"].sum()),
            "rows_corrected": int(summary["corrected"].sum()),
            "preview": preview.table(summary),
        }
    )


def record_day(
    database: Database,
    day: date,
    part: AnnotatedDay,
    annotations: dict[str, AnnotationContext],
    *,
    run_id: str,
    started: datetime,
) -> None:
    """Write in the ledger what a day's annotation did for each tenant."""
    with database.jobs() as work:
        work.ledger.record_all(
            StageRecord(
                tenant_id=row["tenant_id"],
                day=day,
                stage="enriched",
                rows_in=row["reviews"],
                rows_kept=row["reviews"],
                input_version=part.input_version,
                table_version=part.commit.version,
                model_versions=annotations[row["tenant_id"]].versions(),
                run_id=run_id,
                started_at=started,
                finished_at=datetime.now(UTC),
            )
            for row in part.summary.iter_rows(named=True)
        )


@dg.asset_check(
    asset="review_enrichments",
    blocking=True,
    description="Great Expectations: labels, ranges and model versions of the run's rows.",
)
def enrichments_meet_expectations(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> dg.AssetCheckResult:
    """Hold the run's enrichments against their suite."""
    days, tenants = scope.days(context), scope.reviewed_tenants(context, lake)
    rows = lake.read(REVIEW_ENRICHMENTS, days=days, tenants=tenants).frame.collect()
    findings = quality.check_enrichments(rows)
    at_fault = quality.tenants_at_fault(rows, findings)
    hold_back(database, days, at_fault, "enrichments_meet_expectations", "enriched")
    return check_result(findings)
