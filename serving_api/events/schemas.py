"""Shapes of the events slice: CloudEvents 1.0, with what the chain needs as extensions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from resources.database import Event

MEDIA_TYPE = "application/json"
BATCH_TYPE = "application/cloudevents-batch+json"
STREAM_TYPE = "text/event-stream"


MAX_SEQUENCE = 2**63 - 1


def spelled(sequence: int) -> str:
    """A place in a chain as CloudEvents' extension ``sequence`` asks for it: it sorts as text."""
    return str(sequence).zfill(len(str(MAX_SEQUENCE)))


class CloudEvent(BaseModel):
    """One event (CloudEvents 1.0)."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="Random and immutable; who hears of it twice knows it by this.")
    source: str = Field(description="Whose events these are: `/reviewgraph/tenants/{tenant}`.")
    type: str = Field(description="What happened, for example `report.finished`.")
    subject: str = Field(description="What it happened to.")
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any] = Field(description="What else there is to know, by the type.")
    sequence: str = Field(
        description="Its place in the tenant's chain, from 1 without a gap; zeros stand before it, "
        "so that it sorts as text.",
        examples=[spelled(1042)],
    )
    actor: str = Field(description="Who did it: `user:` or `key:` and an id, or `system`.")
    previoushash: str = Field(description="Hash of the event before it; empty for the first.")
    hash: str = Field(description="SHA-256 over this event and the hash of the one before it.")


class Events(BaseModel):
    """A stretch of the chain."""

    items: list[CloudEvent]
    next_after: int = Field(description="Give it as `after` to read on, now or later.")
    next: str | None = Field(description="Address of what follows; null where there is no more.")


class EventType(BaseModel):
    """A kind of event."""

    type: str
    meaning: str
    subject: str = Field(description="What the subject of such an event names.")
    data_schema: dict[str, Any] = Field(description="JSON Schema of its data.")


class EventTypes(BaseModel):
    """Every kind of event there is."""

    items: list[EventType]


def cloud_event(event: Event) -> CloudEvent:
    """An event as it is shown."""
    return CloudEvent(
        id=str(event.id),
        source=f"{event.source}/tenants/{event.tenant_id}",
        type=event.type,
        subject=event.subject,
        time=event.created_at,
        data=dict(event.data),
        sequence=spelled(event.sequence),
        actor=event.actor,
        previoushash=event.previous_hash.hex(),
        hash=event.hash.hex(),
    )
