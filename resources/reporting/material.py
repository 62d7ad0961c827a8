"""Everything the chapters of a report are written from, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from resources.reporting import wording
from resources.reporting.evidence import Coverage, Dimension, Evidence
from resources.reporting.headline import Comparison, compare_windows
from resources.reporting.model import Column, Grain, Period
from resources.reporting.statistics import Tally

LONGEST_DAILY_SERIES, LONGEST_WEEKLY_SERIES = 35, 3 * 366  # days; beyond that points run together
MIN_REVIEWS_A_WEEK, SHORTEST_MONTHLY_SERIES = 15, 182
MAX_TOPICS, MAX_KEYWORDS = 300, 300


@dataclass(frozen=True)
class Material:
    """The answers of a snapshot, as far as several chapters need them.

    Attributes:
        evidence: Asks about the reviews of the report's period.
        coverage: How many reviews there are and which days they cover.
        total: All of them together.
    """

    evidence: Evidence
    coverage: Coverage
    total: Tally

    @property
    def is_whole_history(self) -> bool:
        """Whether no period was asked for."""
        return self.evidence.period is None

    @property
    def period(self) -> Period | None:
        """The days the report is about: those asked for, else those covered."""
        return self.evidence.period or self.coverage.period

    @property
    def grain(self) -> Grain:
        """Days for a month, weeks for up to three years, months for more.

        Where few reviews come in a week, weeks would mostly show chance: then months as well.
        """
        days = self.period.days if self.period else 0
        if days <= LONGEST_DAILY_SERIES:
            return Grain.DAY
        is_sparse = self.coverage.review_count * 7 < days * MIN_REVIEWS_A_WEEK
        if days > LONGEST_WEEKLY_SERIES or (is_sparse and days > SHORTEST_MONTHLY_SERIES):
            return Grain.MONTH
        return Grain.WEEK

    @cached_property
    def comparison(self) -> Comparison | None:
        """The two windows that changes are measured between."""
        return compare_windows(self.evidence, self.coverage.period)

    @cached_property
    def topics(self) -> dict[str, Tally]:
        """Reviews by topic, the most mentioned first."""
        return self.evidence.labels("topics", MAX_TOPICS)

    @cached_property
    def keywords(self) -> dict[str, Tally]:
        """Reviews by keyword, the most mentioned first."""
        return self.evidence.labels("keywords", MAX_KEYWORDS)

    @cached_property
    def products(self) -> dict[str, Tally]:
        """Reviews by product, the most reviewed first; reviews of no product are left out."""
        return self._named("product")

    @cached_property
    def locations(self) -> dict[str, Tally]:
        """Reviews by location, the most reviewed first; reviews of no location are left out."""
        return self._named("location")

    @cached_property
    def sources(self) -> dict[str, Tally]:
        """Reviews by source, the most reviewed first."""
        return self.evidence.members("source")

    @cached_property
    def languages(self) -> dict[str, Tally]:
        """Reviews by language code, the most frequent first."""
        return self.evidence.members("language")

    def _named(self, dimension: Dimension) -> dict[str, Tally]:
        members = self.evidence.members(dimension)
        return {name: tally for name, tally in members.items() if wording.clean(name)}


REVIEW_COUNT = Column("review_count", "Reviews", "count")
RATED_COUNT = Column("rated_count", "Ratings", "count")
ANNOTATED_COUNT = Column("annotated_count", "Reviews with text", "count")
AVERAGE_RATING = Column("average_rating", "Average rating", "stars")
RATING_LOW = Column("average_rating_low", "Rating, 95% low", "stars")
RATING_HIGH = Column("average_rating_high", "Rating, 95% high", "stars")
POSITIVE_SHARE = Column("positive_share", "Positive", "share")
NEUTRAL_SHARE = Column("neutral_share", "Neutral", "share")
MIXED_SHARE = Column("mixed_share", "Mixed", "share")
NEGATIVE_SHARE = Column("negative_share", "Negative", "share")
NEGATIVE_LOW = Column("negative_share_low", "Negative, 95% low", "share")
NEGATIVE_HIGH = Column("negative_share_high", "Negative, 95% high", "share")

MEMBER_COLUMNS = (
    REVIEW_COUNT,
    RATED_COUNT,
    AVERAGE_RATING,
    RATING_LOW,
    RATING_HIGH,
    ANNOTATED_COUNT,
    POSITIVE_SHARE,
    NEGATIVE_SHARE,
    NEGATIVE_LOW,
    NEGATIVE_HIGH,
)


def member_cells(tally: Tally) -> tuple[int | float | None, ...]:
    """The cells under ``MEMBER_COLUMNS``."""
    rating, negative = tally.rating_interval, tally.interval_of("negative")
    return (
        tally.review_count,
        tally.rated_count,
        tally.average_rating,
        rating.low if rating else None,
        rating.high if rating else None,
        tally.annotated_count,
        tally.share_of("positive"),
        tally.share_of("negative"),
        negative.low if negative else None,
        negative.high if negative else None,
    )
