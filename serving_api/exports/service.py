"""Asking for a tenant's archive, and opening it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from resources import database
from resources.database.tenant_exports import EXPORT_TASK
from resources.logs import fields
from resources.storage.objects import ObjectDamagedError, ObjectNotFoundError, ObjectStore
from serving_api.exports.schemas import Export, Exports
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.members.service import identifier

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """An archive on its way to the client.

    Attributes:
        chunks: Its content.
        size: In bytes.
        name: What the client may call it.
        sha256: Of its content, hexadecimal.
    """

    chunks: Iterator[bytes]
    size: int
    name: str
    sha256: str


def list_exports(session: TenantSession) -> Exports:
    """The tenant's exports."""
    session.require("tenant:export")
    return Exports(items=[_export(one) for one in session.work.exports.list(session.tenant.id)])


def request_export(session: TenantSession) -> Export:
    """Ask for an archive; while one is in the making, that one is the answer."""
    session.require("tenant:export")
    tenant_id = session.tenant.id
    export = session.work.exports.ask(tenant_id, requested_by=str(session.principal.user_id))
    # A second job for the same export finds that it has ended, and does nothing.
    added = session.work.jobs.defer(
        EXPORT_TASK,
        lock=f"export of {tenant_id}",
        queueing_lock=f"export {export.id}",
        tenant_id=tenant_id,
        export_id=str(export.id),
    )
    if added is not None:
        session.work.events.add("export.requested", str(export.id), tenant_id=tenant_id)
    return _export(export)


def read_export(session: TenantSession, export_id: str) -> Export:
    """One export.

    Raises:
        Problem: ``not-found``.
    """
    session.require("tenant:export")
    return _export(_find(session, export_id))


def open_archive(session: TenantSession, export_id: str, objects: ObjectStore) -> Archive:
    """Open the archive of an export for sending; it is compared with its checksum first.

    Raises:
        Problem: ``not-found`` while there is none; ``file-gone`` once it was deleted;
            ``file-damaged`` if it is not what was written.
    """
    session.require("tenant:export")
    export = _find(session, export_id)
    if export.status == "expired":
        raise Problem("file-gone")
    key, size, sha256 = export.object_key, export.bytes, export.sha256
    if key is None or size is None or sha256 is None:
        raise Problem("not-found")
    # The key comes from our own database; this holds even if a row of it were ever wrong.
    if not key.startswith(f"tenants/{session.tenant.id}/"):
        raise Problem("not-found")
    try:
        chunks = objects.stream(key)
    except ObjectNotFoundError:
        raise Problem("file-gone") from None
    except ObjectDamagedError:
        logger.exception("archive damaged", extra=fields(export=export_id))
        raise Problem("file-damaged") from None
    session.work.events.add("export.downloaded", str(export.id), tenant_id=session.tenant.id)
    return Archive(chunks, size, f"{session.tenant.id}-{export.created_at:%Y-%m-%d}.zip", sha256)


def export_address(tenant_id: str, export_id: object) -> str:
    """Where an export can be read."""
    return f"/v1/tenants/{tenant_id}/exports/{export_id}"


def _find(session: TenantSession, export_id: str) -> database.TenantExport:
    found = session.work.exports.get(session.tenant.id, identifier(export_id))
    if found is None:
        raise Problem("not-found")
    return found


def _export(export: database.TenantExport) -> Export:
    address = f"{export_address(export.tenant_id, export.id)}/archive"
    return Export(
        id=export.id,
        status=export.status,
        requested_by=export.requested_by,
        created_at=export.created_at,
        finished_at=export.finished_at,
        expires_at=export.expires_at,
        bytes=export.bytes,
        sha256=export.sha256,
        error=export.error,
        archive=address if export.status == "done" else None,
    )
