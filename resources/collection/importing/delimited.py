"""CSV, TSV and plain lines of text.

Python's own reader takes them: it streams, it is fast enough (several hundred thousand rows per
second), and it forgives what hand-made files contain. On top of it lie the dialect (found by which
delimiter gives rows of one width), the header (or its absence), and the damage: a row of another
width than the header costs that row alone, and so does a quote that is never closed in the rest of
the file. A quote that the next row's own quotes happen to close joins the two rows.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Literal

import orjson

from resources.collection.importing.column_names import is_known_name
from resources.collection.importing.containers import DataFile, opened
from resources.collection.importing.encodings import FORGIVING, Encoding
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits, require_columns
from resources.collection.importing.tables import SAMPLE_ROWS, Chunk, ChunkBuilder, Row
from resources.collection.importing.values import is_date, is_number

_DELIMITERS = ",;\t|"
_DIALECT_ROWS = 200
_LONGEST_FIELD = 16 << 20
_MAX_REPAIRS = 100
_MAX_LINES_OF_RECORD = 100_000  # behind an open quotation mark; a text has hundreds at most
_HEADER_CELL_CHARACTERS = 60
_HEADER_CELL_WORDS = 5
_TYPED_SHARE = 0.9
_AGREEING_SHARE = 0.5
_SHARE_BELOW_HEADER = 0.6
_SHARE_AS_WIDE_AS_HEADER = 0.2
_PROSE_WORDS = 3
_END = "\x00\x01 end of file \x01\x00"
_LINE_BREAK_CHARACTERS = 2
_UNCLOSED = "A quotation mark opened in this line is never closed."


@dataclass(frozen=True)
class Dialect:
    """How cells are separated; ``quoting`` is one of the csv module's constants."""

    delimiter: str
    quoting: Literal[0, 3]


@dataclass
class DelimitedTable:
    """A file of delimited text, see :class:`resources.collection.importing.tables.RecordTable`."""

    file: DataFile
    encoding: Encoding
    dialect: Dialect
    columns: list[str]
    has_header: bool
    first_rows: list[Row]
    limits: Limits = DEFAULT_LIMITS
    notes: list[str] = field(default_factory=list)

    @property
    def format(self) -> str:
        """Its format in words."""
        if len(self.columns) == 1:
            return "lines of text"
        return "TSV" if self.dialect.delimiter == "\t" else "CSV"

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
        width = len(self.columns)
        builder = ChunkBuilder(len(wanted))
        keys = self.columns
        dumps = orjson.dumps
        with opened(self.file, self.limits, on_read) as stream:
            text = io.TextIOWrapper(stream, self.encoding.name, FORGIVING, newline="")
            lines = _Lines(text, self.file, self.limits)
            records = _records(lines, self.dialect)
            if self.has_header:
                next(records, None)
            for row, fault in records:
                if fault is not None:
                    builder.add_fault(row[0], fault)
                elif len(row) == width or (len(row) > width and not any(row[width:])):
                    payload = dumps(dict(zip(keys, row, strict=False))).decode()
                    builder.add([row[position] or None for position in positions], payload)
                elif row:
                    builder.add_fault(
                        self.dialect.delimiter.join(row),
                        f"The row has {len(row)} cells where the others have {width}.",
                    )
                if builder.is_full:
                    yield builder.take()
            if builder.payloads:
                yield builder.take()


class _EndlessRecordError(Exception):
    """So many lines lie behind an open quotation mark that it was never meant to be one."""


