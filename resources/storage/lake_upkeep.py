"""Keeping a lake's table in order: rows erased for good, small files joined, old files deleted.

All three may run beside writers. A commit that meets another writer's is tried again by the lake.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from deltalake import DeltaTable, WriterProperties

from resources.storage.lake_rows import LakeScopeError, quoted_list, selection
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


def erasure(
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


def compact(table: DeltaTable, target_bytes: int, properties: WriterProperties) -> Compaction:
    """Join the small files of each partition."""
    done = table.optimize.compact(target_size=target_bytes, writer_properties=properties)
    return Compaction(int(table.version()), done["numFilesRemoved"], done["numFilesAdded"])


def vacuum(table: DeltaTable, retention: timedelta) -> int:
    """Delete files that only older versions use, and what killed writers left; returns how many.

    Only files that a commit took out of the table are judged by ``retention``. A file that no
    commit names may belong to a writer at work, and gets at least ``ORPHAN_AGE``.
    """
    replaced = _delete(table, retention, everything=False)
    return replaced + _delete(table, max(retention, ORPHAN_AGE), everything=True)


def purge(table: DeltaTable) -> int:
    """Delete the files of older versions, and the log before the current version.

    The log's statistics and conditions tell of rows that are gone. Delta keeps it for a month
    unless the table says otherwise; it says so here for a moment, and the next commits keep theirs
    as usual again.
    """
    deleted = vacuum(table, timedelta(0))
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


def unnamed_files(table: DeltaTable) -> list[str]:
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
