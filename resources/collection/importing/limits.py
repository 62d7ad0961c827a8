"""How much one file may hold, for all formats and containers, in one place.

A limit speaks of what is inside a file, since a few kilobytes can unpack to anything. Each is held
before the memory is taken that it guards, is far above what files of reviews have (a million rows,
texts of megabytes, sheets of thirty columns), and is named in the sentence of its refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from resources.collection.importing.errors import ImportFileError
from resources.settings import Settings


@dataclass(frozen=True)
class Limits:
    """How much one import may take in.

    Attributes:
        unpacked_bytes: The most bytes one file may have, on disk and unpacked.
        ratio: The most times larger than packed (text rarely reaches 20, JSON 50)...
        ratio_counts_from: ...once so many bytes are out.
        members: The most files in one zip archive.
        files: The most files and folders in one folder.
        archive_directory_bytes: The largest list of contents of a zip archive.
        record_characters: The longest single line or JSON record.
        long_record_characters: What a record has beyond so many characters is its excess...
        excess_characters: ...and the records that are held together while they land, which are so
            many as the lake's writer holds by their number, may have so much excess together.
        columns: The most columns of a table.
        column_names_characters: The longest that the names of all columns may be together.
        records: The most rows of one workbook or Parquet file.
        empty_lines: The most empty lines in a row.
        workbook_bytes: The largest workbook on disk...
        workbook_unpacked_bytes: ...and unpacked.
        workbook_cells: The most cells between the first and the last used cell, over all sheets.
        workbook_text_bytes: The most text in the cells of all sheets, each repeat counted.
        parquet_text_bytes: So much may a Parquet file unpack to whatever its ratio, since equal
            values cost it nothing; each repeat counted.
        reader_memory_bytes: The most memory of the process that reads a workbook or Parquet file,
            beside its libraries.
        reader_seconds: The most processor time of that process.
    """

    unpacked_bytes: int = 16 << 30
    ratio: int = 200
    ratio_counts_from: int = 64 << 20
    members: int = 2_000
    files: int = 100_000
    archive_directory_bytes: int = 4 << 20
    record_characters: int = 16 << 20
    long_record_characters: int = 16 << 10
    excess_characters: int = 128 << 20
    columns: int = 4_096
    column_names_characters: int = 256 << 10
    records: int = 50_000_000
    empty_lines: int = 10_000_000
    workbook_bytes: int = 256 << 20
    workbook_unpacked_bytes: int = 1 << 30
    workbook_cells: int = 32 << 20
    workbook_text_bytes: int = 512 << 20
    parquet_text_bytes: int = 1 << 30
    reader_memory_bytes: int = 3 << 30
    reader_seconds: int = 600

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the limits that an installation sets, and the usual ones for the rest."""
        return cls(
            unpacked_bytes=settings.import_unpacked, reader_memory_bytes=settings.import_memory
        )

    def unpacked_from(self, packed: int, at_least: int | None = None) -> int:
        """Return the most bytes that a compressed file of a size may unpack to.

        Args:
            packed: Its size on disk, in bytes.
            at_least: What it may unpack to whatever its ratio; ``ratio_counts_from`` by default.
        """
        floor = self.ratio_counts_from if at_least is None else at_least
        return min(self.unpacked_bytes, max(packed * self.ratio, floor))


DEFAULT_LIMITS = Limits()


def in_words(size: int) -> str:
    """Write a number of bytes for people: ``3 GiB``, ``512 MiB``."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size:,} bytes"


def require_columns(names: Sequence[str], file: str, limits: Limits) -> None:
    """Refuse a table that is too wide: every record repeats the names of its columns.

    Raises:
        ImportFileError: It has too many columns, or their names are too long.
    """
    if len(names) > limits.columns:
        raise ImportFileError(
            f"{file} has {len(names):,} columns, more than the {limits.columns:,} that one table "
            "may have. Export only the columns of the reviews, and check the delimiter."
        )
    length = sum(map(len, names))
    if length > limits.column_names_characters:
        raise ImportFileError(
            f"{file} has names of columns of {length:,} characters together, more than "
            f"{limits.column_names_characters:,}: its first line is no header. Check how it was "
            "exported."
        )
