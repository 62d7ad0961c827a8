"""Reading a tenant's events, in pages and as they happen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool

from resources.database import Event
from resources.database.event_types import EVENT_TYPES
from serving_api.events.hub import LOOK_SECONDS, MAX_STREAM_SECONDS, EventHub, Listener
from serving_api.events.schemas import EventType, EventTypes, cloud_event, spelled
from serving_api.kit.auth import TenantSession, member_session
from serving_api.kit.errors import Problem
from serving_api.kit.permissions import Permission
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal

PERMISSION: Permission = "events:read"
_EVENTS_AT_ONCE = 100


@dataclass(frozen=True)
class Subscription:
    """What somebody listens to.

    Attributes:
        principal: Who listens.
        tenant_id: To whose events.
        after: The sequence of the last event that is known.
        types: Types, or beginnings of types; all when empty.
    """

    principal: Principal
    tenant_id: str
    after: int
    types: Sequence[str]


def event_types() -> EventTypes:
    """Every kind of event there is."""
    return EventTypes(
        items=[
            EventType(
                type=name, meaning=kind.meaning, subject=kind.subject, data_schema=kind.schema
            )
            for name, kind in EVENT_TYPES.items()
        ]
    )


def page(
    session: TenantSession, *, after: int, types: Sequence[str], limit: int
) -> tuple[list[Event], bool]:
    """Events behind a place, and whether there are more."""
    session.require(PERMISSION)
    found = session.work.events.read(session.tenant.id, after=after, types=types, limit=limit + 1)
    return list(found[:limit]), len(found) > limit


def subscribe(
    services: Services,
    principal: Principal,
    tenant: str,
    *,
    after: int | None,
    types: Sequence[str],
) -> Subscription:
    """See that somebody may listen, and from where on.

    Args:
        services: What the API stands on.
        principal: Who asks.
        tenant: Whose events.
        after: The last event that is known; what happens from now on when None.
        types: Types, or beginnings of types; all when empty.
    """
    with member_session(services, principal, tenant) as session:
        session.require(PERMISSION)
        known = session.work.events.last_sequence(tenant) if after is None else after
    return Subscription(principal, tenant, known, types)


async def stream(
    services: Services, hub: EventHub, listener: Listener, wanted: Subscription
) -> AsyncIterator[bytes]:
    """Events as they happen, until the client, its access or the process goes.

    With every look it is seen anew whether the listener still may: an access that is taken away is
    an event too, and ends the stream as soon as it is told.
    """
    after = wanted.after
    while not hub.is_closed and time.monotonic() - listener.began < MAX_STREAM_SECONDS:
        listener.news.clear()
        async with hub.reading:
            try:
                found = await run_in_threadpool(_read, services, wanted, after)
            except Problem:
                return  # no longer allowed; who asks anew is told why
        for event in found:
            yield listener.handed(
                format_sse_event(
                    data_str=cloud_event(event).model_dump_json(),
                    event=event.type,
                    id=spelled(event.sequence),
                )
            )
            listener.gave = None
            after = event.sequence
        if not found:
            yield listener.handed(KEEPALIVE_COMMENT)
            listener.gave = None
        if len(found) < _EVENTS_AT_ONCE:
            try:
                await asyncio.wait_for(listener.news.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue


def _read(services: Services, wanted: Subscription, after: int) -> tuple[Event, ...]:
    """The next events, for whoever may still read them once they have been read.

    Each statement sees what was committed before it: an access that was there at first may have
    been taken away by what was read after it.
    """
    with _look(services, wanted) as session:
        found = session.work.events.read(
            wanted.tenant_id, after=after, types=wanted.types, limit=_EVENTS_AT_ONCE
        )
    if found:
        with _look(services, wanted):
            pass
    return found


@contextmanager
def _look(services: Services, wanted: Subscription) -> Iterator[TenantSession]:
    """A session for who still may listen; opening the stream was the request that counts."""
    with member_session(services, wanted.principal, wanted.tenant_id, is_counted=False) as session:
        session.require(PERMISSION)
        yield session
