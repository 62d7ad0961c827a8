"""What people write about, and whether they like it."""

from __future__ import annotations

from resources.reporting import wording
from resources.reporting.material import Material
from resources.reporting.model import Chart, ChartKind, Column, Section, Table
from resources.reporting.statistics import Tally

PRINTED_TOPICS, DRAWN_KEYWORDS = 15, 10
FEWEST_MENTIONS = 20  # below that a share of sentiment wobbles too much to rank by
SMALLEST_SHARE = 0.005  # of the reviews with text, for a topic to count as a theme

_COLUMNS = (
    Column("topic", "Topic", "text"),
    Column("mention_count", "Mentions", "count"),
    Column("share_of_reviews", "Of all reviews", "share"),
    Column("positive_share", "Positive", "share"),
    Column("positive_share_low", "Positive, 95% low", "share"),
    Column("positive_share_high", "Positive, 95% high", "share"),
    Column("negative_share", "Negative", "share"),
    Column("negative_share_low", "Negative, 95% low", "share"),
    Column("negative_share_high", "Negative, 95% high", "share"),
    Column("average_rating", "Average rating", "stars"),
    Column("positive_count", "Positive mentions", "count"),
    Column("neutral_count", "Neutral mentions", "count"),
    Column("mixed_count", "Mixed mentions", "count"),
    Column("negative_count", "Negative mentions", "count"),
)
_COLUMNS_ON_PAGE = (
    "topic",
    "mention_count",
    "share_of_reviews",
    "positive_share",
    "negative_share",
    "average_rating",
)


def write(material: Material) -> Section:
    """The chapter on topics and keywords."""
    title = "What people write about"
    if not material.total.understood_count:
        note = "None of these reviews has text, so no topic can be read from them."
        return Section("topics", title, notes=(note,))
    charts, tables, notes = [], [], []
    if material.topics:
        table = _topics(material)
        description = "Per topic: negative mentions to the left, positive mentions to the right."
        charts.append(Chart(ChartKind.TOPIC_SENTIMENT, table, description))
        tables.append(table)
        notes.append(
            "A review can mention several topics, or none, so shares do not add up to 100%. The "
            "sentiment is that of the whole review in which the topic is mentioned."
        )
    else:
        notes.append("No topic of the taxonomy was found in these reviews.")
    keywords = _keywords(material)
    if keywords.rows:
        description = "Keywords that stand out in negative reviews, and in positive ones."
        charts.append(Chart(ChartKind.KEYWORDS, keywords, description))
    sentences = tuple(
        sentence for sentence in (praise(material), complaint(material)) if sentence is not None
    )
    return Section("topics", title, sentences, tuple(charts), tuple(tables), notes=tuple(notes))


def praise(material: Material) -> str | None:
    """The topic that people are most clearly glad of, with its numbers."""
    themes = _themes(material)
    if not themes:
        return None
    best = max(themes, key=lambda topic: (_low(themes[topic], "positive"), topic))
    tally = themes[best]
    share = wording.measured(
        tally.share_of("positive") or 0.0,
        "share",
        tally.interval_of("positive"),
        tally.understood_count,
    )
    return (
        f"People praise “{wording.label(best)}” most: {share} of the reviews that mention it "
        "are positive."
    )


def complaint(material: Material) -> str | None:
    """The topic that people are most clearly unhappy with, with its numbers."""
    themes = _themes(material)
    if not themes:
        return None
    worst = max(themes, key=lambda topic: (_low(themes[topic], "negative"), topic))
    tally = themes[worst]
    share = wording.measured(
        tally.share_of("negative") or 0.0,
        "share",
        tally.interval_of("negative"),
        tally.understood_count,
    )
    return (
        f"They complain most about “{wording.label(worst)}”: {share} of the reviews that "
        "mention it are negative."
    )


def _themes(material: Material) -> dict[str, Tally]:
    """Topics mentioned often enough to be compared."""
    fewest = max(FEWEST_MENTIONS, material.total.understood_count * SMALLEST_SHARE)
    return {
        topic: tally for topic, tally in material.topics.items() if tally.understood_count >= fewest
    }


def _low(tally: Tally, sentiment: str) -> float:
    """The lower end of the interval: large only for what is both frequent and one-sided."""
    bounds = tally.interval_of(sentiment)
    return bounds.low if bounds else 0.0


def _topics(material: Material) -> Table:
    rows = []
    for topic, tally in material.topics.items():
        positive, negative = tally.interval_of("positive"), tally.interval_of("negative")
        rows.append(
            (
                wording.label(topic),
                tally.review_count,
                tally.review_count / material.total.review_count,
                tally.share_of("positive"),
                positive.low if positive else None,
                positive.high if positive else None,
                tally.share_of("negative"),
                negative.low if negative else None,
                negative.high if negative else None,
                tally.average_rating,
                tally.positive_count,
                tally.neutral_count,
                tally.mixed_count,
                tally.negative_count,
            )
        )
    return Table(
        "topics",
        "Topics by mentions and sentiment",
        _COLUMNS,
        tuple(rows),
        rows_on_page=PRINTED_TOPICS,
        columns_on_page=_COLUMNS_ON_PAGE,
    )


def _keywords(material: Material) -> Table:
    """Keywords found more often in reviews of one sentiment than their frequency lets expect."""
    total = material.total
    columns = (
        Column("keyword", "Keyword", "text"),
        Column("sentiment", "Stands out in", "text"),
        Column("sentiment_count", "Such reviews", "count"),
        Column("mention_count", "Reviews with it", "count"),
        Column("sentiment_share", "Share of them", "share"),
        Column("excess", "More than expected", "number"),
    )
    rows = []
    for sentiment in ("negative", "positive"):
        usual = total.share_of(sentiment) or 0.0
        excess = {
            keyword: tally.count_of(sentiment) - tally.understood_count * usual
            for keyword, tally in material.keywords.items()
        }
        standing_out = sorted(
            (keyword for keyword in excess if excess[keyword] > 0),
            key=lambda keyword: (-excess[keyword], keyword),
        )
        for keyword in standing_out[:DRAWN_KEYWORDS]:
            tally = material.keywords[keyword]
            rows.append(
                (
                    wording.clean(keyword),
                    sentiment,
                    tally.count_of(sentiment),
                    tally.review_count,
                    tally.share_of(sentiment),
                    round(excess[keyword], 1),
                )
            )
    title = "Words that stand out in negative and in positive reviews"
    return Table("keywords", title, columns, tuple(rows))
