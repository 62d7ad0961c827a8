"""What a tenant has of what its plan limits, whether it may have more, and who is told of it.

A limit is held where the thing is made, in the transaction that makes it. Its owners hear of it
once in a month at 80 percent and once at 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import LimitReachedError
from resources.database.event_records import EventRepository
from resources.database.jobs import JobQueue, MailQueue
from resources.database.plans import LIMIT_NAMES, LimitName
from resources.database.repository import Repository
from resources.database.schema import SCHEMA, created_at, metadata, one_of, tenant_column
from resources.database.tenancy import TenantRepository
from resources.vocabulary import utc_today

LEVELS = (100, 80)
"""At how many percent of a limit the owners are told."""

# How much there is of each: SQL, because what is limited is made in modules that ask here. What is
# held by its rate or its age has no count.
_COUNTS: Mapping[LimitName, str] = MappingProxyType(
    {
        "sources": f"select count(*) from {SCHEMA}.sources where tenant_id = :tenant and is_active",
        "seats": f"""
            select (select count(*) from {SCHEMA}.memberships where tenant_id = :tenant)
                 + (select count(*) from {SCHEMA}.invitations where tenant_id = :tenant
                    and accepted_at is null and revoked_at is null and expires_at > now())
        """,
        "reviews_per_month": f"""
            select coalesce(sum(quantity), 0) from {SCHEMA}.usage_entries
            where tenant_id = :tenant and kind = 'reviews_collected'
            and day between :first and :last
        """,
        "reports_per_month": f"""
            select count(*) from {SCHEMA}.report_requests where tenant_id = :tenant
            and (created_at at time zone 'UTC')::date between :first and :last
        """,
        "analyzed_texts_per_month": f"""
            select coalesce(sum(quantity), 0) from {SCHEMA}.usage_entries
            where tenant_id = :tenant and kind = 'texts_analyzed'
            and day between :first and :last
        """,
    }
)
_OWNERS = f"""
    select u.email from {SCHEMA}.memberships m join {SCHEMA}.users u on u.id = m.user_id
    where m.tenant_id = :tenant and m.role = 'owner' order by u.email
