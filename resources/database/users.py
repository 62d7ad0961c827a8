"""Users, and which tenants they belong to."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field, replace
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
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from resources.database.errors import DuplicateError
from resources.database.plan_limits import PlanLimits
from resources.database.repository import Repository
from resources.database.schema import (
    LOGIN_SETTING,
    TIMESTAMP,
    created_at,
    metadata,
    one_of,
    tenant_column,
)

if TYPE_CHECKING:
    from pwdlib import PasswordHash

# Argon2id as PHC strings spell it: salt and digest in base64 without padding.
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>\d{1,9}),t=(?P<time>\d{1,4}),p=(?P<lanes>\d{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<digest>[A-Za-z0-9+/]{16,86})",
    re.ASCII,
)

Role = Literal["owner", "admin", "analyst", "viewer"]
ROLES: tuple[Role, ...] = ("owner", "admin", "analyst", "viewer")


@dataclass(frozen=True)
class User:
    """A person who can log in.

    Attributes:
        id: Random and immutable.
        email: In small letters; unique.
        name: What to call the person.
        password_hash: Argon2id, with its parameters; None for who logs in by another way alone.
        is_active: Whether logging in is allowed.
        email_verified_at: When it was proven that mails to the address reach the user; None
            until then.
        created_at: When the user was made.
    """

    id: uuid.UUID
    email: str
    name: str
    password_hash: str | None = field(repr=False)
    is_active: bool
    email_verified_at: datetime | None
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
    Column("password_hash", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("email_verified_at", TIMESTAMP),
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

    def create(
        self,
        email: str,
        name: str,
        password: str | None,
        *,
        is_active: bool = True,
        is_verified: bool = True,
    ) -> User:
        """Add a user. Takes a quarter of a second: hashing is slow on purpose.

        Args:
            email: The address.
            name: What to call the person.
            password: None for who logs in by another way alone, or has to choose one first.
            is_active: Whether logging in is allowed.
            is_verified: Whether whoever adds the user vouches for the address.

        Raises:
            DuplicateError: If the address is taken.
        """
        password_hash = None if password is None else hash_password(password)
        user = self.add(email, name, password_hash, is_active=is_active, is_verified=is_verified)
        if user is None:
            raise DuplicateError(f"There is a user with the address {email!r} already.")
        return user

    def add(
        self,
        email: str,
        name: str,
        password_hash: str | None,
        *,
        is_active: bool = True,
        is_verified: bool = False,
    ) -> User | None:
        """Add a user whose password has been hashed already; None if the address is taken."""
        address = email.strip().lower()
        self._open_row_of(address)
        statement = (
            insert(users)
            .values(
                email=address,
                name=name,
                password_hash=password_hash,
                email_verified_at=func.now() if is_verified else None,
                # The application may not say: whom it adds is active.
                **({} if is_active else {"is_active": False}),
            )
            .on_conflict_do_nothing()
            .returning(users)
        )
        return self._one(User, statement)

    def get(self, user_id: uuid.UUID) -> User | None:
        """The user of that identifier; the application sees only the one it works for."""
        return self._one(User, select(users).where(users.c.id == user_id))

    def by_email(self, email: str) -> User | None:
        """The user of that address, in whatever case it is written."""
        address = email.strip().lower()
        self._open_row_of(address)
        return self._one(User, select(users).where(users.c.email == address))

    def _open_row_of(self, address: str) -> None:
        # To the application's role, this opens the row of exactly this address.
        self._execute(
            text(f"select set_config('{LOGIN_SETTING}', :email, true)"), {"email": address}
        )

    def verify_password(self, email: str, password: str) -> User | None:
        """The user, if address and password belong together and the user is active.

        An unknown address takes as long as a wrong password, so that the time taken tells nobody
        which addresses exist. So does a user whose hash is none that we make.
        """
        user = self.by_email(email)
        matches, newer_hash = _check(password, None if user is None else user.password_hash)
        if user is None or not matches or not user.is_active:
            return None
        if newer_hash is None:
            return user
        self.set_password_hash(user.id, newer_hash)
        return replace(user, password_hash=newer_hash)

    def set_password_hash(self, user_id: uuid.UUID, password_hash: str) -> None:
        """Give a user another password, which was hashed by :func:`hash_password`."""
        self._execute(
            update(users).where(users.c.id == user_id).values(password_hash=password_hash)
        )

    def claim(self, user_id: uuid.UUID, name: str, password_hash: str | None) -> None:
        """Let somebody have an account whose address nobody has proven yet.

        Args:
            user_id: The account.
            name: What to call the person.
            password_hash: The only password from now on; None for none.
        """
        self._execute(
            update(users)
            .where(users.c.id == user_id, users.c.email_verified_at.is_(None))
            .values(name=name, password_hash=password_hash)
        )

    def mark_verified(self, user_id: uuid.UUID) -> None:
        """Note that mails to the user's address reach the user; the first time stays."""
        self._execute(
            update(users)
            .where(users.c.id == user_id, users.c.email_verified_at.is_(None))
            .values(email_verified_at=func.now())
        )

    def change_email(self, user_id: uuid.UUID, email: str) -> bool:
        """Give a user another address, proven to be the user's; whether it was free."""
        address = email.strip().lower()
        change = update(users).where(users.c.id == user_id)
        try:
            with self.session.begin_nested():
                self._execute(change.values(email=address, email_verified_at=func.now()))
        except IntegrityError:
            return False
        return True

    def set_active(self, user_id: uuid.UUID, *, is_active: bool) -> None:
        """Let a user log in, or no longer; who may no longer has no session from then on."""
        self._execute(update(users).where(users.c.id == user_id).values(is_active=is_active))

    def add_membership(self, tenant_id: str, user_id: uuid.UUID, role: Role) -> Membership:
        """Make the user a member of the tenant, or change the member's role.

        Raises:
            LimitReachedError: If the tenant's plan has no seat left for somebody new.
        """
        if self.membership(tenant_id, user_id) is None:
            PlanLimits(self.session).admit(tenant_id, "seats")
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


