"""Shapes of the sessions slice."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit.parameters import CleanSecret
from serving_api.sessions.refresh_tokens import MAX_LENGTH


class Grant(BaseModel):
    """Tokens for a session, after RFC 6749 and RFC 6750."""

    access_token: str = Field(description="For the Authorization header.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int = Field(description="Seconds until the access token has to be replaced.")
    refresh_token: str = Field(
        description="Gives the next access token and the next refresh token, once. Keep it secret."
    )
    refresh_expires_in: int = Field(
        description="Seconds until the session ends if it is not refreshed before."
    )


class Refresh(BaseModel):
    """A refresh token, to be exchanged."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[CleanSecret, Field(min_length=1, max_length=MAX_LENGTH)]


class LoginSession(BaseModel):
    """A log-in of the asking user that lasts."""

    id: uuid.UUID
    is_current: bool = Field(description="Whether this request belongs to it.")
    created_at: datetime = Field(description="When the user logged in.")
    last_used_at: datetime = Field(description="When a token was last fetched.")
    idle_ends_at: datetime = Field(description="When it ends if it is not used before.")
    ends_at: datetime = Field(description="When it ends in any case.")
    user_agent: str = Field(description="What the client called itself at the log-in.")
    address: str = Field(description="Where the client was at the log-in.")


class LoginSessions(BaseModel):
    """The asking user's sessions, the one used last first."""

    items: list[LoginSession]


class EndedSessions(BaseModel):
    """How many sessions a request has ended."""

    ended: int


class KeySet(BaseModel):
    """The public keys of access tokens as a JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]
