"""Addresses of the health slice."""

from __future__ import annotations

from fastapi import APIRouter, Response

from serving_api.health import schemas, service
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
