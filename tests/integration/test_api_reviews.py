"""The reviews that the API hands out: filtered, paged, one by one, and never kept between."""

from __future__ import annotations

import re
from datetime import date

import pyarrow as pa
import pytest

from resources.storage.lake import Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS
from tests.api_world import all_pages, read
from tests.published_reviews import ODD_PRODUCT, review_key, reviews_of

ACME = "/v1/tenants/acme"


FILTERS = [
    (
        {"from": "2026-02-10", "to": "2026-02-20"},
        lambda r: 10 <= (r["posted_day"] - date(2026, 1, 31)).days <= 20,
    ),
    ({"source": "google"}, lambda r: r["source"] == "google"),
    ({"product": ODD_PRODUCT}, lambda r: r["product"] == ODD_PRODUCT),
    ({"product": ""}, lambda r: r["product"] == ""),
    ({"location": "Albany"}, lambda r: r["location"] == "Albany"),
    ({"language": "und"}, lambda r: r["language"] == "und"),
    ({"sentiment": "mixed"}, lambda r: r["sentiment"] == "mixed"),
    ({"sentiment": ["mixed", "negative"]}, lambda r: r["sentiment"] in {"mixed", "negative"}),
    ({"annotated": "false"}, lambda r: r["sentiment"] is None),
    ({"understood": "false"}, lambda r: r["sentiment"] is None),
    ({"topic": "delivery"}, lambda r: "delivery" in r["topics"]),
    ({"entity": "Name 4"}, lambda r: "Name 4" in r["entities"]),
    ({"keyword": "kettle"}, lambda _: True),
    ({"keyword": "kettl"}, lambda _: False),
    ({"min_score": 0.5}, lambda r: (r["sentiment_score"] or -1) >= 0.5),
    ({"max_score": -0.9}, lambda r: (r["sentiment_score"] or 0) <= -0.9),
    (
        {"min_score": -0.1, "max_score": 0.1},
        lambda r: r["sentiment_score"] is not None and abs(r["sentiment_score"]) <= 0.1,
    ),
    ({"words": "REVIEW straße 1"}, lambda r: is_said(r, "straße", "1")),
    ({"words": "strasse"}, lambda _: False),
    ({"words": "stra"}, lambda _: False),
    ({"words": "  it's,Acmé! "}, lambda r: r["text"] is not None),
    ({"words": "title 5"}, lambda r: is_said(r, "title", "5")),
    ({"rating": 4}, lambda r: r["rating"] in {3.5, 4.0}),
    ({"rated": "false"}, lambda r: r["rating"] is None),
    ({"dated": "false"}, lambda r: not r["has_posted_date"]),
    ({"q": "STRASSE"}, lambda _: False),
    ({"q": "100% straße_1"}, lambda r: "Straße_1" in (r["text"] or "")),
    ({"q": "%"}, lambda r: r["text"] is not None),
    ({"q": "it's"}, lambda r: r["text"] is not None),
    ({"q": "'; drop table reviews; --"}, lambda _: False),
    ({"q": "title 5"}, lambda r: (r["title"] or "").startswith("Title 5")),
    (
        {"source": "shop", "rated": "true", "sentiment": "positive", "sort": "oldest"},
        lambda r: r["source"] == "shop" and r["rating"] and r["sentiment"] == "positive",
    ),
]


def is_said(review, *words):
    """Whether a review has all of these words."""
    text = f"{review['title'] or ''} {review['text'] or ''}".casefold().replace("ss", "ß")
    return set(words) <= set(re.findall(r"[^\W_]+", text))


def named(value):
    """The same name in every process: workers compare theirs, and functions print an address."""
    return "rule" if callable(value) else str(value)[:60]


@pytest.mark.parametrize(("parameters", "passes"), FILTERS, ids=named)
def test_a_filter_returns_exactly_the_reviews_that_pass(ada, parameters, passes):
    body = read(ada, f"{ACME}/reviews", limit=200, **parameters)
    expected = {review["review_key"] for review in reviews_of("acme") if passes(review)}
    assert {item["review_key"] for item in body["items"]} == expected


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [4, 45, 90])
def test_paging_loses_and_repeats_nothing(ada, sort, limit):
    items = all_pages(ada, f"{ACME}/reviews?sort={sort}&limit={limit}")
    assert len({item["review_key"] for item in items}) == len(items) == 90
    order = [(item["posted_day"], item["review_key"]) for item in items]
    assert order == sorted(order, reverse=sort == "newest")


@pytest.mark.parametrize(
    ("sort", "column", "falls"),
    [
        ("best", "rating", True),
        ("worst", "rating", False),
        ("most_positive", "sentiment_score", True),
        ("most_negative", "sentiment_score", False),
    ],
)
def test_a_sorted_list_is_in_order_and_what_has_no_value_comes_last(ada, sort, column, falls):
    items = all_pages(ada, f"{ACME}/reviews?sort={sort}&limit=7")
    assert len({item["review_key"] for item in items}) == len(items) == 90
    values = [item[column] for item in items]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=falls)
    assert values == known + [None] * (90 - len(known))
    assert len(known) < 90


