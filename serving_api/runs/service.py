"""Reading the ledger as a member of a tenant."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Literal

from resources import database
from serving_api.kit.auth import TenantSession
from serving_api.kit.paging import Cursors, PageOf
from serving_api.runs.schemas import (
    MAX_LISTED,
    DayOfRuns,
    DueStage,
    Freshness,
    RunsPage,
    RunsParameters,
    StageRun,
)

_WRONG = ("failed", "held")


def list_runs(session: TenantSession, parameters: RunsParameters, cursors: Cursors) -> RunsPage:
    """One page of days with what was done for each, the latest first.

    Raises:
        Problem: ``invalid-cursor``.
    """
    session.require("metrics:read")
    tenant_id = session.tenant.id
    page = PageOf(cursors, f"/v1/tenants/{tenant_id}/runs", parameters)
    position = page.position(length=1)
    ledger = session.work.ledger
    found = ledger.days_before(
        tenant_id,
        limit=page.rows_to_read,
        before=None if position is None else date.fromisoformat(position[0]),
    )
    days, onward = page.cut(found, lambda day: (day.isoformat(),))
    stages: dict[date, list[StageRun]] = defaultdict(list)
    due: dict[date, list[DueStage]] = defaultdict(list)
    if days:
        stretch = (days[-1], days[0])
        for record in ledger.for_tenant(tenant_id, stretch):
            stages[record.day].append(_stage_run(record))
        for stage in ledger.all_due(stretch, tenants=[tenant_id]):
            due[stage.day].append(_due(stage))
    return RunsPage(
        items=[
            DayOfRuns(
                day=day,
                is_complete=not due[day] and all(run.status == "done" for run in stages[day]),
                stages=stages[day],
                due=due[day],
            )
            for day in days
        ],
        **onward,
    )


def get_freshness(session: TenantSession, *, now: datetime | None = None) -> Freshness:
    """How fresh the tenant's numbers are.

    Args:
        session: Who asks.
        now: The moment to compute the age for; the clock's when not given.
    """
    session.require("metrics:read")
    tenant_id, ledger = session.tenant.id, session.work.ledger
    current = session.work.snapshots.current(tenant_id)
    last = ledger.last_of_each_stage(tenant_id).get("published")
    latest = ledger.days_before(tenant_id, limit=1)
    due = ledger.all_due(tenants=[tenant_id])
    failed = [run for run in ledger.unfinished(tenant_id) if run.status in _WRONG]
    counted_at = None
    if current is not None:
        moments = [current.published_at, last.finished_at if last else None]
        counted_at = max(moment for moment in moments if moment is not None)
    return Freshness(
        state=_state(current, due, failed),
        snapshot=current.version if current else None,
        published_at=current.published_at if current else None,
        counted_at=counted_at,
        age_seconds=_age(counted_at, now or datetime.now(UTC)),
        last_day=latest[0] if latest else None,
        due_count=len(due),
        due=[_due(stage) for stage in due[:MAX_LISTED]],
        failed_count=len(failed),
        failed=[_stage_run(run) for run in failed[:MAX_LISTED]],
    )


def _state(
    current: database.SnapshotRecord | None,
    due: list[database.DueStage],
    failed: list[database.StageRecord],
) -> Literal["fresh", "behind", "failing", "empty"]:
    if failed:
        return "failing"
    if current is None:
        return "empty"
    return "behind" if due else "fresh"


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, int((now - moment).total_seconds()))


def _stage_run(record: database.StageRecord) -> StageRun:
    return StageRun(
        day=record.day,
        stage=record.stage,
        status=record.status,
        rows_in=record.rows_in,
        rows_kept=record.rows_kept,
        rows_unchanged=record.rows_unchanged,
        rows_rejected=record.rows_rejected,
        attempts=record.attempts,
        started_at=record.started_at,
        finished_at=record.finished_at,
        error=record.error,
    )


def _due(stage: database.DueStage) -> DueStage:
    return DueStage(day=stage.day, stage=stage.stage, why=stage.why, rows=stage.rows)
