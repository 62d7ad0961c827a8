"""The reviews that the API hands out: filtered, paged, one by one, and never kept between."""

from __future__ import annotations

from datetime import date

import pytest

from tests.api_world import (
    ODD_PRODUCT,
    all_pages,
    read,
    review_key,
    reviews_of,
)

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
    assert review["posted_at"] == expected["posted_at"].isoformat().replace("+00:00", "Z")
    assert review["received_day"] == "2026-03-20"


def test_private_texts_are_not_kept_by_anyone(ada):
    for address in ("/v1/me", f"{ACME}/reviews", f"{ACME}/reviews/{review_key('acme', 4)}"):
        assert ada.get(address).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", ""])
def test_a_page_has_a_limit(ada, limit):
    assert ada.get(f"{ACME}/reviews", params={"limit": limit}).status_code == 422
