"""Which stages have something to do, found by comparing the ledger's lines with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.sql.selectable import NamedFromClause

from resources.database.correction_records import corrections
from resources.database.stage_records import StageStatus, stage_runs
from resources.vocabulary import Stage

DueReason = Literal["never", "failed", "held", "running", "newer", "corrected"]

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


def select_due(
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


def reason_of(status: StageStatus | None, *, is_newer: bool | None) -> DueReason:
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
