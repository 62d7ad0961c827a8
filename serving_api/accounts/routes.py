"""Addresses of the accounts slice.

What links in mails hold is sent in the body of a POST: programs that look at links before their
readers do, by GET, use nothing up.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from serving_api.accounts import schemas
from serving_api.accounts.service import Accounts
from serving_api.identity.routes import CurrentClient, CurrentPasswords
from serving_api.kit.auth import CurrentPrincipal
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="accounts", description="Making an account, and changing address and password.")

router = APIRouter(
    route_class=Route,
    prefix="/v1",
    tags=[TAG["name"]],
    responses=documented(
        "unavailable", "invalid-parameters", "body-too-large", "too-many-requests"
    ),
)
_OF_USERS = documented(
    "unauthenticated", "insufficient-scope", "invalid-credentials", "code-not-valid", "code-needed"
)
_BY_LINK = documented("one-time-token-not-valid")


async def current_accounts(passwords: CurrentPasswords, services: CurrentServices) -> Accounts:
    """The accounts of the application that serves this request."""
    return Accounts(services, passwords.limits)


CurrentAccounts = Annotated[Accounts, Depends(current_accounts)]


@router.post(
    "/auth/register",
    operation_id="register",
    summary="Make an account",
    status_code=HTTPStatus.ACCEPTED,
)
@without_key("the same answer comes again, and an address has one account")
async def register(
    body: schemas.Registration,
    accounts: CurrentAccounts,
    passwords: CurrentPasswords,
    client: CurrentClient,
) -> schemas.MailOnItsWay:
    """Make an account; the mail that goes out says how to confirm the address.

    The answer is the same where the address has an account, and its owner is told by mail.
    """
    password = body.password.get_secret_value()
    await passwords.run(
        body.email, lambda: accounts.register(body.email, body.name, password, client.address)
    )
    return schemas.MailOnItsWay()


@router.post(
    "/auth/verify-email",
    operation_id="verify_email",
    summary="Confirm an address",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**_BY_LINK, **documented("invalid-credentials")},
)
@without_key("the link's token works once")
async def verify_email(
    body: schemas.Confirmation, accounts: CurrentAccounts, passwords: CurrentPasswords
) -> None:
    """Confirm the address of a new account, with what the mail held and the account's password.

    Whoever reads the mail may not be who registered: only one who knows both made the account.
    """
    password = body.password.get_secret_value()
    await passwords.run(body.token, lambda: accounts.verify_email(body.token, password))


@router.post(
    "/auth/forgot-password",
    operation_id="forget_password",
    summary="Ask for a link to choose another password",
    status_code=HTTPStatus.ACCEPTED,
)
@without_key("the same answer comes again, and mails are limited")
async def forget_password(
    body: schemas.AddressOnly,
    accounts: CurrentAccounts,
    passwords: CurrentPasswords,
    client: CurrentClient,
) -> schemas.MailOnItsWay:
    """Send a link that works once and for half an hour; answered alike for every address."""
    await passwords.run(body.email, lambda: accounts.forget_password(body.email, client.address))
    return schemas.MailOnItsWay()


@router.post(
    "/auth/reset-password",
    operation_id="reset_password",
    summary="Choose another password by link",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_BY_LINK,
)
@without_key("the link's token works once")
async def reset_password(
    body: schemas.PasswordReset, accounts: CurrentAccounts, passwords: CurrentPasswords
) -> None:
    """Choose another password, with what the mail held; all sessions end.

    Nobody is logged in by it: log in with the new password, and the second factor if there is one.
    """
    password = body.password.get_secret_value()
    await passwords.run(body.token, lambda: accounts.reset_password(body.token, password))


@router.post(
    "/auth/confirm-email",
    operation_id="confirm_new_email",
    summary="Confirm a new address",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**_BY_LINK, **documented("address-taken")},
)
@without_key("the link's token works once")
async def confirm_new_email(
    body: schemas.TokenOnly, accounts: CurrentAccounts, passwords: CurrentPasswords
) -> None:
    """Take over the address that the mail went to. Both addresses are told."""
    await passwords.run(body.token, lambda: accounts.confirm_new_email(body.token))


@router.post(
    "/me/password",
    operation_id="change_password",
    summary="Change the password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_OF_USERS,
)
@without_key("sent twice it asks for the password of before, which is none any more")
async def change_password(
    body: schemas.PasswordChange,
    principal: CurrentPrincipal,
    accounts: CurrentAccounts,
    passwords: CurrentPasswords,
) -> None:
    """Choose another password. Every other session ends, and a mail tells of it."""
    current, new = body.current_password.get_secret_value(), body.password.get_secret_value()
    await passwords.run(
        str(principal.user_id),
        lambda: accounts.change_password(principal, current, new, body.code),
    )


@router.post(
    "/me/email",
    operation_id="change_email",
    summary="Change the address",
    status_code=HTTPStatus.ACCEPTED,
    responses=_OF_USERS,
)
@without_key("the same answer comes again, and mails are limited")
async def change_email(
    body: schemas.EmailChange,
    principal: CurrentPrincipal,
    accounts: CurrentAccounts,
    passwords: CurrentPasswords,
    client: CurrentClient,
) -> schemas.MailOnItsWay:
    """Send a link to the new address, good for an hour; until it is used the old one stays."""
    current = body.current_password.get_secret_value()
    await passwords.run(
        str(principal.user_id),
        lambda: accounts.change_email(principal, body.email, current, body.code, client.address),
    )
    return schemas.MailOnItsWay()
