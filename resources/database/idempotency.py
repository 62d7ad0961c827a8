"""Answers kept by the key that a client gave: a request sent twice has one effect.

A client whose connection broke cannot know whether its request arrived. It sends it again with the
same key and gets the answer of the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from resources.database.repository import Repository
from resources.database.schema import created_at, json_column, metadata, tenant_column

TIME_KEPT = timedelta(hours=48)
"""How long a key stands for its request; after that it can be used for another one."""


@dataclass(frozen=True)
class KeptAnswer:
    """What a request with a key was answered.

    Attributes:
        tenant_id: Whose request it was; a key of another tenant is another key.
        key: As the client gave it.
        operation: What was asked for.
        fingerprint: Of the request's body, hexadecimal.
        answer: The body of the answer.
        created_at: When it was answered.
    """

    tenant_id: str
    key: str
    operation: str
    fingerprint: str
    answer: dict[str, Any]
    created_at: datetime


idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant_column(),
    Column("key", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    json_column("answer", empty="{}"),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "key"),
    Index(None, "tenant_id", "created_at"),
)


class IdempotencyRepository(Repository):
    """The answers that are kept by their keys."""

    def take(self, tenant_id: str, key: str) -> KeptAnswer | None:
        """What the key stands for, if it was used before.

        Until this transaction ends, others who come with the same key wait here: of requests that
        are sent at the same time one works, and the others find its answer.
        """
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"idempotency key of {tenant_id}: {key}"},
        )
        self._execute(
            delete(idempotency_keys).where(
                idempotency_keys.c.tenant_id == tenant_id,
                idempotency_keys.c.created_at < func.now() - TIME_KEPT,
            )
        )
        statement = select(idempotency_keys).where(
            idempotency_keys.c.tenant_id == tenant_id, idempotency_keys.c.key == key
        )
        return self._one(KeptAnswer, statement)

    def keep(
        self, tenant_id: str, key: str, *, operation: str, fingerprint: str, answer: dict[str, Any]
    ) -> KeptAnswer:
        """Keep the answer to a request whose key was taken in this transaction."""
        statement = insert(idempotency_keys).values(
            tenant_id=tenant_id,
            key=key,
            operation=operation,
            fingerprint=fingerprint,
            answer=answer,
        )
        return self._exactly_one(KeptAnswer, statement.returning(idempotency_keys))
