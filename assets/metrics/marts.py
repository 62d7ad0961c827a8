"""``marts``: dbt over the facts and the current reviews, in a private DuckDB file per run."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from assets import preview
from assets.scope import RunScope
from resources.engine import PolarsEngine
from resources.metrics import facts
from resources.metrics.warehouse import DBT_PROJECT, MARTS, Warehouse, parse_project
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, DAILY_LABEL_FACTS, REVIEW_ENRICHMENTS, REVIEWS

PROJECT = DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
MART_KEYS = [dg.AssetKey(["marts", name]) for name in MARTS]

# Unit tests prove the SQL and belong to the project's tests; data tests prove each run's data.
BUILD = ("build", "--exclude-resource-type", "unit_test")
PASSED = ("pass", "success", "warn")

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


def manifest_path() -> Path:
    """Return dbt's manifest of the project, made now when it is missing or older than a file."""
    manifest = Path(PROJECT.manifest_path)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with (manifest.parent / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the UI, the daemon and a command may start together
        if not manifest.exists() or manifest.stat().st_mtime < _last_change():
            parse_project(manifest.parent)
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
    lake: dg.ResourceParam[Lake],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[Any]:
    """Build and test the marts of the run's tenants.

    dbt runs in this process: starting its command line, and asking it for its version and its
    adapter first, as dagster-dbt's resource does, takes longer than building the marts.
    """
    warehouse = prepare_warehouse(
        lake, settings, scope.reviewed_tenants(context, lake), run_name(context)
    )
    status = warehouse.run_dbt(*BUILD)
    counts = warehouse.row_counts()
    models = {key.path[-1]: key for key in context.selected_asset_keys}
    for name in status:  # in the order dbt built them, each after what it reads
        if name in models:
            rows = counts.get(name)  # views hold no rows
            metadata = {} if rows is None else {"dagster/row_count": rows}
            yield dg.MaterializeResult(asset_key=models[name], metadata=metadata)
    for check in context.selected_asset_check_keys:
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=status[check.name] in PASSED,
            metadata={"dbt_status": status[check.name]},
        )


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


@contextmanager
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
