"""The composition root: assets, checks, jobs, schedules, sensors and resources put together.

Nothing is computed, opened or asked here; resources connect when an asset first uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from assets.clock import Clock
from assets.collection import raw_reviews
from assets.enrichment import review_enrichments
from assets.metrics import daily_facts, marts
from assets.reports import report_document
from assets.reviews import checks, reviews
from assets.scope import RunScope
from assets.snapshots import tenant_snapshot
from pipelines.erasure_job import erasure_job, erasure_requests
from pipelines.jobs import JOBS
from pipelines.repairing import unreadable_snapshots
from pipelines.run_processes import leased_in_process_executor
from pipelines.schedules import every_day
from pipelines.sensors import report_requests
from resources.collection.dataforseo.collecting import DataForSEOCollector
from resources.database import Database
from resources.errors import ReviewGraphError
from resources.home import is_process_of, keep_private
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore

# Every resource by name, made from those above it.
RESOURCES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "clock": lambda _: Clock(),
    "scope": lambda _: RunScope(),
    "settings": lambda made: made["settings"],
    "database": lambda made: Database(made["settings"]),
    "lake": lambda made: Lake.from_settings(made["settings"]),
    "objects": lambda made: ObjectStore.from_settings(made["settings"]),
    "snapshots": lambda made: SnapshotStore.from_settings(made["settings"]),
    "collectors": lambda made: (DataForSEOCollector(made["settings"], made["database"]),),
}

ASSET_MODULES = [
    raw_reviews,
    reviews,
    checks,
    review_enrichments,
    daily_facts,
    marts,
    tenant_snapshot,
    report_document,
]


class UnknownResourceError(ReviewGraphError):
    """A resource was to be replaced that the graph does not have."""


def build_definitions(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """Build the graph, with resources replaced by name where a test or a command asks for it.

    Args:
        settings: The installation; read from the environment when not given.
        **overrides: Resources by name, for example ``lake=...``. What is built on a replaced
            resource is built on the one given.

    Raises:
        UnknownResourceError: There is no resource of a name given.
    """
    return dg.Definitions(
        assets=dg.load_assets_from_modules(ASSET_MODULES),
        asset_checks=dg.load_asset_checks_from_modules(ASSET_MODULES),
        jobs=[*JOBS, erasure_job],
        schedules=[every_day],
        sensors=[report_requests, unreadable_snapshots, erasure_requests],
        resources=build_resources(settings or Settings(), overrides),
        executor=leased_in_process_executor,  # of what is materialized without a job of ours
    )


def build_resources(settings: Settings, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Build what the assets stand on, each resource from those before it.

    Args:
        settings: The installation.
        overrides: Resources by name, used instead of the usual ones.

    Raises:
        UnknownResourceError: There is no resource of a name given.
    """
    unknown = sorted(set(overrides) - set(RESOURCES))
    if unknown:
        raise UnknownResourceError(
            f"The graph has no resource {', '.join(unknown)}. It has: {', '.join(RESOURCES)}."
        )
    resources: dict[str, Any] = {"settings": settings}
    for name, build in RESOURCES.items():
        resources[name] = overrides[name] if name in overrides else build(resources)
    return resources


if is_process_of("dagster", "dg"):  # whose processes come in here; all others say so themselves
    keep_private()
defs = build_definitions()
