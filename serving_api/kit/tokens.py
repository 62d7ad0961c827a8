"""Access tokens: who is asking.

A token is a JWT (RFC 7519) signed with HS256, typed ``at+jwt`` (RFC 9068), good for 15 minutes. It
says who the user is and nothing about what the user may do: memberships and roles are read from
the database with every request, so a removed membership takes effect at once.
"""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt

from serving_api.kit.errors import CHALLENGE, Problem

ALGORITHM = "HS256"
ISSUER = "reviewgraph"
AUDIENCE = "reviewgraph-api"
LIFETIME_SECONDS = 15 * 60
MINIMUM_KEY_BYTES = 32
_MAXIMUM_TOKEN_LENGTH = 2048
# Compared whole: a header that names keys of its own (jku, jwk, x5u, crit) is no header of ours.
_HEADER = {"alg": ALGORITHM, "typ": "at+jwt"}
_REQUIRED_CLAIMS = ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]


@dataclass(frozen=True)
class Principal:
    """Who is asking: a user who has logged in, or an API key that a user has made.

    Attributes:
        user_id: The user; of a key, its creator.
        session_id: The log-in that the token came from; None for a key.
        key_id: The key; None for a log-in.
        tenant_id: The one tenant that a key belongs to; None for a log-in.
        scopes: The permissions that a key carries; None for a log-in, which has those of its role.
    """

    user_id: uuid.UUID
    session_id: uuid.UUID | None = None
    key_id: uuid.UUID | None = None
    tenant_id: str | None = None
    scopes: frozenset[str] | None = None


class Tokens:
    """Issues and verifies access tokens.

    Args:
        signing_key: At least 32 bytes, the size of the hash (RFC 7518, 3.2).

    Raises:
        ValueError: If the key is shorter.
    """

    def __init__(self, signing_key: str) -> None:
        if len(signing_key.encode()) < MINIMUM_KEY_BYTES:
            raise ValueError(
                f"REVIEWGRAPH_SECRET_KEY is shorter than {MINIMUM_KEY_BYTES} bytes and would make "
                "access tokens easy to forge. Set a longer one, for example 48 random characters."
            )
        self._key = signing_key

    def issue(self, user_id: uuid.UUID, session_id: uuid.UUID, *, now: int | None = None) -> str:
        """A token for a user.

        Args:
            user_id: The user.
            session_id: The log-in it belongs to.
            now: Seconds since 1970; the clock's when not given.
        """
        issued_at = int(time.time()) if now is None else now
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"typ": _HEADER["typ"]})

    def verify(self, token: str) -> Principal:
        """The user that a token names.

        Raises:
            Problem: ``unauthenticated`` for every token that :meth:`issue` did not make, or made
                too long ago. The answer does not tell which.
        """
        try:
            return self._principal(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise Problem(
                "unauthenticated",
                headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'},
            ) from None

    def _principal(self, token: str) -> Principal:
        if len(token) > _MAXIMUM_TOKEN_LENGTH:
            raise ValueError("longer than any token of ours")
        decoded = jwt.decode_complete(
            token,
            self._key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": _REQUIRED_CLAIMS, "strict_aud": True},
        )
        # The last digit of a signature has bits that decoders ignore; one spelling is enough.
        spelled = base64.urlsafe_b64encode(decoded["signature"]).decode().rstrip("=")
        if token.rpartition(".")[2] != spelled:
            raise ValueError("another spelling of a token of ours")
        if decoded["header"] != _HEADER:
            raise ValueError("not an access token of ours")
        claims: dict[str, Any] = decoded["payload"]
        if claims["exp"] - claims["iat"] != LIFETIME_SECONDS:
            raise ValueError("not a lifetime of ours")
        return Principal(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]))
