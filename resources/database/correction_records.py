"""What people say of a review where the models were wrong.

A correction is never changed: the newest of a review's field counts, and a newer one without a
value withdraws it. So a reprocess finds all of them again, and training knows what people said at
any time. Only an erasure of the review deletes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, metadata, one_of, tenant_column
from resources.vocabulary import CORRECTED_FIELDS, CorrectedField


@dataclasses.dataclass(frozen=True)
class Correction:
    """What a person said of one field of one review.

    Attributes:
        tenant_id: Whose review.
        review_key: The review, in all its versions.
        field: One of ``CORRECTED_FIELDS``.
        revision: From 1 within the review and field; the highest one counts.
        value: A sentiment or a language as a string, topics as names, entities as objects with
            ``name`` and ``kind``, aspects as objects with ``term``, ``category``, ``sentiment``,
            ``start`` and ``end``; None withdraws what was said before.
        previous: What the field held before, where that is known.
        author: Who said so: a user's identifier.
        note: Why, in the person's own words.
        day: The ingestion day whose rows have to be written anew to show it; None if not known.
        created_at: When it was said.
    """

    tenant_id: str
    review_key: str
    field: CorrectedField
    revision: int
    value: Any = dataclasses.field(hash=False)
    previous: Any = dataclasses.field(hash=False)
    author: str
    note: str | None
    day: date | None
    created_at: datetime


corrections = Table(
    "corrections",
    metadata,
    tenant_column(),
    Column("review_key", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("value", JSONB(none_as_null=True)),
    Column("previous", JSONB(none_as_null=True)),
    Column("author", Text, nullable=False),
    Column("note", Text),
    Column("day", Date),
    # The clock at the very insert, not at the transaction's begin: the ledger compares with it.
    Column("created_at", TIMESTAMP, nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("tenant_id", "review_key", "field", "revision"),
    CheckConstraint(one_of("field", CORRECTED_FIELDS), name="field"),
    CheckConstraint("review_key ~ '^[0-9a-f]{32}$'", name="review_key_is_hash"),
    CheckConstraint("revision > 0", name="revision_is_positive"),
    Index(None, "tenant_id", "day", "created_at"),
)


class CorrectionRepository(Repository):
    """The corrections."""

    def record(
        self,
        tenant_id: str,
        review_key: str,
        corrected: CorrectedField,
        value: Any,
        *,
        author: str,
        day: date | None = None,
        previous: Any = None,
        note: str | None = None,
    ) -> Correction:
        """Say what one field of a review should hold; ``value`` None withdraws the correction."""
        self._take_turns(tenant_id, review_key, corrected)
        latest = select(func.coalesce(func.max(corrections.c.revision), 0) + 1).where(
            corrections.c.tenant_id == tenant_id,
            corrections.c.review_key == review_key,
            corrections.c.field == corrected,
        )
        statement = insert(corrections).values(
            tenant_id=tenant_id,
            review_key=review_key,
            field=corrected,
            revision=latest.scalar_subquery(),
            value=value,
            previous=previous,
            author=author,
            note=note,
            day=day,
        )
        return self._exactly_one(Correction, statement.returning(corrections))

    def history(self, tenant_id: str, review_key: str) -> tuple[Correction, ...]:
        """All that was ever said of a review, latest first."""
        statement = select(corrections).where(
            corrections.c.tenant_id == tenant_id, corrections.c.review_key == review_key
        )
        order = (corrections.c.created_at.desc(), corrections.c.field, corrections.c.revision)
        return self._all(Correction, statement.order_by(*order))

    def histories(
        self, tenant_id: str, review_keys: Collection[str]
    ) -> dict[str, tuple[Correction, ...]]:
        """All that was ever said of some reviews, by review, the latest first.

        Reviews of which nothing was said are left out.
        """
        statement = select(corrections).where(
            corrections.c.tenant_id == tenant_id, corrections.c.review_key.in_(review_keys)
        )
        order = (corrections.c.created_at.desc(), corrections.c.revision.desc())
        said: dict[str, tuple[Correction, ...]] = {}
        for correction in self._all(Correction, statement.order_by(*order)):
            said[correction.review_key] = (*said.get(correction.review_key, ()), correction)
        return said

    def of_tenant(
        self, tenant_id: str, *, field: CorrectedField | None = None
    ) -> tuple[Correction, ...]:
        """The corrections that count: of each review and field the newest, unless withdrawn.

        Args:
            tenant_id: The tenant.
            field: Only those of this field.

        Returns:
            By review and field.
        """
        newest = _newest(tenant_id, field).subquery()
        statement = select(newest).where(newest.c.value.is_not(None))
        return self._all(Correction, statement.order_by(newest.c.review_key, newest.c.field))

    def erase(self, tenant_id: str, review_keys: Collection[str]) -> int:
        """Delete all that was ever said of some reviews, which are erased; returns how much."""
        statement = delete(corrections).where(
            corrections.c.tenant_id == tenant_id,
            corrections.c.review_key.in_(sorted(review_keys)),
        )
        return len(self._execute(statement.returning(corrections.c.revision)).all())

    def count(self, tenant_id: str, review_keys: Collection[str]) -> int:
        """How much was ever said of some reviews."""
        statement = select(func.count()).where(
            corrections.c.tenant_id == tenant_id,
            corrections.c.review_key.in_(sorted(review_keys)),
        )
        return int(self._execute(statement).scalar_one())

    def _take_turns(self, tenant_id: str, review_key: str, corrected: str) -> None:
        """Let two people who correct the same field at once come one after the other."""
        name = f"correction:{tenant_id}:{review_key}:{corrected}"
        self._execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _newest(tenant_id: str, field: CorrectedField | None) -> Select[Any]:
    key = (corrections.c.tenant_id, corrections.c.review_key, corrections.c.field)
    statement = (
        select(corrections)
        .ext(distinct_on(*key))
        .where(corrections.c.tenant_id == tenant_id)
        .order_by(*key, corrections.c.revision.desc())
    )
    return statement if field is None else statement.where(corrections.c.field == field)
