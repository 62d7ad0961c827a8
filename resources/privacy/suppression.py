"""Imports of what was erased: such records land without anything that tells of a person.

They are counted: normalising rejects them with the reason ``erased``, so that what was collected is
still what was kept, unchanged and rejected.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
from sqlalchemy.exc import DBAPIError

from resources.database import Database
from resources.privacy.finding import bears_mark
from resources.privacy.subjects import Marker
from resources.storage.schemas import RAW_REVIEWS

Screen = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Takes what was erased out of rows of ``raw_reviews`` before they land."""

ERASED_HINTS = json.dumps({"erased": True})
"""What a row that was emptied says of itself."""

_EMPTIED = (
    "review_id", "title", "text", "rating", "posted_at", "author", "product", "location", "url",
    "language", "deleted",
)  # fmt: skip


@contextmanager
def screening(database: Database, tenant_id: str) -> Iterator[Screen]:
    """While records of a tenant land: the screen they pass.

    An erasure that begins meanwhile waits until the block has ended, so that what was not held
    against its marks has landed by then and is found.
    """
    work = database.jobs().__enter__()
    try:
        work.erasures.while_landing(tenant_id)
        marks = {one.mark for one in work.erasures.marks(tenant_id) if one.suppress}
        yield screen_of(marks, Marker(database.keys, tenant_id))
    finally:
        # What has landed has landed, whatever became of the connection that held the lock.
        with contextlib.suppress(DBAPIError):
            work.__exit__(None, None, None)


def screen_of(marks: set[str], marker: Marker) -> Screen:
    """The screen that knows some marks."""
    if not marks:
        return lambda rows: rows

    def screen(rows: pa.RecordBatch) -> pa.RecordBatch:
        frame = pl.DataFrame(pa.Table.from_batches([rows]))
        bears = bears_mark(frame, marks, marker)
        if not bears.any():
            return rows
        emptied = pl.lit(bears)
        kept = frame.with_columns(
            *(pl.when(emptied).then(None).otherwise(name).alias(name) for name in _EMPTIED),
            payload=pl.when(emptied).then(pl.lit("{}")).otherwise("payload"),
            hints=pl.when(emptied).then(pl.lit(ERASED_HINTS)).otherwise("hints"),
        )
        (one,) = kept.to_arrow().cast(RAW_REVIEWS.schema).combine_chunks().to_batches()
        return one

    return screen
