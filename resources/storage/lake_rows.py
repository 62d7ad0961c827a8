"""What a write to the lake takes in: rows that can be read more than once, and their scope.

A commit that met another writer is tried again, so its rows must be readable again. A table is;
a stream is first copied to a temporary file that vanishes with the process. On the way every batch
gets the columns and types of its table and is held against the scope of the write.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc

from resources.errors import ReviewGraphError
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange


class LakeError(ReviewGraphError):
    """The lake cannot do what it was asked to do."""


class LakeSchemaError(LakeError):
    """Rows have other columns than the table they are meant for."""


class LakeScopeError(LakeError):
    """A replacement names no scope, or brings rows from outside of it."""


@dataclass(frozen=True)
class Scope:
    """The part of a table that one write replaces.

    Attributes:
        spec: The table.
        day: Its ingestion day, any day when None.
        tenants: Its tenants, any tenant when None.
        batches: Its batches, any batch when None.
    """

    spec: TableSpec
    day: date | None
    tenants: frozenset[str] | None
    batches: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.day is None and self.tenants is None:
            raise LakeScopeError(
                f"Replacing rows of table {self.spec.name} needs a day, tenants, or both."
            )
        selection(self.spec, days=self._days, tenants=self.tenants, batches=self.batches)

    def __str__(self) -> str:
        day = f"day {self.day}" if self.day else "any day"
        tenants = "" if self.tenants is None else f", tenants {_told(self.tenants)}"
        batches = "" if self.batches is None else f", batches {_told(self.batches)}"
        return f"{day}{tenants}{batches}"

    @property
    def is_empty(self) -> bool:
        """Whether no row can be in the scope."""
        return any(part is not None and not part for part in (self.tenants, self.batches))

    @property
    def predicate(self) -> str:
        """The scope as an SQL condition."""
        chosen = selection(self.spec, days=self._days, tenants=self.tenants, batches=self.batches)
        return chosen or "true"

    @property
    def _days(self) -> DayRange | None:
        return None if self.day is None else DayRange.single(self.day)

    def check(self, batch: pa.RecordBatch) -> None:
        """Refuse rows outside of the scope.

        Raises:
            LakeScopeError: At least one row is outside; the message shows the first.
        """
        inside = pa.repeat(True, batch.num_rows)  # noqa: FBT003
        if self.day is not None:
            inside = pc.and_(inside, pc.equal(batch["day"], pa.scalar(self.day, pa.date32())))
        for column, values in (("tenant_id", self.tenants), ("batch_id", self.batches)):
            if values is not None:
                allowed = pa.array(sorted(values), pa.string())
                inside = pc.and_(inside, pc.is_in(batch[column], value_set=allowed))
        outside = batch.filter(pc.invert(pc.fill_null(inside, False)))  # noqa: FBT003
        if outside.num_rows:
            keys = ("day", "tenant_id", "batch_id")
            row = outside.select([name for name in keys if name in outside.schema.names])
            raise LakeScopeError(
                f"{outside.num_rows} rows for table {self.spec.name} lie outside of what is being "
                f"replaced ({self}), for example {row.slice(0, 1).to_pylist()[0]}. Nothing was "
                "written; write them in a replacement of their own."
            )


class Rows:
    """Rows of one table that can be streamed as often as a commit is tried.

    Args:
        spec: The table the rows are meant for.
        rows: The rows; a reader is read to its end once.
        scope: What the rows must lie in, if anything.

    Raises:
        LakeSchemaError: Columns are missing, unknown, or of a type that cannot be converted.
        LakeScopeError: Rows lie outside of the scope.
    """

    def __init__(
        self, spec: TableSpec, rows: pa.Table | pa.RecordBatchReader, scope: Scope | None = None
    ) -> None:
        self.count = 0
        self._spec = spec
        self._scope = scope
        self._file: BinaryIO | None = None
        self._batches: list[pa.RecordBatch] = []
        _check_names(spec, rows.schema)
        if isinstance(rows, pa.Table):
            self._batches = list(self._accepted(rows.to_batches()))
        else:
            self._copy_to_file(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def stream(self) -> pa.RecordBatchReader:
        """All rows from the first on, with the columns of the table in its order."""
        if self._file is None:
            return pa.RecordBatchReader.from_batches(self._spec.schema, self._batches)
        self._file.seek(0)
        return pa.ipc.open_stream(self._file)

    def _copy_to_file(self, reader: pa.RecordBatchReader) -> None:
        # Without a name from the start: a killed process leaves no file behind.
        self._file = tempfile.TemporaryFile(prefix="reviewgraph-")  # noqa: SIM115, closed on exit
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        try:
            with pa.ipc.new_stream(self._file, self._spec.schema, options=options) as writer:
                for batch in self._accepted(reader):
                    writer.write_batch(batch)
        except BaseException:
            self._file.close()
            raise

    def _accepted(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            accepted = self._conformed(batch)
            if self._scope is not None:
                self._scope.check(accepted)
            self.count += accepted.num_rows
            yield accepted

    def _conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            return batch.select(self._spec.schema.names).cast(self._spec.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LakeSchemaError(
                f"Rows for table {self._spec.name} do not fit its column types: {error}. "
                "Nothing was written."
            ) from error


def _check_names(spec: TableSpec, schema: pa.Schema) -> None:
    given, expected = schema.names, spec.schema.names
    if sorted(given) == sorted(expected):
        return
    missing = sorted(set(expected) - set(given))
    unknown = sorted(set(given) - set(expected))
    repeated = sorted({name for name in given if given.count(name) > 1})
    found = [
        f"{what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("repeated", repeated))
        if names
    ]
    raise LakeSchemaError(
        f"Rows for table {spec.name} have other columns than the table ({'; '.join(found)}). "
        "Nothing was written."
    )


def selection(
    spec: TableSpec,
    *,
    days: DayRange | None,
    tenants: Collection[str] | None,
    batches: Collection[str] | None = None,
) -> str | None:
    """An SQL condition for the rows of some days, tenants and batches; None for all rows.

    Raises:
        LakeScopeError: Days or batches are named and the table has none.
    """
    conditions = []
    if days is not None:
        if "day" not in spec.schema.names:
            raise LakeScopeError(
                f"Table {spec.name} has no ingestion day to choose by; name tenants instead."
            )
        is_one = days.first == days.last
        conditions.append(
            f"day = '{days.first}'" if is_one else f"day >= '{days.first}' AND day <= '{days.last}'"
        )
    if batches is not None and "batch_id" not in spec.schema.names:
        raise LakeScopeError(
            f"Table {spec.name} has no batches to choose by; name tenants or a day instead."
        )
    for column, values in (("tenant_id", tenants), ("batch_id", batches)):
        if values is not None:
            conditions.append(f"{column} IN {quoted_list(values)}")
    return " AND ".join(conditions) or None


def _told(names: Collection[str]) -> str:
    shown = sorted(names)
    others = f" and {len(shown) - 3} more" if len(shown) > 3 else ""  # noqa: PLR2004
    return f"{', '.join(shown[:3]) or '(none)'}{others}"


def quoted_list(values: Collection[str]) -> str:
    """Values as an SQL list in brackets; no value can end it."""
    return f"({', '.join(map(_quoted, sorted(values)))})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
