"""The annotations of one day: read what is known, annotate the rest, let people's words win."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa

from resources.nlp.cache import CacheUse, annotate_cached, text_hashes
from resources.nlp.context import AnnotationContext
from resources.nlp.corrections import Corrections, apply_corrections, known_languages
from resources.storage.lake import Commit, Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS
from resources.vocabulary import SENTIMENTS, DayRange

SUMMARY_SCHEMA = pl.Schema(
    {
        "day": pl.Date,
        "tenant_id": pl.String,
        "reviews": pl.Int64,
        "languages": pl.Int64,
        **dict.fromkeys(SENTIMENTS, pl.Int64),
        "annotated": pl.Int64,
        "reused": pl.Int64,
        "repeated": pl.Int64,
        "corrected": pl.Int64,
    }
)


@dataclass(frozen=True)
class AnnotatedDay:
    """What annotating one day for some tenants did.

    Attributes:
        summary: Per tenant its reviews, languages and sentiments, what the cache saved and how
            many reviews people had corrected; ``SUMMARY_SCHEMA``.
        rows: (tenant, batch) -> rows written.
        tiers: Rows by the tier that judged them.
        input_version: Version of ``reviews`` that was read.
        commit: The commit that replaced the tenants' part in ``review_enrichments``.
    """

    summary: pl.DataFrame
    rows: Mapping[tuple[str, str], int] = field(hash=False)
    tiers: Counter[str] = field(hash=False)
    input_version: int
    commit: Commit


def annotate_day(
    lake: Lake,
    day: date,
    annotations: Mapping[str, AnnotationContext],
    *,
    workers: int,
    corrections: Mapping[str, Corrections] | None = None,
    batches: Collection[str] | None = None,
) -> AnnotatedDay:
    """Replace the tenants' part of a day by the annotations of its review versions.

    What the day's table holds already of the same text and the same models is not done again.

    Args:
        lake: Where ``reviews`` is read and ``review_enrichments`` is written.
        day: The ingestion day.
        annotations: Tenant -> what its reviews are read with.
        workers: Processes that annotate side by side.
        corrections: Tenant -> what people said of its reviews.
        batches: Only the review versions of these batches; all of the day when None.
    """
    tenants, days = list(annotations), DayRange.single(day)
    reviews = lake.read(REVIEWS, days=days, tenants=tenants, batches=batches)
    known = lake.read(REVIEW_ENRICHMENTS, days=days, tenants=tenants)
    tables, summary = [REVIEW_ENRICHMENTS.schema.empty_table()], []
    for tenant, context in annotations.items():
        said = (corrections or {}).get(tenant, {})
        texts = _texts(reviews.frame, tenant, said)
        annotated, use = annotate_cached(
            texts, context, _known(known.frame, texts, tenant), workers
        )
        corrected, corrected_rows = apply_corrections(annotated, texts, said)
        tables.append(_with_scope(corrected, day, tenant, texts.column("batch_id")))
        summary.append(_summary(tables[-1], day, tenant, use, corrected_rows))
    rows = pa.concat_tables(tables)
    commit = lake.replace(REVIEW_ENRICHMENTS, rows, day=day, tenants=tenants, batches=batches)
    tiers = Counter[str](tier for tier in rows.column("tier").to_pylist() if tier is not None)
    return AnnotatedDay(
        pl.DataFrame(summary, schema=SUMMARY_SCHEMA),
        _by_batch(rows),
        tiers,
        reviews.version,
        commit,
    )


def _texts(reviews: pl.LazyFrame, tenant: str, said: Corrections) -> pa.Table:
    """The tenant's reviews of the day in the engine's input columns."""
    texts = (
        _of_tenant(reviews, tenant)
        .filter(~pl.col("is_deleted"))
        .select("review_key", "version", "title", "text", "rating", "batch_id")
        .sort("review_key", "version")
        .collect()
    )
    languages = known_languages(texts["review_key"].to_list(), said)
    return texts.to_arrow().append_column("language_given", pa.array(languages, pa.string()))


def _known(enrichments: pl.LazyFrame, texts: pa.Table, tenant: str) -> pa.Table:
    """What the day's table holds of the same texts; rows of other texts are not held at once."""
    hashes = pl.Series("text_hash", text_hashes(texts), pl.String).unique().to_frame()
    same = _of_tenant(enrichments, tenant).join(hashes.lazy(), on="text_hash", how="semi")
    return same.collect(engine="streaming").to_arrow()


def _by_batch(rows: pa.Table) -> dict[tuple[str, str], int]:
    counts: Any = rows.group_by(["tenant_id", "batch_id"]).aggregate([([], "count_all")])
    return {(row["tenant_id"], row["batch_id"]): row["count_all"] for row in counts.to_pylist()}


def _of_tenant(frame: pl.LazyFrame, tenant: str) -> pl.LazyFrame:
    return frame.filter(pl.col("tenant_id") == tenant)


def _summary(
    enriched: pa.Table, day: date, tenant: str, use: CacheUse, corrected: int
) -> dict[str, Any]:
    """Count one part's reviews, languages and sentiments for the operators' preview."""
    counts = Counter(enriched.column("sentiment").to_pylist())
    return {
        "day": day,
        "tenant_id": tenant,
        "reviews": enriched.num_rows,
        "languages": len(enriched.column("language").unique()),
        **{label: counts[label] for label in SENTIMENTS},
        "annotated": use.annotated,
        "reused": use.reused,
        "repeated": use.repeated,
        "corrected": corrected,
    }


def _with_scope(annotated: pa.Table, day: date, tenant: str, batches: pa.ChunkedArray) -> pa.Table:
    count = annotated.num_rows
    columns = {
        "day": pa.array([day] * count, pa.date32()),
        "tenant_id": pa.array([tenant] * count, pa.string()),
        "batch_id": batches,
        **{name: annotated.column(name) for name in annotated.column_names},
    }
    schema = REVIEW_ENRICHMENTS.schema
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)
