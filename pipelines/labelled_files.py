"""Columns of a labelled file, whatever its format: what evaluation and training read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resources.collection.importing.containers import DataFile, members
from resources.collection.importing.delimited import DelimitedTable, name_columns
from resources.collection.importing.disk import files_in
from resources.collection.importing.formats import open_table
from resources.collection.importing.tables import RecordTable
from resources.errors import ReviewGraphError


class LabelledFileError(ReviewGraphError):
    """A file that lacks what was asked of it."""


@dataclass(frozen=True)
class LabelledFile:
    """Some columns of a file, or of all files in a folder or archive, row after row.

    Attributes:
        name: How messages call it.
        columns: Values of each column that was asked for, as text; None where a cell is empty.
        unreadable: Rows that are no rows: unclosed quotation marks, or another number of cells.
    """

    name: str
    columns: dict[str, list[str | None]]
    unreadable: int

    @property
    def rows(self) -> int:
        """Number of readable rows."""
        return len(next(iter(self.columns.values()), []))

    def joined(self, names: Sequence[str]) -> list[str | None]:
        """Texts of several columns as one, each on a line of its own."""
        return [
            "\n".join(cell for cell in cells if cell) or None
            for cells in zip(*(self.columns[name] for name in names), strict=True)
        ]


def read_labelled_file(path: Path, names: Sequence[str]) -> LabelledFile:
    """Read columns from CSV, TSV, JSON, JSON lines, XLSX or Parquet, also in gzip or zip.

    Args:
        path: A file or a folder of files that all have the columns.
        names: The columns; letter case only counts where two names differ in nothing else.

    Raises:
        LabelledFileError: A column is missing, or there is no row.
        ImportFileError: The file cannot be read.
    """
    names = list(dict.fromkeys(names))
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    unreadable = 0
    for file in _data_files(path):
        table = _with_header(open_table(file), names)
        found = [_find(name, table, file.name) for name in names]
        for chunk in table.chunks(found):
            kept = [number for number, fault in enumerate(chunk.faults) if fault is None]
            unreadable += len(chunk) - len(kept)
            for name, values in zip(names, chunk.columns, strict=True):
                columns[name].extend(values[number] for number in kept)
    labelled = LabelledFile(path.name, columns, unreadable)
    if not labelled.rows:
        raise LabelledFileError(f"{path.name} has no rows. Check that its export has finished.")
    return labelled


def _data_files(path: Path) -> list[DataFile]:
    return [file for found in files_in(path)[0] for file in members(found)[0]]


def _with_header(table: RecordTable, names: Sequence[str]) -> RecordTable:
    """The table with its first line as header, where that line holds the very names asked for."""
    if table.has_header or not isinstance(table, DelimitedTable):
        return table
    first = table.sample()[0] if table.sample() else ()
    cells = [(cell or "").replace("\ufeff", "").strip() for cell in first]
    if not set(names) <= set(cells):
        return table
    return replace(
        table, columns=name_columns(cells), has_header=True, first_rows=table.first_rows[1:]
    )


def _find(name: str, table: RecordTable, file: str) -> str:
    if name in table.columns:
        return name
    alike = [column for column in table.columns if column.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    there = ", ".join(repr(column) for column in table.columns)
    raise LabelledFileError(f"{file} has no column {name!r}. Its columns are: {there}.")
