"""Reading tenants as one of their members."""

from __future__ import annotations

from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
)
from serving_api.kit.auth import TenantSession, UserSession
from serving_api.tenants.schemas import Published, TenantDetails, TenantOfUser, Tenants


def tenants_of(session: UserSession) -> list[TenantOfUser]:
    """The tenants that the asking user belongs to, by id."""
    roles = {
        membership.tenant_id: membership.role
        for membership in session.work.users.memberships(session.user.id)
    }
    return [
        TenantOfUser(id=tenant.id, name=tenant.name, role=roles[tenant.id])
        for tenant in session.work.tenants.list()
        if tenant.id in roles
    ]


def list_tenants(session: UserSession) -> Tenants:
    """As :func:`tenants_of`, in the shape of an answer."""
    return Tenants(items=tenants_of(session))


def get_tenant(session: TenantSession, snapshots: SnapshotStore) -> TenantDetails:
    """The tenant that is asked about, and what has been published of it."""
    session.require("tenant:read")
    tenant = session.tenant
    return TenantDetails(
        id=tenant.id,
        name=tenant.name,
        role=session.role,
        colour=tenant.colour,
        published=_published(session, snapshots),
    )


def _published(session: TenantSession, snapshots: SnapshotStore) -> Published | None:
    current = session.work.snapshots.current(session.tenant.id)
    if current is None:
        return None
    try:
        manifest = snapshots.open(current.tenant_id, current.version).manifest
    except (SnapshotDamagedError, SnapshotMissingError):
        return None  # the rest of the tenant can still be shown
    return Published(
        version=current.version,
        review_count=manifest["tables"]["reviews"]["rows"],
        published_at=current.published_at,
    )
