"""How ratings and sentiment are spread."""

from __future__ import annotations

from resources.reporting import wording
from resources.reporting.material import Material
from resources.reporting.model import Chart, ChartKind, Column, Section, Table
from resources.reporting.statistics import Tally, wilson
from resources.vocabulary import SENTIMENTS

_SPREAD_COLUMNS = (
    Column("review_count", "Reviews", "count"),
    Column("share", "Share", "share"),
    Column("share_low", "Share, 95% low", "share"),
    Column("share_high", "Share, 95% high", "share"),
)


def write(material: Material) -> Section:
    """The chapter on the spread of ratings and sentiment."""
    total = material.total
    charts, sentences, notes = [], [], []
    if total.rated_count:
        ratings = material.evidence.ratings()
        charts.append(_ratings(ratings))
        sentences.append(_best_and_worst(ratings, total.rated_count))
    else:
        notes.append("None of these reviews has a rating, so there is no distribution to show.")
    if total.annotated_count:
        charts.append(_sentiments(total))
        sentences.append(_mood(total))
    else:
        notes.append("None of these reviews has text, so their sentiment cannot be read.")
    title = "How customers rate and what they feel"
    return Section("ratings", title, tuple(sentences), tuple(charts), notes=tuple(notes))


def _best_and_worst(ratings: dict[int, int], rated_count: int) -> str:
    best, worst = wilson(ratings[5], rated_count), wilson(ratings[1], rated_count)
    return (
        "Five stars were given in "
        f"{wording.measured(ratings[5] / rated_count, 'share', best, rated_count)} of the ratings, "
        f"one star in {wording.measured(ratings[1] / rated_count, 'share', worst, rated_count)}."
    )


def _mood(total: Tally) -> str:
    share = total.share_of("mixed") or 0.0
    bounds = total.interval_of("mixed")
    return (
        f"{wording.counted(total.annotated_count, 'review')} "
        f"{'has' if total.annotated_count == 1 else 'have'} text to read; in "
        f"{wording.measured(share, 'share', bounds, total.annotated_count)} of them praise and "
        "complaint stand side by side."
    )


def _ratings(ratings: dict[int, int]) -> Chart:
    columns = (Column("rating", "Stars", "number"), *_SPREAD_COLUMNS)
    rated_count = sum(ratings.values())
    rows = tuple((stars, *_spread(ratings[stars], rated_count)) for stars in range(1, 6))
    table = Table("rating_distribution", "Ratings", columns, rows)
    description = "Number of reviews for each rating from one to five stars."
    return Chart(ChartKind.RATING_DISTRIBUTION, table, description, is_half_width=True)


def _sentiments(total: Tally) -> Chart:
    columns = (Column("sentiment", "Sentiment", "text"), *_SPREAD_COLUMNS)
    rows = tuple(
        (sentiment, *_spread(total.count_of(sentiment), total.annotated_count))
        for sentiment in SENTIMENTS
    )
    table = Table("sentiment_split", "Sentiment", columns, rows)
    description = "Share of positive, neutral, mixed and negative reviews."
    return Chart(ChartKind.SENTIMENT_SPLIT, table, description, is_half_width=True)


def _spread(part: int, whole: int) -> tuple[int, float | None, float | None, float | None]:
    bounds = wilson(part, whole)
    if bounds is None:
        return part, None, None, None
    return part, part / whole, bounds.low, bounds.high
