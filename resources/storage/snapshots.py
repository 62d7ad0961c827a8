"""Publish and read a tenant's numbers: one immutable folder of Parquet files per content version.

::

    {root}/{tenant_id}/{version}/manifest.json
    {root}/{tenant_id}/{version}/{table}.parquet

A version is named by what its tables say, not by how or when they were written, so that publishing
the same numbers again changes nothing and the version can serve as ETag and cache key. A folder is
written under another name, forced to disk and then renamed: it is there whole or not at all. Which
version is current is a row in PostgreSQL and none of this module's business; how a version is read
is the business of ``resources.storage.snapshot_reading``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow as pa

from resources.storage.snapshot_reading import (
    MANIFEST,
    OpenDatabases,
    Snapshot,
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotQueryError,
    read_manifest,
)
from resources.vocabulary import is_tenant_id

__all__ = [
    "PublishedSnapshot",
    "Snapshot",
    "SnapshotDamagedError",
    "SnapshotMissingError",
    "SnapshotQueryError",
    "SnapshotStore",
    "content_version",
]

_VERSION = re.compile(r"[0-9a-f]{32}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DRAFT = ".draft-"
_HASHED_ROWS = 50_000  # at a time: bounds the memory that naming a version takes
_ROW_GROUP = 50_000


@dataclass(frozen=True)
class PublishedSnapshot:
    """What ``SnapshotStore.publish`` left behind.

    Attributes:
        tenant_id: Whose snapshot it is.
        version: Its content version, 32 hexadecimal digits.
        path: Its folder.
        row_counts: Rows of each table.
        created: False where the very same content stood there already.
    """

    tenant_id: str
    version: str
    path: Path
    row_counts: dict[str, int]
    created: bool


class SnapshotStore:
    """All tenants' snapshots below one folder. Safe to share between threads and processes.

    Args:
        root: The folder.
        open_limit: How many snapshots' databases are kept open for the next question, about 5 MB
            each.
    """

    def __init__(self, root: Path, *, open_limit: int = 64) -> None:
        self._root = root
        self._databases = OpenDatabases(open_limit)

    def publish(
        self,
        tenant_id: str,
        tables: Mapping[str, pa.Table | pl.DataFrame],
        inputs: Mapping[str, Any],
    ) -> PublishedSnapshot:
        """Write a tenant's tables as a new version, unless that version is already there.

        Two processes that publish for one tenant take turns. A process that is killed leaves no
        visible version; the next one clears away what it left.

        Args:
            tenant_id: The tenant's slug.
            tables: Name to rows. Order of rows and columns is part of the content.
            inputs: What the tables were made from, kept in the manifest; JSON values.

        Returns:
            The version, its folder and whether it is new.

        Raises:
            SnapshotQueryError: A tenant or table name cannot be the name of a file.
        """
        frames = {_table_name(name): _as_frame(rows) for name, rows in sorted(tables.items())}
        version = content_version(tenant_id, frames)
        home = self._tenant_folder(tenant_id)
        path = home / version
        home.mkdir(parents=True, exist_ok=True)
        row_counts = {name: frame.height for name, frame in frames.items()}
        with _turn(home):
            _clear_drafts(home)
            created = not _is_whole(path, tenant_id, version)
            if created:
                draft = home / f"{_DRAFT}{uuid4().hex}"
                draft.mkdir()
                files = {name: _write_table(draft, name, rows) for name, rows in frames.items()}
                manifest = {
                    "tenant_id": tenant_id,
                    "version": version,
                    "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
                    "inputs": dict(inputs),
                    "tables": files,
                }
                _write_durably(draft / MANIFEST, json.dumps(manifest, indent=2).encode())
                _sync(draft)
                _discard(path)
                draft.rename(path)
                _sync(home)
        return PublishedSnapshot(tenant_id, version, path, row_counts, created)

    def open(self, tenant_id: str, version: str) -> Snapshot:
        """Open a published version for reading.

        Args:
            tenant_id: The tenant's slug.
            version: A version that ``publish`` returned.

        Returns:
            The snapshot. It holds no file open and need not be closed.

        Raises:
            SnapshotMissingError: There is no such version.
            SnapshotDamagedError: Files of the version are missing, cut short or not its own.
        """
        path = self._version_folder(tenant_id, version)
        manifest = read_manifest(path, tenant_id, version)
        return Snapshot(tenant_id, version, path, manifest, self._databases)

    def versions(self, tenant_id: str) -> list[str]:
        """Versions of a tenant that can be opened, in order of their names."""
        home = self._tenant_folder(tenant_id)
        if not home.is_dir():
            return []
        return sorted(entry.name for entry in home.iterdir() if _VERSION.fullmatch(entry.name))

    def prune(self, tenant_id: str, keep: set[str]) -> list[str]:
        """Delete a tenant's versions except those to keep.

        Args:
            tenant_id: The tenant's slug.
            keep: Versions that something still refers to.

        Returns:
            The versions that were deleted.
        """
        home = self._tenant_folder(tenant_id)
        if not home.is_dir():
            return []
        with _turn(home):
            _clear_drafts(home)
            unwanted = [version for version in self.versions(tenant_id) if version not in keep]
            for version in unwanted:
                self._databases.forget(home / version)
                _discard(home / version)
            _sync(home)
        return unwanted

    def close(self) -> None:
        """Let go of the open databases. The store can be used again afterwards."""
        self._databases.clear()

    def _tenant_folder(self, tenant_id: str) -> Path:
        if not is_tenant_id(tenant_id):
            raise SnapshotQueryError(
                f"{tenant_id!r} is no tenant: lower-case letters, digits and hyphens, at most 63."
            )
        return self._root.resolve() / tenant_id

    def _version_folder(self, tenant_id: str, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise SnapshotMissingError(
                f"Tenant {tenant_id} has no snapshot {version!r}: a version is 32 hexadecimal "
                f"digits."
            )
        return self._tenant_folder(tenant_id) / version


def content_version(tenant_id: str, tables: Mapping[str, pl.DataFrame]) -> str:
    """Name tables by what they say: names, columns, types and values, in their order.

    The values are hashed as JSON lines, which do not depend on how a table is chunked, encoded or
    compressed, nor on which library wrote it.

    Args:
        tenant_id: Whose tables they are: no two tenants share a version.
        tables: Name to rows.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(["reviewgraph-snapshot-1", tenant_id]).encode())
    for name, frame in sorted(tables.items()):
        columns = [(column, str(dtype)) for column, dtype in frame.schema.items()]
        digest.update(json.dumps([name, frame.height, columns]).encode())
        for rows in frame.iter_slices(_HASHED_ROWS):
            digest.update(rows.write_ndjson().encode())
    return digest.hexdigest()[:32]


