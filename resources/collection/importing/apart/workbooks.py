"""Reading an Excel workbook: its sheets are measured as text before the library unpacks them.

The library holds a sheet as a rectangle from its first to its last used cell, and each cell as a
text of its own. So the rectangle and the texts are counted beforehand, on the stream of the
sheet's XML. What is written so oddly that the count misses it meets the limit of memory.
"""

from __future__ import annotations

import functools
import io
import re
import zipfile
from array import array
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from resources.collection.importing.apart.batches import cut
from resources.collection.importing.apart.refusals import RefusedError
from resources.collection.importing.archives import open_archive
from resources.collection.importing.errors import ImportFileError
from resources.collection.importing.limits import Limits
from resources.collection.importing.tables import sample_rows

_PIECE = 1 << 20
_KEPT = 4 << 10  # of a piece, so that a cell cut in two is seen whole
_BATCH_CELLS = 100_000
_BATCH_ROWS = 5_000
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE_XML = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_PLACE = re.compile(rb"""\br\s*=\s*["']\$?([A-Za-z]{1,3})\$?(\d{1,7})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br\s*=\s*["'](\d{1,7})["']""")
_CELL = re.compile(rb"<(?:\w+:)?(row|c)\b")
# A cell that refers to a shared text; one whose kind is spelt with a reference may do so too.
_REFERS = re.compile(rb"""\bt\s*=\s*["'](?:s["']|[^"'<>]*&)""")
_SHARED = re.compile(
    rb"""\bt\s*=\s*["']s["'][^>]*>\s*"""
    rb"""(?:<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f\s*>)\s*)?"""
    rb"""<(?:\w+:)?v\b[^>]*>\s*(\d{1,9})\s*</"""
)
_SHEET_DATA = b"sheetData"
_VALUE = re.compile(rb"<(?:\w+:)?v[\s/>]")
_STRING_END = re.compile(rb"</(?:\w+:)?si\s*>|<(?:\w+:)?si\s*/>")


def read(stream: IO[bytes], output: IO[bytes], limits: Limits, *, whole: bool) -> None:
    """Write the rows of the first sheet that has some as an Arrow stream of texts.

    Empty rows are left out. The schema names the sheet and counts the sheets and rows.

    Raises:
        RefusedError: It is damaged, holds too much, or has no sheet with two rows.
    """
    content = stream.read(limits.workbook_bytes + 1)
    if len(content) > limits.workbook_bytes:
        raise RefusedError("is too large for a workbook. Save its sheet as CSV.")
    if not whole:  # the file is the same when the whole is read
        _measure(content, limits)
    name, count, batch = _first_sheet(content)
    if batch.num_columns > limits.columns:
        raise RefusedError(
            f"has {batch.num_columns:,} columns, more than the {limits.columns:,} that one table "
            "may have. Save only the columns of the reviews, as CSV."
        )
    wanted = batch.num_rows if whole else sample_rows(batch.num_columns) + 1
    said = {"sheet": name, "sheets": str(count), "rows": str(batch.num_rows)}
    with pa.ipc.new_stream(output, batch.schema.with_metadata(said)) as writer:
        for part in _parts(batch.slice(0, wanted)):
            writer.write_batch(part)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(1, batch.num_columns)))
    for start in range(0, batch.num_rows, rows):
        yield from cut(batch.slice(start, rows))


def _first_sheet(content: bytes) -> tuple[str, int, pa.RecordBatch]:
    """Return the name of the first sheet with two rows, the number of sheets, and its cells."""
    import fastexcel

    try:
        workbook = fastexcel.read_excel(content)
        for name in workbook.sheet_names:
            batch = _sheet(workbook, name)
            if batch.num_rows > 1:
                return name, len(workbook.sheet_names), batch
            del batch  # only one sheet is held
    except MemoryError:
        raise
    except BaseException as error:  # the library also panics, which is no Exception
        if not isinstance(error, fastexcel.FastExcelError) and "Panic" not in type(error).__name__:
            raise
        reason = (str(error).splitlines() or [""])[0][:200]
        raise RefusedError(
            f"is a damaged workbook ({reason}). Save it again, or as CSV."
        ) from error
    raise RefusedError("has no sheet with a header and at least one row.", passed_over=True)


