"""Making, reading and changing workspaces."""

from __future__ import annotations

from collections.abc import Sequence

from resources import database
from resources.database.workspaces import ItemKind
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.members.service import identifier
from serving_api.workspaces.schemas import (
    Contents,
    NewWorkspace,
    Workspace,
    WorkspaceChange,
    Workspaces,
)


def list_workspaces(session: TenantSession, *, archived: bool) -> Workspaces:
    """The tenant's workspaces."""
    session.require("settings:read")
    items = session.work.workspaces.items(session.tenant.id)
    found = session.work.workspaces.list(session.tenant.id, archived=archived)
    return Workspaces(items=[_workspace(one, items) for one in found])


def create_workspace(session: TenantSession, wanted: NewWorkspace) -> Workspace:
    """Add a workspace.

    Raises:
        Problem: ``already-there`` for a name that is in use.
    """
    session.require("settings:write")
    try:
        workspace = session.work.workspaces.create(session.tenant.id, wanted.kind, wanted.name)
    except database.DuplicateError:
        raise Problem("already-there") from None
    _tell(session, "workspace.created", workspace)
    return _workspace(workspace, ())


def read_workspace(session: TenantSession, workspace_id: str) -> Workspace:
    """One workspace.

    Raises:
        Problem: ``not-found``.
    """
    session.require("settings:read")
    found = session.work.workspaces.get(session.tenant.id, identifier(workspace_id))
    return _with_items(session, found)


def rename_workspace(
    session: TenantSession, workspace_id: str, wanted: WorkspaceChange
) -> Workspace:
    """Give a workspace another name.

    Raises:
        Problem: ``not-found`` if there is none in use; ``already-there``.
    """
    session.require("settings:write")
    try:
        changed = session.work.workspaces.rename(
            session.tenant.id, identifier(workspace_id), wanted.name
        )
    except database.DuplicateError:
        raise Problem("already-there") from None
    answer = _with_items(session, changed)
    _tell(session, "workspace.changed", answer)
    return answer


def archive_workspace(session: TenantSession, workspace_id: str) -> None:
    """Take a workspace out of use.

    Raises:
        Problem: ``not-found`` if there is none in use.
    """
    session.require("settings:write")
    archived = session.work.workspaces.archive(session.tenant.id, identifier(workspace_id))
    if archived is None:
        raise Problem("not-found")
    _tell(session, "workspace.archived", archived)


def fill_workspace(session: TenantSession, workspace_id: str, wanted: Contents) -> Workspace:
    """Say what belongs to a workspace, in place of what did.

    Raises:
        Problem: ``not-found`` if there is none in use.
    """
    session.require("settings:write")
    found = session.work.workspaces.get(session.tenant.id, identifier(workspace_id))
    if found is None or found.archived_at is not None:
        raise Problem("not-found")
    items: list[tuple[ItemKind, str]] = [
        *(("source", name) for name in wanted.sources),
        *(("product", name) for name in wanted.products),
        *(("location", name) for name in wanted.locations),
    ]
    session.work.workspaces.assign(session.tenant.id, found.id, items)
    _tell(session, "workspace.changed", found)
    return _with_items(session, found)


def _tell(session: TenantSession, kind: str, workspace: database.Workspace | Workspace) -> None:
    session.work.events.add(
        kind, str(workspace.id), tenant_id=session.tenant.id, data={"kind": workspace.kind}
    )


def _with_items(session: TenantSession, workspace: database.Workspace | None) -> Workspace:
    if workspace is None:
        raise Problem("not-found")
    return _workspace(workspace, session.work.workspaces.items(session.tenant.id))


def _workspace(workspace: database.Workspace, items: Sequence[database.WorkspaceItem]) -> Workspace:
    own = [item for item in items if item.workspace_id == workspace.id]
    return Workspace(
        id=workspace.id,
        name=workspace.name,
        kind=workspace.kind,
        created_at=workspace.created_at,
        archived_at=workspace.archived_at,
        sources=[item.name for item in own if item.kind == "source"],
        products=[item.name for item in own if item.kind == "product"],
        locations=[item.name for item in own if item.kind == "location"],
    )
