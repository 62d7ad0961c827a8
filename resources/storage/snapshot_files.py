"""The files of one snapshot: named by what its tables say, written, and found to be whole.

::

    {folder}/manifest.json
    {folder}/{table}.parquet
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from resources.errors import ReviewGraphError

MANIFEST = "manifest.json"
ROWS_PER_PART = 50_000
"""Rows that are written and hashed at once; as many are in a row group."""

TableRows: TypeAlias = pa.Table | pl.DataFrame | pa.RecordBatchReader
"""The rows of one table. A reader is read once, and its rows never lie in memory together."""

Manifest = dict[str, Any]
"""``tenant_id``, ``version``, ``published_at``, ``inputs`` and ``tables`` (for each its ``rows``,
``bytes``, ``sha256`` and ``columns``)."""


class SnapshotMissingError(ReviewGraphError):
    """No snapshot is published under that tenant and version (any more)."""


class SnapshotDamagedError(ReviewGraphError):
    """A snapshot's files are not what was published."""


def content_version(tenant_id: str, tables: Mapping[str, TableRows]) -> str:
    """Name tables by what they say: names, columns, types and values, in their order.

    The values are hashed as text, which does not depend on how a table is chunked, encoded or
    compressed, nor on which library wrote it.

    Args:
        tenant_id: Whose tables they are: no two tenants share a version.
        tables: Name to rows.

    Returns:
        32 hexadecimal digits.
    """
    contents = {name: _Content() for name in tables}
    for name, rows in tables.items():
        for part in _parts(rows):
            contents[name].add(part)
    return _version(tenant_id, contents)


class _Content:
    """What a table says, part by part: the lines of a million reviews never exist as a whole."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns: list[tuple[str, str]] = []
        self._flat, self._nested = _Digest(), _Digest()

    def add(self, rows: pa.Table) -> None:
        """Hash some more rows."""
        frame = pl.DataFrame(rows)
        self._rows += frame.height
        self._columns = [(column, str(dtype)) for column, dtype in frame.schema.items()]
        # CSV is half as long as JSON lines, and with every string in quotes it is as exact, but it
        # has no lists.
        is_nested = [dtype.is_nested() for dtype in frame.dtypes]
        flat = [name for name, nested in zip(frame.columns, is_nested, strict=True) if not nested]
        frame.select(flat).write_csv(
            cast("IO[bytes]", self._flat), include_header=False, quote_style="non_numeric"
        )
        if any(is_nested):
            frame.drop(flat).write_ndjson(cast("IO[bytes]", self._nested))

    def summary(self) -> tuple[object, ...]:
        """All that was added, in a few JSON values."""
        return self._rows, self._columns, self._flat.hexdigest(), self._nested.hexdigest()


class _Digest:
    """A SHA-256 that can be written to like a file."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _version(tenant_id: str, contents: Mapping[str, _Content]) -> str:
    tables = [(name, *content.summary()) for name, content in sorted(contents.items())]
    spelled = json.dumps(["reviewgraph-snapshot-2", tenant_id, tables])
    return hashlib.sha256(spelled.encode()).hexdigest()[:32]


def _parts(rows: TableRows) -> Iterator[pa.Table]:
    """The rows in parts that are small beside what a machine has, at least one."""
    if isinstance(rows, pa.RecordBatchReader):
        yield rows.schema.empty_table()
        for batch in rows:
            yield pa.Table.from_batches([batch])
        return
    table = rows.to_arrow() if isinstance(rows, pl.DataFrame) else rows
    for first in range(0, max(table.num_rows, 1), ROWS_PER_PART):
        yield table.slice(first, ROWS_PER_PART)


