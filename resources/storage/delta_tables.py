"""The lake's tables as Delta tables: where each lies, opened, created, and written to in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import stamina
from deltalake import DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from resources.storage.lake_rows import LakeError
from resources.storage.places import PATIENCE, answering, asking, unreachable
from resources.storage.schemas import TableSpec

NO_VERSION = -1
"""The version of a table that has not been created."""

# Below this size a day of one table is one file; above it, files stay small enough to be rewritten
# quickly when one tenant's part of the day is replaced.
TARGET_FILE_BYTES = 128 * 1024 * 1024
FILE_FORMAT = WriterProperties(
    compression="ZSTD",
    compression_level=3,
    # A reader takes in whole row groups: of a million rows each they would not stream.
    max_row_group_size=50_000,
)
# Minimum and maximum of these columns are kept for each file. They decide which files a read or a
# replacement must touch, and so which concurrent writers are in each other's way. Free text is left
# out: it would only swell the log.
_INDEXED_COLUMNS = ("tenant_id", "source", "batch_id", "review_key", "posted_day")
# Characters in a folder's name that deltalake turns into no address, or polars into a partition.
_UNUSABLE = frozenset("[]^|\\=")
_ATTEMPTS = 30
_LONGEST_WAIT_SECONDS = 2.0

Outcome = TypeVar("Outcome")


class LakeBusyError(LakeError):
    """Other writers changed the same rows again and again."""


class DeltaTables:
    """Tables below one root, each in a folder of its own.

    Args:
        location: The root, a folder or an ``s3://bucket/prefix``.
        storage_options: Access to the object store, as deltalake spells it (``aws_region``, ...).

    Attributes:
        location: The root, absolute.
        is_remote: Whether the root is an address and not a folder.
        storage_options: As given; empty for a folder.

    Raises:
        LakeError: The folder's name holds a character that Delta tables cannot have in their path.
    """

    def __init__(self, location: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.is_remote = "://" in location
        if not self.is_remote and _UNUSABLE.intersection(location):
            raise LakeError(
                f"The lake cannot be kept in {location}: the folder's name must hold none of "
                f"{' '.join(sorted(_UNUSABLE))}. Choose another with REVIEWGRAPH_LAKE_URL."
            )
        self.location = location.rstrip("/") if self.is_remote else str(Path(location).absolute())
        self.storage_options = dict(storage_options or {}) if self.is_remote else {}

    @property
    def _patient_options(self) -> dict[str, str]:
        """The options for deltalake alone: polars spells how long to try in another way."""
        return {**PATIENCE, **self.storage_options} if self.is_remote else {}

    def address(self, spec: TableSpec) -> str:
        """Where a table lies."""
        return f"{self.location}/{spec.name}"

    def find(self, spec: TableSpec, version: int | None = None) -> DeltaTable | None:
        """A table as of a version; None when it does not exist.

        Raises:
            LakeError: The version does not exist.
            StorageUnreachableError: The service does not answer.
        """
        try:
            with self.asked():
                return DeltaTable(
                    self.address(spec), version, storage_options=self._patient_options
                )
        except TableNotFoundError as error:
            if version is None:
                return None
            raise self._no_such_version(spec, version) from error
        except DeltaError as error:
            if version is None:
                raise LakeError(
                    f"Table {spec.name} at {self.address(spec)} cannot be opened: its log is "
                    f"damaged ({error}). Put the folder _delta_log back from a backup."
                ) from error
            raise self._no_such_version(spec, version) from error

    @contextmanager
    def asked(self, *failures: type[Exception]) -> Iterator[None]:
        """Ask the lake's service within the block, unless it is known not to answer.

        Whatever is done with a table begins with opening it, so this stands there and round what
        somebody waits for. The lake's own writes try again by themselves.

        Args:
            *failures: Errors of a library that say that the service does not answer.

        Raises:
            StorageUnreachableError: It does not answer.
        """
        if not self.is_remote:
            yield
            return
        unanswered: tuple[type[Exception], ...] = (OSError, *failures)
        try:
            with answering(self.location), asking(self.location, *unanswered):
                yield
        except unanswered as error:
            raise unreachable("lake", self.location, error) from error

    def _no_such_version(self, spec: TableSpec, version: int) -> LakeError:
        return LakeError(
            f"Table {spec.name} has no version {version}; its current version is "
            f"{self._current_version(spec)}. Read without a version to get the current one."
        )

    def _current_version(self, spec: TableSpec) -> int:
        table = self.find(spec)
        return NO_VERSION if table is None else int(table.version())

    def open_or_create(self, spec: TableSpec) -> DeltaTable:
        """A table, made now unless it exists."""
        table = self.find(spec)
        if table is not None:
            return table
        indexed = [name for name in _INDEXED_COLUMNS if name in data_columns(spec)]
        if not self.is_remote:
            Path(self.address(spec)).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            self.address(spec),
            spec.schema,
            mode="ignore",
            partition_by=list(spec.partition_by),
            configuration={"delta.dataSkippingStatsColumns": ",".join(indexed)},
            storage_options=self._patient_options,
        )

    def retried(self, spec: TableSpec, write: Callable[[], Outcome]) -> Outcome:
        """Write on the newest version until no other writer was in the way.

        Raises:
            LakeBusyError: Others were in the way too often.
            LakeError: The table cannot be written.
        """
        try:
            for attempt in stamina.retry_context(
                on=CommitFailedError,
                attempts=_ATTEMPTS,
                timeout=None,
                wait_initial=0.02,
                wait_jitter=0.1,
                wait_max=_LONGEST_WAIT_SECONDS,
            ):
                with attempt:
                    return write()
        except CommitFailedError as error:
            raise LakeBusyError(
                f"Other writers changed the same rows of table {spec.name} {_ATTEMPTS} times in a "
                "row. Nothing was written; run the same step again."
            ) from error
        except DeltaError as error:
            raise LakeError(
                f"Table {spec.name} at {self.address(spec)} could not be written: {error}"
            ) from error
        raise AssertionError("a retry either returns or raises")


def data_columns(spec: TableSpec) -> list[str]:
    """The columns that stand in the files, not in their paths."""
    return [name for name in spec.schema.names if name not in spec.partition_by]
