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
    ColumnElement,
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

EXPORT_TASK = "export_tenant"
"""The job that makes an archive."""

TIME_KEPT = timedelta(days=7)
"""How long an archive can be downloaded; it holds all that the tenant has, so it does not stay."""


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

    def claim(self, tenant_id: str, export_id: uuid.UUID) -> TenantExport | None:
        """Take up an export that waits, or whose maker was killed; None once it has ended.

        Of two who made it at once, what the one who took it up last says counts.
        """
        statement = (
            update(tenant_exports)
            .where(*_is(tenant_id, export_id), _OPEN)
            .values(status="running", started_at=func.clock_timestamp())
            .returning(tenant_exports)
        )
        return self._one(TenantExport, statement)

    def finish(
        self, export: TenantExport, *, object_key: str, sha256: str, size: int
    ) -> TenantExport | None:
        """Note where the archive is; None if somebody else has taken the export up since."""
        return self._end(
            export,
            status="done",
            object_key=object_key,
            sha256=sha256,
            bytes=size,
            expires_at=func.now() + TIME_KEPT,
        )

    def fail(self, export: TenantExport, error: str) -> TenantExport | None:
        """Note that there will be no archive, and why."""
        return self._end(export, status="failed", error=error)

    def expired(self) -> tuple[TenantExport, ...]:
        """The archives whose time is over, of all tenants in sight."""
        statement = select(tenant_exports).where(
            tenant_exports.c.status == "done", tenant_exports.c.expires_at <= func.now()
        )
        return self._all(TenantExport, statement)

    def count_kept(self) -> int:
        """How many archives of all tenants in sight are there to be downloaded."""
        statement = select(func.count()).where(tenant_exports.c.status == "done")
        return int(self._execute(statement).scalar_one())

    def names_object(self, object_key: str) -> bool:
        """Whether any export still leads to an object: equal archives are one object."""
        statement = select(tenant_exports.c.id).where(tenant_exports.c.object_key == object_key)
        return self._execute(statement.limit(1)).first() is not None

    def forget(self, export: TenantExport) -> None:
        """Note that an archive was deleted."""
        self._execute(
            update(tenant_exports)
            .where(*_is(export.tenant_id, export.id))
            .values(status="expired", object_key=None)
        )

    def _end(self, export: TenantExport, **values: object) -> TenantExport | None:
        statement = (
            update(tenant_exports)
            .where(
                *_is(export.tenant_id, export.id),
                tenant_exports.c.status == "running",
                tenant_exports.c.started_at == export.started_at,
            )
            .values(finished_at=func.now(), **values)
            .returning(tenant_exports)
        )
        return self._one(TenantExport, statement)


def _is(tenant_id: str, export_id: uuid.UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return tenant_exports.c.tenant_id == tenant_id, tenant_exports.c.id == export_id
