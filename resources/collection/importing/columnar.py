"""Excel workbooks and Parquet files, which need random access and carry their own types."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from resources.collection.importing.apart import Kind, reader_of
from resources.collection.importing.containers import DataFile, require_allowed
from resources.collection.importing.delimited import name_columns
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits, require_columns
from resources.collection.importing.tables import Chunk, ChunkBuilder, Row, text_of, to_json


@dataclass
class ParquetTable:
    """A Parquet file, see :class:`resources.collection.importing.tables.RecordTable`."""

    file: DataFile
    limits: Limits = DEFAULT_LIMITS
    columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_header: bool = True
    first_rows: list[Row] = field(default_factory=list)
    format: str = "Parquet"

    def sample(self) -> Sequence[Row]:
        """Return its first rows."""
        return self.first_rows

    def forget_sample(self) -> None:
        """Let go of its first rows."""
        self.first_rows = []

    def chunks(
        self, wanted: Sequence[str], on_read: Callable[[int], None] | None = None
    ) -> Iterator[Chunk]:
        """Stream all its records, with the values of the wanted columns."""
        builder = ChunkBuilder(len(wanted))
        with closing(_batches(self.file, "parquet", self.limits, on_read, whole=True)) as batches:
            for batch in batches:
                for record in batch.to_pylist():
                    builder.add([text_of(record.get(name)) for name in wanted], to_json(record))
                    if builder.is_full:
                        yield builder.take()
        if builder.payloads:
            yield builder.take()


def read_parquet(file: DataFile, limits: Limits) -> ParquetTable:
    """Understand a Parquet file.

    Raises:
        ImportFileError: It is damaged, holds too much, or has no row.
    """
    table = ParquetTable(file, limits)
    for batch in _batches(file, "parquet", limits):
        table.columns = table.columns or list(batch.schema.names)
        table.first_rows += [
            tuple(text_of(record.get(name)) for name in table.columns)
            for record in batch.to_pylist()
        ]
    require_columns(table.columns, file.name, limits)
    return table


@dataclass
class WorkbookTable:
    """The first sheet with rows of an Excel workbook."""

    file: DataFile
    columns: list[str]
    first_rows: list[Row]
    notes: list[str]
    limits: Limits = DEFAULT_LIMITS
    has_header: bool = True
    format: str = "XLSX"

    def sample(self) -> Sequence[Row]:
        """Return its first rows."""
        return self.first_rows

    def forget_sample(self) -> None:
        """Let go of its first rows."""
        self.first_rows = []

    def chunks(
        self, wanted: Sequence[str], on_read: Callable[[int], None] | None = None
    ) -> Iterator[Chunk]:
        """Stream all its records, with the values of the wanted columns."""
        positions = [self.columns.index(name) for name in wanted]
        builder = ChunkBuilder(len(wanted))
        with closing(_batches(self.file, "workbook", self.limits, on_read, whole=True)) as batches:
            rows = (row for batch in batches for row in _rows(batch))
            next(rows, None)  # the header
            for row in rows:
                payload = to_json(dict(zip(self.columns, row, strict=True)))
                builder.add([row[position] for position in positions], payload)
                if builder.is_full:
                    yield builder.take()
        if builder.payloads:
            yield builder.take()


def read_workbook(file: DataFile, limits: Limits) -> WorkbookTable:
    """Understand an Excel workbook: its first sheet that has rows, header in the first line.

    Raises:
        ImportFileError: It is damaged or holds too much.
        NotReviewsError: It has no row.
    """
    rows: list[Row] = []
    notes: list[str] = []
    for batch in _batches(file, "workbook", limits):
        rows.extend(_rows(batch))
        said = batch.schema.metadata
        if not notes and said[b"sheets"] != b"1":
            notes = [
                f"Of its {said[b'sheets'].decode()} sheets, {said[b'sheet'].decode()!r} was read."
            ]
    columns = name_columns([cell or "" for cell in rows[0]])
    require_columns(columns, file.name, limits)
    return WorkbookTable(file, columns, rows[1:], notes, limits)


def _rows(batch: Any) -> Iterator[Row]:
    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _batches(
    file: DataFile,
    kind: Kind,
    limits: Limits,
    on_read: Callable[[int], None] | None = None,
    *,
    whole: bool = False,
) -> Generator[Any, None, None]:
    """Yield the batches of a file, and tell of its bytes in step with its rows."""
    size = file.found.identity.size if file.member is None else 0
    told = rows = reached = 0
    with reader_of(file, kind, limits, whole=whole) as reader:
        total = max(1, int((reader.schema.metadata or {}).get(b"rows", 1)))
        for batch in reader:
            reached += batch.nbytes
            require_allowed(file, "rows", 0, reached, limits)
            yield batch
            rows += batch.num_rows
            if on_read is not None:
                share = min(size, size * rows // total)
                on_read(share - told)
                told = share
