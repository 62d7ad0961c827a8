"""``reviewgraph status``: what is complete and what is due, for whom, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

if TYPE_CHECKING:
    from pipelines.standing import Due, Standing
    from resources.database import StageRecord, UnitOfWork
    from resources.storage.lake_damage import DamagedFile
    from resources.vocabulary import DayRange

# With the counts, the column names and the next step this fills a screen of 24 lines.
_MAX_TENANTS = 16
_MAX_REASON = 70
_LEDGER_COLUMNS = ("day", "stage", "status", "in", "kept", "unchanged", "rejected", "run", "note")


def status(
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant, day by day.", callback=checked_tenant)
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How many of the latest days.")] = 14,
    due: Annotated[bool, typer.Option("--due", help="Only what is due, all of it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Show what is due and why: of all tenants on one screen, or of one tenant with its ledger.

    What is due is looked for on all days. Files that landed without a note in the ledger are looked
    for on the latest days. Exit codes: 0 when this could be told, whatever it is; 1 when not; 2 for
    wrong usage.
    """
    from pipelines.damage import lake_damage
    from pipelines.session import open_session
    from pipelines.standing import find_due, raw_rows, standings
    from resources.storage.schemas import RAW_REVIEWS
    from resources.vocabulary import DayRange

    last = datetime.now(UTC).date()
    span = DayRange(last - timedelta(days=days - 1), last)
    with open_session() as session, session.database.jobs() as work:
        if tenant:
            work.tenants.require(tenant)
        damage = lake_damage(session.lake)
        can_count = not any(file.table == RAW_REVIEWS.name for file in damage)
        raw = raw_rows(session, span) if can_count else {}
        found = find_due(session, work, None, raw=raw, damage=damage)
        chosen = [one for one in standings(work, found) if tenant in (None, one.tenant_id)]
        if as_json:
            ledger = _ledger(work, tenant, span) if tenant else []
            print(json.dumps(_as_json(chosen, damage, ledger), default=str, indent=2))
            return
        if not chosen:
            console.say("There is no tenant yet. Next: reviewgraph import FILE --tenant acme")
        elif due:
            _show_due(chosen)
        elif tenant or len(chosen) == 1:
            _show_tenant(work, chosen[0], span)
        else:
            _show_fleet(chosen)
        _show_next(chosen, damage)


def _show_fleet(chosen: Sequence[Standing]) -> None:
    """All tenants on one screen: how many stand how, and the worst of them."""
    from pipelines.standing import STATES

    counts = Counter(one.state for one in chosen)
    said = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])
    console.say(f"{len(chosen):,} tenants: {said}")
    shown = chosen[:_MAX_TENANTS]
    console.table(
        ("tenant", "state", "last day", "due since", "what"), [_fleet_row(one) for one in shown]
    )
    if len(chosen) > len(shown):
        console.say(f"  and {len(chosen) - len(shown):,} more, none of them worse: --due, --tenant")


def _fleet_row(one: Standing) -> tuple[object, ...]:
    since, what = "", ""
    if one.due:
        worst = one.due[0]
        since = f"{min(entry.day for entry in one.due)}"
        what = f"{worst.stage}: {worst.why}"
    last = "" if one.last_day is None else one.last_day.isoformat()
    return (one.tenant_id, one.state, last, since, _shortened(what))


def _show_tenant(work: UnitOfWork, one: Standing, span: DayRange) -> None:
    """One tenant: how it stands, what each stage did on the latest days, and what is due."""
    console.heading(f"{one.name} ({one.tenant_id}): {one.state}")
    records = work.ledger.for_tenant(one.tenant_id, (span.first, span.last))
    if records:
        console.table(_LEDGER_COLUMNS, [_ledger_row(record) for record in records])
        for record in records:
            difference = _difference(work, record)
            if difference:
                console.say(f"{record.day} {record.stage}: {difference}")
    else:
        console.say(f"  nothing from {span.first} to {span.last}")
    _show_due([one])


def _show_due(chosen: Sequence[Standing]) -> None:
    """Everything that is due, one line for the days that follow each other for the same reason."""
    rows = [row for one in chosen for row in _due_rows(one.due)]
    if not rows:
        console.say("Nothing is due.")
        return
    console.table(("tenant", "days", "stage", "state", "rows", "why"), rows)


def _due_rows(due: Sequence[Due]) -> Iterator[tuple[object, ...]]:
    ordered = sorted(due, key=lambda one: (one.stage, one.state, one.why, one.day))
    for (tenant, stage, state, why), group in groupby(
        ordered, lambda one: (one.tenant_id, one.stage, one.state, one.why)
    ):
        same = list(group)
        first, last = same[0].day, same[-1].day
        days = f"{first}" if first == last else f"{first} to {last} ({len(same):,} days)"
        yield (tenant, days, stage, state, sum(one.rows for one in same), why)


def _show_next(chosen: Sequence[Standing], damage: Sequence[DamagedFile]) -> None:
    """Name the command that does what is due."""
    from pipelines.damage import next_step
    from resources.storage.schemas import RAW_REVIEWS

    for file in damage:
        if file.table == RAW_REVIEWS.name:
            console.say(f"{file.sentence} {next_step([file])}")
    days = [entry.day for one in chosen for entry in one.due if entry.stage != "collected"]
    if days:
        only = f" --tenant {chosen[0].tenant_id}" if len(chosen) == 1 else ""
        console.say(f"Next: reviewgraph backfill --from {min(days)} --to {max(days)}{only}")


def _ledger_row(record: StageRecord) -> tuple[object, ...]:
    return (
        record.day.isoformat(),
        record.stage,
        record.status,
        record.rows_in,
        record.rows_kept,
        record.rows_unchanged,
        record.rows_rejected,
        (record.run_id or "")[:8],
        record.error or "",
    )


def _difference(work: UnitOfWork, record: StageRecord) -> str:
    """Why a stage passed on fewer rows than the one before it, where that needs a word."""
    from pipelines.standing import explain_difference

    if record.stage != "enriched":
        return ""
    return explain_difference(work, record.tenant_id, record.day)


def _ledger(work: UnitOfWork, tenant: str, span: DayRange) -> list[dict[str, Any]]:
    records = work.ledger.for_tenant(tenant, (span.first, span.last))
    return [
        asdict(record) | {"note": record.error or _difference(work, record)} for record in records
    ]


def _as_json(
    chosen: Sequence[Standing], damage: Sequence[DamagedFile], ledger: list[dict[str, Any]]
) -> dict[str, Any]:
    """The same answer for programs; days as in ISO 8601."""
    counts = Counter(one.state for one in chosen)
    return {
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "counts": dict(counts),
        "tenants": [asdict(one) for one in chosen],
        "damaged_files": [asdict(one) for one in damage],
        "ledger": ledger,
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"
