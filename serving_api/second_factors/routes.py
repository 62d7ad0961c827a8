"""Addresses of the second factors slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from serving_api.identity.routes import CurrentPasswords
from serving_api.kit.auth import AsUser, CurrentPrincipal
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.second_factors import schemas, service
from serving_api.second_factors.service import SecondFactors

TAG = Tag(name="second factor", description="Codes that are asked for besides the password.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/me/second-factor",
    tags=[TAG["name"]],
    responses=documented("unavailable", "unauthenticated", "insufficient-scope"),
)
_CHANGES = documented(
    "unauthenticated",
    "insufficient-scope",
    "invalid-credentials",
    "code-not-valid",
    "code-needed",
    "invalid-parameters",
    "body-too-large",
    "too-many-requests",
)


async def current_second_factors(
    passwords: CurrentPasswords, services: CurrentServices
) -> SecondFactors:
    """The second factors of the application that serves this request."""
    return SecondFactors(services, passwords.limits)


CurrentSecondFactors = Annotated[SecondFactors, Depends(current_second_factors)]


@router.get("", operation_id="read_second_factor", summary="Is a code asked for?")
def read_second_factor(session: AsUser) -> schemas.SecondFactorStatus:
    """Whether log-ins ask for a code, and how many recovery codes are left."""
    return service.status(session)


@router.post(
    "",
    operation_id="begin_second_factor",
    summary="Begin a second factor",
    responses={**_CHANGES, **documented("second-factor-exists")},
)
@without_key("the newest secret counts, and none does before it is confirmed")
async def begin_second_factor(
    body: schemas.PasswordOnly,
    principal: CurrentPrincipal,
    factors: CurrentSecondFactors,
    passwords: CurrentPasswords,
) -> schemas.NewFactor:
    """Get a secret for an authenticator app. Nothing is asked for before it is confirmed."""
    password = body.current_password.get_secret_value()
    return await passwords.run(str(principal.user_id), lambda: factors.begin(principal, password))


@router.post(
    "/confirm",
    operation_id="confirm_second_factor",
    summary="Confirm a second factor",
    responses={**_CHANGES, **documented("second-factor-exists")},
)
@without_key("a code works once")
async def confirm_second_factor(
    body: schemas.CodeOnly,
    principal: CurrentPrincipal,
    factors: CurrentSecondFactors,
    passwords: CurrentPasswords,
) -> schemas.RecoveryCodes:
    """Show that the app works; log-ins ask for its codes from now on. Other sessions end."""
    return await passwords.run(
        str(principal.user_id), lambda: factors.confirm(principal, body.code)
    )


@router.post(
    "/recovery-codes",
    operation_id="renew_recovery_codes",
    summary="Get new recovery codes",
    responses={**_CHANGES, **documented("not-found")},
)
@without_key("the newest codes count, and they are kept nowhere in the clear")
async def renew_recovery_codes(
    body: schemas.PasswordAndCode,
    principal: CurrentPrincipal,
    factors: CurrentSecondFactors,
    passwords: CurrentPasswords,
) -> schemas.RecoveryCodes:
    """Get new recovery codes; those of before work no longer."""
    password = body.current_password.get_secret_value()
    return await passwords.run(
        str(principal.user_id),
        lambda: factors.renew_recovery_codes(principal, password, body.code),
    )


@router.post(
    "/remove",
    operation_id="remove_second_factor",
    summary="Remove the second factor",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**_CHANGES, **documented("not-found")},
)
@without_key("what is removed cannot be removed twice")
async def remove_second_factor(
    body: schemas.PasswordAndCode,
    principal: CurrentPrincipal,
    factors: CurrentSecondFactors,
    passwords: CurrentPasswords,
) -> None:
    """Ask for the password alone from now on. Other sessions end, and a mail tells of it."""
    password = body.current_password.get_secret_value()
    await passwords.run(
        str(principal.user_id), lambda: factors.remove(principal, password, body.code)
    )
