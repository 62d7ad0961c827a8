"""API keys: what programs show instead of a log-in.

A key belongs to one tenant and to the user who made it. It looks like

    rg_live_<22 characters: which key it is>_<43 characters: its secret><6 characters: a checksum>

The beginning lets scanners for leaked secrets find it; the checksum lets them, and us, tell a key
from a slip of the pen without asking the database. The secret is shown once and is stored only as
an HMAC under a key that is not in the database.
"""

from __future__ import annotations

import re
import secrets
import string
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from resources.database.repository import Repository, to_record
from resources.database.schema import (
    API_KEY_SETTING,
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    tenant_column,
)
from resources.database.users import users
from resources.keys import API_KEY, Keys

PREFIX = "rg_live_"
MAX_LIVING = 50
"""How many usable keys a tenant may have."""

MAX_LIFETIME = timedelta(days=366)
"""How long a key may be usable."""

SHOWN_AFTER_END = timedelta(days=30)
"""How long a key that has expired stays in the list."""

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 22, 43, 6
_ID_BITS = 128
_KEY = re.compile(
    rf"{PREFIX}(?P<id>[0-9A-Za-z]{{{_ID_LENGTH}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{_SECRET_LENGTH}}})(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class ApiKey:
    """An API key, without its secret.

    Attributes:
        id: Random and immutable.
        tenant_id: The one tenant that it belongs to.
        created_by: The user who made it, whose role bounds what it may do.
        name: What people call it.
        scopes: The permissions that it carries.
        created_at: When it was made.
        expires_at: When it stops working.
        last_used_at: When it was last used, to the minute.
        revoked_at: When somebody ended it.
    """

    id: uuid.UUID
    tenant_id: str
    created_by: uuid.UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant_column(),
    Column("created_by", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    json_column("scopes", empty="[]"),
    Column("mac", LargeBinary, nullable=False),
    created_at(),
    Column("expires_at", TIMESTAMP, nullable=False),
    Column("last_used_at", TIMESTAMP),
    Column("revoked_at", TIMESTAMP),
    Column("revoked_by", Uuid),
    Index(None, "tenant_id", "created_at"),
    Index(None, "created_by"),
)


@dataclass(frozen=True)
class ApiKeyRepository(Repository):
    """The API keys of tenants.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def create(
        self,
        tenant_id: str,
        created_by: uuid.UUID,
        *,
        name: str,
        scopes: Iterable[str],
        lifetime: timedelta,
    ) -> tuple[ApiKey, str]:
        """Make a key.

        Args:
            tenant_id: The tenant that it belongs to.
            created_by: The user who makes it.
            name: What people call it.
            scopes: The permissions that it carries.
            lifetime: How long it works, at most :data:`MAX_LIFETIME`.

        Returns:
            The key, and what a program has to show. That can never be read again.
        """
        key_id = uuid.uuid4()
        secret = "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))
        statement = insert(api_keys).values(
            id=key_id,
            tenant_id=tenant_id,
            created_by=created_by,
            name=name,
            scopes=sorted(set(scopes)),
            mac=self._mac(key_id, secret),
            expires_at=func.now() + min(lifetime, MAX_LIFETIME),
        )
        return self._exactly_one(ApiKey, statement.returning(api_keys)), _spelled(key_id, secret)

    def find(self, shown: str) -> ApiKey | None:
        """The usable key that a program shows, if it is one, whatever tenant it belongs to."""
        read = _read(shown)
        if read is None:
            return None
        key_id, secret = read
        # To the application's role, this opens the row of exactly this key.
        self._execute(
            text(f"select set_config('{API_KEY_SETTING}', :key, true)"), {"key": str(key_id)}
        )
        statement = select(api_keys).where(api_keys.c.id == key_id, *_USABLE)
        row = self._execute(statement).mappings().one_or_none()
        message = _message(key_id, secret)
        if row is None or not self.keys.is_signature(API_KEY, message, row["mac"]):
            return None
        if (mac := self._mac(key_id, secret)) != row["mac"]:  # of an earlier key
            change = update(api_keys).where(api_keys.c.id == key_id).values(mac=mac)
            self._execute(change)
        return to_record(ApiKey, row)

    def usable(self, tenant_id: str, key_id: uuid.UUID) -> ApiKey | None:
        """A key of a tenant, if it works."""
        statement = select(api_keys).where(
            api_keys.c.tenant_id == tenant_id, api_keys.c.id == key_id, *_USABLE
        )
        return self._one(ApiKey, statement)

    def list(self, tenant_id: str) -> tuple[ApiKey, ...]:
        """A tenant's keys that nobody has revoked, the newest first; expired ones for a while."""
        statement = (
            select(api_keys)
            .where(api_keys.c.tenant_id == tenant_id, api_keys.c.revoked_at.is_(None))
            .where(api_keys.c.expires_at > func.now() - SHOWN_AFTER_END)
            .order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        )
        return self._all(ApiKey, statement)

    def count_usable(self, tenant_id: str) -> int:
        """How many keys of a tenant work; who counts in order to add waits for others who do."""
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended('api keys ' || :tenant, 0))"),
            {"tenant": tenant_id},
        )
        statement = (
            select(func.count())
            .select_from(api_keys)
            .where(api_keys.c.tenant_id == tenant_id, *_USABLE)
        )
        return int(self._execute(statement).scalar_one())

    def note_use(self, key: ApiKey) -> None:
        """Note that a key is being used, once a minute at most."""
        statement = (
            update(api_keys)
            .where(api_keys.c.tenant_id == key.tenant_id, api_keys.c.id == key.id)
            .where(
                or_(
                    api_keys.c.last_used_at.is_(None),
                    api_keys.c.last_used_at < func.now() - _NOTED_EVERY,
                )
            )
            .values(last_used_at=func.now())
        )
        self._execute(statement)

    def revoke(self, tenant_id: str, key_id: uuid.UUID, *, by: uuid.UUID) -> ApiKey | None:
        """Let a key work no longer, from now on; None if the tenant has no such key."""
        statement = (
            update(api_keys)
            .where(api_keys.c.tenant_id == tenant_id, api_keys.c.id == key_id)
            .where(api_keys.c.revoked_at.is_(None))
            .values(revoked_at=func.now(), revoked_by=by)
        )
        return self._one(ApiKey, statement.returning(api_keys))

    def _mac(self, key_id: uuid.UUID, secret: str) -> bytes:
        return self.keys.sign(API_KEY, _message(key_id, secret))


_USABLE: tuple[ColumnElement[bool], ...] = (
    api_keys.c.revoked_at.is_(None),
    api_keys.c.expires_at > func.now(),
)


def _message(key_id: uuid.UUID, secret: str) -> bytes:
    return key_id.bytes + secret.encode()


def _spelled(key_id: uuid.UUID, secret: str) -> str:
    body = f"{PREFIX}{_base62(key_id.int, _ID_LENGTH)}_{secret}"
    return body + _checksum(body)


def _read(shown: str) -> tuple[uuid.UUID, str] | None:
    """The id and the secret in a key, if it is spelled like one of ours."""
    found = _KEY.fullmatch(shown)
    if found is None or _checksum(shown[:-_CHECKSUM_LENGTH]) != found["checksum"]:
        return None
    number = 0
    for digit in found["id"]:
        number = number * len(_BASE62) + _BASE62.index(digit)
    return None if number.bit_length() > _ID_BITS else (uuid.UUID(int=number), found["secret"])


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
