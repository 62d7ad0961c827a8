"""Shapes of the settings slice."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from resources.database.tenant_settings import TenantChoices
from serving_api.kit.parameters import MAX_WHOLE_NUMBER

MAX_CHANGES = 100


class Settings(TenantChoices):
    """The settings of a tenant."""

    revision: int = Field(description="From 1, with every change; 0 while all are the defaults.")


class SettingsPatch(TenantChoices):
    """The settings to change; what is left out stays."""


class Change(BaseModel):
    """One change of the settings."""

    revision: int
    changed_by: str = Field(description="The id of the user, or `operator`.")
    changed_at: datetime
    before: dict[str, Any] = Field(description="What was changed, as it was.")
    after: dict[str, Any] = Field(description="The same, as it has been since.")


class Changes(BaseModel):
    """Changes of the settings, the latest first."""

    items: list[Change]


class HistoryParameters(BaseModel):
    """Which changes to list."""

    limit: Annotated[int, Field(ge=1, le=MAX_CHANGES, description="How many at most.")] = 50
    before: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_WHOLE_NUMBER,
            description="Only changes of lower revisions than this one.",
        ),
    ] = None
