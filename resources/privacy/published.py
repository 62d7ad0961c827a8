"""Taking a person out of what was published: snapshots, reports, and their files."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from resources.database import Database
from resources.privacy.subjects import Marker
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import (
    Snapshot,
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
)


def holding(
    database: Database, snapshots: SnapshotStore, tenant_id: str, review_keys: Collection[str]
) -> list[str]:
    """The versions of a tenant that hold one of some reviews; what cannot be read may hold it."""
    if not review_keys:
        return []
    with database.jobs() as work:
        recorded = {record.version for record in work.snapshots.list(tenant_id)}
    return [
        version
        for version in sorted(recorded | set(snapshots.versions(tenant_id)))
        if _holds(snapshots, tenant_id, version, review_keys)
    ]


def _holds(
    snapshots: SnapshotStore, tenant_id: str, version: str, review_keys: Collection[str]
) -> bool:
    try:
        snapshot = snapshots.open(tenant_id, version)
    except SnapshotMissingError:
        return False
    except SnapshotDamagedError:
        return True
    return bool(_keys(snapshot) & set(review_keys))


def _keys(snapshot: Snapshot) -> set[str]:
    return set(snapshot.query("select review_key from reviews")["review_key"].to_pylist())


def keys_bearing(
    snapshots: SnapshotStore, tenant_id: str, marks: Collection[str], marker: Marker
) -> set[str]:
    """The keys of reviews that bear one of some marks, in any version that can be read."""
    found: set[str] = set()
    for version in snapshots.versions(tenant_id):
        try:
            keys = _keys(snapshots.open(tenant_id, version))
        except (SnapshotMissingError, SnapshotDamagedError):
            continue
        found |= {key for key in keys if marker.known("key", key) & set(marks)}
    return found


def withdraw(
    database: Database,
    snapshots: SnapshotStore,
    objects: ObjectStore,
    tenant_id: str,
    versions: Collection[str],
) -> dict[str, int]:
    """Delete versions of a tenant, with the reports that were made from them.

    A report that somebody asked for is queued again, to be written from the current version. The
    files go before the rows that name them, so that whoever is killed in between finds them again.

    Returns:
        A 1 for each snapshot and each file of a report.
    """
    removed: dict[str, int] = {}
    with database.jobs() as work:
        current = work.snapshots.current(tenant_id)
    unwanted = [one for one in versions if current is None or one != current.version]
    for version in unwanted:
        with database.jobs() as work:
            documents = work.report_withdrawals.of_version(tenant_id, version)
        for document in documents:
            with database.jobs() as work:
                others = work.report_withdrawals.kept_files(tenant_id, but=document)
                for file in document.files:
                    if file["key"] not in others:
                        objects.delete(file["key"])
                        removed[f"object {file['key']}"] = 1
                work.report_withdrawals.withdraw(document)
        with database.jobs() as work:
            work.snapshots.forget(tenant_id, version)
        keep = set(snapshots.versions(tenant_id)) - {version}
        snapshots.prune(tenant_id, keep)
        removed[f"snapshot {tenant_id}/{version}"] = 1
    return removed


def drop_unnamed(
    database: Database, objects: ObjectStore, tenant_id: str, before: datetime
) -> dict[str, int]:
    """Delete files that no report names, such as those that a killed run has left.

    Args:
        database: Where the reports are recorded.
        objects: Where the files are.
        tenant_id: The tenant.
        before: Younger files may be a report's that is just being written.
    """
    with database.jobs() as work:
        named = work.report_withdrawals.kept_files(tenant_id)
    removed = {}
    for key in objects.keys(tenant_id, before=before):
        if key not in named:
            objects.delete(key)
            removed[f"object {key}"] = 1
    return removed
