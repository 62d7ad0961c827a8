"""All tables together, for whoever needs the whole schema: migrations and the tests of the wall."""

from __future__ import annotations

from resources.database.api_keys import api_keys
from resources.database.batch_records import batch_runs
from resources.database.correction_records import corrections
from resources.database.enrichment_choices import aspect_lexicons, nlp_settings, taxonomies
from resources.database.erasures import erasure_marks, erasure_steps, erasures
from resources.database.event_records import event_publications, events
from resources.database.feature_flags import feature_flags, feature_overrides
from resources.database.idempotency import idempotency_keys
from resources.database.identity_providers import (
    identity_providers,
    provider_attempts,
    tenant_domains,
    user_identities,
)
from resources.database.import_records import import_batches
from resources.database.invitations import invitations
from resources.database.lasting_keys import lasting_keys
from resources.database.one_time_tokens import one_time_tokens
from resources.database.plan_limits import limit_notices
from resources.database.rate_limits import rate_limits
from resources.database.report_records import report_documents, report_requests
from resources.database.schema import metadata
from resources.database.second_factors import recovery_codes, second_factors
from resources.database.sessions import sessions
from resources.database.signing_keys import signing_keys
from resources.database.snapshot_records import snapshot_pointers, snapshots
from resources.database.source_days import source_days
from resources.database.source_records import dataforseo_tasks, sources
from resources.database.stage_records import stage_runs
from resources.database.tenancy import tenants
from resources.database.tenant_exports import tenant_exports
from resources.database.tenant_settings import tenant_settings
from resources.database.usage_records import usage_entries
from resources.database.users import memberships, users
from resources.database.workspaces import workspace_items, workspaces

__all__ = [
    "api_keys",
    "aspect_lexicons",
    "batch_runs",
    "corrections",
    "dataforseo_tasks",
    "erasure_marks",
    "erasure_steps",
    "erasures",
    "event_publications",
    "events",
    "feature_flags",
    "feature_overrides",
    "idempotency_keys",
    "identity_providers",
    "import_batches",
    "invitations",
    "lasting_keys",
    "limit_notices",
    "memberships",
    "metadata",
    "nlp_settings",
    "one_time_tokens",
    "provider_attempts",
    "rate_limits",
    "recovery_codes",
    "report_documents",
    "report_requests",
    "second_factors",
    "sessions",
    "signing_keys",
    "snapshot_pointers",
    "snapshots",
    "source_days",
    "sources",
    "stage_runs",
    "taxonomies",
    "tenant_domains",
    "tenant_exports",
    "tenant_settings",
    "tenants",
    "usage_entries",
    "user_identities",
    "users",
    "workspace_items",
    "workspaces",
]
