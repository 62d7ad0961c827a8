"""Who has given the right password and is yet to give a code.

A challenge is sealed, so its holder learns nothing from it; it is good for five minutes, for that
one user with the password and address of then, and for nothing else: no other part of the API takes
it for a token.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass

from resources.database import User
from resources.keys import Keys, UnreadableSecretError

LIFETIME_SECONDS = 5 * 60
MAX_LENGTH = 512
_PURPOSE = "challenge of a log-in"


@dataclass(frozen=True)
class Challenge:
    """A log-in that is half done.

    Attributes:
        user_id: Whose.
        account: A signature of the password and address that the user had.
    """

    user_id: uuid.UUID
    account: bytes


class Challenges:
    """Issues and reads challenges.

    Args:
        keys: The installation's keys.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def issue(self, user: User, *, now: float | None = None) -> str:
        """The text of a challenge for a user who has done the first half of a log-in."""
        ends = int(time.time() if now is None else now) + LIFETIME_SECONDS
        account = self._keys.sign(_PURPOSE, _account_of(user))
        content = {"user": str(user.id), "account": account.hex(), "ends": ends}
        sealed = self._keys.seal(_PURPOSE, json.dumps(content).encode(), belongs_to=_PURPOSE)
        return base64.urlsafe_b64encode(sealed).decode()

    def read(self, text: str) -> Challenge | None:
        """The challenge that a text is, if we issued it within the last minutes."""
        if len(text) > MAX_LENGTH or not text.isascii():
            return None
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
            content = json.loads(self._keys.unseal(_PURPOSE, sealed, belongs_to=_PURPOSE))
        except (ValueError, UnreadableSecretError):
            return None
        if content["ends"] < time.time():
            return None
        return Challenge(uuid.UUID(content["user"]), bytes.fromhex(content.get("account", "")))

    def is_of(self, user: User, challenge: Challenge) -> bool:
        """Whether the user still has the password and address with which the log-in began."""
        return self._keys.is_signature(_PURPOSE, _account_of(user), challenge.account)


def _account_of(user: User) -> bytes:
    return json.dumps([str(user.id), user.email, user.password_hash]).encode()
