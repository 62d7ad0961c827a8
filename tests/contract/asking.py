"""How Schemathesis asks, over REST and over GraphQL: as often as told, and of the same world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis
from schemathesis.checks import CHECKS

from tests.api_world import World, fresh_token

FITS_AND_IS_REFUSED = "what fits the schema may still be refused: "
NOT_APPLIED = {
    "max_response_time": "how long an answer takes depends on what else the machine does",
}
"""Checks of Schemathesis that apply to neither, each with its reason."""

TENANTS = ("acme", "acme", "brava", "empty")
"""Tenants that there are, the one that answers most often twice."""


def settings(examples: int) -> hypothesis.settings:
    """How many examples are tried; each run tries the same ones."""
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.filter_too_much,
            hypothesis.HealthCheck.data_too_large,
        ],
    )


def excluded(not_applied: Mapping[str, str]) -> list[Any]:
    """The checks of some names, and those that never apply."""
    names = {*not_applied, *NOT_APPLIED}
    return [
        check
        for check in CHECKS.get_all()
        if getattr(check, "__name__", type(check).__name__) in names
    ]


def headers(world: World) -> dict[str, str]:
    """What whoever asks shows: the token of a new log-in."""
    return {"Authorization": f"Bearer {fresh_token(world, 'ada')}"}
