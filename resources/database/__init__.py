"""PostgreSQL: who the tenants and users are, and what was done for them.

Belongs here: the embedded server, the tables by domain with a repository beside each, their
migrations, the wall between tenants (row-level security), the unit of work, and the ledger of what
every stage did. Does not belong here: reviews and numbers, which live in the lake and in snapshots,
and any decision about what to do next.

``Database(settings)`` is the way in: ``migrate()`` once, then ``with database.work(tenant_id) as
work`` for the API, and ``with database.jobs() as work`` for the graph and the command line.
"""

from __future__ import annotations

from resources.database.batch_records import BatchRecord, BatchStage
from resources.database.correction_records import Correction
from resources.database.database import Database
from resources.database.due_stages import DueStage
from resources.database.enrichment_choices import DocumentRecord, NlpSettings
from resources.database.erasures import Erasure, ErasureMark, ErasureStep
from resources.database.errors import (
    DatabaseSetupError,
    DatabaseUnavailableError,
    DuplicateError,
    EmbeddedServerError,
    LastOwnerError,
    LimitReachedError,
    RequestInFlightError,
    StaleVersionError,
    SupersededAttemptError,
    TenantRestsError,
    TierNotAllowedError,
    TooManyOpenRequestsError,
    UnknownMemberError,
    UnknownPlanError,
    UnknownTenantError,
    WrongStatusError,
)
from resources.database.event_records import Event
from resources.database.feature_flags import FeatureFlag, FlagError
from resources.database.import_records import ImportBatch
from resources.database.invitations import Invitation
from resources.database.memberships import Member
from resources.database.plan_limits import Use
from resources.database.plans import Plan
from resources.database.recording import BatchOutcome, DayOutcome, SourceOutcome, StageRecorder
from resources.database.report_records import ReportDocument, ReportFile, ReportRequest
from resources.database.snapshot_records import SnapshotRecord
from resources.database.source_days import SourceDay
from resources.database.source_records import DataForSEOTask, Source
from resources.database.stage_records import StageRecord, StageStatus
from resources.database.tenancy import Tenant, TenantName, TenantStatus
from resources.database.tenant_exports import TenantExport
from resources.database.tenant_settings import SettingsChange, TenantChoices
from resources.database.unit_of_work import UnitOfWork
from resources.database.usage_records import UsageEntry, UsageTotal
from resources.database.users import ROLES, Membership, User
from resources.database.workspaces import Workspace, WorkspaceContents, WorkspaceItem

__all__ = [
    "ROLES",
    "BatchOutcome",
    "BatchRecord",
    "BatchStage",
    "Correction",
    "DataForSEOTask",
    "Database",
    "DatabaseSetupError",
    "DatabaseUnavailableError",
    "DayOutcome",
    "DocumentRecord",
    "DueStage",
    "DuplicateError",
    "EmbeddedServerError",
    "Erasure",
    "ErasureMark",
    "ErasureStep",
    "Event",
    "FeatureFlag",
    "FlagError",
    "ImportBatch",
    "Invitation",
    "LastOwnerError",
    "LimitReachedError",
    "Member",
    "Membership",
    "NlpSettings",
    "Plan",
    "ReportDocument",
    "ReportFile",
    "ReportRequest",
    "RequestInFlightError",
    "SettingsChange",
    "SnapshotRecord",
    "Source",
    "SourceDay",
    "SourceOutcome",
    "StageRecord",
    "StageRecorder",
    "StageStatus",
    "StaleVersionError",
    "SupersededAttemptError",
    "Tenant",
    "TenantChoices",
    "TenantExport",
    "TenantName",
    "TenantRestsError",
    "TenantStatus",
    "TierNotAllowedError",
    "TooManyOpenRequestsError",
    "UnitOfWork",
    "UnknownMemberError",
    "UnknownPlanError",
    "UnknownTenantError",
    "UsageEntry",
    "UsageTotal",
    "Use",
    "User",
    "Workspace",
    "WorkspaceContents",
    "WorkspaceItem",
    "WrongStatusError",
]
