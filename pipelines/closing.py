"""Closing a tenant for good: everything it had is erased, and what was used stays for the bill.

Each step can be done again: whoever is killed on the way is followed by another call.
"""

from __future__ import annotations

import shutil

from sqlalchemy import delete

from pipelines.session import Session
from resources.database.tables import metadata
from resources.storage.schemas import TABLES

KEPT = frozenset({"events", "event_publications", "usage_entries", "tenants"})
"""What stays: what happened, without anybody's words; what was used; and the name, which nobody
else may have, since folders and addresses are called by it."""


def close_for_good(session: Session, tenant_id: str) -> dict[str, int]:
    """Erase what a tenant had; returns how much of each kind there was.

    Raises:
        WrongStatusError: If the tenant is not closing.
    """
    with session.database.jobs() as work:
        if work.tenants.require(tenant_id).status != "closed":
            work.tenants.set_status(tenant_id, "closed")
            work.events.add("tenant.closed", tenant_id, tenant_id=tenant_id)
    counts = _erase_lake(session, tenant_id)
    counts["snapshots"] = len(session.snapshots.prune(tenant_id, keep=set()))
    keys = session.objects.keys(tenant_id)
    for key in keys:
        session.objects.delete(key)
    counts["files in the object store"] = len(keys)
    counts |= _erase_folders(session, tenant_id)
    counts |= _erase_rows(session, tenant_id)
    return {what: count for what, count in counts.items() if count}


def _erase_lake(session: Session, tenant_id: str) -> dict[str, int]:
    counts = {}
    for spec in TABLES.values():
        rows = session.lake.read(spec, tenants=[tenant_id]).frame
        count = int(rows.select("tenant_id").collect().height)
        if count:
            session.lake.upkeep.erase(spec, tenants=[tenant_id])
        session.lake.upkeep.purge(spec)  # older versions would still hold the rows
        counts[f"rows of the lake's {spec.name}"] = count
    return counts


def _erase_folders(session: Session, tenant_id: str) -> dict[str, int]:
    """Delete what lies in the home under the tenant's name: its models and copies of reports."""
    counts = {}
    for name in ("models", "reports"):
        folder = session.settings.home / name / tenant_id
        counts[f"files in {name}"] = sum(path.is_file() for path in folder.rglob("*"))
        shutil.rmtree(folder, ignore_errors=True)
    with session.database.jobs() as work:
        longer = [f"{one.id}-" for one in work.tenants.list() if one.id.startswith(f"{tenant_id}-")]
    for path in (session.settings.home / "rejects").glob(f"{tenant_id}-*.csv"):
        if path.name.startswith(tuple(longer)):
            continue  # of acme-hotels, not of acme
        path.unlink(missing_ok=True)
        counts["files in rejects"] = counts.get("files in rejects", 0) + 1
    return counts


def _erase_rows(session: Session, tenant_id: str) -> dict[str, int]:
    """Delete the tenant's rows, those that refer to others first."""
    counts = {}
    with session.database.jobs() as work:
        for table in reversed(metadata.sorted_tables):
            if "tenant_id" not in table.c or table.name in KEPT:
                continue
            statement = (
                delete(table).where(table.c.tenant_id == tenant_id).returning(table.c.tenant_id)
            )
            counts[f"rows of {table.name}"] = len(work.session.execute(statement).all())
    return counts
