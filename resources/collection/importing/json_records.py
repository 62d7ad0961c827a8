"""JSON: one array of records, an object around such an array, or one record per line.

A record's nested objects are flattened into names with dots (``user.name``). Arrays are read with a
sliding window over the text, so that memory holds one chunk of records, never the file.

The window is ours although ijson streams as fast (both about 400,000 small records a second).
ijson takes strict JSON in UTF-8 alone: it stops at NaN, at a line break inside a text, at a byte
order mark and at an integer of more than 64 bits, reads half a surrogate pair as "?", and holds a
single value however long it is. Exports of review tools have all of these.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from resources.collection.importing.containers import DataFile, opened
from resources.collection.importing.encodings import FORGIVING, Encoding
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits, require_columns
from resources.collection.importing.tables import (
    SAMPLE_CHARACTERS,
    SAMPLE_ROWS,
    Chunk,
    ChunkBuilder,
    Row,
    sample_rows,
    text_of,
    to_json,
    without_surrogates,
)

_WINDOW = 1 << 20
_TOKEN = 16
_DEEPEST_COLUMN = 3
_DEEPEST_RECORDS = 20  # objects around the list of records
_RECORD_ARRAYS = frozenset(
    {"reviews", "data", "items", "results", "records", "rows", "comments", "feedback"}
)
_NO_RECORD = "The entry is not a JSON object."


class _Reader:
    """Walks through JSON text that arrives piece by piece."""

    def __init__(self, text: io.TextIOBase, name: str, longest: int) -> None:
        self._text = text
        self._name = name
        self._longest = longest
        self._decoder = json.JSONDecoder(strict=False)
        self._buffer = ""
        self._position = 0
        self._dropped = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not white space, or ``""`` at the end."""
        while True:
            while self._position < len(self._buffer):
                if self._buffer[self._position] not in " \t\r\n\ufeff":
                    return self._buffer[self._position]
                self._position += 1
            if not self._refill():
                return ""

    def take(self, expected: str) -> bool:
        """Step over a character, if it comes next."""
        if self.peek() != expected:
            return False
        self._position += 1
        return True

    def value(self) -> Any:
        """Decode the next value whole."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated") or (
                    error.pos > len(self._buffer) - _TOKEN
                )
                if not (unfinished and self._refill()):
                    self.fail(error.msg, error.pos)
            except RecursionError:
                self.fail("Values are nested too deeply", self._position)
            except ValueError as error:
                self.fail(str(error), self._position)
            else:
                if end < len(self._buffer) or not self._refill():
                    self._position = end
                    return value

    def fail(self, what: str, position: int | None = None) -> None:
        """Say what is broken and where."""
        at = self._position if position is None else position
        near = self._buffer[max(0, at - 30) : at + 30]
        raise ImportFileError(
            f"{self._name} is broken JSON at character {self._dropped + at + 1:,}: {what}, near "
            f"{near!r}. Nothing was imported; mend or export the file again."
        )

    def _refill(self) -> bool:
        if self._ended:
            return False
        kept = self._buffer[self._position :]
        if len(kept) > self._longest:
            self.fail(f"one value is longer than {self._longest:,} characters")
        piece = self._text.read(max(_WINDOW, len(kept)))
        self._ended = not piece
        self._dropped += self._position
        self._buffer, self._position = kept + piece, 0
        return not self._ended


def _elements(reader: _Reader) -> Iterator[Any]:
    """Yield the elements of the array that comes next."""
    reader.take("[")
    if reader.take("]"):
        return
    while True:
        yield reader.value()
        if reader.take("]"):
            return
        if not reader.take(","):
            reader.fail("a comma or the end of the list is missing")


def _enter_records(reader: _Reader, *, known_only: bool, depth: int = 1) -> bool:
    """Go to the first array of records; return whether there is one."""
    if reader.peek() == "[":
        return True
    if not reader.take("{"):
        reader.value()
        return False
    if reader.take("}"):
        return False
    while True:
        if _enter_member(reader, known_only=known_only, depth=depth):
            return True
        if reader.take("}"):
            return False
        if not reader.take(","):
            reader.fail("a comma or a closing brace is missing")


def _enter_member(reader: _Reader, *, known_only: bool, depth: int) -> bool:
    """Step into or over one member of an object; return whether it holds the records."""
    key = reader.value()
    if not reader.take(":"):
        reader.fail("a colon is missing")
    follows = reader.peek()
    if follows == "[" and (not known_only or str(key).lower() in _RECORD_ARRAYS):
        return True
    if follows == "{" and depth < _DEEPEST_RECORDS:
        return _enter_records(reader, known_only=known_only, depth=depth + 1)
    reader.value()
    return False


@dataclass
class JsonTable:
    """A file of JSON records, see :class:`resources.collection.importing.tables.RecordTable`.

    Attributes:
        per_line: Whether each line is a record of its own.
        known_only: Whether the array of records has a usual name, such as ``reviews``.
    """

    file: DataFile
    encoding: Encoding
    per_line: bool
    limits: Limits = DEFAULT_LIMITS
    known_only: bool = False
    columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_header: bool = True
    first_rows: list[Row] = field(default_factory=list)

    @property
    def format(self) -> str:
        """Its format in words."""
        return "JSON lines" if self.per_line else "JSON"

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
        paths = [tuple(name.split(".")) for name in wanted]
        builder = ChunkBuilder(len(wanted))
        for record, line in self._records(on_read):
            if isinstance(record, dict):
                payload = _payload(record) if line is None else line
                if payload is None:
                    builder.add_fault("", "The entry is nested too deeply.")
                else:
                    values = [_value_at(record, *one) for one in zip(wanted, paths, strict=True)]
                    builder.add(values, payload)
            elif isinstance(record, Exception):
                builder.add_fault(line or "", f"The line is not JSON: {record}.")
            else:
                builder.add_fault(_payload(record) or "", _NO_RECORD)
            if builder.is_full:
                yield builder.take()
        if builder.payloads:
            yield builder.take()

    def first_records(self) -> list[dict[str, Any]]:
        """Return the first records that are objects."""
        found: list[dict[str, Any]] = []
        characters = 0
        for record, line in self._records(None):
            payload = _payload(record) if line is None else line
            characters += len(payload or "")
            if isinstance(record, dict) and payload is not None:
                found.append(record)
            if len(found) >= SAMPLE_ROWS or characters >= SAMPLE_CHARACTERS:
                break
        return found

    def _records(self, on_read: Callable[[int], None] | None) -> Iterator[tuple[Any, str | None]]:
        with opened(self.file, self.limits, on_read) as stream:
            text = io.TextIOWrapper(stream, self.encoding.name, FORGIVING, newline="\n")
            if self.per_line:
                yield from _line_records(text, self.file.name, self.limits.record_characters)
                return
            reader = _Reader(text, self.file.name, self.limits.record_characters)
            if _enter_records(reader, known_only=self.known_only):
                for element in _elements(reader):
                    yield element, None


def _line_records(text: io.TextIOBase, name: str, longest: int) -> Iterator[tuple[Any, str | None]]:
    while line := text.readline(longest):
        if len(line) >= longest:
            raise ImportFileError(
                f"{name} has a line of more than {longest:,} characters. A file of JSON lines has "
                "one review per line; check how it was exported."
            )
        if trimmed := line.strip().removeprefix("\ufeff"):
            yield _parse_line(trimmed)


def _parse_line(line: str) -> tuple[Any, str]:
    try:
        return orjson.loads(line), line
    except (orjson.JSONDecodeError, RecursionError):
        return _parse_unusual_line(line)


def _parse_unusual_line(line: str) -> tuple[Any, str]:
    """Take what orjson refuses and Python's own parser accepts: NaN, lone surrogates."""
    try:
        record = json.loads(line, strict=False)
    except json.JSONDecodeError as error:
        return ValueError(f"{error.msg} at character {error.pos + 1}"), line
    except RecursionError:
        return ValueError("values are nested too deeply"), line
    except ValueError as error:
        return error, line
    try:
        payload = to_json(record)
    except RecursionError:
        return ValueError("values are nested too deeply"), line
    return json.loads(payload), payload


