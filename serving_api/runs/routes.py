"""Addresses of the runs slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.runs import schemas, service

TAG = Tag(name="runs", description="What was done day by day, and how fresh the numbers are.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "not-found", "unavailable"),
)


@router.get(
    "/runs",
    operation_id="list_runs",
    summary="What was done day by day",
    responses=documented("invalid-parameters", "invalid-cursor"),
)
def list_runs(
    parameters: Annotated[schemas.RunsParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.RunsPage:
    """The days on which reviews came in, the latest first: what each stage did, and what is due."""
    return service.list_runs(session, parameters, services.cursors)


@router.get("/freshness", operation_id="read_freshness", summary="How fresh the numbers are")
def read_freshness(session: AsMember) -> schemas.Freshness:
    """When the numbers were published, and what stands between them and today's."""
    return service.get_freshness(session)
