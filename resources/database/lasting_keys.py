"""The keys that outlive the installation's secret: made once, and kept sealed under it.

With them is signed what cannot be signed again, because what was signed is not kept: API keys,
recovery codes, marks of erased people. When the secret is replaced they are sealed anew and stay
what they are, so nothing that they signed ends.

The first key of a purpose is the one that follows from the secret in use then: releases that kept
no keys signed with it, and what they signed stays right. Where none can be read, because the secret
was replaced without naming the previous one, the next is made in the same way. Those that cannot be
read stay where they are: once their secret is named as the previous one, they are read again.
"""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Column, LargeBinary, Table, Text, func, insert, select, text, update

from resources.database.repository import Repository
from resources.database.schema import LASTING_KEYS_SETTING, created_at, metadata
from resources.keys import LASTING, KeptKeys, Keys, UnreadableSecretError
from resources.logs import fields

_PURPOSE = "lasting key"
_LOCK = 7_291_543_048  # any number, as long as nobody else takes it

_LOG = logging.getLogger(__name__)

lasting_keys = Table(
    "lasting_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    created_at(),
)


@dataclass(frozen=True)
class LastingKeyRepository(Repository):
    """The keys that outlive the secret.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def known(self) -> KeptKeys:
        """The keys that can be read, by purpose, the one in use (the newest) first."""
        self._open()
        found: dict[str, tuple[bytes, ...]] = defaultdict(tuple)
        statement = select(lasting_keys).order_by(
            lasting_keys.c.created_at.desc(), lasting_keys.c.id
        )
        for row in self._execute(statement).mappings():
            key = self._unsealed(row["id"], row["purpose"], row["sealed"])
            if key is not None:
                found[row["purpose"]] += (key,)
        return found

    def ensure(self) -> None:
        """See that each lasting purpose has a key that today's secret alone can read."""
        self._execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        if self.keys.has_previous:
            self._seal_anew()
        known = self.known()
        missing = [purpose for purpose in LASTING if purpose not in known]
        if missing and self._execute(select(lasting_keys.c.id).limit(1)).first() is not None:
            _LOG.warning(
                "keys that are kept cannot be read with this installation's secret key, so what "
                "they signed is refused; name the secret that they were sealed with in "
                "REVIEWGRAPH_SECRET_KEY_PREVIOUS and run any command",
                extra=fields(purposes=missing),
            )
        for purpose in missing:
            for key in reversed(self.keys.derive_each(purpose)):  # today's last, as the newest
                self._add(purpose, key)

    def _seal_anew(self) -> None:
        self._open()
        for row in self._execute(select(lasting_keys)).mappings().all():
            owner = _owner(row["id"], row["purpose"])
            anew = self.keys.sealed_anew(_PURPOSE, row["sealed"], belongs_to=owner)
            if anew is not None:
                statement = update(lasting_keys).where(lasting_keys.c.id == row["id"])
                self._execute(statement.values(sealed=anew))

    def _add(self, purpose: str, key: bytes) -> None:
        key_id = secrets.token_hex(8)
        sealed = self.keys.seal(_PURPOSE, key, belongs_to=_owner(key_id, purpose))
        self._execute(
            insert(lasting_keys).values(
                id=key_id, purpose=purpose, sealed=sealed, created_at=func.clock_timestamp()
            )
        )

    def _unsealed(self, key_id: str, purpose: str, sealed: bytes) -> bytes | None:
        try:
            return self.keys.unseal(_PURPOSE, sealed, belongs_to=_owner(key_id, purpose))
        except UnreadableSecretError:
            return None

    def _open(self) -> None:
        # The application's role sees the keys only where it has said that it wants them.
        self._execute(text(f"select set_config('{LASTING_KEYS_SETTING}', 'all', true)"))


def _owner(key_id: str, purpose: str) -> str:
    """What a key is sealed for: a row that is written under another purpose opens nothing."""
    return f"{key_id} {purpose}"
