"""The composition root: assets, checks, jobs, schedules, sensors and resources put together.

Nothing is computed, opened or asked here; resources connect when an asset first uses them.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.collection import raw_reviews
from assets.enrichment import review_enrichments
from assets.metrics import daily_facts, marts
from assets.reports import report_document
from assets.reviews import checks, reviews
from assets.scope import RunScope
from assets.snapshots import tenant_snapshot
from pipelines.jobs import JOBS
from pipelines.schedules import every_day
from pipelines.sensors import report_requests
from resources.collection.dataforseo.collecting import DataForSEOCollector
from resources.database import Database
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore

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


def build_definitions(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """Build the graph, with resources replaced by name where a test or a command asks for it.

    Args:
        settings: The installation; read from the environment when not given.
        **overrides: Resources by name, for example ``collector=...``.
    """
    settings = settings or Settings()
    database = overrides.get("database") or Database(settings)
    resources: dict[str, Any] = {
        "settings": settings,
        "scope": RunScope(),
        "database": database,
        "lake": Lake.from_settings(settings),
        "objects": ObjectStore.from_settings(settings),
        "snapshots": SnapshotStore(settings.snapshots_path),
        "collector": DataForSEOCollector(settings, database, Lake.from_settings(settings)),
    }
    return dg.Definitions(
        assets=dg.load_assets_from_modules(ASSET_MODULES),
        asset_checks=dg.load_asset_checks_from_modules(ASSET_MODULES),
        jobs=JOBS,
        schedules=[every_day],
        sensors=[report_requests],
        resources={**resources, **overrides},
    )


defs = build_definitions()
