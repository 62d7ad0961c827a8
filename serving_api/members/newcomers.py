"""Accounts that are made with an invitation: the mail has proven the address already."""

from __future__ import annotations

from resources.database.users import hash_password
from resources.passwords import WeakPasswordError, check_choice
from serving_api.accounts.service import end_other_ways_in
from serving_api.identity.service import tell
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.kit.services import Services
from serving_api.members.inviting import open_invitation, take_place
from serving_api.members.schemas import Accepted


def register(services: Services, given: str, name: str, password: str) -> Accepted:
    """Make an account for the invited address and let it belong to the tenant at once.

    An account of that address that nobody has proven to be one's own is taken over: whoever made it
    could not read the mail. It runs where passwords are hashed.

    Raises:
        Problem: ``invitation-invalid``; ``invalid-parameters`` for a password that is too weak;
            ``already-there`` if there is a proven account, and then the invitation stays open.
    """
    with services.database.work(None) as work:
        invitation = open_invitation(work, given)
        try:
            check_choice(password, email=invitation.email, name=name)
        except WeakPasswordError as error:
            raise invalid_parameter("body.password", str(error)) from None
        hashed = hash_password(password)
        user = work.users.add(invitation.email, name, hashed, is_verified=True)
        if user is None:
            user = work.users.by_email(invitation.email)
            if user is None or user.email_verified_at is not None or not user.is_active:
                raise Problem(
                    "already-there",
                    "There is an account of that address. Log in with it (POST /v1/auth/token), "
                    "then accept with it: POST /v1/invitations/accept and what stands behind "
                    "token= in the link of the mail. The invitation stays open.",
                )
            work.act_as(user.id)
            work.users.claim(user.id, name, hashed)
            work.users.mark_verified(user.id)
            end_other_ways_in(work, user.id, "password_changed", keep=None)
        else:
            work.act_as(user.id)
        tell(work, "user.registered", user.id)
        return take_place(work, invitation, user, given)
