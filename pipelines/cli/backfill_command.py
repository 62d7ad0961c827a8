"""``reviewgraph backfill``: carry a range of days through the graph."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenants

_DAY = ["%Y-%m-%d"]


def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First ingestion day.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last ingestion day.")],
    tenant: Annotated[
        list[str] | None,
        typer.Option(help="Only this tenant; can be repeated.", callback=checked_tenants),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
    force: Annotated[bool, typer.Option(help="Also days that are complete already.")] = False,
) -> None:
    """Process the days of a range in order, as one run; days that are complete are left out.

    Each day is answered for: due (and why), complete, never collected, or in the future. What was
    published or computed and cannot be read any more is due, and is made again.

    Exit codes: 0 when all that was due is done or nothing is due, whatever the days are; 1 when the
    run failed; 2 for wrong usage, such as a range that ends before it starts; 130 when interrupted.
    """
    from resources.vocabulary import DayRange

    days = DayRange(first.date(), last.date())
    from pipelines.backfill import plan_backfill, run_backfill
    from pipelines.session import open_session

    with open_session() as session:
        plan = plan_backfill(session, days, tenant or [], force=force)
        console.say(plan.sentence)
        for answer in plan.answers:
            console.say(f"  {answer.sentence}")
        if not plan.days or dry_run:
            return
        run_id = run_backfill(session, plan, on_event=console.RunProgress())
        console.say(f"Done in run {run_id}.")
