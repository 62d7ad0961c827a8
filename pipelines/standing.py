"""How far every tenant's days have come: what is due, and why.

The one answer for ``status`` and ``backfill``. It comes from the ledger, from the raw rows that the
ledger does not know of, from the published snapshots and from the files of the lake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from pipelines.damage import STAGE_OF_TABLE, concerned_by, lake_damage, snapshot_trouble
from pipelines.session import Session
from resources.database import DueStage, UnitOfWork
from resources.database.due_stages import READS
from resources.storage.lake_damage import DamagedFile
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange, Stage

State = Literal["damaged", "failed", "due", "never collected", "complete"]
STATES: tuple[State, ...] = ("damaged", "failed", "due", "never collected", "complete")
"""How a tenant stands, from the worst to the best."""


@dataclass(frozen=True)
class Due:
    """Something that is to be done for a tenant and day.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day.
        stage: The stage that has to run.
        why: The reason, in words.
        rows: Rows that wait for the stage.
        state: How bad it is: ``damaged``, ``failed`` or ``due``.
        is_lost_file: Whether it is a file of the lake that cannot be read.
    """

    tenant_id: str
    day: date
    stage: Stage
    why: str
    rows: int = 0
    state: State = "due"
    is_lost_file: bool = False


@dataclass(frozen=True)
class Standing:
    """How one tenant stands.

    Attributes:
        tenant_id: The tenant.
        name: What people call it.
        state: The worst of what is due, or ``complete``, or ``never collected``.
        due: What is to be done, the worst first and then by day.
        last_day: The last day with a record; None when nothing was ever collected.
    """

    tenant_id: str
    name: str
    state: State
    due: tuple[Due, ...]
    last_day: date | None


def find_due(
    session: Session,
    work: UnitOfWork,
    days: DayRange | None,
    tenants: Sequence[str] | None = None,
    *,
    raw: Mapping[tuple[str, date], int] | None = None,
    damage: Sequence[DamagedFile] | None = None,
) -> list[Due]:
    """What is to be done, for each tenant and day the first stage that is due.

    Args:
        session: The installation.
        work: A transaction that sees the tenants.
        days: Only what is due on these days; all days when None.
        tenants: Only these tenants; all when None.
        raw: Raw rows of each tenant and day; those that the ledger does not know of are due.
        damage: Damaged files of the lake; looked for when not given.

    Returns:
        The worst first, then by tenant, day and stage.
    """
    span = None if days is None else (days.first, days.last)
    found = [_of_ledger(one) for one in work.ledger.all_due(span, tenants=tenants)]
    last = work.ledger.last_days()
    if raw:
        known = {
            (record.tenant_id, record.day)
            for day in {day for _, day in raw}
            for record in work.ledger.for_day(day)
        }
        found += [
            Due(tenant, day, "normalised", f"{rows:,} rows landed that nothing has noted", rows)
            for (tenant, day), rows in raw.items()
            if (tenant, day) not in known
        ]
        for tenant, day in raw:
            last[tenant] = max(day, last.get(tenant, day))
    found += _of_snapshots(session, work, last)
    found += _of_lake(work, lake_damage(session.lake) if damage is None else damage, last)
    chosen = [
        one
        for one in found
        if (days is None or days.first <= one.day <= days.last)
        and (tenants is None or one.tenant_id in tenants)
    ]
    return sorted(
        chosen, key=lambda one: (STATES.index(one.state), one.tenant_id, one.day, one.stage)
    )


def standings(work: UnitOfWork, due: Sequence[Due]) -> list[Standing]:
    """How every tenant stands, the worst first.

    Args:
        work: A transaction that sees the tenants.
        due: What is to be done, of all days and tenants.
    """
    by_tenant: dict[str, list[Due]] = {}
    for one in due:
        by_tenant.setdefault(one.tenant_id, []).append(one)
    last = work.ledger.last_days()
    found = [
        Standing(
            tenant.id,
            tenant.name,
            _state(by_tenant.get(tenant.id, []), last.get(tenant.id)),
            tuple(by_tenant.get(tenant.id, ())),
            last.get(tenant.id),
        )
        for tenant in work.tenants.list()
    ]
    return sorted(found, key=lambda one: (STATES.index(one.state), -len(one.due), one.tenant_id))


def raw_rows(
    session: Session, days: DayRange, tenants: Sequence[str] | None = None
) -> dict[tuple[str, date], int]:
    """Count the raw rows of each tenant and day."""
    raw = session.lake.read(RAW_REVIEWS, days=days, tenants=tenants).frame
    counted = raw.group_by("tenant_id", "day").agg(pl.len().cast(pl.Int64)).collect()
    return {(tenant, day): rows for tenant, day, rows in counted.iter_rows()}


def explain_difference(work: UnitOfWork, tenant_id: str, day: date) -> str:
    """Say why fewer rows of a day are enriched than were normalised; nothing where none is missing.

    A withdrawn review is a version without a text: it is kept, and there is nothing to read.
    """
    records = {record.stage: record for record in work.ledger.for_tenant(tenant_id, (day, day))}
    if "normalised" not in records or "enriched" not in records:
        return ""
    missing = records["normalised"].rows_kept - records["enriched"].rows_kept
    if missing <= 0:
        return ""
    span, tenants = (day, day), [tenant_id]
    read = {one.batch_id for one in work.batches.of_days("enriched", span, tenants)}
    waiting = [
        one
        for one in work.batches.of_days("normalised", span, tenants)
        if one.batch_id not in read and one.rows_kept
    ]
    in_waiting = min(missing, sum(one.rows_kept for one in waiting))
    gone = sum(one.gone or 0 for one in work.source_days.for_tenant(tenant_id, span))
    withdrawn = min(missing - in_waiting, gone)
    parts = Counter(
        {
            "withdrawn by their source, with no text to read": withdrawn,
            f"in {len(waiting):,} batches that are not enriched yet": in_waiting,
            "of an older run, which did not say why": missing - in_waiting - withdrawn,
        }
    )
    said = ", ".join(f"{rows:,} {reason}" for reason, rows in parts.items() if rows)
    return f"{missing:,} fewer than normalised: {said}"


def _of_ledger(one: DueStage) -> Due:
    before = READS[one.stage]
    rows = f"{one.rows:,} {'row' if one.rows == 1 else 'rows'}"
    reasons = {
        "never": f"{rows} {before} and not yet {one.stage}",
        "failed": one.error or "it failed without a reason",
        "held": one.error or "it is held back",
        "running": "it is running, or was interrupted",
        "newer": f"newer rows were {before} since",
        "corrected": "a review was corrected since",
    }
    state: State = "failed" if one.why in ("failed", "held") else "due"
    return Due(one.tenant_id, one.day, one.stage, reasons[one.why], one.rows, state)


def _of_snapshots(session: Session, work: UnitOfWork, last: Mapping[str, date]) -> list[Due]:
    """The tenants whose published numbers cannot be read; a run of their last day mends that."""
    location = session.settings.snapshots_location
    found = []
    for record in work.snapshots.currents():
        what = snapshot_trouble(session.snapshots, location, record)
        if what is not None:
            day = last.get(record.tenant_id, record.published_at.date())
            found.append(Due(record.tenant_id, day, "published", what, state="damaged"))
    return found


def _of_lake(
    work: UnitOfWork, damage: Sequence[DamagedFile], last: Mapping[str, date]
) -> list[Due]:
    found = []
    for file in damage:
        stage = STAGE_OF_TABLE[file.table]
        found += [
            Due(tenant, day, stage, file.sentence, state="damaged", is_lost_file=True)
            for tenant, day in concerned_by(work, file, last)
        ]
    return found


def _state(due: Sequence[Due], last_day: date | None) -> State:
    if due:
        return min((one.state for one in due), key=STATES.index)
    return "never collected" if last_day is None else "complete"
