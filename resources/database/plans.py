"""Plans: how much a tenant may have, as data.

A plan is a name with limits and tiers, kept in ``plans.json`` beside this module. A tenant names
its plan; a limit of its own, agreed on with one customer, goes before the plan's. Prices are no
part of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, get_args

from resources.database.errors import UnknownPlanError
from resources.vocabulary import TierName

LimitName = Literal[
    "sources",
    "seats",
    "reviews_per_month",
    "reports_per_month",
    "analyzed_texts_per_month",
    "requests_per_minute",
    "history_days",
]
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)
"""What a plan limits."""

FIRST_PLAN = "free"
"""The plan of an organisation that somebody makes over the API."""

UNLIMITED_PLAN = "enterprise"
"""The plan of tenants that the operator makes, and of all that were there before plans were."""


@dataclass(frozen=True)
class Plan:
    """How much a tenant may have.

    Attributes:
        id: For example ``team``.
        name: What people call it.
        limits: The most of each kind; None where there is no limit.
        tiers: The tiers of understanding it has.
    """

    id: str
    name: str
    limits: Mapping[LimitName, int | None] = field(hash=False)
    tiers: tuple[TierName, ...]

    def limit(self, name: LimitName) -> int | None:
        """The most of one kind; None where there is no limit."""
        return self.limits[name]

    def with_limits(self, own: Mapping[str, int | None]) -> Plan:
        """The plan with a tenant's own limits before those of the plan."""
        known = {name: own[name] for name in LIMIT_NAMES if name in own}
        return replace(self, limits=MappingProxyType({**self.limits, **known})) if known else self


@cache
def plans() -> Mapping[str, Plan]:
    """All plans by id, the smallest first."""
    document = json.loads(files(__package__).joinpath("plans.json").read_text("utf-8"))
    return MappingProxyType(
        {
            plan_id: Plan(
                id=plan_id,
                name=plan["name"],
                limits=MappingProxyType({name: plan["limits"][name] for name in LIMIT_NAMES}),
                tiers=tuple(plan["tiers"]),
            )
            for plan_id, plan in document.items()
        }
    )


def plan_named(plan_id: str) -> Plan:
    """The plan of that id.

    Raises:
        UnknownPlanError: If there is none.
    """
    try:
        return plans()[plan_id]
    except KeyError:
        raise UnknownPlanError(
            f"There is no plan {plan_id!r}; choose from {', '.join(plans())}."
        ) from None
