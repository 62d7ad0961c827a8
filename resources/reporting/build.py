"""From a snapshot to a report, as pure data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from resources.reporting import wording
from resources.reporting.chapters import (
    about,
    incidents,
    origins,
    over_time,
    ratings,
    subjects,
    summary,
    topics,
    voices,
)
from resources.reporting.evidence import Evidence
from resources.reporting.headline import headline_figures
from resources.reporting.material import Material
from resources.reporting.model import Branding, Period, Report, ReportHeldError
from resources.storage.snapshot_reading import Snapshot


def build_report(
    snapshot: Snapshot,
    *,
    tenant_name: str,
    colour: str | None,
    period: Period | None = None,
    generated_at: datetime,
    left_out: Sequence[tuple[str, str]] = (),
) -> Report:
    """Writes the report of one tenant.

    Args:
        snapshot: The tenant's published numbers and reviews.
        tenant_name: Name on the cover.
        colour: The tenant's colour, ``#rrggbb``; the house colour where it is not one.
        period: Days of posting to report on; all reviews, dated or not, when None.
        generated_at: Printed in the report; two reports of one snapshot and one such time are
            equal.
        left_out: Facts on what the report does not tell of, for its last chapter.

    Returns:
        The report; the same for the same arguments.

    Raises:
        ReportHeldError: There is no review to report on.
    """
    evidence = Evidence(snapshot, period)
    coverage = evidence.coverage()
    if coverage.review_count == 0:
        raise ReportHeldError(_why_held(snapshot, period))
    material = Material(evidence, coverage, evidence.total())
    branding = Branding.of(wording.shortened(tenant_name, 80), colour)
    figures = headline_figures(material.total, material.comparison)
    weeks = incidents.weeks_of(material)
    sections = (
        over_time.write(material),
        ratings.write(material),
        topics.write(material),
        incidents.write(material, weeks),
        subjects.write(material),
        origins.write(material),
        voices.write(material),
        about.write(material, snapshot, generated_at, left_out),
    )
    return Report(
        branding=branding,
        tenant_id=snapshot.tenant_id,
        title="Customer review report",
        period=material.period,
        is_whole_history=material.is_whole_history,
        generated_at=generated_at,
        snapshot_version=snapshot.version,
        review_count=coverage.review_count,
        figures=figures,
        change_note=material.comparison.sentence if material.comparison else "",
        findings=summary.findings(material, branding.tenant_name, figures, weeks),
        sections=tuple(section for section in sections if section is not None),
    )


def period_of(snapshot: Snapshot, first: date | None, last: date | None) -> Period | None:
    """The days of a report, where a missing end is that of the tenant's dated reviews.

    Args:
        snapshot: The tenant's published numbers and reviews.
        first: First day of posting.
        last: Last day of posting.

    Returns:
        The days, both ends included; None when neither end is given.

    Raises:
        ReportHeldError: The first day lies after the last one.
    """
    given = first or last
    if given is None:
        return None
    posted = Evidence(snapshot, None).coverage().period or Period(given, given)
    # Where no review lies on the open side, the period is the given day alone.
    return Period(first or min(posted.first, given), last or max(posted.last, given))


def _why_held(snapshot: Snapshot, period: Period | None) -> str:
    whole = Evidence(snapshot, None).coverage()
    if period is None or whole.review_count == 0:
        return (
            f"The snapshot of {snapshot.tenant_id} ({snapshot.version}) holds no review, so its "
            "report is held back. Import or collect reviews first."
        )
    if whole.period is None:
        return (
            f"None of the {wording.counted(whole.review_count, 'review')} of {snapshot.tenant_id} "
            "has a date, so a report on a period is held back. Ask for a report on all reviews."
        )
    return (
        f"No review of {snapshot.tenant_id} was posted from {wording.period(period)}, so the "
        f"report is held back. Its reviews were posted from {wording.period(whole.period)}."
    )
