"""Addresses of the members slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from serving_api.identity.routes import CurrentPasswords
from serving_api.kit.auth import AsMember, AsUser, serves
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.members import inviting, newcomers, schemas, service

TAG = Tag(name="members", description="Who belongs to a tenant, and who is invited.")

router = APIRouter(
    prefix="/v1",
    tags=[TAG["name"]],
    responses=documented("unavailable"),
    route_class=Route,
)
_READING = documented("unauthenticated", "forbidden", "insufficient-scope", "not-found")
_WRITING = ("unauthenticated", "forbidden", "insufficient-scope", "not-found")
_WRITING_BODIES = (*_WRITING, "invalid-parameters", "body-too-large")
UserId = Annotated[str, Path(description="The user's id, a UUID.")]
InvitationId = Annotated[str, Path(description="The invitation's id, a UUID.")]


@router.get(
    "/tenants/{tenant}/members",  # noqa: FAST003 - AsMember takes it
    operation_id="list_members",
    summary="The members",
    responses=_READING,
)
def list_members(session: AsMember) -> schemas.Members:
    """Who belongs to the tenant, owners first."""
    return service.list_members(session)


@router.patch(
    "/tenants/{tenant}/members/{user_id}",  # noqa: FAST003 - AsMember takes it
    operation_id="change_member",
    summary="Change a member's role",
    responses=documented(*_WRITING_BODIES, "last-owner"),
)
def change_member(user_id: UserId, wanted: schemas.RoleChange, session: AsMember) -> schemas.Member:
    """Give a member another role, up to one's own. Owners and administrators may."""
    return service.change_role(session, user_id, wanted)


@router.delete(
    "/tenants/{tenant}/members/{user_id}",  # noqa: FAST003 - AsMember takes it
    operation_id="remove_member",
    summary="Remove a member, or leave",
    status_code=204,
    responses=documented(*_WRITING, "last-owner", "tenant-closing"),
)
@serves("closing")
def remove_member(user_id: UserId, session: AsMember) -> Response:
    """Let a member go. Owners and administrators may, and everybody may leave by oneself.

    A tenant that is closing can be left, and nobody else be removed from it.
    """
    service.remove_member(session, user_id)
    return Response(status_code=204)


@router.post(
    "/tenants/{tenant}/ownership",  # noqa: FAST003 - AsMember takes it
    operation_id="transfer_ownership",
    summary="Hand a tenant over",
    responses=documented(*_WRITING_BODIES, "wrong-status"),
)
def transfer_ownership(wanted: schemas.NewOwner, session: AsMember) -> schemas.Members:
    """Make another member the owner in one's own place. Owners may; they stay as administrators."""
    return service.transfer_ownership(session, wanted)


@router.get(
    "/tenants/{tenant}/invitations",  # noqa: FAST003 - AsMember takes it
    operation_id="list_invitations",
    summary="The open invitations",
    responses=_READING,
)
def list_invitations(session: AsMember) -> schemas.Invitations:
    """The invitations that can still be accepted. Owners and administrators see them."""
    return inviting.list_invitations(session)


@router.post(
    "/tenants/{tenant}/invitations",  # noqa: FAST003 - AsMember takes it
    operation_id="invite",
    summary="Invite somebody",
    status_code=201,
    responses=documented(*_WRITING_BODIES, "already-there", "limit-reached", "too-many-requests"),
)
def invite(
    wanted: schemas.NewInvitation, session: AsMember, services: CurrentServices
) -> schemas.Invitation:
    """Mail a link that lets the owner of an address in, for seven days and for one time.

    An open invitation takes a seat of the plan. Owners and administrators may.
    """
    return inviting.invite(session, wanted, services.database.keys)


@router.post(
    "/tenants/{tenant}/invitations/{invitation_id}/resend",  # noqa: FAST003 - AsMember takes it
    operation_id="resend_invitation",
    summary="Send an invitation again",
    responses=documented(*_WRITING, "wrong-status", "too-many-requests"),
)
def resend_invitation(
    invitation_id: InvitationId, session: AsMember, services: CurrentServices
) -> schemas.Invitation:
    """Mail a new link, good for seven days more; the old one works no longer."""
    return inviting.send_again(session, invitation_id, services.database.keys)


@router.delete(
    "/tenants/{tenant}/invitations/{invitation_id}",  # noqa: FAST003 - AsMember takes it
    operation_id="revoke_invitation",
    summary="Take an invitation back",
    status_code=204,
    responses=documented(*_WRITING),
)
def revoke_invitation(invitation_id: InvitationId, session: AsMember) -> Response:
    """Let the link work no longer, and free the seat."""
    inviting.revoke(session, invitation_id)
    return Response(status_code=204)


@router.post(
    "/invitations/accept",
    operation_id="accept_invitation",
    summary="Accept an invitation",
    responses=documented(
        "unauthenticated",
        "insufficient-scope",
        "invitation-invalid",
        "invitation-for-another",
        "limit-reached",
        "tenant-suspended",
        "tenant-closing",
        "invalid-parameters",
        "body-too-large",
    ),
)
def accept_invitation(wanted: schemas.Acceptance, session: AsUser) -> schemas.Accepted:
    """Join the tenant that one was invited to, as the user of the address that was written to.

    With another account the answer is 409, and the invitation stays open.
    """
    return inviting.accept(session, wanted)


@router.post(
    "/invitations/register",
    operation_id="register_with_invitation",
    summary="Make an account with an invitation",
    status_code=201,
    responses=documented(
        "invitation-invalid",
        "already-there",
        "limit-reached",
        "tenant-suspended",
        "tenant-closing",
        "invalid-parameters",
        "body-too-large",
        "too-many-requests",
    ),
)
@without_key("the invitation is spent with the first request, and works no second time")
async def register_with_invitation(
    wanted: schemas.Newcomer, passwords: CurrentPasswords, services: CurrentServices
) -> schemas.Accepted:
    """Make an account for the address that was written to, and join the tenant with it.

    The address needs no confirmation, for the link came there. With an account of that address the
    answer is 409: log in with it, then accept.
    """
    password = wanted.password.get_secret_value()
    return await passwords.run(
        wanted.token, lambda: newcomers.register(services, wanted.token, wanted.name, password)
    )
