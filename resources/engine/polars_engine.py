"""Polars: all cores of one machine, rows streamed through bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.engine.base import BatchFunction, portable, unified
from resources.engine.kept import KeptRows, in_whole_groups, write_whole
from resources.engine.processes import mapped
from resources.storage.lake import Lake
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

_ROWS_PER_BATCH = 10_000  # as in Spark, so that a function meets the same sizes on both engines
# Slow functions get smaller batches: they are dealt out to processes, and none should wait long.
_ROWS_PER_SLOW_BATCH = 4_096


class PolarsEngine:
    """The engine of one machine.

    Args:
        workers: Processes for slow batch functions.
        scratch: Where rows are kept that do not fit into memory; the system's folder when None.
    """

    name = "polars"

    def __init__(self, *, workers: int = 1, scratch: Path | None = None) -> None:
        self._workers = workers
        self._scratch = scratch
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def read(
        self,
        lake: Lake,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        batches: Collection[str] | None = None,
        version: int | None = None,
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.read``."""
        rows = lake.read(spec, days=days, tenants=tenants, batches=batches, version=version)
        return nw.from_native(rows.frame)

    def from_arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """See ``Engine.from_arrow``."""
        return nw.from_native(pl.DataFrame(table).lazy())

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See ``Engine.collect``."""
        table = _native(frame).collect(engine="streaming").to_arrow()
        return table.cast(unified(table.schema))

    def stream(self, frame: nw.LazyFrame[Any]) -> pa.RecordBatchReader:
        """See ``Engine.stream``."""
        schema = _schema(frame)
        return pa.RecordBatchReader.from_batches(schema, _batches(frame, schema, _ROWS_PER_BATCH))

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See ``Engine.keep``."""
        schema = _schema(frame)
        return self._kept(schema, _batches(frame, schema, _ROWS_PER_BATCH))

    def keep_in_file(
        self, frame: nw.LazyFrame[Any], path: Path, schema: pa.Schema
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.keep_in_file``; the rows are read back from the file."""
        write_whole(_native(frame), path, schema)
        return nw.from_native(pl.scan_parquet(path, glob=False))

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        is_slow: bool = False,
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.map_batches``; the rows are computed at once and kept."""
        size = _ROWS_PER_SLOW_BATCH if is_slow else _ROWS_PER_BATCH
        batches = _batches(frame, _schema(frame), size)
        results = mapped(batches, function, self._workers if is_slow else 1)
        return self._kept(schema, (one.cast(schema) for one in results))

    def map_groups(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        by: Sequence[str],
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.map_groups``; the rows are computed at once and kept."""
        batches = _batches(frame, _schema(frame), _ROWS_PER_BATCH)
        parts = in_whole_groups(batches, list(by), self._scratch_folder)
        results = (function(batch).cast(schema) for part in parts for batch in _as_one(part))
        return self._kept(schema, results)

    def close(self) -> None:
        """See ``Engine.close``."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _kept(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> nw.LazyFrame[Any]:
        return nw.from_native(KeptRows.of(schema, batches, self._scratch_folder).frame())

    def _scratch_folder(self) -> Path:
        if self._folder is None:
            if self._scratch is not None:
                self._scratch.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix="engine-", dir=self._scratch)
        return Path(self._folder.name)


def _native(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    native: pl.LazyFrame = frame.to_native()
    return native


def _schema(frame: nw.LazyFrame[Any]) -> pa.Schema:
    columns = _native(frame).collect_schema()
    return portable(pl.DataFrame(schema=columns).to_arrow().schema)


def _batches(frame: nw.LazyFrame[Any], schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
    for part in _native(frame).collect_batches(chunk_size=size, engine="streaming"):
        yield from part.to_arrow().cast(schema).combine_chunks().to_batches(size)


def _as_one(part: pa.Table) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = part.combine_chunks().to_batches()
    return batches
