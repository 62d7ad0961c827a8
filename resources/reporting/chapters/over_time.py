"""How reviews, ratings and sentiment move from week to week."""

from __future__ import annotations

from datetime import date

from resources.reporting import wording
from resources.reporting.material import (
    ANNOTATED_COUNT,
    AVERAGE_RATING,
    MIXED_SHARE,
    NEGATIVE_SHARE,
    NEUTRAL_SHARE,
    POSITIVE_SHARE,
    RATED_COUNT,
    RATING_HIGH,
    RATING_LOW,
    REVIEW_COUNT,
    Material,
)
from resources.reporting.model import Cell, Chart, ChartKind, Column, Grain, Section, Table
from resources.reporting.statistics import Tally
from resources.vocabulary import SENTIMENTS

MIN_POINTS = 2  # one point is no course
_ADJECTIVE = {Grain.DAY: "daily", Grain.WEEK: "weekly", Grain.MONTH: "monthly"}


def write(material: Material) -> Section:
    """The chapter on the course of time."""
    title = "How it changed over time"
    period = material.coverage.period
    if period is None:
        note = (
            "The sources gave no dates for these reviews, so nothing can be said about their "
            "course in time. All other figures count them in full."
        )
        return Section("over_time", title, notes=(note,))
    series = material.evidence.series(material.grain, period)
    if len(series) < MIN_POINTS:
        note = f"All dated reviews fall within one {material.grain}; there is no course to draw."
        return Section("over_time", title, notes=(note,))
    charts = [_volume(series, material.grain)]
    notes = []
    dated = "the dated reviews" if material.coverage.undated_count else "these reviews"
    if any(tally.annotated_count for tally in series.values()):
        charts.append(_sentiment(series, material.grain))
    else:
        notes.append(f"None of {dated} has text, so there is no sentiment to follow.")
    if not any(tally.rated_count for tally in series.values()):
        notes.append(f"None of {dated} has a rating, so only their number is drawn.")
    if material.coverage.undated_count:
        undated = wording.counted(material.coverage.undated_count, "review")
        notes.append(f"{undated} without a date cannot be placed here; all totals include them.")
    return Section("over_time", title, _sentences(material, series), tuple(charts), notes=(*notes,))


def _sentences(material: Material, series: dict[date, Tally]) -> tuple[str, ...]:
    """The busiest stretch, and where the latest one stands."""
    busiest = max(series, key=lambda start: series[start].review_count)
    grain = material.grain
    name = {
        Grain.DAY: wording.day(busiest),
        Grain.WEEK: f"the week of {wording.week(busiest)}",
        Grain.MONTH: f"{busiest:%B %Y}",
    }[grain]
    typical = sorted(tally.review_count for tally in series.values())[len(series) // 2]
    most = wording.count(series[busiest].review_count)
    sentence = f"A typical {grain} brings {wording.counted(typical, 'review')}; the busiest was "
    return (f"{sentence}{name} with {most}.",)


def _volume(series: dict[date, Tally], grain: Grain) -> Chart:
    has_ratings = any(tally.rated_count for tally in series.values())
    columns = [_start(grain), REVIEW_COUNT]
    if has_ratings:
        columns += [RATED_COUNT, AVERAGE_RATING, RATING_LOW, RATING_HIGH]
    rows = []
    for start, tally in series.items():
        cells: tuple[Cell, ...] = (start, tally.review_count)
        rows.append((*cells, *_rating_cells(tally)) if has_ratings else cells)
    title = f"Reviews per {grain}" + (" and average rating" if has_ratings else "")
    description = f"Bars: number of reviews per {grain}." + (
        f" Line: {_ADJECTIVE[grain]} average rating with its 95% interval." if has_ratings else ""
    )
    table = Table("volume_and_rating", title, tuple(columns), tuple(rows))
    return Chart(ChartKind.VOLUME_AND_RATING, table, description, grain)


def _rating_cells(tally: Tally) -> tuple[int | float | None, ...]:
    bounds = tally.rating_interval
    return (
        tally.rated_count,
        tally.average_rating,
        bounds.low if bounds else None,
        bounds.high if bounds else None,
    )


def _sentiment(series: dict[date, Tally], grain: Grain) -> Chart:
    columns = (
        _start(grain),
        POSITIVE_SHARE,
        NEUTRAL_SHARE,
        MIXED_SHARE,
        NEGATIVE_SHARE,
        ANNOTATED_COUNT,
    )
    rows = tuple(
        (
            start,
            *(tally.share_of(s) for s in SENTIMENTS),
            tally.annotated_count,
        )
        for start, tally in series.items()
    )
    table = Table("sentiment_over_time", f"Sentiment per {grain}", columns, rows)
    description = f"Share of positive, neutral, mixed and negative reviews per {grain}."
    return Chart(ChartKind.SENTIMENT_OVER_TIME, table, description, grain)


def _start(grain: Grain) -> Column:
    title = {Grain.DAY: "Day", Grain.WEEK: "Week from", Grain.MONTH: "Month from"}[grain]
    return Column("start", title, "date")
