"""What the reviews of a tenant add up to, one row for each combination of what they are counted by.

The functions are pure narwhals: the same expressions run on Polars lazy frames and on Spark
DataFrames, and neither engine is named here. Both must give the same tables to the last digit, so
every sum is a sum of whole numbers (ratings in thousandths, scores in millionths, squares in
millionths) whose result does not depend on the order of addition, and every rounding is written as
``floor(x + 0.5)``, because engines disagree on how to round halves.

Rows come back in no particular order. Reading tables, choosing the engine and writing the result
belong to ``resources.storage`` and ``resources.engine``; what is computed from the facts belongs
to ``dbt_project``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import pyarrow as pa

from resources.storage import schemas
from resources.vocabulary import SENTIMENTS, UNDETERMINED

_ENRICHMENT_COLUMNS = (
    "language",
    "language_confidence",
    "sentiment",
    "sentiment_score",
    "sentiment_confidence",
    "topics",
    "topic_reasons",
    "keywords",
    "entities",
    "entity_kinds",
)
CURRENT_REVIEWS_SCHEMA = pa.schema(
    [
        *(
            schemas.REVIEWS.schema.field(name)
            for name in (
                "tenant_id",
                "review_key",
                "version",
                "source",
                "source_review_id",
                "title",
                "text",
                "rating",
                "posted_at",
                "posted_day",
                "has_posted_date",
                "author",
                "product",
                "location",
                "url",
            )
        ),
        *(schemas.REVIEW_ENRICHMENTS.schema.field(name) for name in _ENRICHMENT_COLUMNS),
        *(schemas.REVIEWS.schema.field(name) for name in ("day", "batch_id", "record_number")),
    ]
)
"""Columns of ``current_reviews``, in order: a review beside what was understood of it."""

LABEL_COLUMNS = {"topic": "topics", "keyword": "keywords", "entity": "entities"}
"""The kinds of label that are counted, and the list column each is found in."""


_REVIEW = ("tenant_id", "review_key")
_VERSION = (*_REVIEW, "version")
_FACT_KEYS = (
    "tenant_id",
    "source",
    "product",
    "location",
    "language",
    "posted_day",
    "has_posted_date",
)
_LABEL_KEYS = ("tenant_id", "source", "product", "posted_day", "label_kind", "label")


def current_reviews(
    reviews: nw.LazyFrame[Any], enrichments: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """The newest version of every review that its source has not withdrawn, with its enrichment.

    Args:
        reviews: Rows of ``schemas.REVIEWS``, all versions of the reviews that are asked about.
        enrichments: Rows of ``schemas.REVIEW_ENRICHMENTS``; a review may have none yet.

    Returns:
        One row per ``(tenant_id, review_key)``, columns of ``CURRENT_REVIEWS_SCHEMA``. Product and
        location are ``""`` where the source gave none and the language is ``"und"`` where it is
        not known, exactly as in the facts, so that a filter on either finds the same reviews.
    """
    understood = enrichments.select(*_VERSION, *_ENRICHMENT_COLUMNS)
    return (
        _newest_versions(reviews)
        .join(understood, on=list(_VERSION), how="left")
        .with_columns(
            nw.col("product").fill_null(""),
            nw.col("location").fill_null(""),
            nw.col("language").fill_null(UNDETERMINED),
        )
        .select(*CURRENT_REVIEWS_SCHEMA.names)
    )


def daily_facts(current: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Count current reviews by source, product, location, language and the day of writing.

    Args:
        current: As ``current_reviews`` gives them.

    Returns:
        One row per combination that occurs, columns and types of ``schemas.DAILY_FACTS``. A rating
        falls into the bucket of the nearest whole star, halves upwards.
    """
    rating = nw.col("rating")
    star = (rating + 0.5).floor().clip(1, 5)
    measures = {
        "review_count": nw.lit(1, nw.Int64),
        **_sentiment_and_rating_measures(),
        "rating_square_sum_micro": _or_zero(_thousandths(rating) * _thousandths(rating)),
        **{f"rating_{n}_count": _one_where(star == n) for n in range(1, 6)},
    }
    return _sums(
        current,
        keys=_FACT_KEYS,
        measures=measures,
        schema=schemas.DAILY_FACTS.schema,
    )


