"""Tokens that work once: what links in mails hold.

The row says what a token is for and whether it still works. The token itself is stored nowhere: it
is the row's id, signed for its purpose with a key of the installation, and it is made when the mail
is written. So neither a dump of the database nor a job's row lets anybody in.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    and_,
    func,
    insert,
    select,
    text,
    update,
)

from resources.database.repository import Repository
from resources.database.schema import (
    ONE_TIME_TOKEN_SETTING,
    TIMESTAMP,
    created_at,
    metadata,
    one_of,
)
from resources.database.users import users
from resources.keys import Keys

Purpose = Literal["verify_email", "reset_password", "change_email", "invite"]
PURPOSES: tuple[Purpose, ...] = ("verify_email", "reset_password", "change_email", "invite")

MAX_LIFETIMES: dict[Purpose, timedelta] = {
    "verify_email": timedelta(days=2),
    "reset_password": timedelta(minutes=30),
    "change_email": timedelta(hours=1),
    "invite": timedelta(days=7),
}
"""How long a token of each purpose may work."""

State = Literal["open", "used", "replaced", "revoked", "expired"]
_ENDINGS = ("used", "replaced", "revoked")

_ID_BYTES = 16
_TEXT_LENGTH = 64  # of 16 bytes and a signature of 32, in base64


@dataclass(frozen=True)
class OneTimeToken:
    """A token that works once.

    Attributes:
        id: Random and immutable; on its own it opens nothing.
        purpose: The one thing it can be used for.
        user_id: Whose it is; None where there is no account yet.
        email: The address it is sent to.
        created_at: When it was issued.
        expires_at: When it stops working.
        ended_at: When it was used, replaced or revoked.
        ended_as: Which of these.
    """

    id: uuid.UUID
    purpose: Purpose
    user_id: uuid.UUID | None
    email: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_as: Literal["used", "replaced", "revoked"] | None

    def state(self, now: datetime) -> State:
        """Whether it works at a moment, and if not, why."""
        return self.ended_as or ("expired" if self.expires_at <= now else "open")


one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE")),
    Column("email", Text, nullable=False),
    created_at(),
    Column("expires_at", TIMESTAMP, nullable=False),
    Column("ended_at", TIMESTAMP),
    Column("ended_as", Text),
    CheckConstraint(one_of("purpose", PURPOSES), name="purpose"),
    CheckConstraint(one_of("ended_as", _ENDINGS), name="ended_as"),
    CheckConstraint("(ended_at is null) = (ended_as is null)", name="ended_how"),
    CheckConstraint("email = lower(email)", name="email_is_lower"),
    Index(None, "email", "purpose"),
    Index(None, "user_id"),
)


@dataclass(frozen=True)
class OneTimeTokenRepository(Repository):
    """The tokens that work once.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def issue(
        self,
        purpose: Purpose,
        *,
        email: str,
        user_id: uuid.UUID | None = None,
        lifetime: timedelta | None = None,
        replaces: bool = True,
    ) -> OneTimeToken:
        """Issue a token; earlier ones of the same purpose and user stop working.

        Where there is no account yet, those of the same purpose and address do. The application has
        to work for the user.

        Args:
            purpose: What it can be used for.
            email: The address that it will be sent to.
            user_id: Whose it is.
            lifetime: How long it works; the longest that its purpose allows when not given, and
                never longer.
            replaces: Whether earlier ones stop working. Two tenants may invite the same person.
        """
        address = email.strip().lower()
        token_id = uuid.uuid4()
        self._open(address)
        if replaces:
            holder = (
                one_time_tokens.c.user_id == user_id
                if user_id is not None
                else and_(one_time_tokens.c.email == address, one_time_tokens.c.user_id.is_(None))
            )
            self._end("replaced", one_time_tokens.c.purpose == purpose, holder)
        longest = MAX_LIFETIMES[purpose]
        statement = insert(one_time_tokens).values(
            id=token_id,
            purpose=purpose,
            user_id=user_id,
            email=address,
            expires_at=func.now() + min(lifetime or longest, longest),
        )
        self._open(str(token_id))
        return self._exactly_one(OneTimeToken, statement.returning(one_time_tokens))

    def text_of(self, token: OneTimeToken) -> str:
        """The token as it stands in a link. Write it into mails alone: it is a secret."""
        signature = self.keys.sign(f"one-time token {token.purpose}", token.id.bytes)
        return base64.urlsafe_b64encode(token.id.bytes + signature).decode()

    def get(self, token_id: uuid.UUID) -> OneTimeToken | None:
        """The token of an id, whatever its state; for whoever writes the mail."""
        self._open(str(token_id))
        return self._one(
            OneTimeToken, select(one_time_tokens).where(one_time_tokens.c.id == token_id)
        )

    def find(self, purpose: Purpose, given: str) -> OneTimeToken | None:
        """The token that a text is, if it is one of that purpose and works; it stays unused."""
        token_id = self._id_in(purpose, given)
        if token_id is None:
            return None
        self._open(str(token_id))
        return self._one(OneTimeToken, select(one_time_tokens).where(*_works(token_id, purpose)))

    def redeem(self, purpose: Purpose, given: str) -> OneTimeToken | None:
        """Use a token up; None if the text is none of that purpose, or it works no longer.

        Of several who come at the same time, one gets it. A rollback gives it back.
        """
        token_id = self._id_in(purpose, given)
        if token_id is None:
            return None
        self._open(str(token_id))
        statement = (
            update(one_time_tokens)
            .where(*_works(token_id, purpose))
            .values(ended_at=func.now(), ended_as="used")
        )
        return self._one(OneTimeToken, statement.returning(one_time_tokens))

    def revoke(self, token_id: uuid.UUID) -> None:
        """Let a token work no longer."""
        self._open(str(token_id))
        self._end("revoked", one_time_tokens.c.id == token_id)

    def revoke_all(self, user_id: uuid.UUID) -> None:
        """Let no token of a user work any longer, whatever it is for.

        It belongs to every change of how one logs in: a link that was sent before was asked for by
        whoever could log in before. The application has to work for that user.
        """
        self._end("revoked", one_time_tokens.c.user_id == user_id)

    def _end(self, how: str, *which: ColumnElement[bool]) -> None:
        statement = (
            update(one_time_tokens)
            .where(one_time_tokens.c.ended_at.is_(None), *which)
            .values(ended_at=func.now(), ended_as=how)
        )
        self._execute(statement)

    def _id_in(self, purpose: Purpose, given: str) -> uuid.UUID | None:
        """The id in a text that carries our signature for this purpose."""
        if len(given) != _TEXT_LENGTH or not given.isascii():
            return None
        try:
            content = base64.b64decode(given, altchars=b"-_", validate=True)
        except ValueError:
            return None
        token_id, signature = content[:_ID_BYTES], content[_ID_BYTES:]
        if not self.keys.is_signature(f"one-time token {purpose}", token_id, signature):
            return None
        return uuid.UUID(bytes=token_id)

    def _open(self, named: str) -> None:
        # To the application's role, this opens the row of exactly this id, or those of the address.
        self._execute(
            text(f"select set_config('{ONE_TIME_TOKEN_SETTING}', :named, true)"), {"named": named}
        )


def _works(token_id: uuid.UUID, purpose: Purpose) -> tuple[ColumnElement[bool], ...]:
    return (
        one_time_tokens.c.id == token_id,
        one_time_tokens.c.purpose == purpose,
        one_time_tokens.c.ended_at.is_(None),
        one_time_tokens.c.expires_at > func.now(),
    )
