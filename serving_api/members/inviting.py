"""Invitations: sending, taking back and accepting them."""

from __future__ import annotations

from resources import database
from resources.database import UnitOfWork
from resources.database.memberships import reaches
from resources.keys import Keys
from serving_api.identity.limits import DAY_SECONDS, mails_to
from serving_api.kit.auth import TenantSession, UserSession, refuse_resting
from serving_api.kit.errors import Problem
from serving_api.members.schemas import (
    Acceptance,
    Accepted,
    Invitation,
    Invitations,
    NewInvitation,
)
from serving_api.members.service import identifier, in_turn, require_reach

MAX_MAILS = 100
"""How many invitations a tenant, or a user of several, may mail in a day: they choose to whom."""

MAX_MAILS_OF_ADDRESS = 5
"""After so many mails to an address in a day, of any kind and tenant, nobody invites it."""


def list_invitations(session: TenantSession) -> Invitations:
    """The invitations that can still be accepted."""
    session.require("members:write")
    found = session.work.invitations.list_open(session.tenant.id)
    return Invitations(items=[_invitation(one) for one in found])


def invite(session: TenantSession, wanted: NewInvitation, keys: Keys) -> Invitation:
    """Keep a place for an address and mail the link.

    Args:
        session: Of who invites.
        wanted: Who is invited.
        keys: The installation's keys.

    Raises:
        Problem: ``forbidden`` for a role above one's own; ``already-there`` for a member, or while
            an invitation of that address is open; ``too-many-requests``.
        LimitReachedError: The plan has no seat left.
    """
    session = in_turn(session)
    session.require("members:write")
    require_reach(session, wanted.role)
    work, tenant_id = session.work, session.tenant.id
    if any(member.email == wanted.email for member in work.members.list(tenant_id)):
        raise Problem("already-there", "Somebody of that address belongs to the tenant.")
    work.limits.admit(tenant_id, "seats")
    _take_mail(session, wanted.email, keys)
    token = work.one_time_tokens.issue("invite", email=wanted.email, replaces=False)
    try:
        invitation = work.invitations.create(
            tenant_id,
            wanted.email,
            wanted.role,
            token_id=token.id,
            invited_by=session.principal.user_id,
        )
    except database.DuplicateError:
        raise Problem(
            "already-there", "An invitation of that address is open; send it again instead."
        ) from None
    _mail(session, invitation)
    work.events.add(
        "invitation.created",
        str(invitation.id),
        tenant_id=tenant_id,
        data={"role": invitation.role},
    )
    return _invitation(invitation)


def send_again(session: TenantSession, invitation_id: str, keys: Keys) -> Invitation:
    """Mail an open invitation again, with a new link; the old one works no longer.

    Args:
        session: Of who invites.
        invitation_id: The invitation.
        keys: The installation's keys.

    Raises:
        Problem: ``not-found`` if there is none; ``wrong-status`` if it is not open, or was mailed
            as often as it may be; ``too-many-requests``.
    """
    session = in_turn(session)
    session.require("members:write")
    work, tenant_id = session.work, session.tenant.id
    old = _find(session, invitation_id)
    require_reach(session, old.role)
    token = work.one_time_tokens.issue("invite", email=old.email, replaces=False)
    invitation = work.invitations.send_again(tenant_id, old.id, token_id=token.id)
    if invitation is None:
        raise Problem("wrong-status", "It is no longer open, or was sent as often as it may be.")
    _take_mail(session, invitation.email, keys)
    work.one_time_tokens.revoke(old.token_id)
    _mail(session, invitation)
    work.events.add("invitation.resent", str(invitation.id), tenant_id=tenant_id)
    return _invitation(invitation)


def revoke(session: TenantSession, invitation_id: str) -> None:
    """Take an invitation back; its link works no longer.

    Raises:
        Problem: ``not-found`` if there is none that could be accepted.
    """
    session = in_turn(session)
    session.require("members:write")
    found = _find(session, invitation_id)
    require_reach(session, found.role)
    if session.work.invitations.revoke(session.tenant.id, found.id) is None:
        raise Problem("not-found")
    session.work.one_time_tokens.revoke(found.token_id)
    session.work.events.add("invitation.revoked", str(found.id), tenant_id=session.tenant.id)


