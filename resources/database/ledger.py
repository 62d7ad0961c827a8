"""The ledger: what every stage did for every tenant and day.

The ledger, not a user interface, answers whether a tenant is complete for a month, what is due, and
what it cost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from resources.database.due_stages import READS, DueStage, reason_of, select_due
from resources.database.repository import Repository
from resources.database.stage_records import StageRecord, stage_runs
from resources.vocabulary import STAGES, Stage


class LedgerRepository(Repository):
    """The ledger."""

    def record(self, record: StageRecord) -> None:
        """Write what a stage did, over what it did for the same tenant and day before."""
        self.record_all([record])

    def record_all(self, records: Iterable[StageRecord]) -> None:
        """Write what a stage did for many tenants or days, in one round trip."""
        now = datetime.now(UTC)
        rows = [_row(record, now) for record in records]
        if not rows:
            return
        statement = insert(stage_runs)
        new = statement.excluded
        changes: dict[str, Any] = {
            column.name: new[column.name]
            for column in stage_runs.columns
            if not column.primary_key and column.name != "attempts"
        }
        is_new_run = stage_runs.c.run_id.is_distinct_from(new.run_id)
        changes["attempts"] = stage_runs.c.attempts + case((is_new_run, 1), else_=0)
        statement = statement.on_conflict_do_update(constraint=stage_runs.primary_key, set_=changes)
        self._execute(statement, rows)

    def fail(self, tenant_id: str, day: date, stage: Stage, error: str) -> None:
        """Mark what a stage did as wrong after the fact, as a check does; its counts stay."""
        statement = (
            update(stage_runs)
            .where(*_is(tenant_id, day, stage))
            .values(status="failed", error=error)
            .returning(stage_runs.c.stage)
        )
        if self._execute(statement).one_or_none() is None:
            self.record(
                StageRecord(tenant_id=tenant_id, day=day, stage=stage, status="failed", error=error)
            )

    def held(self, tenant_id: str) -> tuple[StageRecord, ...]:
        """The records that keep a tenant's numbers from being reported, by day.

        Those are the stages before the snapshot that failed or were held back by a check and have
        not been repeated with success. A snapshot that could not be published leaves the one before
        it, whose numbers are still true.
        """
        statement = select(stage_runs).where(
            stage_runs.c.tenant_id == tenant_id,
            stage_runs.c.status.in_(("failed", "held")),
            stage_runs.c.stage.not_in(("published", "reported")),
        )
        return self._all(StageRecord, statement.order_by(stage_runs.c.day, _STAGE_NUMBER))

    def failed_in(self, stage: Stage, run_ids: Collection[str]) -> dict[str, str]:
        """The tenants for whom a stage failed in these runs, with what went wrong."""
        statement = select(stage_runs.c.tenant_id, stage_runs.c.error).where(
            stage_runs.c.stage == stage,
            stage_runs.c.status == "failed",
            stage_runs.c.run_id.in_(run_ids),
        )
        return {row.tenant_id: row.error or "" for row in self._execute(statement)}

    def get(self, tenant_id: str, day: date, stage: Stage) -> StageRecord | None:
        """What a stage did for a tenant and day, if it tried."""
        statement = select(stage_runs).where(*_is(tenant_id, day, stage))
        return self._one(StageRecord, statement)

    def for_tenant(
        self, tenant_id: str, days: tuple[date, date] | None = None
    ) -> tuple[StageRecord, ...]:
        """A tenant's records by day, in the order of the stages.

        Args:
            tenant_id: The tenant.
            days: First and last day, both included; all days when not given.
        """
        statement = select(stage_runs).where(stage_runs.c.tenant_id == tenant_id)
        if days is not None:
            statement = statement.where(stage_runs.c.day.between(*days))
        return self._all(StageRecord, statement.order_by(stage_runs.c.day, _STAGE_NUMBER))

    def for_day(self, day: date) -> tuple[StageRecord, ...]:
        """A day's records by tenant, in the order of the stages."""
        statement = select(stage_runs).where(stage_runs.c.day == day)
        return self._all(StageRecord, statement.order_by(stage_runs.c.tenant_id, _STAGE_NUMBER))

    def rows_kept(
        self, stage: Stage, days: tuple[date, date], tenants: Sequence[str]
    ) -> dict[tuple[str, date], int]:
        """The rows that a stage has passed on, for each tenant and day on which it has a record.

        Args:
            stage: The stage.
            days: First and last day, both included.
            tenants: Only these tenants.
        """
        statement = select(stage_runs.c.tenant_id, stage_runs.c.day, stage_runs.c.rows_kept).where(
            stage_runs.c.stage == stage,
            stage_runs.c.day.between(*days),
            stage_runs.c.tenant_id.in_(tenants),
        )
        return {(row.tenant_id, row.day): row.rows_kept for row in self._execute(statement)}

    def incomplete(
        self, days: tuple[date, date], *, tenants: Sequence[str] | None = None
    ) -> set[tuple[str, date]]:
        """Tenants and days for which any stage is due; arguments as for ``due``."""
        return {pair for stage in READS for pair in self.due(stage, days, tenants=tenants)}

    def days_of(self, tenants: Sequence[str] | None = None) -> list[date]:
        """The days of which there is a record, in order.

        Args:
            tenants: Only of these tenants; of all in sight when not given.
        """
        statement = select(stage_runs.c.day).distinct().order_by(stage_runs.c.day)
        if tenants is not None:
            statement = statement.where(stage_runs.c.tenant_id.in_(tenants))
        return [row.day for row in self._execute(statement)]

    def days_before(self, tenant_id: str, *, limit: int, before: date | None = None) -> list[date]:
        """The latest days of which there is a record of a tenant, the latest first.

        Args:
            tenant_id: The tenant.
            limit: How many at most.
            before: Only days before this one.
        """
        statement = select(stage_runs.c.day).distinct().where(stage_runs.c.tenant_id == tenant_id)
        if before is not None:
            statement = statement.where(stage_runs.c.day < before)
        statement = statement.order_by(stage_runs.c.day.desc()).limit(limit)
        return [row.day for row in self._execute(statement)]

    def last_of_each_stage(self, tenant_id: str) -> dict[Stage, StageRecord]:
        """The record that ended last with success of each stage of a tenant, by stage."""
        statement = (
            select(stage_runs)
            .ext(distinct_on(stage_runs.c.stage))
            .where(stage_runs.c.tenant_id == tenant_id, stage_runs.c.status == "done")
            .order_by(stage_runs.c.stage, stage_runs.c.finished_at.desc())
        )
        return {record.stage: record for record in self._all(StageRecord, statement)}

    def unfinished(self, tenant_id: str) -> tuple[StageRecord, ...]:
        """The records of a tenant's stages that run, failed or are held, the latest day first."""
        statement = select(stage_runs).where(
            stage_runs.c.tenant_id == tenant_id, stage_runs.c.status != "done"
        )
        order = (stage_runs.c.day.desc(), _STAGE_NUMBER)
        return self._all(StageRecord, statement.order_by(*order))

    def last_days(self) -> dict[str, date]:
        """The last day of which each tenant in sight has a record."""
        latest = func.max(stage_runs.c.day).label("day")
        statement = select(stage_runs.c.tenant_id, latest).group_by(stage_runs.c.tenant_id)
        return {row.tenant_id: row.day for row in self._execute(statement)}

    def all_due(
        self,
        days: tuple[date, date] | None = None,
        *,
        tenants: Sequence[str] | None = None,
    ) -> list[DueStage]:
        """Every stage that is due, with its reason; arguments as for ``due``.

        A stage behind one that is due is named once that one has run.

        Returns:
            By stage, day and tenant.
        """
        return [
            DueStage(
                tenant_id=row.tenant_id,
                day=row.day,
                stage=stage,
                why=reason_of(row.status, is_newer=row.read_less),
                rows=row.rows_kept,
                error=row.error,
            )
            for stage in READS
            for row in self._execute(select_due(stage, days, tenants))
        ]

    def due(
        self,
        stage: Stage,
        days: tuple[date, date] | None = None,
        *,
        tenants: Sequence[str] | None = None,
    ) -> list[tuple[str, date]]:
        """Tenants and days for which the stage it reads has done something a stage has not seen.

        That is so when the stage never ended well there, or when it read a version of its input
        table older than the one that was written last. Where the stage before writes no lake table,
        the clock decides: that one ended after the stage had begun. Reviews are also due to be
        enriched when a person corrected one of the day after the stage had begun.

        Args:
            stage: The stage that may have to run.
            days: First and last day, both included; all days when not given.
            tenants: Only these tenants; all in sight when not given.

        Returns:
            Pairs of tenant and day, by day; none for a stage that reads no other.
        """
        if stage not in READS:
            return []
        return [(row.tenant_id, row.day) for row in self._execute(select_due(stage, days, tenants))]


_STAGE_NUMBER = case(
    {stage: number for number, stage in enumerate(STAGES)}, value=stage_runs.c.stage
)


def _is(tenant_id: str, day: date, stage: Stage) -> tuple[Any, Any, Any]:
    return (
        stage_runs.c.tenant_id == tenant_id,
        stage_runs.c.day == day,
        stage_runs.c.stage == stage,
    )


def _row(record: StageRecord, now: datetime) -> dict[str, Any]:
    finished_at = record.finished_at
    if finished_at is None and record.status != "running":
        finished_at = now
    return asdict(record) | {
        "attempts": 1,
        "model_versions": dict(record.model_versions),
        "started_at": record.started_at or now,
        "finished_at": finished_at,
    }
