"""The files that have landed in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, json_column, metadata, tenant_column


@dataclass(frozen=True)
class ImportBatch:
    """One file that has landed in the lake.

    Attributes:
        id: Derived from the tenant, the source, the file's content and how it was read.
        tenant_id: Whose it is.
        source: The reviews' source.
        file_name: As the user named it, without folders.
        byte_count: Size of the file.
        record_count: Records landed from it.
        day: The ingestion day they landed on.
        mapping: Which column was taken for which field.
        landed_at: When.
    """

    id: str
    tenant_id: str
    source: str
    file_name: str
    byte_count: int
    record_count: int
    day: date
    mapping: Mapping[str, Any]
    landed_at: datetime


import_batches = Table(
    "import_batches",
    metadata,
    Column("id", Text, nullable=False),
    tenant_column(),
    Column("source", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("record_count", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    json_column("mapping", empty="{}"),
    Column("landed_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "id"),
)


class ImportRepository(Repository):
    """The files that have landed."""

    def record(self, batch: ImportBatch) -> None:
        """Note that a batch has landed; noting it again changes nothing."""
        values = asdict(batch) | {"mapping": dict(batch.mapping)}
        self._execute(insert(import_batches).values(values).on_conflict_do_nothing())

    def get(self, tenant_id: str, batch_id: str) -> ImportBatch | None:
        """One batch of the tenant."""
        statement = select(import_batches).where(
            import_batches.c.tenant_id == tenant_id, import_batches.c.id == batch_id
        )
        return self._one(ImportBatch, statement)

    def list(
        self,
        tenant_id: str,
        *,
        limit: int = 100,
        after: tuple[datetime, str] | None = None,
    ) -> tuple[ImportBatch, ...]:
        """The tenant's batches, latest first.

        Args:
            tenant_id: The tenant.
            limit: How many at most.
            after: When the batch landed behind which to begin, and its id; the latest one when not
                given.
        """
        landed_at, batch_id = import_batches.c.landed_at, import_batches.c.id
        statement = select(import_batches).where(import_batches.c.tenant_id == tenant_id)
        if after is not None:
            moment, last_id = after
            statement = statement.where(
                or_(landed_at < moment, and_(landed_at == moment, batch_id > last_id))
            )
        statement = statement.order_by(landed_at.desc(), batch_id).limit(limit)
        return self._all(ImportBatch, statement)

    def on_days(self, days: tuple[date, date]) -> tuple[ImportBatch, ...]:
        """The batches of all tenants in sight that landed on the days, both included, by day."""
        statement = select(import_batches).where(import_batches.c.day.between(*days))
        order = (import_batches.c.day, import_batches.c.landed_at, import_batches.c.id)
        return self._all(ImportBatch, statement.order_by(*order))
