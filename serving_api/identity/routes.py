"""Addresses of the identity slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from serving_api.identity import schemas, service
from serving_api.identity.passwords import PasswordChecks
from serving_api.kit.auth import AsUser
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.sessions.routes import CurrentSignIns
from serving_api.sessions.schemas import Grant
from serving_api.sessions.sign_ins import Client

TAG = Tag(name="identity", description="Logging in, and who one is.")

router = APIRouter(prefix="/v1", tags=[TAG["name"]], responses=documented("unavailable"))


async def current_passwords(request: Request) -> PasswordChecks:
    """The password checks of the application that serves this request."""
    passwords: PasswordChecks = request.app.state.passwords
    return passwords


CurrentPasswords = Annotated[PasswordChecks, Depends(current_passwords)]


@router.post(
    "/auth/token",
    operation_id="log_in",
    summary="Log in",
    responses=documented(
        "invalid-credentials", "invalid-parameters", "body-too-large", "too-many-requests"
    ),
)
async def log_in(
    body: schemas.LogIn, request: Request, passwords: CurrentPasswords, sign_ins: CurrentSignIns
) -> Grant:
    """Exchange email and password for the tokens of a new session.

    The access token is good for 15 minutes; the refresh token gives the next one.
    """
    return await service.log_in(passwords, sign_ins, body, Client.of(request))


@router.get(
    "/me",
    operation_id="read_me",
    summary="Who am I",
    responses=documented("unauthenticated", "insufficient-scope"),
)
def read_me(session: AsUser) -> schemas.Me:
    """The user of the token, and the tenants the user may see."""
    return service.who_am_i(session)
