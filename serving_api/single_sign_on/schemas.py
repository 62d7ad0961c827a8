"""Shapes of the single sign-on slice."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit.parameters import CleanText


class Arrival(BaseModel):
    """What a provider adds to the address to which it sends somebody back."""

    code: Annotated[CleanText, Field(max_length=4000)] | None = Field(
        None, description="What the provider gave, to be exchanged."
    )
    state: CleanText | None = Field(None, description="What the provider was given.")
    iss: Annotated[CleanText, Field(max_length=1000)] | None = Field(
        None, description="Who the provider says it is (RFC 9207)."
    )


class StartLogIn(BaseModel):
    """Which provider to log in at."""

    model_config = ConfigDict(extra="forbid")

    provider: uuid.UUID | None = Field(None, description="The tenant's oldest when not given.")


class LogInElsewhere(BaseModel):
    """Where to log in."""

    authorization_url: str = Field(
        description="Send the browser there. It comes back with the tokens of a session, if the "
        "cookie that comes with this answer comes along."
    )
    expires_in: int = Field(description="Seconds in which it has to come back.")