@pytest.mark.parametrize(
    "parameters",
    [
        {"words": "!?"},
        {"words": ""},
        {"min_score": 0.5, "max_score": 0.4},
        {"min_score": "nan"},
        {"min_score": 2},
        {"sort": "random"},
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(ada, parameters):
    assert ada.get(f"{ACME}/reviews", params=parameters).status_code == 422


def test_all_versions_of_a_review_come_with_all_that_was_read_from_them(world, ada):
    key = review_key("acme", 1)  # its second version is the published one
    lake = Lake.from_settings(world.settings)
    row = dict.fromkeys(REVIEWS.schema.names) | {
        "day": date(2026, 3, 20),
        "tenant_id": "acme",
        "review_key": key,
        "source": "google",
        "batch_id": "batch",
        "record_number": 2,
        "is_deleted": False,
    }
    versions = [
        row | {"version": 1, "day": date(2026, 3, 19), "text": "Late."},
        row | {"version": 2, "text": "Late, and cold.", "rating_given": "2/5"},
        row | {"version": 3, "text": "Not published yet."},
        row | {"version": 2, "tenant_id": "brava", "text": "Of somebody else."},
    ]
    lake.append(REVIEWS, pa.Table.from_pylist(versions, schema=REVIEWS.schema))
    read_from_second = dict.fromkeys(REVIEW_ENRICHMENTS.schema.names) | {
        "day": date(2026, 3, 20),
        "tenant_id": "acme",
        "review_key": key,
        "version": 2,
        "sentiment": "negative",
        "sentiment_score": -0.75,
        "topics": ["delivery"],
        "aspects": [
            {
                "term": "soup",
                "category": "food",
                "sentiment": "negative",
                "score": -0.5,
                "start": 0,
                "end": 4,
            }
        ],
        "pii": [{"kind": "email", "start": 6, "end": 9}],
        "spam_score": 0.125,
        "tier": "fast",
        "models": '{"sentiment": "3"}',
    }
    lake.append(
        REVIEW_ENRICHMENTS,
        pa.Table.from_pylist([read_from_second], schema=REVIEW_ENRICHMENTS.schema),
    )
    address = read(ada, f"{ACME}/reviews/{key}")["versions"]
    first, second = read(ada, address)["items"]
    assert (first["version"], first["text"], first["annotations"]) == (1, "Late.", None)
    assert (second["version"], second["text"]) == (2, "Late, and cold.")
    assert second["rating_given"] == "2/5"
    told = second["annotations"]
    assert told["aspects"][0]["term"] == "soup"
    assert told["pii"] == [{"kind": "email", "start": 6, "end": 9}]
    assert told["models"] == {"sentiment": "3"}
    assert told["keywords"] == []
    assert (told["tier"], told["spam_score"]) == ("fast", 0.125)


def test_a_review_that_is_in_no_snapshot_has_no_versions(world, ada):
    gone = "0" * 32
    lake = Lake.from_settings(world.settings)
    row = dict.fromkeys(REVIEWS.schema.names) | {
        "day": date(2026, 3, 20),
        "tenant_id": "acme",
        "review_key": gone,
        "version": 1,
        "text": "Withdrawn.",
    }
    lake.append(REVIEWS, pa.Table.from_pylist([row], schema=REVIEWS.schema))
    assert ada.get(f"{ACME}/reviews/{gone}/versions").status_code == 404


def test_a_cursor_works_only_where_it_was_given(world, ada):
    page = read(ada, f"{ACME}/reviews", limit=2, source="shop")
    cursor = page["next_cursor"]
    assert ada.get(f"{ACME}/reviews", params={"cursor": cursor, "source": "shop"}).is_success
    misuses = [
        (ada, f"{ACME}/reviews", {"cursor": cursor}),
        (ada, f"{ACME}/reviews", {"cursor": cursor, "source": "google"}),
        (ada, f"{ACME}/reviews", {"cursor": cursor, "source": "shop", "sort": "oldest"}),
        (ada, f"{ACME}/reviews", {"cursor": cursor[:-4] + "AAAA", "source": "shop"}),
        (ada, f"{ACME}/reviews", {"cursor": "", "source": "shop"}),
        (ada, f"{ACME}/reviews", {"cursor": "ü" * 30, "source": "shop"}),
        (ada, f"{ACME}/reports", {"cursor": cursor}),
        (ada, f"{ACME}/metrics", {"cursor": cursor}),
    ]
    with world.client("bob") as bob:
        misuses.append((bob, "/v1/tenants/brava/reviews", {"cursor": cursor, "source": "shop"}))
        for client, address, parameters in misuses:
            answer = client.get(address, params=parameters)
            assert answer.status_code == 422, parameters
            assert answer.json()["type"] == "urn:reviewgraph:problem:invalid-cursor"


def test_one_review_is_read_by_its_key(ada):
    review = read(ada, f"{ACME}/reviews/{review_key('acme', 4)}")
    expected = reviews_of("acme")[4]
    assert review["text"] is None
    assert review["author"] == expected["author"]
    assert review["language_confidence"] == 0.9
    assert review["entity_kinds"] == ["person"]
    assert review["posted_at"] == expected["posted_at"].isoformat().replace("+00:00", "Z")
    assert review["received_day"] == "2026-03-20"


def test_private_texts_are_not_kept_by_anyone(ada):
    for address in ("/v1/me", f"{ACME}/reviews", f"{ACME}/reviews/{review_key('acme', 4)}"):
        assert ada.get(address).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", ""])
def test_a_page_has_a_limit(ada, limit):
    assert ada.get(f"{ACME}/reviews", params={"limit": limit}).status_code == 422
