"""Shapes of the tenants slice."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class TenantOfUser(BaseModel):
    """A tenant, as one of its members sees it."""

    id: str = Field(description="Never changes; part of addresses.", examples=["acme"])
    name: str
    role: Literal["owner", "admin", "analyst", "viewer"] = Field(description="Of the asking user.")


class Published(BaseModel):
    """What the numbers of a tenant stand on at the moment."""

    version: str = Field(description="The snapshot version; also part of every ETag.")
    review_count: int
    published_at: datetime


class TenantDetails(TenantOfUser):
    """A tenant and its current numbers."""

    colour: str = Field(description="Of its reports, `#rrggbb`.")
    published: Published | None = Field(description="Null until the first numbers are published.")


class Tenants(BaseModel):
    """The tenants of the asking user, by id."""

    items: list[TenantOfUser]
