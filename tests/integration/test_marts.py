"""One dbt build over a small world whose answers are known; every test reads its marts."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
from datetime import UTC, date, datetime, timedelta

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from resources.metrics import building, facts
from resources.metrics.compiling import DbtError, UnsupportedProjectError, plan_of
from resources.metrics.plan import DBT_PROJECT, Plan, PlanError, fingerprint
from resources.metrics.warehouse import MARTS, Warehouse, WarehouseError
from resources.storage import schemas
from resources.storage.snapshots import content_version

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


@pytest.fixture(scope="module")
def world():
    return [
        *small_tenant(),
        *weekly_reviews("flat", incident=False),
        *weekly_reviews("stricken", incident=True),
    ]


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


def test_no_reviews_at_all_build_empty_marts(tmp_path):
    nothing = {
        "daily_facts": schemas.DAILY_FACTS.schema.empty_table(),
        "daily_label_facts": schemas.DAILY_LABEL_FACTS.schema.empty_table(),
        "current_reviews": facts.CURRENT_REVIEWS_SCHEMA.empty_table(),
    }
    with Warehouse.prepare(tmp_path, **nothing) as warehouse:
        warehouse.build()

        assert warehouse.tenants() == []


def wrong_inputs():
    """Facts that contradict themselves, which some tests find and others do not."""
    reviews = rows_as(schemas.REVIEWS, [review for review, _ in small_tenant()])
    enrichments = rows_as(schemas.REVIEW_ENRICHMENTS, [row for _, row in small_tenant()])
    counted = facts.daily_facts(facts.current_reviews(reviews, enrichments)).to_native()
    return inputs(list(small_tenant())) | {
        "daily_facts": counted.with_columns(rating_5_count=pl.lit(7, pl.Int64))
    }


def test_a_failing_test_is_named_and_everything_is_cleaned_up(tmp_path):
    with (
        Warehouse.prepare(tmp_path, **wrong_inputs()) as warehouse,
        pytest.raises(WarehouseError, match=r"statements_hold_in_stg_daily_facts \(Got 1 result"),
    ):
        warehouse.build()

    assert list(tmp_path.iterdir()) == []


def test_a_dbt_command_that_fails_says_why(tmp_path, world):
    with (
        Warehouse.prepare(tmp_path, **inputs(world[:3])) as warehouse,
        pytest.raises(DbtError, match="no-such-option"),
    ):
        warehouse.run_dbt("build", "--no-such-option")


def dbt_statuses(warehouse):
    """What dbt itself made of each model and data test, by its id."""
    results = json.loads((warehouse.folder / "target" / "run_results.json").read_bytes())
    return {
        result["unique_id"]: result["status"]
        for result in results["results"]
        if not result["unique_id"].startswith("exposure.")  # nothing is built for those
    }


def our_statuses(warehouse):
    ids = {step.name: step.unique_id for step in Plan.load().steps()}
    outcomes = building.build(Plan.load(), warehouse.database, warehouse.inputs)
    return {ids[outcome.name]: outcome.status for outcome in outcomes}


def relations(warehouse):
    """Every table and view of the finished file, rows in their order."""
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        connection.execute(f"set file_search_path = '{warehouse.inputs}'")
        found = connection.sql(
            "select table_name, table_type from information_schema.tables order by table_name"
        ).fetchall()
        return {
            (name, kind): connection.sql(f'select * from "{name}"').to_arrow_table()
            for name, kind in found
        }


def test_the_marts_are_those_that_dbt_itself_builds(world, tmp_path):
    given = {name: rows.collect().lazy() for name, rows in inputs(world).items()}
    with (
        Warehouse.prepare(tmp_path, **given) as by_dbt,
        Warehouse.prepare(tmp_path, **given) as by_us,
    ):
        by_dbt.run_dbt("build", "--exclude-resource-type", "unit_test")
        statuses = our_statuses(by_us)
        wanted, built = relations(by_dbt), relations(by_us)

        assert statuses == dbt_statuses(by_dbt)
        assert len(statuses) == len(list(Plan.load().steps()))
        assert built.keys() == wanted.keys()
        for relation, rows in wanted.items():
            assert built[relation].equals(rows), relation


def test_what_fails_and_what_is_skipped_is_what_dbt_itself_fails_and_skips(tmp_path):
    with (
        Warehouse.prepare(tmp_path, **wrong_inputs()) as by_dbt,
        Warehouse.prepare(tmp_path, **wrong_inputs()) as by_us,
    ):
        with pytest.raises(DbtError):
            by_dbt.run_dbt("build", "--exclude-resource-type", "unit_test")
        statuses = our_statuses(by_us)

        assert statuses == dbt_statuses(by_dbt)
        assert {"fail", "skipped", "success", "pass"} <= set(statuses.values())
        assert relations(by_us).keys() == relations(by_dbt).keys()


def test_a_model_that_cannot_be_built_keeps_those_that_read_it_from_being_built(tmp_path, world):
    with Warehouse.prepare(tmp_path, **inputs(world[:3])) as warehouse:
        (warehouse.inputs / "daily_label_facts.parquet").unlink()
        outcomes = {
            outcome.name: outcome
            for outcome in building.build(Plan.load(), warehouse.database, warehouse.inputs)
        }

    assert outcomes["stg_daily_label_facts"].status == "error"
    assert "daily_label_facts.parquet" in outcomes["stg_daily_label_facts"].message
    assert outcomes["topic_summary"].status == "skipped"
    assert outcomes["metric_summary"].status == "success"


def test_a_plan_that_does_not_fit_the_project_is_refused(tmp_path):
    stale = tmp_path / "plan.json"

    with pytest.raises(PlanError, match=r"resources\.metrics\.compiling"):
        Plan.load(stale)
    stale.write_text(dataclasses.replace(Plan.load(), fingerprint="of last week").to_json())
    with pytest.raises(PlanError, match="has changed since"):
        Plan.load(stale)


def test_the_fingerprint_follows_every_file_of_the_project(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target"))
    before = fingerprint(project)
    assert before == fingerprint()

    for changed in ("macros/sums.sql", "models/marts/_marts.yml", "profiles.yml"):
        (project / changed).write_text((project / changed).read_text() + "\n# changed\n")
        assert fingerprint(project) != before
        before = fingerprint(project)


@pytest.mark.parametrize(
    ("feature", "config"),
    [
        ("materialization incremental", {"materialized": "incremental"}),
        ("hooks", {"post-hook": ["select 1"]}),
        ("contracts", {"contract": {"enforced": True}}),
        ("store_failures", {"store_failures": True}),
    ],
)
def test_what_a_run_does_not_execute_is_refused_when_the_project_is_compiled(feature, config):
    node = {
        "name": "new_model",
        "resource_type": "model",
        "language": "sql",
        "config": {"materialized": "table"} | config,
    }

    with pytest.raises(UnsupportedProjectError, match=f"new_model uses {feature}"):
        plan_of({"nodes": {"model.reviewgraph.new_model": node}}, "now")


def test_marts_that_were_not_built_cannot_be_read(world, tmp_path):
    with (
        Warehouse.prepare(tmp_path, **inputs(world[:3])) as warehouse,
        pytest.raises(WarehouseError, match="build the marts first"),
    ):
        warehouse.mart_tables("small")


def test_an_input_without_its_columns_is_refused(world, tmp_path):
    incomplete = inputs(world[:3])
    incomplete["daily_facts"] = incomplete["daily_facts"].drop("rated_count")

    with pytest.raises(WarehouseError, match="daily_facts has no column rated_count"):
        Warehouse.prepare(tmp_path, **incomplete)
    assert list(tmp_path.iterdir()) == []
