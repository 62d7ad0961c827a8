"""Reading tenants as one of their members, making, changing and closing them."""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import cast

from resources import database
from resources.database.plan_limits import IN_WORDS, month_of
from resources.database.plans import FIRST_PLAN
from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
)
from resources.vocabulary import utc_today
from serving_api.kit.auth import TenantSession, UserSession
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.kit.services import Services
from serving_api.tenants.schemas import (
    Closing,
    Feature,
    Features,
    LimitUse,
    NewTenant,
    Published,
    TenantChange,
    TenantDetails,
    TenantOfUser,
    Tenants,
    Usage,
    UsageSum,
)

GRACE = timedelta(days=30)
"""How long a tenant that is closing can still be read, exported and opened again."""

MAX_NEW_TENANTS, _NEW_TENANTS_SECONDS = 5, 24 * 3600
"""How many organisations one user may make in a day."""

MAX_CHOSEN_IDS = 20
"""How many ids one user may ask for in a day: an answer tells whether an id is taken."""

_MAX_ID_LENGTH = 40


def tenants_of(session: UserSession) -> list[TenantOfUser]:
    """The tenants that the asking user belongs to, by id; those that have closed are gone."""
    roles = {
        membership.tenant_id: membership.role
        for membership in session.work.users.memberships(session.user.id)
    }
    return [
        TenantOfUser(id=tenant.id, name=tenant.name, role=roles[tenant.id], status=tenant.status)
        for tenant in session.work.tenants.list()
        if tenant.id in roles and tenant.status != "closed"
    ]


def list_tenants(session: UserSession) -> Tenants:
    """As :func:`tenants_of`, in the shape of an answer."""
    return Tenants(items=tenants_of(session))


def get_tenant(session: TenantSession, snapshots: SnapshotStore) -> TenantDetails:
    """The tenant that is asked about, and what has been published of it."""
    session.require("tenant:read")
    return _details(session, session.tenant, snapshots)


def create_tenant(session: UserSession, wanted: NewTenant, services: Services) -> TenantOfUser:
    """Make an organisation, on the smallest plan, and its first owner.

    Raises:
        Problem: ``email-not-verified``; ``already-there`` for an id that is taken;
            ``too-many-requests`` for a user who made several today, or asked for many ids.
    """
    if session.user.email_verified_at is None:
        raise Problem("email-not-verified")
    if wanted.id is not None:
        # In a transaction of its own: what is refused is the very thing to count.
        with services.database.limits() as counting:
            _count(
                counting,
                f"ids of tenants asked for by {session.user.id}",
                MAX_CHOSEN_IDS,
                f"You asked for {MAX_CHOSEN_IDS} ids today. Leave the id out, or go on tomorrow.",
            )
    _count(
        session.work,
        f"tenants made by {session.user.id}",
        MAX_NEW_TENANTS,
        f"You made {MAX_NEW_TENANTS} tenants today. Make another one tomorrow.",
    )
    tenant_id = wanted.id or _id_from(wanted.name)
    # The wall opens for the new tenant only; if there is one of that id, nothing of it is read.
    session.work.act_for(tenant_id)
    try:
        tenant = session.work.tenants.create(tenant_id, wanted.name, plan=FIRST_PLAN)
    except database.DuplicateError:
        raise Problem("already-there", "Choose another id, or leave it out.") from None
    session.work.users.add_membership(tenant.id, session.user.id, "owner")
    session.work.events.add(
        "tenant.created", tenant.id, tenant_id=tenant.id, data={"plan": tenant.plan}
    )
    session.work.events.add(
        "membership.added", str(session.user.id), tenant_id=tenant.id, data={"role": "owner"}
    )
    return TenantOfUser(id=tenant.id, name=tenant.name, role="owner", status=tenant.status)


def _count(work: database.UnitOfWork, name: str, limit: int, refusal: str) -> None:
    verdict = work.rate_limits.take(name, limit=limit, seconds=_NEW_TENANTS_SECONDS)
    if not verdict.allowed:
        raise Problem(
            "too-many-requests", refusal, headers={"Retry-After": str(verdict.retry_after)}
        )


