"""Every question a report asks of a snapshot: SQL over its reviews, in one place.

There is one way of computing: all figures come from the ``reviews`` of the snapshot, whether the
report covers all of them or a period, so that a figure and the reviews behind it cannot disagree.
Two things are taken from the marts as they are, because they need the whole history: which weeks
are incidents (``weekly_series``) and which products change (``product_trends``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import polars as pl

from resources.reporting.model import Grain, Period
from resources.reporting.statistics import Tally
from resources.storage.snapshot_reading import Snapshot

Dimension = Literal["product", "source", "location", "language"]
LabelList = Literal["topics", "keywords"]

_TALLY = """
    count(*) AS review_count,
    count(rating) AS rated_count,
    coalesce(sum(CAST(floor(rating * 1000 + 0.5) AS BIGINT)), 0)::BIGINT AS rating_sum_milli,
    coalesce(sum(
        CAST(floor(rating * 1000 + 0.5) AS BIGINT) * CAST(floor(rating * 1000 + 0.5) AS BIGINT)
    ), 0)::BIGINT AS rating_square_sum_micro,
    count(*) FILTER (sentiment = 'positive') AS positive_count,
    count(*) FILTER (sentiment = 'neutral') AS neutral_count,
    count(*) FILTER (sentiment = 'mixed') AS mixed_count,
    count(*) FILTER (sentiment = 'negative') AS negative_count
