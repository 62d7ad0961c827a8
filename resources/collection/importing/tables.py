"""What every file format is read as: named columns, a sample, and chunks of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

CHUNK_ROWS = 20_000
CHUNK_CHARACTERS = 16 << 20
SAMPLE_ROWS = 1_000
SAMPLE_CHARACTERS = 32 << 20
_SAMPLE_CELLS = 500_000
_MIN_SAMPLE_ROWS = 50
FAULT_PAYLOAD_CHARACTERS = 1 << 20

Row = tuple[str | None, ...]


def sample_rows(width: int) -> int:
    """Return how many rows of a table of some columns are looked at to know what they mean."""
    return min(SAMPLE_ROWS, max(_MIN_SAMPLE_ROWS, _SAMPLE_CELLS // max(width, 1)))


@dataclass
class Chunk:
    """Some consecutive records.

    Attributes:
        columns: One list of text values per wanted column, in the order they were asked for.
        payloads: The whole records as JSON, or a line as it came where it is no record.
        faults: For each record a sentence why it cannot be read, None where it can.
    """

    columns: list[list[str | None]]
    payloads: list[str]
    faults: list[str | None]

    def __len__(self) -> int:
        return len(self.payloads)


@dataclass
class ChunkBuilder:
    """Collects records until there are enough for a chunk."""

    width: int
    columns: list[list[str | None]] = field(init=False)
    payloads: list[str] = field(default_factory=list)
    faults: list[str | None] = field(default_factory=list)
    characters: int = 0

    def __post_init__(self) -> None:
        self.columns = [[] for _ in range(self.width)]

    @property
    def is_full(self) -> bool:
        """Whether the chunk has reached its size."""
        return len(self.payloads) >= CHUNK_ROWS or self.characters >= CHUNK_CHARACTERS

    def add(self, values: Sequence[str | None], payload: str) -> None:
        """Add a readable record."""
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)
        self.payloads.append(payload)
        self.faults.append(None)
        self.characters += len(payload)

    def add_fault(self, payload: str, fault: str) -> None:
        """Add a record that cannot be read, with the sentence that says why."""
        for column in self.columns:
            column.append(None)
        self.payloads.append(payload[:FAULT_PAYLOAD_CHARACTERS])
        self.faults.append(fault)
        self.characters += len(payload)

    def take(self) -> Chunk:
        """Hand over what was collected and start again."""
        chunk = Chunk(self.columns, self.payloads, self.faults)
        self.columns = [[] for _ in range(self.width)]
        self.payloads, self.faults, self.characters = [], [], 0
        return chunk


class RecordTable(Protocol):
    """A file of records, opened again for each pass."""

    @property
    def format(self) -> str:
        """Its format in words, for example ``CSV``."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of its columns."""

    @property
    def has_header(self) -> bool:
        """Whether the names come from the file (else they are ``column 1``, ``column 2``, ...)."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know about how it was read."""

    def sample(self) -> Sequence[Row]:
        """Return its first rows, at most ``SAMPLE_ROWS``."""

    def forget_sample(self) -> None:
        """Let go of its first rows, once its columns are understood."""

    def chunks(
        self, wanted: Sequence[str], on_read: Callable[[int], None] | None = None
    ) -> Iterator[Chunk]:
        """Stream all its records, with the values of the wanted columns."""


def text_of(value: Any) -> str | None:
    """Write a JSON or Arrow value as text; what is absent or empty becomes None."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return to_json(value)
    return str(value)


def to_json(value: Any) -> str:
    """Write a value as compact JSON; lone surrogates become U+FFFD."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # lone surrogates, integers beyond 64 bits
        import json

        written = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
        return without_surrogates(written)


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 store can hold, by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
