"""Publish and read a tenant's numbers: immutable Parquet files, one set per content version.

A version is named by what its tables say, not by how or when they were written, so that publishing
the same numbers again changes nothing and the version can serve as ETag and cache key. Versions
stand in a folder or behind an ``s3://`` address, each whole or not at all; from an address they are
read through copies on this machine. Which version is current is a row in PostgreSQL and none of
this module's business; how a version is read is that of ``resources.storage.snapshot_reading``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.settings import Settings
from resources.storage.places import is_address, open_place
from resources.storage.snapshot_cache import SnapshotCache
from resources.storage.snapshot_files import (
    SnapshotDamagedError,
    SnapshotMissingError,
    TableRows,
    content_version,
    write_tables,
)
from resources.storage.snapshot_reading import OpenDatabases, Snapshot, SnapshotQueryError
from resources.storage.snapshot_remote import RemoteShelf
from resources.storage.snapshot_shelves import VERSION, FolderShelf, Shelf
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

_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class PublishedSnapshot:
    """What ``SnapshotStore.publish`` left behind.

    Attributes:
        tenant_id: Whose snapshot it is.
        version: Its content version, 32 hexadecimal digits.
        path: Where its files lie on this machine when they are read here.
        row_counts: Rows of each table.
        created: False where the very same content stood there already.
    """

    tenant_id: str
    version: str
    path: Path
    row_counts: dict[str, int]
    created: bool

    @property
    def key(self) -> str:
        """Its name below the root of the snapshots, the same on every machine."""
        return f"{self.tenant_id}/{self.version}"


class SnapshotStore:
    """All tenants' snapshots below one root. Safe to share between threads and processes.

    Args:
        root: The folder, or ``s3://bucket/prefix``.
        open_limit: How many snapshots' databases are kept open for the next question, about 5 MB
            each.
        storage_options: Access to the S3 service, spelled as for the lake (``aws_region``, ...).
        cache: Folder of the copies; needed for an address and unused for a folder.
        cache_bytes: How much of the copies is kept.

    Raises:
        ValueError: The root is an address and there is no folder for copies.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        open_limit: int = 64,
        storage_options: Mapping[str, str] | None = None,
        cache: Path | None = None,
        cache_bytes: int = 4 * 2**30,
    ) -> None:
        self._databases = OpenDatabases(open_limit)
        self._shelf: Shelf
        if not is_address(str(root)):
            self._shelf = FolderShelf(Path(root))
        elif cache is None:
            raise ValueError(f"Snapshots at {root} need a folder for copies.")
        else:
            copies = SnapshotCache(cache, cache_bytes, self._databases.forget)
            place = open_place(str(root), storage_options)
            self._shelf = RemoteShelf(str(root).rstrip("/"), place, copies)

    @classmethod
    def from_settings(cls, settings: Settings) -> SnapshotStore:
        """The snapshots that the settings name."""
        return cls(
            settings.snapshots_location,
            storage_options=settings.s3_options,
            cache=settings.snapshots_cache_path,
            cache_bytes=settings.snapshots_cache,
        )

    def publish(
        self,
        tenant_id: str,
        tables: Mapping[str, TableRows],
        inputs: Mapping[str, Any],
    ) -> PublishedSnapshot:
        """Write a tenant's tables as a new version, unless that version is already there.

        A process that is killed leaves no visible version; a later one clears away what it left.

        Args:
            tenant_id: The tenant's slug.
            tables: Name to rows. Order of rows and columns is part of the content. What comes as a
                reader may be larger than memory.
            inputs: What the tables were made from, kept in the manifest; JSON values.

        Returns:
            The version, its folder and whether it is new.

        Raises:
            SnapshotQueryError: A tenant or table name cannot be the name of a file.
            StorageUnreachableError: The service does not answer.
        """
        for name in tables:
            _check_table_name(name)
        with self._shelf.drafting(_tenant(tenant_id)) as draft:
            manifest = write_tables(draft, tenant_id, tables, inputs)
            created = self._shelf.keep(draft, manifest)
        return PublishedSnapshot(
            tenant_id,
            manifest["version"],
            self._shelf.folder(tenant_id, manifest["version"]),
            {name: entry["rows"] for name, entry in manifest["tables"].items()},
            created,
        )

    def open(self, tenant_id: str, version: str) -> Snapshot:
        """Open a published version for reading.

        Args:
            tenant_id: The tenant's slug.
            version: A version that ``publish`` returned.

        Returns:
            The snapshot. It need not be closed; its copy stays while anybody refers to it.

        Raises:
            SnapshotMissingError: There is no such version.
            SnapshotDamagedError: Files of the version are missing, cut short or not its own.
            StorageUnreachableError: The service does not answer.
        """
        _tenant(tenant_id)
        if not VERSION.fullmatch(version):
            raise SnapshotMissingError(
                f"Tenant {tenant_id} has no snapshot {version!r}: a version is 32 hexadecimal "
                f"digits."
            )
        opened = self._shelf.open(tenant_id, version)
        return Snapshot(
            tenant_id, version, opened.folder, opened.manifest, self._databases, hold=opened.hold
        )

    def versions(self, tenant_id: str) -> list[str]:
        """Versions of a tenant that can be opened, in order of their names."""
        return self._shelf.versions(_tenant(tenant_id))

    def prune(self, tenant_id: str, keep: set[str]) -> list[str]:
        """Delete a tenant's versions except those to keep.

        Args:
            tenant_id: The tenant's slug.
            keep: Versions that something still refers to.

        Returns:
            The versions that were deleted.
        """
        unwanted = [version for version in self.versions(tenant_id) if version not in keep]
        for version in unwanted:
            self._databases.forget(self._shelf.folder(tenant_id, version))
        self._shelf.discard(tenant_id, unwanted)
        return unwanted

    def copies(self) -> dict[str, set[str]]:
        """The versions of which this machine holds a copy, by tenant; none of those in a folder."""
        found: dict[str, set[str]] = {}
        for tenant_id, version in self._shelf.copies():
            if is_tenant_id(tenant_id) and VERSION.fullmatch(version):
                found.setdefault(tenant_id, set()).add(version)
        return found

    def drop_copy(self, tenant_id: str, version: str) -> bool:
        """Remove this machine's copy of a version; False while it is being read."""
        return self._shelf.drop_copy(tenant_id, version)

    def check(self) -> None:
        """Find out whether snapshots can be read.

        Raises:
            OSError: The folder cannot be read.
            StorageUnreachableError: The service does not answer.
        """
        self._shelf.check()

    def close(self) -> None:
        """Let go of the open databases. The store can be used again afterwards."""
        self._databases.clear()


def _tenant(tenant_id: str) -> str:
    if not is_tenant_id(tenant_id):
        raise SnapshotQueryError(
            f"{tenant_id!r} is no tenant: lower-case letters, digits and hyphens, at most 63."
        )
    return tenant_id


def _check_table_name(name: str) -> None:
    if not _TABLE.fullmatch(name):
        raise SnapshotQueryError(f"{name!r} cannot name a table: use lower-case words and _.")
