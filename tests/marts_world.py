"""A small world whose marts are known: its reviews, and the marts' inputs made from them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.metrics import facts
from resources.storage import schemas

MONDAY = date(2025, 1, 6)
INCIDENT_WEEK = MONDAY + timedelta(weeks=20)
SMALL = [5.0, 4.0, 4.5, 1.0, None]
SCORES = {"positive": 0.8, "neutral": 0.0, "mixed": 0.1, "negative": -0.6}


def one_review(tenant_id, number, *, rating, sentiment, day=MONDAY, product="Lamp", topics=()):
    key = f"{tenant_id}-{number:06d}"
    dated = day is not None
    review = {
        "day": date(2026, 2, 1),
        "tenant_id": tenant_id,
        "source": ("shop", "google")[number % 2],
        "review_key": key,
        "version": 1,
        "text": f"Review {number}",
        "rating": rating,
        "posted_at": datetime(day.year, day.month, day.day, tzinfo=UTC) if dated else None,
        "posted_day": day or date(2026, 2, 1),
        "has_posted_date": dated,
        "product": product,
        "location": None,
        "is_deleted": False,
    }
    enrichment = {
        "day": date(2026, 2, 1),
        "tenant_id": tenant_id,
        "review_key": key,
        "version": 1,
        "language": "en",
        "sentiment": sentiment,
        "sentiment_score": SCORES.get(sentiment),
        "topics": list(topics),
        "keywords": ["lamp"],
        "entities": ["Lamp"] if product else [],
        "entity_kinds": ["product"] if product else [],
    }
    return review, enrichment


def small_tenant():
    """Five reviews: one without rating, one without date and product, one edited, one withdrawn."""
    sentiments = ["positive", "positive", "mixed", "negative", None]
    for number, (rating, sentiment) in enumerate(zip(SMALL, sentiments, strict=True)):
        day = MONDAY + timedelta(days=number) if number != 3 else None
        product = "Lamp" if number != 3 else None
        yield one_review(
            "small",
            number,
            rating=rating,
            sentiment=sentiment,
            day=day,
            product=product,
            topics=["price"] if number < 2 else [],
        )
    edited, understood = one_review("small", 0, rating=5.0, sentiment="positive", topics=["price"])
    yield edited | {"version": 2, "text": "Edited"}, understood | {"version": 2}
    withdrawn, understood = one_review("small", 9, rating=1.0, sentiment="negative")
    yield withdrawn, understood
    yield withdrawn | {"version": 2, "is_deleted": True}, understood | {"version": 2}


def weekly_reviews(tenant_id, incident):
    """A year of 30 reviews a week, three to five negative; in one week, perhaps, eighteen."""
    numbers = itertools.count()
    for week in range(52):
        start = MONDAY + timedelta(weeks=week)
        negatives = 18 if incident and start == INCIDENT_WEEK else 3 + week % 3
        for n in range(30):
            is_negative = n < negatives
            product = ("Lamp", "Chair")[n % 2]
            better = product == "Chair" and week >= 26
            yield one_review(
                tenant_id,
                next(numbers),
                rating=1.0 if is_negative else 5.0 if better else 3.0 + n % 2,
                sentiment="negative" if is_negative else "positive",
                day=start + timedelta(days=n % 7),
                product=product,
                topics=["delivery" if negatives == 18 else "price"] if is_negative else ["quality"],
            )


def rows_as(spec, rows):
    columns = {name: [row.get(name) for row in rows] for name in spec.schema.names}
    return nw.from_native(pl.from_arrow(pa.table(columns, schema=spec.schema)).lazy())


def inputs(world):
    reviews, enrichments = zip(*world, strict=True)
    current = facts.current_reviews(
        rows_as(schemas.REVIEWS, reviews),
        rows_as(schemas.REVIEW_ENRICHMENTS, enrichments),
    )
    return {
        "daily_facts": facts.daily_facts(current).to_native(),
        "daily_label_facts": facts.daily_label_facts(current).to_native(),
        "current_reviews": current.to_native(),
    }


def small_world():
    """A tenant of five reviews, one of a calm year, and one of a year with an incident."""
    return [
        *small_tenant(),
        *weekly_reviews("flat", incident=False),
        *weekly_reviews("stricken", incident=True),
    ]
