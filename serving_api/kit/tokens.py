"""Access tokens: who is asking.

A token is a JWT (RFC 7519) signed with Ed25519 (RFC 8037), typed ``at+jwt`` (RFC 9068), good for 15
minutes. It says who the user is and nothing about what the user may do: sessions, memberships and
roles are read from the database with every request, so what is taken away is gone at once.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt

from resources.database.signing_keys import MAX_TOKEN_LIFETIME
from serving_api.kit.errors import CHALLENGE, Problem
from serving_api.kit.keyring import ALGORITHM, KeySource

ISSUER = "reviewgraph"
AUDIENCE = "reviewgraph-api"
LIFETIME_SECONDS = int(MAX_TOKEN_LIFETIME.total_seconds())
MIN_SECRET_BYTES = 32
_MAX_TOKEN_LENGTH = 2048
_TYPE = "at+jwt"
_KID = re.compile(r"[0-9a-f]{16}")
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


def require_long_secret(secret: str) -> None:
    """See that the secret that everything is derived from is worth its name.

    Raises:
        ValueError: If it is too short.
    """
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(
            f"REVIEWGRAPH_SECRET_KEY is shorter than {MIN_SECRET_BYTES} bytes and would make "
            "access easy to forge. Set a longer one, for example 48 random characters."
        )


def invalid_token() -> Problem:
    """The one answer to every token and key that does not work; it does not tell why."""
    return Problem(
        "unauthenticated", headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
    )


class Tokens:
    """Issues and verifies access tokens.

    Args:
        keys: What they are signed with.
    """

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys

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
        signing = self._keys.signing()
        header = {"typ": _TYPE, "kid": signing.kid}
        return jwt.encode(claims, signing.key, algorithm=ALGORITHM, headers=header)

    def verify(self, token: str) -> Principal:
        """The user that a token names.

        Raises:
            Problem: ``unauthenticated`` for every token that :meth:`issue` did not make, or made
                too long ago. The answer does not tell which.
        """
        try:
            return self._principal(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise invalid_token() from None

    def _principal(self, token: str) -> Principal:
        if len(token) > _MAX_TOKEN_LENGTH:
            raise ValueError("longer than any token of ours")
        kid = jwt.get_unverified_header(token).get("kid")
        # A name is looked up among the keys in memory and never used for anything else.
        if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
            raise ValueError("not a name of a key of ours")
        key = self._keys.verifying(kid)
        if key is None:
            raise ValueError("not a key of ours, or one whose tokens have ended")
        decoded = jwt.decode_complete(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": _REQUIRED_CLAIMS, "strict_aud": True},
        )
        # The last digit of a signature has bits that decoders ignore; one spelling is enough.
        spelled = base64.urlsafe_b64encode(decoded["signature"]).decode().rstrip("=")
        if token.rpartition(".")[2] != spelled:
            raise ValueError("another spelling of a token of ours")
        # Compared whole: a header that names keys of its own (jku, jwk, x5u, crit) is none of ours.
        if decoded["header"] != {"alg": ALGORITHM, "typ": _TYPE, "kid": kid}:
            raise ValueError("not an access token of ours")
        claims: dict[str, Any] = decoded["payload"]
        if claims["exp"] - claims["iat"] != LIFETIME_SECONDS:
            raise ValueError("not a lifetime of ours")
        return Principal(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]))
