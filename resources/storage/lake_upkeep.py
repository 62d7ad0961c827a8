"""Keeping a lake's table in order: rows erased for good, small files joined, old files deleted.

All three may run beside writers. A commit that meets another writer's is tried again by the lake.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from deltalake import DeltaTable, WriterProperties

from resources.storage.lake_rows import LakeScopeError, quoted_list, selection
from resources.storage.schemas import TableSpec

ORPHAN_AGE = timedelta(days=1)
"""A file that no commit names is taken to be left by a killed writer after this time."""


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
    spec: TableSpec, tenants: Collection[str], review_keys: Collection[str] | None
) -> str | None:
    """The SQL condition of the rows to erase; None when there can be none.

    Raises:
        LakeScopeError: Reviews are named and the table has none.
    """
    if not tenants or (review_keys is not None and not review_keys):
        return None
    condition = selection(spec, days=None, tenants=tenants)
    if review_keys is None:
        return condition
    if "review_key" not in spec.schema.names:
        raise LakeScopeError(
            f"Table {spec.name} does not know reviews by their key; erase its tenants instead."
        )
    return f"{condition} AND review_key IN {quoted_list(review_keys)}"


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
