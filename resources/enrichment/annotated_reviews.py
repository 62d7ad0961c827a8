"""Reviews to annotations on any engine, for any number of tenants, each text of a tenant once.

Texts that come once go straight through the annotator. Texts that come again, and those whose
annotation is known, are looked up among the answers; only these answers are ever joined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from resources.engine import Engine
from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.cache import models_of, with_own_columns
from resources.nlp.context import AnnotationContext
from resources.nlp.corrections import Corrections, apply_corrections, known_languages
from resources.nlp.texts import text_hashes
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS

_SCOPE = ("day", "tenant_id", "batch_id")
_READ = (*_SCOPE, "review_key", "version", "title", "text", "rating")
_TEXT = ["tenant_id", "text_hash"]
_MODELS = pa.schema([("tenant_id", pa.string()), ("models", pa.string())])
_OWN = {"review_key", "version", "rating_disagreement"}
_OF_THE_TEXT = [name for name in ANNOTATION_SCHEMA.names if name not in {*_OWN, "text_hash"}]
_TEXTS = pa.schema(
    [
        *(REVIEWS.schema.field(name) for name in _READ),
        ("language_given", pa.string()),
        ("text_hash", pa.string()),
    ]
)


@dataclass(frozen=True)
class Reading:
    """What the reviews of one tenant are read with.

    Attributes:
        context: The tenant's models and choices.
        corrections: What people said of its reviews.
    """

    context: AnnotationContext
    corrections: Corrections = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotatedReviews:
    """Annotations, as a frame of the engine that made them.

    Attributes:
        rows: Columns of ``schemas.REVIEW_ENRICHMENTS``, one row per review version.
        texts: Columns ``tenant_id, texts, known``: how many different texts a tenant has, and how
            many of them no model had to read; computed.
    """

    rows: nw.LazyFrame[Any]
    texts: pl.DataFrame


def annotate_reviews(
    engine: Engine,
    reviews: nw.LazyFrame[Any],
    enrichments: nw.LazyFrame[Any],
    readings: Mapping[str, Reading],
) -> AnnotatedReviews:
    """Annotate review versions; withdrawn ones have no annotation.

    The rows depend on the reviews and the readings alone: what is known saves time.

    Args:
        engine: What the work runs on; the frames live until it is closed.
        reviews: Rows of ``schemas.REVIEWS`` of these tenants.
        enrichments: Annotations that exist. Used are those of the same texts by the same models.
        readings: Tenant -> what its reviews are read with.

    Raises:
        MissingModelError: A tenant's models are not there.
    """
    for reading in readings.values():
        reading.context.models.require()  # one clear error here instead of one from every worker
    said = {tenant: reading.corrections for tenant, reading in readings.items()}
    contexts = {tenant: reading.context for tenant, reading in readings.items()}
    texts = engine.map_batches(
        reviews.filter(~nw.col("is_deleted")).select(*_READ), _ReadTexts(said), _TEXTS
    )
    counted = engine.keep(texts.group_by(*_TEXT).agg(times=nw.len()))
    known = _known(engine, enrichments, counted, contexts)
    again = _again(counted, known)
    once = texts.join(again, on=_TEXT, how="anti")
    others = texts.join(again, on=_TEXT, how="semi")
    unknown = others.join(known.select(*_TEXT), on=_TEXT, how="anti")
    fresh = engine.map_batches(
        unknown.unique(subset=_TEXT, keep="any").select(*_TEXTS.names),
        _Annotate(contexts),
        REVIEW_ENRICHMENTS.schema,
        is_slow=True,
    )
    answers = nw.concat([known, fresh.select(*_TEXT, *_OF_THE_TEXT)])
    found = others.join(answers, on=_TEXT, how="inner")
    rows = [
        engine.map_batches(
            once, _Annotate(contexts, said), REVIEW_ENRICHMENTS.schema, is_slow=True
        ),
        engine.map_batches(found, _TakeOver(said), REVIEW_ENRICHMENTS.schema),
    ]
    return AnnotatedReviews(nw.concat(rows), _text_counts(engine, counted, known))


def _known(
    engine: Engine,
    enrichments: nw.LazyFrame[Any],
    counted: nw.LazyFrame[Any],
    contexts: Mapping[str, AnnotationContext],
) -> nw.LazyFrame[Any]:
    """What models like these wrote of the same texts and no person has changed since."""
    models = {tenant: models_of(context) for tenant, context in contexts.items()}
    same_models = engine.from_arrow(
        pa.table({"tenant_id": list(models), "models": list(models.values())}, _MODELS)
    )
    untouched = enrichments.filter(
        nw.col("corrected").is_null() | (nw.col("corrected").list.len() == 0)
    )
    of_the_models = untouched.select(*_TEXT, *_OF_THE_TEXT).join(
        same_models, on=["tenant_id", "models"], how="semi"
    )
    of_the_texts = of_the_models.join(counted.select(*_TEXT), on=_TEXT, how="semi")
    return engine.keep(of_the_texts.unique(subset=_TEXT, keep="any"))


def _again(counted: nw.LazyFrame[Any], known: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The texts that are looked up: those that come more than once, and those that are known."""
    repeated = counted.filter(nw.col("times") > 1).select(*_TEXT)
    return nw.concat([repeated, known.select(*_TEXT)]).unique()


