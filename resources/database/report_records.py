"""Reports that were asked for, and the documents that came of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from resources.database.schema import (
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    one_of,
    tenant_column,
)
from resources.database.snapshot_records import snapshots
from resources.database.workspaces import workspaces

RequestStatus = Literal["queued", "running", "done", "failed", "held"]

REQUEST_STATUSES: tuple[RequestStatus, ...] = ("queued", "running", "done", "failed", "held")


@dataclass(frozen=True)
class ReportRequest:
    """A request for a report.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose report.
        requested_by: Who asked: a user's identifier, or for example ``schedule``.
        status: ``queued``, ``running``, ``done``, ``failed``, or ``held`` back by a check.
        attempt: How often a run has taken it up.
        period_start: First day reported on; the tenant's first when null.
        period_end: Last day reported on; the tenant's last when null.
        workspace_id: The workspace whose reviews are reported on; all of the tenant's when null.
        run_id: The Dagster run of the latest attempt.
        error: Why the latest attempt failed or was held back.
        traceparent: The trace of the request that asked for it, where that is traced.
        created_at: When it was asked for.
        started_at: When the latest attempt began.
        finished_at: When it ended.
    """

    id: uuid.UUID
    tenant_id: str
    requested_by: str | None
    status: RequestStatus
    attempt: int
    period_start: date | None
    period_end: date | None
    workspace_id: uuid.UUID | None
    run_id: str | None
    error: str | None
    traceparent: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ReportFile(TypedDict):
    """One file of a report in the object store.

    Attributes:
        format: ``html``, ``pdf`` or ``xlsx``.
        key: Its name in the object store.
        sha256: Of its content, hexadecimal.
        bytes: Its size.
        media_type: For example ``application/pdf``.
    """

    format: str
    key: str
    sha256: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class ReportDocument:
    """A finished report.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose report.
        request_id: The request it answers, if any.
        snapshot_version: The snapshot its numbers come from.
        title: As printed.
        period_start: First day reported on.
        period_end: Last day reported on.
        workspace_id: The workspace whose reviews it reports on; all of the tenant's when null.
        review_count: Reviews its numbers rest on.
        files: Its files.
        created_at: When it was made.
    """

    id: uuid.UUID
    tenant_id: str
    request_id: uuid.UUID | None
    snapshot_version: str
    title: str
    period_start: date | None
    period_end: date | None
    workspace_id: uuid.UUID | None
    review_count: int
    files: tuple[ReportFile, ...]
    created_at: datetime


report_requests = Table(
    "report_requests",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("requested_by", Text),
    Column("status", Text, nullable=False, server_default=text("'queued'")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("period_start", Date),
    Column("period_end", Date),
    Column("workspace_id", Uuid),
    Column("run_id", Text),
    Column("error", Text),
    Column("traceparent", Text),
    created_at(),
    Column("started_at", TIMESTAMP),
    Column("finished_at", TIMESTAMP),
    UniqueConstraint("tenant_id", "id"),
    CheckConstraint(one_of("status", REQUEST_STATUSES), name="status"),
    CheckConstraint("period_start <= period_end", name="period_in_order"),
    ForeignKeyConstraint(["tenant_id", "workspace_id"], [workspaces.c.tenant_id, workspaces.c.id]),
    Index(None, "tenant_id", "workspace_id"),
    Index(
        "ix_report_requests_open",
        "tenant_id",
        "created_at",
        postgresql_where=text("status in ('queued', 'running')"),
    ),
)

report_documents = Table(
    "report_documents",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("request_id", Uuid),
    Column("snapshot_version", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("period_start", Date),
    Column("period_end", Date),
    Column("workspace_id", Uuid),
    Column("review_count", BigInteger, nullable=False),
    json_column("files", empty="[]"),
    created_at(),
    UniqueConstraint("tenant_id", "request_id"),
    ForeignKeyConstraint(
        ["tenant_id", "request_id"], [report_requests.c.tenant_id, report_requests.c.id]
    ),
    ForeignKeyConstraint(
        ["tenant_id", "snapshot_version"], [snapshots.c.tenant_id, snapshots.c.version]
    ),
    ForeignKeyConstraint(["tenant_id", "workspace_id"], [workspaces.c.tenant_id, workspaces.c.id]),
    Index(None, "tenant_id", "workspace_id"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "tenant_id", "snapshot_version"),
)
