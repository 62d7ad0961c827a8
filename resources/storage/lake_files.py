"""The rows of a lake table's Parquet files, with the columns that the table has today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from resources.storage.schemas import TableSpec


@dataclass(frozen=True)
class Slice:
    """What a read returns.

    Attributes:
        frame: The rows, with exactly the columns and types of the table's specification.
        table: Name of the table.
        version: The version the rows belong to, -1 when the table does not exist.
    """

    frame: pl.LazyFrame
    table: str
    version: int


def scanned(spec: TableSpec, files: list[str], options: Mapping[str, str]) -> pl.LazyFrame:
    """Read files lazily, with the columns of the specification, null where a file has none.

    Args:
        spec: The table.
        files: Addresses of its files, at least one.
        options: Access to the object store; empty for files in a folder.
    """
    schema = _polars_schema(spec)
    return pl.scan_parquet(
        files,
        glob=False,
        schema=schema,
        hive_partitioning=True,
        hive_schema={name: schema[name] for name in spec.partition_by},
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast"),
        storage_options=dict(options) or None,
        credential_provider=None,
    ).select(spec.schema.names)


def no_rows(spec: TableSpec) -> pl.LazyFrame:
    """The table without rows."""
    return pl.LazyFrame(schema=_polars_schema(spec))


def _polars_schema(spec: TableSpec) -> pl.Schema:
    return pl.DataFrame(spec.schema.empty_table()).schema
