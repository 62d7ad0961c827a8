"""Which prepared rows are new versions of their reviews: what needs the rows of a key in order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from resources.reviews.normalising.preparing import PREPARED

ORDER = ("received_at", "batch_id", "record_number")
"""The order in which rows count."""

KNOWN = pa.schema(
    [("known_version", pa.int32()), ("known_hash", pa.string()), ("known_day", pa.date32())]
)
"""What a row is told of the latest version of its review before it: number, content hash and day of
writing; null where there is none."""

JUDGED = pa.schema(
    [
        *PREPARED,
        ("version", pa.int32()),  # of the review after the row
        ("posted_day", pa.date32()),
        ("is_changed", pa.bool_()),  # the row is a new version
    ]
)
"""Columns of a judged row: it was rejected (it has a reason), is a new version, or is unchanged."""


def judge_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Judge prepared rows, all of each key; see :func:`judge`."""
    rows: Any = pl.from_arrow(batch)
    judged = judge(rows).to_arrow().cast(JUDGED).combine_chunks().to_batches()
    return judged[0] if judged else pa.RecordBatch.from_pylist([], JUDGED)


def judge(rows: pl.DataFrame) -> pl.DataFrame:
    """Compare each row with the state that its review was in before it.

    Args:
        rows: Columns of ``PREPARED`` and ``KNOWN``; all rows of a review, in any order.

    Returns:
        The rows in the order in which they count, columns of ``JUDGED``. A withdrawal of what was
        never collected is rejected.
    """
    rows = rows.sort(ORDER)
    usable = rows.filter(pl.col("reason_code").is_null())
    rejected = rows.filter(pl.col("reason_code").is_not_null()).with_columns(
        version=pl.lit(None, pl.Int32),
        posted_day=pl.lit(None, pl.Date),
        is_changed=pl.lit(value=False),
    )
    judged = _with_posted_days(_with_versions(usable))
    return pl.concat([judged.select(JUDGED.names), rejected.select(JUDGED.names)])


def _with_versions(rows: pl.DataFrame) -> pl.DataFrame:
    # A deletion is of something unknown while its review has had no content, now or earlier.
    contents_so_far = (~pl.col("is_deleted")).cast(pl.Int32).cum_sum().over("review_key")
    unknown = pl.col("is_deleted") & pl.col("known_version").is_null() & (contents_so_far == 0)
    rows = rows.with_columns(
        reason_code=pl.when(unknown).then(pl.lit("deletes_unknown")),
        reason=pl.when(unknown).then(
            pl.lit("The source withdrew this review, but it was never collected.")
        ),
        field=pl.when(unknown).then(pl.lit("deleted")),
        value=pl.when(unknown).then(pl.col("deleted")),
    )
    # Without an id, rows of one file that name the same review cannot be told from repeats: the
    # last one counts, so that the same rows in another file change nothing.
    repeated = pl.struct("review_key", "batch_id").is_last_distinct().not_()
    superseded = pl.col("source_review_id").is_null() & repeated
    counts = pl.col("reason_code").is_null() & ~superseded
    rows = rows.with_columns(state=pl.when(counts).then("content_hash"))
    state = pl.col("state")
    previous = pl.coalesce(state.forward_fill().shift(1).over("review_key"), "known_hash")
    changed = state.is_not_null() & state.ne_missing(previous)
    return rows.with_columns(is_changed=changed).with_columns(
        version=(
            pl.col("known_version").fill_null(0)
            + pl.col("is_changed").cast(pl.Int32).cum_sum().over("review_key")
        ).cast(pl.Int32)
    )


def _with_posted_days(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each version the day it was written: its own, its predecessor's, or the first one's."""
    changed = pl.col("is_changed")
    own = pl.when(changed).then("written_day")
    first_received = pl.when(changed).then("day").drop_nulls().first().over("review_key")
    written = own.forward_fill().over("review_key")
    return rows.with_columns(
        posted_day=pl.when(changed).then(pl.coalesce(written, "known_day", first_received))
    )
