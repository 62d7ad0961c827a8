"""Some of a tenant's reviews, and the marts of these alone, counted while they are read.

The marts are published for all reviews of a tenant, told apart by one dimension at a time. What is
asked of a workspace, or within the days that a plan shows, is counted from the reviews of the same
snapshot instead: by the rules of ``resources.metrics.facts`` and with the macros of
``dbt_project``, so that the numbers are those that the marts would give if there were no others.
``tests/integration/test_parts.py`` holds both equal to the last digit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import jinja2

from resources.database.workspaces import ITEM_KINDS, WorkspaceContents
from resources.settings import PROJECT_ROOT
from resources.storage.snapshot_reading import Snapshot
from resources.vocabulary import SENTIMENTS

_MACROS = PROJECT_ROOT / "dbt_project" / "macros"
_DIMENSIONS = {
    "all": "'all'",
    "source": "source",
    "product": "product",
    "location": "location",
    "language": "language",
}
_STARS = range(1, 6)
_MEASURES = (
    *(f"{name}_count" for name in SENTIMENTS),
    "annotated_count",
    "score_sum_micro",
    "rated_count",
    "rating_sum_milli",
    "rating_square_sum_micro",
)
_STAR_MEASURES = tuple(f"rating_{star}_count" for star in _STARS)

# As the facts count: whole numbers, halves upwards.
_THOUSANDTHS = "floor(rating * 1000 + 0.5)::bigint"
_COUNTED = f"""
    {", ".join(f"count(*) filter (sentiment = '{name}') as {name}_count" for name in SENTIMENTS)},
    count(sentiment) as annotated_count,
    coalesce(sum(floor(sentiment_score * 1000000 + 0.5)::bigint), 0)::bigint as score_sum_micro,
    count(rating) as rated_count,
    coalesce(sum({_THOUSANDTHS}), 0)::bigint as rating_sum_milli,
    coalesce(sum({_THOUSANDTHS} * {_THOUSANDTHS}), 0)::bigint as rating_square_sum_micro
"""
_COUNTED_STARS = ", ".join(
    f"count(*) filter (least(greatest(floor(rating + 0.5), 1), 5) = {star} and rating is not null)"
    f" as rating_{star}_count"
    for star in _STARS
)


@dataclass(frozen=True)
class Part:
    """Which of a tenant's reviews are read.

    Attributes:
        contents: Only those of a workspace; of the whole tenant when None.
        first_day: Only those written on this day or later; from the first on when None. A review
            whose source gave no date counts as written on the day on which it came in.
    """

    contents: WorkspaceContents | None = None
    first_day: date | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.contents is None and self.first_day is None

    @property
    def fingerprint(self) -> str:
        """Names what is left out: equal for equal parts, and empty where nothing is."""
        if self.is_whole:
            return ""
        said = json.dumps(self.condition, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    @property
    def condition(self) -> tuple[str, list[Any]]:
        """What selects its reviews, in SQL: constant text, and the values that it binds."""
        condition, values = "true", list[Any]()
        if self.contents is not None:
            condition, values = _belonging_to(self.contents)
        if self.first_day is not None:
            condition, values = f"{condition} and posted_day >= ?", [*values, self.first_day]
        return condition, values

    def of(self, snapshot: Snapshot) -> Snapshot:
        """The part of a snapshot; the snapshot itself where none of its reviews is left out."""
        part = self.as_far_as_it_cuts(snapshot)
        if part.is_whole:
            return snapshot
        condition, values = part.condition
        reviews = f"select * from main.reviews where {condition}"
        return snapshot.part({"reviews": reviews, **_marts()}, values, first_day=part.first_day)

    def as_far_as_it_cuts(self, snapshot: Snapshot) -> Part:
        """The same, but for a first day before which the snapshot has no review."""
        if self.first_day is None:
            return self
        (found,) = snapshot.query("select min(posted_day) as first_day from reviews").to_pylist()
        oldest = found["first_day"]
        return replace(self, first_day=None) if oldest is None or oldest >= self.first_day else self


def _belonging_to(contents: WorkspaceContents) -> tuple[str, list[Any]]:
    """What selects a workspace's reviews; the first kind whose name a workspace has decides."""
    belongs, values = "false", list[Any]()
    for kind in reversed(ITEM_KINDS):
        is_own, is_of_another = (f"list_contains(?::varchar[], {kind})" for _ in range(2))
        belongs = f"({is_own} or (not {is_of_another} and {belongs}))"
        values = [contents.names(kind), contents.names_elsewhere(kind), *values]
    return belongs, values


