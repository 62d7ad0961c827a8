"""Read a snapshot that ``resources.storage.snapshots`` has published.

Readers get an in-process DuckDB in which each table is a view. It can open files of that one
folder and no other, and runs single select statements only. Nothing here writes.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from resources.errors import ReviewGraphError
from resources.storage.snapshot_files import (
    Manifest,
    no_snapshot,
    table_path,
    verify_tables,
)

_DATABASE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # an API answers many small questions side by side, not one large one
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

# Columns of snapshots of older releases, and what they are called today. A version is a hash of its
# files: they stay as they are and are renamed as they are read.
_RENAMED_COLUMNS = {"understood_count": "annotated_count"}


class SnapshotQueryError(ReviewGraphError):
    """A query that a snapshot does not answer."""


class Snapshot:
    """One tenant's tables as they were published. Safe to share between threads.

    Attributes:
        tenant_id: Whose numbers these are.
        version: The content version, usable as ETag.
        path: The folder of Parquet files.
        manifest: ``tenant_id``, ``version``, ``published_at``, ``inputs`` and ``tables`` (for each
            its ``rows``, ``bytes``, ``sha256`` and ``columns``).
        first_day: The first day of writing that a part shows; None where none is left out by age.
    """

    def __init__(
        self,
        tenant_id: str,
        version: str,
        path: Path,
        manifest: Manifest,
        databases: OpenDatabases,
        *,
        hold: object | None = None,
        told: _Told | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.version = version
        self.path = path
        self.manifest = manifest
        self._databases = databases
        self._hold = hold  # keeps a copy on this machine for as long as this object lives
        self._told = told
        self.first_day = None if told is None else told.first_day

    def __repr__(self) -> str:
        return f"Snapshot({self.tenant_id!r}, {self.version!r})"

    @property
    def whole(self) -> Snapshot:
        """The snapshot as it was published, of which this one may be a part."""
        return self if self._told is None else self._told.whole

    def part(
        self, tables: Mapping[str, str], values: Sequence[Any], *, first_day: date | None = None
    ) -> Snapshot:
        """The same snapshot, of whose reviews only some are read.

        Args:
            tables: Each table that is read, as a query over those before it; the published ones
                are called ``main.reviews`` and so on. A table that is not among them is refused,
                for it would tell of all reviews.
            values: What the first of the queries binds with ``?``.
            first_day: The first day of writing that is shown, where older reviews are left out.
        """
        return Snapshot(
            self.tenant_id,
            self.version,
            self.path,
            self.manifest,
            self._databases,
            hold=self._hold,
            told=_Told(self.whole, tables, tuple(values), first_day),
        )

    def table(self, name: str) -> pl.DataFrame:
        """One table, whole, rows in their published order.

        Raises:
            SnapshotQueryError: The snapshot has no such table.
            SnapshotMissingError: The snapshot was pruned meanwhile.
            SnapshotDamagedError: Its files are not what was published.
        """
        if name not in self.manifest["tables"]:
            known = ", ".join(sorted(self.manifest["tables"]))
            raise SnapshotQueryError(f"A snapshot has no table {name!r}; it has {known}.")
        if self._told is not None:
            rows = pl.from_arrow(self.query(f"select * from {name}"))
            assert isinstance(rows, pl.DataFrame)  # noqa: S101 - a table is a frame
            return rows
        try:
            frame = pl.read_parquet(table_path(self.path, name))
            return frame.rename(_RENAMED_COLUMNS, strict=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            self._require_whole(error)
            raise

    def query(
        self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> pa.Table:
        """Answer one select statement over the tables.

        Args:
            sql: DuckDB SQL; tables by their names, parameters as ``$name`` or ``?``.
            parameters: Values to bind, by name or in order.

        Returns:
            The rows; timestamps in UTC.

        Raises:
            SnapshotQueryError: It is no single select statement, or DuckDB cannot run it.
            SnapshotMissingError: The snapshot was pruned meanwhile.
            SnapshotDamagedError: Its files are not what was published.
        """
        if self._told is not None:
            sql, parameters = self._told.spelled_out(sql, parameters)
        try:
            _require_select(sql)
            with self._databases.cursor(self.path, self.manifest["tables"]) as cursor:
                relation = cursor.sql(sql, params=parameters or None)
                return relation.to_arrow_table()
        except duckdb.Error as error:
            self._require_whole(error)
            raise SnapshotQueryError(
                f"Snapshot {self.version} of {self.tenant_id} cannot answer: {error}"
            ) from error

    def verify(self) -> None:
        """Read every file and compare it with what was published.

        Raises:
            SnapshotDamagedError: A file's content has changed.
        """
        verify_tables(self.path, self.manifest)

    def _require_whole(self, error: Exception) -> None:
        """See whether the files are to blame for an error, which says so of a broken query alike.

        Raises:
            SnapshotMissingError: They are gone.
            SnapshotDamagedError: They are not what was published.
        """
        if not self.path.is_dir():
            raise no_snapshot(self.tenant_id, self.version) from error
        self.verify()


@dataclass(frozen=True)
class _Told:
    """How the tables of a part of a snapshot are told.

    Attributes:
        whole: The snapshot.
        tables: Each table as a query over those before it.
        values: What the first of the queries binds.
        first_day: The first day of writing that is shown, where older reviews are left out.
    """

    whole: Snapshot
    tables: Mapping[str, str]
    values: tuple[Any, ...]
    first_day: date | None

    def spelled_out(
        self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None
    ) -> tuple[str, Sequence[Any]]:
        """A query in which the tables that it reads are those of the part.

        Raises:
            SnapshotQueryError: It reads a table that the part does not have, or binds by name.
        """
        if isinstance(parameters, Mapping):
            raise SnapshotQueryError("A part of a snapshot binds values in order, not by name.")
        published = self.whole.manifest["tables"]
        if untold := sorted(_tables_in(sql, published) - set(self.tables)):
            known = ", ".join(self.tables)
            raise SnapshotQueryError(f"A part has no table {untold[0]!r}; it has {known}.")
        used = _tables_in(sql, self.tables)
        for name in reversed(list(self.tables)):  # each reads those before it
            if name in used:
                used |= _tables_in(self.tables[name], self.tables)
        # Not materialized: of wide rows only those columns are read that are asked for.
        queries = [
            f"{name} as not materialized ({query})"
            for name, query in self.tables.items()
            if name in used
        ]
        if not queries:
            return sql, list(parameters or ())
        return f"with {', '.join(queries)} {sql}", [*self.values, *(parameters or ())]


class OpenDatabases:
    """The databases of the snapshots asked last, so that the next question need not set one up.

    A dropped database is not closed under those who still read from it: its memory is freed when
    the last cursor is gone.

    Args:
        limit: How many are kept; each takes about 5 MB and 20 ms to set up.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, duckdb.DuckDBPyConnection] = OrderedDict()
        self._lock = threading.Lock()
        # DuckDB complains of connections that are still there when the interpreter goes.
        weakref.finalize(self, self._open.clear)

    @contextmanager
    def cursor(
        self, folder: Path, tables: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of one's own on the database of a snapshot's folder.

        Args:
            folder: Where its files are.
            tables: Its tables, as the manifest describes them.
        """
        with self._lock:
            connection = self._open.get(folder)
        if connection is None:
            # Setting one up takes longer than most questions: nobody else should wait for it.
            connection = _open_database(folder, tables)
        with self._lock:
            connection = self._open.setdefault(folder, connection)
            self._open.move_to_end(folder)
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
            cursor = connection.cursor()
        del connection  # or this frame would keep a dropped database alive
        with cursor:
            yield cursor

    def forget(self, folder: Path) -> None:
        """Drop the database of a folder that is about to go."""
        with self._lock:
            self._open.pop(folder, None)

    def clear(self) -> None:
        """Drop them all."""
        with self._lock:
            self._open.clear()


def _open_database(
    folder: Path, tables: Mapping[str, Mapping[str, Any]]
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_DATABASE)
    for name, entry in tables.items():
        path = str(table_path(folder, name)).replace("'", "''")
        columns = _under_current_names(entry["columns"])
        connection.execute(f"create view {name} as select {columns} from read_parquet('{path}')")
    allowed = str(folder).replace("'", "''")
    connection.execute("set global TimeZone = 'UTC'")
    connection.execute(f"set allowed_directories = ['{allowed}']")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _under_current_names(columns: Sequence[str]) -> str:
    """All columns of a table in SQL, each under the name it has today."""
    renamed = [f"{old} as {new}" for old, new in _RENAMED_COLUMNS.items() if old in columns]
    return f"* rename ({', '.join(renamed)})" if renamed else "*"


def _tables_in(sql: str, names: Iterable[str]) -> set[str]:
    """Which tables a query reads, of some; those of a schema that is named are not among them."""
    return {name for name in names if re.search(rf"(?<![\w.]){name}\b", sql)}


def _require_select(sql: str) -> None:
    # Writing into the folder is something DuckDB would allow; a snapshot never changes.
    statements = duckdb.extract_statements(sql)
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise SnapshotQueryError("A snapshot answers exactly one select statement.")
