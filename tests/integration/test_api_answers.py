"""What the API answers: numbers, over real HTTP."""

from __future__ import annotations

import statistics
import time
from datetime import date, timedelta
from itertools import pairwise

import pytest

from resources.vocabulary import MAX_DAYS_AHEAD, MIN_POSTED_DAY, utc_today
from serving_api.kit.caching import AnswerCache
from tests.api_world import all_pages, figures_in, read
from tests.published_reviews import ODD_PRODUCT, reviews_of, tables_of

ACME = "/v1/tenants/acme"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("dimension", ["all", "source", "product", "location", "language"])
def test_every_figure_of_a_summary_returns_exactly_the_reviews_behind_it(ada, dimension):
    body = read(ada, f"{ACME}/metrics", dimension=dimension)
    nameless = sum(review.get(dimension) == "" for review in reviews_of("acme"))
    assert sum(member["review_count"]["value"] for member in body["items"]) == 90 - nameless
    check_links(ada, body)
    everything = {review["review_key"]: review for review in reviews_of("acme")}
    for member in body["items"]:
        behind = all_pages(ada, member["average_rating"]["reviews"])
        ratings = [everything[review["review_key"]]["rating"] for review in behind]
        assert member["average_rating"]["value"] == pytest.approx(statistics.fmean(ratings))
        behind = all_pages(ada, member["positive_share"]["reviews"])
        moods = [everything[review["review_key"]]["sentiment"] for review in behind]
        share = moods.count("positive") / len(moods)
        assert member["positive_share"]["value"] == pytest.approx(share)
        assert member["positive_share"]["low"] == 0.1


def check_links(client, body):
    figures = list(figures_in(body))
    assert figures
    for figure in {figure["reviews"]: figure for figure in figures}.values():
        page = read(client, figure["reviews"] + "&count=true&limit=200")
        assert page["review_count"] == len(page["items"]) == figure["review_count"], figure


@pytest.mark.parametrize("grain", ["day", "week", "month"])
@pytest.mark.parametrize("product", [None, ODD_PRODUCT])
def test_a_series_has_no_gaps_and_its_points_lead_to_their_reviews(ada, grain, product):
    parameters = {} if product is None else {"product": product}
    body = read(ada, f"{ACME}/metrics/series", grain=grain, metric="average_rating", **parameters)
    points = body["points"]
    for before, after in pairwise(points):
        assert date.fromisoformat(before["end"]) + timedelta(days=1) == date.fromisoformat(
            after["start"]
        )
    check_links(ada, {"points": points[:6]})
    expected = [
        review
        for review in reviews_of("acme")
        if review["has_posted_date"]
        and review["rating"] is not None
        and product in {None, review["product"]}
    ]
    assert sum(point["review_count"] for point in points) == len(expected)
    for point in points:
        ratings = [
            review["rating"]
            for review in expected
            if point["start"] <= review["posted_day"].isoformat() <= point["end"]
        ]
        mean = pytest.approx(statistics.fmean(ratings)) if ratings else None
        assert point["value"] == mean


