"""What others rely on in the graph: names of assets, checks, jobs, schedules; partition counts."""

from __future__ import annotations

import pytest

from assets import catalogue
from resources.storage.schemas import TABLES

STAGES = [
    "raw_reviews",
    "reviews",
    "rejected_reviews",
    "review_enrichments",
    "daily_facts",
    "daily_label_facts",
    "tenant_snapshot",
    "report_document",
]
MARTS = [
    "daily_series",
    "entity_summary",
    "keyword_summary",
    "metric_summary",
    "product_trends",
    "rating_distribution",
    "reviews",
    "topic_summary",
    "topic_weekly",
    "weekly_series",
]
BLOCKING_CHECKS = {
    "reviews_meet_expectations",
    "nothing_is_lost",
    "enrichments_meet_expectations",
}
# What Dagster advises for one asset; the graph must stay below it for years to come.
MAX_PARTITIONS = 50_000
DAYS_IN_FIVE_YEARS = 5 * 366


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    from pipelines.definitions import build_definitions
    from resources.settings import Settings

    return build_definitions(Settings(home=tmp_path_factory.mktemp("graph"), _env_file=None))


def test_the_stages_and_the_marts_are_assets(definitions):
    keys = {"/".join(spec.key.path) for spec in definitions.resolve_all_asset_specs()}
    assert set(STAGES) <= keys
    assert {f"marts/{name}" for name in MARTS} <= keys


def test_every_asset_says_what_it_is_and_whose(definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.group_name not in (None, "default"), spec.key


def test_the_stages_follow_each_other(definitions):
    graph = definitions.resolve_asset_graph()
    parents = {
        "/".join(key.path): {"/".join(parent.path) for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert parents["reviews"] == {"raw_reviews"}
    assert parents["review_enrichments"] == {"reviews"}
    assert parents["daily_facts"] == {"reviews", "review_enrichments"}
    assert "marts/metric_summary" in parents["tenant_snapshot"]
    assert parents["report_document"] == {"tenant_snapshot"}


def test_the_gates_block(definitions):
    graph = definitions.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking >= BLOCKING_CHECKS


def test_numbers_that_are_published_again_go_on_to_the_reports(definitions):
    """What stays behind would be called due, although nobody has anything to do."""
    layer = definitions.resolve_job_def("publish_job").asset_layer
    again = {"/".join(key.path) for key in layer.selected_asset_keys}
    assert again >= {"daily_facts", "marts/metric_summary", "tenant_snapshot", "report_document"}
    assert not again & {"raw_reviews", "reviews", "review_enrichments"}


def test_jobs_schedule_and_sensor_keep_their_names(definitions):
    assert {job.name for job in definitions.jobs} == {
        "daily_job",
        "erasure_job",
        "publish_job",
        "report_job",
    }
    assert [schedule.name for schedule in definitions.schedules] == ["every_day"]
    assert {sensor.name for sensor in definitions.sensors} == {
        "erasure_requests",
        "report_requests",
        "unreadable_snapshots",
    }


def test_no_asset_will_have_too_many_partitions_in_five_years(definitions):
    for spec in definitions.resolve_all_asset_specs():
        if spec.partitions_def is not None:
            count = spec.partitions_def.get_num_partitions()
            assert count + DAYS_IN_FIVE_YEARS < MAX_PARTITIONS, spec.key


def test_every_asset_has_an_owner_of_its_domain_and_a_code_version(definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.owners == [catalogue.OWNERS[spec.group_name]], spec.key
        assert spec.code_version, spec.key
    domains = {spec.group_name for spec in definitions.resolve_all_asset_specs()}
    assert domains == set(catalogue.OWNERS)
    assert len(set(catalogue.OWNERS.values())) > 5, "one team for all is nobody"


def test_every_table_has_columns_and_each_its_type(definitions):
    columns = {
        "/".join(spec.key.path): spec.metadata["dagster/column_schema"].columns
        for spec in definitions.resolve_all_asset_specs()
        if "dagster/column_schema" in spec.metadata
    }
    assert set(columns) >= {*TABLES, *(f"marts/{name}" for name in MARTS)}
    for name, schema in TABLES.items():
        assert [column.name for column in columns[name]] == schema.schema.names
    for name, described in columns.items():
        assert described, name
        for column in described:
            assert column.type not in ("", "?", "None"), f"{name}.{column.name}"
    for name in MARTS:
        for column in columns[f"marts/{name}"]:
            assert column.description, f"{name}.{column.name}"
    types = {column.name: column.type for column in columns["marts/metric_summary"]}
    assert types["tenant_id"] == "VARCHAR"
    assert types["average_rating"] == "DOUBLE"


def test_every_check_says_what_it_holds(definitions):
    graph = definitions.resolve_asset_graph()
    described = {key: graph.get(key).description for key in graph.asset_check_keys}
    assert len(described) > len(BLOCKING_CHECKS)
    for key, description in described.items():
        assert description, key
        assert key.name not in description, f"{key} says its name and not what it holds"


def test_changed_code_is_another_code_version(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "PROJECT_ROOT", tmp_path)
    (tmp_path / "stage").mkdir()
    (tmp_path / "stage" / "one.py").write_text("x = 1\n")
    catalogue.code_version.cache_clear()
    before = catalogue.code_version("stage")
    (tmp_path / "stage" / "one.py").write_text("x = 2\n")
    catalogue.code_version.cache_clear()
    assert catalogue.code_version("stage") != before
    with pytest.raises(FileNotFoundError, match="holds no code"):
        catalogue.code_version("elsewhere")
    catalogue.code_version.cache_clear()
