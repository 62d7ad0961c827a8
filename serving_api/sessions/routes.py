"""Addresses of the sessions slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from serving_api.kit.auth import AsUser
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.sessions import schemas, service
from serving_api.sessions.sign_ins import SignIns

TAG = Tag(name="sessions", description="Log-ins that last: renewing tokens, and ending sessions.")

router = APIRouter(route_class=Route, tags=[TAG["name"]], responses=documented("unavailable"))
_OF_USERS = documented("unauthenticated", "insufficient-scope")
# A key is announced for a minute before it signs.
_KEYS_MAY_BE_KEPT = "public, max-age=30"


async def current_sign_ins(request: Request) -> SignIns:
    """What gives out tokens in the application that serves this request."""
    sign_ins: SignIns = request.app.state.sign_ins
    return sign_ins


CurrentSignIns = Annotated[SignIns, Depends(current_sign_ins)]


@router.post(
    "/v1/auth/refresh",
    operation_id="refresh_session",
    summary="Renew tokens",
    responses=documented("unauthenticated", "invalid-parameters", "body-too-large"),
)
@without_key("a refresh token used twice is told apart by its counter, for a while")
async def refresh_session(body: schemas.Refresh, sign_ins: CurrentSignIns) -> schemas.Grant:
    """Exchange the newest refresh token for the next access token and the next refresh token.

    The one before is taken again for ten seconds, so that several tabs may refresh at once. Used
    later it ends the session: somebody else may hold it.
    """
    return await sign_ins.refresh(body.refresh_token.get_secret_value())


@router.post(
    "/v1/auth/logout",
    operation_id="log_out",
    summary="Log out",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_OF_USERS,
)
def log_out(session: AsUser) -> None:
    """End the session of the access token. Its tokens are refused from then on."""
    service.log_out(session)


@router.get(
    "/v1/sessions",
    operation_id="list_sessions",
    summary="Where one is logged in",
    responses=_OF_USERS,
)
def list_sessions(session: AsUser) -> schemas.LoginSessions:
    """The asking user's sessions that last."""
    return service.list_sessions(session)


@router.delete(
    "/v1/sessions/{session_id}",
    operation_id="end_session",
    summary="End a session",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**_OF_USERS, **documented("not-found", "invalid-parameters")},
)
def end_session(
    session_id: Annotated[str, Path(description="The session's id, a UUID.")], session: AsUser
) -> None:
    """End one of the asking user's sessions. Its tokens are refused from then on."""
    service.end_session(session, session_id)


@router.post(
    "/v1/sessions/end-others",
    operation_id="end_other_sessions",
    summary="End all other sessions",
    responses=_OF_USERS,
)
def end_other_sessions(session: AsUser) -> schemas.EndedSessions:
    """End all sessions of the asking user but the one that asks."""
    return service.end_others(session)


@router.get(
    "/.well-known/jwks.json",
    operation_id="read_signing_keys",
    summary="The keys of access tokens",
)
async def read_signing_keys(services: CurrentServices, response: Response) -> schemas.KeySet:
    """The public keys that access tokens are signed with, and the next one, as a JWK set."""
    response.headers["Cache-Control"] = _KEYS_MAY_BE_KEPT
    return schemas.KeySet(keys=services.keyring.published())
