"""Addresses of the identity slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from serving_api.identity import schemas, service
from serving_api.identity.passwords import PasswordChecks
from serving_api.kit.auth import AsUser
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.sessions.routes import CurrentSignIns
from serving_api.sessions.sign_ins import Client

TAG = Tag(name="identity", description="Logging in, and who one is.")

router = APIRouter(
    route_class=Route, prefix="/v1", tags=[TAG["name"]], responses=documented("unavailable")
)


async def current_passwords(request: Request) -> PasswordChecks:
    """The password checks of the application that serves this request."""
    passwords: PasswordChecks = request.app.state.passwords
    return passwords


async def current_client(request: Request) -> Client:
    """The client of a request; the proxy before it where none is trusted."""
    return Client.of(request)


CurrentPasswords = Annotated[PasswordChecks, Depends(current_passwords)]
CurrentClient = Annotated[Client, Depends(current_client)]


@router.post(
    "/auth/token",
    operation_id="log_in",
    summary="Log in",
    response_model=schemas.LoggedIn,
    responses={
        202: {"model": schemas.CodeNeeded, "description": "The second factor is asked for"},
        **documented(
            "invalid-credentials",
            "email-not-verified",
            "invalid-parameters",
            "body-too-large",
            "too-many-requests",
        ),
    },
)
@without_key("logging in again gives a token of its own, and a token is kept nowhere")
async def log_in(
    body: schemas.LogIn,
    passwords: CurrentPasswords,
    sign_ins: CurrentSignIns,
    client: CurrentClient,
) -> schemas.LoggedIn | Response:
    """Exchange email and password for the tokens of a new session.

    The access token is good for 15 minutes; the refresh token gives the next one. Users with a
    second factor get a challenge instead, to be sent with a code within five minutes.
    """
    answer = await service.log_in(passwords, sign_ins, body, client)
    if isinstance(answer, schemas.CodeNeeded):
        return Response(
            answer.model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json"
        )
    return answer


@router.post(
    "/auth/second-factor",
    operation_id="give_code",
    summary="Log in: the second step",
    responses=documented(
        "code-not-valid", "invalid-parameters", "body-too-large", "too-many-requests"
    ),
)
@without_key("a code works once, and so does what it is given for")
async def give_code(
    body: schemas.SecondStep,
    passwords: CurrentPasswords,
    sign_ins: CurrentSignIns,
    client: CurrentClient,
) -> schemas.LoggedIn:
    """Exchange a challenge and a code for the tokens of a new session. A code works once."""
    return await service.give_code(passwords, sign_ins, body, client)


@router.get(
    "/me",
    operation_id="read_me",
    summary="Who am I",
    responses=documented("unauthenticated", "insufficient-scope"),
)
def read_me(session: AsUser) -> schemas.Me:
    """The user of the token, and the tenants the user may see."""
    return service.who_am_i(session)
