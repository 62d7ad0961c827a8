"""The headline figures and how they moved between two windows of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from resources.reporting import wording
from resources.reporting.evidence import Evidence
from resources.reporting.model import Change, Direction, Figure, Interval, Period, Unit
from resources.reporting.statistics import Tally, rating_difference, share_difference

QUARTER_DAYS, MONTH_DAYS = 91, 28  # whole weeks, so that no weekday counts more often
MIN_TO_COMPARE = 10  # reviews in each window; below that a change says nothing


@dataclass(frozen=True)
class Comparison:
    """A window of time against the one before it.

    Attributes:
        later: The newer window.
        earlier: As long, and ends where the newer one starts.
        name: What the reader calls the newer window.
    """

    later: Period
    earlier: Period
    name: str
    later_tally: Tally
    earlier_tally: Tally

    @property
    def sentence(self) -> str:
        """Which days are compared with which."""
        return (
            f"Changes compare {self.name} ({wording.period(self.later)}) with the "
            f"{wording.counted(self.earlier.days, 'day')} before "
            f"({wording.period(self.earlier)}). A change whose 95% interval includes zero is "
            "called steady."
        )


def compare_windows(evidence: Evidence, covered: Period | None) -> Comparison | None:
    """Chooses what to compare: a given period with the one before, else the latest weeks.

    Args:
        evidence: Of the report's period.
        covered: Days that the reviews of the report cover.

    Returns:
        None when there are too few dated reviews on either side.
    """
    if covered is None:
        return None
    if evidence.period is not None:
        later, name = evidence.period, "this period"
    else:
        days = QUARTER_DAYS if covered.days >= 2 * QUARTER_DAYS else MONTH_DAYS
        if covered.days < 2 * days:
            return None
        later = Period(covered.last - timedelta(days=days - 1), covered.last)
        name = f"the last {days // 7} weeks"
    earlier = later.before()
    if earlier is None:
        return None
    tallies = [evidence.within(window).total() for window in (later, earlier)]
    if min(tally.review_count for tally in tallies) < MIN_TO_COMPARE:
        return None
    return Comparison(later, earlier, name, *tallies)


def headline_figures(total: Tally, comparison: Comparison | None) -> tuple[Figure, ...]:
    """The numbers on top of the report."""
    return (
        Figure(
            "review_count",
            "Reviews",
            "count",
            total.review_count,
            None,
            total.review_count,
            _change_of_volume(comparison),
        ),
        Figure(
            "average_rating",
            "Average rating",
            "stars",
            total.average_rating,
            total.rating_interval,
            total.rated_count,
            _change_of_rating(comparison),
        ),
        _share(total, comparison, "positive", "Positive reviews"),
        _share(total, comparison, "negative", "Negative reviews"),
    )


def change_in_words(change: Change, unit: Unit) -> str:
    """A change as a phrase: ``up 0.12 from 4.01 (95% interval +0.05 to +0.19, n = ...)``."""
    behind = f"n = {wording.count(change.later_count)} and {wording.count(change.earlier_count)}"
    if change.interval is not None:
        behind = f"95% interval {wording.signed_interval(change.interval, unit)}, {behind}"
    before = wording.quantity(change.earlier, unit)
    if change.direction == "steady":
        return f"steady at {wording.quantity(change.later, unit)}, from {before} ({behind})"
    amount = wording.signed(abs(change.difference), unit).removeprefix("+")
    return f"{change.direction} {amount} from {before} ({behind})"


def _share(total: Tally, comparison: Comparison | None, sentiment: str, label: str) -> Figure:
    return Figure(
        f"{sentiment}_share",
        label,
        "share",
        total.share_of(sentiment),
        total.interval_of(sentiment),
        total.annotated_count,
        _change_of_share(comparison, sentiment),
    )


def _change_of_volume(comparison: Comparison | None) -> Change | None:
    """Counts have no sampling interval: they are what came in."""
    if comparison is None:
        return None
    earlier = comparison.earlier_tally.review_count
    later = comparison.later_tally.review_count
    direction: Direction = "steady" if earlier == later else "up" if later > earlier else "down"
    return Change(later - earlier, None, direction, earlier, later, earlier, later, None)


def _change_of_rating(comparison: Comparison | None) -> Change | None:
    if comparison is None:
        return None
    earlier, later = comparison.earlier_tally, comparison.later_tally
    bounds = rating_difference(earlier, later)
    before, after = earlier.average_rating, later.average_rating
    if bounds is None or before is None or after is None:
        return None
    direction = _direction(bounds)
    return Change(
        after - before,
        bounds,
        direction,
        before,
        after,
        earlier.rated_count,
        later.rated_count,
        None if direction == "steady" else direction == "up",
    )


def _change_of_share(comparison: Comparison | None, sentiment: str) -> Change | None:
    if comparison is None:
        return None
    earlier, later = comparison.earlier_tally, comparison.later_tally
    bounds = share_difference(earlier, later, sentiment)
    before, after = earlier.share_of(sentiment), later.share_of(sentiment)
    if bounds is None or before is None or after is None:
        return None
    direction = _direction(bounds)
    is_welcome = (direction == "up") == (sentiment == "positive")
    return Change(
        after - before,
        bounds,
        direction,
        before,
        after,
        earlier.annotated_count,
        later.annotated_count,
        None if direction == "steady" else is_welcome,
    )


def _direction(bounds: Interval) -> Direction:
    if not bounds.excludes_zero:
        return "steady"
    return "up" if bounds.low > 0 else "down"
