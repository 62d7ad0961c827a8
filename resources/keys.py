"""The keys of one installation: derived from its one secret, a different one for each purpose.

What leaks for one purpose opens nothing of another. Derivation is HKDF (RFC 5869), sealing is
AES-256-GCM; both are the ``cryptography`` package's. While a secret is being replaced, what was
signed or sealed with the previous one is still read; everything new is written with today's.

Some signatures are kept for longer than any secret and cannot be made again, for what they are of
is not kept. The keys of these purposes (``LASTING``) stand in the database, sealed under the
secret, and stay the same when the secret is replaced; see ``resources.database.lasting_keys``.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from resources.errors import ReviewGraphError

API_KEY = "api key"
RECOVERY_CODE = "recovery code"
ERASED_PERSON = "mark of an erased person"
ERASURE = "erasure under way"

LASTING: tuple[str, ...] = (API_KEY, RECOVERY_CODE, ERASED_PERSON, ERASURE)
"""The purposes whose keys outlive the secret."""

KeptKeys = Mapping[str, tuple[bytes, ...]]
"""Keys that are kept, by purpose, the one in use first."""

_KEY_BYTES = 32
_NONCE_BYTES = 12


class UnreadableSecretError(ReviewGraphError):
    """Something that was sealed cannot be opened with this installation's secret key."""


class Keys:
    """Derives, signs and seals.

    Args:
        secret: The installation's secret key.
        previous: The one it has replaced, as long as what that one signed shall be read.
        kept: Looks up the keys that are kept; called when the first of them is needed. A lasting
            purpose of which none is kept has derived keys, as all others have.
    """

    def __init__(
        self,
        secret: str,
        previous: str | None = None,
        *,
        kept: Callable[[], KeptKeys] = dict,
    ) -> None:
        self._secret = secret
        self._readable = (secret,) if previous is None else (secret, previous)
        self._look_up = kept

    def __repr__(self) -> str:
        return "Keys(...)"

    @property
    def has_previous(self) -> bool:
        """Whether the secret is being replaced."""
        return len(self._readable) > 1

    def derive(self, purpose: str) -> bytes:
        """The key that follows from the secret for a purpose, 32 bytes."""
        return _derive(self._secret, purpose)

    def derive_each(self, purpose: str) -> tuple[bytes, ...]:
        """The keys that follow from today's secret and from the previous one, in this order."""
        return tuple(_derive(secret, purpose) for secret in self._readable)

    def sign(self, purpose: str, message: bytes) -> bytes:
        """The signature (HMAC-SHA-256) of a message for a purpose, 32 bytes."""
        return hmac.digest(self._keys_of(purpose)[0], message, "sha256")

    def signatures(self, purpose: str, message: bytes) -> tuple[bytes, ...]:
        """What ``sign`` gives, and what it gave with the keys of before that can be read."""
        return tuple(hmac.digest(key, message, "sha256") for key in self._keys_of(purpose))

    def is_signature(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether ``sign`` gave that signature; the time taken tells nothing about it."""
        matches = [hmac.compare_digest(one, signature) for one in self.signatures(purpose, message)]
        return any(matches)

    def seal(self, purpose: str, plain: bytes, *, belongs_to: str) -> bytes:
        """Encrypt something for a purpose.

        Args:
            purpose: What it is for.
            plain: What to hide.
            belongs_to: The row it will stand in; in another one it cannot be opened.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._keys_of(purpose)[0]).encrypt(nonce, plain, belongs_to.encode())

    def unseal(self, purpose: str, sealed: bytes, *, belongs_to: str) -> bytes:
        """Decrypt what ``seal`` gave.

        Raises:
            UnreadableSecretError: If it was sealed with another secret key, for another row, or
                was changed since.
        """
        nonce, hidden = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys_of(purpose):
            with contextlib.suppress(InvalidTag, ValueError):
                return AESGCM(key).decrypt(nonce, hidden, belongs_to.encode())
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

    def _keys_of(self, purpose: str) -> tuple[bytes, ...]:
        """The keys of a purpose, the one in use first."""
        kept = self._kept.get(purpose) if purpose in LASTING else None
        return kept or self.derive_each(purpose)

    @cached_property
    def _kept(self) -> KeptKeys:
        return self._look_up()


@cache
def _derive(secret: str, purpose: str) -> bytes:
    derivation = HKDF(
        hashes.SHA256(), _KEY_BYTES, salt=None, info=f"reviewgraph {purpose}".encode()
    )
    return derivation.derive(secret.encode())
