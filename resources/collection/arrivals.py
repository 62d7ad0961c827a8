"""Where everything that collectors bring lands: in the lake exactly once, then in the ledger.

The order makes a kill at any moment harmless. A batch is landed, then recorded, and only then is
its collector told; whatever was not told is brought again under the same batch id, lands as a
no-op, and is recorded for the day on which it had landed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from resources.collection.day_totals import find_landed, note_collected
from resources.collection.port import CollectedBatch, Collector, SourceFailure
from resources.database import Database
from resources.errors import ReviewGraphError
from resources.privacy.suppression import screening
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS


class MislabelledBatchError(ReviewGraphError):
    """A collector brought rows that are not of the batch they came in."""


@dataclass(frozen=True)
class Arrival:
    """A batch that a collector brought, now in the lake.

    Attributes:
        collector: Who brought it.
        batch: What was brought.
        day: The ingestion day on which it is in the lake.
        is_new: Whether it landed now and not in an earlier run.
    """

    collector: str
    batch: CollectedBatch
    day: date
    is_new: bool

    @property
    def sentence(self) -> str:
        """What arrived, in one sentence."""
        batch = self.batch
        records = f"{batch.rows.num_rows} records for {batch.cost_usd:.5f} USD"
        before = "" if self.is_new else f", landed before on {self.day}"
        return f"{batch.tenant_id}/{batch.source}: {records}{before}."


@dataclass(frozen=True)
class Absence:
    """A source from which nothing came.

    Attributes:
        collector: Who asked.
        failure: Why.
    """

    collector: str
    failure: SourceFailure

    @property
    def sentence(self) -> str:
        """What went wrong, in one sentence."""
        return f"{self.failure.tenant_id}/{self.failure.source}: {self.failure.reason}"


def collect_day(
    collectors: Sequence[Collector],
    day: date,
    *,
    lake: Lake,
    database: Database,
    tenants: Collection[str] = (),
    run_id: str | None = None,
) -> Iterator[Arrival | Absence]:
    """Ask every collector for a day, and land what each brings.

    Args:
        collectors: All ways in; one that fails does not hold up the others.
        day: The current ingestion day (UTC).
        lake: Where the rows land.
        database: Where they are recorded.
        tenants: Only these tenants; all when empty.
        run_id: The Dagster run, for the ledger.

    Yields:
        What arrived and what did not, as it happens.

    Raises:
        ReviewGraphError: A collector could collect nothing at all; the others have been asked.
    """
    first_error: ReviewGraphError | None = None
    for collector in collectors:
        try:
            for brought in collector.collect(day, tenants=tenants, run_id=run_id):
                if isinstance(brought, SourceFailure):
                    yield Absence(collector.name, brought)
                    continue
                arrival = _land(collector, brought, lake, database, run_id)
                collector.landed(brought)
                yield arrival
        except ReviewGraphError as error:
            first_error = first_error or error
    if first_error is not None:
        raise first_error


def _land(
    collector: Collector, batch: CollectedBatch, lake: Lake, database: Database, run_id: str | None
) -> Arrival:
    """Land and record one batch."""
    _refuse_mislabelled(collector, batch)
    day, is_new = batch.day, True
    if batch.rows.num_rows:
        with screening(database, batch.tenant_id) as screen:
            rows = pa.Table.from_batches(map(screen, batch.rows.to_batches()), batch.rows.schema)
            commit = lake.append(RAW_REVIEWS, rows, batches=[batch.batch_id])
        if commit.skipped:
            is_new = False
            day = find_landed(lake, batch.tenant_id, [batch.batch_id])[batch.batch_id].day
    with database.jobs() as work:
        note_collected(work, lake, batch.tenant_id, day, brought=[batch], run_id=run_id)
    return Arrival(collector.name, batch, day, is_new)


def _refuse_mislabelled(collector: Collector, batch: CollectedBatch) -> None:
    """Refuse rows of another tenant, source, day or batch before they are where all can see them.

    Raises:
        MislabelledBatchError: There are some.
    """
    for column in ("tenant_id", "source", "day", "batch_id"):
        said = getattr(batch, column)
        found = [value for value in pc.unique(batch.rows[column]).to_pylist() if value != said]
        if found:
            raise MislabelledBatchError(
                f"The collector {collector.name} brought batch {batch.batch_id} with {column} "
                f"{said}, but rows in it say {found[0]}. Nothing of it has landed."
            )
