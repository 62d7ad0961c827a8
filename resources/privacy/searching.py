"""Looking into every place in which a person may still be: the proof that an erasure is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, NullPool, create_engine

from resources.database import Database
from resources.privacy import published
from resources.privacy.files import count_in_files
from resources.privacy.finding import Found, find
from resources.privacy.lake import count_rows
from resources.privacy.subjects import Marker
from resources.privacy.tables import count_in_libraries, count_in_tenant
from resources.privacy.traces import Traces
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore

Removed = dict[str, int]
"""Places by name, and how much was taken out of each, or is in it."""


@dataclass(frozen=True)
class Installation:
    """What is erased from."""

    settings: Settings
    database: Database
    lake: Lake
    snapshots: SnapshotStore
    objects: ObjectStore


def search(
    on: Installation,
    tenant_id: str,
    found: Found,
    *,
    traces: Traces,
    marks: Collection[str],
    removed: Collection[str],
) -> Removed:
    """Look into every place that was touched or may quote; how much of the person is there.

    Args:
        on: Where to look.
        tenant_id: Whose reviews.
        found: What the person's records were.
        traces: What is looked for in the words of others.
        marks: By what the person is known.
        removed: Places that something was taken out of; files among them must be gone.
    """
    again = find(on.lake, tenant_id, marks, Marker(on.database.keys, tenant_id))
    searched = count_rows(on.lake, tenant_id, found)
    searched["lake raw_reviews"] += again.record_count
    holding = published.holding(on.database, on.snapshots, tenant_id, found.review_keys)
    with on.database.jobs() as work:
        versions = {record.version for record in work.snapshots.list(tenant_id)}
        said = work.corrections.count(tenant_id, found.review_keys)
        searched["table reviewgraph.corrections"] = said
        tenants = [tenant.id for tenant in work.tenants.list()]
        searched |= count_in_tenant(work.session.connection(), tenant_id, traces)
    with as_owner(on.database) as connection:
        searched |= count_in_libraries(connection, traces)
    for version in versions | set(holding) | set(on.snapshots.versions(tenant_id)):
        searched[f"snapshot {tenant_id}/{version}"] = int(version in holding)
    for place in removed:
        kind, _, name = place.partition(" ")
        if kind == "object":
            searched[place] = int(on.objects.exists(name))
        elif kind == "snapshot":
            searched[place] = int(name.partition("/")[2] in holding)
    return searched | count_in_files(on.settings.home, tenant_id, traces, tenants)


@contextmanager
def as_owner(database: Database) -> Iterator[Connection]:
    """A connection of the tables' owner, outside of any transaction."""
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
