"""Who belongs to a tenant: listing, changing roles, leaving, and the owner there must always be."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, case, delete, func, select, text, update

from resources.database.errors import LastOwnerError, UnknownMemberError
from resources.database.event_records import events
from resources.database.repository import Repository
from resources.database.users import ROLES, Role, memberships, users

REMOVED = "membership.removed"
"""The event of somebody who belongs to a tenant no longer."""


@dataclass(frozen=True)
class Member:
    """Somebody who belongs to a tenant.

    Attributes:
        tenant_id: The tenant.
        user_id: The user.
        email: Of the user.
        name: What to call the user.
        role: What the user may do there.
        created_at: Since when.
    """

    tenant_id: str
    user_id: uuid.UUID
    email: str
    name: str
    role: Role
    created_at: datetime


def reaches(role: Role, other: Role) -> bool:
    """Whether who has a role stands at least as high as the other one."""
    return ROLES.index(role) <= ROLES.index(other)


class MemberRepository(Repository):
    """The members of tenants.

    Whatever could take a tenant's last owner away waits for the others who change its members: of
    two owners who leave at the same moment one stays.
    """

    def list(self, tenant_id: str) -> tuple[Member, ...]:
        """The members, owners first, then by name."""
        rank = case({role: place for place, role in enumerate(ROLES)}, value=memberships.c.role)
        return self._all(Member, _members(tenant_id).order_by(rank, users.c.name, users.c.id))

    def get(self, tenant_id: str, user_id: uuid.UUID) -> Member | None:
        """One member."""
        return self._one(Member, _members(tenant_id).where(users.c.id == user_id))

    def owners(self, tenant_id: str) -> tuple[Member, ...]:
        """The owners, whom mails about the tenant go to."""
        return tuple(member for member in self.list(tenant_id) if member.role == "owner")

    def change_role(self, tenant_id: str, user_id: uuid.UUID, role: Role) -> Member:
        """Give a member another role.

        Raises:
            UnknownMemberError: If the user does not belong to the tenant.
            LastOwnerError: If the tenant would be left without an owner.
        """
        self.take_turns(tenant_id)
        member = self._require(tenant_id, user_id)
        if role != "owner":
            self._require_another_owner(member)
        self._execute(
            update(memberships)
            .where(memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id)
            .values(role=role)
        )
        return self._require(tenant_id, user_id)

    def remove(self, tenant_id: str, user_id: uuid.UUID) -> Member:
        """Let a user belong to the tenant no longer; returns what the user was.

        Raises:
            UnknownMemberError: If the user does not belong to the tenant.
            LastOwnerError: If the tenant would be left without an owner.
        """
        self.take_turns(tenant_id)
        member = self._require(tenant_id, user_id)
        self._require_another_owner(member)
        self._execute(
            delete(memberships).where(
                memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id
            )
        )
        return member

    def was_removed(self, tenant_id: str, user_id: uuid.UUID) -> bool:
        """Whether the user has ever been let go from the tenant, or has left it."""
        found = select(events.c.id).where(
            events.c.tenant_id == tenant_id,
            events.c.type == REMOVED,
            events.c.subject == str(user_id),
        )
        return self._execute(found.limit(1)).first() is not None

    def take_turns(self, tenant_id: str) -> None:
        """Until this transaction ends nobody else changes the tenant's members."""
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"members of {tenant_id}"},
        )

    def _require(self, tenant_id: str, user_id: uuid.UUID) -> Member:
        member = self.get(tenant_id, user_id)
        if member is None:
            raise UnknownMemberError(
                f"That user does not belong to {tenant_id}. See who does with: reviewgraph tenant "
                f"members {tenant_id}"
            )
        return member

    def _require_another_owner(self, member: Member) -> None:
        others = select(func.count()).where(
            memberships.c.tenant_id == member.tenant_id,
            memberships.c.role == "owner",
            memberships.c.user_id != member.user_id,
        )
        if member.role == "owner" and self._execute(others).scalar_one() == 0:
            raise LastOwnerError(
                f"{member.tenant_id} would be left without an owner. Make somebody else its owner "
                "first."
            )


def _members(tenant_id: str) -> Select[tuple[object, ...]]:
    # Named columns: a colleague's password hash is nobody's business.
    return (
        select(
            memberships.c.tenant_id,
            memberships.c.user_id,
            users.c.email,
            users.c.name,
            memberships.c.role,
            memberships.c.created_at,
        )
        .join(users, users.c.id == memberships.c.user_id)
        .where(memberships.c.tenant_id == tenant_id)
    )
