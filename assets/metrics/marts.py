"""``marts``: dbt over the facts and the current reviews, in a private DuckDB file per run."""

import contextlib
import fcntl
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from assets import preview
from assets.scope import RunScope
from resources import facts
from resources.engine import PolarsEngine
from resources.lake import Lake
from resources.schemas import DAILY_FACTS, DAILY_LABEL_FACTS, REVIEW_ENRICHMENTS, REVIEWS
from resources.settings import Settings
from resources.warehouse import DBT_PROJECT, MARTS, Warehouse

PROJECT = DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
MART_KEYS = [dg.AssetKey(["marts", name]) for name in MARTS]

# Unit tests prove the SQL and belong to the project's tests; data tests prove each run's data.
BUILD = ["build", "--exclude-resource-type", "unit_test"]

# What dbt reads, by the asset that wrote it.
_SOURCES = {
    "daily_facts": dg.AssetKey("daily_facts"),
    "daily_label_facts": dg.AssetKey("daily_label_facts"),
    "current_reviews": dg.AssetKey("review_enrichments"),
}


class MartTranslator(DagsterDbtTranslator):
    """Puts dbt's nodes into the graph: models below ``marts``, sources as the assets they are."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Name a dbt node in the graph."""
        name = dbt_resource_props["name"]
        if dbt_resource_props["resource_type"] == "source":
            return _SOURCES[name]
        return dg.AssetKey(["marts", name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Show staging and intermediate models apart from the marts."""
        is_mart = "marts" in dbt_resource_props["fqn"]
        return "marts" if is_mart else "marts_staging"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Name the owners."""
        return preview.OWNERS


def dbt_resource() -> DbtCliResource:
    """Return the dbt of this very Python environment, whatever the PATH says."""
    return DbtCliResource(
        project_dir=PROJECT, dbt_executable=str(Path(sys.executable).with_name("dbt"))
    )


def manifest_path() -> Path:
    """Return dbt's manifest of the project, made now when it is missing or older than a file."""
    manifest = Path(PROJECT.manifest_path)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with (manifest.parent / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the UI, the daemon and a command may start together
        if not manifest.exists() or manifest.stat().st_mtime < _last_change():
            parse = ["parse", "--quiet"]
            dbt_resource().cli(parse, target_path=manifest.parent).wait()
    return manifest


def _last_change() -> float:
    files = [
        path
        for folder in ("models", "macros", "tests")
        for path in (DBT_PROJECT / folder).rglob("*.*")
    ]
    return max(path.stat().st_mtime for path in [*files, *DBT_PROJECT.glob("*.yml")])


@dbt_assets(
    manifest=manifest_path(),
    project=PROJECT,
    name="marts",
    dagster_dbt_translator=MartTranslator(),
)
def marts(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    lake: dg.ResourceParam[Lake],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[Any]:
    """Build and test the marts of the run's tenants."""
    warehouse = prepare_warehouse(
        lake, settings, scope.reviewed_tenants(context, lake), run_name(context)
    )
    with (
        warehouse.applied(),
        (warehouse.folder / "dbt.log").open("w") as log,
        contextlib.redirect_stdout(log),
    ):
        events = list(dbt.cli(BUILD, context=context).stream())
    counts = warehouse.row_counts()
    for event in events:
        if isinstance(event, dg.Output):
            name = context.asset_key_for_output(event.output_name).path[-1]
            yield event.with_metadata({**event.metadata, **_count_of(name, counts)})
        else:
            yield event


def _count_of(name: str, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the row count of one model as metadata; views have none."""
    return {"dagster/row_count": counts[name]} if name in counts else {}


def prepare_warehouse(lake: Lake, settings: Settings, tenants: list[str], name: str) -> Warehouse:
    """Cut the tenants' facts and current reviews from the lake into a run's folder."""
    engine = PolarsEngine()
    current = facts.current_reviews(
        engine.read(lake, REVIEWS, tenants=tenants),
        engine.read(lake, REVIEW_ENRICHMENTS, tenants=tenants),
    )
    return Warehouse.prepare(
        settings.scratch_path,
        name=name,
        daily_facts=lake.read(DAILY_FACTS, tenants=tenants).frame,
        daily_label_facts=lake.read(DAILY_LABEL_FACTS, tenants=tenants).frame,
        current_reviews=current.to_native(),
    )


@contextlib.contextmanager
def run_warehouse(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Warehouse]:
    """Open the warehouse that the marts of this run were built in, and delete it afterwards.

    It is kept when the block fails, so that the run can go on from its failure.

    Raises:
        dg.Failure: The marts were not built in this run.
    """
    warehouse = Warehouse(settings.scratch_path / run_name(context))
    if not warehouse.database.exists():
        raise dg.Failure(
            "A snapshot is published from the marts of its own run, and this run built none. "
            "Materialize the marts together with tenant_snapshot, or launch daily_job."
        )
    yield warehouse
    warehouse.close()


def run_name(context: dg.AssetExecutionContext) -> str:
    """Name the folder of a run; a run that goes on from another's failure shares its folder."""
    return f"marts-{context.run.root_run_id or context.run.run_id}"
