"""Addresses of the sources slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.sources import schemas, service

TAG = Tag(name="sources", description="Where reviews are collected from.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/sources",
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
SourceId = Annotated[str, Path(description="The source's id, a UUID.")]


@router.get(
    "",
    operation_id="list_sources",
    summary="List sources",
    responses=documented("invalid-parameters", "invalid-cursor"),
)
def list_sources(
    parameters: Annotated[schemas.SourceListParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.SourcePage:
    """The sources by name, each with the last day on which it gave anything."""
    return service.list_sources(session, parameters, services.cursors)


@router.post(
    "",
    operation_id="create_source",
    summary="Make a source",
    status_code=201,
    responses={
        201: {
            "headers": {
                "Location": {"description": "Where it is read.", "schema": {"type": "string"}}
            }
        },
        **documented("name-taken", "invalid-parameters"),
    },
)
def create_source(
    wanted: schemas.NewSource, session: AsMember, response: Response
) -> schemas.Source:
    """Make a source, which the next daily run asks. Owners and administrators may."""
    made = service.create_source(session, wanted)
    response.headers["Location"] = f"/v1/tenants/{session.tenant.id}/sources/{made.id}"
    return made


@router.get("/{source_id}", operation_id="read_source", summary="One source")
def read_source(source_id: SourceId, session: AsMember) -> schemas.Source:
    """One source, and the last day on which it gave anything."""
    return service.get_source(session, source_id)


@router.patch(
    "/{source_id}",
    operation_id="change_source",
    summary="Change or pause a source",
    responses=documented("invalid-parameters"),
)
def change_source(
    source_id: SourceId,
    wanted: schemas.SourceChange,
    session: AsMember,
) -> schemas.Source:
    """Give a source another configuration, pause it, or go on with it.

    Owners and administrators may. Its name stays: its reviews are filed under it.
    """
    return service.change_source(session, source_id, wanted)


@router.delete(
    "/{source_id}",
    operation_id="remove_source",
    summary="Remove a source",
    status_code=204,
    responses=documented("in-use"),
)
def remove_source(source_id: SourceId, session: AsMember) -> None:
    """Remove a source that was never asked. One that was can be paused."""
    service.remove_source(session, source_id)
