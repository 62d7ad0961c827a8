"""Excel workbooks and Parquet files, which need random access and carry their own types."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from resources.collection.importing.containers import DEFAULT_LIMITS, DataFile, Limits, opened
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.tables import (
    SAMPLE_ROWS,
    Chunk,
    ChunkBuilder,
    Row,
    text_of,
    to_json,
)

_ARROW_ROWS = 5_000
_MEMORY = 32 << 20
_LARGEST_WORKBOOK = 256 << 20


@contextmanager
def _random_access(
    file: DataFile, limits: Limits, on_read: Callable[[int], None] | None
) -> Iterator[IO[bytes]]:
    """Open a file for reading anywhere; what is compressed is unpacked into a temporary file."""
    with opened(file, limits, on_read) as stream:
        if file.member is None and file.path.suffix.lower() not in {".gz", ".gzip"}:
            yield stream
            return
        with tempfile.SpooledTemporaryFile(_MEMORY) as spooled:
            while piece := stream.read(1 << 20):
                spooled.write(piece)
            spooled.seek(0)
            yield spooled


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

    def chunks(
        self, wanted: Sequence[str], on_read: Callable[[int], None] | None = None
    ) -> Iterator[Chunk]:
        """Stream all its records, with the values of the wanted columns."""
        builder = ChunkBuilder(len(wanted))
        for record in self.records(on_read):
            builder.add([text_of(record.get(name)) for name in wanted], to_json(record))
            if builder.is_full:
                yield builder.take()
        if builder.payloads:
            yield builder.take()

    def records(self, on_read: Callable[[int], None] | None = None) -> Iterator[dict[str, Any]]:
        """Yield its rows, with the fields of structs flattened to names with dots."""
        import pyarrow as pa
        import pyarrow.parquet

        with _random_access(self.file, self.limits, on_read) as stream:
            try:
                parquet = pyarrow.parquet.ParquetFile(stream)
                for batch in parquet.iter_batches(batch_size=_ARROW_ROWS):
                    table = pa.Table.from_batches([batch])
                    while any(pa.types.is_struct(kind) for kind in table.schema.types):
                        table = table.flatten()
                    self.columns = self.columns or list(table.column_names)
                    yield from _as_received(table).to_pylist()
            except pa.ArrowException as error:
                raise ImportFileError(
                    f"{self.file.name} is a damaged Parquet file ({error}). Export it again."
                ) from error


def _as_received(table: Any) -> Any:
    """Turn bytes into text, and times into their ISO form, which JSON can hold."""
    import pyarrow as pa

    for position, kind in enumerate(table.schema.types):
        name = table.column_names[position]
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            values = [
                None if value is None else value.decode(errors="replace")
                for value in table.column(position).to_pylist()
            ]
            table = table.set_column(position, name, pa.array(values, pa.string()))
        elif pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
            table = table.set_column(position, name, table.column(position).cast(pa.string()))
    return table


def read_parquet(file: DataFile, limits: Limits) -> ParquetTable:
    """Understand a Parquet file.

    Raises:
        ImportFileError: It is damaged or has no row.
    """
    table = ParquetTable(file, limits)
    rows = list(islice(table.records(), SAMPLE_ROWS))
    if not rows:
        raise ImportFileError(f"{file.name} has no row: there is nothing to import.")
    table.first_rows = [tuple(text_of(row.get(name)) for name in table.columns) for row in rows]
    return table


@dataclass
class WorkbookTable:
    """The first sheet with rows of an Excel workbook."""

    file: DataFile
    sheet: str
    columns: list[str]
    rows: list[Row]
    notes: list[str]
    has_header: bool = True
    format: str = "XLSX"

    def sample(self) -> Sequence[Row]:
        """Return its first rows."""
        return self.rows[:SAMPLE_ROWS]

    def chunks(
        self, wanted: Sequence[str], on_read: Callable[[int], None] | None = None
    ) -> Iterator[Chunk]:
        """Stream all its records, with the values of the wanted columns."""
        positions = [self.columns.index(name) for name in wanted]
        builder = ChunkBuilder(len(wanted))
        for row in self.rows:
            payload = to_json(dict(zip(self.columns, row, strict=True)))
            builder.add([row[position] for position in positions], payload)
            if builder.is_full:
                yield builder.take()
        if builder.payloads:
            yield builder.take()
        if on_read is not None:
            on_read(self.file.path.stat().st_size)


def read_workbook(file: DataFile, limits: Limits) -> WorkbookTable:
    """Understand an Excel workbook: its first sheet that has rows, header in the first line.

    Raises:
        ImportFileError: It is damaged, too large, or has no row.
    """
    import fastexcel

    with opened(file, limits) as stream:
        content = stream.read(_LARGEST_WORKBOOK + 1)
    if len(content) > _LARGEST_WORKBOOK:
        raise ImportFileError(f"{file.name} is too large for a workbook. Save it as CSV.")
    try:
        workbook = fastexcel.read_excel(content)
        for name in workbook.sheet_names:
            sheet = workbook.load_sheet(name, header_row=None, dtypes="string")
            batch = sheet.to_arrow()
            rows = [
                row
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
                if any(row)
            ]
            if len(rows) > 1:
                return _workbook_table(file, name, rows, workbook.sheet_names)
    except fastexcel.FastExcelError as error:
        raise ImportFileError(
            f"{file.name} is a damaged workbook ({str(error).splitlines()[0]}). Save it again, or "
            "as CSV."
        ) from error
    raise NotReviewsError(f"{file.name} has no sheet with a header and at least one row.")


def _workbook_table(
    file: DataFile, sheet: str, rows: list[Row], sheets: Sequence[str]
) -> WorkbookTable:
    from resources.collection.importing.delimited import name_columns

    columns = name_columns([cell or "" for cell in rows[0]])
    notes = [] if len(sheets) == 1 else [f"Of its {len(sheets)} sheets, {sheet!r} was read."]
    return WorkbookTable(file, sheet, columns, rows[1:], notes)
