"""Addresses of the workspaces slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.workspaces import schemas, service

TAG = Tag(name="workspaces", description="The brands, places and teams of a tenant.")

router = APIRouter(
    prefix="/v1/tenants/{tenant}/workspaces",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "not-found", "unavailable"),
    route_class=Route,
)
_WRITING = ("forbidden", "insufficient-scope")
_WRITING_BODIES = (*_WRITING, "already-there", "invalid-parameters", "body-too-large")
WorkspaceId = Annotated[str, Path(description="The workspace's id, a UUID.")]


@router.get(
    "",
    operation_id="list_workspaces",
    summary="The workspaces",
    responses=documented("invalid-parameters"),
)
def list_workspaces(
    session: AsMember,
    archived: Annotated[
        bool, Query(description="Whether those that are out of use are listed, too.")
    ] = False,
) -> schemas.Workspaces:
    """The workspaces of the tenant, by name, each with what belongs to it."""
    return service.list_workspaces(session, archived=archived)


@router.post(
    "",
    operation_id="create_workspace",
    summary="Make a workspace",
    status_code=201,
    responses=documented(*_WRITING_BODIES),
)
def create_workspace(wanted: schemas.NewWorkspace, session: AsMember) -> schemas.Workspace:
    """Add a brand, place or team. Owners and administrators may."""
    return service.create_workspace(session, wanted)


@router.get("/{workspace_id}", operation_id="read_workspace", summary="One workspace")
def read_workspace(workspace_id: WorkspaceId, session: AsMember) -> schemas.Workspace:
    """One workspace, and the products, locations and sources that belong to it."""
    return service.read_workspace(session, workspace_id)


@router.patch(
    "/{workspace_id}",
    operation_id="rename_workspace",
    summary="Rename a workspace",
    responses=documented(*_WRITING_BODIES),
)
def rename_workspace(
    workspace_id: WorkspaceId, wanted: schemas.WorkspaceChange, session: AsMember
) -> schemas.Workspace:
    """Give a workspace another name. Owners and administrators may."""
    return service.rename_workspace(session, workspace_id, wanted)


@router.put(
    "/{workspace_id}/contents",
    operation_id="fill_workspace",
    summary="Say what belongs to a workspace",
    responses=documented(*_WRITING, "invalid-parameters", "body-too-large"),
)
def fill_workspace(
    workspace_id: WorkspaceId, wanted: schemas.Contents, session: AsMember
) -> schemas.Workspace:
    """Replace what belongs to a workspace. Owners and administrators may."""
    return service.fill_workspace(session, workspace_id, wanted)


@router.delete(
    "/{workspace_id}",
    operation_id="archive_workspace",
    summary="Archive a workspace",
    status_code=204,
    responses=documented(*_WRITING),
)
def archive_workspace(workspace_id: WorkspaceId, session: AsMember) -> Response:
    """Take a workspace out of use; what belonged to it is free. Owners and administrators may."""
    service.archive_workspace(session, workspace_id)
    return Response(status_code=204)
