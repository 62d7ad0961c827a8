"""Governing who belongs to a tenant.

A role may be given, changed or taken only by somebody who stands at least as high: up to one's own.
Owners are made, changed and removed by people alone: with that, a key could give the tenant away.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from resources import database
from resources.database.memberships import REMOVED, reaches
from resources.database.users import Role
from serving_api.kit.auth import TenantSession, refuse_resting
from serving_api.kit.errors import Problem
from serving_api.members.schemas import (
    Member,
    Members,
    NewOwner,
    RoleChange,
)


def list_members(session: TenantSession) -> Members:
    """The members of the tenant."""
    session.require("members:read")
    return Members(items=[_member(one) for one in session.work.members.list(session.tenant.id)])


def change_role(session: TenantSession, user_id: str, wanted: RoleChange) -> Member:
    """Give a member another role.

    Raises:
        Problem: ``forbidden`` for a role above one's own, had or wanted; ``insufficient-scope`` for
            a key, where somebody is or becomes an owner; ``last-owner``; ``not-found``.
    """
    session = in_turn(session)
    session.require("members:write")
    member = _find(session, user_id)
    require_reach(session, member.role)
    require_reach(session, wanted.role)
    held, asked = member.role, wanted.role
    if held == asked:
        return _member(member)
    try:
        changed = session.work.members.change_role(session.tenant.id, member.user_id, wanted.role)
    except database.LastOwnerError:
        raise Problem("last-owner") from None
    session.work.events.add(
        "membership.changed",
        str(member.user_id),
        tenant_id=session.tenant.id,
        data={"from": member.role, "to": changed.role},
    )
    return _member(changed)


def remove_member(session: TenantSession, user_id: str) -> None:
    """Let a member go, or leave.

    Raises:
        Problem: ``forbidden`` for somebody who stands higher; ``insufficient-scope`` for a key and
            an owner; ``last-owner``; ``not-found``; ``tenant-closing``, where nobody but oneself
            can be let go.
    """
    session = in_turn(session)
    member = _find(session, user_id)
    is_leaving = member.user_id == session.principal.user_id
    if not is_leaving or session.principal.scopes is not None:
        session.require("members:write")
        require_reach(session, member.role)
    if not is_leaving:
        refuse_resting(session.tenant, is_change=True)
    try:
        session.work.members.remove(session.tenant.id, member.user_id)
    except database.LastOwnerError:
        raise Problem("last-owner") from None
    session.work.events.add(
        REMOVED,
        str(member.user_id),
        tenant_id=session.tenant.id,
        data={"role": member.role, "left": is_leaving},
    )


def transfer_ownership(session: TenantSession, wanted: NewOwner) -> Members:
    """Make another member the owner in one's own place; one is an administrator from then on.

    Raises:
        Problem: ``not-found`` if that user is no member; ``forbidden`` for who owns the tenant no
            longer, be it since a moment ago.
    """
    session = in_turn(session)
    session.require("tenant:transfer")
    member = _find(session, str(wanted.user_id))
    if member.user_id == session.principal.user_id:
        raise Problem("wrong-status", "You own the tenant already.")
    tenant_id = session.tenant.id
    session.work.members.change_role(tenant_id, member.user_id, "owner")
    session.work.members.change_role(tenant_id, session.principal.user_id, "admin")
    session.work.events.add(
        "ownership.transferred",
        str(member.user_id),
        tenant_id=tenant_id,
        data={"from": str(session.principal.user_id)},
    )
    return Members(items=[_member(one) for one in session.work.members.list(tenant_id)])


def in_turn(session: TenantSession) -> TenantSession:
    """The session from when on nobody else changes the tenant's members, with the role of then.

    The role that the request began with may have been taken meanwhile, by who was faster.

    Raises:
        Problem: ``not-found`` for who belongs to the tenant no longer.
    """
    session.work.members.take_turns(session.tenant.id)
    membership = session.work.users.membership(session.tenant.id, session.principal.user_id)
    if membership is None:
        raise Problem("not-found")
    return replace(session, role=membership.role)


def require_reach(session: TenantSession, role: Role) -> None:
    """Go on only for a role up to one's own, and with a key for none that owns the tenant.

    Raises:
        Problem: ``forbidden`` for a higher one; ``insufficient-scope`` for a key.
    """
    if not reaches(session.role, role):
        raise Problem("forbidden", "You can only give, change and take roles up to your own.")
    if role == "owner" and session.principal.key_id is not None:
        raise Problem(
            "insufficient-scope",
            "Owners are invited, made, changed and removed by people. Log in to do it.",
        )


def _find(session: TenantSession, user_id: str) -> database.Member:
    member = session.work.members.get(session.tenant.id, identifier(user_id))
    if member is None:
        raise Problem("not-found")
    return member


def identifier(text: str) -> uuid.UUID:
    """The UUID that a part of an address is, in its one spelling.

    Raises:
        Problem: ``not-found`` for anything else.
    """
    try:
        found = uuid.UUID(text)
    except ValueError:
        raise Problem("not-found") from None
    if str(found) != text:
        raise Problem("not-found")
    return found


def _member(member: database.Member) -> Member:
    return Member(
        user_id=member.user_id,
        email=member.email,
        name=member.name,
        role=member.role,
        since=member.created_at,
    )