def write_tables(
    folder: Path, tenant_id: str, tables: Mapping[str, TableRows], inputs: Mapping[str, Any]
) -> Manifest:
    """Write a snapshot's Parquet files while its version is worked out.

    Args:
        folder: An empty folder.
        tenant_id: Whose tables they are.
        tables: Name to rows.
        inputs: What the tables were made from; JSON values.

    Returns:
        The manifest, which is not written yet: only with it a folder is a snapshot.
    """
    contents, files = {}, {}
    for name, rows in sorted(tables.items()):
        contents[name] = _Content()
        files[name] = _write_table(table_path(folder, name), rows, contents[name])
    return {
        "tenant_id": tenant_id,
        "version": _version(tenant_id, contents),
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": dict(inputs),
        "tables": files,
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make a folder of tables a snapshot. All of it is on the disk when this returns."""
    for name in manifest["tables"]:
        _force_to_disk(table_path(folder, name))
    (folder / MANIFEST).write_bytes(json.dumps(manifest, indent=2).encode())
    _force_to_disk(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path, tenant_id: str, version: str) -> Manifest:
    """Read a version's manifest and see that its files are there in their full length.

    Raises:
        SnapshotMissingError: There is no such folder.
        SnapshotDamagedError: The manifest or a file is missing, cut short or not its own.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        if folder.is_dir():
            raise damaged(folder / MANIFEST, "it is missing") from error
        raise no_snapshot(tenant_id, version) from error
    manifest = parse_manifest(content, folder / MANIFEST, tenant_id, version)
    for name, entry in manifest["tables"].items():
        file = table_path(folder, name)
        if not file.is_file() or file.stat().st_size != entry["bytes"]:
            raise damaged(file, f"it should have {entry['bytes']} bytes")
    return manifest


def parse_manifest(content: bytes, origin: Path | str, tenant_id: str, version: str) -> Manifest:
    """Understand a manifest.

    Raises:
        SnapshotDamagedError: It is cut short, or belongs to another snapshot.
    """
    try:
        manifest: Manifest = json.loads(content)
    except ValueError as error:
        raise damaged(origin, "it is not JSON") from error
    if (manifest.get("tenant_id"), manifest.get("version")) != (tenant_id, version):
        raise damaged(origin, "it belongs to another snapshot")
    return manifest


def verify_tables(folder: Path, manifest: Manifest) -> None:
    """Read every table's file and compare it with what was published.

    Raises:
        SnapshotDamagedError: A file is missing or its content has changed.
    """
    for name, entry in manifest["tables"].items():
        path = table_path(folder, name)
        if not path.is_file() or file_digest(path) != entry["sha256"]:
            raise damaged(path, "its content is not what was published")


def table_path(folder: Path, name: str) -> Path:
    """Where a table's file lies in a snapshot's folder."""
    return folder / f"{name}.parquet"


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def no_snapshot(tenant_id: str, version: str) -> SnapshotMissingError:
    """The error that says a version is not there."""
    return SnapshotMissingError(
        f"Tenant {tenant_id} has no snapshot {version}; it may have been replaced by a newer one. "
        f"Ask for the current version again."
    )


def damaged(path: Path | str, what: str) -> SnapshotDamagedError:
    """The error that says a file is not what was published."""
    return SnapshotDamagedError(
        f"The snapshot file {path} is damaged: {what}. Publish the tenant again."
    )


def _write_table(path: Path, rows: TableRows, content: _Content) -> dict[str, Any]:
    """Write a table's file; each part is hashed beside the writing of it."""
    parts = _parts(rows)
    first = next(parts)
    count = 0
    with (
        ThreadPoolExecutor(1, thread_name_prefix="snapshot-version") as beside,
        pq.ParquetWriter(path, first.schema, compression="zstd") as file,
    ):
        for part in chain([first], parts):
            hashed = beside.submit(content.add, part)
            file.write_table(part, row_group_size=ROWS_PER_PART)
            count += part.num_rows
            hashed.result()
    return {
        "rows": count,
        "bytes": path.stat().st_size,
        "sha256": file_digest(path),
        "columns": first.schema.names,
    }


def _force_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