def accept(session: UserSession, wanted: Acceptance) -> Accepted:
    """Accept an invitation as the user it is for.

    Raises:
        Problem: ``invitation-invalid`` if the link works no longer; ``invitation-for-another`` for
            a user with another address, and then the invitation stays open.
    """
    work = session.work
    invitation = open_invitation(work, wanted.token)
    if invitation.email != session.user.email:
        raise Problem("invitation-for-another")
    session.work.users.mark_verified(session.user.id)  # the link came by mail to that address
    return take_place(work, invitation, session.user, wanted.token)


def open_invitation(work: UnitOfWork, given: str) -> database.Invitation:
    """The invitation that a link opens; it stays unspent.

    Raises:
        Problem: ``invitation-invalid``.
    """
    token = work.one_time_tokens.find("invite", given)
    invitation = None if token is None else work.invitations.by_token(token.id)
    if invitation is None:
        raise Problem("invitation-invalid")
    return invitation


def take_place(
    work: UnitOfWork, invitation: database.Invitation, user: database.User, given: str
) -> Accepted:
    """Spend an invitation and let the user belong to the tenant.

    Raises:
        Problem: ``invitation-invalid`` if somebody else was faster; ``tenant-suspended`` and
            ``tenant-closing``.
    """
    tenant_id = invitation.tenant_id
    work.act_for(tenant_id)
    tenant = work.tenants.require(tenant_id)
    refuse_resting(tenant, is_change=True)
    spent = work.one_time_tokens.redeem("invite", given)
    accepted = work.invitations.accept(tenant_id, invitation.id)
    if spent is None or accepted is None:
        raise Problem("invitation-invalid")
    work.members.take_turns(tenant_id)
    known = work.users.membership(tenant_id, user.id)
    role = accepted.role
    if known is not None and reaches(known.role, role):
        role = known.role  # who was let in meanwhile, and higher, is not put down
    work.users.add_membership(tenant_id, user.id, role)
    work.events.add(
        "invitation.accepted", str(accepted.id), tenant_id=tenant_id, data={"role": role}
    )
    work.events.add("membership.added", str(user.id), tenant_id=tenant_id, data={"role": role})
    return Accepted(tenant=tenant.id, tenant_name=tenant.name, role=role)


def _find(session: TenantSession, invitation_id: str) -> database.Invitation:
    found = session.work.invitations.get(session.tenant.id, identifier(invitation_id))
    if found is None:
        raise Problem("not-found")
    return found


def _take_mail(session: TenantSession, email: str, keys: Keys) -> None:
    """Count a mail, in the transaction of the invitation: what is not sent is not counted.

    Raises:
        Problem: ``too-many-requests``.
    """
    tenant_id, user_id = session.tenant.id, session.principal.user_id
    for name, limit, told in (
        (mails_to(keys, email), MAX_MAILS_OF_ADDRESS, f"{MAX_MAILS_OF_ADDRESS} mails went there"),
        (f"invitations of {tenant_id}", MAX_MAILS, f"{MAX_MAILS} invitations were mailed"),
        (f"invitations by {user_id}", MAX_MAILS, f"You had {MAX_MAILS} invitations mailed"),
    ):
        verdict = session.work.rate_limits.take(name, limit=limit, seconds=DAY_SECONDS)
        if not verdict.allowed:
            raise Problem(
                "too-many-requests",
                f"{told} in the last day, as many as may be.",
                headers={"Retry-After": str(verdict.retry_after)},
            )


def _mail(session: TenantSession, invitation: database.Invitation) -> None:
    inviter = session.work.users.get(session.principal.user_id)
    session.work.mail.send(
        "invitation",
        to=invitation.email,
        token_id=str(invitation.token_id),
        tenant=session.tenant.name,
        inviter=inviter.name if inviter is not None else session.tenant.name,
        role=invitation.role,
        days=database.invitations.TIME_OPEN.days,
    )


def _invitation(invitation: database.Invitation) -> Invitation:
    return Invitation(
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        invited_by=invitation.invited_by,
        created_at=invitation.created_at,
        sent_at=invitation.sent_at,
        sent_count=invitation.sent_count,
        expires_at=invitation.expires_at,
    )
