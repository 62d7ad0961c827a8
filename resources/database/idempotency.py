"""Answers kept by the key that a client gave: a request sent twice has one effect.

A client whose connection broke cannot know whether its request arrived. It sends it again with the
same key and gets the answer of the first time. A key is a user's own, and another one in each
tenant; what was answered is sealed, for an answer may hold a secret that is shown once.
"""

from __future__ import annotations

import uuid
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
    UniqueConstraint,
    Uuid,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import RequestInFlightError
from resources.database.repository import Repository
from resources.database.schema import SCHEMA, created_at, metadata

TIME_KEPT = timedelta(hours=48)
"""How long a key stands for its request; after that it can be used for another one."""


@dataclass(frozen=True)
class KeptAnswer:
    """What a request with a key was answered.

    Attributes:
        user_id: Whose key it is.
        tenant_id: The tenant that was asked about; None for a request outside of any.
        key: As the client gave it; behind the API key's id and a space, if it came with one.
        operation: What was asked for.
        fingerprint: Of the whole request, and the API key that it came with.
        sealed: Status, headers and body of the answer, encrypted by whoever keeps it.
        created_at: When it was answered.
    """

    user_id: uuid.UUID
    tenant_id: str | None
    key: str
    operation: str
    fingerprint: str
    sealed: bytes
    created_at: datetime


idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("user_id", Uuid, ForeignKey(f"{SCHEMA}.users.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text, ForeignKey(f"{SCHEMA}.tenants.id")),
    Column("key", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    created_at(),
    UniqueConstraint("user_id", "tenant_id", "key"),
    Index(
        "ix_idempotency_keys_outside",
        "user_id",
        "key",
        unique=True,
        postgresql_where=text("tenant_id is null"),
    ),
    Index(None, "tenant_id", "created_at"),
)


class IdempotencyRepository(Repository):
    """The answers that are kept by their keys."""

    def take(self, user_id: uuid.UUID, tenant_id: str | None, key: str) -> KeptAnswer | None:
        """What the key stands for, if it was used before; until this transaction ends it is ours.

        Raises:
            RequestInFlightError: If another transaction is at work on a request with this key.
        """
        is_ours = self._execute(
            text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"idempotency key of {user_id} in {tenant_id or ''}: {key}"},
        ).scalar_one()
        if not is_ours:
            raise RequestInFlightError("A request with this key is being worked on.")
        is_old = idempotency_keys.c.created_at < func.now() - TIME_KEPT
        self._execute(delete(idempotency_keys).where(_in_tenant(tenant_id), is_old))
        statement = select(idempotency_keys).where(
            _in_tenant(tenant_id),
            idempotency_keys.c.user_id == user_id,
            idempotency_keys.c.key == key,
        )
        return self._one(KeptAnswer, statement)

    def keep(
        self,
        user_id: uuid.UUID,
        tenant_id: str | None,
        key: str,
        *,
        operation: str,
        fingerprint: str,
        sealed: bytes,
    ) -> KeptAnswer:
        """Keep the answer to a request whose key was taken in this transaction."""
        statement = insert(idempotency_keys).values(
            user_id=user_id,
            tenant_id=tenant_id,
            key=key,
            operation=operation,
            fingerprint=fingerprint,
            sealed=sealed,
        )
        return self._exactly_one(KeptAnswer, statement.returning(idempotency_keys))


def _in_tenant(tenant_id: str | None) -> ColumnElement[bool]:
    return idempotency_keys.c.tenant_id.is_not_distinct_from(tenant_id)
