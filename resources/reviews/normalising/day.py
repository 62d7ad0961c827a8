"""One day's raw records to reviews and rejections, for any number of tenants at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from resources.reviews.normalising.cleaning import clean
from resources.reviews.normalising.ratings_and_dates import read_values
from resources.reviews.normalising.rejecting import as_rejected, with_rejections
from resources.reviews.normalising.review_keys import with_content_hashes, with_review_keys
from resources.storage.schemas import REJECTED_REVIEWS, REVIEWS, TableSpec

KNOWN_SCHEMA = {
    "review_key": pl.String,
    "version": pl.Int32,
    "content_hash": pl.String,
    "posted_day": pl.Date,
    "is_deleted": pl.Boolean,
}
"""Columns of the latest version of each review that earlier days know."""

_CLEANED = ["review_id", "title", "text", "rating", "posted_at", "author", "product", "location",
            "url", "language", "deleted"]  # fmt: skip
_TRUE = ["true", "t", "1", "1.0", "yes", "y", "deleted", "removed", "withdrawn"]


@dataclass(frozen=True)
class NormalisedDay:
    """What became of a day's raw records.

    For each tenant collected = kept + unchanged + rejected.

    Attributes:
        reviews: New versions of reviews, columns of ``schemas.REVIEWS``.
        rejected: What cannot be used, with reasons, columns of ``schemas.REJECTED_REVIEWS``.
        counts: Columns ``tenant_id, collected, kept, unchanged, rejected``.
    """

    reviews: pl.DataFrame
    rejected: pl.DataFrame
    counts: pl.DataFrame


def normalise_day(
    raw: pl.LazyFrame | pl.DataFrame, known: pl.LazyFrame | pl.DataFrame
) -> NormalisedDay:
    """Give a day's records one schema, a key and a version, and reject what cannot be used.

    Records count in the order in which they were received. The result depends on nothing but the
    arguments, and a history gives the same current reviews however it is cut into days.

    Args:
        raw: Rows of ``schemas.RAW_REVIEWS``.
        known: The latest version of each review on earlier days, at least ``KNOWN_SCHEMA``; keys
            that the day does not mention may be left out.
    """
    rows = raw.lazy().sort("received_at", "batch_id", "record_number").collect()
    received = rows.select("tenant_id")
    rows = rows.with_columns(
        rating_given=pl.col("rating").str.slice(0, 200),
        date_given=pl.col("posted_at").str.slice(0, 200),
    )
    rows = clean(rows, _CLEANED).with_columns(
        is_deleted=pl.col("deleted").str.to_lowercase().is_in(_TRUE).fill_null(value=False)
        | _is_a_date(pl.col("deleted")),
    )
    rows = with_rejections(read_values(rows))
    usable = _with_states(rows.filter(pl.col("reason_code").is_null()), known)
    changed = usable.filter(pl.col("reason_code").is_null() & pl.col("is_changed"))
    rejected = pl.concat([as_rejected(rows), as_rejected(usable)], how="vertical").sort(
        "tenant_id", "batch_id", "record_number"
    )
    reviews = _shaped(_with_posted_day(changed), REVIEWS)
    rejected = _shaped(rejected, REJECTED_REVIEWS)
    return NormalisedDay(reviews, rejected, _counts(received, reviews, rejected))


def known_from(reviews: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
    """Reduce versions of reviews, of any days, to the latest of each: ``known`` of the next day."""
    latest = reviews.lazy().sort("version").group_by("review_key", maintain_order=True).last()
    return latest.select(*KNOWN_SCHEMA)


def _is_a_date(value: pl.Expr) -> pl.Expr:
    """Whether a ``deleted_at`` column says when the review was withdrawn."""
    return value.str.contains(r"^\d{4}-\d{2}-\d{2}").fill_null(value=False)


def _with_states(rows: pl.DataFrame, known: pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    """Compare each record with the state that its review was in before it."""
    rows = with_content_hashes(with_review_keys(rows))
    before = known.lazy().select(
        "review_key",
        known_version=pl.col("version").cast(pl.Int32),
        known_hash="content_hash",
        known_day=pl.col("posted_day").cast(pl.Date),
    )
    keys = rows.lazy().select("review_key").unique()
    mentioned = before.join(keys, on="review_key", how="semi").collect()
    rows = rows.join(mentioned, on="review_key", how="left", maintain_order="left")
    # A deletion is of something unknown while its review has had no content, now or earlier.
    contents_so_far = (~pl.col("is_deleted")).cast(pl.Int32).cum_sum().over("review_key")
    unknown = pl.col("is_deleted") & pl.col("known_version").is_null() & (contents_so_far == 0)
    rows = rows.with_columns(
        reason_code=pl.when(unknown).then(pl.lit("deletes_unknown")),
        reason=pl.when(unknown).then(
            pl.lit("The source withdrew this review, but it was never collected.")
        ),
        field=pl.when(unknown).then(pl.lit("deleted")),
        value=pl.when(unknown).then(pl.col("deleted").str.slice(0, 200)),
    )
    # Without an id, rows of one file that name the same review cannot be told from repeats: the
    # last one counts, so that the same rows in another file change nothing.
    repeated = pl.struct("review_key", "batch_id").is_last_distinct().not_()
    superseded = pl.col("review_id").is_null() & repeated
    counts = pl.col("reason_code").is_null() & ~superseded
    rows = rows.with_columns(state=pl.when(counts).then("content_hash"))
    state = pl.col("state")
    previous = pl.coalesce(state.forward_fill().shift(1).over("review_key"), "known_hash")
    changed = state.is_not_null() & state.ne_missing(previous)
    return rows.with_columns(is_changed=changed).with_columns(
        version=pl.col("known_version").fill_null(0)
        + pl.col("is_changed").cast(pl.Int32).cum_sum().over("review_key")
    )


def _with_posted_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each version the day it was written: its own, its predecessor's, or the first one's."""
    first_day = pl.coalesce("known_day", pl.col("day").first().over("review_key"))
    own = pl.when(~pl.col("is_deleted")).then("written_day")
    written = ["title", "text", "rating", "rating_given", "posted_at", "author", "product",
               "location", "url", "language"]  # fmt: skip
    return (
        rows.with_columns(
            posted_day=pl.coalesce(own.forward_fill().over("review_key"), first_day),
        )
        .with_columns(
            # A tombstone keeps nothing of what the customer wrote.
            *(pl.when(~pl.col("is_deleted")).then(name).alias(name) for name in written)
        )
        .with_columns(
            has_posted_date=pl.col("posted_at").is_not_null(),
            source_review_id="review_id",
            language_given="language",
        )
    )


def _shaped(rows: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    empty: Any = pl.from_arrow(spec.schema.empty_table())
    schema: dict[str, Any] = dict(empty.schema)
    return rows.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _counts(received: pl.DataFrame, reviews: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """Count per tenant; unchanged is what is left, and it is never less than nothing."""
    counts = received.group_by("tenant_id").agg(collected=pl.len().cast(pl.Int64))
    for name, rows in (("kept", reviews), ("rejected", rejected)):
        one = rows.group_by("tenant_id").agg(pl.len().cast(pl.Int64).alias(name))
        counts = counts.join(one, on="tenant_id", how="left")
    counts = counts.with_columns(pl.col("kept", "rejected").fill_null(0))
    unchanged = pl.col("collected") - pl.col("kept") - pl.col("rejected")
    return counts.select(
        "tenant_id", "collected", "kept", unchanged.alias("unchanged"), "rejected"
    ).sort("tenant_id")
