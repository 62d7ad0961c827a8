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
