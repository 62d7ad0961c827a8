"""The keys of one installation: derived from its one secret, a different one for each purpose.

What leaks for one purpose opens nothing of another. Derivation is HKDF (RFC 5869), sealing is
AES-256-GCM; both are the ``cryptography`` package's. While a secret is being replaced, what was
signed or sealed with the previous one is still read; everything new is written with today's.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from resources.errors import ReviewGraphError

_KEY_BYTES = 32
_NONCE_BYTES = 12


class UnreadableSecretError(ReviewGraphError):
    """Something that was sealed cannot be opened with this installation's secret key."""


class Keys:
    """Derives, signs and seals.

    Args:
        secret: The installation's secret key.
        previous: The one it has replaced, as long as what that one signed shall be read.
    """

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._secret = secret
        self._readable = (secret,) if previous is None else (secret, previous)

    def __repr__(self) -> str:
        return "Keys(...)"

    @property
    def has_previous(self) -> bool:
        """Whether the secret is being replaced."""
        return len(self._readable) > 1

    def derive(self, purpose: str) -> bytes:
        """The key of a purpose, 32 bytes."""
        return _derive(self._secret, purpose)

    def sign(self, purpose: str, message: bytes) -> bytes:
        """The signature (HMAC-SHA-256) of a message for a purpose, 32 bytes."""
        return hmac.digest(self.derive(purpose), message, "sha256")

    def signatures(self, purpose: str, message: bytes) -> tuple[bytes, ...]:
        """What ``sign`` gives, and what it gave before the secret was replaced."""
        return tuple(
            hmac.digest(_derive(secret, purpose), message, "sha256") for secret in self._readable
        )

    def is_signature(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether ``sign`` gave that signature; the time taken tells nothing about it."""
        matches = [
            hmac.compare_digest(hmac.digest(_derive(secret, purpose), message, "sha256"), signature)
            for secret in self._readable
        ]
        return any(matches)

    def seal(self, purpose: str, plain: bytes, *, belongs_to: str) -> bytes:
        """Encrypt something for a purpose.

        Args:
            purpose: What it is for.
            plain: What to hide.
            belongs_to: The row it will stand in; in another one it cannot be opened.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.derive(purpose)).encrypt(nonce, plain, belongs_to.encode())

    def unseal(self, purpose: str, sealed: bytes, *, belongs_to: str) -> bytes:
        """Decrypt what ``seal`` gave.

        Raises:
            UnreadableSecretError: If it was sealed with another secret key, for another row, or
                was changed since.
        """
        nonce, hidden = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for secret in self._readable:
            with contextlib.suppress(InvalidTag, ValueError):
                cipher = AESGCM(_derive(secret, purpose))
                return cipher.decrypt(nonce, hidden, belongs_to.encode())
        raise UnreadableSecretError(
            f"A stored {purpose} cannot be read with this installation's secret key. Put back the "
            "REVIEWGRAPH_SECRET_KEY (or the file secret_key in the home) that it was stored with, "
            "name it in REVIEWGRAPH_SECRET_KEY_PREVIOUS, or have it set up again."
        )

    def sealed_anew(self, purpose: str, sealed: bytes, *, belongs_to: str) -> bytes | None:
        """What the previous secret sealed, sealed with today's.

        None where there is nothing to do (it is of today's secret) or nothing that can be done (it
        is of neither).
        """
        with contextlib.suppress(UnreadableSecretError):
            Keys(self._secret).unseal(purpose, sealed, belongs_to=belongs_to)
            return None
        with contextlib.suppress(UnreadableSecretError):
            plain = self.unseal(purpose, sealed, belongs_to=belongs_to)
            return self.seal(purpose, plain, belongs_to=belongs_to)
        return None


@cache
def _derive(secret: str, purpose: str) -> bytes:
    derivation = HKDF(
        hashes.SHA256(), _KEY_BYTES, salt=None, info=f"reviewgraph {purpose}".encode()
    )
    return derivation.derive(secret.encode())
