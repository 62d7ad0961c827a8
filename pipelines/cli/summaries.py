"""A tenant's numbers and files, printed: the end of an import, a backfill or the demo."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli import console

if TYPE_CHECKING:
    from pipelines.session import Session
    from resources.database import ReportDocument
    from resources.storage.snapshots import Snapshot


def show_tenant(session: Session, tenant_id: str) -> None:
    """Print what the tenant's current snapshot says, and copy its latest report to a plain name."""
    with session.database.jobs() as work:
        tenant = work.tenants.require(tenant_id)
        current = work.snapshots.current(tenant_id)
        documents = work.reports.list(tenant_id, limit=1)
        held = work.ledger.held(tenant_id)
    console.heading(f"{tenant.name}")
    if current is None:
        console.say("  no numbers are published yet")
        return
    snapshot = session.snapshots.open(tenant_id, current.version)
    for line in headlines(snapshot):
        console.say(f"  {line}")
    if held:
        console.say(f"  The report is held back: {held[0].error} ({held[0].day})")
    elif documents:
        for path in copy_report(session, documents[0]):
            console.say(f"  {path}")
    else:
        console.say("  There is no review to report on.")


def headlines(snapshot: Snapshot) -> list[str]:
    """Return the tenant's numbers in a few lines, each with how many reviews are behind it."""
    rows = snapshot.table("metric_summary").filter(dimension="all").to_dicts()
    if not rows or not rows[0]["review_count"]:
        return ["0 reviews"]
    summary = rows[0]
    lines = [f"{summary['review_count']:,} reviews"]
    if summary["rated_count"]:
        lines.append(
            f"average rating {summary['average_rating']:.2f} of 5"
            f"{_interval(summary, 'average_rating', '{:.2f}')}, n = {summary['rated_count']:,}"
        )
    if summary["annotated_count"]:
        lines.append(
            f"positive {summary['positive_share']:.0%}"
            f"{_interval(summary, 'positive_share', '{:.0%}')}, "
            f"negative {summary['negative_share']:.0%}, n = {summary['annotated_count']:,}"
        )
    topics = snapshot.table("topic_summary").filter(dimension="all")
    if not topics.is_empty():
        top = topics.sort("mention_count", descending=True).head(3)
        named = (f"{row['topic']} ({row['mention_count']:,})" for row in top.to_dicts())
        lines.append(f"most discussed: {', '.join(named)}")
    incidents = snapshot.table("weekly_series").filter(dimension="all", is_incident=True)
    lines.extend(
        f"incident: week of {week['week_start']}, {week['negative_share']:.0%} negative "
        f"against {week['baseline_negative_share']:.0%} usually, "
        f"mostly {week['top_negative_topic'] or 'no single topic'}"
        for week in incidents.sort("incident_z", descending=True).head(2).to_dicts()
    )
    return lines


def copy_report(session: Session, document: ReportDocument) -> list[Path]:
    """Copy a report from the object store to plain names below ``reports`` in the home folder."""
    folder = session.settings.home / "reports" / document.tenant_id
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for file in document.files:
        target = folder / f"report.{file['format']}"
        draft = target.with_suffix(f".{file['format']}.part")
        with draft.open("wb") as output:
            for chunk in session.objects.stream(file["key"]):
                output.write(chunk)
        shutil.move(draft, target)
        copies.append(target)
    return copies


def _interval(row: dict[str, Any], name: str, style: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is None or high is None:
        return ""
    return f" ({style.format(low)} to {style.format(high)})"
