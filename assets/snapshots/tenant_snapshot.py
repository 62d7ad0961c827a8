"""``tenant_snapshot``: the tenants' numbers, published under the name of their content."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets import catalogue, preview
from assets.failures import Failures
from assets.metrics.marts import MART_KEYS, run_warehouse
from assets.scope import RunScope
from resources.database import Database, StageRecorder
from resources.metrics.warehouse import Warehouse
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, TABLES
from resources.storage.snapshots import PublishedSnapshot, SnapshotStore


@dg.asset(
    deps=MART_KEYS,
    **catalogue.entry("snapshots", "assets/snapshots", "resources/storage"),
    kinds={"parquet", "duckdb", "postgres"},
    description=(
        "One immutable folder of Parquet files per tenant and content version: the marts and the "
        "current reviews behind them. A row in PostgreSQL points to the current version; older "
        "versions stay while a report refers to them."
    ),
)
def tenant_snapshot(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    snapshots: dg.ResourceParam[SnapshotStore],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None]]:
    """Publish the marts of this run for each tenant, then point to them.

    Raises:
        TenantsFailedError: Some tenants' could not be published, and this is the run's last step.
    """
    recorder = StageRecorder("published", context.run.run_id)
    inputs = {
        "lake_versions": {name: lake.version(spec) for name, spec in TABLES.items()},
        "run_id": context.run.run_id,
    }
    days, counted = scope.days(context), lake.version(DAILY_FACTS)
    published = []
    failures = Failures(context, database, recorder, days)
    with run_warehouse(context, settings) as warehouse:
        for tenant in scope.reviewed_tenants(context, lake):
            with failures.kept_apart(tenant):
                snapshot = publish(warehouse, snapshots, database, tenant, inputs, settings)
                published.append(snapshot)
                with database.jobs() as work:
                    recorder.record_passed_on(work, days, [tenant], input_version=counted)
    with database.jobs() as work:
        rows = sum(record.row_count for record in work.snapshots.currents())
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "rows_of_this_run": sum(sum(one.row_counts.values()) for one in published),
            "preview": preview.records(
                {
                    "tenant_id": one.tenant_id,
                    "version": one.version[:12],
                    "new": one.created,
                    "reviews": one.row_counts.get("reviews", 0),
                    "tables": len(one.row_counts),
                }
                for one in published
            ),
        }
    )
    if not failures.is_told_by("report_document"):
        failures.end_the_run()


def publish(
    warehouse: Warehouse,
    snapshots: SnapshotStore,
    database: Database,
    tenant: str,
    inputs: dict[str, Any],
    settings: Settings,
) -> PublishedSnapshot:
    """Publish one tenant's marts, point to them, and drop the versions nobody refers to.

    The folder is complete before the pointer moves, so a reader never meets half a snapshot.
    """
    with warehouse.marts_of(tenant) as tables:
        snapshot = snapshots.publish(tenant, tables, inputs)
    with database.jobs() as work:
        work.snapshots.point_to(
            tenant,
            snapshot.version,
            path=snapshot.key,
            row_count=sum(snapshot.row_counts.values()),
            inputs=inputs,
            run_id=inputs.get("run_id"),
        )
        recent = [record.version for record in work.snapshots.list(tenant)]
        keep = work.reports.referenced_versions(tenant) | set(recent[: settings.snapshots_kept + 1])
    for version in snapshots.prune(tenant, keep):
        with database.jobs() as work:
            work.snapshots.forget(tenant, version)
    return snapshot