def _text_counts(
    engine: Engine, counted: nw.LazyFrame[Any], known: nw.LazyFrame[Any]
) -> pl.DataFrame:
    texts = engine.collect(counted.group_by("tenant_id").agg(texts=nw.len()))
    found = engine.collect(known.group_by("tenant_id").agg(known=nw.len()))
    counts = pl.DataFrame(texts).join(pl.DataFrame(found), on="tenant_id", how="left")
    return counts.with_columns(pl.col("known").fill_null(0)).sort("tenant_id")


@dataclass(frozen=True)
class _ReadTexts:
    """Adds to each review the language that a person named and the hash of its text."""

    said: Mapping[str, Corrections]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return _of_each_tenant(batch, self._read, _TEXTS)

    def _read(self, tenant: str, batch: pa.RecordBatch) -> pa.Table:
        keys = batch.column("review_key").to_pylist()
        languages = pa.array(known_languages(keys, self.said[tenant]), pa.string())
        read = batch.append_column("language_given", languages)
        hashes = pa.array(text_hashes(read), pa.string())
        return pa.Table.from_batches([read.append_column("text_hash", hashes)])


@dataclass(frozen=True)
class _Annotate:
    """Reads texts with their tenant's models; what people said of a review wins."""

    contexts: Mapping[str, AnnotationContext]
    said: Mapping[str, Corrections] = field(default_factory=dict)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return _of_each_tenant(batch, self._annotate, REVIEW_ENRICHMENTS.schema)

    def _annotate(self, tenant: str, batch: pa.RecordBatch) -> pa.Table:
        annotated = pa.Table.from_batches([annotate(batch, self.contexts[tenant])])
        return _finished(annotated, batch, self.said.get(tenant, {}))


@dataclass(frozen=True)
class _TakeOver:
    """Makes rows of reviews that stand beside the answers to their texts."""

    said: Mapping[str, Corrections]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return _of_each_tenant(batch, self._take_over, REVIEW_ENRICHMENTS.schema)

    def _take_over(self, tenant: str, batch: pa.RecordBatch) -> pa.Table:
        answers = pa.Table.from_batches([batch])
        return _finished(with_own_columns(answers, answers), batch, self.said[tenant])


def _finished(annotated: pa.Table, batch: pa.RecordBatch, said: Corrections) -> pa.Table:
    reviews = pa.Table.from_batches([batch])
    corrected, _ = apply_corrections(annotated, reviews, said)
    for name in _SCOPE:
        corrected = corrected.append_column(name, reviews.column(name))
    return corrected


def _of_each_tenant(
    batch: pa.RecordBatch, function: Callable[[str, pa.RecordBatch], pa.Table], schema: pa.Schema
) -> pa.RecordBatch:
    """Run a function over the rows of each tenant; which row comes first does not matter."""
    tenants = batch.column("tenant_id")
    parts = [schema.empty_table()]
    for tenant in tenants.unique().to_pylist():
        own = batch.filter(pc.equal(tenants, tenant))
        parts.append(function(tenant, own).select(schema.names).cast(schema))
    joined = pa.concat_tables(parts).combine_chunks().to_batches()
    return joined[0] if joined else pa.RecordBatch.from_pylist([], schema)
