"""Backfills: which days of a range still have something to do, and their run.

The plan comes from the lake and the ledger, so a backfill that was interrupted goes on where it
was: days that are complete are not in the next plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from assets.partitions import FIRST_DAY
from pipelines.damage import lake_damage, require_readable, take_out
from pipelines.launch import StepEvent, run_days
from pipelines.session import Session
from pipelines.standing import Due, find_due, raw_rows
from resources.storage.lake_damage import DamagedFile
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange, utc_today

DayState = Literal["due", "complete", "never collected", "future"]

_WORDS: Mapping[DayState, str] = {
    "due": "due",
    "complete": "complete",
    "never collected": "never collected",
    "future": "in the future",
}
_MAX_REASONS = 3


@dataclass(frozen=True)
class DayAnswer:
    """How days that follow each other stand.

    Attributes:
        days: The days.
        state: ``due``, ``complete``, ``never collected`` or ``future``.
        reviews: Raw rows of those that are due, or of those that are complete.
        tenants: How many tenants these rows belong to.
        reasons: Why they are due.
    """

    days: DayRange
    state: DayState
    reviews: int = 0
    tenants: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The days, how they stand, and why."""
        first, last = self.days.first, self.days.last
        said = f"{first}" if first == last else f"{first} to {last}"
        rows = ""
        if self.reviews:
            of = _count(self.tenants, "tenant")
            rows = f", {_count(self.reviews, 'review')} of {of}"
        days = "" if first == last else f", {_count(len(self), 'day')}"
        more = len(self.reasons) - _MAX_REASONS
        shown = [*self.reasons[:_MAX_REASONS], *([f"{more:,} more"] if more > 0 else [])]
        why = f" ({', '.join(shown)})" if shown else ""
        return f"{said}: {_WORDS[self.state]}{days}{rows}{why}"

    def __len__(self) -> int:
        return (self.days.last - self.days.first).days + 1


@dataclass(frozen=True)
class BackfillPlan:
    """What a backfill would do.

    Attributes:
        days: From the first day with something to do to the last; None when there is nothing.
        tenants: Whose reviews.
        tenant_days: How many pairs of tenant and day have something to do.
        reviews: Raw rows of those pairs.
        redo: Whether what is complete is done again.
        answers: How every day of the range stands, in order.
        damage: Files of the lake that are made again.
    """

    days: DayRange | None
    tenants: tuple[str, ...]
    tenant_days: int
    reviews: int
    redo: bool = False
    answers: tuple[DayAnswer, ...] = ()
    damage: tuple[DamagedFile, ...] = ()

    @property
    def sentence(self) -> str:
        """The plan in one sentence."""
        if self.days is None:
            return f"Nothing to do: {self._why_nothing()}"
        count = (self.days.last - self.days.first).days + 1
        return (
            f"1 run, {_count(count, 'day')} ({self.days.first} to {self.days.last}), "
            f"{_count(len(self.tenants), 'tenant')}, {_count(self.reviews, 'review')} collected."
        )

    def _why_nothing(self) -> str:
        days = {
            state: sum(len(answer) for answer in self.answers if answer.state == state)
            for state in _WORDS
        }
        there = [state for state, count in days.items() if count]
        match there:
            case ["complete"]:
                return "every day of the range is complete."
            case ["never collected"]:
                return "no review was ever collected on these days."
            case ["future"]:
                return "these days lie in the future."
        told = [f"{_count(days[state], 'day')} {_WORDS[state]}" for state in there]
        return f"{', '.join(told)}."


