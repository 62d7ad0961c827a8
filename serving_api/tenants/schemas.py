"""Shapes of the tenants slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from resources.database.tenancy import TenantStatus
from resources.vocabulary import TENANT_ID
from serving_api.kit.parameters import refuse_unstorable_characters

Role = Literal["owner", "admin", "analyst", "viewer"]


def _require_line(text: str) -> str:
    line = " ".join(refuse_unstorable_characters(text).split())
    if not line or not line.isprintable():
        raise ValueError("must be one line with something on it")
    return line


Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_require_line)]
"""A name that people give to something: one line, without spaces around it."""


class TenantOfUser(BaseModel):
    """A tenant, as one of its members sees it."""

    id: str = Field(description="Never changes; part of addresses.", examples=["acme"])
    name: str
    role: Role = Field(description="Of the asking user.")
    status: TenantStatus = Field(
        description="A tenant that is `suspended` can only be read by itself; one that is "
        "`closing` can be read and exported until `closes_at`."
    )


class Published(BaseModel):
    """What the numbers of a tenant stand on at the moment."""

    version: str = Field(description="The snapshot version; also part of every ETag.")
    review_count: int
    published_at: datetime


class TenantDetails(TenantOfUser):
    """A tenant and its current numbers."""

    colour: str = Field(description="Of its reports, `#rrggbb`.")
    plan: str = Field(description="The id of its plan.", examples=["team"])
    status_reason: str | None = Field(description="Why it is not active, in words.")
    closes_at: datetime | None = Field(description="When a tenant that is closing may be erased.")
    published: Published | None = Field(
        description="Null until the first numbers are published, and while it is suspended."
    )


class Tenants(BaseModel):
    """The tenants of the asking user, by id."""

    items: list[TenantOfUser]


class NewTenant(BaseModel):
    """An organisation to make."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(description="What people call it.", examples=["Acme Hotels"])
    id: str | None = Field(
        default=None,
        pattern=f"^{TENANT_ID}$",
        description="Its id for ever; made from the name when not given.",
        examples=["acme-hotels"],
    )


class TenantChange(BaseModel):
    """What to change of a tenant; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Line | None = None
    colour: str | None = Field(default=None, pattern="^#[0-9a-fA-F]{6}$", examples=["#2f5d8a"])


class Closing(BaseModel):
    """How to close a tenant."""

    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(description="The tenant's id once more: none is closed by mistake.")
    reason: Line | None = Field(default=None, description="Why, for its members.")


class LimitUse(BaseModel):
    """How much there is of something that the plan limits."""

    name: str = Field(examples=["seats"])
    description: str = Field(examples=["members and open invitations"])
    used: int | None = Field(description="Null for what is held by its rate or age, not counted.")
    limit: int | None = Field(description="Null where the plan has no limit.")


class Usage(BaseModel):
    """What a tenant has used in a month, beside what its plan allows."""

    plan: str = Field(examples=["team"])
    plan_name: str = Field(examples=["Team"])
    tiers: list[str] = Field(description="The tiers of understanding that the plan has.")
    period_start: date
    period_end: date
    limits: list[LimitUse]
    entries: list[UsageSum] = Field(description="What was used in the period, by kind.")


class UsageSum(BaseModel):
    """How much of one kind was used."""

    kind: str = Field(examples=["reviews_collected"])
    unit: str = Field(examples=["review"])
    quantity: int


class Feature(BaseModel):
    """Whether a tenant has a feature."""

    name: str = Field(examples=["new-report"])
    description: str
    enabled: bool
    reason: Literal["tenant", "off", "plan", "percentage"] = Field(
        description="What decided: the tenant's own switch, the flag being off, its plans, or the "
        "share of tenants that have it."
    )


class Features(BaseModel):
    """All features, by name."""

    items: list[Feature]
