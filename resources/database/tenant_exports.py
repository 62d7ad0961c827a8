"""Exports: everything a tenant has, in one archive, asked for and made in the background."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
    update,
)

from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, created_at, metadata, one_of, tenant_column

ExportStatus = Literal["queued", "running", "done", "failed", "expired"]
EXPORT_STATUSES: tuple[ExportStatus, ...] = get_args(ExportStatus)

TIME_KEPT = timedelta(days=7)
"""How long an archive can be downloaded; it holds all that the tenant has, so it does not stay."""

MAX_WORKING_TIME = timedelta(hours=6)
"""After that one that makes an archive is taken for dead, and another one begins anew."""


@dataclass(frozen=True)
class TenantExport:
    """One archive of everything that a tenant has.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose.
        requested_by: Who asked: a user's identifier, or ``operator``.
        status: How far it has come.
        object_key: Where the archive is in the object store, once it is done.
        sha256: Of the archive.
        bytes: Its size.
        error: Why it failed.
        created_at: When it was asked for.
        started_at: When somebody last began to make it.
        finished_at: When it ended, well or not.
        expires_at: Until when the archive is kept.
    """

    id: uuid.UUID
    tenant_id: str
    requested_by: str
    status: ExportStatus
    object_key: str | None
    sha256: str | None
    bytes: int | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None


tenant_exports = Table(
    "tenant_exports",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("requested_by", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'queued'")),
    Column("object_key", Text),
    Column("sha256", Text),
    Column("bytes", BigInteger),
    Column("error", Text),
    created_at(),
    Column("started_at", TIMESTAMP),
    Column("finished_at", TIMESTAMP),
    Column("expires_at", TIMESTAMP),
    CheckConstraint(one_of("status", EXPORT_STATUSES), name="status"),
    CheckConstraint(
        "status <> 'done' or (object_key is not null and expires_at is not null)",
        name="done_has_a_file",
    ),
    # Whoever asks while one is in the making is given that one.
    Index(
        "uq_tenant_exports_open",
        "tenant_id",
        unique=True,
        postgresql_where=text("status in ('queued', 'running')"),
    ),
    Index(None, "tenant_id", "created_at"),
)

_OPEN = tenant_exports.c.status.in_(("queued", "running"))


class TenantExportRepository(Repository):
    """The exports of tenants."""

    def ask(self, tenant_id: str, *, requested_by: str) -> TenantExport:
        """Ask for an archive; while one is in the making, that one is the answer."""
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"exports of {tenant_id}"},
        )
        found = self._one(
            TenantExport,
            select(tenant_exports).where(tenant_exports.c.tenant_id == tenant_id, _OPEN),
        )
        if found is not None:
            return found
        statement = insert(tenant_exports).values(tenant_id=tenant_id, requested_by=requested_by)
        return self._exactly_one(TenantExport, statement.returning(tenant_exports))

    def get(self, tenant_id: str, export_id: uuid.UUID) -> TenantExport | None:
        """One export of the tenant."""
        return self._one(TenantExport, select(tenant_exports).where(*_is(tenant_id, export_id)))

    def list(self, tenant_id: str, *, limit: int = 100) -> tuple[TenantExport, ...]:
        """The tenant's exports, the latest first."""
        statement = select(tenant_exports).where(tenant_exports.c.tenant_id == tenant_id)
        order = (tenant_exports.c.created_at.desc(), tenant_exports.c.id)
        return self._all(TenantExport, statement.order_by(*order).limit(limit))

    def claim(self, tenant_id: str | None = None) -> TenantExport | None:
        """Take up the oldest export that waits, or whose maker is dead; None if there is none."""
        is_due = (tenant_exports.c.status == "queued") | (
            (tenant_exports.c.status == "running")
            & (tenant_exports.c.started_at < func.now() - MAX_WORKING_TIME)
        )
        waiting = select(tenant_exports.c.id).where(is_due)
        if tenant_id is not None:
            waiting = waiting.where(tenant_exports.c.tenant_id == tenant_id)
        oldest = waiting.order_by(tenant_exports.c.created_at).limit(1)
        statement = (
            update(tenant_exports)
            .where(tenant_exports.c.id.in_(oldest.with_for_update(skip_locked=True)))
            .values(status="running", started_at=func.now())
            .returning(tenant_exports)
        )
        return self._one(TenantExport, statement)

    def finish(self, export: TenantExport, *, object_key: str, sha256: str, size: int) -> None:
        """Note where the archive is."""
        self._end(
            export,
            status="done",
            object_key=object_key,
            sha256=sha256,
            bytes=size,
            expires_at=func.now() + TIME_KEPT,
        )

    def fail(self, export: TenantExport, error: str) -> None:
        """Note that there will be no archive, and why."""
        self._end(export, status="failed", error=error)

    def expired(self) -> tuple[TenantExport, ...]:
        """The archives whose time is over, of all tenants in sight."""
        statement = select(tenant_exports).where(
            tenant_exports.c.status == "done", tenant_exports.c.expires_at <= func.now()
        )
        return self._all(TenantExport, statement)

    def forget(self, export: TenantExport) -> None:
        """Note that an archive was deleted."""
        self._execute(
            update(tenant_exports)
            .where(*_is(export.tenant_id, export.id))
            .values(status="expired", object_key=None)
        )

    def _end(self, export: TenantExport, **values: object) -> None:
        self._execute(
            update(tenant_exports)
            .where(
                *_is(export.tenant_id, export.id),
                tenant_exports.c.status == "running",
                tenant_exports.c.started_at == export.started_at,
            )
            .values(finished_at=func.now(), **values)
        )


def _is(tenant_id: str, export_id: uuid.UUID) -> tuple[object, ...]:
    return tenant_exports.c.tenant_id == tenant_id, tenant_exports.c.id == export_id
