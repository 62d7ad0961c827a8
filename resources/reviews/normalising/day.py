"""Raw records of a day to reviews and rejections, on any engine and for any number of tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.engine import Engine, PolarsEngine
from resources.reviews.normalising.preparing import PREPARED, PrepareRows
from resources.reviews.normalising.readings import Group, Reading, SharedReadings, count_open_values
from resources.reviews.normalising.versions import JUDGED, judge_batch
from resources.storage.schemas import REJECTED_REVIEWS, REVIEWS

KNOWN_SCHEMA = {
    "review_key": pl.String,
    "version": pl.Int32,
    "content_hash": pl.String,
    "posted_day": pl.Date,
    "is_deleted": pl.Boolean,
}
"""Columns of the latest version of each review that is known before a day or a batch."""


@dataclass(frozen=True)
class NormalisedRows:
    """What became of raw records, as frames of the engine that read them.

    For each batch collected = kept + unchanged + rejected.

    Attributes:
        reviews: New versions of reviews, columns of ``schemas.REVIEWS``.
        rejected: What cannot be used, with reasons, columns of ``schemas.REJECTED_REVIEWS``.
        counts: Columns ``tenant_id, batch_id, source, collected, kept, unchanged, rejected`` and,
            of what was kept, ``changed`` (edits) and ``gone`` (withdrawals); computed.
    """

    reviews: nw.LazyFrame[Any]
    rejected: nw.LazyFrame[Any]
    counts: pl.DataFrame


@dataclass(frozen=True)
class NormalisedDay:
    """As ``NormalisedRows``, in memory, with ``counts`` per tenant.

    Attributes:
        reviews: New versions of reviews.
        rejected: What cannot be used, with reasons.
        counts: Columns ``tenant_id, collected, kept, unchanged, rejected``.
    """

    reviews: pl.DataFrame
    rejected: pl.DataFrame
    counts: pl.DataFrame


def normalise(
    engine: Engine,
    raw: nw.LazyFrame[Any],
    before: nw.LazyFrame[Any],
    readings: Mapping[Group, Reading],
) -> NormalisedRows:
    """Give records one schema, a key and a version, and reject what cannot be used.

    Records count in the order in which they were received. The result depends on nothing but the
    arguments, and a history gives the same current reviews however it is cut into days.

    Args:
        engine: What the work runs on; the frames live until it is closed.
        raw: Rows of ``schemas.RAW_REVIEWS``.
        before: Versions of reviews that are known already, at least ``KNOWN_SCHEMA``.
        readings: How the open values of each group are read.
    """
    prepared = engine.map_batches(raw, PrepareRows(readings), PREPARED)
    mentioned = prepared.select("review_key").unique()
    known = _latest(before.join(mentioned, on="review_key", how="semi"))
    judged = engine.map_groups(
        prepared.join(known, on="review_key", how="left"), judge_batch, JUDGED, by=["review_key"]
    )
    return NormalisedRows(
        reviews=_reviews(judged),
        rejected=judged.filter(~nw.col("reason_code").is_null()).select(
            *REJECTED_REVIEWS.schema.names
        ),
        counts=_counts(engine, judged),
    )


def normalise_day(
    raw: pl.LazyFrame | pl.DataFrame, known: pl.LazyFrame | pl.DataFrame
) -> NormalisedDay:
    """Normalise rows that lie in memory, with the readings that they themselves decide.

    Args:
        raw: Rows of ``schemas.RAW_REVIEWS``, all that are read together.
        known: Versions of reviews on earlier days, at least ``KNOWN_SCHEMA``; keys that the day
            does not mention may be left out.
    """
    with PolarsEngine() as engine:
        rows: nw.LazyFrame[Any] = nw.from_native(raw.lazy())
        readings = SharedReadings([], count_open_values(engine, rows).values()).by_group
        done = normalise(engine, rows, nw.from_native(known.lazy()), readings)
        reviews = _in_memory(engine, done.reviews, REVIEWS.schema)
        rejected = _in_memory(engine, done.rejected, REJECTED_REVIEWS.schema)
    sums = done.counts.group_by("tenant_id").agg(
        pl.col("collected", "kept", "unchanged", "rejected").sum()
    )
    return NormalisedDay(reviews, rejected, sums.sort("tenant_id"))


def known_from(reviews: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
    """Reduce versions of reviews, of any days, to the latest of each: ``known`` of the next day."""
    latest = reviews.lazy().sort("version").group_by("review_key", maintain_order=True).last()
    return latest.select(*KNOWN_SCHEMA)


def _latest(reviews: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    newest = reviews.group_by("review_key").agg(nw.col("version").max())
    return reviews.join(newest, on=["review_key", "version"], how="inner").select(
        "review_key",
        known_version="version",
        known_hash="content_hash",
        known_day="posted_day",
    )


def _reviews(judged: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    kept = judged.filter(nw.col("is_changed"))
    return kept.with_columns(has_posted_date=~nw.col("posted_at").is_null()).select(
        *REVIEWS.schema.names
    )


def _counts(engine: Engine, judged: nw.LazyFrame[Any]) -> pl.DataFrame:
    """Count per batch; unchanged is what is left, and it is never less than nothing."""
    one, none = nw.lit(1, nw.Int64), nw.lit(0, nw.Int64)
    is_kept = nw.col("is_changed")
    conditions = {
        "kept": is_kept,
        "changed": is_kept & (nw.col("version") > 1) & ~nw.col("is_deleted"),
        "gone": is_kept & nw.col("is_deleted"),
        "rejected": ~nw.col("reason_code").is_null(),
    }
    ones = {name: nw.when(is_so).then(one).otherwise(none) for name, is_so in conditions.items()}
    keys = ["tenant_id", "batch_id", "source"]
    summed = (
        judged.select(*keys, collected=one, **ones)
        .group_by(*keys)
        .agg(nw.col("collected", *conditions).sum())
    )
    counts = pl.DataFrame(engine.collect(summed))
    unchanged = pl.col("collected") - pl.col("kept") - pl.col("rejected")
    return counts.with_columns(unchanged=unchanged).sort(keys)


def _in_memory(engine: Engine, frame: nw.LazyFrame[Any], schema: pa.Schema) -> pl.DataFrame:
    rows = pl.DataFrame(engine.collect(frame).select(schema.names).cast(schema))
    return rows.sort("tenant_id", "batch_id", "record_number")
