"""A metric over time: the daily mart added up to the asked grain, with gaps filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

from resources.storage.snapshots import Snapshot
from resources.vocabulary import SENTIMENTS
from serving_api.kit.errors import invalid_parameter
from serving_api.kit.published import require_shown
from serving_api.metrics.schemas import Grain, Metric, Series, SeriesParameters, SeriesPoint
from serving_api.metrics.service import product_member
from serving_api.reviews.filters import ReviewFilters, ReviewLinks

MAXIMUM_POINTS = 4000  # eleven years of days
_ONE_DAY = timedelta(days=1)

# Averages are added up with their weights; their sums are needed, not their means.
_SUMS = """
    sum(review_count)::bigint as review_count,
    sum(rated_count)::bigint as rated_count,
    sum(average_rating * rated_count) as rating_sum,
    sum(positive_count)::bigint as positive_count,
    sum(neutral_count)::bigint as neutral_count,
    sum(mixed_count)::bigint as mixed_count,
    sum(negative_count)::bigint as negative_count,
    sum(average_score * (positive_count + neutral_count + mixed_count + negative_count))
        as score_sum
"""
Sums = dict[str, Any]

CHOSEN_BY = ("product", "source", "location", "language", "topic", "entity", "keyword")
"""What the reviews of a series can be chosen by."""

# The columns of the mart, counted from the reviews themselves.
_COUNTED = """
    select
        posted_day as day,
        count(*) as review_count,
        count(rating) as rated_count,
        avg(rating) as average_rating,
        count(*) filter (sentiment = 'positive') as positive_count,
        count(*) filter (sentiment = 'neutral') as neutral_count,
        count(*) filter (sentiment = 'mixed') as mixed_count,
        count(*) filter (sentiment = 'negative') as negative_count,
        avg(sentiment_score) as average_score
    from reviews where has_posted_date and {condition} group by posted_day
"""


class _Days(NamedTuple):
    """A query for the sums of each day, and the values it binds."""

    sql: str
    values: list[Any]


@dataclass(frozen=True)
class _Measure:
    """How a metric follows from the sums of a stretch of time.

    Attributes:
        value: The metric; None where nothing says anything about it.
        behind: How many reviews it rests on.
        filters: The review filters that select them.
    """

    value: Callable[[Sums], int | float | None]
    behind: Callable[[Sums], int]
    filters: dict[str, str | bool]


def series(snapshot: Snapshot, parameters: SeriesParameters) -> Series:
    """A metric over time.

    Raises:
        Problem: ``invalid-parameters`` if the days are out of order or too many;
            ``beyond-history`` if none of them is shown.
    """
    require_shown(snapshot, parameters.last_day)
    chosen_by = {
        name: value for name in CHOSEN_BY if (value := getattr(parameters, name)) is not None
    }
    days = _days_of(chosen_by)
    first_day, last_day = _stretch(snapshot, parameters, days)
    points: list[SeriesPoint] = []
    if first_day is not None and last_day is not None:
        links = ReviewLinks(snapshot.tenant_id, snapshot.version, parameters.workspace)
        behind = partial(links.to, **chosen_by)
        points = _points(snapshot, parameters, days, (first_day, last_day), behind)
    return Series(
        metric=parameters.metric,
        grain=parameters.grain,
        product=parameters.product,
        chosen_by=chosen_by,
        points=points,
        snapshot=snapshot.version,
    )


def _days_of(chosen_by: Mapping[str, str]) -> _Days:
    """The days of all reviews and of one product's are a mart; others are counted as it counts."""
    if set(chosen_by) <= {"product"}:
        sql = "select * from daily_series where dimension = ? and member = ?"
        return _Days(sql, product_member(chosen_by.get("product")))
    condition, values = ReviewFilters.model_validate(chosen_by).conditions()
    return _Days(_COUNTED.format(condition=condition), values)


