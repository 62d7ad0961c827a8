"""The lake: Delta tables that are appended to once, replaced by scope, and read by day and tenant.

Every table lives in a folder of its own below one root, which is a local folder or an ``s3://``
address; the code is the same for both. A write is one Delta commit: it is either visible whole or
not at all, whatever happens to the process that makes it. Readers name the version they saw, so
that a number can always be computed again from the very rows behind it.

Format and conflict rules: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from resources.settings import Settings
from resources.storage.delta_tables import (
    FILE_FORMAT,
    NO_VERSION,
    TARGET_FILE_BYTES,
    DeltaTables,
    LakeBusyError,
)
from resources.storage.lake_damage import DamagedFile, find_damage
from resources.storage.lake_files import Slice, no_rows, scanned
from resources.storage.lake_rows import (
    LakeError,
    LakeSchemaError,
    LakeScopeError,
    Rows,
    Scope,
    selection,
)
from resources.storage.lake_upkeep import LakeUpkeep
from resources.storage.landed_batches import (
    BatchesPartlyLandedError,
    has_landed,
    have_landed,
    landing_of,
)
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange


@dataclass(frozen=True)
class Commit:
    """What a write did.

    Attributes:
        table: Name of the table.
        version: The table's version after the write.
        rows: Rows written.
        skipped: True when nothing was written because the batches had landed before.
    """

    table: str
    version: int
    rows: int
    skipped: bool = False


class Lake:
    """All Delta tables of one installation.

    Args:
        location: Root of the tables, a folder or an ``s3://bucket/prefix``.
        storage_options: Access to the object store, as deltalake spells it (``aws_region``, ...).

    Attributes:
        location: The root, absolute.
        is_remote: Whether the root is an address and not a folder.
        storage_options: As given; empty for a folder.

    Raises:
        LakeError: The folder's name holds a character that Delta tables cannot have in their path.
    """

    def __init__(self, location: str, storage_options: Mapping[str, str] | None = None) -> None:
        self._tables = DeltaTables(location, storage_options)
        self.location = self._tables.location
        self.is_remote = self._tables.is_remote
        self.storage_options = self._tables.storage_options

    @classmethod
    def from_settings(cls, settings: Settings) -> Lake:
        """The lake that the settings name."""
        return cls(settings.lake_location, settings.s3_options)

    def create(self, spec: TableSpec) -> None:
        """Make the table unless it exists. Two processes may do so at once."""
        self._tables.retried(spec, lambda: self._tables.open_or_create(spec))

    def append(
        self,
        spec: TableSpec,
        rows: pa.Table | pa.RecordBatchReader,
        *,
        batches: Collection[str] = (),
    ) -> Commit:
        """Add rows, exactly once for each batch.

        The batch ids are Delta application transactions of the same commit as the rows: a batch
        that has landed is known to have landed, even if its writer was killed a moment later.

        Args:
            spec: The table; it is created when it does not exist.
            rows: What to add, in any column order, with the names of the specification.
            batches: Ids of the batches that the rows make up. Without any, the rows are added each
                time this is called.

        Returns:
            The commit; ``skipped`` when all batches had landed before.

        Raises:
            BatchesPartlyLandedError: Some batches have landed and others have not; leave out those
                for which ``landed`` is true.
            LakeSchemaError: The rows have other columns than the specification.
        """
        table = self._tables.find(spec)
        if table is not None and have_landed(spec, table, batches):
            return Commit(spec.name, table.version(), rows=0, skipped=True)
        with Rows(spec, rows) as kept:
            return self._tables.retried(spec, lambda: self._append_once(spec, kept, batches))

    def landed(self, spec: TableSpec, batch_id: str) -> bool:
        """Whether the rows of a batch are in the table."""
        table = self._tables.find(spec)
        return table is not None and has_landed(table, batch_id)

    def replace(
        self,
        spec: TableSpec,
        rows: pa.Table | pa.RecordBatchReader,
        *,
        day: date | None = None,
        tenants: Collection[str] | None = None,
        batches: Collection[str] | None = None,
    ) -> Commit:
        """Exchange the rows of a day, of tenants, of batches, or of all three, in one commit.

        Replacing with no rows deletes. Writers of different scopes do not undo each other.

        Args:
            spec: The table; it is created when it does not exist.
            rows: The new rows, all of them within the scope.
            day: Ingestion day to replace; every day when None.
            tenants: Tenants whose rows to replace; every tenant when None, nothing when empty.
            batches: Batches whose rows to replace; every batch when None, nothing when empty.

        Raises:
            LakeScopeError: No scope was given, or rows lie outside of it.
            LakeSchemaError: The rows have other columns than the specification.
            LakeBusyError: Other writers kept changing the same rows.
        """
        scope = Scope(
            spec,
            day,
            None if tenants is None else frozenset(tenants),
            None if batches is None else frozenset(batches),
        )
        with Rows(spec, rows, scope) as kept:
            if scope.is_empty:
                return Commit(spec.name, self.version(spec), rows=0)
            return self._tables.retried(spec, lambda: self._replace_once(spec, kept, scope))

    def read(
        self,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        batches: Collection[str] | None = None,
        version: int | None = None,
    ) -> Slice:
        """Rows by ingestion day, tenant and batch, lazily, as of one version.

        Files of other days, and files that hold none of the tenants or batches, are not opened.
        Columns that the table lacks, because an older release wrote it, are null.

        Raises:
            LakeError: The version does not exist.
        """
        table = self._tables.find(spec, version)
        if table is None:
            return Slice(no_rows(spec), spec.name, NO_VERSION)
        files = self._files(spec, table, days, tenants, batches)
        frame = scanned(spec, files, self.storage_options) if files else no_rows(spec)
        if days is not None:
            frame = frame.filter(pl.col("day").is_between(days.first, days.last))
        if tenants is not None:
            frame = frame.filter(pl.col("tenant_id").is_in(sorted(tenants)))
        if batches is not None:
            frame = frame.filter(pl.col("batch_id").is_in(sorted(batches)))
        return Slice(frame, spec.name, table.version())

    def files(
        self,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        version: int | None = None,
    ) -> list[str]:
        """Addresses of the table's Parquet files, for engines that read files.

        Values of the partition columns stand in the path (``day=2026-01-31/``), not in the file.
        All rows of the days and tenants are in these files; rows of other tenants may be, too.
        """
        table = self._tables.find(spec, version)
        return [] if table is None else self._files(spec, table, days, tenants)

    def collect(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Rows of ``read``, now, for somebody who waits.

        Raises:
            StorageUnreachableError: The service that holds the lake does not answer.
        """
        with self._tables.asked(pl.exceptions.ComputeError):
            return rows.collect()

    @cached_property
    def upkeep(self) -> LakeUpkeep:
        """What keeps the tables in order: erasing, joining and deleting files."""
        return LakeUpkeep(self._tables)

    def damage(
        self, spec: TableSpec, *, days: DayRange | None = None, thorough: bool = False
    ) -> list[DamagedFile]:
        """Files of the table that cannot be read; arguments as for ``lake_damage.find_damage``."""
        table = self._tables.find(spec)
        if table is None:
            return []
        address = self._tables.address(spec)
        return find_damage(table, spec, address, self.storage_options, days=days, thorough=thorough)

    def drop(self, spec: TableSpec, file: DamagedFile) -> None:
        """Take the rows of a damaged file's day or tenant out of the table, without reading them.

        They have to be made again from what they were made of.
        """
        (column,) = spec.partition_by
        value = file.day if column == "day" else file.tenant_id

        def once() -> None:
            table = self._tables.find(spec)
            if table is not None:
                table.delete(f"{column} = '{value}'")

        self._tables.retried(spec, once)

    def version(self, spec: TableSpec) -> int:
        """The table's current version, -1 when it does not exist."""
        table = self._tables.find(spec)
        return NO_VERSION if table is None else int(table.version())

    def row_counts(self, spec: TableSpec) -> dict[date | str, int]:
        """How many rows the table holds of each day or tenant by which its files are separated.

        Its log counts them: no file is opened.
        """
        table = self._tables.find(spec)
        counts: dict[date | str, int] = {}
        if table is not None:
            (column,) = spec.partition_by
            for file in pa.table(table.get_add_actions(flatten=True)).to_pylist():
                value = file[f"partition.{column}"]
                counts[value] = counts.get(value, 0) + file["num_records"]
        return counts

    def tenants(self, spec: TableSpec, days: DayRange) -> list[str]:
        """The tenants that have rows on any of the days, sorted."""
        column = pl.col("tenant_id")
        frame = self.read(spec, days=days).frame.select(column.unique().sort())
        return frame.collect().to_series().to_list()

    def _files(
        self,
        spec: TableSpec,
        table: DeltaTable,
        days: DayRange | None,
        tenants: Collection[str] | None,
        batches: Collection[str] | None = None,
    ) -> list[str]:
        if any(chosen is not None and not chosen for chosen in (tenants, batches)):
            return []
        predicate = selection(spec, days=days, tenants=tenants, batches=batches)
        # deltalake percent-encodes the table's root in these addresses, but the files below it
        # are called exactly so; a root with a space in it would not be found.
        root = table.table_uri.removeprefix("file://").rstrip("/") + "/"
        found = table.file_uris(file_pruning_predicate=predicate)
        return sorted(f"{self._tables.address(spec)}/{file.removeprefix(root)}" for file in found)

    def _append_once(self, spec: TableSpec, rows: Rows, batches: Collection[str]) -> Commit:
        table = self._tables.open_or_create(spec)
        if have_landed(spec, table, batches):
            return Commit(spec.name, table.version(), rows=0, skipped=True)
        write_deltalake(
            table,
            rows.stream(),
            mode="append",
            schema_mode=_schema_mode(table, spec),
            target_file_size=TARGET_FILE_BYTES,
            writer_properties=FILE_FORMAT,
            commit_properties=CommitProperties(app_transactions=landing_of(batches)),
        )
        return Commit(spec.name, table.version(), rows.count)

    def _replace_once(self, spec: TableSpec, rows: Rows, scope: Scope) -> Commit:
        table = self._tables.open_or_create(spec)
        write_deltalake(
            table,
            rows.stream(),
            mode="overwrite",
            predicate=scope.predicate,
            schema_mode=_schema_mode(table, spec),
            target_file_size=TARGET_FILE_BYTES,
            writer_properties=FILE_FORMAT,
        )
        return Commit(spec.name, table.version(), rows.count)


def _schema_mode(table: DeltaTable, spec: TableSpec) -> Literal["merge"] | None:
    """Widen the table when this release knows columns that the table lacks, or the reverse."""
    stored = {field.name for field in table.schema().fields}
    return None if stored == set(spec.schema.names) else "merge"


__all__ = [
    "NO_VERSION",
    "BatchesPartlyLandedError",
    "Commit",
    "Lake",
    "LakeBusyError",
    "LakeError",
    "LakeSchemaError",
    "LakeScopeError",
    "Slice",
]
