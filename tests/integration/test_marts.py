"""One dbt build over a small world whose answers are known; every test reads its marts."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from marts_world import INCIDENT_WEEK, MONDAY, SMALL, inputs, small_world
from polars.testing import assert_frame_equal
from scipy import stats

from resources.metrics import facts
from resources.metrics.warehouse import MARTS, Warehouse
from resources.storage.snapshots import content_version


@pytest.fixture(scope="module")
def world():
    return small_world()


@pytest.fixture(scope="module")
def warehouse(world, tmp_path_factory):
    with Warehouse.prepare(tmp_path_factory.mktemp("scratch"), **inputs(world)) as warehouse:
        warehouse.build()
        yield warehouse


@pytest.fixture(scope="module")
def marts(warehouse):
    return {
        tenant_id: {
            name: pl.from_arrow(rows) for name, rows in warehouse.mart_tables(tenant_id).items()
        }
        for tenant_id in warehouse.tenants()
    }


def summary_of(tables, dimension="all", member="all"):
    rows = tables["metric_summary"].filter(dimension=dimension, member=member)
    return rows.row(0, named=True)


def test_every_tenant_has_every_mart(marts):
    assert list(marts) == ["flat", "small", "stricken"]
    assert all(tuple(tables) == MARTS for tables in marts.values())


def test_a_tenant_sees_only_its_own_rows(marts):
    for tenant_id, tables in marts.items():
        for table in tables.values():
            assert set(table["tenant_id"]) <= {tenant_id}


def test_a_tenant_without_reviews_has_empty_marts(warehouse):
    assert {rows.num_rows for rows in warehouse.mart_tables("nobody").values()} == {0}


def test_counts_leave_out_old_versions_and_withdrawn_reviews(marts):
    summary = summary_of(marts["small"])

    assert summary["review_count"] == 5
    assert summary["rated_count"] == 4
    assert summary["annotated_count"] == 4
    counts = [summary[f"{name}_count"] for name in facts.SENTIMENTS]
    assert counts == [2, 0, 1, 1]
    assert summary["average_score"] == pytest.approx((0.8 + 0.8 + 0.1 - 0.6) / 4)


def test_the_average_rating_has_students_interval(marts):
    summary = summary_of(marts["small"])
    ratings = [rating for rating in SMALL if rating is not None]
    low, high = stats.t.interval(
        0.95, len(ratings) - 1, loc=sum(ratings) / len(ratings), scale=stats.sem(ratings)
    )

    assert summary["average_rating"] == sum(ratings) / len(ratings)
    assert summary["average_rating_low"] == pytest.approx(max(1, low), abs=1e-5)
    assert summary["average_rating_high"] == pytest.approx(min(5, high), abs=1e-5)


@pytest.mark.parametrize("tenant_id", ["small", "flat", "stricken"])
def test_shares_have_wilsons_interval(marts, tenant_id):
    for summary in marts[tenant_id]["metric_summary"].iter_rows(named=True):
        for name in ("positive", "negative"):
            part, whole = summary[f"{name}_count"], summary["annotated_count"]
            wanted = stats.binomtest(part, whole).proportion_ci(0.95, "wilson")
            assert summary[f"{name}_share"] == part / whole
            assert summary[f"{name}_share_low"] == pytest.approx(wanted.low, abs=1e-6)
            assert summary[f"{name}_share_high"] == pytest.approx(wanted.high, abs=1e-6)


def test_the_average_of_many_ratings_has_students_interval(marts):
    ratings = marts["flat"]["reviews"].filter(product="Chair")["rating"].to_list()
    summary = summary_of(marts["flat"], "product", "Chair")
    low, high = stats.t.interval(
        0.95, len(ratings) - 1, loc=sum(ratings) / len(ratings), scale=stats.sem(ratings)
    )

    assert summary["average_rating_low"] == pytest.approx(low, abs=1e-5)
    assert summary["average_rating_high"] == pytest.approx(high, abs=1e-5)


def test_reviews_without_a_product_belong_to_no_product(marts):
    summary = marts["small"]["metric_summary"]

    assert summary.filter(dimension="product")["member"].to_list() == ["Lamp"]
    assert summary_of(marts["small"], "product", "Lamp")["review_count"] == 4
    assert summary.filter(dimension="location").is_empty()
    assert summary.filter(dimension="source")["review_count"].sum() == 5


def test_undated_reviews_count_in_summaries_and_not_in_series(marts):
    tables = marts["small"]

    assert tables["daily_series"].filter(dimension="all")["review_count"].sum() == 4
    assert tables["weekly_series"].filter(dimension="all")["review_count"].sum() == 4
    assert summary_of(tables)["last_day"] == MONDAY + timedelta(days=4)


def test_stars_count_to_the_nearest_with_halves_upwards(marts):
    stars = marts["small"]["rating_distribution"].filter(dimension="all")

    assert stars.select("rating", "review_count", "share").rows() == [
        (1, 1, 0.25),
        (2, 0, 0.0),
        (3, 0, 0.0),
        (4, 1, 0.25),
        (5, 2, 0.5),
    ]


def test_topics_are_counted_with_their_share_of_all_reviews(marts):
    (topic,) = marts["small"]["topic_summary"].filter(dimension="all").to_dicts()

    assert (topic["topic"], topic["mention_count"]) == ("price", 2)
    assert topic["share_of_reviews"] == 0.4
    assert topic["average_rating"] == 4.5


def test_names_keep_their_kind(marts):
    (name,) = marts["small"]["entity_summary"].to_dicts()

    assert (name["label"], name["kind"], name["mention_count"]) == ("Lamp", "product", 4)


def test_published_reviews_are_the_current_ones_newest_first(marts):
    reviews = marts["small"]["reviews"]

    assert reviews.height == 5
    assert reviews["posted_day"].is_sorted(descending=True)
    assert reviews.filter(review_key="small-000000")["text"].to_list() == ["Edited"]
    assert reviews.schema["posted_at"] == pl.Datetime("us", "UTC")
    assert set(reviews["location"]) == {""}


def test_the_incident_week_is_found_with_its_topic(marts):
    weeks = marts["stricken"]["weekly_series"].filter(dimension="all")
    (incident,) = weeks.filter("is_incident").to_dicts()

    assert incident["week_start"] == INCIDENT_WEEK
    assert incident["negative_share"] == 18 / 30
    assert incident["baseline_negative_share"] == pytest.approx(4 / 30)
    assert incident["incident_z"] > 4
    assert incident["top_negative_topic"] == "delivery"


def test_the_baseline_of_a_week_is_the_median_of_the_other_weeks(marts):
    weeks = marts["stricken"]["weekly_series"].filter(dimension="all")
    shares = weeks["negative_share"].to_list()

    for n, baseline in enumerate(weeks["baseline_negative_share"]):
        others = pl.Series(shares[:n] + shares[n + 1 :])
        assert baseline == pytest.approx(others.median(), abs=1e-12)


def test_flat_weeks_raise_no_alarm(marts):
    weeks = marts["flat"]["weekly_series"]

    assert weeks.height == 3 * 52
    assert not weeks["is_incident"].any()
    assert weeks.filter(dimension="all")["incident_z"].null_count() == 0


def test_a_product_that_improves_is_told_from_one_that_does_not(marts):
    directions = dict(marts["flat"]["product_trends"].select("product", "direction").iter_rows())

    assert directions == {"Chair": "improving", "Lamp": "steady"}


def test_the_change_of_a_product_has_welchs_interval(marts):
    trend = marts["flat"]["product_trends"].filter(product="Chair").row(0, named=True)
    reviews = marts["flat"]["reviews"].filter(product="Chair").sort("posted_day")
    first, last = reviews["posted_day"].min(), reviews["posted_day"].max()
    third = timedelta(days=((last - first).days + 1) // 3)
    early = reviews.filter(pl.col("posted_day") < first + third)["rating"].to_list()
    late = reviews.filter(pl.col("posted_day") > last - third)["rating"].to_list()
    wanted = stats.ttest_ind(late, early, equal_var=False).confidence_interval()

    assert trend["change"] == pytest.approx(sum(late) / len(late) - sum(early) / len(early))
    assert trend["change_low"] == pytest.approx(wanted.low, abs=1e-5)
    assert trend["change_high"] == pytest.approx(wanted.high, abs=1e-5)


def test_the_same_reviews_in_another_order_give_the_same_marts(world, warehouse, marts, tmp_path):
    with Warehouse.prepare(tmp_path, **inputs(world[::-1])) as again:
        again.build()
        rebuilt = again.mart_tables("stricken")

    for name, rows in rebuilt.items():
        assert_frame_equal(pl.from_arrow(rows), marts["stricken"][name], check_exact=True)
    tables = {name: pl.from_arrow(rows) for name, rows in rebuilt.items()}
    assert content_version("stricken", tables) == content_version("stricken", marts["stricken"])
    assert warehouse.database.exists()
