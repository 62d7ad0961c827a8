"""Refresh tokens: which session they continue, and their number in its chain.

They are stored nowhere. A token is a session, its user and a number under a signature of the
installation, and the session knows which number is the newest.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass

from resources.database.sessions import LoginSession
from resources.keys import Keys

PREFIX = "rg_refresh_"
MAX_LENGTH = 128
_PURPOSE = "refresh token"
_ID_BYTES, _COUNTER_BYTES = 16, 4
_CONTENT_BYTES = 2 * _ID_BYTES + _COUNTER_BYTES


@dataclass(frozen=True)
class RefreshToken:
    """What a refresh token says.

    Attributes:
        session_id: The session that it continues.
        user_id: Whose that is.
        counter: Its number in the session's chain.
    """

    session_id: uuid.UUID
    user_id: uuid.UUID
    counter: int


def write(keys: Keys, session: LoginSession) -> str:
    """The newest refresh token of a session."""
    counter = session.refresh_counter.to_bytes(_COUNTER_BYTES, "big")
    content = session.id.bytes + session.user_id.bytes + counter
    return PREFIX + _spelled(content + keys.sign(_PURPOSE, content))


def read(keys: Keys, token: str) -> RefreshToken | None:
    """What a refresh token says, if it is one of ours, whether or not it is still good."""
    spelled = token.removeprefix(PREFIX)
    if len(token) > MAX_LENGTH or not token.startswith(PREFIX) or not token.isascii():
        return None
    try:
        raw = base64.b64decode(spelled + "=" * (-len(spelled) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    content, signature = raw[:_CONTENT_BYTES], raw[_CONTENT_BYTES:]
    # One spelling only: the last digit has bits that decoders ignore.
    if _spelled(raw) != spelled or not keys.is_signature(_PURPOSE, content, signature):
        return None
    return RefreshToken(
        session_id=uuid.UUID(bytes=content[:_ID_BYTES]),
        user_id=uuid.UUID(bytes=content[_ID_BYTES : 2 * _ID_BYTES]),
        counter=int.from_bytes(content[2 * _ID_BYTES :], "big"),
    )


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