def _stretch(
    snapshot: Snapshot, parameters: SeriesParameters, days: _Days
) -> tuple[date | None, date | None]:
    """First and last day: as given, as far as they are shown, else those of the data."""
    (known,) = snapshot.query(
        f"select min(day) as first_day, max(day) as last_day from ({days.sql})", days.values
    ).to_pylist()
    first_day = parameters.first_day or known["first_day"]
    last_day = parameters.last_day or known["last_day"]
    if parameters.first_day and parameters.last_day and parameters.first_day > parameters.last_day:
        raise invalid_parameter("query.from", "Must not be later than to.")
    if first_day and snapshot.first_day:
        first_day = max(first_day, snapshot.first_day)
    if first_day and last_day and first_day > last_day:
        return None, None  # one end was left open, and the data lie wholly on its other side
    return first_day, last_day


def _points(
    snapshot: Snapshot,
    parameters: SeriesParameters,
    days: _Days,
    stretch: tuple[date, date],
    behind: Callable[..., str],
) -> list[SeriesPoint]:
    rows = snapshot.query(
        f"select date_trunc('{parameters.grain}', day)::date as bucket, {_SUMS} from ({days.sql}) "
        "where day between ? and ? group by bucket",
        [*days.values, *stretch],
    ).to_pylist()
    sums = {row["bucket"]: row for row in rows}
    measure = MEASURES[parameters.metric]
    points: list[SeriesPoint] = []
    for bucket, start, end in _buckets(parameters.grain, *stretch):
        if len(points) == MAXIMUM_POINTS:
            raise invalid_parameter(
                "query.grain",
                f"More than {MAXIMUM_POINTS} points: ask for a coarser grain or fewer days.",
            )
        found = sums.get(bucket, _NOTHING)
        points.append(
            SeriesPoint(
                start=start,
                end=end,
                value=measure.value(found),
                review_count=measure.behind(found),
                reviews=behind(
                    first_day=start,
                    last_day=end,
                    dated=True,
                    **measure.filters,
                ),
            )
        )
    return points


def _buckets(grain: Grain, first_day: date, last_day: date) -> Iterator[tuple[date, date, date]]:
    """Name, first and last day of every stretch; the outermost ones are cut to the days asked."""
    bucket = _bucket_of(grain, first_day)
    while bucket <= last_day:
        following = _bucket_after(grain, bucket)
        yield bucket, max(bucket, first_day), min(following - _ONE_DAY, last_day)
        bucket = following


def _bucket_of(grain: Grain, day: date) -> date:
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def _bucket_after(grain: Grain, bucket: date) -> date:
    if grain == "month":
        return (bucket.replace(day=28) + timedelta(days=4)).replace(day=1)
    return bucket + timedelta(days=7 if grain == "week" else 1)


def _annotated(sums: Sums) -> int:
    return sum(sums[f"{name}_count"] for name in SENTIMENTS)


def _ratio(part: float | None, whole: int) -> float | None:
    return part / whole if whole and part is not None else None


def _count(column: str, **filters: str | bool) -> _Measure:
    return _Measure(lambda sums: sums[column], lambda sums: sums[column], filters)


def _share(sentiment: str) -> _Measure:
    return _Measure(
        lambda sums: _ratio(sums[f"{sentiment}_count"], _annotated(sums)),
        _annotated,
        {"annotated": True},
    )


MEASURES: dict[Metric, _Measure] = {
    "review_count": _count("review_count"),
    "rated_count": _count("rated_count", rated=True),
    "average_rating": _Measure(
        lambda sums: _ratio(sums["rating_sum"], sums["rated_count"]),
        lambda sums: sums["rated_count"],
        {"rated": True},
    ),
    "positive_count": _count("positive_count", sentiment="positive"),
    "neutral_count": _count("neutral_count", sentiment="neutral"),
    "mixed_count": _count("mixed_count", sentiment="mixed"),
    "negative_count": _count("negative_count", sentiment="negative"),
    "positive_share": _share("positive"),
    "negative_share": _share("negative"),
    "average_score": _Measure(
        lambda sums: _ratio(sums["score_sum"], _annotated(sums)), _annotated, {"annotated": True}
    ),
}

_NOTHING: Sums = {
    "review_count": 0,
    "rated_count": 0,
    "rating_sum": None,
    "positive_count": 0,
    "neutral_count": 0,
    "mixed_count": 0,
    "negative_count": 0,
    "score_sum": None,
}
