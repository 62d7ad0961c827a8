"""Addresses of the health slice."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from resources.telemetry.figures import MEDIA_TYPE, render
from serving_api.health import schemas, service
from serving_api.kit.errors import Problem, documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="health", description="For whoever runs the API.")

router = APIRouter(route_class=Route, tags=[TAG["name"]])


@router.get("/healthz", operation_id="read_health", summary="Is the API alive")
async def read_health() -> schemas.Health:
    """Answers as long as the process serves requests; looks at nothing else."""
    return schemas.Health(status="ok")


@router.get(
    "/readyz",
    operation_id="read_readiness",
    summary="Can the API do its work",
    responses={503: {"model": schemas.Readiness, "description": "A check fails."}},
)
def read_readiness(services: CurrentServices, response: Response) -> schemas.Readiness:
    """Asks the database and looks at the snapshots."""
    readiness = service.readiness(services.database, services.snapshots)
    if readiness.status != "ok":
        response.status_code = 503
    return readiness


@router.get(
    "/metrics",
    operation_id="read_figures",
    summary="Figures for Prometheus",
    response_class=PlainTextResponse,
    responses=documented("not-found"),
)
def read_figures(request: Request, services: CurrentServices) -> Response:
    """How many requests were answered and how long they took, by route, of this process alone.

    For this machine, or for who shows the token that the installation has set for it.
    """
    if not service.may_read_figures(request, services.database.settings):
        raise Problem("not-found")
    return Response(render(), media_type=MEDIA_TYPE)
