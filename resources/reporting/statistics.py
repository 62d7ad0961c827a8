"""Intervals for averages, shares, and their differences.

All intervals are 95% intervals. They say how far chance alone could have moved a number when other
customers of the same kind had written; they cannot see what kind of customer does not write at all.

The formulas are written out here and only Student's quantile comes from a library: statsmodels
gives the same limits (to 3e-16) but takes 1.8 s to import, scipy.stats 0.6 s, and every small run
makes a report.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from resources.reporting.model import Interval

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054
LOWEST_RATING, HIGHEST_RATING = 1.0, 5.0


@cache
def t_quantile(degrees_of_freedom: float) -> float:
    """Two-sided 95% quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, 0.5 + CONFIDENCE / 2))


@dataclass(frozen=True)
class Tally:
    """Exact sums over a set of reviews, from which every figure follows.

    Sums are integers (thousandths and millionths), so that their order of addition, and with it the
    number of threads, cannot change a digit.
    """

    review_count: int = 0
    rated_count: int = 0
    rating_sum_milli: int = 0
    rating_square_sum_micro: int = 0
    positive_count: int = 0
    neutral_count: int = 0
    mixed_count: int = 0
    negative_count: int = 0

    @property
    def annotated_count(self) -> int:
        """Reviews with text, and so with a sentiment."""
        return self.positive_count + self.neutral_count + self.mixed_count + self.negative_count

    @property
    def average_rating(self) -> float | None:
        """Mean of the ratings in stars."""
        if not self.rated_count:
            return None
        return self.rating_sum_milli / self.rated_count / 1000

    @property
    def rating_variance(self) -> float | None:
        """Sample variance of the ratings in squared stars; None below two ratings."""
        if self.rated_count < 2:  # noqa: PLR2004 - a variance takes two
            return None
        square_of_sum = self.rating_sum_milli**2  # in millionths, an exact integer
        spread = self.rating_square_sum_micro * self.rated_count - square_of_sum
        return max(spread, 0) / self.rated_count / (self.rated_count - 1) / 1_000_000

    @property
    def rating_interval(self) -> Interval | None:
        """Student's t interval of the average rating, kept within 1..5; None below two ratings."""
        variance, average = self.rating_variance, self.average_rating
        if variance is None or average is None:
            return None
        half = t_quantile(self.rated_count - 1) * math.sqrt(variance / self.rated_count)
        return Interval(max(average - half, LOWEST_RATING), min(average + half, HIGHEST_RATING))

    def count_of(self, sentiment: str) -> int:
        """Reviews of one sentiment: positive, neutral, mixed or negative."""
        counts = {
            "positive": self.positive_count,
            "neutral": self.neutral_count,
            "mixed": self.mixed_count,
            "negative": self.negative_count,
        }
        return counts[sentiment]

    def share_of(self, sentiment: str) -> float | None:
        """Share of one sentiment among the reviews with text; None when there is no text."""
        return self.count_of(sentiment) / self.annotated_count if self.annotated_count else None

    def interval_of(self, sentiment: str) -> Interval | None:
        """Wilson interval of ``share_of``."""
        return wilson(self.count_of(sentiment), self.annotated_count)


def wilson(successes: int, trials: int) -> Interval | None:
    """Wilson's score interval of a share (E. B. Wilson 1927), which holds near 0 and 1 too.

    Args:
        successes: Reviews that have the property.
        trials: Reviews that could have it.

    Returns:
        The interval, or None without any trial.
    """
    if trials == 0:
        return None
    share, square = successes / trials, NORMAL_QUANTILE**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = (
        NORMAL_QUANTILE
        * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
        / (1 + square / trials)
    )
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))


def rating_difference(earlier: Tally, later: Tally) -> Interval | None:
    """Welch's interval of the difference of two average ratings (B. L. Welch 1947).

    Returns:
        The interval of later minus earlier in stars; None when either side has fewer than two
        ratings.
    """
    first, second = earlier.rating_variance, later.rating_variance
    before, after = earlier.average_rating, later.average_rating
    if first is None or second is None or before is None or after is None:
        return None
    parts = (first / earlier.rated_count, second / later.rated_count)
    error = sum(parts)
    if error == 0:
        return Interval(after - before, after - before)
    freedom = error**2 / (
        parts[0] ** 2 / (earlier.rated_count - 1) + parts[1] ** 2 / (later.rated_count - 1)
    )
    half = t_quantile(round(freedom, 3)) * math.sqrt(error)
    return Interval(after - before - half, after - before + half)


def share_difference(earlier: Tally, later: Tally, sentiment: str) -> Interval | None:
    """Newcombe's interval of the difference of two shares (R. G. Newcombe 1998, method 10).

    Returns:
        The interval of later minus earlier; None when either side has no review with text.
    """
    before, after = earlier.share_of(sentiment), later.share_of(sentiment)
    first, second = earlier.interval_of(sentiment), later.interval_of(sentiment)
    if before is None or after is None or first is None or second is None:
        return None
    difference = after - before
    low = math.hypot(after - second.low, first.high - before)
    high = math.hypot(second.high - after, before - first.low)
    return Interval(difference - low, difference + high)
