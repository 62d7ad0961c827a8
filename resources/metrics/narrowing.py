"""The marts of a part of a snapshot, built as those of a whole tenant are: for its reports.

A report reads marts that compare a week with all others, which no query counts while it is read.
So facts, marts and tests are made anew from the reviews of the part, in a folder of their own.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.metrics import facts
from resources.metrics.part import Part
from resources.metrics.warehouse import Warehouse
from resources.storage.snapshots import Snapshot, SnapshotStore


@contextmanager
def narrowed(snapshot: Snapshot, part: Part, scratch: Path) -> Iterator[Snapshot]:
    """A part of a snapshot with all its marts; the snapshot itself where none is left out.

    Args:
        snapshot: A whole snapshot.
        part: What is read of it.
        scratch: Where its marts lie while the block lasts.

    Yields:
        A snapshot that bears the version of the whole, from which its reviews are.

    Raises:
        WarehouseError: The marts could not be built.
    """
    part = part.as_far_as_it_cuts(snapshot)
    if part.is_whole:
        yield snapshot
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="part-", dir=scratch) as folder:
        reviews = _reviews_of(snapshot, part)
        with (
            Warehouse.prepare(
                Path(folder),
                daily_facts=_counted(facts.daily_facts(nw.from_native(reviews))),
                daily_label_facts=_counted(facts.daily_label_facts(nw.from_native(reviews))),
                current_reviews=reviews,
            ) as warehouse,
            contextlib.closing(SnapshotStore(Path(folder) / "snapshots")) as store,
        ):
            warehouse.build()
            with warehouse.marts_of(snapshot.tenant_id) as marts:
                made = store.publish(
                    snapshot.tenant_id, marts, snapshot.manifest.get("inputs") or {}
                )
            narrow = store.open(snapshot.tenant_id, made.version)
            narrow.version = snapshot.version
            yield narrow


def _reviews_of(snapshot: Snapshot, part: Part) -> pl.LazyFrame:
    condition, values = part.condition
    rows = pl.from_arrow(snapshot.query(f"select * from reviews where {condition}", values))
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table is a frame
    return rows.lazy().with_columns(pl.lit(snapshot.tenant_id).alias("tenant_id"))


def _counted(counted: nw.LazyFrame[pl.LazyFrame]) -> pa.Table:
    return counted.collect().to_arrow()
