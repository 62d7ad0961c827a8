"""Making the archives that tenants ask for, keeping them for a while, and deleting them."""

from __future__ import annotations

import logging
import tempfile
import uuid
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from pipelines.session import Session
from resources.database import TenantExport
from resources.database.tenant_exports import TIME_KEPT
from resources.exporting import ArchivedTenant, write_archive
from resources.logs import fields
from resources.metrics.narrowing import narrowed
from resources.metrics.part import Part
from resources.storage.snapshots import SnapshotDamagedError, SnapshotMissingError
from resources.vocabulary import utc_today

FORGET_TASK = "forget_exports"
"""The job that deletes archives whose time is over."""

FAILURE = "The archive could not be made. Ask for it again; if it fails again, tell your operator."

logger = logging.getLogger(__name__)


def make_export(session: Session, tenant_id: str, export_id: uuid.UUID) -> None:
    """Make an archive that was asked for, unless it has ended; safe to repeat."""
    with session.database.jobs() as work:
        export = work.exports.claim(tenant_id, export_id)
    if export is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="reviewgraph-export-") as folder:
            path = Path(folder) / "archive.zip"
            write_to(path, session, tenant_id, as_plan_shows=True)
            stored = session.objects.put(tenant_id, path, suffix=".zip")
    except Exception:
        logger.exception("export failed", extra=fields(tenant=tenant_id, export=str(export_id)))
        with session.database.jobs() as work:
            if work.exports.fail(export, FAILURE) is not None:
                work.events.add("export.failed", str(export.id), tenant_id=tenant_id)
        return
    with session.database.jobs() as work:
        done = work.exports.finish(
            export, object_key=stored.key, sha256=stored.sha256, size=stored.size
        )
        if done is None:
            return
        work.events.add(
            "export.finished", str(export.id), tenant_id=tenant_id, data={"bytes": stored.size}
        )
        work.jobs.defer(FORGET_TASK, queueing_lock=FORGET_TASK, delay=_until_forgotten())
        for owner in work.members.owners(tenant_id):
            work.mail.send(
                "export_ready",
                to=owner.email,
                tenant=work.tenants.require(tenant_id).name,
                tenant_id=tenant_id,
                export_id=str(export.id),
                days=TIME_KEPT.days,
            )


def write_to(
    path: Path, session: Session, tenant_id: str, *, as_plan_shows: bool = False
) -> ArchivedTenant:
    """Write the archive of a tenant into a file that only its owner can read.

    Args:
        path: The file to write.
        session: The installation.
        tenant_id: The tenant.
        as_plan_shows: Leave out reviews that are older than the tenant's plan shows.

    Raises:
        UnknownTenantError: If there is no such tenant.
    """
    path.touch(mode=0o600)
    with session.database.jobs() as work:
        tenant = work.tenants.require(tenant_id)
        current = work.snapshots.current(tenant_id)
    part = Part(first_day=tenant.history_starts(utc_today()) if as_plan_shows else None)
    with ExitStack() as stack:
        published = None
        if current is not None:
            with suppress(SnapshotMissingError, SnapshotDamagedError):  # it follows from the lake
                whole = session.snapshots.open(tenant_id, current.version)
                scratch = session.settings.scratch_path
                published = stack.enter_context(narrowed(whole, part, scratch))
        return write_archive(
            path,
            tenant_id,
            database=session.database,
            lake=session.lake,
            published=published,
            objects=session.objects,
            first_day=part.first_day,
        )


def forget_exports(session: Session) -> None:
    """Delete the archives whose time is over, and come again for those whose is not."""
    with session.database.jobs() as work:
        expired = work.exports.expired()
    for export in expired:
        _forget(session, export)
    with session.database.jobs() as work:
        if work.exports.count_kept():
            work.jobs.defer(FORGET_TASK, queueing_lock=FORGET_TASK, delay=timedelta(days=1))


def _forget(session: Session, export: TenantExport) -> None:
    with session.database.jobs() as work:
        work.exports.forget(export)
        is_needed = export.object_key is None or work.exports.names_object(export.object_key)
    if export.object_key is not None and not is_needed:
        session.objects.delete(export.object_key)


def _until_forgotten() -> timedelta:
    return TIME_KEPT + timedelta(minutes=1)
