"""What an archive holds of the lake where the tenant's plan shows the last days alone."""

from __future__ import annotations

from datetime import date

import polars as pl

from resources.storage.lake import Lake
from resources.storage.schemas import (
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
    TableSpec,
)

_RECORD = ("batch_id", "record_number")
COUNTED = (DAILY_FACTS.name, DAILY_LABEL_FACTS.name)
"""Tables that add up all reviews: what they say of the young ones is in the published numbers."""


def rows_shown(
    lake: Lake, spec: TableSpec, tenant_id: str, first_day: date | None
) -> pl.LazyFrame | None:
    """A tenant's rows of a table, as far as its plan shows them.

    Args:
        lake: Where they are.
        spec: The table.
        tenant_id: The tenant.
        first_day: The first day of writing that is shown; all rows are when None. What was rejected
            has the day on which it came in.

    Returns:
        The rows; None for a table that cannot be told apart by age.
    """
    rows = lake.read(spec, tenants=[tenant_id]).frame
    if first_day is None:
        return rows
    if spec.name in COUNTED:
        return None
    if spec is REJECTED_REVIEWS:
        return rows.filter(pl.col("day") >= first_day)
    versions = lake.read(REVIEWS, tenants=[tenant_id]).frame
    keys = _keys_shown(versions, first_day)
    if spec in (REVIEWS, REVIEW_ENRICHMENTS):
        return rows.join(keys, on="review_key", how="semi")
    shown = versions.join(keys, on="review_key", how="semi")
    by_id = shown.select("source", pl.col("source_review_id").alias("review_id")).drop_nulls()
    rejected = rows_shown(lake, REJECTED_REVIEWS, tenant_id, first_day)
    assert spec is RAW_REVIEWS  # noqa: S101 - there is no other table
    assert rejected is not None  # noqa: S101 - it is told apart by the day
    records = pl.concat([shown.select(_RECORD), rejected.select(_RECORD)])
    of_record = rows.join(records, on=_RECORD, how="semi")
    repeated = rows.join(records, on=_RECORD, how="anti")
    return pl.concat([of_record, repeated.join(by_id, on=["source", "review_id"], how="semi")])


def _keys_shown(versions: pl.LazyFrame, first_day: date) -> pl.LazyFrame:
    """The reviews whose newest version is not too old."""
    newest = versions.group_by("review_key").agg(pl.col("posted_day").sort_by("version").last())
    return newest.filter(pl.col("posted_day") >= first_day).select("review_key")
