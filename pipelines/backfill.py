"""Backfills: which days of a range still have something to do, and their run.

The plan comes from the lake and the ledger, so a backfill that was interrupted goes on where it
was: days that are complete are not in the next plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.launch import StepEvent, run_days
from pipelines.session import Session
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange


@dataclass(frozen=True)
class BackfillPlan:
    """What a backfill would do.

    Attributes:
        days: From the first day with something to do to the last; None when there is nothing.
        tenants: Whose reviews.
        tenant_days: How many pairs of tenant and day have something to do.
        reviews: Raw rows of those pairs.
        redo: Whether what is complete is done again.
    """

    days: DayRange | None
    tenants: tuple[str, ...]
    tenant_days: int
    reviews: int
    redo: bool = False

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        if self.days is None:
            return "Nothing to do: every day of the range is complete."
        count = (self.days.last - self.days.first).days + 1
        return (
            f"1 run, {_count(count, 'day')} ({self.days.first} to {self.days.last}), "
            f"{_count(len(self.tenants), 'tenant')}, {_count(self.reviews, 'review')} collected."
        )


def plan_backfill(
    session: Session, days: DayRange, tenants: Sequence[str] = (), *, force: bool = False
) -> BackfillPlan:
    """Plan a range of days.

    Every day from the first unfinished one on is in the plan: later days depend on the versions
    that earlier days saw first.

    Args:
        session: The installation.
        days: The ingestion days.
        tenants: Only these tenants; all with raw rows when empty.
        force: Whether days that are complete are done again.
    """
    with session.database.jobs() as work:
        for tenant in tenants:
            work.tenants.require(tenant)
        unfinished = work.ledger.incomplete((days.first, days.last))
        recorded = {
            (record.tenant_id, record.day)
            for day in days.days()
            for record in work.ledger.for_day(day)
        }
    raw = session.lake.read(RAW_REVIEWS, days=days, tenants=list(tenants) or None).frame
    counts = raw.group_by("tenant_id", "day").agg(pl.len().alias("rows")).collect()
    due: list[tuple[str, date, int]] = [
        row for row in counts.iter_rows() if force or _is_due(row[:2], unfinished, recorded)
    ]
    if not due:
        return BackfillPlan(None, (), 0, 0)
    first = min(day for _, day, _ in due)
    last = max(day for _, day, _ in counts.iter_rows())
    return BackfillPlan(
        days=DayRange(first, last),
        tenants=tuple(sorted({tenant for tenant, _, _ in due})),
        tenant_days=len(due),
        reviews=sum(rows for _, _, rows in due),
        redo=force,
    )


def run_backfill(
    session: Session,
    plan: BackfillPlan,
    *,
    on_event: Callable[[StepEvent], None] = lambda _: None,
) -> str | None:
    """Carry out a plan; return the run's id, None when there was nothing to do."""
    if plan.days is None:
        return None
    return run_days(session, plan.days, plan.tenants, redo=plan.redo, on_event=on_event)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _is_due(
    pair: tuple[str, date], unfinished: set[tuple[str, date]], recorded: set[tuple[str, date]]
) -> bool:
    return pair in unfinished or pair not in recorded
