"""Where reviews come from: sources, and the tasks bought from DataForSEO for them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import DuplicateError
from resources.database.plan_limits import PlanLimits
from resources.database.repository import Repository
from resources.database.schema import (
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    one_of,
    tenant_column,
)
from resources.database.tenancy import tenants

TaskStatus = Literal["planned", "posted", "collected", "failed"]
TASK_STATUSES: tuple[TaskStatus, ...] = ("planned", "posted", "collected", "failed")
OPEN_TASK_STATUSES: tuple[TaskStatus, ...] = ("planned", "posted")


@dataclass(frozen=True)
class Source:
    """A place that is asked for new reviews every day.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose it is.
        kind: Which collector asks it, for example ``google_reviews``.
        name: Unique within the tenant; becomes the reviews' ``source``.
        config: What the collector needs to know, for example the place's identifier.
        is_active: Whether it is asked at all.
        created_at: When it was made.
    """

    id: uuid.UUID
    tenant_id: str
    kind: str
    name: str
    config: Mapping[str, Any]
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class DataForSEOTask:
    """A task bought from DataForSEO, from the intention to buy it to its rows in the lake.

    Attributes:
        tenant_id: Whose it is.
        tag: Our own name for it, sent along; unique within the tenant. A run that was killed
            between buying and noting the purchase finds the task again by its tag.
        id: DataForSEO's name for it, null while only planned.
        source_id: The source it asks.
        day: The ingestion day it collects for.
        status: ``planned``, ``posted``, ``collected`` or ``failed``.
        cost_usd: What it cost, in US dollars.
        posted_at: When it was bought.
        collected_at: When its rows had landed.
        error: Why it failed.
    """

    tenant_id: str
    tag: str
    id: str | None
    source_id: uuid.UUID | None
    day: date
    status: TaskStatus
    cost_usd: float
    posted_at: datetime | None
    collected_at: datetime | None
    error: str | None


sources = Table(
    "sources",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    json_column("config", empty="{}"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    created_at(),
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("tenant_id", "id"),
)

dataforseo_tasks = Table(
    "dataforseo_tasks",
    metadata,
    tenant_column(),
    Column("tag", Text, nullable=False),
    Column("id", Text),
    Column("source_id", Uuid),
    Column("day", Date, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'planned'")),
    Column("cost_usd", Double, nullable=False, server_default=text("0")),
    Column("posted_at", TIMESTAMP),
    Column("collected_at", TIMESTAMP),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "tag"),
    UniqueConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "source_id"], [sources.c.tenant_id, sources.c.id]),
    CheckConstraint(one_of("status", TASK_STATUSES), name="status"),
    CheckConstraint("status in ('planned', 'failed') or id is not null", name="posted_has_id"),
    Index(None, "tenant_id", "source_id"),
    Index(
        "ix_dataforseo_tasks_open",
        "day",
        postgresql_where=text(one_of("status", OPEN_TASK_STATUSES)),
    ),
)


class SourceRepository(Repository):
    """The sources."""

    def create(
        self, tenant_id: str, kind: str, name: str, config: Mapping[str, Any] | None = None
    ) -> Source:
        """Add a source, or bring the tenant's source of that name up to date.

        Raises:
            LimitReachedError: If the tenant's plan allows no further active source.
        """
        is_asked = select(sources.c.id).where(
            sources.c.tenant_id == tenant_id, sources.c.name == name, sources.c.is_active
        )
        if self._execute(is_asked).first() is None:
            PlanLimits(self.session).admit(tenant_id, "sources")
        statement = insert(sources).values(
            tenant_id=tenant_id, kind=kind, name=name, config=dict(config or {})
        )
        statement = statement.on_conflict_do_update(
            index_elements=[sources.c.tenant_id, sources.c.name],
            set_={
                "kind": statement.excluded.kind,
                "config": statement.excluded.config,
                "is_active": True,
            },
        )
        return self._exactly_one(Source, statement.returning(sources))

    def add(
        self, tenant_id: str, kind: str, name: str, config: Mapping[str, Any], *, is_active: bool
    ) -> Source:
        """Add a source under a name that is free.

        Raises:
            DuplicateError: If the tenant has a source of that name.
        """
        if is_active:
            PlanLimits(self.session).admit(tenant_id, "sources")
        statement = (
            insert(sources)
            .values(
                tenant_id=tenant_id, kind=kind, name=name, config=dict(config), is_active=is_active
            )
            .on_conflict_do_nothing()
            .returning(sources)
        )
        source = self._one(Source, statement)
        if source is None:
            raise DuplicateError(f"There is a source {name!r} already. Choose another name.")
        return source

    def change(
        self,
        tenant_id: str,
        source_id: uuid.UUID,
        *,
        config: Mapping[str, Any] | None = None,
        is_active: bool | None = None,
    ) -> Source | None:
        """Change what is given of a source and leave the rest; None if there is no such source."""
        given = {"config": None if config is None else dict(config), "is_active": is_active}
        changes = {name: value for name, value in given.items() if value is not None}
        found = self.get(tenant_id, source_id)
        if not changes or found is None:
            return found
        if is_active and not found.is_active:
            PlanLimits(self.session).admit(tenant_id, "sources")
        statement = (
            update(sources)
            .where(sources.c.tenant_id == tenant_id, sources.c.id == source_id)
            .values(**changes)
            .returning(sources)
        )
        return self._one(Source, statement)

    def remove(self, tenant_id: str, source_id: uuid.UUID) -> bool:
        """Strike out a source that has never bought a task; whether it was struck out.

        What tasks cost is told by their source: one that has bought any stays, and can be paused.
        """
        has_asked = exists().where(
            dataforseo_tasks.c.tenant_id == tenant_id, dataforseo_tasks.c.source_id == source_id
        )
        statement = (
            delete(sources)
            .where(sources.c.tenant_id == tenant_id, sources.c.id == source_id, ~has_asked)
            .returning(sources.c.id)
        )
        return self._execute(statement).one_or_none() is not None

    def page(self, tenant_id: str, *, limit: int, after: str | None = None) -> tuple[Source, ...]:
        """Some of the tenant's sources, by name.

        Args:
            tenant_id: The tenant.
            limit: How many at most.
            after: The name behind which to begin; the first one when not given.
        """
        statement = select(sources).where(sources.c.tenant_id == tenant_id)
        if after is not None:
            statement = statement.where(sources.c.name > after)
        return self._all(Source, statement.order_by(sources.c.name).limit(limit))

    def get(self, tenant_id: str, source_id: uuid.UUID) -> Source | None:
        """One source of the tenant."""
        statement = select(sources).where(
            sources.c.tenant_id == tenant_id, sources.c.id == source_id
        )
        return self._one(Source, statement)

    def list(self, tenant_id: str) -> tuple[Source, ...]:
        """The tenant's sources, by name."""
        statement = select(sources).where(sources.c.tenant_id == tenant_id)
        return self._all(Source, statement.order_by(sources.c.name))

    def active(self, kind: str) -> tuple[Source, ...]:
        """The sources of that kind that are to be asked, of all active tenants in sight."""
        statement = (
            select(sources)
            .join(tenants, tenants.c.id == sources.c.tenant_id)
            .where(sources.c.kind == kind, sources.c.is_active, tenants.c.status == "active")
        )
        return self._all(Source, statement.order_by(sources.c.tenant_id, sources.c.name))

    def set_active(self, tenant_id: str, source_id: uuid.UUID, *, is_active: bool) -> Source | None:
        """Begin or cease to ask a source.

        Raises:
            LimitReachedError: If the tenant's plan allows no further active source.
        """
        found = self.get(tenant_id, source_id)
        if is_active and found is not None and not found.is_active:
            PlanLimits(self.session).admit(tenant_id, "sources")
        statement = (
            update(sources)
            .where(sources.c.tenant_id == tenant_id, sources.c.id == source_id)
            .values(is_active=is_active)
            .returning(sources)
        )
        return self._one(Source, statement)