class _Lines:
    """The lines of a text, remembering those of the record that is being read."""

    def __init__(self, text: io.TextIOBase, file: DataFile, limits: Limits) -> None:
        self._lines = self._bounded(text, file, limits)
        self.recent: list[str] = []

    @staticmethod
    def _bounded(text: io.TextIOBase, file: DataFile, limits: Limits) -> Iterator[str]:
        longest = limits.record_characters
        empty = 0
        while line := text.readline(longest):
            if len(line) >= longest:
                raise ImportFileError(
                    f"{file.name} has a line of more than {longest:,} characters. A file of "
                    "reviews has one review per line; check how it was exported."
                )
            empty = 0 if len(line) > _LINE_BREAK_CHARACTERS else empty + 1
            if empty > limits.empty_lines:
                raise ImportFileError(
                    f"{file.name} has more than {limits.empty_lines:,} empty lines in a row. "
                    "Remove them; check how it was exported."
                )
            yield line

    def push_back(self, lines: Sequence[str]) -> None:
        """Give lines back, to be read again before the rest."""
        self._lines = chain(lines, self._lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.recent.append(line)
        if len(self.recent) > _MAX_LINES_OF_RECORD:
            raise _EndlessRecordError
        return line


def _records(lines: _Lines, dialect: Dialect) -> Iterator[tuple[list[str], str | None]]:
    """Yield rows; for a line that cannot be a row, the line alone and the reason."""
    csv.field_size_limit(_LONGEST_FIELD)
    for repairs in range(_MAX_REPAIRS + 1):
        if (yield from _records_until_damage(lines, dialect)):
            return
        # The line with the open quotation mark is lost, those that it swallowed are read again.
        first, *rest = lines.recent
        if repairs == _MAX_REPAIRS:
            raise ImportFileError(
                f"More than {_MAX_REPAIRS} quotation marks are never closed, the last one in the "
                f'line that begins "{first[:60].strip()}". Export the file again with quotation '
                "marks inside texts doubled."
            )
        yield [first.rstrip("\r\n")], _UNCLOSED
        lines.recent.clear()
        lines.push_back(rest)


def _records_until_damage(
    lines: _Lines, dialect: Dialect
) -> Generator[tuple[list[str], str | None], None, bool]:
    """Yield rows until the end (returns True) or a quotation mark that is never closed (False)."""
    # The sentinel is a row of its own, unless a quotation mark is still open: then it is
    # swallowed like everything behind that mark, which is how we know.
    reader = csv.reader(chain(lines, (_END,)), delimiter=dialect.delimiter, quoting=dialect.quoting)
    try:
        for row in reader:
            if row and row[-1].endswith(_END):
                return row == [_END]
            if row:
                yield row, None
            lines.recent.clear()
    except (csv.Error, _EndlessRecordError):
        return False
    return True


def read_delimited(
    file: DataFile, head: str, encoding: Encoding, *, head_is_all: bool, limits: Limits
) -> DelimitedTable:
    """Understand a text file as a table.

    Args:
        file: Where it lies.
        head: Its first characters.
        encoding: Its encoding.
        head_is_all: Whether ``head`` is the whole file.
        limits: See :class:`Limits`.

    Raises:
        NotReviewsError: It is no table of text.
    """
    dialect = _find_dialect(head, limits.columns)
    rows = _parse_head(head, dialect, SAMPLE_ROWS + 1, head_is_all=head_is_all)
    if not rows:
        raise ImportFileError(f"{file.name} is empty: it has no line with anything in it.")
    width = _usual_width(rows)
    require_columns([""] * max(width, len(rows[0])), file.name, limits)
    has_header = _has_header(rows)
    columns = (
        _header(rows[0], width, rows[1:])
        if has_header
        else [f"column {position}" for position in range(1, width + 1)]
    )
    body = rows[1:] if has_header else rows
    sample: list[Row] = [
        tuple(cell or None for cell in row) for row in body if len(row) == len(columns)
    ]
    if len(columns) == 1 and not has_header and not _is_prose(sample):
        raise NotReviewsError(
            f"{file.name} is not a file of reviews: it has no columns, and its lines are not "
            "sentences. CSV, TSV, JSON, JSON lines, XLSX and Parquet can be imported."
        )
    notes = [encoding.note] if encoding.note else []
    if not has_header:
        notes.append("The file has no header line; its columns are called column 1, column 2, ...")
    return DelimitedTable(file, encoding, dialect, columns, has_header, sample, limits, notes)


def _parse_head(
    head: str, dialect: Dialect, limit: int, *, head_is_all: bool = False
) -> list[list[str]]:
    lines = head.splitlines(keepends=True)
    if not head_is_all and len(lines) > 1:
        lines = lines[:-1]
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=dialect.quoting)
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice((row for row in reader if row), limit + 1))
    return rows[:limit]