def hash_password(password: str) -> str:
    """The hash to keep of a password. Takes a quarter of a second, on purpose."""
    return _hasher().hash(password)


def is_password(password: str, known_hash: str | None) -> bool:
    """Whether a password has a hash; takes the same time where there is none."""
    return _check(password, known_hash)[0]


def prepare_hashing() -> None:
    """Load and make what the first check of a password would else have to wait for."""
    _hash_of_nobody()


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody has this password")


def _check(password: str, known_hash: str | None) -> tuple[bool, str | None]:
    """Whether a password has a hash, and the hash to keep from now on if that is another one.

    Takes the time of one check of today's cost at least, whatever the hash is, or is not.
    """
    if known_hash is not None and _is_affordable(known_hash):
        matches, newer_hash = _hasher().verify_and_update(password, known_hash)
        if matches or _costs_of(known_hash) == _costs_of(_hash_of_nobody()):
            return matches, newer_hash
    _hasher().verify(password, _hash_of_nobody())
    return False, None


def _is_affordable(password_hash: str) -> bool:
    """Whether it can be checked at all, at no higher cost than one that we make."""
    costs, usual = _costs_of(password_hash), _costs_of(_hash_of_nobody())
    return bool(costs) and all(cost <= most for cost, most in zip(costs, usual, strict=True))


def _costs_of(password_hash: str) -> tuple[int, ...]:
    """Memory, time and lanes of a hash; nothing for what Argon2 would refuse to look at.

    What was brought from elsewhere, cut short, or written by hand may be no hash at all, or one
    whose check would take the machine's memory.
    """
    found = _HASH.fullmatch(password_hash)
    if found is None or not all(_is_base64(found[part]) for part in ("salt", "digest")):
        return ()
    memory, time, lanes = (int(found[cost]) for cost in ("memory", "time", "lanes"))
    return (memory, time, lanes) if time and lanes and memory >= 8 * lanes else ()


def _is_base64(text: str) -> bool:
    """Whether a text is the one spelling of some bytes, without padding."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return False
    return base64.b64encode(content).decode().rstrip("=") == text