def _as_frame(rows: pa.Table | pl.DataFrame) -> pl.DataFrame:
    frame = rows if isinstance(rows, pl.DataFrame) else pl.from_arrow(rows)
    if not isinstance(frame, pl.DataFrame):
        raise SnapshotQueryError("A snapshot's tables are Arrow tables or Polars frames.")
    return frame


def _table_name(name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise SnapshotQueryError(f"{name!r} cannot name a table: use lower-case words and _.")
    return name


def _write_table(folder: Path, name: str, frame: pl.DataFrame) -> dict[str, Any]:
    path = folder / f"{name}.parquet"
    frame.write_parquet(path, compression="zstd", row_group_size=_ROW_GROUP)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "rows": frame.height,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "columns": frame.columns,
    }


@contextmanager
def _turn(home: Path) -> Iterator[None]:
    """Hold the tenant's lock; the system releases it even when the process is killed."""
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path, tenant_id: str, version: str) -> bool:
    try:
        read_manifest(path, tenant_id, version)
    except (SnapshotMissingError, SnapshotDamagedError):
        return False
    return True


def _discard(path: Path) -> None:
    """Delete a version, or what damage left of it."""
    if path.exists():
        # Out of sight first: nobody may open a folder that is half deleted.
        doomed = path.with_name(f"{_DRAFT}{uuid4().hex}")
        path.rename(doomed)
        shutil.rmtree(doomed)


def _clear_drafts(home: Path) -> None:
    # Only called in turn, so whoever wrote these is gone.
    for draft in home.glob(f"{_DRAFT}*"):
        shutil.rmtree(draft)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
