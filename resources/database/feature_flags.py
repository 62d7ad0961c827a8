"""Feature flags: what is switched on for whom, decided without a release.

A tenant's own switch goes before everything. Then a flag that is off is off for all; one that is on
is on for the plans it names, and among their tenants for a share that a stable hash picks: a tenant
that is in at 10 percent is still in at 20.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.plans import plan_named
from resources.database.repository import Repository
from resources.database.schema import (
    SCHEMA,
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    tenant_column,
)
from resources.database.tenancy import Tenant
from resources.errors import WrongUsageError

MAX_PERCENTAGE = 100
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class FlagError(WrongUsageError):
    """A flag that cannot be as it was asked for."""


@dataclass(frozen=True)
class FeatureFlag:
    """Something that is switched on for some tenants.

    Attributes:
        name: Small letters, digits and hyphens.
        description: What it is, for people.
        is_on: Whether it is on for anybody without a switch of its own.
        plans: The plans whose tenants have it; all when empty.
        percentage: The share of those tenants that have it.
        updated_at: When this last changed.
    """

    name: str
    description: str
    is_on: bool
    plans: tuple[str, ...]
    percentage: int
    updated_at: datetime

    def decide(self, tenant: Tenant, override: bool | None) -> tuple[bool, str]:
        """Whether a tenant has it, and why: ``tenant``, ``off``, ``plan`` or ``percentage``.

        Args:
            tenant: The tenant.
            override: Its own switch, if it has one.
        """
        if override is not None:
            return override, "tenant"
        if not self.is_on:
            return False, "off"
        if self.plans and tenant.plan not in self.plans:
            return False, "plan"
        return bucket_of(self.name, tenant.id) < self.percentage, "percentage"


feature_flags = Table(
    "feature_flags",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("is_on", Boolean, nullable=False, server_default=text("false")),
    json_column("plans", empty="[]"),
    Column("percentage", Integer, nullable=False, server_default=text("100")),
    Column("updated_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    CheckConstraint("percentage between 0 and 100", name="percentage"),
    CheckConstraint("name ~ '^[a-z][a-z0-9-]{0,62}$'", name="name"),
)

feature_overrides = Table(
    "feature_overrides",
    metadata,
    tenant_column(),
    Column(
        "name", Text, ForeignKey(f"{SCHEMA}.feature_flags.name", ondelete="CASCADE"), nullable=False
    ),
    Column("is_on", Boolean, nullable=False),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "name"),
    Index(None, "name"),
)


class FeatureFlagRepository(Repository):
    """The flags, and the tenants' own switches."""

    def list(self) -> tuple[FeatureFlag, ...]:
        """All flags by name."""
        return self._all(FeatureFlag, select(feature_flags).order_by(feature_flags.c.name))

    def get(self, name: str) -> FeatureFlag | None:
        """One flag."""
        return self._one(FeatureFlag, select(feature_flags).where(feature_flags.c.name == name))

    def set(
        self,
        name: str,
        *,
        is_on: bool | None = None,
        description: str | None = None,
        plans: Sequence[str] | None = None,
        percentage: int | None = None,
    ) -> FeatureFlag:
        """Make a flag, or change what is given of it. A new flag is off until it is switched on.

        Raises:
            FlagError: If the name or the percentage cannot be.
            UnknownPlanError: If there is no such plan.
        """
        if _NAME.fullmatch(name) is None:
            raise FlagError(
                f"{name!r} cannot name a flag. Use small letters, digits and hyphens, beginning "
                "with a letter, for example new-report."
            )
        if percentage is not None and not 0 <= percentage <= MAX_PERCENTAGE:
            raise FlagError(f"{percentage} is no percentage: give 0 to 100.")
        given = {
            "is_on": is_on,
            "description": description,
            "plans": None if plans is None else [plan_named(plan).id for plan in plans],
            "percentage": percentage,
        }
        values = {column: value for column, value in given.items() if value is not None}
        statement = insert(feature_flags).values(name=name, **values)
        statement = statement.on_conflict_do_update(
            constraint=feature_flags.primary_key, set_=values | {"updated_at": func.now()}
        )
        return self._exactly_one(FeatureFlag, statement.returning(feature_flags))

    def override(self, name: str, tenant_id: str, *, is_on: bool | None) -> None:
        """Give a tenant a switch of its own; None takes it away.

        Raises:
            FlagError: If there is no such flag.
        """
        if self.get(name) is None:
            raise FlagError(f"There is no flag {name!r}. Make it with: reviewgraph flag set {name}")
        if is_on is None:
            self._execute(
                delete(feature_overrides).where(
                    feature_overrides.c.tenant_id == tenant_id, feature_overrides.c.name == name
                )
            )
            return
        statement = insert(feature_overrides).values(tenant_id=tenant_id, name=name, is_on=is_on)
        self._execute(
            statement.on_conflict_do_update(
                constraint=feature_overrides.primary_key, set_={"is_on": is_on}
            )
        )

    def overrides(self, tenant_id: str) -> dict[str, bool]:
        """The tenant's own switches by flag."""
        statement = select(feature_overrides.c.name, feature_overrides.c.is_on).where(
            feature_overrides.c.tenant_id == tenant_id
        )
        return {row.name: row.is_on for row in self._execute(statement)}

    def of_tenant(self, tenant: Tenant) -> dict[str, tuple[bool, str]]:
        """Whether a tenant has each flag, and why."""
        own = self.overrides(tenant.id)
        return {flag.name: flag.decide(tenant, own.get(flag.name)) for flag in self.list()}


def bucket_of(flag: str, tenant_id: str) -> int:
    """Where a tenant stands for a flag, 0 to 99; the same for ever, and unlike for each flag."""
    digest = hashlib.sha256(f"{flag}\n{tenant_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_PERCENTAGE