def _sheet(workbook: Any, name: str) -> pa.RecordBatch:
    """Return the filled rows of a sheet as texts; nothing else of it is held afterwards."""
    batch = workbook.load_sheet(name, header_row=None, dtypes="string").to_arrow()
    columns = [column.cast(pa.string()) for column in batch.columns]
    names = [f"column {number}" for number in range(batch.num_columns)]
    return _filled(pa.RecordBatch.from_arrays(columns, names=names))


def _filled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows that have a cell with something in it."""
    if not batch.num_columns:
        return batch
    filled = (
        pc.fill_null(pc.greater(pc.binary_length(column), 0), False)  # noqa: FBT003 - no name
        for column in batch.columns
    )
    mask = functools.reduce(pc.or_, filled)
    return batch if pc.all(mask).as_py() else batch.filter(mask)


def _measure(content: bytes, limits: Limits) -> None:
    """Refuse a workbook that would take too much, without unpacking it into memory."""
    try:
        with open_archive(io.BytesIO(content), "It", limits) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            declared = sum(info.file_size for info in infos)
            most = min(limits.workbook_unpacked_bytes, limits.unpacked_from(len(content)))
            if declared > most:
                raise RefusedError(
                    f"would unpack to {declared:,} bytes from {len(content):,}, more than the "
                    f"{most:,} that a workbook of its size may. Save its sheet as CSV."
                )
            extent = _Extent(limits)
            for info in sorted(infos, key=_strings_first):
                if _is_strings(info):
                    extent.know(_string_lengths(archive, info))
                elif _is_sheet(archive, info):
                    _measure_sheet(archive, info, extent)
    except ImportFileError as error:
        raise RefusedError(str(error).removeprefix("It ")) from error


def _strings_first(info: zipfile.ZipInfo) -> tuple[bool, str]:
    return not _is_strings(info), info.filename


def _is_strings(info: zipfile.ZipInfo) -> bool:
    return info.filename.replace("\\", "/").lower().endswith("sharedstrings.xml")


def _is_sheet(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a part holds cells: by its content where its name does not say so."""
    name = info.filename.replace("\\", "/").lower()
    if "sheets/" in name and name.endswith(".xml"):
        return True
    last = b""
    found = False
    for piece in _pieces(archive, info):  # to its end: all XML is looked at
        found = found or _SHEET_DATA in last + piece
        last = piece[-len(_SHEET_DATA) :]
    return found


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the XML of a part; what begins as another kind of XML is refused."""
    with archive.open(info) as stream:
        first = True
        while piece := stream.read(_PIECE):
            if first and piece.startswith(_WIDE_XML):
                raise RefusedError("holds XML that is not UTF-8. Save it again, or as CSV.")
            if _DOCTYPE.search(piece):
                raise RefusedError(
                    "declares entities in its XML, which no workbook needs and which unpack to "
                    "any size. Save it again with a spreadsheet program."
                )
            first = False
            yield piece


def _string_lengths(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> array[int]:
    """Return the length of each shared text, its markup included, in bytes."""
    lengths = array("q")
    done = last = 0
    kept = b""
    for piece in _pieces(archive, info):
        text = kept + piece
        start = done - len(kept)
        end = 0
        for found in _STRING_END.finditer(text):
            end = found.end()
            lengths.append(start + end - last)
            last = start + end
        done += len(piece)
        kept = text[max(end, len(text) - 64) :]
    return lengths


def _measure_sheet(archive: zipfile.ZipFile, info: zipfile.ZipInfo, extent: _Extent) -> None:
    extent.begin_sheet()
    kept = b""
    for piece in _pieces(archive, info):
        text = kept + piece
        # A cell that goes on in the next piece is counted with it.
        at = max(text.rfind(b"<c ", len(text) - _KEPT), text.rfind(b"<row", len(text) - _KEPT))
        whole, kept = (text[:at], text[at:]) if at > 0 else (text, b"")
        extent.add(whole, len(piece))
    extent.add(kept, 0)


class _Extent:
    """How far the cells of a workbook's sheets reach, and how much text is in them.

    Any sheet may be read, since those before it may turn out to have no rows: all count together.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._strings = array("q")
        self._longest = 0
        self._bytes = 0
        self._cells = 0  # of the sheets before this one
        self._columns: set[bytes] = set()
        self._rows: tuple[int, int] | None = None
        self._placeless = 1

    def know(self, strings: array[int]) -> None:
        """Take the lengths of the shared texts, in bytes."""
        self._strings = strings
        self._longest = max(strings, default=0)

    def begin_sheet(self) -> None:
        """Count what is added from here on as another sheet."""
        high, wide = self._reach()
        self._cells += high * wide
        self._columns = set()
        self._rows = None
        self._placeless = 1

    def add(self, text: bytes, size: int) -> None:
        """Count the cells of a piece of XML of some bytes."""
        self._bytes += size + self._shared_bytes(text)
        places = _PLACE.findall(text)
        self._columns.update(letters for letters, _ in places)
        rows = {int(number) for _, number in places} | set(map(int, _ROW.findall(text)))
        if rows:
            rows |= set(self._rows or ())
            self._rows = min(rows), max(rows)
        if text.count(b"<c>") or len(places) < text.count(b"<c "):
            self._count_placeless(text)
        self._require_modest()

    def _shared_bytes(self, text: bytes) -> int:
        """Count the shared texts that cells refer to.

        A cell written so that it does not show to which, or with more values than cells have,
        counts as referring to the longest.
        """
        if not self._longest:
            return 0
        known = len(self._strings)
        shared = _SHARED.findall(text)
        plain = sum(self._strings[at] for at in map(int, shared) if at < known)
        refers = len(_REFERS.findall(text))
        more_values = len(_VALUE.findall(text)) - len(_CELL.findall(text)) if refers else 0
        return plain + (refers - len(shared) + max(0, more_values)) * self._longest

    def _count_placeless(self, text: bytes) -> None:
        """Count the cells of the widest row, for cells that do not say where they are."""
        width = 0
        for name in _CELL.findall(text):
            width = 0 if name == b"row" else width + 1
            self._placeless = max(self._placeless, width)

    def _require_modest(self) -> None:
        limits = self._limits
        if self._bytes > limits.workbook_text_bytes:
            raise RefusedError(
                f"has cells that hold more than {limits.workbook_text_bytes:,} bytes of text "
                "together. Save the sheet of the reviews as CSV."
            )
        high, wide = self._reach()
        cells = high * wide
        if cells > limits.workbook_cells:
            raise RefusedError(
                f"has cells {high:,} rows and {wide:,} columns apart, a sheet of {cells:,} "
                f"cells where {limits.workbook_cells:,} is the most. Delete the cells far from "
                "the table, or save the table as CSV."
            )
        if self._cells + cells > limits.workbook_cells:
            raise RefusedError(
                f"has sheets of {self._cells + cells:,} cells together, from the first to the last "
                f"used one of each, where {limits.workbook_cells:,} is the most. Save the sheet of "
                "the reviews as CSV."
            )

    def _reach(self) -> tuple[int, int]:
        """Return how many rows and columns the sheet has by now, those left empty included."""
        if self._rows is None:
            return 0, 0
        numbers = [_column_number(letters) for letters in self._columns] or [1]
        wide = max(self._placeless, max(numbers) - min(numbers) + 1)
        return self._rows[1] - self._rows[0] + 1, wide


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
