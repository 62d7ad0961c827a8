"""Raw reviews for the tests of the lake, and how many of them it holds."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa

from resources.storage.schemas import RAW_REVIEWS

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def raw_rows(count, tenant, day=MONDAY, text="good"):
    """Raw reviews, numbered from 1, whose other columns are null."""
    columns = {
        "day": [day] * count,
        "tenant_id": [tenant] * count,
        "record_number": list(range(1, count + 1)),
        "received_at": [datetime(2026, 3, 2, 12, 30, 15, 123456, UTC)] * count,
        "text": [text] * count,
    }
    names = RAW_REVIEWS.schema.names
    return pa.table({n: columns.get(n, [None] * count) for n in names}, schema=RAW_REVIEWS.schema)


def table_of(spec, rows):
    """Rows of any table, given as what they hold beside nulls."""
    columns = {name: [row.get(name) for row in rows] for name in spec.schema.names}
    return pa.table(columns, schema=spec.schema)


def both(*tables):
    return pa.concat_tables(tables)


def counts(lake, **scope):
    """How many rows each tenant has, by day and text."""
    frame = lake.read(RAW_REVIEWS, **scope).frame
    rows = frame.group_by("tenant_id", "day", "text").len().sort("tenant_id", "day", "text")
    return {(tenant, day, text): n for tenant, day, text, n in rows.collect().iter_rows()}
