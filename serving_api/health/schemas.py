"""Shapes of the health slice."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """The state of the API or of one part it stands on."""

    status: Literal["ok", "failing"]


class Readiness(Health):
    """Whether requests can be served."""

    checks: dict[str, Literal["ok", "failing"]] = Field(
        description="`database`: answers a query; `snapshots`: their folder can be read."
    )
    services: dict[str, Literal["closed", "half-open", "open"]] = Field(
        description="The circuit breaker of each outside service that this process has called, for "
        "identity providers the worst of them; one that is open does not keep requests from being "
        "served."
    )
