"""Shapes of the members slice."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from serving_api.accounts.schemas import EmailAddress, NewPassword
from serving_api.tenants.schemas import Line, Role

MAX_TOKEN_LENGTH = 200


class Member(BaseModel):
    """Somebody who belongs to the tenant."""

    user_id: uuid.UUID
    email: str
    name: str
    role: Role
    since: datetime


class Members(BaseModel):
    """The members, owners first, then by name."""

    items: list[Member]


class RoleChange(BaseModel):
    """Another role for a member."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class NewOwner(BaseModel):
    """Whom to hand a tenant over to."""

    model_config = ConfigDict(extra="forbid")

    user_id: uuid.UUID = Field(description="A member of the tenant.")


class NewInvitation(BaseModel):
    """Whom to invite."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    role: Role = Field(default="viewer", description="What the person will be; up to your own.")


class Invitation(BaseModel):
    """A place in the tenant that is kept for somebody."""

    id: uuid.UUID
    email: str
    role: Role
    invited_by: uuid.UUID | None = Field(description="The user who invited.")
    created_at: datetime
    sent_at: datetime = Field(description="When it was last mailed.")
    sent_count: int = Field(description="How often it was mailed.")
    expires_at: datetime = Field(description="Until when it can be accepted.")


class Invitations(BaseModel):
    """The invitations that can still be accepted, the latest first."""

    items: list[Invitation]


class Acceptance(BaseModel):
    """An invitation to accept."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(
        min_length=1,
        max_length=MAX_TOKEN_LENGTH,
        description="From the link in the mail.",
    )


class Newcomer(Acceptance):
    """An account to make with an invitation."""

    name: Line = Field(description="What to call the person.", examples=["Ada Lovelace"])
    password: NewPassword


class Accepted(BaseModel):
    """What one became by accepting an invitation."""

    tenant: str = Field(description="The tenant's id.", examples=["acme"])
    tenant_name: str
    role: Role