@pytest.mark.parametrize(
    ("chosen_by", "passes"),
    [
        ({"source": "google"}, lambda r: r["source"] == "google"),
        ({"language": "de"}, lambda r: r["language"] == "de"),
        ({"location": "Albany"}, lambda r: r["location"] == "Albany"),
        ({"topic": "price"}, lambda r: "price" in r["topics"]),
        ({"entity": "Name 4"}, lambda r: "Name 4" in r["entities"]),
        ({"keyword": "kettle", "source": "shop"}, lambda r: r["source"] == "shop"),
        (
            {"product": "kettle", "topic": "delivery"},
            lambda r: r["product"] == "kettle" and "delivery" in r["topics"],
        ),
        ({"topic": "rockets"}, lambda _: False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_series_of_some_reviews_is_counted_as_that_of_all(ada, chosen_by, passes):
    body = read(ada, f"{ACME}/metrics/series", grain="week", metric="average_score", **chosen_by)
    assert body["chosen_by"] == chosen_by
    own = [review for review in reviews_of("acme") if review["has_posted_date"] and passes(review)]
    understood = [review for review in own if review["sentiment"]]
    assert sum(point["review_count"] for point in body["points"]) == len(understood)
    for point in body["points"]:
        scores = [
            review["sentiment_score"]
            for review in understood
            if point["start"] <= review["posted_day"].isoformat() <= point["end"]
        ]
        assert point["value"] == (pytest.approx(statistics.fmean(scores)) if scores else None)
    if body["points"]:
        check_links(ada, {"points": body["points"][:4]})


def test_counting_from_the_reviews_gives_what_the_mart_gives(ada):
    """The mart has a product's days; chosen by a keyword of all as well, they are counted."""
    for metric in ("review_count", "average_rating", "negative_share", "average_score"):
        parameters = {"grain": "month", "metric": metric, "product": "kettle"}
        of_mart = read(ada, f"{ACME}/metrics/series", **parameters)["points"]
        counted = read(ada, f"{ACME}/metrics/series", **parameters, keyword="kettle")["points"]
        assert [point["value"] for point in counted] == [
            pytest.approx(point["value"]) for point in of_mart
        ]


@pytest.mark.parametrize(
    "metric",
    ["review_count", "rated_count", "negative_count", "positive_share", "average_score"],
)
def test_a_series_of_any_metric_leads_to_its_reviews(ada, metric):
    body = read(ada, f"{ACME}/metrics/series", grain="week", metric=metric)
    check_links(ada, body)


def test_days_outside_the_data_are_points_without_reviews(ada):
    body = read(
        ada, f"{ACME}/metrics/series", **{"from": "2025-12-30", "to": "2026-01-02", "grain": "week"}
    )
    assert [(p["start"], p["end"], p["value"]) for p in body["points"]] == [
        ("2025-12-30", "2026-01-02", 0),
    ]
    average = read(
        ada,
        f"{ACME}/metrics/series",
        **{"from": "2025-12-30", "to": "2025-12-31", "metric": "average_rating"},
    )
    assert [point["value"] for point in average["points"]] == [None, None]


@pytest.mark.parametrize("grain", ["week", "month"])
def test_a_series_reaches_to_both_ends_of_what_reviews_can_be(ada, grain):
    first = MIN_POSTED_DAY.isoformat()
    last = (utc_today() + timedelta(days=MAX_DAYS_AHEAD)).isoformat()
    body = read(ada, f"{ACME}/metrics/series", **{"from": first, "to": last, "grain": grain})
    assert body["points"][0]["start"] == first
    assert body["points"][-1]["end"] == last


@pytest.mark.parametrize(
    "parameters",
    [
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"grain": "hour"},
        {"metric": "profit"},
        {"from": "1700000000"},
        {"from": "2026-02-30"},
        {"unknown": "1"},
        {"product": ""},
    ],
)
def test_a_series_that_cannot_be_is_a_problem_that_names_the_parameter(ada, parameters):
    answer = ada.get(f"{ACME}/metrics/series", params=parameters)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["errors"][0]["location"].startswith("query")


@pytest.mark.parametrize("product", [None, "kettle", ODD_PRODUCT])
def test_topics_lead_to_their_reviews(ada, product):
    body = read(ada, f"{ACME}/metrics/topics", **({} if product is None else {"product": product}))
    reviews = [r for r in reviews_of("acme") if product in {None, r["product"]}]
    assert {item["topic"]: item["mention_count"]["value"] for item in body["items"]} == {
        topic: count
        for topic in ("price", "delivery")
        if (count := sum(topic in review["topics"] for review in reviews))
    }
    if body["items"]:
        check_links(ada, body)


def test_ratings_are_all_five_and_lead_to_their_reviews(ada):
    for parameters in ({}, {"dimension": "product", "member": "kettle"}):
        body = read(ada, f"{ACME}/metrics/ratings", **parameters)
        assert [item["rating"] for item in body["items"]] == [1, 2, 3, 4, 5]
        check_links(ada, body)
    nobody = read(ada, f"{ACME}/metrics/ratings", dimension="source", member="nobody")
    assert [item["count"]["value"] for item in nobody["items"]] == [0] * 5
    assert ada.get(f"{ACME}/metrics/ratings?dimension=product").status_code == 422


def test_summaries_are_paged_without_loss(ada):
    whole = read(ada, f"{ACME}/metrics", dimension="product")["items"]
    paged = all_pages(ada, f"{ACME}/metrics?dimension=product&limit=1")
    assert paged == whole
    assert len(whole) == 2
    assert ada.get(f"{ACME}/metrics?dimension=product&member=nothing").status_code == 404


def test_a_tenant_without_numbers_says_so(ada):
    answer = ada.get("/v1/tenants/empty/metrics")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:reviewgraph:problem:nothing-published"
    assert read(ada, "/v1/tenants/empty")["published"] is None


# Caching ----------------------------------------------------------------------------------------


def test_an_answer_is_named_by_snapshot_and_query(world, ada):
    first = ada.get(f"{ACME}/metrics?dimension=product&limit=2")
    again = ada.get(f"{ACME}/metrics?limit=2&dimension=product")
    other = ada.get(f"{ACME}/metrics?limit=2&dimension=source")
    etag = first.headers["etag"]
    assert etag.startswith(f'"{world.ids["acme"]["snapshot"][:16]}')
    assert again.headers["etag"] == etag
    assert other.headers["etag"] != etag
    assert first.headers["cache-control"] == "private, no-cache"
    unchanged = ada.get(
        f"{ACME}/metrics?dimension=product&limit=2", headers={"If-None-Match": f'"x", W/{etag}'}
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag


def test_new_numbers_are_seen_within_a_second_and_old_links_still_lead_to_their_reviews(world, ada):
    before = ada.get(f"{ACME}/metrics")
    old_link = before.json()["items"][0]["review_count"]["reviews"]
    fewer = [review for review in reviews_of("acme") if review["source"] == "shop"]
    published = world.snapshots.publish("acme", tables_of(fewer), {})
    try:
        point_to(world, published.version, published.path)
        held = {"If-None-Match": before.headers["etag"]}
        began = time.monotonic()
        while (after := ada.get(f"{ACME}/metrics", headers=held)).status_code != 200:
            assert time.monotonic() - began < 1, "the old numbers still count after a second"
        assert after.json()["items"][0]["review_count"]["value"] == 45
        assert read(ada, f"{old_link}&count=true")["review_count"] == 90
    finally:
        point_to(world, world.ids["acme"]["snapshot"], published.path)
    world.snapshots.prune("acme", {world.ids["acme"]["snapshot"]})
    gone = ada.get(f"{ACME}/reviews", params={"snapshot": published.version})
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:reviewgraph:problem:snapshot-gone"


def point_to(world, version, path):
    with world.database.jobs() as work:
        work.snapshots.point_to("acme", version, path=str(path), row_count=1)


def test_kept_answers_never_take_more_than_their_share_of_memory():
    cache = AnswerCache(maximum_bytes=16_000)
    for n in range(100):
        cache.put(("acme", "v", str(n)), b"x" * 1000)
        cache.get(("acme", "v", "0"))
    assert cache.size == 16_000
    assert cache.get(("acme", "v", "0")), "what is asked for stays"
    assert cache.get(("acme", "v", "50")) is None
    cache.put(("acme", "v", "huge"), b"x" * 1001)
    assert cache.get(("acme", "v", "huge")) is None
