"""Addresses of the tenants slice."""

from __future__ import annotations

from fastapi import APIRouter, Response

from serving_api.kit.auth import AsMember, AsUser, serves
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.tenants import schemas, service

TAG = Tag(name="tenants", description="Organisations: making, reading, changing, closing them.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "unavailable"),
)
_OF_MEMBERS = documented("not-found", "insufficient-scope")
_CHANGING = documented(
    "forbidden",
    "insufficient-scope",
    "not-found",
    "invalid-parameters",
    "body-too-large",
)


@router.get("", operation_id="list_tenants", summary="The tenants one belongs to")
def list_tenants(session: AsUser) -> schemas.Tenants:
    """The tenants of the asking user, each with the user's role."""
    return service.list_tenants(session)


@router.post(
    "",
    operation_id="create_tenant",
    summary="Make an organisation",
    status_code=201,
    responses=documented(
        "email-not-verified",
        "insufficient-scope",
        "already-there",
        "invalid-parameters",
        "body-too-large",
        "too-many-requests",
    ),
)
def create_tenant(
    wanted: schemas.NewTenant, session: AsUser, services: CurrentServices, response: Response
) -> schemas.TenantOfUser:
    """Make an organisation on the smallest plan; whoever makes it becomes its owner."""
    tenant = service.create_tenant(session, wanted, services)
    response.headers["Location"] = f"/v1/tenants/{tenant.id}"
    return tenant


@router.get(
    "/{tenant}",  # noqa: FAST003 - AsMember takes it
    operation_id="read_tenant",
    summary="One tenant",
    responses=documented("not-found"),
)
@serves("suspended", "closing")
def read_tenant(session: AsMember, services: CurrentServices) -> schemas.TenantDetails:
    """A tenant, and what its current numbers stand on; of a suspended one, why it is."""
    return service.get_tenant(session, services.snapshots)


@router.patch(
    "/{tenant}",  # noqa: FAST003 - AsMember takes it
    operation_id="change_tenant",
    summary="Change a tenant",
    responses=_CHANGING,
)
def change_tenant(
    wanted: schemas.TenantChange, session: AsMember, services: CurrentServices
) -> schemas.TenantDetails:
    """Change the name or the colour. Owners and administrators may."""
    return service.change_tenant(session, wanted, services.snapshots)


@router.post(
    "/{tenant}/close",  # noqa: FAST003 - AsMember takes it
    operation_id="close_tenant",
    summary="Close a tenant",
    responses=_CHANGING | documented("wrong-status"),
)
def close_tenant(
    wanted: schemas.Closing, session: AsMember, services: CurrentServices
) -> schemas.TenantDetails:
    """Begin to close a tenant. Owners may.

    For 30 days it can be read, exported and opened again; after that it is erased.
    """
    return service.close_tenant(session, wanted, services.snapshots)


@router.post(
    "/{tenant}/reopen",  # noqa: FAST003 - AsMember takes it
    operation_id="reopen_tenant",
    summary="Open a tenant again",
    responses=documented("forbidden", "insufficient-scope", "not-found", "wrong-status"),
)
@serves("closing")
def reopen_tenant(session: AsMember, services: CurrentServices) -> schemas.TenantDetails:
    """Let a tenant that is closing be as before. Owners may."""
    return service.reopen_tenant(session, services.snapshots)


@router.get(
    "/{tenant}/usage",  # noqa: FAST003 - AsMember takes it
    operation_id="read_usage",
    summary="Usage and limits",
    responses=_OF_MEMBERS,
)
def read_usage(session: AsMember) -> schemas.Usage:
    """What the tenant has used in this month, beside what its plan allows."""
    return service.get_usage(session)


@router.get(
    "/{tenant}/features",  # noqa: FAST003 - AsMember takes it
    operation_id="read_features",
    summary="Features",
    responses=_OF_MEMBERS,
)
def read_features(session: AsMember) -> schemas.Features:
    """Which features the tenant has, and what decided it."""
    return service.get_features(session)
