"""Shapes of the second factors slice."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving_api.accounts.schemas import Code, KnownPassword
from serving_api.kit.parameters import CleanText


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PasswordOnly(_Body):
    """The password of now."""

    current_password: KnownPassword


class CodeOnly(_Body):
    """What the second factor shows now."""

    code: Annotated[CleanText, Field(min_length=6, max_length=40, examples=["492039"])]


class PasswordAndCode(_Body):
    """The password of now, and a code."""

    current_password: KnownPassword
    code: Code = None


class NewFactor(BaseModel):
    """A second factor that is yet to be confirmed."""

    secret: str = Field(description="To be typed into an authenticator app; shown once.")
    uri: str = Field(description="The same as an address, for a QR code.")


class RecoveryCodes(BaseModel):
    """What to log in with when the second factor is lost. Each works once; shown once."""

    recovery_codes: list[str]


class SecondFactorStatus(BaseModel):
    """Whether a code is asked for at log-ins."""

    is_enabled: bool
    recovery_codes_left: int
