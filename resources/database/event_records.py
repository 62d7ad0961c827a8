"""The outbox: what has happened and others have to hear of.

An event is written in the transaction of what it tells, so that neither exists without the other.
Whoever carries events out takes the unpublished ones in their order, delivers them, and marks them
in a transaction of its own: an event is delivered once or, after a kill, again, but never lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
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
from resources.database.schema import SCHEMA, TIMESTAMP, created_at, json_column, metadata


@dataclass(frozen=True)
class Event:
    """Something that has happened.

    Attributes:
        id: Random and immutable; who hears of an event twice knows it by this.
        tenant_id: Whose it is; None for what concerns the installation.
        type: What happened, from the general to the special, for example ``report.finished``.
        subject: What it happened to, for example a document's id.
        data: What else there is to know. No text of a review and no secret belongs here.
        created_at: When the transaction that wrote it began.
        published_at: When it was carried out; None until then.
    """

    id: uuid.UUID
    tenant_id: str | None
    type: str
    subject: str
    data: Mapping[str, Any]
    created_at: datetime
    published_at: datetime | None


events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("tenant_id", Text, ForeignKey(f"{SCHEMA}.tenants.id")),
    # Two events of one transaction have the same time.
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    json_column("data", empty="{}"),
    created_at(),
    Column("published_at", TIMESTAMP),
    CheckConstraint("type ~ '^[a-z_]+([.][a-z_]+)*$'", name="type_is_dotted"),
    Index("ix_events_unpublished", "position", postgresql_where=text("published_at is null")),
    Index(None, "tenant_id", "created_at"),
)


class EventRepository(Repository):
    """The outbox."""

    def add(
        self,
        kind: str,
        subject: str,
        *,
        tenant_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """Write an event into the transaction of what it tells.

        Args:
            kind: What happened, for example ``report.finished``.
            subject: What it happened to.
            tenant_id: Whose it is. The application can write its own tenant's events only.
            data: What else there is to know.
        """
        statement = insert(events).values(
            type=kind, subject=subject, tenant_id=tenant_id, data=dict(data or {})
        )
        return self._exactly_one(Event, statement.returning(events))

    def unpublished(self, limit: int = 100) -> tuple[Event, ...]:
        """Take the events that nobody has carried out yet, in the order they were written.

        They belong to this transaction until it ends: another one passes them over.

        Args:
            limit: How many at most.
        """
        statement = (
            select(events)
            .where(events.c.published_at.is_(None))
            .order_by(events.c.position)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self._all(Event, statement)

    def mark_published(self, published: Iterable[Event]) -> None:
        """Note that events were carried out; the first time is the one that stays."""
        statement = (
            update(events)
            .where(
                events.c.id.in_([event.id for event in published]),
                events.c.published_at.is_(None),
            )
            .values(published_at=func.clock_timestamp())
        )
        self._execute(statement)
