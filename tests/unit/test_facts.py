from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from resources.metrics import facts
from resources.storage import schemas

MONDAY = date(2026, 3, 2)
REVIEW = {
    "day": date(2026, 3, 9),
    "tenant_id": "acme",
    "source": "shop",
    "review_key": "a" * 32,
    "version": 1,
    "text": "Fine.",
    "rating": 4.0,
    "posted_at": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "posted_day": MONDAY,
    "has_posted_date": True,
    "product": "Lamp",
    "location": "Berlin",
    "is_deleted": False,
}
ENRICHMENT = {
    "day": date(2026, 3, 9),
    "tenant_id": "acme",
    "review_key": "a" * 32,
    "version": 1,
    "language": "en",
    "sentiment": "positive",
    "sentiment_score": 0.5,
    "topics": ["price"],
    "keywords": [],
    "entities": None,
}


def lazy(spec, rows):
    columns = {name: [row.get(name) for row in rows] for name in spec.schema.names}
    return nw.from_native(pl.from_arrow(pa.table(columns, schema=spec.schema)).lazy())


def review(**changes):
    return REVIEW | changes


def enrichment(**changes):
    return ENRICHMENT | changes


def computed(function, reviews, enrichments):
    frame = facts.current_reviews(
        lazy(schemas.REVIEWS, reviews), lazy(schemas.REVIEW_ENRICHMENTS, enrichments)
    )
    if function is not facts.current_reviews:
        frame = function(frame)
    return frame.collect().to_native()


def counted(reviews, enrichments=()):
    return computed(facts.daily_facts, reviews, enrichments).to_dicts()


def labelled(reviews, enrichments):
    rows = computed(facts.daily_label_facts, reviews, enrichments)
    return rows.sort("label_kind", "label").to_dicts()


@pytest.mark.parametrize(
    ("function", "spec"),
    [
        (facts.daily_facts, schemas.DAILY_FACTS),
        (facts.daily_label_facts, schemas.DAILY_LABEL_FACTS),
        (facts.current_reviews, SimpleNamespace(schema=facts.CURRENT_REVIEWS_SCHEMA)),
    ],
)
def test_facts_have_exactly_the_columns_and_types_of_the_lake(function, spec):
    rows = computed(function, [review()], [enrichment()])

    wanted = pl.from_arrow(spec.schema.empty_table()).schema
    assert rows.schema == wanted


def test_no_reviews_give_no_facts():
    assert counted([]) == []
    assert labelled([], []) == []


def test_the_newest_version_counts_and_the_older_ones_do_not():
    reviews = [review(rating=5.0), review(version=2, rating=2.0)]
    enrichments = [enrichment(), enrichment(version=2, sentiment="negative", sentiment_score=-0.25)]

    (row,) = counted(reviews, enrichments)

    assert row["review_count"] == 1
    assert row["rating_sum_milli"] == 2_000
    assert row["positive_count"] == 0
    assert row["negative_count"] == 1
    assert row["score_sum_micro"] == -250_000


def test_an_older_version_is_not_counted_with_the_newer_ones_missing_enrichment():
    (row,) = counted([review(), review(version=2)], [enrichment()])

    assert row["review_count"] == 1
    assert row["language"] == "und"
    assert [row[f"{name}_count"] for name in facts.SENTIMENTS] == [0, 0, 0, 0]


def test_a_withdrawn_review_counts_nowhere():
    reviews = [review(), review(version=2, is_deleted=True)]

    assert counted(reviews, [enrichment()]) == []
    assert labelled(reviews, [enrichment()]) == []
    assert computed(facts.current_reviews, reviews, [enrichment()]).is_empty()


def test_a_review_that_returns_after_its_withdrawal_counts_again():
    reviews = [review(), review(version=2, is_deleted=True), review(version=3)]

    (row,) = counted(reviews)

    assert row["review_count"] == 1


def test_the_same_key_of_two_tenants_is_two_reviews():
    rows = counted([review(), review(tenant_id="zeta", version=7)], [enrichment()])

    assert sorted((row["tenant_id"], row["positive_count"]) for row in rows) == [
        ("acme", 1),
        ("zeta", 0),
    ]


def test_what_the_source_did_not_give_has_a_name_of_its_own():
    (row,) = counted([review(product=None, location=None)])

    assert (row["product"], row["location"], row["language"]) == ("", "", "und")


def test_a_review_without_rating_is_counted_but_not_rated():
    (row,) = counted([review(rating=None)], [enrichment()])

    assert row["review_count"] == 1
    assert row["rated_count"] == 0
    assert row["rating_sum_milli"] == 0
    assert sum(row[f"rating_{star}_count"] for star in range(1, 6)) == 0


@pytest.mark.parametrize(
    ("rating", "star"),
    [(1.0, 1), (1.49, 1), (1.5, 2), (2.5, 3), (3.4999, 3), (3.5, 4), (4.5, 5), (5.0, 5)],
)
def test_a_rating_falls_into_the_nearest_star_and_halves_go_up(rating, star):
    (row,) = counted([review(rating=rating)])

    assert [n for n in range(1, 6) if row[f"rating_{n}_count"]] == [star]


def test_sums_are_exact_in_whole_units():
    reviews = [
        review(review_key=f"{n:032x}", rating=rating) for n, rating in enumerate((4.3333, 1.1, 5.0))
    ]
    enrichments = [
        enrichment(review_key=f"{n:032x}", sentiment_score=score)
        for n, score in enumerate((0.1, 0.2, -0.9999996))
    ]

    (row,) = counted(reviews, enrichments)

    assert row["rating_sum_milli"] == 4_333 + 1_100 + 5_000
    assert row["rating_square_sum_micro"] == 4_333**2 + 1_100**2 + 5_000**2
    assert row["score_sum_micro"] == 100_000 + 200_000 - 1_000_000


def test_a_label_repeated_in_one_review_is_one_mention():
    rows = labelled(
        [review()],
        [enrichment(topics=["price", "price"], keywords=["lamp"], entities=["Acme", None])],
    )

    assert [(row["label_kind"], row["label"], row["mention_count"]) for row in rows] == [
        ("entity", "Acme", 1),
        ("keyword", "lamp", 1),
        ("topic", "price", 1),
    ]


def test_a_mention_carries_the_rating_and_sentiment_of_its_review():
    (row,) = labelled([review(rating=2.0)], [enrichment(sentiment="mixed", sentiment_score=0.0)])

    assert row["mixed_count"] == 1
    assert row["rated_count"] == 1
    assert row["rating_sum_milli"] == 2_000


def test_a_mention_in_an_undated_review_has_no_day():
    reviews = [review(), review(review_key="b" * 32, has_posted_date=False, posted_at=None)]
    enrichments = [enrichment(), enrichment(review_key="b" * 32)]

    rows = computed(facts.daily_label_facts, reviews, enrichments)

    assert sorted(rows["posted_day"].to_list(), key=str) == [MONDAY, None]
    assert rows["mention_count"].to_list() == [1, 1]


def test_current_reviews_stand_beside_their_enrichment():
    rows = computed(facts.current_reviews, [review(product=None)], [enrichment()])

    assert rows.columns == facts.CURRENT_REVIEWS_SCHEMA.names
    (row,) = rows.to_dicts()
    assert row["product"] == ""
    assert row["sentiment"] == "positive"
    assert row["topics"] == ["price"]
    assert row["day"] == date(2026, 3, 9)
