"""What every engine offers, and the Arrow types on which all engines agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import narwhals as nw
import pyarrow as pa

from resources.errors import ReviewGraphError
from resources.storage.lake import Lake
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

BatchFunction = Callable[[pa.RecordBatch], pa.RecordBatch]
"""A pure function of the rows it is given: batches come in any size and any order."""


class EngineError(ReviewGraphError):
    """An engine cannot be started or cannot do what it was asked to do."""


class Engine(Protocol):
    """Runs transforms over the lake. Frames of one engine cannot be mixed with another's.

    Attributes:
        name: ``polars`` or ``spark``.
    """

    name: str

    def read(
        self,
        lake: Lake,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        batches: Collection[str] | None = None,
        version: int | None = None,
    ) -> nw.LazyFrame[Any]:
        """Rows of a lake table, as ``Lake.read`` selects them, with the table's columns."""

    def from_arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Rows that are in memory already."""

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Compute a frame. Types are those of ``unified``; rows come in no particular order."""

    def stream(self, frame: nw.LazyFrame[Any]) -> pa.RecordBatchReader:
        """Compute a frame and hand its rows over bit by bit, with the types of ``portable``."""

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once and keep its rows, in memory or on disk, for several uses."""

    def keep_in_file(
        self, frame: nw.LazyFrame[Any], path: Path, schema: pa.Schema
    ) -> nw.LazyFrame[Any]:
        """Compute a frame once and keep its rows for several uses, in a Parquet file as well.

        Args:
            frame: The rows.
            path: The file, in a folder of this machine; it is there whole or not at all.
            schema: The columns of the file.
        """

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        is_slow: bool = False,
    ) -> nw.LazyFrame[Any]:
        """Run a function over the rows, batch by batch; the result is kept.

        Args:
            frame: The rows.
            function: Gets batches with the types of ``portable``; on a cluster it runs on another
                machine, so it must be picklable.
            schema: The columns of what the function returns.
            is_slow: Whether it takes so long for each row that processes of its own pay on one
                machine; on a cluster it has them anyway.
        """

    def map_groups(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        by: Sequence[str],
    ) -> nw.LazyFrame[Any]:
        """Run a function over the rows, with all rows of a key in the same batch; as kept.

        Args:
            frame: The rows.
            function: As for ``map_batches``. A batch holds all rows of many keys, in any order; a
                cluster hands out about as many batches as it has partitions.
            schema: The columns of what the function returns.
            by: The columns of the key.
        """

    def close(self) -> None:
        """Give back what the engine holds. Its frames cannot be used any more."""

    def __enter__(self) -> Self:
        """The engine itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the engine."""


def portable(schema: pa.Schema) -> pa.Schema:
    """The schema with the plain variants of its types.

    Engines differ in how they lay out text and lists (32-bit or 64-bit offsets, views,
    dictionaries); the values are the same.
    """
    return pa.schema([(field.name, _portable_type(field.type)) for field in schema])


def unified(schema: pa.Schema) -> pa.Schema:
    """As ``portable``, and every number in its widest type.

    Engines choose the width of counts and sums as they like: a count is 32 bits wide in Polars and
    64 bits wide in Spark. Tables are equal across engines only once the widths are.
    """
    return pa.schema([(field.name, _widest_type(field.type)) for field in portable(schema)])


def _portable_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _portable_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC" if kind.tz else None)
    return _with_inner(kind, _portable_type)


def _widest_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    return _with_inner(kind, _widest_type)


def _with_inner(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """A list or struct with what it holds changed; any other type as it is."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(change(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, change(field.type)) for field in kind])
    return kind
