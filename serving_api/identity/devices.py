"""Devices that somebody logged in from before.

A device is given a token when a log-in succeeds, signed for the address that logged in. It proves
nothing about who uses the device: all it does is to have attempts from it counted apart.
"""

from __future__ import annotations

import base64
import os
import time

from resources.keys import Keys

LIFETIME_SECONDS = 180 * 24 * 60 * 60
_PURPOSE = "known device"
_ID_BYTES = 12
_TIME_BYTES = 6
_TEXT_LENGTH = 68  # of 12, 6 and 32 bytes in base64
_SIGNATURE_BYTES = 32


class Devices:
    """Issues and reads the tokens of devices.

    Args:
        keys: The installation's keys.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def issue(self, email: str, *, now: float | None = None) -> str:
        """A token for a device from which somebody has logged in with an address."""
        moment = int(time.time() if now is None else now)
        content = os.urandom(_ID_BYTES) + moment.to_bytes(_TIME_BYTES, "big")
        signature = self._keys.sign(_PURPOSE, _signed(content, email))
        return base64.urlsafe_b64encode(content + signature).decode()

    def id_of(self, token: str | None, email: str) -> str | None:
        """The device that a token is of, if it is ours, recent, and of that address."""
        if token is None or len(token) != _TEXT_LENGTH or not token.isascii():
            return None
        try:
            whole = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError:
            return None
        content, signature = whole[:-_SIGNATURE_BYTES], whole[-_SIGNATURE_BYTES:]
        if not self._keys.is_signature(_PURPOSE, _signed(content, email), signature):
            return None
        age = time.time() - int.from_bytes(content[_ID_BYTES:], "big")
        return content[:_ID_BYTES].hex() if age <= LIFETIME_SECONDS else None


def _signed(content: bytes, email: str) -> bytes:
    return content + email.strip().lower().encode()
