"""Weeks in which far more reviews were negative than usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from resources.reporting import wording
from resources.reporting.chapters.voices import quotes_of
from resources.reporting.material import Material
from resources.reporting.model import (
    Chart,
    ChartKind,
    Column,
    Finding,
    Grain,
    Period,
    Section,
    Table,
    Voices,
)
from resources.reporting.statistics import wilson

MIN_WEEKS = 4  # a baseline over fewer weeks is no baseline
QUOTES_PER_INCIDENT = 4


@dataclass(frozen=True)
class Week:
    """One week of the mart ``weekly_series``, with the incident judgement it carries."""

    monday: date
    negative_count: int
    annotated_count: int
    negative_share: float | None
    baseline: float | None
    score: float | None
    is_incident: bool
    topic: str

    @classmethod
    def of(cls, row: dict[str, Any]) -> Week:
        """From a row of the mart."""
        sentiments = ("positive_count", "neutral_count", "mixed_count", "negative_count")
        return cls(
            row["week_start"],
            row["negative_count"],
            sum(row[name] for name in sentiments),
            row["negative_share"],
            row["baseline_negative_share"],
            row["incident_z"],
            bool(row["is_incident"]),
            row["top_negative_topic"] or "",
        )

    @property
    def days(self) -> Period:
        """Monday to Sunday."""
        return Period(self.monday, self.monday + timedelta(days=6))

    @property
    def evidence(self) -> str:
        """The week's share of negative reviews beside the usual one."""
        share = wording.measured(
            self.negative_share or 0.0,
            "share",
            wilson(self.negative_count, self.annotated_count),
            self.annotated_count,
        )
        usual = (
            "" if self.baseline is None else f", against the usual {wording.percent(self.baseline)}"
        )
        topic = wording.label(self.topic)
        about = f" The complaints that grew most are about “{topic}”." if topic else ""
        return f"{share} of the reviews with text were negative{usual}.{about}"


def weeks_of(material: Material) -> list[Week]:
    """The weeks of the report, in order."""
    return [Week.of(row) for row in material.evidence.weeks()]


def incidents_of(weeks: Sequence[Week]) -> list[Week]:
    """The incident weeks, the most striking first."""
    marked = [week for week in weeks if week.is_incident]
    return sorted(marked, key=lambda week: (-(week.score or 0.0), week.monday))


def finding(material: Material, weeks: Sequence[Week]) -> Finding | None:
    """The most striking incident of the report, for the summary."""
    incidents = incidents_of(weeks)
    if not incidents:
        return None
    worst = incidents[0]
    products = [
        f"“{wording.shortened(row['member'], 40)}”"
        for row in material.evidence.product_incidents(worst.monday)[:3]
    ]
    hit = f" Hit hardest: {wording.listed(products)}." if products else ""
    more = len(incidents) - 1
    others = f" {wording.counted(more, 'more week')} stood out as well." if more else ""
    claim = f"The week of {wording.week(worst.monday)} was an incident"
    return Finding(claim, f"{worst.evidence}{hit}{others}", "bad")


def write(material: Material, weeks: Sequence[Week]) -> Section:
    """The chapter on incident weeks."""
    title = "Weeks that stand out"
    if not material.total.annotated_count:
        note = "Without text there is no negative share, and so no incident to look for."
        return Section("incidents", title, notes=(note,))
    if len([week for week in weeks if week.annotated_count]) < MIN_WEEKS:
        note = (
            "A week stands out against the other weeks, and there are too few weeks with dated "
            "reviews here to compare."
        )
        return Section("incidents", title, notes=(note,))
    incidents = incidents_of(weeks)
    sentences = [
        f"In the week of {wording.week(week.monday)}, {week.evidence}" for week in incidents[:3]
    ]
    if not incidents:
        sentences = [
            "No week of this period had a share of negative reviews far above its usual level."
        ]
    description = (
        "Weekly share of negative reviews (line), the usual share (dashed), and the weeks that "
        "stand out (marked)."
    )
    return Section(
        "incidents",
        title,
        tuple(sentences),
        (Chart(ChartKind.INCIDENTS, _weeks_table(weeks), description, Grain.WEEK),),
        (_incident_table(incidents),) if incidents else (),
        _voices(material, incidents),
        (
            (
                "The usual share is the median of the other weeks of the whole history. A week is "
                "marked when its negative share lies further above what the other weeks let "
                "expect than chance and their own restlessness explain."
            ),
        ),
    )


def _voices(material: Material, incidents: Sequence[Week]) -> tuple[Voices, ...]:
    """What customers wrote in the most striking week."""
    if not incidents or not incidents[0].topic:
        return ()
    worst = incidents[0]
    found = material.evidence.within(worst.days).voices([worst.topic], QUOTES_PER_INCIDENT)
    quotes = quotes_of(row for row in found if row["sentiment"] == "negative")
    title = f"{wording.label(worst.topic)}, {wording.week(worst.monday)}"
    return (Voices(title, quotes),) if quotes else ()


def _weeks_table(weeks: Sequence[Week]) -> Table:
    columns = (
        Column("start", "Week from", "date"),
        Column("annotated_count", "Reviews with text", "count"),
        Column("negative_count", "Negative reviews", "count"),
        Column("negative_share", "Negative", "share"),
        Column("baseline_negative_share", "Usual", "share"),
        Column("is_incident", "Stands out", "text"),
    )
    rows = tuple(
        (
            week.monday,
            week.annotated_count,
            week.negative_count,
            week.negative_share,
            week.baseline,
            "yes" if week.is_incident else "no",
        )
        for week in weeks
    )
    return Table("weekly_negative_share", "Share of negative reviews per week", columns, rows)


def _incident_table(incidents: Sequence[Week]) -> Table:
    columns = (
        Column("start", "Week from", "date"),
        Column("negative_share", "Negative", "share"),
        Column("negative_share_low", "95% low", "share"),
        Column("negative_share_high", "95% high", "share"),
        Column("annotated_count", "Reviews with text", "count"),
        Column("baseline_negative_share", "Usual", "share"),
        Column("topic", "Complaints that grew most", "text"),
    )
    rows = []
    for week in incidents:
        bounds = wilson(week.negative_count, week.annotated_count)
        rows.append(
            (
                week.monday,
                week.negative_share,
                bounds.low if bounds else None,
                bounds.high if bounds else None,
                week.annotated_count,
                week.baseline,
                wording.label(week.topic),
            )
        )
    return Table("incident_weeks", "Incident weeks", columns, tuple(rows), rows_on_page=10)