class TaskRepository(Repository):
    """The tasks bought from DataForSEO.

    The life of a task: ``plan`` (commit), buy, ``posted`` (commit), wait, land its rows,
    ``collected`` (commit). Whatever is open after a crash is taken up where it was left.
    """

    def plan(
        self, tenant_id: str, tag: str, day: date, source_id: uuid.UUID | None = None
    ) -> DataForSEOTask:
        """Note the intention to buy a task; one that is there already is returned as it is."""
        statement = insert(dataforseo_tasks).values(
            tenant_id=tenant_id, tag=tag, day=day, source_id=source_id
        )
        self._execute(statement.on_conflict_do_nothing())
        task = self.get(tenant_id, tag)
        if task is None:  # row-level security would have refused the insert
            raise LookupError(tag)
        return task

    def get(self, tenant_id: str, tag: str) -> DataForSEOTask | None:
        """One task of the tenant."""
        return self._one(DataForSEOTask, select(dataforseo_tasks).where(*_is(tenant_id, tag)))

    def posted(self, tenant_id: str, tag: str, task_id: str, *, cost_usd: float) -> None:
        """Note that a task was bought."""
        self._change(
            tenant_id, tag, status="posted", id=task_id, cost_usd=cost_usd, posted_at=func.now()
        )

    def collected(self, tenant_id: str, tag: str) -> None:
        """Note that a task's rows have landed."""
        self._change(tenant_id, tag, status="collected", collected_at=func.now(), error=None)

    def failed(self, tenant_id: str, tag: str, error: str) -> None:
        """Note that a task came to nothing, and why."""
        self._change(tenant_id, tag, status="failed", error=error)

    def open(
        self, *, day: date | None = None, source_id: uuid.UUID | None = None
    ) -> tuple[DataForSEOTask, ...]:
        """The tasks that are planned or posted, of all tenants in sight."""
        statement = select(dataforseo_tasks).where(
            dataforseo_tasks.c.status.in_(OPEN_TASK_STATUSES)
        )
        if day is not None:
            statement = statement.where(dataforseo_tasks.c.day == day)
        if source_id is not None:
            statement = statement.where(dataforseo_tasks.c.source_id == source_id)
        order = (dataforseo_tasks.c.day, dataforseo_tasks.c.tenant_id, dataforseo_tasks.c.tag)
        return self._all(DataForSEOTask, statement.order_by(*order))

    def list(self, tenant_id: str, *, day: date | None = None) -> tuple[DataForSEOTask, ...]:
        """The tenant's tasks, by day and tag."""
        statement = select(dataforseo_tasks).where(dataforseo_tasks.c.tenant_id == tenant_id)
        if day is not None:
            statement = statement.where(dataforseo_tasks.c.day == day)
        order = (dataforseo_tasks.c.day, dataforseo_tasks.c.tag)
        return self._all(DataForSEOTask, statement.order_by(*order))

    def _change(self, tenant_id: str, tag: str, **values: Any) -> None:
        self._execute(update(dataforseo_tasks).where(*_is(tenant_id, tag)).values(**values))


def _is(tenant_id: str, tag: str) -> tuple[Any, Any]:
    return dataforseo_tasks.c.tenant_id == tenant_id, dataforseo_tasks.c.tag == tag
