"""Rows that an engine has computed and keeps: in memory while they are few, else in a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

MAX_BYTES_IN_MEMORY = 64 * 1024 * 1024
_PARTS = 16
_ROW_GROUP = 20_000  # where rows are sorted by tenant, one tenant's are in few groups
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class KeptRows:
    """Rows that come batch by batch and can be read again and again.

    Args:
        schema: The columns of the rows.
        folder: Makes, on first use, the folder for what does not fit into memory.
    """

    def __init__(self, schema: pa.Schema, folder: Callable[[], Path]) -> None:
        self._schema = schema
        self._folder = folder
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._path: Path | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    @classmethod
    def of(
        cls, schema: pa.Schema, batches: Iterable[pa.RecordBatch], folder: Callable[[], Path]
    ) -> KeptRows:
        """Keep all rows of some batches."""
        kept = cls(schema, folder)
        for batch in batches:
            kept.add(batch)
        kept.finish()
        return kept

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep the rows of one more batch."""
        if self._writer is not None:
            self._writer.write_batch(batch)
            return
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > MAX_BYTES_IN_MEMORY:
            self._path = self._folder() / f"{uuid.uuid4().hex}.arrow"
            self._writer = pa.ipc.new_file(str(self._path), self._schema, options=_OPTIONS)
            for waiting in self._batches:
                self._writer.write_batch(waiting)
            self._batches = []

    def finish(self) -> None:
        """Say that all rows have come."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def delete(self) -> None:
        """Give back what the rows take."""
        self._batches = []
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def frame(self) -> pl.LazyFrame:
        """The rows as a lazy frame."""
        if self._path is not None:
            return pl.scan_ipc(self._path, glob=False)
        return pl.DataFrame(self.table()).lazy()

    def table(self) -> pa.Table:
        """The rows in memory."""
        if self._path is not None:
            with pa.ipc.open_file(str(self._path)) as reader:
                return reader.read_all()
        return pa.Table.from_batches(self._batches, self._schema)


def write_parquet(rows: pl.LazyFrame, path: Path) -> None:
    """Write rows to a file of a run, streamed: fast to write, and fast to read in part."""
    rows.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)


def write_whole(rows: pl.LazyFrame, path: Path, schema: pa.Schema) -> None:
    """As ``write_parquet``, with the columns of a schema; the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    types = pl.DataFrame(schema.empty_table()).schema
    write_parquet(rows.select(pl.col(name).cast(types[name]) for name in schema.names), unfinished)
    unfinished.replace(path)


def in_whole_groups(
    batches: Iterable[pa.RecordBatch], by: list[str], folder: Callable[[], Path]
) -> Iterator[pa.Table]:
    """Sort rows into parts, so that all rows with equal keys are in the same part.

    Rows that fit into memory are one part. More of them are first dealt out to files by a hash of
    their keys, and then come back file by file.

    Args:
        batches: The rows.
        by: The columns of the key.
        folder: As for ``KeptRows``.
    """
    waiting: list[pa.RecordBatch] = []
    size = 0
    parts: list[KeptRows] = []
    for batch in batches:
        if parts:
            _deal_out(batch, by, parts)
            continue
        waiting.append(batch)
        size += batch.nbytes
        if size > MAX_BYTES_IN_MEMORY:
            parts = [KeptRows(batch.schema, folder) for _ in range(_PARTS)]
            for one in waiting:
                _deal_out(one, by, parts)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
    for part in parts:
        part.finish()
        yield part.table()
        part.delete()


def _deal_out(batch: pa.RecordBatch, by: list[str], parts: list[KeptRows]) -> None:
    rows: Any = pl.from_arrow(batch)
    numbers = rows.select(pl.struct(by).hash(seed=1) % len(parts)).to_series().to_numpy()
    for number, part in enumerate(parts):
        part.add(batch.filter(pa.array(numbers == number)))
