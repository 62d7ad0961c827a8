"""What a reader with one minute should take away."""

from __future__ import annotations

from collections.abc import Sequence

from resources.reporting import wording
from resources.reporting.chapters import incidents, subjects, topics
from resources.reporting.headline import change_in_words
from resources.reporting.material import Material
from resources.reporting.model import Change, Figure, Finding, Tone
from resources.vocabulary import UNDETERMINED


def findings(
    material: Material,
    tenant_name: str,
    figures: Sequence[Figure],
    weeks: Sequence[incidents.Week],
) -> tuple[Finding, ...]:
    """The claims of the report, the broadest first."""
    by_key = {figure.key: figure for figure in figures}
    candidates = [
        _overall(material, tenant_name, by_key),
        _changed(material, by_key),
        incidents.finding(material, weeks),
        *subjects.trend_findings(material),
        _topic("What people praise", topics.praise(material), "good"),
        _topic("What people complain about", topics.complaint(material), "bad"),
    ]
    return tuple(finding for finding in candidates if finding is not None)


def _overall(material: Material, tenant_name: str, figures: dict[str, Figure]) -> Finding:
    reviews = wording.counted(material.coverage.review_count, "review")
    period = material.coverage.period
    when = f" from {wording.period(period)}" if period else ""
    claim = f"{reviews} about {tenant_name}{when}"
    evidence = []
    rating = figures["average_rating"]
    if rating.value is not None:
        stars = wording.measured(rating.value, "stars", rating.interval, rating.review_count)
        evidence.append(f"On average, customers gave {stars}.")
    positive, negative = figures["positive_share"], figures["negative_share"]
    if positive.value is not None and negative.value is not None:
        good = wording.measured(positive.value, "share", positive.interval, positive.review_count)
        bad = wording.measured(negative.value, "share", negative.interval, negative.review_count)
        evidence.append(f"Of the reviews with text, {good} are positive and {bad} negative.")
    where = [wording.counted(len(material.sources), "source")]
    languages = material.languages.keys() - {"", UNDETERMINED}
    if languages and material.total.annotated_count:
        where.append(wording.counted(len(languages), "language"))
    if material.products:
        where.append(wording.counted(len(material.products), "product"))
    evidence.append(f"They come from {wording.listed(where[:1])}" + _about(where[1:]) + ".")
    return Finding(claim, " ".join(evidence), "neutral")


def _about(rest: list[str]) -> str:
    return f" and cover {wording.listed(rest)}" if rest else ""


def _changed(material: Material, figures: dict[str, Figure]) -> Finding | None:
    """What moved between the two windows."""
    comparison = material.comparison
    if comparison is None:
        return None
    told, changes = [], []
    for key, name in (
        ("average_rating", "the average rating is"),
        ("positive_share", "the share of positive reviews is"),
        ("negative_share", "the share of negative reviews is"),
    ):
        change, unit = figures[key].change, figures[key].unit
        if change is not None:
            told.append(f"{name} {change_in_words(change, unit)}")
            changes.append(change)
    if not told:
        return None
    subject = comparison.name[:1].upper() + comparison.name[1:]
    verdict = {"good": "went better", "bad": "went worse", "neutral": "went much as before"}
    tone = _tone(changes)
    text = "; ".join(told)
    return Finding(f"{subject} {verdict[tone]}", f"{text[:1].upper()}{text[1:]}.", tone)


def _tone(changes: Sequence[Change]) -> Tone:
    """Good or bad only where no measured change says the opposite."""
    judged = {change.is_good for change in changes if change.is_good is not None}
    if judged == {True}:
        return "good"
    return "bad" if judged == {False} else "neutral"


def _topic(claim: str, evidence: str | None, tone: Tone) -> Finding | None:
    return None if evidence is None else Finding(claim, evidence, tone)
