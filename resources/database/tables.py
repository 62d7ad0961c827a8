"""All tables together, for whoever needs the whole schema: migrations and the tests of the wall."""

from __future__ import annotations

from resources.database.collection import dataforseo_tasks, import_batches, sources
from resources.database.corrections import corrections
from resources.database.identity import memberships, users
from resources.database.ledger import stage_runs
from resources.database.publishing import snapshot_pointers, snapshots
from resources.database.reporting import report_documents, report_requests
from resources.database.schema import metadata
from resources.database.tenancy import tenants
from resources.database.understanding import aspect_lexicons, nlp_settings, taxonomies

__all__ = [
    "aspect_lexicons",
    "corrections",
    "dataforseo_tasks",
    "import_batches",
    "memberships",
    "metadata",
    "nlp_settings",
    "report_documents",
    "report_requests",
    "snapshot_pointers",
    "snapshots",
    "sources",
    "stage_runs",
    "taxonomies",
    "tenants",
    "users",
]
