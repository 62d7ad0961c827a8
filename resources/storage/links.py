"""Signed links to files in a local store: whoever holds one may read that one file for a while.

An S3 service checks its own signed addresses. A folder has nobody at the door, so here the API is:
it gives out a token that names the file and the end of its time, and later verifies it. The key is
derived from the installation's secret, so that no token of another kind can pass for a link.
"""

from __future__ import annotations

import hashlib
import hmac

from resources.errors import ReviewGraphError

_PURPOSE = b"reviewgraph object link 1"
_MAX_TOKEN_LENGTH = 512


class LinkError(ReviewGraphError):
    """A link is not one of ours, or its time is over."""


def sign(secret: str, key: str, expires_at: int) -> str:
    """A token for an object.

    Args:
        secret: The installation's secret key.
        key: The object's key.
        expires_at: Seconds since 1970 at which the token ends.
    """
    return f"{expires_at}.{_signature(secret, key, expires_at)}.{key}"


def verify(secret: str, token: str, now: float) -> str:
    """The key of the object that a token opens.

    Raises:
        LinkError: The token was not made by :func:`sign` with this secret, or its time is over.
            The message does not tell which.
    """
    end, _, rest = token[: _MAX_TOKEN_LENGTH + 1].partition(".")
    signature, _, key = rest.partition(".")
    is_number = end.isascii() and end.isdigit() and len(token) <= _MAX_TOKEN_LENGTH
    expires_at = int(end) if is_number else 0
    # Compared as bytes and always: neither a strange character nor the time taken says anything.
    expected = _signature(secret, key, expires_at).encode()
    is_ours = hmac.compare_digest(signature.encode(errors="replace"), expected)
    if not is_ours or str(expires_at) != end or now >= expires_at:
        raise LinkError("The link is not valid or no longer valid. Ask for a new one.")
    return key


def _signature(secret: str, key: str, expires_at: int) -> str:
    link_key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    said = f"{expires_at}\n{key}".encode(errors="replace")
    return hmac.new(link_key, said, hashlib.sha256).hexdigest()