def _find_dialect(head: str, most_columns: int) -> Dialect:
    """Take the delimiter under which most rows have one width, and the widest at that."""
    best, best_score = Dialect("\x1f", csv.QUOTE_NONE), (_AGREEING_SHARE, 0)
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, csv.QUOTE_MINIMAL)
        rows = _parse_head(head, dialect, _DIALECT_ROWS)
        share, width = _agreement(rows)
        if rows and 1 < len(rows[0]) <= most_columns and any(map(is_known_name, rows[0])):
            share, width = max(share, _SHARE_BELOW_HEADER), len(rows[0])
        if width > 1 and (share, width) > best_score:
            best, best_score = dialect, (share, width)
        elif delimiter == "," and (share, width) == (1.0, 1) and '"' in head:
            best = dialect  # one column of quoted texts
    if best.delimiter == "\t" and not _is_quoted(head):
        return Dialect("\t", csv.QUOTE_NONE)
    return best


def _agreement(rows: list[list[str]]) -> tuple[float, int]:
    """The share of rows, to a tenth, that have the most frequent width, and that width."""
    if not rows:
        return 0.0, 1
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return round(count / len(rows), 1), width


def _is_quoted(head: str) -> bool:
    """Whether quotation marks in tab-separated text enclose cells, and are not just text."""
    bare = _parse_head(head, Dialect("\t", csv.QUOTE_NONE), SAMPLE_ROWS)
    if (
        _agreement(bare)[0]
        < _agreement(_parse_head(head, Dialect("\t", csv.QUOTE_MINIMAL), SAMPLE_ROWS))[0]
    ):
        return True
    cells = [cell.strip() for row in bare for cell in row if cell.lstrip().startswith('"')]
    return all(
        len(cell) > 1 and cell.endswith('"') and cell[1:-1].count('"') % 2 == 0 for cell in cells
    )


def _usual_width(rows: list[list[str]]) -> int:
    """How many cells a row has: as many as the first one, unless hardly any other agrees."""
    body = rows[1:]
    agreeing = sum(len(row) == len(rows[0]) for row in body)
    if agreeing >= _SHARE_AS_WIDE_AS_HEADER * len(body):
        return len(rows[0])
    return _agreement(body)[1]


def _header(cells: list[str], width: int, body: list[list[str]]) -> list[str]:
    """Name the columns: each once, and as many as the rows have cells."""
    cells = [cell.replace("\ufeff", "").strip() for cell in cells]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    if body and len(cells) + 1 == width:
        trailing = all(not row[-1] for row in body if len(row) == width)
        cells = [*cells, ""] if trailing else ["", *cells]
    return name_columns(cells)


def name_columns(cells: Sequence[str]) -> list[str]:
    """Give each column a name of its own; one without is called ``unnamed`` and its position."""
    names: dict[str, None] = {}
    for position, cell in enumerate(cells, start=1):
        name = cell or f"unnamed {position}"
        while name in names:
            name = f"{name} ({position})"
        names[name] = None
    return list(names)


def _has_header(rows: list[list[str]]) -> bool:
    first, body = rows[0], rows[1:_DIALECT_ROWS]
    if any(is_known_name(cell) for cell in first):
        return True
    cells = [cell.strip() for cell in first if cell.strip()]
    if not cells or any(is_number(cell) or is_date(cell) for cell in cells):
        return False
    if any(
        len(cell) > _HEADER_CELL_CHARACTERS or len(cell.split()) > _HEADER_CELL_WORDS
        for cell in cells
    ) or len(set(cells)) < len(cells):
        return False
    for position in range(len(first)):
        column = [row[position].strip() for row in body if len(row) > position]
        column = [cell for cell in column if cell]
        typed = sum(is_number(cell) or is_date(cell) for cell in column)
        if column and typed >= _TYPED_SHARE * len(column):
            return True
    longest = max((len(cell) for row in body for cell in row), default=0)
    return len(first) > 1 and longest > 2 * max(len(cell) for cell in cells)


def _is_prose(sample: list[Row]) -> bool:
    texts = [cell for row in sample for cell in row if cell]
    if not texts:
        return False
    words = sum(len(text.split()) for text in texts) / len(texts)
    letters = sum(char.isalpha() or char.isspace() for text in texts for char in text)
    share = letters / sum(len(text) for text in texts)
    return share > 0.7 and (words >= _PROSE_WORDS or max(map(ord, "".join(texts))) > 0x0E00)  # noqa: PLR2004 - scripts without spaces begin at Thai
