"""Addresses of the events slice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, Field
from starlette.responses import StreamingResponse

from resources.database.event_types import EVENT_TYPES
from serving_api.events import schemas, service
from serving_api.events.hub import SLOW_SECONDS, EventHub, Listener
from serving_api.kit.auth import AsMember, CurrentPrincipal
from serving_api.kit.errors import documented
from serving_api.kit.negotiation import prefers
from serving_api.kit.openapi import Tag
from serving_api.kit.paging import link
from serving_api.kit.parameters import TenantPath
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="events", description="What has happened, for whoever has to hear of it.")
MAX_CONCURRENT_SUBSCRIPTIONS = 1

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated",
        "forbidden",
        "insufficient-scope",
        "not-found",
        "invalid-parameters",
        "unavailable",
    ),
)


def _refuse_unknown_types(types: list[str]) -> list[str]:
    for each in types:
        is_beginning = each.endswith(".") and any(name.startswith(each) for name in EVENT_TYPES)
        if each not in EVENT_TYPES and not is_beginning:
            raise ValueError("must be types of events, or their first word with a dot behind it")
    return types


Sequence = Annotated[int, Field(ge=0, le=schemas.MAX_SEQUENCE)]
Types = Annotated[
    list[str],
    Query(
        alias="type",
        max_length=50,
        description="Only these types, such as `report.finished`, or all that begin so: `report.`.",
    ),
    AfterValidator(_refuse_unknown_types),
]


@router.get(
    "/events",
    operation_id="list_events",
    summary="What has happened",
    response_model=schemas.Events,
    responses={
        200: {
            "content": {
                schemas.BATCH_TYPE: {
                    "schema": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/CloudEvent"},
                    }
                }
            }
        }
    },
)
def list_events(
    request: Request,
    session: AsMember,
    *,
    after: Annotated[
        Sequence, Query(description="The `sequence` of the last event that you know.")
    ] = 0,
    types: Types = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
) -> Response:
    """Events from a place in the tenant's chain on, the oldest first.

    Every event stays, so whoever keeps `next_after` misses none. As CloudEvents' batch format
    (`Accept: application/cloudevents-batch+json`) the answer is the list alone, and what follows is
    in the header `Link`.
    """
    found, has_more = service.page(session, after=after, types=types, limit=limit)
    next_after = found[-1].sequence if found else after
    parameters = [("after", str(next_after)), *(("type", each) for each in types)]
    following = link(request.url.path, [*parameters, ("limit", str(limit))])
    items = [schemas.cloud_event(event) for event in found]
    headers = {"Vary": "Accept, Authorization"}
    if prefers(accept, schemas.BATCH_TYPE, schemas.MEDIA_TYPE):
        if has_more:
            headers["Link"] = f'<{following}>; rel="next"'
        content = json.dumps([item.model_dump(mode="json") for item in items])
        return Response(content, headers=headers, media_type=schemas.BATCH_TYPE)
    answer = schemas.Events(
        items=items, next_after=next_after, next=following if has_more else None
    )
    return Response(answer.model_dump_json(), headers=headers, media_type=schemas.MEDIA_TYPE)


@router.get("/event-types", operation_id="list_event_types", summary="The kinds of events")
def list_event_types(session: AsMember) -> schemas.EventTypes:
    """Every kind of event there is, with what it tells."""
    session.require(service.PERMISSION)
    return service.event_types()


def subscription(
    services: CurrentServices,
    principal: CurrentPrincipal,
    tenant: TenantPath,
    *,
    types: Types = [],  # noqa: B006 - FastAPI copies it
    after: Annotated[
        Sequence | None,
        Query(
            description="The `sequence` of the last event that you know; only new ones if unset."
        ),
    ] = None,
    last_event_id: Annotated[
        Sequence | None,
        Header(alias="Last-Event-ID", description="As `after`; what browsers send by themselves."),
    ] = None,
) -> service.Subscription:
    """What the request wants to hear, and that it may."""
    known = after if last_event_id is None else last_event_id
    return service.subscribe(services, principal, tenant, after=known, types=types)


Wanted = Annotated[
    service.Subscription,
    Depends(subscription, max_concurrency=MAX_CONCURRENT_SUBSCRIPTIONS),
]


async def listening(request: Request, wanted: Wanted) -> AsyncIterator[Listener]:
    """A place among the listeners, until the answer has ended; a reader who is slow is cut off."""
    hub: EventHub = request.app.state.event_hub
    listener = hub.join(wanted.tenant_id)
    watch = asyncio.create_task(_cut_off_if_slow(listener, asyncio.current_task()))
    try:
        yield listener
    finally:
        watch.cancel()
        hub.leave(listener)


@router.get(
    "/events/stream",
    operation_id="stream_events",
    summary="What happens, as it happens",
    response_class=StreamingResponse,
    responses={
        200: {"content": {schemas.STREAM_TYPE: {"schema": {"type": "string"}}}},
        **documented("too-many-requests"),
    },
)
async def stream_events(
    request: Request,
    services: CurrentServices,
    wanted: Wanted,
    listener: Annotated[Listener, Depends(listening)],
) -> StreamingResponse:
    """Server-sent events: each is a CloudEvent, its id the event's `sequence`.

    The stream ends after fifteen minutes at the latest, when your access ends, and when the server
    stops. Come again with `Last-Event-ID`, as browsers do by themselves, and you miss nothing.
    """
    hub: EventHub = request.app.state.event_hub
    # FastAPI's own loop around a generator ends with an error when the reader goes; this does not.
    return StreamingResponse(
        service.stream(services, hub, listener, wanted),
        media_type=schemas.STREAM_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _cut_off_if_slow(listener: Listener, request: asyncio.Task[None] | None) -> None:
    while not listener.is_slow:  # noqa: ASYNC110 - nothing tells that somebody does nothing
        await asyncio.sleep(SLOW_SECONDS / 10)
    if request is not None:
        request.cancel("the reader takes nothing")
