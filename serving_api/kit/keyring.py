"""The keys that sign access tokens, as one process knows them.

They are held in memory and looked at again every few seconds, so that verifying a token asks the
database nothing. A key is announced a minute before it signs; every process knows it by then.
"""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from resources.database import Database

ALGORITHM = "EdDSA"
MAX_AGE_SECONDS = 5.0
"""How long what is in memory is used without looking again."""


@dataclass(frozen=True)
class PrivateKey:
    """A key that signs.

    Attributes:
        kid: Its name.
        key: The key itself.
    """

    kid: str
    key: Ed25519PrivateKey = field(repr=False)


class KeySource(Protocol):
    """What tokens are signed and verified with."""

    def signing(self) -> PrivateKey:
        """The key that signs now."""
        ...

    def verifying(self, kid: str) -> Ed25519PublicKey | None:
        """The public key of that name, if its tokens are accepted."""
        ...


class KeyRing:
    """The keys of an installation.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._looking = CapacityLimiter(1)  # as many connections are left for it
        self._read_at = float("-inf")
        self._looked_at = float("-inf")
        self._changes = 0
        self._changes_known = 0
        self._signing: PrivateKey | None = None
        self._public: dict[str, Ed25519PublicKey] = {}

    def prepare(self) -> None:
        """See that there are keys, and look at them.

        What a secret key that has been replaced sealed is sealed anew, so that it can be forgotten.
        """
        # The application's role may not make keys: what it is tricked into must not bring one in.
        with self._database.jobs() as work:
            work.signing_keys.ensure()
            if self._database.keys.has_previous:
                work.second_factors.seal_anew()
                work.identity_providers.seal_anew()
        self.look()

    def is_due(self) -> bool:
        """Whether it is time to look again; who is told so has to.

        Others go on meanwhile, unless the keys are known to have changed.
        """
        with self._lock:
            if self._changes_known != self._changes:
                return True
            if time.monotonic() - self._looked_at < MAX_AGE_SECONDS:
                return False
            self._looked_at = time.monotonic()
            return True

    def distrust(self) -> None:
        """Let no token be verified before the keys are read anew: they may have changed."""
        with self._lock:
            self._changes += 1

    async def be_current(self) -> None:
        """Read the keys anew where it is time to, without holding up the event loop."""
        if self.is_due():
            await to_thread.run_sync(
                self._look_unless_read_since, time.monotonic(), limiter=self._looking
            )

    def _look_unless_read_since(self, moment: float) -> None:
        """Read the keys, unless somebody has while this request waited for its turn."""
        if self._read_at < moment:
            self.look()

    def look(self) -> None:
        """Read the keys anew."""
        began = time.monotonic()
        with self._lock:
            changes = self._changes  # those of after now may not be in what is read
        with self._database.work(None) as work:
            known = work.signing_keys.known()
        private = {key.kid: Ed25519PrivateKey.from_private_bytes(key.private) for key in known}
        signing = next((key.kid for key in known if key.state == "active"), None)
        with self._lock:
            self._public = {kid: key.public_key() for kid, key in private.items()}
            self._signing = None if signing is None else PrivateKey(signing, private[signing])
            self._looked_at, self._read_at = time.monotonic(), began
            self._changes_known = max(self._changes_known, changes)

    def signing(self) -> PrivateKey:
        """The key that signs now.

        Raises:
            RuntimeError: If :meth:`prepare` was not called, or the keys were taken away since.
        """
        if self._signing is None:
            raise RuntimeError("there is no key to sign access tokens with")
        return self._signing

    def verifying(self, kid: str) -> Ed25519PublicKey | None:
        """The public key of that name, if its tokens are accepted."""
        return self._public.get(kid)

    def published(self) -> list[dict[str, Any]]:
        """The public keys as JSON Web Keys (RFC 8037), for whoever verifies tokens elsewhere."""
        return [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": ALGORITHM,
                "kid": kid,
                "x": base64.urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("="),
            }
            for kid, key in self._public.items()
        ]
