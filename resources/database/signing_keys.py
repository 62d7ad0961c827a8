"""The keys that sign access tokens: how they come, take turns and go.

There is one key that signs (``active``) and one that will (``next``): whoever verifies tokens knows
it before the first token comes that it has signed. A key that is ``retired`` signs nothing more; it
is known until the last token that it signed has ended, and is forgotten then.

What the table holds is sealed, and a public key is worked out from what was sealed: nobody who can
write into the database, but does not have the installation's secret, can bring in a key.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from resources.database.repository import Repository
from resources.database.schema import (
    SIGNING_KEYS_SETTING,
    TIMESTAMP,
    created_at,
    metadata,
    one_of,
)
from resources.errors import ReviewGraphError
from resources.keys import Keys, UnreadableSecretError

MAX_TOKEN_LIFETIME = timedelta(minutes=15)
"""How long a token lives, and so how long a key is known after it has signed its last one."""

MIN_ANNOUNCED = timedelta(minutes=1)
"""How long a key has to be known before it signs: every process has looked at the keys by then."""

KeyState = Literal["next", "active", "retired"]
STATES: tuple[KeyState, ...] = ("next", "active", "retired")

_PURPOSE = "token signing key"
_KEY_BYTES = 32
_LOCK = 7_291_543_047  # any number, as long as nobody else takes it


class KeyNotAnnouncedError(ReviewGraphError):
    """The next key is too new to sign: some process may not know it yet."""


@dataclass(frozen=True)
class SigningKey:
    """A key that signs tokens, has signed them, or will.

    Attributes:
        kid: Its name, which stands in the tokens that it signed.
        state: Whether it signs.
        private: The private key (Ed25519), 32 bytes.
        created_at: When it was made, and so announced.
        activated_at: When it began to sign.
        retired_at: When it stopped.
    """

    kid: str
    state: KeyState
    private: bytes = field(repr=False)
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    created_at(),
    Column("activated_at", TIMESTAMP),
    Column("retired_at", TIMESTAMP),
    CheckConstraint(one_of("state", STATES), name="state"),
    Index(
        "uq_signing_keys_in_turn",
        "state",
        unique=True,
        postgresql_where=text("state in ('next', 'active')"),
    ),
)


@dataclass(frozen=True)
class SigningKeyRepository(Repository):
    """The keys that sign access tokens.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def known(self) -> tuple[SigningKey, ...]:
        """The keys whose tokens are accepted, the newest first.

        One that was sealed with a secret key that is no longer set is not among them.
        """
        self._open()
        statement = (
            select(signing_keys)
            .where(
                (signing_keys.c.state != "retired")
                | (signing_keys.c.retired_at > func.now() - MAX_TOKEN_LIFETIME)
            )
            .order_by(signing_keys.c.created_at.desc(), signing_keys.c.kid)
        )
        return tuple(
            SigningKey(
                kid=row["kid"],
                state=row["state"],
                private=private,
                created_at=row["created_at"],
                activated_at=row["activated_at"],
                retired_at=row["retired_at"],
            )
            for row in self._execute(statement).mappings()
            if (private := self._unsealed(row["kid"], row["sealed"])) is not None
        )

    def ensure(self) -> None:
        """See that there are a key that signs and a next one that this installation can read.

        Keys of a previous secret key are sealed anew, so that this secret can be forgotten. Keys
        that cannot be read are put away: the secret was replaced without naming the previous one,
        and every token has ended with it.
        """
        self._alone()
        if self.keys.has_previous:
            self._seal_anew()
        readable = {key.kid for key in self.known()}
        statement = (
            delete(signing_keys)
            .where(signing_keys.c.kid.not_in(readable))
            .where(signing_keys.c.state.in_(["next", "active"]))
        )
        self._execute(statement)
        states = {key.state for key in self.known()}
        if "active" not in states:
            self._add("active")
        if "next" not in states:
            self._add("next")

    def rotate(self) -> SigningKey:
        """Let the next key sign, and announce another one. No token ends by it.

        Raises:
            KeyNotAnnouncedError: If the next key has been known for too short a time.
        """
        self.ensure()
        following = next(key for key in self.known() if key.state == "next")
        age = self._execute(select(func.now() - following.created_at)).scalar_one()
        if age < MIN_ANNOUNCED:
            wait = int((MIN_ANNOUNCED - age).total_seconds()) + 1
            raise KeyNotAnnouncedError(
                f"The next key is new, and a running server may not know it yet. Try again in "
                f"{wait} seconds. If the key that signs is in wrong hands, use --compromised."
            )
        self._retire()
        self._change_state(following.kid, "active")
        self._add("next")
        self._forget()
        return next(key for key in self.known() if key.state == "active")

    def replace_all(self) -> SigningKey:
        """Forget every key and begin with new ones: each token that they signed ends at once.

        Whoever is logged in gets another token with the refresh token.
        """
        self._alone()
        self._open()
        self._execute(delete(signing_keys))
        self.ensure()
        return next(key for key in self.known() if key.state == "active")

    def _add(self, state: KeyState) -> None:
        kid = secrets.token_hex(8)
        statement = insert(signing_keys).values(
            kid=kid,
            state=state,
            sealed=self.keys.seal(_PURPOSE, os.urandom(_KEY_BYTES), belongs_to=kid),
            created_at=func.clock_timestamp(),
            activated_at=func.now() if state == "active" else None,
        )
        self._execute(statement)

    def _retire(self) -> None:
        statement = (
            update(signing_keys)
            .where(signing_keys.c.state == "active")
            .values(state="retired", retired_at=func.now())
        )
        self._execute(statement)

    def _change_state(self, kid: str, state: KeyState) -> None:
        statement = (
            update(signing_keys)
            .where(signing_keys.c.kid == kid)
            .values(state=state, activated_at=func.now())
        )
        self._execute(statement)

    def _forget(self) -> None:
        """Delete the keys whose last token has ended."""
        statement = delete(signing_keys).where(
            signing_keys.c.state == "retired",
            signing_keys.c.retired_at <= func.now() - MAX_TOKEN_LIFETIME,
        )
        self._execute(statement)

    def _seal_anew(self) -> None:
        """Seal with today's secret key what the previous one sealed, for it to be forgotten."""
        self._open()
        for row in self._execute(select(signing_keys)).mappings().all():
            anew = self.keys.sealed_anew(_PURPOSE, row["sealed"], belongs_to=row["kid"])
            if anew is not None:
                statement = update(signing_keys).where(signing_keys.c.kid == row["kid"])
                self._execute(statement.values(sealed=anew))

    def _unsealed(self, kid: str, sealed: bytes) -> bytes | None:
        try:
            return self.keys.unseal(_PURPOSE, sealed, belongs_to=kid)
        except UnreadableSecretError:
            return None

    def _alone(self) -> None:
        """Let other processes that change the keys wait until this transaction ends."""
        self._execute(text(f"select pg_advisory_xact_lock({_LOCK})"))

    def _open(self) -> None:
        # The application's role sees the keys only where it has said that it wants them.
        self._execute(text(f"select set_config('{SIGNING_KEYS_SETTING}', 'all', true)"))
