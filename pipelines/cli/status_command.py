"""``reviewgraph status``: what is complete, for whom, since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

if TYPE_CHECKING:
    from resources.database import StageRecord


def status(
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant.", callback=checked_tenant)
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How many of the latest days.")] = 14,
) -> None:
    """Show the ledger: per tenant and day, what each stage did and what is still due."""
    from pipelines.session import open_session

    last = datetime.now(UTC).date()
    first = last - timedelta(days=days - 1)
    with open_session() as session, session.database.jobs() as work:
        tenants = [work.tenants.require(tenant)] if tenant else work.tenants.list()
        if not tenants:
            console.say("There is no tenant yet. Next: reviewgraph import FILE --tenant acme")
            return
        for one in tenants:
            console.heading(f"{one.name} ({one.id})")
            records = work.ledger.for_tenant(one.id, (first, last))
            if records:
                console.table(
                    (
                        "day",
                        "stage",
                        "status",
                        "in",
                        "kept",
                        "unchanged",
                        "rejected",
                        "run",
                        "note",
                    ),
                    [_row(record) for record in records],
                )
            else:
                console.say(f"  nothing in the last {days} days")


def _row(record: StageRecord) -> tuple[object, ...]:
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
