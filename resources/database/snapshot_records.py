"""Which snapshots each tenant has, and which of them is the current one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.event_records import EventRepository
from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, json_column, metadata, tenant_column


@dataclass(frozen=True)
class SnapshotRecord:
    """One published snapshot.

    Attributes:
        tenant_id: Whose it is.
        version: Hash of its content.
        path: Its place below the root of the snapshots; a folder of one machine in old records.
        row_count: Rows of all its tables together.
        inputs: What it was made from, for example table to version.
        run_id: The Dagster run that made it.
        published_at: When it was first published.
    """

    tenant_id: str
    version: str
    path: str
    row_count: int
    inputs: Mapping[str, Any]
    run_id: str | None
    published_at: datetime


snapshots = Table(
    "snapshots",
    metadata,
    tenant_column(),
    Column("version", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    json_column("inputs", empty="{}"),
    Column("run_id", Text),
    Column("published_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "version"),
)

snapshot_pointers = Table(
    "snapshot_pointers",
    metadata,
    tenant_column(),
    Column("version", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id"),
    ForeignKeyConstraint(["tenant_id", "version"], [snapshots.c.tenant_id, snapshots.c.version]),
)


class SnapshotRepository(Repository):
    """The snapshots."""

    def point_to(
        self,
        tenant_id: str,
        version: str,
        *,
        path: str,
        row_count: int,
        inputs: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> SnapshotRecord:
        """Make a snapshot the tenant's current one; the first record of a version stays.

        That it is another one than before is an event.
        """
        before = self.session.scalar(
            select(snapshot_pointers.c.version).where(snapshot_pointers.c.tenant_id == tenant_id)
        )
        statement = insert(snapshots).values(
            tenant_id=tenant_id,
            version=version,
            path=path,
            row_count=row_count,
            inputs=dict(inputs or {}),
            run_id=run_id,
        )
        statement = statement.on_conflict_do_update(
            constraint=snapshots.primary_key, set_={"path": statement.excluded.path}
        )
        record = self._exactly_one(SnapshotRecord, statement.returning(snapshots))
        pointer = insert(snapshot_pointers).values(tenant_id=tenant_id, version=version)
        self._execute(
            pointer.on_conflict_do_update(
                constraint=snapshot_pointers.primary_key,
                set_={"version": pointer.excluded.version},
            )
        )
        if before != version:
            EventRepository(self.session).add(
                "metrics.updated", version, tenant_id=tenant_id, data={"rows": row_count}
            )
        return record

    def current(self, tenant_id: str) -> SnapshotRecord | None:
        """The tenant's current snapshot, if one was ever published."""
        statement = (
            select(snapshots)
            .join(snapshot_pointers)
            .where(snapshot_pointers.c.tenant_id == tenant_id)
        )
        return self._one(SnapshotRecord, statement)

    def currents(self) -> tuple[SnapshotRecord, ...]:
        """The current snapshot of every tenant in sight that has one, by tenant."""
        statement = select(snapshots).join(snapshot_pointers)
        return self._all(SnapshotRecord, statement.order_by(snapshots.c.tenant_id))

    def get(self, tenant_id: str, version: str) -> SnapshotRecord | None:
        """One snapshot of the tenant."""
        statement = select(snapshots).where(
            snapshots.c.tenant_id == tenant_id, snapshots.c.version == version
        )
        return self._one(SnapshotRecord, statement)

    def list(self, tenant_id: str) -> tuple[SnapshotRecord, ...]:
        """The tenant's snapshots, latest first."""
        statement = select(snapshots).where(snapshots.c.tenant_id == tenant_id)
        return self._all(SnapshotRecord, statement.order_by(snapshots.c.published_at.desc()))

    def forget(self, tenant_id: str, version: str) -> None:
        """Strike out a snapshot whose folder is gone.

        Raises:
            IntegrityError: If it is current, or if a report was made from it.
        """
        statement = delete(snapshots).where(
            snapshots.c.tenant_id == tenant_id, snapshots.c.version == version
        )
        self._execute(statement)