def daily_label_facts(current: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Count the current reviews that mention each topic, keyword and entity.

    A review counts once for a label, however often its list repeats it.

    Args:
        current: As ``current_reviews`` gives them.

    Returns:
        One row per combination that occurs, columns and types of ``schemas.DAILY_LABEL_FACTS``.
        ``posted_day`` is null for reviews whose source gave no date: they have a label but no
        place in a series.
    """
    mentions: nw.LazyFrame[Any] = nw.concat(
        [_mentions(current, kind, column) for kind, column in LABEL_COLUMNS.items()],
        how="vertical",
    )
    return _sums(
        mentions,
        keys=_LABEL_KEYS,
        measures={"mention_count": nw.lit(1, nw.Int64), **_sentiment_and_rating_measures()},
        schema=schemas.DAILY_LABEL_FACTS.schema,
    )


def _newest_versions(reviews: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    # A group-by and a join stream on both engines; a window function would hold every text at once.
    # Most reviews are never edited, so that few keys are held.
    edited = reviews.filter(nw.col("version") > 1).group_by(*_REVIEW)
    newest = edited.agg(newest=nw.col("version").max())
    return (
        reviews.join(newest, on=list(_REVIEW), how="left")
        .filter(nw.col("newest").is_null() | (nw.col("version") == nw.col("newest")))
        .filter(~nw.col("is_deleted"))
        .drop("newest")
    )


def _mentions(current: nw.LazyFrame[Any], kind: str, column: str) -> nw.LazyFrame[Any]:
    dated = nw.col("has_posted_date")
    return (
        current.with_columns(
            label_kind=nw.lit(kind),
            label=nw.col(column).list.unique(),
            posted_day=nw.when(dated).then(nw.col("posted_day")),
        )
        .select(*_LABEL_KEYS, "sentiment", "sentiment_score", "rating")
        .explode("label")
        .filter(~nw.col("label").is_null())
    )


def _sentiment_and_rating_measures() -> dict[str, nw.Expr]:
    rating, sentiment = nw.col("rating"), nw.col("sentiment")
    return {
        **{f"{name}_count": _one_where(sentiment == name) for name in SENTIMENTS},
        "score_sum_micro": _or_zero(_whole(nw.col("sentiment_score") * 1_000_000)),
        "rated_count": _one_where(~rating.is_null()),
        "rating_sum_milli": _or_zero(_thousandths(rating)),
    }


def _sums(
    frame: nw.LazyFrame[Any],
    *,
    keys: Sequence[str],
    measures: dict[str, nw.Expr],
    schema: pa.Schema,
) -> nw.LazyFrame[Any]:
    measured = frame.select(*keys, **measures)
    summed = measured.group_by(*keys).agg(nw.col(*measures).sum())
    return summed.select(*_in_the_types_of(schema))


def _in_the_types_of(schema: pa.Schema) -> Iterable[nw.Expr]:
    # Engines widen sums as they like; the lake wants the widths it was promised.
    for field in schema:
        column = nw.col(field.name)
        yield column.cast(nw.Int64) if pa.types.is_int64(field.type) else column


def _one_where(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1, nw.Int64)).otherwise(nw.lit(0, nw.Int64))


def _or_zero(value: nw.Expr) -> nw.Expr:
    return value.fill_null(0)


def _thousandths(value: nw.Expr) -> nw.Expr:
    return _whole(value * 1_000)


def _whole(value: nw.Expr) -> nw.Expr:
    return (value + 0.5).floor().cast(nw.Int64)
