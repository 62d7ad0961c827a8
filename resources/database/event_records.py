"""What has happened: events that are written with their cause, and never changed.

An event is written in the transaction of what it tells, so that neither exists without the other.
The database adds who did it and chains it to the one before: see ``event_chain``. Whoever carries
events out takes the unpublished ones in their order, delivers them, and marks them in a transaction
of its own: an event is delivered once or, after a kill, again, but never lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
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
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    insert,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as insert_unless_there

from resources.database.event_types import check_event
from resources.database.repository import Repository
from resources.database.schema import SCHEMA, TIMESTAMP, created_at, json_column, metadata

SOURCE = "/reviewgraph"
"""Where events come from, as CloudEvents names it; a tenant's have its id behind it."""


@dataclass(frozen=True)
class Event:
    """Something that has happened.

    Attributes:
        id: Random and immutable; who hears of an event twice knows it by this.
        tenant_id: Whose it is; None for what concerns the installation.
        sequence: Its place in the tenant's chain, from 1 and without a gap.
        type: What happened, from the general to the special, for example ``report.finished``.
        subject: What it happened to, for example a document's id.
        actor: Who did it: ``user:`` or ``key:`` and an id, or ``system``.
        data: What else there is to know. No text of a review and no secret belongs here.
        source: Where it comes from.
        created_at: When the transaction that wrote it began.
        previous_hash: The hash of the event before it; empty for the first.
        hash: Over all of the above.
    """

    id: uuid.UUID
    tenant_id: str | None
    sequence: int
    type: str
    subject: str
    actor: str
    data: Mapping[str, Any]
    source: str
    created_at: datetime
    previous_hash: bytes
    hash: bytes


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
    Column("source", Text, nullable=False, server_default=text(f"'{SOURCE}'")),
    Column("actor", Text, nullable=False, server_default=text("'system'")),
    Column("sequence", BigInteger, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("type ~ '^[a-z_]+([.][a-z_]+)*$'", name="type_is_dotted"),
    Index(None, "tenant_id", "sequence", unique=True, postgresql_nulls_not_distinct=True),
    Index(None, "tenant_id", "created_at"),
)

event_publications = Table(
    "event_publications",
    metadata,
    Column("event_id", Uuid, ForeignKey(events.c.id), primary_key=True),
    Column("tenant_id", Text, ForeignKey(f"{SCHEMA}.tenants.id"), index=True),
    Column("published_at", TIMESTAMP, nullable=False),
)


class EventRepository(Repository):
    """The events."""

    def add(
        self,
        kind: str,
        subject: str,
        *,
        tenant_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> uuid.UUID:
        """Write an event into the transaction of what it tells.

        Until the transaction ends, others who write events of this tenant wait: add it last. Who
        adds events of an account and of a tenant adds that of the account first.

        Args:
            kind: What happened, a name in ``event_types``, for example ``report.finished``.
            subject: What it happened to.
            tenant_id: Whose it is. The application can write its own tenant's events, and without
                a tenant those of the user that it works for, whom ``data["user"]`` names.
            data: What else there is to know.

        Returns:
            The event's id.

        Raises:
            ValueError: If the type is not registered or the data are not those of the type.
        """
        given = dict(data or {})
        check_event(kind, given)
        event_id = uuid.uuid4()
        self._execute(
            insert(events).values(
                id=event_id, type=kind, subject=subject, tenant_id=tenant_id, data=given
            )
        )
        return event_id

    def read(
        self, tenant_id: str, *, after: int = 0, types: Collection[str] = (), limit: int = 100
    ) -> tuple[Event, ...]:
        """A tenant's events behind a place in its chain, in their order.

        Args:
            tenant_id: The tenant.
            after: The sequence of the last event that is known.
            types: Types, or beginnings of types that end in ``.``; all when empty.
            limit: How many at most.
        """
        statement = select(events).where(events.c.tenant_id == tenant_id, events.c.sequence > after)
        if types:
            statement = statement.where(
                or_(
                    *(
                        events.c.type.startswith(each, autoescape=True)
                        if each.endswith(".")
                        else events.c.type == each
                        for each in types
                    )
                )
            )
        return self._all(Event, statement.order_by(events.c.sequence).limit(limit))

    def last_sequence(self, tenant_id: str) -> int:
        """The sequence of a tenant's latest event; 0 where there is none."""
        statement = select(func.coalesce(func.max(events.c.sequence), 0))
        return int(self.session.scalar(statement.where(events.c.tenant_id == tenant_id)) or 0)

    def unpublished(self, limit: int = 100) -> tuple[Event, ...]:
        """Take the events that nobody has carried out yet, in the order they were written.

        Until this transaction ends, nobody else takes any: they are carried out in their order.

        Args:
            limit: How many at most.

        Returns:
            The events; none while somebody else carries some out.
        """
        is_mine = text("select pg_try_advisory_xact_lock(hashtextextended('event publisher', 0))")
        if not self.session.scalar(is_mine):
            return ()
        is_published = select(literal(1)).where(event_publications.c.event_id == events.c.id)
        statement = (
            select(events).where(~is_published.exists()).order_by(events.c.position).limit(limit)
        )
        return self._all(Event, statement)

    def mark_published(self, published: Iterable[Event]) -> None:
        """Note that events were carried out; the first time is the one that stays."""
        rows = [
            {"event_id": each.id, "tenant_id": each.tenant_id, "published_at": func.now()}
            for each in published
        ]
        if rows:
            self._execute(
                insert_unless_there(event_publications).values(rows).on_conflict_do_nothing()
            )