@cache
def _marts() -> Mapping[str, str]:
    """The marts that are counted while they are read, as queries, each over those before it."""
    formulas = _formulas()

    def sums(names: Iterable[str]) -> str:
        return ", ".join(f"sum({name})::bigint as {name}" for name in names)

    def bounds(figure: str, low: str, high: str) -> str:
        return f"{low} as {figure}_low, {high} as {figure}_high"

    def share_of_annotated(sentiment: str) -> str:
        part, figure = f"{sentiment}_count", f"{sentiment}_share"
        low, high = (formulas.wilson_bound(part, "annotated_count", sign) for sign in "-+")
        share = formulas.share(part, "annotated_count")
        return f"{share} as {figure}, {bounds(figure, low, high)}"

    counts = ", ".join(f"{name}_count" for name in SENTIMENTS)
    average_rating = f"{formulas.average_rating()} as average_rating"
    average_score = f"{formulas.average_score()} as average_score"
    negative_share = f"{formulas.share('negative_count', 'annotated_count')} as negative_share"
    interval = bounds(
        "average_rating",
        formulas.mean_interval_bound("-"),
        formulas.mean_interval_bound("+"),
    )
    return {
        "facts": f"""
            select source, product, location, language, posted_day, has_posted_date,
                count(*) as review_count, {_COUNTED}, {_COUNTED_STARS}
            from reviews group by all
        """,
        "member_days": " union all ".join(
            f"select '{dimension}' as dimension, {member} as member, * from facts "
            f"where {member} <> ''"
            for dimension, member in _DIMENSIONS.items()
        ),
        "members": f"""
            select dimension, member, {sums(("review_count", *_MEASURES, *_STAR_MEASURES))},
                min(posted_day) filter (where has_posted_date) as first_day,
                max(posted_day) filter (where has_posted_date) as last_day
            from member_days group by all
        """,
        "metric_summary": f"""
            select dimension, member, review_count, rated_count, {average_rating}, {interval},
                annotated_count, {counts}, {share_of_annotated("positive")},
                {share_of_annotated("negative")}, {average_score}, first_day, last_day
            from members
        """,
        "daily_series": f"""
            select dimension, member, day, review_count, rated_count, {average_rating}, {counts},
                {negative_share}, {average_score}
            from (
                select dimension, member, posted_day as day, {sums(("review_count", *_MEASURES))}
                from member_days
                where has_posted_date and dimension in ('all', 'product') group by all
            )
        """,
        "rating_distribution": " union all ".join(
            f"select dimension, member, {star} as rating, rating_{star}_count as review_count, "
            f"{formulas.share(f'rating_{star}_count', 'rated_count')} as share "
            "from members where rated_count > 0"
            for star in _STARS
        ),
        "topic_facts": f"""
            select product, topic, week_start, count(*) as mention_count, {_COUNTED}
            from (
                select product, rating, sentiment, sentiment_score,
                    unnest(list_distinct(topics)) as topic,
                    case when has_posted_date then date_trunc('week', posted_day)::date end
                        as week_start
                from reviews
            ) group by all
        """,
        "member_topics": """
            select 'all' as dimension, 'all' as member, * from topic_facts
            union all
            select 'product' as dimension, product as member, * from topic_facts
            where product <> ''
        """,
        "topic_summary": f"""
            select dimension, member, topic, mention_count,
                {formulas.share("mention_count", "members.review_count")} as share_of_reviews,
                {", ".join(f"topics.{name}_count" for name in SENTIMENTS)},
                negative_share, average_rating, average_score
            from (
                select *, {negative_share}, {average_rating}, {average_score}
                from (
                    select dimension, member, topic, {sums(("mention_count", *_MEASURES))}
                    from member_topics group by all
                )
            ) as topics join (select dimension, member, review_count from members) as members
                using (dimension, member)
        """,
        "topic_weekly": """
            select topic, week_start, sum(mention_count)::bigint as mention_count,
                sum(negative_count)::bigint as negative_count
            from member_topics where dimension = 'all' and week_start is not null group by all
        """,
    }


@cache
def _formulas() -> Any:
    """The macros of the marts, which no other words of dbt's are needed for."""
    source = "".join((_MACROS / name).read_text("utf-8") for name in ("means.sql", "intervals.sql"))
    return jinja2.Environment().from_string(source).module  # noqa: S701 - SQL of our own, no HTML
