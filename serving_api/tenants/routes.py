"""Addresses of the tenants slice."""

from __future__ import annotations

from fastapi import APIRouter

from serving_api.kit.auth import AsMember, AsUser
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.tenants import schemas, service

TAG = Tag(name="tenants", description="The tenants one belongs to.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "unavailable"),
)


@router.get("", operation_id="list_tenants", summary="The tenants one belongs to")
def list_tenants(session: AsUser) -> schemas.Tenants:
    """The tenants of the asking user, each with the user's role."""
    return service.list_tenants(session)


@router.get(
    "/{tenant}",  # noqa: FAST003 - AsMember takes it
    operation_id="read_tenant",
    summary="One tenant",
    responses=documented("not-found"),
)
def read_tenant(session: AsMember, services: CurrentServices) -> schemas.TenantDetails:
    """A tenant, and what its current numbers stand on."""
    return service.get_tenant(session, services.snapshots)
