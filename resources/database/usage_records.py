"""What each tenant has used, entry by entry: what a bill is made from.

Entries are only ever added. No role may change or delete one, and the table itself refuses it. What
an entry is about gives it its id, so work that is repeated adds nothing: a batch that is read again
by better models, or a run that was killed and started anew, is used once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Numeric,
    Table,
    Text,
    Uuid,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.plan_limits import PlanLimits
from resources.database.plans import LimitName
from resources.database.repository import Repository
from resources.database.schema import created_at, metadata, one_of, tenant_column

UsageKind = Literal[
    "reviews_collected", "reviews_enriched", "vendor_cost", "report_made", "texts_analyzed"
]
UNITS: Mapping[UsageKind, str] = MappingProxyType(
    {
        "reviews_collected": "review",
        "reviews_enriched": "review",
        "vendor_cost": "task",
        "report_made": "report",
        "texts_analyzed": "text",
    }
)
"""Every kind of usage and what it is counted in."""

# What is counted only once it is there: a day's reviews are known when they have been collected.
_LIMITED_BY: Mapping[UsageKind, LimitName] = MappingProxyType(
    {
        "reviews_collected": "reviews_per_month",
        "texts_analyzed": "analyzed_texts_per_month",
    }
)

_NAMESPACE = uuid.UUID("5d0a8f57-5c2e-4c0b-9a53-0c6f6a1c7f3e")  # random, and the same for ever


@dataclass(frozen=True, kw_only=True)
class UsageEntry:
    """Something a tenant has used.

    Attributes:
        tenant_id: The tenant.
        kind: One of ``UNITS``.
        subject: What it is about, unique within tenant and kind: a batch, a task, a document.
        quantity: How much, in the kind's unit.
        cost_usd: What outside services took for it, in US dollars, to the millionth.
        day: The day (UTC) to which it counts.
        run_id: The Dagster run.
        created_at: When it was written, by the database's clock; never given.
    """

    tenant_id: str
    kind: UsageKind
    subject: str
    quantity: int
    cost_usd: Decimal = Decimal(0)
    day: date
    run_id: str | None = None
    created_at: datetime | None = None

    @property
    def id(self) -> uuid.UUID:
        """The entry's name, which follows from what it is about."""
        return uuid.uuid5(_NAMESPACE, f"{self.tenant_id}\n{self.kind}\n{self.subject}")


@dataclass(frozen=True)
class UsageTotal:
    """What a tenant has used of one kind over some days.

    Attributes:
        kind: One of ``UNITS``.
        unit: What it is counted in.
        quantity: How much.
        cost_usd: What outside services took for it, in US dollars.
    """

    kind: UsageKind
    unit: str
    quantity: int
    cost_usd: Decimal


usage_entries = Table(
    "usage_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    tenant_column(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("cost_usd", Numeric(18, 6), nullable=False),
    Column("day", Date, nullable=False),
    Column("run_id", Text),
    created_at(),
    CheckConstraint(one_of("kind", UNITS), name="kind"),
    CheckConstraint("quantity >= 0 and cost_usd >= 0", name="is_not_negative"),
    Index(None, "tenant_id", "day", "kind"),
)


class UsageRepository(Repository):
    """What tenants have used."""

    def add_all(self, entries: Iterable[UsageEntry]) -> int:
        """Add the entries that are not there yet; a limit that they reach is told to the owners.

        Returns:
            How many were new.
        """
        rows = [
            {
                "id": entry.id,
                "tenant_id": entry.tenant_id,
                "kind": entry.kind,
                "subject": entry.subject,
                "quantity": entry.quantity,
                "unit": UNITS[entry.kind],
                "cost_usd": entry.cost_usd,
                "day": entry.day,
                "run_id": entry.run_id,
            }
            for entry in entries
        ]
        if not rows:
            return 0
        columns = (usage_entries.c.tenant_id, usage_entries.c.kind)
        statement = insert(usage_entries).on_conflict_do_nothing().returning(*columns)
        added = self._execute(statement, rows).all()
        for tenant_id, kind in sorted({(row.tenant_id, row.kind) for row in added}):
            if kind in _LIMITED_BY:
                PlanLimits(self.session).notice(tenant_id, _LIMITED_BY[kind])
        return len(added)

    def of_tenant(self, tenant_id: str, days: tuple[date, date]) -> tuple[UsageEntry, ...]:
        """A tenant's entries of some days, both ends included, by day, kind and subject."""
        statement = select(usage_entries).where(*_of(tenant_id, days))
        order = (usage_entries.c.day, usage_entries.c.kind, usage_entries.c.subject)
        return self._all(UsageEntry, statement.order_by(*order))

    def totals(self, tenant_id: str, days: tuple[date, date]) -> tuple[UsageTotal, ...]:
        """What a tenant has used of each kind over some days, both ends included, by kind."""
        statement = (
            select(
                usage_entries.c.kind,
                usage_entries.c.unit,
                func.sum(usage_entries.c.quantity).cast(BigInteger).label("quantity"),
                func.sum(usage_entries.c.cost_usd).label("cost_usd"),
            )
            .where(*_of(tenant_id, days))
            .group_by(usage_entries.c.kind, usage_entries.c.unit)
            .order_by(usage_entries.c.kind)
        )
        return self._all(UsageTotal, statement)


def _of(tenant_id: str, days: tuple[date, date]) -> tuple[Any, Any]:
    return usage_entries.c.tenant_id == tenant_id, usage_entries.c.day.between(*days)