def plan_backfill(
    session: Session, days: DayRange, tenants: Sequence[str] = (), *, force: bool = False
) -> BackfillPlan:
    """Plan a range of days.

    Every day from the first unfinished one on is in the plan: later days depend on the versions
    that earlier days saw first. Files of the lake that cannot be read are made again, for all
    tenants of their days.

    Args:
        session: The installation.
        days: The ingestion days.
        tenants: Only these tenants; all with raw rows when empty.
        force: Whether days that are complete are done again, and files are looked at row by row.

    Raises:
        UnknownTenantError: There is no such tenant.
        LakeDamagedError: Raw rows of these days cannot be read, or other days have to be made again
            first.
    """
    damage = lake_damage(session.lake)
    if force:
        thorough = lake_damage(session.lake, days=days, thorough=True)
        damage = sorted({*damage, *thorough}, key=lambda one: one.path)
    require_readable(damage, days)
    damage = [file for file in damage if file.table != RAW_REVIEWS.name]
    with session.database.jobs() as work:
        for tenant in tenants:
            work.tenants.require(tenant)
        counts = raw_rows(session, days)
        due = find_due(session, work, days, raw=counts, damage=damage)
        known = _known_days(work.ledger.days_of(tenants or None), days)
    chosen = [
        one
        for one in due
        if _is_meant(one, tenants)
        and ((one.tenant_id, one.day) in counts or one.state == "damaged")
    ]
    own = {pair: rows for pair, rows in counts.items() if not tenants or pair[0] in tenants}
    pairs = {(one.tenant_id, one.day) for one in chosen} | (set(own) if force else set())
    answers = tuple(_answers(days, own, pairs, chosen, known))
    if not pairs:
        return BackfillPlan(None, (), 0, 0, answers=answers)
    return BackfillPlan(
        days=DayRange(min(day for _, day in pairs), max(day for _, day in {*own, *pairs})),
        tenants=tuple(sorted({tenant for tenant, _ in pairs})),
        tenant_days=len(pairs),
        reviews=sum(counts.get(pair, 0) for pair in pairs),
        redo=force,
        answers=answers,
        damage=tuple(
            file for file in damage if file.tenant_id in {None, *(tenant for tenant, _ in pairs)}
        ),
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
    take_out(session, plan.damage)
    return run_days(
        session, plan.days, plan.tenants, redo=plan.redo, reason="backfill", on_event=on_event
    )


def _is_meant(one: Due, tenants: Sequence[str]) -> bool:
    """Whether something due is in the plan: a lost file is made again for all of its tenants."""
    return not tenants or one.tenant_id in tenants or one.is_lost_file


def _known_days(recorded: Iterable[date], days: DayRange) -> set[date]:
    return {day for day in recorded if days.first <= day <= days.last}


def _answers(
    days: DayRange,
    counts: Mapping[tuple[str, date], int],
    pairs: Collection[tuple[str, date]],
    due: Sequence[Due],
    known: Collection[date],
) -> Iterator[DayAnswer]:
    """How the days of a range stand, those that follow each other and stand alike together."""
    collected = {day for _, day in counts} | set(known)
    due_days = {day for _, day in pairs}
    today, first_day = utc_today(), date.fromisoformat(FIRST_DAY)
    before = min(days.last, first_day - timedelta(days=1))
    if days.first <= before:  # no loop over centuries
        yield DayAnswer(DayRange(days.first, before), "never collected")

    def state_of(day: date) -> DayState:
        if day in due_days:
            return "due"
        return "complete" if day in collected else "never collected"

    last = min(days.last, max([today, *collected, *due_days]))
    first = max(days.first, first_day)
    inner = list(DayRange(first, last).days()) if first <= last else []
    for state, group in groupby(inner, state_of):
        run = list(group)
        span = DayRange(run[0], run[-1])
        answer = DayAnswer(span, state)
        if state in ("due", "complete"):
            rows = {
                pair: count
                for pair, count in counts.items()
                if span.first <= pair[1] <= span.last and (state == "complete" or pair in pairs)
            }
            answer = replace(
                answer, reviews=sum(rows.values()), tenants=len({tenant for tenant, _ in rows})
            )
        if state == "due":
            reasons = dict.fromkeys(
                f"{one.stage}: {one.why}" for one in due if span.first <= one.day <= span.last
            )
            answer = replace(answer, reasons=tuple(reasons) or ("to be done again",))
        yield answer
    if days.last > last:
        yield DayAnswer(DayRange(max(days.first, last + timedelta(days=1)), days.last), "future")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
