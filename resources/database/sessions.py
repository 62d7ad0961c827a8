"""Log-ins that last: a user's sessions, each a chain of refresh tokens.

An access token belongs to a session and is good for as long as that lasts. The session ends when
its user says so, when it was not used for a while, after a fixed time whatever happens, and when a
refresh token that was replaced long ago is used again: then two people hold tokens of one chain,
and nobody can tell which of them is the user.

A chain counts: every refresh token bears a number, and using the newest gives the next. Browsers
with several tabs use one token several times at once; so the one before is taken for a short while
and gives the same next one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from resources.database.repository import Repository, to_record
from resources.database.schema import TIMESTAMP, created_at, metadata, one_of
from resources.database.users import User, users

MAX_IDLE = timedelta(days=14)
"""How long a session lasts without being used."""

MAX_LIFETIME = timedelta(days=90)
"""How long a session lasts in any case."""

MAX_LASTING = 100
"""How many sessions of one user last at the same time; one more ends the one unused longest."""

MAX_REUSE = timedelta(seconds=10)
"""How long a refresh token is taken again after it was replaced."""

KEPT_AFTER_END = timedelta(days=30)
"""How long a session that has ended is kept, for whoever looks into what happened."""

MAX_CLIENT_LENGTH = 200
"""Characters that are kept of what a client calls itself."""

EndReason = Literal[
    "logged_out",
    "ended_by_user",
    "ended_by_operator",
    "refresh_reused",
    "password_changed",
    "email_changed",
    "second_factor_changed",
    "deactivated",
    "too_many",
]
END_REASONS: tuple[EndReason, ...] = (
    "logged_out",
    "ended_by_user",
    "ended_by_operator",
    "refresh_reused",
    "password_changed",
    "email_changed",
    "second_factor_changed",
    "deactivated",
    "too_many",
)


@dataclass(frozen=True)
class LoginSession:
    """A log-in that lasts.

    Attributes:
        id: Random and immutable; stands in every token of the session.
        user_id: Whose it is.
        created_at: When the user logged in.
        last_used_at: When a token was last fetched; at most the life of a token ago while in use.
        idle_ends_at: When it ends if it is not used before.
        ends_at: When it ends in any case.
        ended_at: When it was ended before its time.
        end_reason: Why.
        user_agent: What the client called itself at the log-in.
        address: Where the client was at the log-in.
        refresh_counter: The number of the newest refresh token.
        refreshed_at: When that was given out.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    created_at: datetime
    last_used_at: datetime
    idle_ends_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    end_reason: EndReason | None
    user_agent: str
    address: str
    refresh_counter: int
    refreshed_at: datetime


sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    created_at(),
    Column("last_used_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    Column("idle_ends_at", TIMESTAMP, nullable=False),
    Column("ends_at", TIMESTAMP, nullable=False),
    Column("ended_at", TIMESTAMP),
    Column("end_reason", Text),
    Column("user_agent", Text, nullable=False, server_default=text("''")),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("refresh_counter", Integer, nullable=False, server_default=text("0")),
    Column("refreshed_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    CheckConstraint(one_of("end_reason", END_REASONS), name="end_reason"),
    CheckConstraint("(ended_at is null) = (end_reason is null)", name="ended_why"),
    Index(None, "user_id", "created_at"),
)


class SessionRepository(Repository):
    """The sessions of users. The application sees those of the user it works for."""

    def start(self, user_id: uuid.UUID, *, user_agent: str = "", address: str = "") -> LoginSession:
        """Begin a session for a user who has just proved to be that.

        Args:
            user_id: The user.
            user_agent: What the client calls itself; kept in part.
            address: Where the client is.
        """
        statement = insert(sessions).values(
            user_id=user_id,
            idle_ends_at=func.now() + MAX_IDLE,
            ends_at=func.now() + MAX_LIFETIME,
            user_agent=_printable(user_agent),
            address=_printable(address),
        )
        started = self._exactly_one(LoginSession, statement.returning(sessions))
        unused = (
            select(sessions.c.id)
            .where(sessions.c.user_id == user_id, sessions.c.id != started.id, *_LASTING)
            .order_by(sessions.c.last_used_at.desc())
            .offset(MAX_LASTING - 1)
        )
        self._end(user_id, "too_many", sessions.c.id.in_(unused))
        return started

    def user_of(self, user_id: uuid.UUID, session_id: uuid.UUID) -> User | None:
        """The user of a session, if the session lasts and the user is active."""
        statement = (
            select(users)
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(users.c.id == user_id, users.c.is_active)
            .where(sessions.c.id == session_id, *_LASTING)
        )
        return self._one(User, statement)

    def list(self, user_id: uuid.UUID) -> tuple[LoginSession, ...]:
        """The user's sessions that last, the one used last first."""
        statement = (
            select(sessions)
            .where(sessions.c.user_id == user_id, *_LASTING)
            .order_by(sessions.c.last_used_at.desc(), sessions.c.id)
        )
        return self._all(LoginSession, statement)

    def refresh(
        self, user_id: uuid.UUID, session_id: uuid.UUID, counter: int
    ) -> LoginSession | Literal["ended", "reused"]:
        """Use the refresh token of that number.

        The newest one gives the next. The one before is taken again for :data:`MAX_REUSE` and gives
        the same next one. Any older use ends the session, and this transaction has to be committed
        for that.

        Returns:
            The session, whose ``refresh_counter`` is the number of the next token; ``ended`` if it
            lasts no longer; ``reused`` if it has ended by this.
        """
        found = self._locked(user_id, session_id)
        if found is None or counter > found[0].refresh_counter:
            return "ended"
        session, age = found
        if counter == session.refresh_counter:
            return self._next(session)
        if counter == session.refresh_counter - 1 and age <= MAX_REUSE:
            return session
        self.end(user_id, session_id, "refresh_reused")
        return "reused"

    def end(self, user_id: uuid.UUID, session_id: uuid.UUID, reason: EndReason) -> bool:
        """End one session of a user; tell whether it lasted until now."""
        return bool(self._end(user_id, reason, sessions.c.id == session_id))

    def end_all(
        self, user_id: uuid.UUID, reason: EndReason, *, but: uuid.UUID | None = None
    ) -> int:
        """End the sessions of a user.

        Args:
            user_id: The user.
            reason: Why.
            but: The one that goes on, if any.

        Returns:
            How many lasted until now.
        """
        return self._end(user_id, reason, *([] if but is None else [sessions.c.id != but]))

    def forget(self) -> int:
        """Delete the sessions of all users that ended long ago; for the upkeep alone."""
        end = func.least(sessions.c.ended_at, sessions.c.idle_ends_at)  # the one there is
        statement = delete(sessions).where(end < func.now() - KEPT_AFTER_END)
        return len(self._execute(statement.returning(sessions.c.id)).all())

    def _locked(
        self, user_id: uuid.UUID, session_id: uuid.UUID
    ) -> tuple[LoginSession, timedelta] | None:
        """The session, if it lasts and its user is active; others who want it wait.

        With it comes how old its newest token was when this transaction began: who has had to wait
        for others who use the same token is not too late by that.
        """
        statement = (
            select(sessions, (func.now() - sessions.c.refreshed_at).label("age"))
            .join(users, users.c.id == sessions.c.user_id)
            .where(users.c.id == user_id, users.c.is_active)
            .where(sessions.c.id == session_id, *_LASTING)
            .with_for_update(of=sessions)
        )
        row = self._execute(statement).mappings().one_or_none()
        return None if row is None else (to_record(LoginSession, row), row["age"])

    def _next(self, session: LoginSession) -> LoginSession:
        now = func.clock_timestamp()
        statement = (
            update(sessions)
            .where(sessions.c.id == session.id, sessions.c.user_id == session.user_id)
            .values(
                refresh_counter=session.refresh_counter + 1,
                refreshed_at=now,
                last_used_at=now,
                idle_ends_at=func.least(now + MAX_IDLE, sessions.c.ends_at),
            )
        )
        return self._exactly_one(LoginSession, statement.returning(sessions))

    def _end(self, user_id: uuid.UUID, reason: EndReason, *which: ColumnElement[bool]) -> int:
        statement = (
            update(sessions)
            .where(sessions.c.user_id == user_id, *_LASTING, *which)
            .values(ended_at=func.now(), end_reason=reason)
            .returning(sessions.c.id)
        )
        return len(self._execute(statement).all())


_LASTING: tuple[ColumnElement[bool], ...] = (
    sessions.c.ended_at.is_(None),
    sessions.c.idle_ends_at > func.now(),
    sessions.c.ends_at > func.now(),
)


def _printable(said: str) -> str:
    """What a client says of itself, on one line and not too long."""
    return "".join(c if c.isprintable() else " " for c in said)[:MAX_CLIENT_LENGTH]
