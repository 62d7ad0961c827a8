"""Keeping a lake's table in order: rows erased for good, small files joined, old files deleted.

All may run beside writers, but for the purge. A commit that meets another writer's is tried again.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

import obstore
import polars as pl
from deltalake import DeltaTable, WriterProperties

from resources.storage.delta_tables import FILE_FORMAT, NO_VERSION, TARGET_FILE_BYTES, DeltaTables
from resources.storage.lake_rows import LakeScopeError, quoted_list, selection
from resources.storage.places import answering, asking, open_place
from resources.storage.schemas import TableSpec

ORPHAN_AGE = timedelta(days=1)
"""A file that no commit names is taken to be left by a killed writer after this time."""


# How long Delta keeps the log, and the names of deleted files in it, where a table does not say.
_AT_ONCE = "interval 0 seconds"
_USUAL = {
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}


@dataclass(frozen=True)
class Compaction:
    """What joining files did.

    Attributes:
        version: The table's version afterwards.
        files_before: Small files that were joined.
        files_after: Files they became.
    """

    version: int
    files_before: int
    files_after: int


class LakeUpkeep:
    """Keeps the tables of a lake in order.

    Args:
        tables: The lake's tables.
    """

    def __init__(self, tables: DeltaTables) -> None:
        self._tables = tables

    def erase(
        self,
        spec: TableSpec,
        *,
        tenants: Collection[str],
        review_keys: Collection[str] | None = None,
        records: Mapping[str, Collection[int]] | None = None,
    ) -> int:
        """Take rows out of the current version, whatever day or batch they are of.

        Older versions can be read, and their files lie there, until ``vacuum`` deletes them. Rows
        that land while this runs stay: stop collecting for the tenants first. Names of tenants
        and batches remain in the table's log for 30 days, or until ``purge``.

        Args:
            spec: The table.
            tenants: Whose rows; nothing is erased when empty.
            review_keys: Only these reviews of the tenants; all when None, nothing when empty.
            records: Only these records, numbers by batch; all when None, nothing when empty.

        Returns:
            The table's version afterwards.

        Raises:
            LakeScopeError: Reviews or records are named and the table does not know them.
            LakeBusyError: Other writers kept changing the same rows.
        """
        condition = _erasure(spec, tenants, review_keys, records)

        def once() -> int:
            table = self._tables.find(spec)
            if table is None:
                return NO_VERSION
            if condition is not None:
                table.delete(condition, writer_properties=FILE_FORMAT)
            return int(table.version())

        return self._tables.retried(spec, once)

    def compact(self, spec: TableSpec) -> Compaction:
        """Join the small files of each partition; no row changes.

        Raises:
            LakeBusyError: Other writers kept changing the same files.
        """

        def once() -> Compaction:
            table = self._tables.find(spec)
            if table is None:
                return Compaction(NO_VERSION, 0, 0)
            return _compact(table, TARGET_FILE_BYTES, FILE_FORMAT)

        return self._tables.retried(spec, once)

    def vacuum(self, spec: TableSpec, retention: timedelta = timedelta(days=7)) -> int:
        """Delete files that only versions older than ``retention`` use; returns how many.

        Those versions cannot be read afterwards. Choose a time longer than any run: a run keeps
        reading the version that it began with. Files of killed writers go after a day at least.
        """

        def once() -> int:
            table = self._tables.find(spec)
            return 0 if table is None else _vacuum(table, retention)

        return self._tables.retried(spec, once)

    def purge(self, spec: TableSpec) -> int:
        """Delete everything but the current version: older files, and the log that tells of them.

        No other version can be read afterwards, not even by whoever reads one at the moment: let
        the runs under way end first. What is in the current version stays, and so does the
        knowledge of which batches have landed.

        Returns:
            How many files were deleted.

        Raises:
            LakeBusyError: Other writers kept changing the table.
        """

        def once() -> int:
            table = self._tables.find(spec)
            return 0 if table is None else _purge(table)

        return self._tables.retried(spec, once)

    def drop_unnamed(self, spec: TableSpec, holds: Callable[[pl.LazyFrame], bool]) -> int:
        """Delete files that no commit names and that hold what must not stay.

        A killed writer leaves such files, and one at work has them for a moment: what they hold
        decides. A file that was cut short cannot be read, and goes with ``vacuum`` after a day.

        Args:
            spec: The table.
            holds: Whether the rows of a file, with the columns it has, must go.

        Returns:
            How many files were deleted.
        """
        table = self._tables.find(spec)
        if table is None:
            return 0
        place = open_place(self._tables.location, self._tables.storage_options)
        doomed = []
        for file in _unnamed_files(table):
            address = f"{self._tables.address(spec)}/{file}"
            rows = pl.scan_parquet(
                address,
                glob=False,
                storage_options=self._tables.storage_options or None,
                credential_provider=None,
            )
            with contextlib.suppress(pl.exceptions.PolarsError, OSError):
                if holds(rows):
                    doomed.append(f"{spec.name}/{file}")
        if doomed:
            with answering(self._tables.location), asking(place, moves_data=True):
                obstore.delete(place, doomed)
        return len(doomed)


def _erasure(
    spec: TableSpec,
    tenants: Collection[str],
    review_keys: Collection[str] | None,
    records: Mapping[str, Collection[int]] | None = None,
) -> str | None:
    """The SQL condition of the rows to erase; None when there can be none.

    The condition stands in the table's log, so it may name no person: rows are told by keys that
    are hashes, and by batch and number.

    Raises:
        LakeScopeError: Reviews or records are named and the table has none.
    """
    if not tenants or any(chosen is not None and not chosen for chosen in (review_keys, records)):
        return None
    conditions = [selection(spec, days=None, tenants=tenants)]
    if review_keys is not None:
        if "review_key" not in spec.schema.names:
            raise LakeScopeError(
                f"Table {spec.name} does not know reviews by their key; erase its tenants instead."
            )
        conditions.append(f"review_key IN {quoted_list(review_keys)}")
    if records is not None:
        if "record_number" not in spec.schema.names:
            raise LakeScopeError(
                f"Table {spec.name} does not know records by their number; erase by review instead."
            )
        conditions.append(f"({' OR '.join(_of_batch(*one) for one in sorted(records.items()))})")
    return " AND ".join(str(condition) for condition in conditions)


def _of_batch(batch: str, numbers: Collection[int]) -> str:
    listed = ", ".join(str(int(number)) for number in sorted(numbers))
    return f"(batch_id IN {quoted_list([batch])} AND record_number IN ({listed}))"


def _compact(table: DeltaTable, target_bytes: int, properties: WriterProperties) -> Compaction:
    """Join the small files of each partition."""
    done = table.optimize.compact(target_size=target_bytes, writer_properties=properties)
    return Compaction(int(table.version()), done["numFilesRemoved"], done["numFilesAdded"])


def _vacuum(table: DeltaTable, retention: timedelta) -> int:
    """Delete files that only older versions use, and what killed writers left; returns how many.

    Only files that a commit took out of the table are judged by ``retention``. A file that no
    commit names may belong to a writer at work, and gets at least ``ORPHAN_AGE``.
    """
    replaced = _delete(table, retention, everything=False)
    return replaced + _delete(table, max(retention, ORPHAN_AGE), everything=True)


def _purge(table: DeltaTable) -> int:
    """Delete the files of older versions, and the log before the current version.

    The log's statistics and conditions tell of rows that are gone. Delta keeps it for a month
    unless the table says otherwise; it says so here for a moment, and the next commits keep theirs
    as usual again.
    """
    deleted = _vacuum(table, timedelta(0))
    set_now = table.metadata().configuration
    usual = {
        name: kept if set_now.get(name, _AT_ONCE) == _AT_ONCE else set_now[name]
        for name, kept in _USUAL.items()
    }
    table.alter.set_table_properties(dict.fromkeys(_USUAL, _AT_ONCE))
    table.create_checkpoint()
    table.cleanup_metadata()
    table.alter.set_table_properties(usual)
    return deleted


def _unnamed_files(table: DeltaTable) -> list[str]:
    """Files that no commit names: a killed writer's, or of one that is about to commit."""
    return list(
        table.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False, full=True)
    )


def _delete(table: DeltaTable, retention: timedelta, *, everything: bool) -> int:
    hours = math.ceil(retention / timedelta(hours=1))
    return len(
        table.vacuum(
            retention_hours=hours,
            dry_run=False,
            enforce_retention_duration=False,
            full=everything,
        )
    )
