"""Shapes of the accounts slice."""

from __future__ import annotations

from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from resources.passwords import MAX_LENGTH, MIN_LENGTH
from serving_api.kit.parameters import CleanSecret, CleanText

MAX_ADDRESS_LENGTH = 254
MAX_TOKEN_LENGTH = 64


def _normalized_address(given: str) -> str:
    """An address in the one spelling in which it is kept.

    Raises:
        ValueError: If no mail can be sent to it.
    """
    try:
        found = validate_email(given.strip(), check_deliverability=False)
    except EmailNotValidError:
        raise ValueError("must be an email address such as ada@example.com") from None
    return found.normalized.lower()


def _said(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("must be a name on one line")
    return name.strip()


EmailAddress = Annotated[
    CleanText,
    Field(min_length=3, max_length=MAX_ADDRESS_LENGTH, examples=["ada@example.com"]),
    AfterValidator(_normalized_address),
]
KnownPassword = Annotated[CleanSecret, Field(min_length=1, max_length=MAX_LENGTH)]
NewPassword = Annotated[
    CleanSecret,
    Field(
        max_length=MAX_LENGTH,
        description=f"{MIN_LENGTH} to {MAX_LENGTH} characters of any kind; none that everybody "
        "tries first, and not your name or address.",
        examples=["tulips argue with thunder"],
    ),
]
Token = Annotated[
    CleanText,
    Field(
        min_length=1, max_length=MAX_TOKEN_LENGTH, description="What the link in the mail holds."
    ),
]
Code = Annotated[
    CleanText | None,
    Field(
        max_length=40,
        description="What the second factor shows now, or a recovery code; needed by users with a "
        "second factor.",
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Body):
    """A new account."""

    email: EmailAddress
    name: Annotated[
        CleanText,
        Field(min_length=1, max_length=100, examples=["Ada Lovelace"]),
        AfterValidator(_said),
    ]
    password: NewPassword


class AddressOnly(_Body):
    """The address of an account."""

    email: EmailAddress


class TokenOnly(_Body):
    """A token that works once."""

    token: Token


class Confirmation(_Body):
    """A token that works once, and the password that was chosen when registering."""

    token: Token
    password: KnownPassword


class PasswordReset(_Body):
    """A token that works once, and the password to have from now on."""

    token: Token
    password: NewPassword


class PasswordChange(_Body):
    """The password of now, and the one to have from now on."""

    current_password: KnownPassword
    password: NewPassword
    code: Code = None


class EmailChange(_Body):
    """The address to have from now on."""

    email: EmailAddress
    current_password: KnownPassword
    code: Code = None


class MailOnItsWay(BaseModel):
    """What is answered whether or not there is such an account."""

    message: str = Field(
        default="A mail is on its way to the address.", description="The same for every address."
    )
