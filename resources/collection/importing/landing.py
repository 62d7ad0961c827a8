"""From files to rows of ``raw_reviews``, each exactly once.

A file's batch id is a hash of who sent it, what is in it and how it is understood, so the same
file is known again by its bytes alone and is skipped without being parsed. All files of one call
land in one commit of the lake: a call that dies before it leaves nothing, and can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from resources.collection.importing.columns import ColumnGuess, guess_table
from resources.collection.importing.containers import (
    DEFAULT_LIMITS,
    Limits,
    files_in,
    members,
)
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.formats import open_table
from resources.collection.importing.tables import Chunk, RecordTable
from resources.storage.schemas import RAW_REVIEWS, TableSpec

if TYPE_CHECKING:
    from resources.storage.lake import Commit

_SCHEMA = RAW_REVIEWS.schema
_PIECE = 1 << 20

# Field of a mapping -> column of raw_reviews, where they are called differently.
_RAW_COLUMNS = {"id": "review_id", "date": "posted_at"}

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
        seconds: Time taken.
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
    """One file on its way, with the tables in it and how they are understood."""

    path: Path
    name: str
    byte_count: int
    batch_id: str
    tables: list[tuple[RecordTable, ColumnGuess]]
    hints: list[str]
    received_at: datetime
    record_count: int = 0
    unreadable_count: int = 0
    skipped: bool = False

    def as_landed(self) -> LandedBatch:
        return LandedBatch(
            self.batch_id, self.name, self.byte_count, self.record_count, self.unreadable_count,
            self.skipped, tuple(guess for _, guess in self.tables),
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
class _Failure:
    """Keeps an error that the lake's writer would wrap into one of its own."""

    error: BaseException | None = field(default=None)


def land(
    path: Path | str,
    *,
    tenant_id: str,
    source: str,
    day: date,
    lake: LandingLake,
    overrides: Mapping[str, str] | None = None,
    rating_scale: float | None = None,
    day_first: bool | None = None,
    received_at: datetime | None = None,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> LandingReport:
    """Land a file, or all data files of a folder, in ``raw_reviews``.

    Args:
        path: A file or folder.
        tenant_id: Whose reviews these are.
        source: What the tenant calls where they come from.
        day: The ingestion day (UTC).
        lake: Where they land.
        overrides: Field -> column, which win over the guess.
        rating_scale: The best rating of the scale used, where the values cannot tell.
        day_first: Whether 01/02/2026 is the first of February, where the values cannot tell.
        received_at: When they arrived; now when None.
        progress: Told how far the reading is.
        limits: How much may be unpacked.

    Raises:
        ImportFileError: A file cannot be imported; then nothing has landed.
    """
    started = time.monotonic()
    paths, notes = files_in(Path(path))
    root = Path(path) if Path(path).is_dir() else Path(path).parent
    user_hints = {"rating_scale": rating_scale, "day_first": day_first}
    deliveries: list[_Delivery] = []
    refusals: list[NotReviewsError] = []
    now = received_at or datetime.now(UTC)
    for position, each in enumerate(paths):
        try:
            delivery, more = _prepare(
                each,
                root,
                (tenant_id, source),
                overrides=overrides,
                hints=user_hints,
                limits=limits,
            )
        except NotReviewsError as error:
            refusals.append(error)
            continue
        # Files of one folder follow each other in time, so that a later file's edits win.
        delivery.received_at = now + timedelta(microseconds=position)
        delivery.skipped = lake.landed(RAW_REVIEWS, delivery.batch_id) or any(
            delivery.batch_id == other.batch_id for other in deliveries
        )
        deliveries.append(delivery)
        notes.extend(more)
    if not deliveries:
        raise refusals[0]
    notes.extend(f"Passed over: {refusal}" for refusal in refusals)
    due = [delivery for delivery in deliveries if not delivery.skipped]
    meter = _Meter(sum(delivery.byte_count for delivery in due), progress)
    commit = _commit(due, lake, meter, tenant_id=tenant_id, source=source, day=day)
    return LandingReport(
        files=len(deliveries),
        records=sum(delivery.record_count for delivery in deliveries),
        bytes=sum(delivery.byte_count for delivery in deliveries),
        batches=tuple(delivery.as_landed() for delivery in deliveries),
        skipped=sum(delivery.skipped for delivery in deliveries),
        seconds=time.monotonic() - started,
        commit=commit,
        notes=tuple(notes),
    )


def _prepare(
    path: Path,
    root: Path,
    owner: tuple[str, str],
    *,
    overrides: Mapping[str, str] | None,
    hints: dict[str, float | bool | None],
    limits: Limits,
) -> tuple[_Delivery, list[str]]:
    """Understand a file's columns and give it its batch id; reads its bytes, not its records."""
    files, notes = members(path, limits)
    tables: list[tuple[RecordTable, ColumnGuess]] = []
    refusals: list[NotReviewsError] = []
    for file in files:
        try:
            table = open_table(file, limits)
            guess = guess_table(table, file.name, overrides)
        except NotReviewsError as error:
            refusals.append(error)
            continue
        tables.append((table, guess))
        notes.extend(f"{file.name}: {note}" for note in guess.notes)
    if not tables:
        raise refusals[0]
    notes.extend(f"Passed over: {refusal}" for refusal in refusals)
    written = [_hints(guess, hints) for _, guess in tables]
    identity = json.dumps([*owner, _content_hash(path), written])
    batch_id = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
    name = path.relative_to(root).as_posix()
    size = path.stat().st_size
    return _Delivery(path, name, size, batch_id, tables, written, datetime.now(UTC)), notes


def _hints(guess: ColumnGuess, user_hints: dict[str, float | bool | None]) -> str:
    """Say how a table is understood; rows with equal hints are read alike when normalising."""
    given = {name: value for name, value in user_hints.items() if value is not None}
    return json.dumps({**given, "mapping": guess.mapping}, sort_keys=True, ensure_ascii=False)


def _content_hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _commit(
    due: list[_Delivery],
    lake: LandingLake,
    meter: _Meter,
    *,
    tenant_id: str,
    source: str,
    day: date,
) -> Commit | None:
    if not due:
        return None
    failure = _Failure()
    constants = {"day": day, "tenant_id": tenant_id, "source": source}
    batches = _batches(due, meter, constants, failure)
    # The first batch is made here, so that a file's usual errors come before anything is written.
    first = next(batches, None)
    if first is None:
        _refuse_empty(due)
    reader = pa.RecordBatchReader.from_batches(_SCHEMA, _with_first(first, batches))
    try:
        return lake.append(RAW_REVIEWS, reader, batches=[delivery.batch_id for delivery in due])
    except Exception as error:
        if failure.error is not None and failure.error is not error:
            raise failure.error from None
        raise


def _with_first(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _refuse_empty(due: list[_Delivery]) -> None:
    raise ImportFileError(
        f"{', '.join(delivery.name for delivery in due)}: no record in it, nothing to import."
    )


def _batches(
    due: list[_Delivery],
    meter: _Meter,
    constants: Mapping[str, object],
    failure: _Failure,
) -> Iterator[pa.RecordBatch]:
    try:
        for delivery in due:
            for (table, guess), hints in zip(delivery.tables, delivery.hints, strict=True):
                for chunk in table.chunks(list(guess.mapping.values()), meter.read):
                    yield _record_batch(chunk, delivery, list(guess.mapping), hints, constants)
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
        **constants, "batch_id": delivery.batch_id, "received_at": delivery.received_at
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
