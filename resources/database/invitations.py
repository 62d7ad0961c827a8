"""Invitations: a place in a tenant, kept for one address for a few days.

An invitation is bound to the address that it was sent to. Whoever logs in with another one cannot
take it, and it stays unspent for whom it was meant.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
    update,
)

from resources.database.errors import DuplicateError
from resources.database.one_time_tokens import one_time_tokens
from resources.database.repository import Repository
from resources.database.schema import (
    TIMESTAMP,
    created_at,
    metadata,
    one_of,
    tenant_column,
)
from resources.database.users import ROLES, Role, users

TIME_OPEN = timedelta(days=7)
"""How long an invitation can be accepted, from its last sending on."""

MAX_SENDINGS = 5
"""How often one invitation is mailed: an address that does not answer is left in peace."""


@dataclass(frozen=True)
class Invitation:
    """A place in a tenant that is kept for somebody.

    Attributes:
        id: Random and immutable.
        tenant_id: The tenant.
        email: Whom it is for, in small letters.
        role: What the person will be.
        token_id: The token that the latest mail's link holds.
        invited_by: The user who invited; None for the operator.
        created_at: When.
        sent_at: When it was last mailed.
        sent_count: How often.
        expires_at: Until when it can be accepted.
        accepted_at: When it was.
        revoked_at: When it was taken back.
    """

    id: uuid.UUID
    tenant_id: str
    email: str
    role: Role
    token_id: uuid.UUID
    invited_by: uuid.UUID | None
    created_at: datetime
    sent_at: datetime
    sent_count: int
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None


invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_id", Uuid, ForeignKey(one_time_tokens.c.id), nullable=False, unique=True),
    Column("invited_by", Uuid, ForeignKey(users.c.id, ondelete="SET NULL"), index=True),
    created_at(),
    Column("sent_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    Column("sent_count", Integer, nullable=False, server_default=text("1")),
    Column("expires_at", TIMESTAMP, nullable=False),
    Column("accepted_at", TIMESTAMP),
    Column("revoked_at", TIMESTAMP),
    CheckConstraint(one_of("role", ROLES), name="role"),
    CheckConstraint("email = lower(email)", name="email_is_lower"),
    CheckConstraint("accepted_at is null or revoked_at is null", name="ends_once"),
    Index(
        "uq_invitations_open",
        "tenant_id",
        "email",
        unique=True,
        postgresql_where=text("accepted_at is null and revoked_at is null"),
    ),
)

_IS_PENDING = (invitations.c.accepted_at.is_(None), invitations.c.revoked_at.is_(None))
_IS_OPEN = (*_IS_PENDING, invitations.c.expires_at > func.now())


class InvitationRepository(Repository):
    """The invitations."""

    def create(
        self,
        tenant_id: str,
        email: str,
        role: Role,
        *,
        token_id: uuid.UUID,
        invited_by: uuid.UUID | None = None,
    ) -> Invitation:
        """Keep a place for an address; one whose time is over makes way for the new one.

        Raises:
            DuplicateError: If one is open for that address.
        """
        address = email.strip().lower()
        of_address = (invitations.c.tenant_id == tenant_id, invitations.c.email == address)
        self._execute(
            update(invitations)
            .where(*of_address, *_IS_PENDING, invitations.c.expires_at <= func.now())
            .values(revoked_at=func.now())
        )
        if self._one(Invitation, select(invitations).where(*of_address, *_IS_PENDING)) is not None:
            raise DuplicateError(
                f"An invitation of {address} to {tenant_id} is open already. Send it again, or "
                "take it back first."
            )
        statement = insert(invitations).values(
            tenant_id=tenant_id,
            email=address,
            role=role,
            token_id=token_id,
            invited_by=invited_by,
            expires_at=func.now() + TIME_OPEN,
        )
        return self._exactly_one(Invitation, statement.returning(invitations))

    def list_open(self, tenant_id: str) -> tuple[Invitation, ...]:
        """The tenant's invitations that can still be accepted, the latest first."""
        statement = select(invitations).where(invitations.c.tenant_id == tenant_id, *_IS_OPEN)
        return self._all(
            Invitation, statement.order_by(invitations.c.created_at.desc(), invitations.c.id)
        )

    def get(self, tenant_id: str, invitation_id: uuid.UUID) -> Invitation | None:
        """One invitation of the tenant, whatever became of it."""
        return self._one(Invitation, select(invitations).where(*_is(tenant_id, invitation_id)))

    def by_token(self, token_id: uuid.UUID) -> Invitation | None:
        """The invitation that a link names, if it is open.

        To the application's role, having found the token has opened exactly this row.
        """
        statement = select(invitations).where(invitations.c.token_id == token_id, *_IS_OPEN)
        return self._one(Invitation, statement)

    def send_again(
        self, tenant_id: str, invitation_id: uuid.UUID, *, token_id: uuid.UUID
    ) -> Invitation | None:
        """Note that an open invitation is mailed again; it is good for as long as a new one.

        Returns:
            The invitation; None if it is not open, or was mailed as often as it may be.
        """
        statement = (
            update(invitations)
            .where(
                *_is(tenant_id, invitation_id),
                *_IS_OPEN,
                invitations.c.sent_count < MAX_SENDINGS,
            )
            .values(
                token_id=token_id,
                sent_at=func.now(),
                sent_count=invitations.c.sent_count + 1,
                expires_at=func.now() + TIME_OPEN,
            )
            .returning(invitations)
        )
        return self._one(Invitation, statement)

    def revoke(self, tenant_id: str, invitation_id: uuid.UUID) -> Invitation | None:
        """Take an invitation back; None if there is none that could be accepted."""
        return self._end(tenant_id, invitation_id, "revoked_at")

    def accept(self, tenant_id: str, invitation_id: uuid.UUID) -> Invitation | None:
        """Spend an invitation; None if it is not open. Of several who try at once one succeeds."""
        return self._end(tenant_id, invitation_id, "accepted_at")

    def _end(self, tenant_id: str, invitation_id: uuid.UUID, how: str) -> Invitation | None:
        statement = (
            update(invitations)
            .where(*_is(tenant_id, invitation_id), *_IS_OPEN)
            .values({how: func.now()})
            .returning(invitations)
        )
        return self._one(Invitation, statement)


def _is(
    tenant_id: str, invitation_id: uuid.UUID
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return invitations.c.tenant_id == tenant_id, invitations.c.id == invitation_id
