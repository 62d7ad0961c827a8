"""``review_enrichments``: what each review version says, with the versions of the models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pyarrow as pa

from assets import preview
from assets.partitions import DAYS, ONE_RUN
from assets.reviews.checks import check_result, hold_back
from assets.scope import RunScope
from resources import quality
from resources.database import Database, StageRecord
from resources.lake import DayRange, Lake
from resources.nlp import AnnotationContext, Name, annotate_table, default_context
from resources.schemas import REVIEW_ENRICHMENTS, REVIEWS
from resources.settings import Settings


@dg.asset(
    deps=["reviews"],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    group_name="enrichment",
    owners=preview.OWNERS,
    kinds={"deltalake", "python"},
    description=(
        "Language, sentiment, topics, entities and keywords of every review version, by pure "
        "functions over Arrow batches; each row names the models that wrote it."
    ),
)
def review_enrichments(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> dg.MaterializeResult[None]:
    """Annotate the run's review versions, tenant by tenant."""
    rows = []
    for day in scope.days(context).days():
        for tenant in scope.reviewed_tenants(context, lake):
            started = datetime.now(UTC)
            with database.jobs() as work:
                annotation = default_context(
                    [Name(**name) for name in work.tenants.get(tenant).names]
                )
            enriched, version = annotate_part(
                lake, day, tenant, annotation, workers=settings.worker_count
            )
            with database.jobs() as work:
                work.ledger.record(
                    StageRecord(
                        tenant_id=tenant,
                        day=day,
                        stage="understood",
                        status="done",
                        rows_in=len(enriched),
                        rows_kept=len(enriched),
                        table_version=version,
                        model_versions=annotation.versions(),
                        run_id=context.run_id,
                        started_at=started,
                        finished_at=datetime.now(UTC),
                    )
                )
            rows.append(summary_of(enriched, day, tenant))
    summary = pl.concat(rows) if rows else pl.DataFrame({"reviews": pl.Series([], dtype=pl.Int64)})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": int(summary["reviews"].sum()),
            "table_version": lake.version(REVIEW_ENRICHMENTS),
            "models": dg.MetadataValue.json(default_context().versions()),
            "preview": preview.table(summary),
        }
    )


def annotate_part(
    lake: Lake,
    day: date,
    tenant: str,
    annotation: AnnotationContext,
    *,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> tuple[pl.DataFrame, int]:
    """Replace one tenant's part of a day by the annotations of its review versions.

    Returns:
        The rows written, and the table version that holds them.
    """
    reviews = (
        lake.read(REVIEWS, days=DayRange.single(day), tenants=[tenant])
        .frame.filter(~pl.col("is_deleted"))
        .select("review_key", "version", "title", "text")
        .sort("review_key", "version")
        .collect()
    )
    annotated = annotate_table(reviews.to_arrow(), annotation, workers=workers)
    rows = _with_scope(annotated, day, tenant)
    commit = lake.replace(REVIEW_ENRICHMENTS, rows, day=day, tenants=[tenant])
    frame = pl.from_arrow(rows)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("annotations are a table")
    if progress:
        progress(len(frame))
    return frame, commit.version


def summary_of(enriched: pl.DataFrame, day: date, tenant: str) -> pl.DataFrame:
    """Count one part's reviews, languages and sentiments for the operators' preview."""
    counts = {
        label: int((enriched["sentiment"] == label).sum()) for label in quality.SENTIMENTS
    }
    return pl.DataFrame(
        {
            "day": [day],
            "tenant_id": [tenant],
            "reviews": [len(enriched)],
            "languages": [enriched["language"].n_unique()],
            **{label: [count] for label, count in counts.items()},
        }
    )


def _with_scope(annotated: pa.Table, day: date, tenant: str) -> pa.Table:
    count = annotated.num_rows
    columns = {
        "day": pa.array([day] * count, pa.date32()),
        "tenant_id": pa.array([tenant] * count, pa.string()),
        **{name: annotated.column(name) for name in annotated.column_names},
    }
    schema = REVIEW_ENRICHMENTS.schema
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


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
    hold_back(database, days, at_fault, "enrichments_meet_expectations")
    return check_result(findings)
