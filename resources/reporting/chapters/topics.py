"""What people write about, and whether they like it."""

from __future__ import annotations

from resources.nlp.topics import default_taxonomy
from resources.reporting import wording
from resources.reporting.material import Material
from resources.reporting.model import Chart, ChartKind, Column, Section, Table
from resources.reporting.statistics import Tally
from resources.vocabulary import UNDETERMINED

PRINTED_TOPICS, DRAWN_KEYWORDS = 15, 10
MIN_MENTIONS = 20  # below that a share of sentiment wobbles too much to rank by
SMALLEST_SHARE = 0.05  # of the reviews with text, for a topic to count as a theme
LARGEST_TOPICS = 3  # ranked where no topic counts as a theme
USUAL_COVERAGE = 0.5  # of the reviews with text; where topics are read in less, that is said

_RANKING = (
    "A topic adds complaints, or praise, by as many negative, or positive, reviews as it has "
    "beyond what the same number of average reviews would have. Topics in less than "
    f"{SMALLEST_SHARE:.0%} of the reviews with text are not ranked, unless all are that rare."
)

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
    if not material.total.annotated_count:
        note = "None of these reviews has text, so no topic can be read from them."
        return Section("topics", title, notes=(note,))
    charts, tables, notes = [], [], []
    if material.topics:
        table = _topics(material)
        description = "Per topic: negative mentions to the left, positive mentions to the right."
        if any(tally.annotated_count for tally in material.topics.values()):
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
    if sentences:
        notes.append(_RANKING)
    coverage = _coverage(material)
    if coverage is not None:
        notes.append(coverage)
    return Section("topics", title, sentences, tuple(charts), tuple(tables), notes=tuple(notes))


def praise(material: Material) -> str | None:
    """The topic that adds most positive reviews, with its numbers."""
    best = _adds_most(material, "positive")
    if best is None:
        return None
    return f"“{wording.label(best)}” is praised most: {_measured(material, best, 'positive')}."


def complaint(material: Material) -> str | None:
    """The topic that adds most negative reviews, with its numbers."""
    worst = _adds_most(material, "negative")
    if worst is None:
        return None
    return (
        f"The topic that adds most complaints is “{wording.label(worst)}”: "
        f"{_measured(material, worst, 'negative')}."
    )


def _adds_most(material: Material, sentiment: str) -> str | None:
    """The theme with most reviews of a sentiment beyond what its size lets expect, if any has."""
    usual = material.total.share_of(sentiment) or 0.0
    excess = {
        topic: tally.count_of(sentiment) - tally.annotated_count * usual
        for topic, tally in _themes(material).items()
    }
    first = min(excess, key=lambda topic: (-excess[topic], topic), default=None)
    return first if first is not None and excess[first] > 0 else None


def _measured(material: Material, topic: str, sentiment: str) -> str:
    """A topic's share of a sentiment with what stands behind it, beside that of all reviews."""
    tally = material.topics[topic]
    share = wording.measured(
        tally.share_of(sentiment) or 0.0,
        "share",
        tally.interval_of(sentiment),
        tally.annotated_count,
    )
    usual = wording.percent(material.total.share_of(sentiment) or 0.0)
    return (
        f"{share} of the reviews that mention it are {sentiment}, against {usual} of all reviews "
        "with text"
    )


def _themes(material: Material) -> dict[str, Tally]:
    """Topics mentioned often enough to be ranked; where none is, the largest ones."""
    fewest = max(MIN_MENTIONS, material.total.annotated_count * SMALLEST_SHARE)
    themes = {
        topic: tally for topic, tally in material.topics.items() if tally.annotated_count >= fewest
    }
    return themes or dict(list(material.topics.items())[:LARGEST_TOPICS])


def _coverage(material: Material) -> str | None:
    """Says so where most reviews are in languages that topics are not read in."""
    covered = default_taxonomy().languages
    # Reviews too short to tell their language are read with the keywords of English.
    read_count = sum(
        tally.annotated_count
        for code, tally in material.languages.items()
        if code in covered or code in ("", UNDETERMINED)
    )
    share = read_count / material.total.annotated_count
    if share >= USUAL_COVERAGE:
        return None
    return (
        f"Topics are read in {len(covered)} languages, which cover {wording.percent(share)} of the "
        "reviews with text. What the others are about is not known."
    )


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
            keyword: tally.count_of(sentiment) - tally.annotated_count * usual
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
