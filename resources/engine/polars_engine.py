"""Polars: all cores of one machine, results streamed through bounded memory where possible."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.engine.base import BatchFunction, portable, unified
from resources.storage.lake import Lake
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

_ROWS_PER_BATCH = 10_000  # as in Spark, so that a function meets the same sizes on both engines


class PolarsEngine:
    """The engine of one machine; it starts nothing and holds nothing."""

    name = "polars"

    def read(
        self,
        lake: Lake,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        version: int | None = None,
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.read``."""
        return nw.from_native(lake.read(spec, days=days, tenants=tenants, version=version).frame)

    def from_arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """See ``Engine.from_arrow``."""
        return nw.from_native(pl.DataFrame(table).lazy())

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See ``Engine.collect``."""
        table = _native(frame).collect(engine="streaming").to_arrow()
        return table.cast(unified(table.schema))

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: BatchFunction, schema: pa.Schema
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.map_batches``."""

        def apply(part: pl.DataFrame) -> pl.DataFrame:
            table = part.to_arrow()
            table = table.cast(portable(table.schema)).combine_chunks()
            results = [function(batch) for batch in table.to_batches(_ROWS_PER_BATCH)]
            return pl.DataFrame(pa.Table.from_batches(results, schema))

        columns = pl.DataFrame(schema.empty_table()).schema
        mapped = _native(frame).map_batches(apply, schema=columns, streamable=True)
        return nw.from_native(mapped)

    def close(self) -> None:
        """See ``Engine.close``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _native(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    native: pl.LazyFrame = frame.to_native()
    return native
