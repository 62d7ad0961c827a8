"""Checking passwords and codes, and telling users who they are."""

from __future__ import annotations

import logging
import re
import uuid
from typing import Any

from resources.database import Database, UnitOfWork, User
from serving_api.identity.challenges import Challenges
from serving_api.identity.devices import Devices
from serving_api.identity.limits import Attempt
from serving_api.identity.passwords import PasswordChecks
from serving_api.identity.schemas import CodeNeeded, LoggedIn, LogIn, Me, SecondStep
from serving_api.kit.auth import UserSession
from serving_api.kit.errors import CHALLENGE, Problem
from serving_api.sessions.sign_ins import Client, SignIns
from serving_api.tenants.service import tenants_of

_SHOWN_CODE = re.compile(r"[0-9]{6}", re.ASCII)

logger = logging.getLogger(__name__)


async def log_in(
    passwords: PasswordChecks, sign_ins: SignIns, log_in: LogIn, client: Client
) -> LoggedIn | CodeNeeded:
    """Exchange email and password for the tokens of a new session, or for a challenge.

    Raises:
        Problem: ``invalid-credentials``, the same and after the same time for an unknown email, a
            wrong password and a user who is no longer active or has no password that can be
            checked; ``too-many-requests``; ``email-not-verified``, to whom knows the password.
    """
    attempt = Attempt(log_in.email, client.address, log_in.device)
    proven = await passwords.user_of(attempt, log_in.password.get_secret_value())
    if proven is None:
        logger.warning("log-in refused")
        raise Problem("invalid-credentials", headers={"WWW-Authenticate": CHALLENGE})
    if proven.user.email_verified_at is None:
        raise Problem("email-not-verified")
    if proven.needs_code:
        return ask_for_code(passwords.database, proven.user)
    return await begin_session(passwords.database, sign_ins, proven.user, client)


async def give_code(
    passwords: PasswordChecks, sign_ins: SignIns, step: SecondStep, client: Client
) -> LoggedIn:
    """Exchange a challenge and a code for the tokens of a new session.

    Raises:
        Problem: ``code-not-valid`` for a wrong or used code and for a challenge that is none, too
            old, or of a password or address that the user has no more; ``too-many-requests`` after
            some wrong codes, whatever challenge they came with.
    """
    challenges = Challenges(passwords.database.keys)
    challenge = challenges.read(step.challenge)
    if challenge is None:
        raise Problem("code-not-valid")

    def check() -> User:
        counted = passwords.limits.proof(challenge.user_id)
        with passwords.database.work(None, user_id=challenge.user_id) as work:
            user = work.users.get(challenge.user_id)
            if user is None or not user.is_active or not challenges.is_of(user, challenge):
                raise Problem("code-not-valid")
            take_code(work, user.id, step.code)
        passwords.limits.give_back(counted)
        return user

    user = await passwords.run(str(challenge.user_id), check)
    return await begin_session(passwords.database, sign_ins, user, client)


def ask_for_code(database: Database, user: User) -> CodeNeeded:
    """The challenge for somebody who has done the first half of a log-in."""
    return CodeNeeded(challenge=Challenges(database.keys).issue(user))


def take_code(work: UnitOfWork, user_id: uuid.UUID, code: str) -> None:
    """Use up what a second factor shows, or a recovery code.

    Raises:
        Problem: ``code-not-valid``.
    """
    plain = code.replace(" ", "")
    if _SHOWN_CODE.fullmatch(plain):
        is_right = work.second_factors.take_code(user_id, plain)
    else:
        is_right = work.second_factors.take_recovery_code(user_id, plain)
        if is_right:
            tell(
                work,
                "user.recovery_code_used",
                user_id,
                left=work.second_factors.recovery_codes_left(user_id),
            )
    if not is_right:
        raise Problem("code-not-valid", headers={"WWW-Authenticate": CHALLENGE})


def tell(work: UnitOfWork, kind: str, user_id: uuid.UUID, **more: Any) -> None:
    """Write an event of a user's account, which belongs to no tenant.

    Args:
        work: The unit of work, which works for that user.
        kind: What happened, for example ``user.password_changed``.
        user_id: The user.
        **more: What else there is to know, and no secret.
    """
    work.events.add(kind, str(user_id), data={"user": str(user_id), **more})


async def begin_session(
    database: Database, sign_ins: SignIns, user: User, client: Client
) -> LoggedIn:
    """The tokens for somebody who has proven who one is in every way that is asked for."""
    grant = await sign_ins.begin(user.id, client)
    return LoggedIn(**grant.model_dump(), device=Devices(database.keys).issue(user.email))


def who_am_i(session: UserSession) -> Me:
    """The asking user and the user's tenants."""
    user = session.user
    return Me(id=user.id, email=user.email, name=user.name, tenants=tenants_of(session))
