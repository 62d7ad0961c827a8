"""Giving out tokens: at a log-in, and when a refresh token is shown.

Both are short transactions of their own, a few at a time.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from resources.database import Database, UnitOfWork
from resources.database.sessions import LoginSession
from resources.logs import fields
from serving_api.kit.tokens import LIFETIME_SECONDS, Tokens, invalid_token
from serving_api.sessions import refresh_tokens
from serving_api.sessions.schemas import Grant

MAX_CONCURRENT_SIGN_INS = 2
"""How many are worked on at once, and how many connections to the database that takes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Client:
    """Who is at the other end, by its own account.

    Attributes:
        user_agent: What it calls itself.
        address: Where it is.
    """

    user_agent: str
    address: str

    @classmethod
    def of(cls, request: Request) -> Client:
        """The client of a request."""
        address = request.client.host if request.client else ""
        return cls(request.headers.get("user-agent", ""), address)


class SignIns:
    """Begins sessions and continues them.

    Args:
        database: Where they are.
        tokens: Signs access tokens.
    """

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._limiter = CapacityLimiter(MAX_CONCURRENT_SIGN_INS)

    async def begin(self, user_id: uuid.UUID, client: Client) -> Grant:
        """Begin a session for a user who has just proved to be that.

        Args:
            user_id: The user.
            client: Who is at the other end.
        """
        return await to_thread.run_sync(self._begin, user_id, client, limiter=self._limiter)

    async def refresh(self, token: str) -> Grant:
        """Exchange a refresh token for the next tokens of its session.

        Raises:
            Problem: ``unauthenticated`` for what is no refresh token, and where the session has
                ended, also by this very use.
        """
        return await to_thread.run_sync(self._refresh, token, limiter=self._limiter)

    def _begin(self, user_id: uuid.UUID, client: Client) -> Grant:
        with self._database.work(None, user_id=user_id) as work:
            session = work.sessions.start(
                user_id, user_agent=client.user_agent, address=client.address
            )
            work.events.add("session.started", str(session.id), data={"user": str(user_id)})
        logger.info("logged in", extra=fields(user=str(user_id), session=str(session.id)))
        return self._grant(session)

    def _refresh(self, token: str) -> Grant:
        shown = refresh_tokens.read(self._database.keys, token)
        if shown is None:
            raise invalid_token()
        with self._database.work(None, user_id=shown.user_id) as work:
            session = work.sessions.refresh(shown.user_id, shown.session_id, shown.counter)
            if session == "reused":
                _tell_of_reuse(work, shown)
        if isinstance(session, str):  # refused only now: the end of the session is to last
            _log_refusal(session, shown)
            raise invalid_token()
        return self._grant(session)

    def _grant(self, session: LoginSession) -> Grant:
        left = session.idle_ends_at - datetime.now(UTC)
        return Grant(
            access_token=self._tokens.issue(session.user_id, session.id),
            expires_in=LIFETIME_SECONDS,
            refresh_token=refresh_tokens.write(self._database.keys, session),
            refresh_expires_in=max(0, int(left.total_seconds())),
        )


def _tell_of_reuse(work: UnitOfWork, shown: refresh_tokens.RefreshToken) -> None:
    """Let the user know that somebody else may have held a token of the session."""
    work.events.add(
        "session.refresh_reused", str(shown.session_id), data={"user": str(shown.user_id)}
    )
    user = work.users.get(shown.user_id)
    if user is not None:
        work.mail.send("session_ended", to=user.email, name=user.name)


def _log_refusal(outcome: Literal["ended", "reused"], shown: refresh_tokens.RefreshToken) -> None:
    what = "refresh token reused" if outcome == "reused" else "refresh refused"
    logger.warning(what, extra=fields(user=str(shown.user_id), session=str(shown.session_id)))