def change_tenant(
    session: TenantSession, wanted: TenantChange, snapshots: SnapshotStore
) -> TenantDetails:
    """Change a tenant's name or colour."""
    session.require("settings:write")
    given = wanted.model_dump(exclude_none=True)
    changes = {
        name: value for name, value in given.items() if getattr(session.tenant, name) != value
    }
    if not changes:
        return _details(session, session.tenant, snapshots)
    tenant = session.work.tenants.update(session.tenant.id, **changes)
    session.work.events.add(
        "tenant.changed", tenant.id, tenant_id=tenant.id, data={"changed": sorted(changes)}
    )
    return _details(session, tenant, snapshots)


def close_tenant(
    session: TenantSession, wanted: Closing, snapshots: SnapshotStore
) -> TenantDetails:
    """Begin to close a tenant: after the grace period it may be erased.

    Raises:
        Problem: ``invalid-parameters`` unless the id was repeated; ``tenant-closing`` and
            ``wrong-status``, the latter also where somebody else was faster by a moment.
    """
    session.require("tenant:close")
    if wanted.confirm != session.tenant.id:
        raise invalid_parameter("body.confirm", "must be the tenant's id")
    try:
        tenant = session.work.tenants.set_status(
            session.tenant.id,
            "closing",
            reason=wanted.reason,
            closes_at=datetime.now(UTC) + GRACE,
        )
    except database.WrongStatusError:
        raise Problem("wrong-status", "The tenant is being closed already.") from None
    session.work.events.add(
        "tenant.closing",
        tenant.id,
        tenant_id=tenant.id,
        data={"closes_at": cast("datetime", tenant.closes_at).isoformat()},
    )
    for owner in session.work.members.owners(tenant.id):
        session.work.mail.send(
            "tenant_closing",
            to=owner.email,
            tenant=tenant.name,
            closes_on=cast("datetime", tenant.closes_at).date().isoformat(),
        )
    return _details(session, tenant, snapshots)


def reopen_tenant(session: TenantSession, snapshots: SnapshotStore) -> TenantDetails:
    """Let a tenant that is closing be as before.

    Raises:
        Problem: ``wrong-status`` if it is not closing.
    """
    session.require("tenant:close")
    if session.tenant.status != "closing":
        raise Problem("wrong-status", "The tenant is not closing.")
    try:
        tenant = session.work.tenants.set_status(session.tenant.id, "active")
    except database.WrongStatusError:
        raise Problem("wrong-status", "The tenant was opened again already.") from None
    session.work.events.add("tenant.reopened", tenant.id, tenant_id=tenant.id)
    return _details(session, tenant, snapshots)


def get_usage(session: TenantSession) -> Usage:
    """What the tenant has used in this month, beside what its plan allows."""
    session.require("tenant:read")
    plan = session.tenant.limits
    first, last = month_of(utc_today())
    return Usage(
        plan=plan.id,
        plan_name=plan.name,
        tiers=list(plan.tiers),
        period_start=first,
        period_end=last,
        limits=[
            LimitUse(name=use.name, description=IN_WORDS[use.name], used=use.used, limit=use.limit)
            for use in session.work.limits.uses(session.tenant.id)
        ],
        entries=[
            UsageSum(kind=total.kind, unit=total.unit, quantity=total.quantity)
            for total in session.work.usage.totals(session.tenant.id, (first, last))
        ],
    )


def get_features(session: TenantSession) -> Features:
    """Which features the tenant has."""
    session.require("tenant:read")
    decided = session.work.flags.of_tenant(session.tenant)
    return Features(
        items=[
            Feature.model_validate(
                {
                    "name": flag.name,
                    "description": flag.description,
                    "enabled": decided[flag.name][0],
                    "reason": decided[flag.name][1],
                }
            )
            for flag in session.work.flags.list()
        ]
    )


def _id_from(name: str) -> str:
    """An id made from a name, with an ending by chance: it tells nobody which ids are taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_ID_LENGTH].rstrip("-")
    return f"{slug or 'tenant'}-{secrets.token_hex(3)}"


def _details(
    session: TenantSession, tenant: database.Tenant, snapshots: SnapshotStore
) -> TenantDetails:
    return TenantDetails(
        id=tenant.id,
        name=tenant.name,
        role=session.role,
        status=tenant.status,
        status_reason=tenant.status_reason,
        closes_at=tenant.closes_at,
        colour=tenant.colour,
        plan=tenant.plan,
        published=None if tenant.status == "suspended" else _published(session, snapshots),
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
