"""Tenants: the customers of this installation, each behind a wall of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, NotRequired, TypedDict, get_args

from sqlalchemy import CheckConstraint, Column, Table, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import (
    DuplicateError,
    TenantRestsError,
    UnknownTenantError,
    WrongStatusError,
)
from resources.database.plans import UNLIMITED_PLAN, Plan, plan_named
from resources.database.repository import Repository
from resources.database.schema import (
    TIMESTAMP,
    check_tenant_id,
    created_at,
    json_column,
    metadata,
    one_of,
)
from resources.vocabulary import MIN_POSTED_DAY, TENANT_ID

DEFAULT_COLOUR = "#2f5d8a"

TenantStatus = Literal["active", "suspended", "closing", "closed"]
TENANT_STATUSES: tuple[TenantStatus, ...] = get_args(TenantStatus)
"""Active; refused for a while; open to its members for reading before it goes; gone."""

# From which statuses a tenant may come to each.
_COMES_FROM: Mapping[TenantStatus, tuple[TenantStatus, ...]] = {
    "active": ("suspended", "closing"),
    "suspended": ("active", "closing"),
    "closing": ("active", "suspended"),
    "closed": ("closing",),
}


class TenantName(TypedDict):
    """A product, place or brand that reviews of a tenant may speak of.

    Attributes:
        name: What it is called.
        kind: For example ``product``, ``location`` or ``brand``.
        aliases: Other ways to write it.
    """

    name: str
    kind: str
    aliases: NotRequired[list[str]]


@dataclass(frozen=True)
class Tenant:
    """One customer.

    Attributes:
        id: Immutable slug, the same in the lake, in snapshots, in addresses and on the command
            line.
        name: What people call it.
        colour: Of its reports, ``#rrggbb``.
        names: What its reviews may speak of.
        settings: Whatever else is its own to choose.
        status: Whether anything is done for it, one of ``TENANT_STATUSES``.
        status_reason: Why it is not active, in words for its members.
        status_changed_at: Since when; None while it has been active from the beginning.
        closes_at: When a closing tenant may be erased.
        plan: The id of its plan.
        plan_limits: Limits of its own, which go before those of the plan.
        created_at: When it was made.
    """

    id: str
    name: str
    colour: str
    names: tuple[TenantName, ...] = field(hash=False)
    settings: Mapping[str, Any] = field(hash=False)
    status: TenantStatus
    status_reason: str | None
    status_changed_at: datetime | None
    closes_at: datetime | None
    plan: str
    plan_limits: Mapping[str, int | None] = field(hash=False)
    created_at: datetime

    @property
    def limits(self) -> Plan:
        """Its plan, with its own limits before those of the plan."""
        return plan_named(self.plan).with_limits(self.plan_limits)

    def history_starts(self, today: date) -> date | None:
        """The first day of writing whose reviews its plan shows; None where it shows all of them.

        Args:
            today: The day on which it is asked.
        """
        days = self.limits.limit("history_days")
        if days is None or days >= (today - MIN_POSTED_DAY).days:  # no review is older than that
            return None
        return today - timedelta(days=days)


tenants = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("colour", Text, nullable=False),
    json_column("names", empty="[]"),
    json_column("settings", empty="{}"),
    Column("status", Text, nullable=False, server_default=text("'active'")),
    Column("status_reason", Text),
    Column("status_changed_at", TIMESTAMP),
    Column("closes_at", TIMESTAMP),
    Column("plan", Text, nullable=False, server_default=text(f"'{UNLIMITED_PLAN}'")),
    json_column("plan_limits", empty="{}"),
    created_at(),
    CheckConstraint(one_of("status", TENANT_STATUSES), name="status"),
    CheckConstraint("(status in ('closing', 'closed')) = (closes_at is not null)", name="closes"),
    CheckConstraint(f"id ~ '^{TENANT_ID}$'", name="id_is_slug"),
    CheckConstraint("colour ~ '^#[0-9a-fA-F]{6}$'", name="colour_is_rgb"),
)


class TenantRepository(Repository):
    """The tenants."""

    def create(
        self,
        tenant_id: str,
        name: str,
        *,
        colour: str = DEFAULT_COLOUR,
        names: Sequence[TenantName] = (),
        settings: Mapping[str, Any] | None = None,
        plan: str = UNLIMITED_PLAN,
    ) -> Tenant:
        """Add a tenant.

        Raises:
            DuplicateError: If there is one with that identifier.
            ReviewGraphError: If the identifier is not a slug.
        """
        statement = (
            insert(tenants)
            .values(
                id=check_tenant_id(tenant_id),
                name=name,
                colour=colour,
                names=list(names),
                settings=dict(settings or {}),
                plan=plan_named(plan).id,
            )
            .on_conflict_do_nothing()
            .returning(tenants)
        )
        tenant = self._one(Tenant, statement)
        if tenant is None:
            raise DuplicateError(f"There is a tenant {tenant_id!r} already. Choose another name.")
        return tenant

    def get(self, tenant_id: str) -> Tenant | None:
        """The tenant of that identifier, if it exists."""
        return self._one(Tenant, select(tenants).where(tenants.c.id == tenant_id))

    def require(self, tenant_id: str) -> Tenant:
        """The tenant of that identifier.

        Raises:
            UnknownTenantError: If it does not exist.
        """
        tenant = self.get(tenant_id)
        if tenant is None:
            known = ", ".join(other.id for other in self.list()[:10]) or "there is none yet"
            raise UnknownTenantError(
                f"There is no tenant {tenant_id!r} (known: {known}). "
                f"Make it with: reviewgraph tenant create {tenant_id}"
            )
        return tenant

    def list(self) -> tuple[Tenant, ...]:
        """All tenants, by identifier."""
        return self._all(Tenant, select(tenants).order_by(tenants.c.id))

    def update(
        self,
        tenant_id: str,
        *,
        name: str | None = None,
        colour: str | None = None,
        names: Sequence[TenantName] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """Change what is given and leave the rest.

        Raises:
            UnknownTenantError: If there is no such tenant.
        """
        given = {
            "name": name,
            "colour": colour,
            "names": None if names is None else [*names],
            "settings": None if settings is None else dict(settings),
        }
        changes = {column: value for column, value in given.items() if value is not None}
        if changes:
            self._execute(update(tenants).where(tenants.c.id == tenant_id).values(**changes))
        return self.require(tenant_id)

    def require_active(self, tenant_id: str) -> Tenant:
        """The tenant of that identifier, if something may be done for it.

        Raises:
            UnknownTenantError: If it does not exist.
            TenantRestsError: If it is suspended, closing or closed.
        """
        tenant = self.require(tenant_id)
        if tenant.status != "active":
            reason = f": {tenant.status_reason}" if tenant.status_reason else ""
            raise TenantRestsError(
                f"The tenant {tenant_id!r} is {tenant.status}{reason}. Nothing is done for it "
                f"until it is active again: reviewgraph tenant resume {tenant_id}"
            )
        return tenant

    def resting(self) -> frozenset[str]:
        """The tenants for which nothing is done at the moment: all that are not active."""
        statement = select(tenants.c.id).where(tenants.c.status != "active")
        return frozenset(self._execute(statement).scalars())

    def set_status(
        self,
        tenant_id: str,
        status: TenantStatus,
        *,
        reason: str | None = None,
        closes_at: datetime | None = None,
    ) -> Tenant:
        """Let a tenant be active, suspended, closing or closed from now on.

        Args:
            tenant_id: The tenant.
            status: What it shall be.
            reason: Why, in words for its members.
            closes_at: When it may be erased; goes with ``closing``.

        Raises:
            UnknownTenantError: If there is no such tenant.
            WrongStatusError: If it cannot come to that status from the one it has.
        """
        values: dict[str, Any] = {
            "status": status,
            "status_reason": reason,
            "status_changed_at": func.now(),
        }
        if status != "closed":
            values["closes_at"] = closes_at if status == "closing" else None
        statement = (
            update(tenants)
            .where(tenants.c.id == tenant_id, tenants.c.status.in_(_COMES_FROM[status]))
            .values(**values)
            .returning(tenants)
        )
        changed = self._one(Tenant, statement)
        if changed is None:
            found = self.require(tenant_id)
            raise WrongStatusError(
                f"The tenant {tenant_id!r} is {found.status} and cannot become {status}; that is "
                f"for tenants that are {' or '.join(_COMES_FROM[status])}."
            )
        return changed

    def set_plan(
        self, tenant_id: str, plan: str, *, limits: Mapping[str, int | None] | None = None
    ) -> Tenant:
        """Give a tenant another plan, with limits of its own.

        Raises:
            UnknownPlanError: If there is no such plan.
            UnknownTenantError: If there is no such tenant.
        """
        values = {"plan": plan_named(plan).id, "plan_limits": dict(limits or {})}
        self._execute(update(tenants).where(tenants.c.id == tenant_id).values(**values))
        return self.require(tenant_id)
