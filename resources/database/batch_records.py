"""Which batches of a day a stage has carried on, so that the next run does only what came since.

A batch is what landed together: one file, one vendor task. The ledger says what a whole day came
to; this says which of its batches are in that sum, and what their outcome rested on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    select,
)

from resources.database.repository import Repository, upsert
from resources.database.schema import TIMESTAMP, metadata, one_of, tenant_column

BatchStage = Literal["normalised", "enriched"]
BATCH_STAGES: tuple[BatchStage, ...] = ("normalised", "enriched")
"""The stages that work batch by batch."""


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """What one stage made of one batch.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC) on which the batch landed.
        stage: One of ``BATCH_STAGES``.
        batch_id: The batch, as ``raw_reviews`` names it.
        source: Where its reviews come from.
        rows_in: Rows the stage was given.
        rows_kept: Rows it passed on.
        rows_unchanged: Rows that said nothing new.
        rows_rejected: Rows it could not use. ``in = kept + unchanged + rejected``.
        fingerprint: What the outcome rested on beside the batch's rows: how open dates and ratings
            were read, or the versions of the models. Where it is another now, the batch is done
            again.
        run_id: The Dagster run.
        finished_at: When it ended; now, unless given.
    """

    tenant_id: str
    day: date
    stage: BatchStage
    batch_id: str
    source: str
    rows_in: int
    rows_kept: int
    rows_unchanged: int = 0
    rows_rejected: int = 0
    fingerprint: str = ""
    run_id: str | None = None
    finished_at: datetime | None = None


class RowCounts(NamedTuple):
    """What became of rows. ``rows_in = kept + unchanged + rejected``.

    Attributes:
        rows_in: Rows that came.
        kept: Rows that were passed on.
        unchanged: Rows that said nothing new.
        rejected: Rows that could not be used.
    """

    rows_in: int
    kept: int
    unchanged: int
    rejected: int


NO_ROWS = RowCounts(0, 0, 0, 0)


batch_runs = Table(
    "batch_runs",
    metadata,
    tenant_column(),
    Column("day", Date, nullable=False),
    Column("stage", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rows_in", BigInteger, nullable=False),
    Column("rows_kept", BigInteger, nullable=False),
    Column("rows_unchanged", BigInteger, nullable=False),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("run_id", Text),
    Column("finished_at", TIMESTAMP, nullable=False),
    PrimaryKeyConstraint("tenant_id", "day", "stage", "batch_id"),
    CheckConstraint(one_of("stage", BATCH_STAGES), name="stage"),
    CheckConstraint("rows_in = rows_kept + rows_unchanged + rows_rejected", name="nothing_is_lost"),
    Index(None, "day", "stage"),
    Index(None, "run_id", "stage"),
)


class BatchRepository(Repository):
    """The batches that stages have carried on."""

    def record_all(self, records: Iterable[BatchRecord]) -> None:
        """Write what a stage made of batches, over what it made of the same batches before."""
        now = datetime.now(UTC)
        rows = [asdict(record) | {"finished_at": record.finished_at or now} for record in records]
        if rows:
            self._execute(upsert(batch_runs), rows)

    def of_days(
        self,
        stage: BatchStage,
        days: tuple[date, date],
        tenants: Sequence[str] | None = None,
    ) -> tuple[BatchRecord, ...]:
        """The batches of some days that a stage has carried on.

        Args:
            stage: The stage.
            days: First and last day, both included.
            tenants: Only these tenants; all in sight when not given.

        Returns:
            By day, tenant and batch.
        """
        statement = select(batch_runs).where(
            batch_runs.c.stage == stage, batch_runs.c.day.between(*days)
        )
        if tenants is not None:
            statement = statement.where(batch_runs.c.tenant_id.in_(tenants))
        return self._all(BatchRecord, statement.order_by(*_ORDER))

    def of_run(self, run_id: str, stage: BatchStage) -> tuple[BatchRecord, ...]:
        """The batches that one run carried through a stage, by day, tenant and batch."""
        statement = select(batch_runs).where(
            batch_runs.c.run_id == run_id, batch_runs.c.stage == stage
        )
        return self._all(BatchRecord, statement.order_by(*_ORDER))

    def sums(
        self,
        stage: BatchStage,
        days: tuple[date, date],
        tenants: Sequence[str] | None = None,
    ) -> dict[tuple[str, date], RowCounts]:
        """What a stage made of all batches of each tenant and day; arguments as for ``of_days``."""
        columns = ("rows_in", "rows_kept", "rows_unchanged", "rows_rejected")
        statement = (
            select(
                batch_runs.c.tenant_id,
                batch_runs.c.day,
                *(func.sum(batch_runs.c[name]).cast(BigInteger).label(name) for name in columns),
            )
            .where(batch_runs.c.stage == stage, batch_runs.c.day.between(*days))
            .group_by(batch_runs.c.tenant_id, batch_runs.c.day)
        )
        if tenants is not None:
            statement = statement.where(batch_runs.c.tenant_id.in_(tenants))
        return {
            (row.tenant_id, row.day): RowCounts(*(getattr(row, name) for name in columns))
            for row in self._execute(statement)
        }

    def of_batches(
        self, tenant_id: str, stage: BatchStage, batch_ids: Collection[str]
    ) -> dict[str, BatchRecord]:
        """What a stage made of some of a tenant's batches, by batch; the latest of several days."""
        statement = select(batch_runs).where(
            batch_runs.c.tenant_id == tenant_id,
            batch_runs.c.stage == stage,
            batch_runs.c.batch_id.in_(batch_ids),
        )
        return {
            record.batch_id: record
            for record in self._all(BatchRecord, statement.order_by(batch_runs.c.day))
        }

    def last_done_before(
        self, stage: BatchStage, day: date, tenants: Sequence[str]
    ) -> dict[str, datetime]:
        """When a stage last passed on rows of each tenant on the days before one day.

        Args:
            stage: The stage.
            day: The day.
            tenants: The tenants; those without such rows are left out.
        """
        statement = (
            select(batch_runs.c.tenant_id, func.max(batch_runs.c.finished_at).label("moment"))
            .where(
                batch_runs.c.stage == stage,
                batch_runs.c.day < day,
                batch_runs.c.tenant_id.in_(tenants),
                batch_runs.c.rows_kept > 0,
            )
            .group_by(batch_runs.c.tenant_id)
        )
        return {row.tenant_id: row.moment for row in self._execute(statement)}

    def forget(self, tenant_id: str, day: date, stage: BatchStage) -> None:
        """Strike out what a stage made of a tenant's day, so that the whole day is done again."""
        statement = delete(batch_runs).where(
            batch_runs.c.tenant_id == tenant_id,
            batch_runs.c.day == day,
            batch_runs.c.stage == stage,
        )
        self._execute(statement)


_ORDER = (batch_runs.c.day, batch_runs.c.tenant_id, batch_runs.c.batch_id)