"""
COUNTED: tuple[LimitName, ...] = tuple(name for name in LIMIT_NAMES if name in _COUNTS)
"""The limits that count what there is."""

IN_WORDS: Mapping[LimitName, str] = MappingProxyType(
    {
        "sources": "active sources",
        "seats": "members and open invitations",
        "reviews_per_month": "reviews collected in a month",
        "reports_per_month": "reports asked for in a month",
        "analyzed_texts_per_month": "texts analysed in a month",
        "requests_per_minute": "requests in a minute",
        "history_days": "days of history",
    }
)
"""What each limit is about, for people."""


@dataclass(frozen=True)
class Use:
    """How much a tenant has of what its plan limits.

    Attributes:
        name: Of what.
        used: How much there is; None for what is not counted.
        limit: The most the plan allows; None where there is no limit.
        first: First day of the month that is counted.
        last: Last day of it.
    """

    name: LimitName
    used: int | None
    limit: int | None
    first: date
    last: date


limit_notices = Table(
    "limit_notices",
    metadata,
    tenant_column(),
    Column("limit_name", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("level", Integer, nullable=False),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "limit_name", "month", "level"),
    CheckConstraint(one_of("limit_name", LIMIT_NAMES), name="limit_name"),
    CheckConstraint("level in (80, 100)", name="level"),
)


class PlanLimits(Repository):
    """What tenants have of what their plans limit."""

    def uses(self, tenant_id: str, *, today: date | None = None) -> tuple[Use, ...]:
        """How much there is of everything that the plan limits, for the month of a day."""
        first, last = month_of(today or utc_today())
        plan = TenantRepository(self.session).require(tenant_id).limits
        return tuple(
            Use(name, self.used(tenant_id, name, today), plan.limit(name), first, last)
            for name in LIMIT_NAMES
        )

    def used(self, tenant_id: str, name: LimitName, today: date | None = None) -> int | None:
        """How much there is of one kind in the month of a day; None for what is not counted."""
        if name not in _COUNTS:
            return None
        first, last = month_of(today or utc_today())
        found = self._execute(
            text(_COUNTS[name]), {"tenant": tenant_id, "first": first, "last": last}
        )
        return int(found.scalar_one())

    def admit(self, tenant_id: str, name: LimitName, more: int = 1) -> None:
        """Let some more of a kind be made in this transaction, and tell the owners if it gets full.

        Until the transaction ends, others who want more of the same wait: the limit is exact.

        Args:
            tenant_id: Whose.
            name: Of what.
            more: How many are about to be made.

        Raises:
            LimitReachedError: If the plan does not allow them.
        """
        limit = self.limit(tenant_id, name)
        if limit is None:
            return
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"{name} of {tenant_id}"},
        )
        used = self.used(tenant_id, name) or 0
        if used + more > limit:
            raise LimitReachedError(
                f"The plan of {tenant_id} allows {limit:,} {IN_WORDS[name]}, and there are "
                f"{used:,}. Ask for a larger plan, or make room first.",
                limit_name=name,
                limit=limit,
                used=used,
            )
        self._tell(tenant_id, name, used + more, limit)

    def has_room(self, tenant_id: str, name: LimitName) -> bool:
        """Whether the plan allows at least one more."""
        limit = self.limit(tenant_id, name)
        return limit is None or (self.used(tenant_id, name) or 0) < limit

    def require_room(self, tenant_id: str, name: LimitName) -> None:
        """Go on only while the plan allows at least one more, for what is counted afterwards.

        Raises:
            LimitReachedError: If it does not.
        """
        limit = self.limit(tenant_id, name)
        used = 0 if limit is None else self.used(tenant_id, name) or 0
        if limit is not None and used >= limit:
            raise LimitReachedError(
                f"The plan of {tenant_id} allows {limit:,} {IN_WORDS[name]}, and all of them are "
                "used. Ask for a larger plan, or wait for the next month.",
                limit_name=name,
                limit=limit,
                used=used,
            )

    def notice(self, tenant_id: str, name: LimitName) -> None:
        """Tell the owners, once, if what was made has come near the limit or reached it."""
        limit = self.limit(tenant_id, name)
        if limit is not None:
            self._tell(tenant_id, name, self.used(tenant_id, name) or 0, limit)

    def limit(self, tenant_id: str, name: LimitName) -> int | None:
        """The most of one kind that the tenant's plan allows; None where there is no limit."""
        tenant = TenantRepository(self.session).get(tenant_id)
        return None if tenant is None else tenant.limits.limit(name)

    def _tell(self, tenant_id: str, name: LimitName, used: int, limit: int) -> None:
        level = next((one for one in LEVELS if used * 100 >= limit * one), None)
        if level is None:
            return
        month, _ = month_of(utc_today())
        statement = (
            insert(limit_notices)
            .values(tenant_id=tenant_id, limit_name=name, month=month, level=level)
            .on_conflict_do_nothing()
            .returning(limit_notices.c.level)
        )
        if self._execute(statement).first() is None:
            return  # told before in this month
        EventRepository(self.session).add(
            "limit.reached" if used >= limit else "limit.approached",
            name,
            tenant_id=tenant_id,
            data={"limit": limit, "used": used, "month": month.isoformat()},
        )
        tenant = TenantRepository(self.session).require(tenant_id)
        for address in self._execute(text(_OWNERS), {"tenant": tenant_id}).scalars():
            MailQueue(JobQueue(self.session)).send(
                "limit",
                to=address,
                tenant=tenant.name,
                tenant_id=tenant_id,
                what=IN_WORDS[name],
                used=used,
                limit=limit,
            )


def month_of(day: date) -> tuple[date, date]:
    """First and last day of the month of a day."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
