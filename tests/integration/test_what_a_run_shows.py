"""What the materializations and checks of a run say in Dagster: of each day, and of nothing new."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from assets.clock import Clock
from assets.collection.raw_reviews import raw_reviews
from assets.enrichment.review_enrichments import enrichments_meet_expectations, review_enrichments
from assets.metrics.daily_facts import facts_of_the_reviews
from assets.metrics.marts import marts
from assets.reviews.checks import nothing_is_lost, reviews_meet_expectations
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from assets.snapshots.tenant_snapshot import tenant_snapshot
from resources.storage.lake import Lake
from resources.storage.snapshots import SnapshotStore

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
CHECKS = (reviews_meet_expectations, nothing_is_lost, enrichments_meet_expectations)
ALL = (
    raw_reviews,
    normalised_reviews,
    review_enrichments,
    *CHECKS,
    facts_of_the_reviews,
    marts,
    tenant_snapshot,
)


@pytest.fixture
def lake(settings, database):
    with database.jobs() as work:
        for tenant in ("acme", "brava"):
            work.tenants.create(tenant, tenant.title())
    return Lake.from_settings(settings)


@pytest.fixture
def land_rows(land_as_file):
    """Lands reviews, given as id -> rating, as a file of their own."""

    def land_once(day, ratings, tenant="acme"):
        rows = [
            {"id": name, "text": "Good coffee.", "rating": rating, "date": "2026-03-01"}
            for name, rating in ratings.items()
        ]
        land_as_file(day, rows, tenant)

    return land_once


@pytest.fixture
def run(settings, database, lake):
    """Materialises the graph up to the snapshots for a range of days."""

    def run_once(first, last, *, tenants=()):
        result = dg.materialize(
            list(ALL),
            tags={
                ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
                ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
            },
            resources={
                "lake": lake,
                "database": database,
                "settings": settings,
                "collectors": (),
                "clock": Clock(WEDNESDAY),
                "snapshots": SnapshotStore.from_settings(settings),
                "scope": RunScope(tenants=list(tenants)),
            },
        )
        assert result.success
        return result

    return run_once


def shown(result, asset):
    """Partition -> metadata of the asset's materializations, by name."""
    return {
        event.partition: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset.split("/"))
    }


def records(table):
    return [record.data for record in table.records]


def checked(result):
    return {evaluation.check_name for evaluation in result.get_asset_check_evaluations()}


def test_the_row_count_of_a_day_is_that_of_the_day_when_a_run_did_several(run, land_rows):
    land_rows(MONDAY, {"a": 5, "b": 4, "c": "many"})
    land_rows(TUESDAY, {"a": 1, "d": 3, "e": 2, "f": 2})
    result = run(MONDAY, WEDNESDAY)
    expected = {
        "raw_reviews": [3, 4, 0],
        "reviews": [2, 4, 0],
        "rejected_reviews": [1, 0, 0],
        "review_enrichments": [2, 4, 0],
    }
    for asset, rows in expected.items():
        told = shown(result, asset)
        days = [day.isoformat() for day in (MONDAY, TUESDAY, WEDNESDAY)]
        assert [told[day]["dagster/row_count"] for day in days] == rows, asset
    assert {row["day"] for row in records(shown(result, "reviews")["2026-03-03"]["preview"])} == {
        "2026-03-03"
    }
    assert [row["rows"] for row in records(shown(result, "raw_reviews")["2026-03-02"]["batches"])]


def test_a_run_for_one_tenant_does_not_hide_the_rows_of_the_others(run, land_rows):
    land_rows(MONDAY, {"a": 5, "b": 4}, "acme")
    land_rows(MONDAY, {"c": 5, "d": 3, "e": 1}, "brava")
    whole = run(MONDAY, MONDAY)
    result = run(MONDAY, MONDAY, tenants=["acme"])
    for asset in ("raw_reviews", "reviews", "review_enrichments"):
        assert shown(result, asset)["2026-03-02"]["dagster/row_count"] == 5, asset
    for asset in ("daily_facts", "daily_label_facts", "tenant_snapshot"):
        rows = shown(whole, asset)[None]["dagster/row_count"]
        assert shown(result, asset)[None]["dagster/row_count"] == rows > 0, asset
        assert shown(result, asset)[None]["rows_of_this_run"] < rows, asset
    assert shown(result, "reviews")["2026-03-02"]["this_run"] == "nothing new"


def test_rejected_reviews_show_their_own_rows_and_nothing_that_customers_wrote(run, land_rows):
    land_rows(MONDAY, {"a": 5, "b": 4, "c": "splendid"})
    land_rows(TUESDAY, {"g": 5})
    told = shown(run(MONDAY, TUESDAY), "rejected_reviews")
    rows = records(told["2026-03-02"]["preview"])
    assert [(row["record_number"], row["reason_code"], row["field"]) for row in rows] == [
        (3, "unreadable_rating", "rating")
    ]
    assert [row["rows"] for row in records(told["2026-03-02"]["by_reason"])] == [1]
    assert records(told["2026-03-03"]["preview"]) == []
    assert "splendid" not in str(told)


def test_a_day_without_rows_says_nothing_new_and_builds_nothing(run, land_rows, settings):
    land_rows(MONDAY, {"a": 5})
    run(MONDAY, MONDAY)
    result = run(TUESDAY, WEDNESDAY)
    assert shown(result, "reviews")["2026-03-03"]["dagster/row_count"] == 0
    for asset in ("daily_facts", "daily_label_facts", "marts/metric_summary", "tenant_snapshot"):
        assert shown(result, asset) == {}, f"{asset} was written from nothing"
    assert checked(result) == set()
    said = [
        str(value.value)
        for event in result.all_events
        if event.event_type_value == "ASSET_OBSERVATION"
        for value in event.asset_observation_data.asset_observation.metadata.values()
    ]
    assert sum("Nothing new" in one for one in said) == 2, "of both tables of facts"
    assert sum("was skipped" in one for one in said) == 3, "of the three gates"
    assert not list(settings.scratch_path.glob("marts-*"))


def test_a_check_of_rows_gives_a_result_and_one_of_an_empty_mart_does_not(run, land_rows):
    land_rows(MONDAY, {"a": 5, "b": 1})  # of no product: no trend can be told
    evaluated = checked(run(MONDAY, MONDAY))
    assert {"reviews_meet_expectations", "nothing_is_lost", "columns_are_filled_in_reviews"} <= (
        evaluated
    )
    assert not [name for name in evaluated if name.endswith("_in_product_trends")]
