"""What each source gave on each day, and what of it was new.

The ledger adds up all sources of a tenant's day; this keeps them apart, so that a source that went
silent, or shows fewer reviews than it says it has, can be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, metadata, tenant_column


@dataclass(frozen=True, kw_only=True)
class SourceDay:
    """What one source gave a tenant on one day.

    A number is None where nobody can tell (yet): what is written later fills the gaps, and never
    takes back a number by not knowing it.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC).
        source: The source, as its reviews name it.
        claimed: Reviews that the source says it has in all; None for files.
        fetched: Rows that came from it.
        new: Reviews among them that were not known.
        changed: Known reviews that came with other content.
        unchanged: Rows that said nothing new.
        rejected: Rows that could not be used.
        gone: Known reviews that the source does not show any more.
        run_id: The Dagster run that wrote last.
        updated_at: When that was, by the database's clock.
    """

    tenant_id: str
    day: date
    source: str
    claimed: int | None = None
    fetched: int | None = None
    new: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    rejected: int | None = None
    gone: int | None = None
    run_id: str | None = None
    updated_at: datetime | None = None


source_days = Table(
    "source_days",
    metadata,
    tenant_column(),
    Column("day", Date, nullable=False),
    Column("source", Text, nullable=False),
    Column("claimed", BigInteger),
    Column("fetched", BigInteger),
    Column("new", BigInteger),
    Column("changed", BigInteger),
    Column("unchanged", BigInteger),
    Column("rejected", BigInteger),
    Column("gone", BigInteger),
    Column("run_id", Text),
    Column("updated_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "day", "source"),
    Index(None, "day"),
)


class SourceDayRepository(Repository):
    """What sources gave, day by day."""

    def record_all(self, records: Iterable[SourceDay]) -> None:
        """Write what is known of sources' days; numbers that are None stay as they were."""
        rows = [asdict(record) for record in records]
        for row in rows:
            del row["updated_at"]
        if not rows:
            return
        statement = insert(source_days)
        known: dict[str, Any] = {
            name: func.coalesce(statement.excluded[name], source_days.c[name])
            for name in rows[0]
            if not source_days.c[name].primary_key
        }
        statement = statement.on_conflict_do_update(
            constraint=source_days.primary_key, set_=known | {"updated_at": func.now()}
        )
        self._execute(statement, rows)

    def for_tenant(
        self, tenant_id: str, days: tuple[date, date] | None = None
    ) -> tuple[SourceDay, ...]:
        """A tenant's sources by day and name.

        Args:
            tenant_id: The tenant.
            days: First and last day, both included; all days when not given.
        """
        statement = select(source_days).where(source_days.c.tenant_id == tenant_id)
        if days is not None:
            statement = statement.where(source_days.c.day.between(*days))
        return self._all(SourceDay, statement.order_by(source_days.c.day, source_days.c.source))

    def for_day(self, day: date) -> tuple[SourceDay, ...]:
        """A day's sources by tenant and name."""
        statement = select(source_days).where(source_days.c.day == day)
        order = (source_days.c.tenant_id, source_days.c.source)
        return self._all(SourceDay, statement.order_by(*order))

    def latest(self, tenant_id: str, sources: Collection[str]) -> dict[str, SourceDay]:
        """The last day on which each of some sources gave a tenant anything, by source."""
        statement = (
            select(source_days)
            .ext(distinct_on(source_days.c.source))
            .where(source_days.c.tenant_id == tenant_id, source_days.c.source.in_(sources))
            .order_by(source_days.c.source, source_days.c.day.desc())
        )
        return {day.source: day for day in self._all(SourceDay, statement)}
