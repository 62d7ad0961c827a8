"""Shapes of the API keys slice."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from resources.database.api_keys import MAX_LIFETIME
from serving_api.kit.parameters import CleanText
from serving_api.kit.permissions import PERMISSIONS, Permission

MAX_NAME_LENGTH = 100


class NewApiKey(BaseModel):
    """What a new key shall be."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[
        CleanText, Field(min_length=1, max_length=MAX_NAME_LENGTH, examples=["Nightly export"])
    ]
    scopes: Annotated[
        list[Permission],
        Field(
            min_length=1,
            max_length=len(PERMISSIONS),
            description="What it may do; no more than the role of the user who makes it.",
            examples=[["metrics:read", "reviews:read"]],
        ),
    ]
    expires_in_days: Annotated[
        int, Field(ge=1, le=MAX_LIFETIME.days, description="How long it shall work.")
    ] = 90


class ApiKey(BaseModel):
    """A key, without its secret."""

    id: uuid.UUID
    name: str
    scopes: list[str] = Field(description="What it may do.")
    created_by: uuid.UUID = Field(description="The user whose role bounds what it may do.")
    created_at: datetime
    expires_at: datetime = Field(description="When it stops working.")
    last_used_at: datetime | None = Field(description="To the minute; null until it is used.")


class CreatedApiKey(ApiKey):
    """A new key with its secret."""

    key: str = Field(description="For the Authorization header. It is shown now and never again.")


class ApiKeys(BaseModel):
    """The keys of a tenant, the newest first."""

    items: list[ApiKey]
