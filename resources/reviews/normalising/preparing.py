"""What can be said of a raw row alone: its clean values, its key, and whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from resources.reviews.normalising.cleaning import clean
from resources.reviews.normalising.ratings_and_dates import read_values
from resources.reviews.normalising.readings import Group, Reading
from resources.reviews.normalising.rejecting import with_rejections
from resources.reviews.normalising.review_keys import with_content_hashes, with_review_keys
from resources.storage.schemas import TIMESTAMP

_WRITTEN = ("title", "text", "rating", "rating_given", "posted_at", "written_day", "author",
            "product", "location", "url", "language_given")  # fmt: skip
_CLEANED = ["review_id", "title", "text", "rating", "posted_at", "author", "product", "location",
            "url", "language", "deleted"]  # fmt: skip
_TRUE = ["true", "t", "1", "1.0", "yes", "y", "deleted", "removed", "withdrawn"]

PREPARED = pa.schema(
    [
        ("day", pa.date32()),
        ("tenant_id", pa.string()),
        ("source", pa.string()),
        ("batch_id", pa.string()),
        ("record_number", pa.int64()),
        ("received_at", TIMESTAMP),
        ("review_key", pa.string()),
        ("content_hash", pa.string()),
        ("source_review_id", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("rating", pa.float64()),
        ("rating_given", pa.string()),
        ("posted_at", TIMESTAMP),
        ("written_day", pa.date32()),
        ("author", pa.string()),
        ("product", pa.string()),
        ("location", pa.string()),
        ("url", pa.string()),
        ("language_given", pa.string()),
        ("is_deleted", pa.bool_()),
        ("deleted", pa.string()),  # as the source wrote it, of withdrawals
        ("reason_code", pa.string()),  # why the row cannot be used, null where it can
        ("reason", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("payload", pa.string()),  # of withdrawals and of what cannot be used
    ]
)
"""Columns of a prepared row."""


@dataclass(frozen=True)
class PrepareRows:
    """Prepares batches of raw rows; a function that engines can send to other processes.

    Attributes:
        readings: How the open values of each group are read.
    """

    readings: Mapping[Group, Reading]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Prepare rows of ``schemas.RAW_REVIEWS``."""
        rows: Any = pl.from_arrow(batch)
        prepared = prepare(rows, self.readings).to_arrow()
        (one,) = prepared.cast(PREPARED).combine_chunks().to_batches() or [_none()]
        return one


def prepare(raw: pl.DataFrame, readings: Mapping[Group, Reading]) -> pl.DataFrame:
    """Clean raw rows, read their values, give them keys, and say which cannot be used.

    Each row's outcome depends on its own values and on the readings, never on the rows beside it.

    Args:
        raw: Rows of ``schemas.RAW_REVIEWS``.
        readings: How the open values of each group are read.

    Returns:
        A row for each, columns of ``PREPARED``. A withdrawal keeps nothing of what the customer
        wrote.
    """
    rows = raw.with_columns(
        rating_given=pl.col("rating").str.slice(0, 200),
        date_given=pl.col("posted_at").str.slice(0, 200),
    )
    rows = clean(rows, _CLEANED).with_columns(
        is_deleted=pl.col("deleted").str.to_lowercase().is_in(_TRUE).fill_null(value=False)
        | _is_a_date(pl.col("deleted")),
    )
    rows = with_rejections(read_values(rows, readings))
    rows = with_content_hashes(with_review_keys(rows)).with_columns(
        source_review_id="review_id", language_given="language"
    )
    is_deleted, is_rejected = pl.col("is_deleted"), pl.col("reason_code").is_not_null()
    return rows.with_columns(
        *(pl.when(~is_deleted).then(name).alias(name) for name in _WRITTEN),
        deleted=pl.when(is_deleted).then(pl.col("deleted").str.slice(0, 200)),
        payload=pl.when(is_deleted | is_rejected).then("payload"),
    ).select(PREPARED.names)


def _is_a_date(value: pl.Expr) -> pl.Expr:
    """Whether a ``deleted_at`` column says when the review was withdrawn."""
    return value.str.contains(r"^\d{4}-\d{2}-\d{2}").fill_null(value=False)


def _none() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], PREPARED)