def _payload(record: Any) -> str | None:
    """Write a record as JSON; None where it is nested too deeply to be written."""
    try:
        return to_json(record)
    except RecursionError:
        return None


def _value_at(record: dict[str, Any], name: str, path: tuple[str, ...]) -> str | None:
    value: Any = record.get(name)
    if value is None and len(path) > 1:
        value = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
    text = text_of(value)
    return text if text is None or text.isascii() else without_surrogates(text)


def _columns_of(
    records: Sequence[dict[str, Any]], name: str, limits: Limits
) -> tuple[list[str], list[dict[str, Any]]]:
    """Name the columns of records, and flatten the records to them.

    Objects whose keys are values (a count for each day) give more names than a table can have;
    then only the outermost keys are columns.
    """
    columns: list[str] = []
    flat: list[dict[str, Any]] = []
    for deepest in (_DEEPEST_COLUMN, 1):
        flat = [_flatten(record, deepest) for record in records]
        named = dict.fromkeys(column for record in flat for column in record)
        columns = [column for column in named if without_surrogates(column) == column]
        if len(columns) <= limits.columns:
            break
    require_columns(columns, name, limits)
    return columns, flat[: sample_rows(len(columns))]


def _flatten(
    record: dict[str, Any], deepest: int, prefix: str = "", depth: int = 1
) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and value and depth < deepest:
            flat.update(_flatten(value, deepest, f"{prefix}{key}.", depth + 1))
        else:
            flat[prefix + key] = value
    return flat


def looks_like_lines(head: str, suffix: str) -> bool:
    """Whether text that begins like JSON holds one record per line."""
    lines = [line for line in head.splitlines()[:3] if line.strip()]
    if suffix in {".jsonl", ".ndjson"}:
        return True
    whole = [isinstance(_parse_line(line.strip())[0], dict) for line in lines]
    return len(lines) > 1 and any(whole[:2]) and lines[1].lstrip().startswith("{")


def read_json(
    file: DataFile, head: str, encoding: Encoding, limits: Limits = DEFAULT_LIMITS
) -> JsonTable:
    """Understand a text file as JSON records.

    Raises:
        NotReviewsError: It holds no list of records.
        ImportFileError: It is broken, with the position.
    """
    table = JsonTable(file, encoding, looks_like_lines(head, file.suffix), limits)
    records: list[dict[str, Any]] = []
    for known_only in (False,) if table.per_line or head.lstrip("\ufeff \r\n\t")[:1] == "[" else (
        True, False,
    ):  # fmt: skip
        table.known_only = known_only
        records = table.first_records()
        if records:
            break
    if not records:
        raise NotReviewsError(
            f"{file.name} holds no review: no list of JSON objects was found in it. Expected is "
            '[{...}, ...], {"reviews": [...]}, or one object per line.'
        )
    table.columns, flat = _columns_of(records, file.name, limits)
    table.first_rows = [
        tuple(text_of(record.get(name)) for name in table.columns) for record in flat
    ]
    if encoding.note:
        table.notes.append(encoding.note)
    return table
