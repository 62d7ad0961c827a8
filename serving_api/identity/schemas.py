"""Shapes of the identity slice."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving_api.identity.challenges import LIFETIME_SECONDS, MAX_LENGTH
from serving_api.kit.parameters import CleanSecret, CleanText
from serving_api.sessions.schemas import Grant
from serving_api.tenants.schemas import TenantOfUser

DEVICE = Field(
    default=None,
    max_length=100,
    description="What an earlier log-in gave this device: so that somebody who guesses passwords "
    "for your address from elsewhere cannot keep you out.",
)


class LogIn(BaseModel):
    """Email and password of a user."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[CleanText, Field(min_length=3, examples=["ada@example.com"])]
    password: Annotated[CleanSecret, Field(min_length=1, max_length=256)]
    device: Annotated[str | None, DEVICE] = None


class LoggedIn(Grant):
    """The tokens of a log-in."""

    device: str = Field(description="Keep it on this device and send it with its next log-ins.")


class CodeNeeded(BaseModel):
    """The password was right; the second factor is asked for as well."""

    challenge: str = Field(description="Send it with the code to POST /v1/auth/second-factor.")
    expires_in: int = Field(LIFETIME_SECONDS, description="Seconds in which that must happen.")


class SecondStep(BaseModel):
    """The answer to a challenge."""

    model_config = ConfigDict(extra="forbid")

    challenge: Annotated[CleanText, Field(min_length=1, max_length=MAX_LENGTH)]
    code: Annotated[
        CleanText,
        Field(
            min_length=6,
            max_length=40,
            description="What the second factor shows now, or a recovery code.",
            examples=["492039"],
        ),
    ]


class Me(BaseModel):
    """The user of the token."""

    id: uuid.UUID
    email: str
    name: str
    tenants: list[TenantOfUser] = Field(description="The tenants the user may see, and as what.")
