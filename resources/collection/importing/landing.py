"""From the files of a plan to rows of ``raw_reviews``, each exactly once.

A file that has landed is known by its batch id and is skipped without being parsed. All files of
one call land in one commit of the lake: a call that dies before it leaves nothing, and can be
repeated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from resources.collection.importing.columns import ColumnGuess
from resources.collection.importing.errors import ImportFileError
from resources.collection.importing.limits import Limits
from resources.collection.importing.plan import ImportPlan, PlannedFile
from resources.collection.importing.tables import Chunk
from resources.storage.schemas import RAW_REVIEWS, TableSpec

if TYPE_CHECKING:
    from resources.storage.lake import Commit

_SCHEMA = RAW_REVIEWS.schema

HELD_ROWS = 50_000
"""So many rows the lake's writer holds, whatever their size, before it writes a group of them."""

# Field of a mapping -> column of raw_reviews, where they are called differently.
_RAW_COLUMNS = {"id": "review_id", "date": "posted_at"}

Screen = Callable[[pa.RecordBatch], pa.RecordBatch]
"""What rows pass before they land."""

Progress = Callable[[int, int, int], None]
"""Called with (bytes read, bytes in all, rows read)."""


class LandingLake(Protocol):
    """What landing needs of the lake."""

    def landed(self, spec: TableSpec, batch_id: str) -> bool:
        """Whether a batch is in the table already."""

    def append(
        self, spec: TableSpec, rows: pa.RecordBatchReader, *, batches: Collection[str] = ()
    ) -> Commit:
        """Append rows in one commit."""


@dataclass(frozen=True)
class LandedBatch:
    """One file of a landing.

    Attributes:
        batch_id: 32 hexadecimal digits.
        file_name: Name of the file, relative to the folder that was imported.
        byte_count: Its size on disk.
        record_count: Records landed; 0 when skipped.
        unreadable_count: Of these, records that could not be read; normalising rejects them.
        skipped: Whether it had landed before.
        guesses: How its columns were understood, one for each table in it.
    """

    batch_id: str
    file_name: str
    byte_count: int
    record_count: int
    unreadable_count: int
    skipped: bool
    guesses: tuple[ColumnGuess, ...]


@dataclass(frozen=True)
class LandingReport:
    """What one call of :func:`land` did.

    Attributes:
        files: Files taken, landed or skipped.
        records: Records landed.
        bytes: Size of all files on disk.
        batches: One entry per file.
        skipped: How many of the files had landed before.
        seconds: Time taken, planning included.
        commit: The lake's commit, None when every file had landed before.
        notes: Files passed over and how files were read, for people.
    """

    files: int
    records: int
    bytes: int
    batches: tuple[LandedBatch, ...]
    skipped: int
    seconds: float
    commit: Commit | None
    notes: tuple[str, ...]


@dataclass
class _Delivery:
    """One planned file on its way."""

    file: PlannedFile
    received_at: datetime
    skipped: bool
    record_count: int = 0
    unreadable_count: int = 0

    def as_landed(self) -> LandedBatch:
        return LandedBatch(
            self.file.batch_id, self.file.name, self.file.byte_count, self.record_count,
            self.unreadable_count, self.skipped, tuple(table.guess for table in self.file.tables),
        )  # fmt: skip


@dataclass
class _Meter:
    """Counts what was read and reports it."""

    total: int
    progress: Progress | None
    done: int = 0
    rows: int = 0

    def read(self, size: int) -> None:
        self.done += size
        self.report()

    def report(self) -> None:
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total, self.rows)


@dataclass
class _Excess:
    """How much the records that are held together have beyond what records have."""

    records: int = 0
    characters: int = 0

    def add(self, chunk: Chunk, name: str, limits: Limits) -> None:
        """Refuse a file of enormous records; a few are no harm, and are rejected one by one."""
        if self.records + len(chunk) > HELD_ROWS:
            self.records = self.characters = 0
        long = limits.long_record_characters
        self.records += len(chunk)
        self.characters += sum(size - long for one in chunk.payloads if (size := len(one)) > long)
        if self.characters > limits.excess_characters:
            raise ImportFileError(
                f"{name} has too many records of more than {long:,} characters: what they have "
                f"beyond it is more than {limits.excess_characters:,} together. Reviews are not so "
                "long; check how it was exported."
            )


@dataclass
class _Failure:
    """Keeps an error that the lake's writer would wrap into one of its own."""

    error: BaseException | None = field(default=None)


