"""``marts``: dbt's models over the facts and the current reviews, in a private DuckDB file per run.

The models and tests are drawn from the compiled plan of the dbt project, as dagster-dbt draws them
from dbt's manifest. Importing dagster-dbt imports dbt, which takes longer than building the marts.
"""

import hashlib
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from assets import catalogue, leftovers
from assets.damage import damage_named
from assets.partition_rows import say_nothing_new
from assets.scope import RunScope
from resources.engine import PolarsEngine
from resources.metrics.building import PASSED
from resources.metrics.current_reviews import file_of_current_reviews, keep_current_reviews
from resources.metrics.plan import DataTest, Model, Plan
from resources.metrics.warehouse import MARTS, Warehouse
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, DAILY_LABEL_FACTS

MART_KEYS = [dg.AssetKey(["marts", name]) for name in MARTS]

# What dbt reads, by the asset that wrote it.
_SOURCES = {
    "daily_facts": dg.AssetKey("daily_facts"),
    "daily_label_facts": dg.AssetKey("daily_label_facts"),
    "current_reviews": dg.AssetKey("review_enrichments"),
}


def model_spec(model: Model) -> dg.AssetSpec:
    """Draw a dbt model as an asset below ``marts``; its sources are the assets that they are."""
    group = "marts" if model.folder == "marts" else "marts_staging"
    columns = [
        dg.TableColumn(column.name, column.data_type, column.description or None)
        for column in model.columns
    ]
    return dg.AssetSpec(
        _model_key(model.name),
        deps=[*map(_model_key, model.models), *(_SOURCES[name] for name in model.sources)],
        description=(
            f"{model.description}\n\n#### Raw SQL:\n```sql\n"
            f"{textwrap.indent(model.raw_sql, '    ')}\n```"
        ),
        # Staging and intermediate models stand apart from the marts.
        group_name=group,
        owners=[catalogue.OWNERS[group]],
        kinds={"dbt", "duckdb"},
        code_version=hashlib.sha1(model.raw_sql.encode(), usedforsecurity=False).hexdigest(),
        skippable=True,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "dagster/table_name": model.relation.replace('"', ""),
            "dagster/storage_kind": "duckdb",
            "dagster-dbt/materialization_type": model.materialized,
            "dagster_dbt/unique_id": model.unique_id,
        },
    )


def test_spec(test: DataTest) -> dg.AssetCheckSpec:
    """Draw a dbt data test as a check of its model."""
    return dg.AssetCheckSpec(
        test.name,
        asset=_model_key(test.model),
        description=test.description,
        additional_deps=[_model_key(name) for name in test.models if name != test.model],
        blocking=test.severity == "ERROR",
        metadata={"dagster_dbt/unique_id": test.unique_id},
    )


def _model_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["marts", name])


_PLAN = Plan.load()


@dg.multi_asset(
    name="marts",
    specs=[model_spec(model) for model in _PLAN.models],
    check_specs=[test_spec(test) for test in _PLAN.tests],
    can_subset=True,
)
def marts(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Build and test the marts of the run's tenants; without tenants nothing is built."""
    tenants = scope.reviewed_tenants(context, lake)
    if not tenants:
        say_nothing_new(context)
        return
    with damage_named(lake):
        warehouse = prepare_warehouse(lake, tenants, run_folder(context, settings))
    outcomes = {outcome.name: outcome for outcome in warehouse.build(_PLAN)}
    empty = warehouse.empty_models(_PLAN)
    for name, outcome in outcomes.items():  # as they were built, each after what it reads
        if _model_key(name) in context.selected_asset_keys:
            # Views hold no rows. The file holds this run's tenants and no others, so its count is
            # not that of the mart.
            metadata = {"tenants_of_this_run": len(tenants)}
            if outcome.rows is not None:
                metadata["rows_of_this_run"] = outcome.rows
            yield dg.MaterializeResult(asset_key=_model_key(name), metadata=metadata)
    unchecked = {test.name for test in _PLAN.tests if empty.issuperset(test.models)}
    for check in context.selected_asset_check_keys:
        if check.name in unchecked:
            context.log.info("The check %s was skipped: there is no row to check.", check.name)
            continue
        status = outcomes[check.name].status
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=status in PASSED,
            metadata={"dbt_status": status},
        )


def prepare_warehouse(lake: Lake, tenants: list[str], folder: Path) -> Warehouse:
    """Cut the tenants' facts and current reviews from the lake into a run's folder.

    The file of current reviews that the run's facts were counted from is taken as it is; a run of
    the marts alone computes it.
    """
    current = file_of_current_reviews(lake, tenants, folder)
    if not current.exists():
        keep_current_reviews(PolarsEngine(), lake, tenants, folder)
    return Warehouse.prepare_in(
        folder,
        daily_facts=lake.read(DAILY_FACTS, tenants=tenants).frame,
        daily_label_facts=lake.read(DAILY_LABEL_FACTS, tenants=tenants).frame,
        current_reviews=current,
    )


@contextmanager
def run_warehouse(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Warehouse]:
    """Open the warehouse that the marts of this run were built in, and delete it afterwards.

    It is kept when the block fails, so that the run can go on from its failure.

    Raises:
        dg.Failure: The marts were not built in this run.
    """
    warehouse = Warehouse(run_folder(context, settings))
    if not warehouse.database.exists():
        raise dg.Failure(
            "A snapshot is published from the marts of its own run, and this run built none. "
            "Materialize the marts together with tenant_snapshot, or launch daily_job."
        )
    try:
        yield warehouse
    except Exception:
        leftovers.keep_to_go_on(warehouse.folder)
        raise
    warehouse.close()


@contextmanager
def folder_for_the_marts(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[Path]:
    """The folder in which this run will build marts; one that goes with the block if it will not.

    What lies in a run's folder stays until the marts are read out. What killed runs have left there
    is deleted first.
    """
    leftovers.sweep(context.instance, settings.scratch_path)
    if context.job_def.asset_layer.selected_asset_keys.isdisjoint(MART_KEYS):
        settings.scratch_path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="facts-", dir=settings.scratch_path) as folder:
            yield Path(folder)
    else:
        yield run_folder(context, settings)


def run_folder(context: dg.AssetExecutionContext, settings: Settings) -> Path:
    """The folder of a run; a run that goes on from another's failure shares its folder."""
    return (
        settings.scratch_path / f"{leftovers.MARTS}{context.run.root_run_id or context.run.run_id}"
    )