"""
_TALLY_COLUMNS = tuple(Tally.__dataclass_fields__)

# Short enough to print, long enough to say something (in bytes, so that a sentence of Chinese
# counts for what it says), and with a rating that does not contradict the reading of the text.
_SHORTEST_QUOTE_BYTES, _LONGEST_QUOTE_BYTES = 40, 420


@dataclass(frozen=True)
class Coverage:
    """How far the reviews of a snapshot reach.

    Attributes:
        period: From the first to the last day on which a dated review was posted; None without one.
        undated_count: Reviews whose source gave no date.
    """

    review_count: int
    undated_count: int
    period: Period | None


class Evidence:
    """Asks a snapshot about the reviews of one period, or about all of them."""

    def __init__(self, snapshot: Snapshot, period: Period | None) -> None:
        """Looks at the reviews posted in the period; at all, dated or not, when it is None."""
        self._snapshot = snapshot
        self.period = period

    def within(self, period: Period) -> Evidence:
        """The same snapshot, another period."""
        return Evidence(self._snapshot, period)

    def coverage(self) -> Coverage:
        """How far the reviews reach."""
        row = self._ask(
            f"""
            SELECT count(*) AS review_count,
                   count(*) FILTER (NOT has_posted_date) AS undated_count,
                   min(posted_day) FILTER (has_posted_date) AS first_day,
                   max(posted_day) FILTER (has_posted_date) AS last_day
            FROM reviews WHERE {self._condition}
            """
        )[0]
        is_dated = row["first_day"] is not None
        period = Period(row["first_day"], row["last_day"]) if is_dated else None
        return Coverage(row["review_count"], row["undated_count"], period)

    def total(self) -> Tally:
        """All reviews together."""
        return _tally(self._ask(f"SELECT {_TALLY} FROM reviews WHERE {self._condition}")[0])

    def members(self, dimension: Dimension) -> dict[str, Tally]:
        """Reviews by what they are about or where they come from, the most reviewed first.

        Only reviews with text have a language.
        """
        has_it = "sentiment IS NOT NULL" if dimension == "language" else "TRUE"
        rows = self._ask(
            f"""
            SELECT coalesce({dimension}, '') AS member, {_TALLY}
            FROM reviews WHERE {has_it} AND {self._condition}
            GROUP BY ALL ORDER BY review_count DESC, member
            """
        )
        return {row["member"]: _tally(row) for row in rows}

    def series(self, grain: Grain, period: Period) -> dict[date, Tally]:
        """Dated reviews by day, week (from Monday) or month, with empty ones filled in."""
        rows = self._ask(
            f"""
            SELECT CAST(date_trunc('{grain}', posted_day) AS DATE) AS start, {_TALLY}
            FROM reviews WHERE has_posted_date AND {self._condition}
            GROUP BY ALL
            """
        )
        found = {row["start"]: _tally(row) for row in rows}
        return {start: found.get(start, Tally()) for start in starts(grain, period)}

    def ratings(self) -> dict[int, int]:
        """Reviews by their rating in whole stars, halves upwards."""
        rows = self._ask(
            f"""
            SELECT CAST(least(greatest(floor(rating + 0.5), 1), 5) AS INTEGER) AS rating,
                   count(*) AS review_count
            FROM reviews WHERE rating IS NOT NULL AND {self._condition}
            GROUP BY ALL
            """
        )
        found = {row["rating"]: row["review_count"] for row in rows}
        return {rating: found.get(rating, 0) for rating in range(1, 6)}

    def labels(self, column: LabelList, at_most: int) -> dict[str, Tally]:
        """Reviews by the topics or keywords they mention, the most mentioned first."""
        rows = self._ask(
            f"""
            WITH mentions AS (
                SELECT unnest(list_distinct({column})) AS label, rating, sentiment
                FROM reviews WHERE {self._condition}
            )
            SELECT label, {_TALLY} FROM mentions WHERE trim(label) <> ''
            GROUP BY ALL ORDER BY review_count DESC, label LIMIT {at_most:d}
            """
        )
        return {row["label"]: _tally(row) for row in rows}

    def voices(self, topics: Sequence[str], each: int) -> list[dict[str, Any]]:
        """Readable reviews on each topic, up to ``each`` positive and ``each`` negative ones.

        Those come first whose sentiment is surest; of the same text only one is taken.
        """
        return self._ask(
            f"""
            WITH candidates AS (
                SELECT topics, review_key, sentiment, language, hash(text) AS text_hash,
                       -coalesce(sentiment_confidence, 0) * abs(sentiment_score) AS doubt
                FROM reviews
                WHERE sentiment IN ('positive', 'negative')
                  AND strlen(text) BETWEEN {_SHORTEST_QUOTE_BYTES} AND {_LONGEST_QUOTE_BYTES}
                  AND (rating IS NULL OR (sentiment = 'positive') = (rating >= 3.5))
                  AND {self._condition}
            ), repeated AS (
                SELECT text_hash FROM candidates GROUP BY text_hash HAVING count(*) > 1
            ), surest AS (
                -- Whoever is among the surest on a topic is so among those with the same topics:
                -- so nearly all reviews are set aside before they are spread over their topics.
                SELECT topics, sentiment, language,
                       unnest(min({{'doubt': doubt, 'review_key': review_key}}, {each:d})) AS best
                FROM candidates WHERE text_hash NOT IN (SELECT text_hash FROM repeated)
                GROUP BY topics, sentiment, language
            ), copies AS (
                SELECT unnest(list_distinct(topics)) AS topic, sentiment, language, text_hash,
                       doubt, review_key
                FROM candidates WHERE text_hash IN (SELECT text_hash FROM repeated)
            ), distinct_texts AS (
                SELECT unnest(list_distinct(topics)) AS topic, sentiment, language,
                       best.doubt AS doubt, best.review_key AS review_key
                FROM surest
                UNION ALL
                SELECT topic, sentiment, language, doubt, review_key FROM copies
                QUALIFY row_number() OVER (PARTITION BY topic, text_hash ORDER BY review_key) = 1
            ), ranked AS (
                SELECT *, row_number() OVER (
                    PARTITION BY topic, sentiment, language ORDER BY doubt, review_key
                ) AS place_in_language
                FROM distinct_texts WHERE list_contains(?, topic)
            ), chosen AS (
                SELECT *, row_number() OVER (
                    PARTITION BY topic, sentiment ORDER BY place_in_language, doubt, review_key
                ) AS place
                FROM ranked QUALIFY place <= {each:d}
            )
            SELECT topic, review_key, text, sentiment, rating, source, product, language, url,
                   CASE WHEN has_posted_date THEN posted_day END AS posted_on
            FROM chosen JOIN (
                SELECT review_key, text, rating, source, product, url, posted_day, has_posted_date
                FROM reviews
            ) USING (review_key)
            ORDER BY topic, sentiment DESC, place
            """,
            list(topics),
        )

    def weeks(self) -> list[dict[str, Any]]:
        """Whole weeks of all reviews with their baseline and incident mark, from the mart."""
        weeks = self._snapshot.table("weekly_series").filter(pl.col("dimension") == "all")
        if self.period is not None:
            monday = self.period.first - timedelta(days=self.period.first.weekday())
            weeks = weeks.filter(pl.col("week_start").is_between(monday, self.period.last))
        return weeks.sort("week_start").to_dicts()

    def product_incidents(self, monday: date) -> list[dict[str, Any]]:
        """Products for which that week is an incident, the most negative reviews first."""
        weeks = self._snapshot.table("weekly_series").filter(
            pl.col("dimension") == "product",
            pl.col("week_start") == monday,
            pl.col("is_incident"),
            pl.col("member") != "",
        )
        return weeks.sort("negative_count", "member", descending=[True, False]).to_dicts()

    def product_trends(self) -> list[dict[str, Any]]:
        """Products with their early and late average rating, over the whole history.

        Products with too few ratings to compare, which the mart gives no interval, are left out.
        """
        trends = self._snapshot.table("product_trends").filter(
            pl.col("product") != "", pl.col("change_low").is_not_null()
        )
        return trends.sort("change", "product", descending=[True, False]).to_dicts()

    @property
    def _condition(self) -> str:
        """Which reviews are looked at, with a bound parameter for each day named."""
        if self.period is None:
            return "TRUE"
        return "has_posted_date AND posted_day BETWEEN ? AND ?"

    def _ask(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Answers as rows; the period's days come first among the parameters."""
        days = [self.period.first, self.period.last] if self.period is not None else []
        rows: list[dict[str, Any]] = self._snapshot.query(sql, [*days, *parameters]).to_pylist()
        return rows


def starts(grain: Grain, period: Period) -> list[date]:
    """The first day of every day, week or month that the period touches."""
    interval = {Grain.DAY: "1d", Grain.WEEK: "1w", Grain.MONTH: "1mo"}[grain]
    first = period.first
    if grain is Grain.WEEK:
        first -= timedelta(days=first.weekday())
    elif grain is Grain.MONTH:
        first = first.replace(day=1)
    return pl.date_range(first, period.last, interval, eager=True).to_list()


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(**{name: row[name] for name in _TALLY_COLUMNS})
