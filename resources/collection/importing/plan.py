"""What an import is going to do, found out once: to be shown to people, and then landed.

A plan reads the files' bytes, for their batch ids, and their beginnings, for their columns. A
file's batch id is a hash of who sent it, what is in it and how it is understood, so the same file
is known again by its bytes alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.collection.importing.columns import ColumnGuess, guess_table
from resources.collection.importing.containers import members
from resources.collection.importing.disk import (
    FoundFile,
    changed_while_read,
    files_in,
    open_ordinary,
)
from resources.collection.importing.errors import NotReviewsError
from resources.collection.importing.formats import open_table
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits
from resources.collection.importing.tables import RecordTable
from resources.values.visible import visible

_PIECE = 1 << 20
_LONGEST_NAME = 200


@dataclass(frozen=True)
class PlannedTable:
    """One table of records: a file, or a member of an archive.

    Attributes:
        records: Opened again for each pass.
        guess: How its columns are understood.
        hints: The same as JSON, with what the user said about the values; rows with equal hints
            are read alike when normalising.
    """

    records: RecordTable
    guess: ColumnGuess
    hints: str


@dataclass(frozen=True)
class PlannedFile:
    """One file on disk, which will be one batch.

    Attributes:
        path: Where it is.
        name: Relative to the folder that is imported.
        byte_count: Its size on disk.
        batch_id: 32 hexadecimal digits.
        tables: What is in it, at least one.
    """

    path: Path
    name: str
    byte_count: int
    batch_id: str
    tables: tuple[PlannedTable, ...]


@dataclass(frozen=True)
class ImportPlan:
    """What an import is going to do.

    Attributes:
        path: The file or folder.
        tenant_id: Whose reviews these are.
        source: What the tenant calls where they come from.
        files: The files of reviews in it, at least one.
        notes: Files passed over and how files are read, for people.
        seconds: How long it took to find out.
        limits: How much each file may hold.
    """

    path: Path
    tenant_id: str
    source: str
    files: tuple[PlannedFile, ...]
    notes: tuple[str, ...]
    seconds: float
    limits: Limits = DEFAULT_LIMITS

    @property
    def guess(self) -> ColumnGuess:
        """How the columns of the first file of reviews are understood."""
        return self.files[0].tables[0].guess


@dataclass(frozen=True)
class _Reading:
    """How all files of a plan are read."""

    tenant_id: str
    source: str
    overrides: Mapping[str, str] | None
    user_hints: Mapping[str, float | bool]
    limits: Limits


def plan_import(
    path: Path | str,
    *,
    tenant_id: str,
    source: str | None = None,
    overrides: Mapping[str, str] | None = None,
    rating_scale: float | None = None,
    day_first: bool | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ImportPlan:
    """Plan the import of a file, or of all data files of a folder.

    Args:
        path: A file or folder.
        tenant_id: Whose reviews these are.
        source: What the tenant calls where they come from; by default the file names it.
        overrides: Field -> column, which win over the guess.
        rating_scale: The best rating of the scale used, where the values cannot tell.
        day_first: Whether 01/02/2026 is the first of February, where the values cannot tell.
        limits: How much a file may hold.

    Raises:
        ImportFileError: A file cannot be imported: it is missing, damaged or too large, no column
            holds the text, or an override names a field or a column that does not exist.
    """
    started = time.monotonic()
    path = Path(path)
    hints = {"rating_scale": rating_scale, "day_first": day_first}
    given = {name: value for name, value in hints.items() if value is not None}
    reading = _Reading(tenant_id, source or source_name(path), overrides, given, limits)
    found, notes = files_in(path, limits)
    root = path if path.is_dir() else path.parent
    files: list[PlannedFile] = []
    refusals: list[NotReviewsError] = []
    for each in found:
        try:
            file, more = _plan_file(each, root, reading)
        except NotReviewsError as error:
            refusals.append(error)
            continue
        files.append(file)
        notes.extend(more)
    if not files:
        raise refusals[0]
    notes.extend(f"Passed over: {refusal}" for refusal in refusals)
    seconds = time.monotonic() - started
    told = tuple(map(visible, notes))
    return ImportPlan(path, tenant_id, reading.source, tuple(files), told, seconds, limits)


def source_name(path: Path) -> str:
    """Name a source after a file: ``Womens Reviews.csv.gz`` -> ``womens-reviews``."""
    return as_source_name(path.resolve().name.split(".")[0])


def as_source_name(name: str) -> str:
    """Write a name in lower case letters, digits and dashes, as the name of a source or file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME] or "file"


def _plan_file(found: FoundFile, root: Path, reading: _Reading) -> tuple[PlannedFile, list[str]]:
    """Understand a file's columns and give it its batch id; reads its bytes, not its records."""
    streams, notes = members(found, reading.limits)
    tables: list[PlannedTable] = []
    refusals: list[NotReviewsError] = []
    for stream in streams:
        try:
            records = open_table(stream, reading.limits)
            guess = guess_table(records, stream.name, reading.overrides)
        except NotReviewsError as error:
            refusals.append(error)
            continue
        records.forget_sample()  # a plan may hold thousands of tables
        tables.append(PlannedTable(records, guess, _hints(guess, reading.user_hints)))
        notes.extend(f"{stream.name}: {note}" for note in guess.notes)
    if not tables:
        raise refusals[0]
    notes.extend(f"Passed over: {refusal}" for refusal in refusals)
    understood = [table.hints for table in tables]
    content = _content_hash(found, reading.limits)
    identity = json.dumps([reading.tenant_id, reading.source, content, understood])
    batch_id = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
    name = visible(found.path.relative_to(root).as_posix())
    size = found.identity.size
    return PlannedFile(found.path, name, size, batch_id, tuple(tables)), notes


def _hints(guess: ColumnGuess, given: Mapping[str, float | bool]) -> str:
    """Say how a table is understood, as every row of it will carry it."""
    return json.dumps({**given, "mapping": guess.mapping}, sort_keys=True, ensure_ascii=False)


def _content_hash(found: FoundFile, limits: Limits) -> str:
    digest = hashlib.blake2b(digest_size=20)
    size = 0
    with open_ordinary(found, limits) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    if size != found.identity.size:
        raise changed_while_read(found.path)
    return digest.hexdigest()
