"""Users, and which tenants they belong to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import DuplicateError
from resources.database.repository import Repository
from resources.database.schema import (
    LOGIN_SETTING,
    created_at,
    metadata,
    one_of,
    tenant_column,
)

if TYPE_CHECKING:
    from pwdlib import PasswordHash

Role = Literal["owner", "admin", "analyst", "viewer"]
ROLES: tuple[Role, ...] = ("owner", "admin", "analyst", "viewer")


@dataclass(frozen=True)
class User:
    """A person who can log in.

    Attributes:
        id: Random and immutable.
        email: In small letters; unique.
        name: What to call the person.
        password_hash: Argon2id, with its parameters.
        is_active: Whether logging in is allowed.
        created_at: When the user was made.
    """

    id: uuid.UUID
    email: str
    name: str
    password_hash: str = field(repr=False)
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class Membership:
    """What a user may do for a tenant.

    Attributes:
        tenant_id: The tenant.
        user_id: The user.
        role: From ``viewer`` (reads) over ``analyst`` and ``admin`` to ``owner``.
        created_at: Since when.
    """

    tenant_id: str
    user_id: uuid.UUID
    role: Role
    created_at: datetime


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    created_at(),
    CheckConstraint("email = lower(email)", name="email_is_lower"),
)

memberships = Table(
    "memberships",
    metadata,
    tenant_column(),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    CheckConstraint(one_of("role", ROLES), name="role"),
)


class UserRepository(Repository):
    """The users and their memberships."""

    def create(self, email: str, name: str, password: str, *, is_active: bool = True) -> User:
        """Add a user. Takes a quarter of a second: hashing is slow on purpose.

        Raises:
            DuplicateError: If the address is taken.
        """
        statement = (
            insert(users)
            .values(
                email=email.strip().lower(),
                name=name,
                password_hash=_hasher().hash(password),
                is_active=is_active,
            )
            .on_conflict_do_nothing()
            .returning(users)
        )
        user = self._one(User, statement)
        if user is None:
            raise DuplicateError(f"There is a user with the address {email!r} already.")
        return user

    def get(self, user_id: uuid.UUID) -> User | None:
        """The user of that identifier; the application sees only the one it works for."""
        return self._one(User, select(users).where(users.c.id == user_id))

    def by_email(self, email: str) -> User | None:
        """The user of that address, in whatever case it is written."""
        address = email.strip().lower()
        # To the application's role, this opens the row of exactly this address.
        self._execute(
            text(f"select set_config('{LOGIN_SETTING}', :email, true)"), {"email": address}
        )
        return self._one(User, select(users).where(users.c.email == address))

    def verify_password(self, email: str, password: str) -> User | None:
        """The user, if address and password belong together and the user is active.

        An unknown address takes as long as a wrong password, so that the time taken tells nobody
        which addresses exist.
        """
        user = self.by_email(email)
        known_hash = _hash_of_nobody() if user is None else user.password_hash
        matches, newer_hash = _hasher().verify_and_update(password, known_hash)
        if user is None or not matches or not user.is_active:
            return None
        if newer_hash is not None:
            change = update(users).where(users.c.id == user.id).values(password_hash=newer_hash)
            self._execute(change)
        return user

    def add_membership(self, tenant_id: str, user_id: uuid.UUID, role: Role) -> Membership:
        """Make the user a member of the tenant, or change the member's role."""
        statement = insert(memberships).values(tenant_id=tenant_id, user_id=user_id, role=role)
        statement = statement.on_conflict_do_update(
            constraint=memberships.primary_key, set_={"role": statement.excluded.role}
        )
        return self._exactly_one(Membership, statement.returning(memberships))

    def memberships(self, user_id: uuid.UUID) -> tuple[Membership, ...]:
        """The user's memberships, by tenant."""
        statement = select(memberships).where(memberships.c.user_id == user_id)
        return self._all(Membership, statement.order_by(memberships.c.tenant_id))

    def membership(self, tenant_id: str, user_id: uuid.UUID) -> Membership | None:
        """The user's membership of one tenant, if there is one."""
        statement = select(memberships).where(
            memberships.c.tenant_id == tenant_id, memberships.c.user_id == user_id
        )
        return self._one(Membership, statement)


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody has this password")
