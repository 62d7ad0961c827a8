"""Topics through the API, against counts in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from tests.api_world import all_pages, figures_in, read
from tests.published_reviews import ODD_PRODUCT, reviews_of

TOPICS = "/v1/tenants/acme/topics"


def mentions(reviews):
    return Counter(topic for review in reviews for topic in review["topics"])


def test_topics_are_counted_and_lead_to_their_reviews(ada):
    expected = mentions(reviews_of("acme"))
    items = all_pages(ada, f"{TOPICS}?limit=1")
    assert [item["topic"] for item in items] == [topic for topic, _ in expected.most_common()]
    assert {item["topic"]: item["mention_count"]["value"] for item in items} == expected
    for figure in figures_in(items):
        found = read(ada, f"{figure['reviews']}&count=true")
        assert found["review_count"] == figure["review_count"]


def test_the_trend_counts_the_dated_mentions_of_the_last_weeks(ada):
    dated = [review for review in reviews_of("acme") if review["has_posted_date"]]
    week_of = {id(one): one["posted_day"] - timedelta(one["posted_day"].weekday()) for one in dated}
    last = max(week_of[id(one)] for one in dated if one["topics"])
    (item,) = read(ada, TOPICS, topic="price", weeks=5)["items"]
    weeks = item["trend"]["weeks"]
    starts = [last - timedelta(weeks=back) for back in (4, 3, 2, 1, 0)]
    assert [date.fromisoformat(week["week_start"]) for week in weeks] == starts
    counts = [
        mentions(one for one in dated if week_of[id(one)] == start)["price"] for start in starts
    ]
    assert [week["mention_count"] for week in weeks] == counts
    assert item["trend"]["earlier_count"] == sum(counts[1:3])
    assert item["trend"]["recent_count"] == sum(counts[3:])
    assert item["trend"]["change"] == sum(counts[3:]) / sum(counts[1:3]) - 1


def test_weeks_without_a_mention_are_shown(ada):
    (item,) = read(ada, TOPICS, topic="price", weeks=104)["items"]
    assert len(item["trend"]["weeks"]) == 104
    assert item["trend"]["weeks"][0]["mention_count"] == 0
    assert item["trend"]["earlier_count"] == 0
    assert item["trend"]["change"] is None


def test_one_product_s_topics_have_counts_and_no_weeks(ada):
    page = read(ada, TOPICS, product=ODD_PRODUCT)
    own = [review for review in reviews_of("acme") if review["product"] == ODD_PRODUCT]
    counted = {item["topic"]: item["mention_count"]["value"] for item in page["items"]}
    assert counted == mentions(own)
    assert all(item["trend"] is None for item in page["items"])


def test_an_unknown_topic_is_an_empty_list_and_the_etag_is_the_snapshot_s(ada):
    answer = ada.get(TOPICS, params={"topic": "rockets"})
    assert answer.json()["items"] == []
    etag = answer.headers["etag"]
    again = ada.get(TOPICS, params={"topic": "rockets"}, headers={"If-None-Match": etag})
    assert again.status_code == 304
