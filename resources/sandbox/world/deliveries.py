"""The files of one tenant as streams of records: the first delivery and the truths."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from resources.sandbox.world.manifest import BrokenRow
from resources.sandbox.world.spoiling import BROKEN_KINDS, spoil

TRUTH = pa.schema(
    [
        ("review_id", pa.string()),
        ("version", pa.int32()),  # 2 for the edited text of later.jsonl, else 1
        ("delivery", pa.string()),  # the file that holds it
        ("language", pa.string()),
        ("sentiment", pa.string()),  # null for spam and for ratings without words
        ("topics", pa.list_(pa.string())),
        ("product", pa.string()),
    ]
)
_TRUTH_BATCH = 20_000
_REPEAT_DISTANCE = 25  # rows between a record and its exact repeat


class FirstDelivery:
    """reviews.csv: good records, exact repeats some rows later, broken records in between.

    Attributes:
        row_count: Data rows written so far.
        repeat_count: How many of them were repeats.
        broken: The broken ones.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(columns)
        self._values = itemgetter(*columns)
        self._pending: deque[tuple[int, Mapping[str, str]]] = deque()
        self._kinds_written: Counter[str] = Counter()
        self.row_count = 0
        self.repeat_count = 0
        self.broken: list[BrokenRow] = []

    def write(self, record: Mapping[str, str]) -> None:
        """Write one record, and the repeats that have become due."""
        self._row(record)
        while self._pending and self._pending[0][0] <= self.row_count:
            self._repeat()

    def repeat_soon(self, record: Mapping[str, str]) -> None:
        """Have the same record written again further down."""
        self._pending.append((self.row_count + _REPEAT_DISTANCE, record))

    def write_broken(self, record: Mapping[str, str], kind: str) -> None:
        """Write a spoiled copy of a record that is delivered nowhere else."""
        spoiled, value = spoil(record, kind, self._kinds_written[kind])
        self._kinds_written[kind] += 1
        self._row(spoiled)
        self.broken.append(BrokenRow(self.row_count, kind, value))

    def next_broken_kind(self) -> str:
        """The kind of spoiling whose turn it is."""
        return BROKEN_KINDS[len(self.broken) % len(BROKEN_KINDS)]

    def missing_broken_kinds(self) -> list[str]:
        """The kinds not written yet."""
        return [kind for kind in BROKEN_KINDS if not self._kinds_written[kind]]

    def write_pending_repeats(self) -> None:
        """Write the repeats still due."""
        while self._pending:
            self._repeat()

    def _repeat(self) -> None:
        self._row(self._pending.popleft()[1])
        self.repeat_count += 1

    def _row(self, record: Mapping[str, str]) -> None:
        self._writer.writerow(self._values(record))
        self.row_count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class TruthFile:
    """truth.parquet: what is true of each review version, for evaluation."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, TRUTH, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def note(
        self,
        review_id: str,
        *,
        version: int,
        delivery: str,
        language: str,
        sentiment: str | None,
        topics: Sequence[str],
        product: str,
    ) -> None:
        """Add one row."""
        self._rows.append(
            {
                "review_id": review_id,
                "version": version,
                "delivery": delivery,
                "language": language,
                "sentiment": sentiment,
                "topics": list(topics),
                "product": product,
            }
        )
        if len(self._rows) == _TRUTH_BATCH:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, TRUTH))
        self._rows.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        self._writer.close()
