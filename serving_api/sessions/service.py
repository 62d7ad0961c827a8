"""The asking user's sessions: which there are, and their end."""

from __future__ import annotations

import uuid

from resources.database import sessions as database
from resources.database.sessions import EndReason
from serving_api.kit.auth import UserSession
from serving_api.kit.errors import Problem
from serving_api.sessions.schemas import EndedSessions, LoginSession, LoginSessions


def list_sessions(session: UserSession) -> LoginSessions:
    """The sessions of the asking user that last."""
    found = session.work.sessions.list(session.user.id)
    return LoginSessions(items=[_session(one, session.principal.session_id) for one in found])


def log_out(session: UserSession) -> None:
    """End the session that asks."""
    if session.principal.session_id is not None:
        _end(session, session.principal.session_id, "logged_out")


def end_session(session: UserSession, session_id: str) -> None:
    """End one of the user's sessions, which may be the one that asks.

    Raises:
        Problem: ``not-found`` if the user has no such session.
    """
    try:
        identifier = uuid.UUID(session_id)
    except ValueError:
        raise Problem("not-found") from None
    if str(identifier) != session_id or not _end(session, identifier, "ended_by_user"):
        raise Problem("not-found")


def end_others(session: UserSession) -> EndedSessions:
    """End all sessions of the user but the one that asks."""
    own = session.principal.session_id
    ended = session.work.sessions.end_all(session.user.id, "ended_by_user", but=own)
    session.work.events.add(
        "session.others_ended",
        str(session.user.id),
        data={"user": str(session.user.id), "ended": ended},
    )
    return EndedSessions(ended=ended)


def _end(session: UserSession, session_id: uuid.UUID, reason: EndReason) -> bool:
    has_ended = session.work.sessions.end(session.user.id, session_id, reason)
    if has_ended:
        session.work.events.add(
            "session.ended",
            str(session_id),
            data={"user": str(session.user.id), "reason": reason},
        )
    return has_ended


def _session(found: database.LoginSession, own: uuid.UUID | None) -> LoginSession:
    return LoginSession(
        id=found.id,
        is_current=found.id == own,
        created_at=found.created_at,
        last_used_at=found.last_used_at,
        idle_ends_at=found.idle_ends_at,
        ends_at=found.ends_at,
        user_agent=found.user_agent,
        address=found.address,
    )
