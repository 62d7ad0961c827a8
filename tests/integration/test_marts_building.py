"""How the marts are built: as dbt builds them, from a plan that fits, and cleaned up after."""

from __future__ import annotations

import dataclasses
import json
import shutil

import duckdb
import polars as pl
import pytest
from marts_world import inputs, rows_as, small_tenant, small_world

from resources.metrics import building, facts
from resources.metrics.compiling import DbtError, UnsupportedProjectError, plan_of
from resources.metrics.plan import DBT_PROJECT, Plan, PlanError, fingerprint
from resources.metrics.warehouse import Warehouse, WarehouseError
from resources.storage import schemas


@pytest.fixture(scope="module")
def world():
    return small_world()


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
