"""Taking a person's rows out of the lake, and every older version with them."""

from __future__ import annotations

import polars as pl

from resources.privacy.finding import Found, rows_among
from resources.storage.lake import Lake
from resources.storage.schemas import (
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
    TABLES,
)

_BY_RECORD = (RAW_REVIEWS, REJECTED_REVIEWS)
_BY_REVIEW = (REVIEWS, REVIEW_ENRICHMENTS)


def erase_rows(lake: Lake, tenant_id: str, found: Found) -> dict[str, int]:
    """Delete a person's rows from the current version of each table.

    Raw records go first: a run that begins now finds none of them, and what it writes holds none.

    Returns:
        How many rows each table lost.
    """
    counted = count_rows(lake, tenant_id, found)
    removed = {place: count for place, count in counted.items() if count}
    for spec in _BY_RECORD:
        if removed.get(_place(spec.name)):
            lake.upkeep.erase(spec, tenants=[tenant_id], records=found.records)
    for spec in _BY_REVIEW:
        if removed.get(_place(spec.name)):
            lake.upkeep.erase(spec, tenants=[tenant_id], review_keys=found.review_keys)
    return removed


def count_rows(lake: Lake, tenant_id: str, found: Found) -> dict[str, int]:
    """How many rows of each table are a person's."""
    counts = {}
    for spec in _BY_RECORD:
        rows = lake.read(spec, tenants=[tenant_id], batches=sorted(found.records)).frame
        own = rows_among(rows.select("batch_id", "record_number"), found)
        counts[_place(spec.name)] = int(own.select(pl.len()).collect().item())
    for spec in _BY_REVIEW:
        rows = lake.read(spec, tenants=[tenant_id]).frame.select("review_key")
        own = rows.filter(pl.col("review_key").is_in(sorted(found.review_keys)))
        counts[_place(spec.name)] = int(own.select(pl.len()).collect().item())
    return counts


def purge(lake: Lake, tenant_id: str, found: Found) -> dict[str, int]:
    """Delete the older versions of every table, and what killed writers left of the person's.

    Returns:
        How many files each table lost.
    """

    def is_of_person(rows: pl.LazyFrame) -> bool:
        own = rows.filter(pl.col("tenant_id") == tenant_id)
        if "record_number" in own.collect_schema().names():
            own = rows_among(own, found)
        else:
            own = own.filter(pl.col("review_key").is_in(sorted(found.review_keys)))
        return bool(own.select(pl.len()).collect().item())

    removed = {spec.name: lake.upkeep.purge(spec) for spec in TABLES.values()}
    for spec in (*_BY_RECORD, *_BY_REVIEW):
        removed[spec.name] += lake.upkeep.drop_unnamed(spec, is_of_person)
    return {f"files of lake {name}": count for name, count in removed.items() if count}


def _place(table: str) -> str:
    return f"lake {table}"
