"""The ledger: what every stage did for every tenant and day.

The ledger, not a user interface, answers whether a tenant is complete for a month, what is due, and
what it cost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.selectable import NamedFromClause

from resources.database.correction_records import corrections
from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, json_column, metadata, one_of, tenant_column
from resources.vocabulary import STAGES, Stage

StageStatus = Literal["running", "done", "failed", "held"]
DueReason = Literal["never", "failed", "held", "running", "newer", "corrected"]
STAGE_STATUSES: tuple[StageStatus, ...] = ("running", "done", "failed", "held")

READS: Mapping[Stage, Stage] = MappingProxyType(
    {
        "normalised": "collected",
        "enriched": "normalised",
        "counted": "enriched",
        "published": "counted",
        "reported": "published",
    }
)
"""The stage whose output each stage reads. What comes from outside reads none."""


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What one stage did for one tenant and day.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC).
        stage: One of ``STAGES``.
        status: ``running``, ``done``, ``failed``, or ``held`` back by a check.
        rows_in: Rows the stage was given.
        rows_kept: Rows it passed on.
        rows_unchanged: Rows that said nothing new.
        rows_rejected: Rows it could not use. ``in = kept + unchanged + rejected`` when done.
        table_version: Version of the lake table it wrote, null for stages that write none.
        input_version: Version of the lake table it read, null for stages that read none.
        model_versions: Annotator to version, for stages that understand text.
        cost_usd: Spent on outside services, in US dollars.
        run_id: The Dagster run.
        attempts: Runs that have tried so far; counted by the ledger, whatever is given.
        started_at: When the latest of them began; now, unless given.
        finished_at: When it ended; null while it runs.
        error: What went wrong.
    """

    tenant_id: str
    day: date
    stage: Stage
    status: StageStatus = "done"
    rows_in: int = 0
    rows_kept: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    table_version: int | None = None
    input_version: int | None = None
    model_versions: Mapping[str, str] = field(default_factory=dict)
    cost_usd: float = 0.0
    run_id: str | None = None
    attempts: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class DueStage:
    """A stage that has something to do for a tenant and day, and why.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC).
        stage: The stage that has to run.
        why: ``never`` ran, ``failed``, ``held``, ``running`` still or interrupted, ``newer`` rows
            came since, or a review was ``corrected`` since.
        rows: Rows that the stage before has passed on.
        error: What went wrong, of a stage that failed or is held.
    """

    tenant_id: str
    day: date
    stage: Stage
    why: DueReason
    rows: int
    error: str | None = None


stage_runs = Table(
    "stage_runs",
    metadata,
    tenant_column(),
    Column("day", Date, nullable=False),
    Column("stage", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("rows_in", BigInteger, nullable=False),
    Column("rows_kept", BigInteger, nullable=False),
    Column("rows_unchanged", BigInteger, nullable=False),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("table_version", BigInteger),
    Column("input_version", BigInteger),
    json_column("model_versions", empty="{}"),
    Column("cost_usd", Double, nullable=False),
    Column("run_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("started_at", TIMESTAMP, nullable=False),
    Column("finished_at", TIMESTAMP),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "day", "stage"),
    CheckConstraint(one_of("stage", STAGES), name="stage"),
    CheckConstraint(one_of("status", STAGE_STATUSES), name="status"),
    Index(None, "day", "stage"),
)


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
                why=_reason(row.status, is_newer=row.read_less),
                rows=row.rows_kept,
                error=row.error,
            )
            for stage in READS
            for row in self._execute(_due(stage, days, tenants))
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
        return [(row.tenant_id, row.day) for row in self._execute(_due(stage, days, tenants))]


_STAGE_NUMBER = case(
    {stage: number for number, stage in enumerate(STAGES)}, value=stage_runs.c.stage
)


def _due(
    stage: Stage, days: tuple[date, date] | None, tenants: Sequence[str] | None
) -> Select[Any]:
    """Tenants and days for which a stage is due, with what is known of both stages."""
    before, after = stage_runs.alias("before"), stage_runs.alias("after")
    same_slice = and_(
        after.c.tenant_id == before.c.tenant_id,
        after.c.day == before.c.day,
        after.c.stage == stage,
    )
    read_less = case(
        (
            before.c.table_version.is_not(None),
            func.coalesce(after.c.input_version, -1) < before.c.table_version,
        ),
        else_=before.c.finished_at > after.c.started_at,
    )
    statement = (
        select(
            before.c.tenant_id,
            before.c.day,
            before.c.rows_kept,
            after.c.status,
            after.c.error,
            read_less.label("read_less"),
        )
        .outerjoin(after, same_slice)
        .where(
            before.c.stage == READS[stage],
            before.c.status == "done",
            or_(
                after.c.status.is_distinct_from("done"),
                read_less,
                _corrected_since(after) if stage == "enriched" else false(),
            ),
        )
        .order_by(before.c.day, before.c.tenant_id)
    )
    if days is not None:
        statement = statement.where(before.c.day.between(*days))
    if tenants is not None:
        statement = statement.where(before.c.tenant_id.in_(tenants))
    return statement


def _reason(status: StageStatus | None, *, is_newer: bool | None) -> DueReason:
    """Why a stage is due, from what became of it the last time."""
    if status is None:
        return "never"
    if status != "done":
        return status
    return "newer" if is_newer else "corrected"


def _corrected_since(run: NamedFromClause) -> ColumnElement[bool]:
    """Whether a review of the run's tenant and day was corrected after the run had begun."""
    return exists().where(
        corrections.c.tenant_id == run.c.tenant_id,
        corrections.c.day == run.c.day,
        corrections.c.created_at > run.c.started_at,
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
