"""Addresses of the analysis slice."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serving_api.analysis import schemas, service
from serving_api.analysis.metering import Meter
from serving_api.kit.auth import CurrentPrincipal, member_session, only_tenant
from serving_api.kit.caching import NO_STORE
from serving_api.kit.edge import takes_bodies
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag, inlined
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="analysis", description="Annotating texts while you wait.")

router = APIRouter(
    route_class=Route,
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated",
        "tenant-suspended",
        "limit-reached",
        "insufficient-scope",
        "not-found",
        "invalid-parameters",
        "body-too-large",
        "unavailable",
        "too-slow",
    ),
)

MAX_BODY_BYTES = 16 * 1024 * 1024  # whole texts
# How many requests may read a tenant's context from the database at the same time.
MAX_CONCURRENT_READINGS = 3

# The body is read after access was decided, and parsed in the thread that works on it: so it is
# described here rather than taken as a parameter.
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": inlined(schemas.AnalysisRequest)}},
    }
}


async def current_meter(request: Request) -> Meter:
    """The meter of the application that serves this request."""
    meter: Meter = request.app.state.meter
    return meter


def tenant_reading(
    services: CurrentServices,
    principal: CurrentPrincipal,
    meter: Annotated[Meter, Depends(current_meter)],
    tenant: Annotated[
        str | None,
        Query(description="Whose topics, aspects, names and models; the own one if only one."),
    ] = None,
) -> service.Reading:
    """What to annotate with; the database connection is released before annotating begins."""
    chosen = tenant if tenant is not None else only_tenant(services, principal)
    with member_session(services, principal, chosen) as session:
        meter.require_room(session)
        return service.Reading.of(session)


TenantReading = Annotated[
    service.Reading,
    Depends(tenant_reading, max_concurrency=MAX_CONCURRENT_READINGS),
]


async def current_analyzer(request: Request) -> service.Analyzer:
    """The analyzer of the application that serves this request."""
    analyzer: service.Analyzer = request.app.state.analyzer
    return analyzer


CurrentAnalyzer = Annotated[service.Analyzer, Depends(current_analyzer)]


@router.post(
    "/v1/analyze",
    operation_id="analyze_texts",
    summary="Annotate texts",
    response_model=schemas.Analysis,
    openapi_extra=_BODY,
)
@takes_bodies(up_to=MAX_BODY_BYTES)
@without_key(
    "nothing of it is stored, so sending it twice has no second effect", changes_nothing=True
)
async def analyze_texts(
    request: Request, reading: TenantReading, analyzer: CurrentAnalyzer
) -> Response:
    """Up to 1,000 texts, read as the tenant's reviews are. Nothing of them is stored.

    Requests take turns, so that a short one is answered soon whatever others have sent. One that
    has no answer in time is ended.
    """

    async def until_left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer = await analyzer.analyze(await request.body(), reading, until_left)
    return Response(answer, headers={"Cache-Control": NO_STORE}, media_type="application/json")
