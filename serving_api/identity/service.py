"""Checking passwords and telling users who they are."""

from __future__ import annotations

import logging

from serving_api.identity.passwords import PasswordChecks
from serving_api.identity.schemas import LogIn, Me
from serving_api.kit.auth import UserSession
from serving_api.kit.errors import CHALLENGE, Problem
from serving_api.sessions.schemas import Grant
from serving_api.sessions.sign_ins import Client, SignIns
from serving_api.tenants.service import tenants_of

logger = logging.getLogger(__name__)


async def log_in(
    passwords: PasswordChecks, sign_ins: SignIns, log_in: LogIn, client: Client
) -> Grant:
    """Exchange email and password for the tokens of a new session.

    Raises:
        Problem: ``invalid-credentials``, the same and after the same time for an unknown email, a
            wrong password and a user who is no longer active or has no password that can be
            checked; ``too-many-requests``.
    """
    user = await passwords.user_of(log_in.email, log_in.password.get_secret_value())
    if user is None:
        logger.warning("log-in refused")
        raise Problem("invalid-credentials", headers={"WWW-Authenticate": CHALLENGE})
    return await sign_ins.begin(user.id, client)


def who_am_i(session: UserSession) -> Me:
    """The asking user and the user's tenants."""
    user = session.user
    return Me(id=user.id, email=user.email, name=user.name, tenants=tenants_of(session))
