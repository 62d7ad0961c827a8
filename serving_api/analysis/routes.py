"""Addresses of the analysis slice."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serving_api.analysis import schemas, service
from serving_api.kit.auth import ANALYSTS_AT_ONCE, CurrentPrincipal, member_session, only_tenant
from serving_api.kit.caching import NO_STORE
from serving_api.kit.errors import documented
from serving_api.kit.openapi import inlined
from serving_api.kit.services import CurrentServices

router = APIRouter(
    tags=["analysis"],
    responses=documented(
        "unauthenticated", "not-found", "invalid-parameters", "body-too-large", "unavailable"
    ),
)

# The body is read after access was decided, and parsed in the thread that works on it: so it is
# described here rather than taken as a parameter.
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": inlined(schemas.AnalysisRequest)}},
    }
}


def tenant_reading(
    services: CurrentServices,
    principal: CurrentPrincipal,
    tenant: Annotated[
        str | None,
        Query(description="Whose topics, aspects, names and models; the own one if only one."),
    ] = None,
) -> service.Reading:
    """What to read with; the database is let go of before the reading begins."""
    chosen = tenant if tenant is not None else only_tenant(services, principal)
    with member_session(services, principal, chosen) as session:
        return service.Reading.of(session)


TenantReading = Annotated[
    service.Reading,
    Depends(tenant_reading, max_concurrency=ANALYSTS_AT_ONCE),
]


@router.post(
    "/v1/analyze",
    operation_id="analyze_texts",
    summary="Understand texts",
    response_model=schemas.Analysis,
    openapi_extra=_BODY,
)
async def analyze_texts(
    request: Request, reading: TenantReading, services: CurrentServices
) -> Response:
    """Up to 1,000 texts, read as the tenant's reviews are. Nothing of them is stored."""
    body = await request.body()
    answer = await to_thread.run_sync(
        service.analyze, body, reading, services.analyses, limiter=services.analysts
    )
    return Response(answer, headers={"Cache-Control": NO_STORE}, media_type="application/json")
