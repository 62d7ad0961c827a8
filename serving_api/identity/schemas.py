"""Shapes of the identity slice."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from serving_api.kit.parameters import CleanText, refuse_unstorable_characters
from serving_api.tenants.schemas import TenantOfUser


class LogIn(BaseModel):
    """Email and password of a user."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[CleanText, Field(min_length=3, examples=["ada@example.com"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]

    @field_validator("password")
    @classmethod
    def _spellable(cls, password: SecretStr) -> SecretStr:
        refuse_unstorable_characters(password.get_secret_value())
        return password


class Me(BaseModel):
    """The user of the token."""

    id: uuid.UUID
    email: str
    name: str
    tenants: list[TenantOfUser] = Field(description="The tenants the user may see, and as what.")
