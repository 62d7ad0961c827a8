"""The same daily facts on Polars and on Spark, for as many generated reviews as `--rows` says."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from assets.enrichment.review_enrichments import annotate_day
from assets.metrics.daily_facts import write_facts
from assets.reviews.normalising import normalise_whole
from resources.collection.importing import land, plan_import
from resources.engine import PolarsEngine, open_engine
from resources.nlp.context import default_context
from resources.sandbox.world import generate_world
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, DAILY_LABEL_FACTS

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1200)]

DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, pytestconfig):
    """A lake with the enriched reviews of two tenants."""
    rows = pytestconfig.getoption("rows")
    folder = tmp_path_factory.mktemp("engines")
    manifest = generate_world(folder / "world", reviews=rows, tenants=2, end_day=DAY)
    lake = Lake(str(folder / "lake"))
    tenants = [tenant.id for tenant in manifest.tenants]
    for tenant in tenants:
        path = folder / "world" / tenant / "reviews.csv"
        land(plan_import(path, tenant_id=tenant, source="reviews"), day=DAY, lake=lake)
    with PolarsEngine() as engine:
        normalise_whole(engine, lake, DAY, tenants)
    annotate_day(lake, DAY, {tenant: default_context() for tenant in tenants}, workers=2)
    return lake, tenants, folder


def facts_by(engine_name, lake, tenants, folder):
    """Write the facts with one engine and read them back in one order."""
    settings = Settings(home=folder / engine_name, engine=engine_name, _env_file=None)
    with open_engine(settings) as engine:
        assert engine.name == engine_name
        write_facts(lake, engine, tenants)
    tables = {}
    for spec in (DAILY_FACTS, DAILY_LABEL_FACTS):
        table = lake.read(spec, tenants=tenants).frame.collect().to_arrow().cast(spec.schema)
        tables[spec.name] = table.sort_by([(name, "ascending") for name in table.column_names])
    return tables


def test_spark_and_polars_write_the_same_daily_facts(lake, pytestconfig):
    on_polars = facts_by("polars", *lake)
    on_spark = facts_by("spark", *lake)
    for name, table in on_polars.items():
        assert isinstance(table, pa.Table)
        assert table.num_rows > 1_000, name
        assert table.equals(on_spark[name]), name
    total = sum(on_polars["daily_facts"].column("review_count").to_pylist())
    assert total > pytestconfig.getoption("rows") * 0.9