def land(
    plan: ImportPlan,
    *,
    day: date,
    lake: LandingLake,
    received_at: datetime | None = None,
    progress: Progress | None = None,
    screen: Screen = lambda rows: rows,
) -> LandingReport:
    """Land all files of a plan in ``raw_reviews``.

    Args:
        plan: What to land, and how it is understood.
        day: The ingestion day (UTC).
        lake: Where the records land.
        received_at: When they arrived; now when None.
        progress: Told how far the reading is.
        screen: Takes what was erased out of the rows before they land.

    Raises:
        ImportFileError: A file cannot be imported; then nothing has landed.
    """
    started = time.monotonic()
    now = received_at or datetime.now(UTC)
    deliveries: list[_Delivery] = []
    for position, file in enumerate(plan.files):
        is_known = lake.landed(RAW_REVIEWS, file.batch_id) or any(
            file.batch_id == other.file.batch_id for other in deliveries
        )
        # Files of one folder follow each other in time, so that a later file's edits win.
        deliveries.append(_Delivery(file, now + timedelta(microseconds=position), is_known))
    due = [delivery for delivery in deliveries if not delivery.skipped]
    meter = _Meter(sum(delivery.file.byte_count for delivery in due), progress)
    constants = {"day": day, "tenant_id": plan.tenant_id, "source": plan.source}
    commit = _commit(due, lake, meter, constants, limits=plan.limits, screen=screen)
    return LandingReport(
        files=len(deliveries),
        records=sum(delivery.record_count for delivery in deliveries),
        bytes=sum(delivery.file.byte_count for delivery in deliveries),
        batches=tuple(delivery.as_landed() for delivery in deliveries),
        skipped=sum(delivery.skipped for delivery in deliveries),
        seconds=plan.seconds + time.monotonic() - started,
        commit=commit,
        notes=plan.notes,
    )


def _commit(
    due: list[_Delivery],
    lake: LandingLake,
    meter: _Meter,
    constants: Mapping[str, object],
    *,
    limits: Limits,
    screen: Screen,
) -> Commit | None:
    if not due:
        return None
    failure = _Failure()
    batches = _batches(due, meter, constants, failure, limits)
    # The first batch is made here, so that a file's usual errors come before anything is written.
    first = next(batches, None)
    if first is None:
        _refuse_empty(due)
    rows = map(screen, _with_first(first, batches))
    reader = pa.RecordBatchReader.from_batches(_SCHEMA, rows)
    try:
        return lake.append(
            RAW_REVIEWS, reader, batches=[delivery.file.batch_id for delivery in due]
        )
    except Exception as error:
        if failure.error is not None and failure.error is not error:
            raise failure.error from None
        raise


def _with_first(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _refuse_empty(due: list[_Delivery]) -> None:
    raise ImportFileError(
        f"{', '.join(delivery.file.name for delivery in due)}: no record in it, nothing to import."
    )


def _batches(
    due: list[_Delivery],
    meter: _Meter,
    constants: Mapping[str, object],
    failure: _Failure,
    limits: Limits,
) -> Iterator[pa.RecordBatch]:
    excess = _Excess()  # of all files: they land in one commit
    try:
        for delivery in due:
            for table in delivery.file.tables:
                mapping = table.guess.mapping
                for chunk in table.records.chunks(list(mapping.values()), meter.read):
                    excess.add(chunk, delivery.file.name, limits)
                    yield _record_batch(chunk, delivery, list(mapping), table.hints, constants)
                    meter.rows += len(chunk)
                    meter.report()
    except BaseException as error:
        failure.error = error
        raise


def _record_batch(
    chunk: Chunk,
    delivery: _Delivery,
    fields: list[str],
    hints: str,
    constants: Mapping[str, object],
) -> pa.RecordBatch:
    """Turn a chunk of records into rows of ``raw_reviews``."""
    count = len(chunk)
    first = delivery.record_count + 1
    columns: dict[str, pa.Array] = {
        _RAW_COLUMNS.get(one, one): pa.array(values, pa.string())
        for one, values in zip(fields, chunk.columns, strict=True)
    }
    columns["payload"] = pa.array(chunk.payloads, pa.string())
    columns["record_number"] = pa.array(range(first, first + count), pa.int64())
    columns["hints"] = _hints_column(chunk, hints)
    shared = {
        **constants, "batch_id": delivery.file.batch_id, "received_at": delivery.received_at
    }  # fmt: skip
    for name, value in shared.items():
        columns[name] = pa.repeat(pa.scalar(value, _SCHEMA.field(name).type), count)
    delivery.record_count += count
    delivery.unreadable_count += count - chunk.faults.count(None)
    return pa.RecordBatch.from_arrays(
        [columns.get(name, pa.nulls(count, _SCHEMA.field(name).type)) for name in _SCHEMA.names],
        schema=_SCHEMA,
    )


def _hints_column(chunk: Chunk, hints: str) -> pa.Array:
    """Repeat the hints; a record that cannot be read carries the reason instead."""
    if chunk.faults.count(None) == len(chunk):
        return pa.repeat(pa.scalar(hints, pa.string()), len(chunk))
    return pa.array(
        [hints if fault is None else json.dumps({"unreadable": fault}) for fault in chunk.faults],
        pa.string(),
    )
