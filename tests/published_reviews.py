"""The reviews that the API answers from in tests, and the tables of a snapshot of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

FIRST_DAY = date(2026, 1, 29)
ODD_PRODUCT = "Kettle & Co. 100% „Größe“ #2 +?\t水"


def reviews_of(tenant: str) -> list[dict[str, Any]]:
    """What has been published of a tenant: 90 reviews that differ in every way that is filtered."""
    moods = ("positive", "neutral", "mixed", "negative", None)
    reviews = []
    for n in range(90):
        mood = moods[n % 5]
        day = FIRST_DAY + timedelta(days=(n * n) % 41)
        is_dated = n % 9 != 0
        reviews.append(
            {
                "review_key": review_key(tenant, n),
                "version": 1 + n % 2,
                "source": ("shop", "google")[n % 2],
                "source_review_id": str(n),
                "title": f"Title {n}" if n % 3 else None,
                "text": None if mood is None else f"{tenant} review {n}: it's 100% Straße_{n % 4}",
                "rating": None if n % 7 == 0 else 1 + (n % 9) / 2,
                "posted_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
                if is_dated
                else None,
                "posted_day": day,
                "has_posted_date": is_dated,
                "author": f"author {n}",
                "product": ("kettle", ODD_PRODUCT, "")[n % 3],
                "location": ("Albany", "")[n % 2],
                "url": None,
                "language": ("en", "de", "und")[n % 3],
                "language_confidence": 0.9,
                "sentiment": mood,
                "sentiment_score": None if mood is None else round((n % 21) / 10 - 1, 1),
                "sentiment_confidence": None if mood is None else 0.8,
                "topics": [] if mood is None else ["price", "delivery"][: n % 3],
                "topic_reasons": [] if mood is None else ["cheap", "late"][: n % 3],
                "keywords": ["kettle"],
                "entities": [] if n % 4 else [f"Name {n % 8}"],
                "entity_kinds": [] if n % 4 else ["person"],
                "day": date(2026, 3, 20),
                "batch_id": "batch",
                "record_number": n + 1,
            }
        )
    return reviews


def review_key(tenant: str, n: int) -> str:
    """The key of a tenant's n-th review."""
    return hashlib.md5(f"{tenant}:{n}".encode()).hexdigest()


def tables_of(reviews: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """The snapshot's tables, as far as the API reads them."""
    frame = pl.DataFrame(reviews, infer_schema_length=None)
    members = "(values ('all'), ('source'), ('product'), ('location'), ('language')) d(dimension)"
    member = (
        "case dimension when 'all' then 'all' when 'source' then source when 'product' then product"
        " when 'location' then location else language end"
    )
    measures = """
        count(*) as review_count, count(rating) as rated_count, avg(rating) as average_rating,
        count(sentiment) as annotated_count,
        count(*) filter (sentiment = 'positive') as positive_count,
        count(*) filter (sentiment = 'neutral') as neutral_count,
        count(*) filter (sentiment = 'mixed') as mixed_count,
        count(*) filter (sentiment = 'negative') as negative_count,
        count(*) filter (sentiment = 'positive') / nullif(count(sentiment), 0) as positive_share,
        count(*) filter (sentiment = 'negative') / nullif(count(sentiment), 0) as negative_share,
        avg(sentiment_score) as average_score
    """
    interval = ", ".join(
        f"0.1::double as {figure}_low, 4.9::double as {figure}_high"
        for figure in ("average_rating", "positive_share", "negative_share")
    )
    days = ", ".join(
        f"{bound}(posted_day) filter (has_posted_date) as {name}_day"
        for bound, name in (("min", "first"), ("max", "last"))
    )
    in_all_or_product = "dimension in ('all', 'product')"
    with duckdb.connect() as connection:
        connection.register("reviews", frame.to_arrow())

        def table(sql: str) -> pl.DataFrame:
            result = pl.from_arrow(connection.sql(sql).to_arrow_table())
            assert isinstance(result, pl.DataFrame)
            return result

        connection.execute(
            f"create table cells as select dimension, {member} as member, r.* "
            f"from reviews r, {members} where member <> ''"
        )
        return {
            "reviews": frame,
            "metric_summary": table(
                f"select dimension, member, {measures}, {interval}, {days} from cells "
                "group by all order by 1, 2"
            ),
            "daily_series": table(
                f"select dimension, member, posted_day as day, {measures} from cells "
                f"where has_posted_date and {in_all_or_product} group by all order by 1, 2, 3"
            ),
            "rating_distribution": table(
                "select dimension, member, least(greatest(floor(rating + 0.5), 1), 5)::bigint "
                "as rating, count(*) as review_count, 0.2 as share from cells "
                "where rating is not null group by all order by 1, 2, 3"
            ),
            "topic_summary": table(
                f"select dimension, member, topic, count(*) as mention_count, {measures}, "
                "count(*) / any_value(total) as share_of_reviews from (select *, "
                "unnest(topics) as topic, count(*) over (partition by dimension, member) as total "
                f"from cells) where {in_all_or_product} group by all order by 1, 2, 3"
            ),
            "topic_weekly": table(
                "select topic, date_trunc('week', posted_day)::date as week_start, "
                "count(*) as mention_count, "
                "count(*) filter (sentiment = 'negative') as negative_count "
                "from (select *, unnest(topics) as topic from cells where dimension = 'all') "
                "where has_posted_date group by all order by 1, 2"
            ),
        }
