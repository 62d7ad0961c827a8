"""``review_enrichments``: what each review version says, with the versions of the models."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
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
from resources.lake import Commit, DayRange, Lake
from resources.nlp.context import AnnotationContext, default_context
from resources.nlp.pool import annotate_table
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
    """Annotate the run's review versions with each tenant's names, each day in one commit."""
    tenants = scope.reviewed_tenants(context, lake)
    with database.jobs() as work:
        annotations = {
            tenant: default_context(work.tenants.require(tenant).names) for tenant in tenants
        }
    parts = []
    for day in scope.days(context).days():
        started = datetime.now(UTC)
        part = annotate_day(lake, day, annotations, workers=settings.worker_count)
        with database.jobs() as work:
            work.ledger.record_all(
                StageRecord(
                    tenant_id=row["tenant_id"],
                    day=day,
                    stage="understood",
                    rows_in=row["reviews"],
                    rows_kept=row["reviews"],
                    input_version=part.input_version,
                    table_version=part.commit.version,
                    model_versions=annotations[row["tenant_id"]].versions(),
                    run_id=context.run.run_id,
                    started_at=started,
                    finished_at=datetime.now(UTC),
                )
                for row in part.summary.iter_rows(named=True)
            )
        parts.append(part.summary)
    summary = pl.concat(parts)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": int(summary["reviews"].sum()),
            "table_version": lake.version(REVIEW_ENRICHMENTS),
            "models": dg.MetadataValue.json(default_context().versions()),
            "preview": preview.table(summary),
        }
    )


@dataclass(frozen=True)
class AnnotatedDay:
    """What annotating one day for some tenants did.

    Attributes:
        summary: Per tenant its reviews, languages and sentiments.
        input_version: Version of ``reviews`` that was read.
        commit: The commit that replaced the tenants' part in ``review_enrichments``.
    """

    summary: pl.DataFrame
    input_version: int
    commit: Commit


def annotate_day(
    lake: Lake, day: date, annotations: Mapping[str, AnnotationContext], *, workers: int
) -> AnnotatedDay:
    """Replace the tenants' part of a day by the annotations of its review versions."""
    reviews = lake.read(REVIEWS, days=DayRange.single(day), tenants=list(annotations))
    tables, summaries = [REVIEW_ENRICHMENTS.schema.empty_table()], [_summary_schema()]
    for tenant, annotation in annotations.items():
        texts = (
            reviews.frame.filter(pl.col("tenant_id") == tenant, ~pl.col("is_deleted"))
            .select("review_key", "version", "title", "text")
            .sort("review_key", "version")
            .collect()
        )
        annotated = annotate_table(texts.to_arrow(), annotation, workers=workers)
        tables.append(_with_scope(annotated, day, tenant))
        summaries.append(summary_of(tables[-1], day, tenant))
    commit = lake.replace(
        REVIEW_ENRICHMENTS, pa.concat_tables(tables), day=day, tenants=list(annotations)
    )
    return AnnotatedDay(pl.concat(summaries), reviews.version, commit)


def summary_of(enriched: pa.Table, day: date, tenant: str) -> pl.DataFrame:
    """Count one part's reviews, languages and sentiments for the operators' preview."""
    counts = Counter(enriched.column("sentiment").to_pylist())
    return pl.DataFrame(
        {
            "day": [day],
            "tenant_id": [tenant],
            "reviews": [enriched.num_rows],
            "languages": [len(enriched.column("language").unique())],
            **{label: [counts[label]] for label in quality.SENTIMENTS},
        },
        schema=_summary_schema().schema,
    )


def _summary_schema() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "day": pl.Date,
            "tenant_id": pl.String,
            "reviews": pl.Int64,
            "languages": pl.Int64,
            **dict.fromkeys(quality.SENTIMENTS, pl.Int64),
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
    hold_back(database, days, at_fault, "enrichments_meet_expectations", "understood")
    return check_result(findings)
