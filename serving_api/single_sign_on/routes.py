"""Addresses of the single sign-on slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Query, Request, Response

from resources.database.identity_providers import ATTEMPT_LIFETIME
from serving_api.identity.routes import CurrentClient
from serving_api.identity.schemas import CodeNeeded, LoggedIn
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.parameters import TenantPath
from serving_api.kit.routing import Route
from serving_api.single_sign_on import schemas
from serving_api.single_sign_on.service import Return, SingleSignOn

TAG = Tag(name="single sign-on", description="Logging in at a tenant's own identity provider.")
COOKIE = "reviewgraph_sso"

router = APIRouter(
    route_class=Route, prefix="/v1", tags=[TAG["name"]], responses=documented("unavailable")
)
_AT_PROVIDERS = documented(
    "provider-refused",
    "provider-unavailable",
    "provider-down",
    "unavailable",
    "invalid-parameters",
    "too-many-requests",
    "not-found",
    "tenant-suspended",
)


async def current_single_sign_on(request: Request) -> SingleSignOn:
    """The single sign-on of the application that serves this request."""
    sso: SingleSignOn = request.app.state.single_sign_on
    return sso


CurrentSingleSignOn = Annotated[SingleSignOn, Depends(current_single_sign_on)]


@router.post(
    "/auth/sso/{tenant}",
    operation_id="start_single_sign_on",
    summary="Log in at a tenant's provider",
    responses={**_AT_PROVIDERS, **documented("body-too-large")},
)
@without_key("starting again gives a state of its own, and changes nothing")
async def start_single_sign_on(
    tenant: TenantPath,
    body: schemas.StartLogIn,
    sso: CurrentSingleSignOn,
    client: CurrentClient,
    response: Response,
) -> schemas.LogInElsewhere:
    """Get the address at which the tenant's users log in."""
    departure = await sso.depart(tenant, body.provider, client)
    seconds = int(ATTEMPT_LIFETIME.total_seconds())
    response.set_cookie(
        COOKIE,
        departure.browser,
        max_age=seconds,
        path="/v1/auth/sso",
        secure=sso.site.startswith("https:"),
        httponly=True,
        samesite="lax",  # it has to come along when the provider sends the browser back
    )
    return schemas.LogInElsewhere(authorization_url=departure.address, expires_in=seconds)


@router.get(
    "/auth/sso/{tenant}/callback",
    operation_id="finish_single_sign_on",
    summary="Come back from a tenant's provider",
    response_model=LoggedIn,
    responses={
        202: {"model": CodeNeeded, "description": "The second factor is asked for"},
        **_AT_PROVIDERS,
        **documented("tenant-closing", "limit-reached"),
    },
)
async def finish_single_sign_on(
    *,
    tenant: TenantPath,
    sso: CurrentSingleSignOn,
    client: CurrentClient,
    response: Response,
    arrived: Annotated[schemas.Arrival, Query()],
    browser: Annotated[
        str | None,
        Cookie(alias=COOKIE, max_length=200, description="What the browser was given."),
    ] = None,
) -> LoggedIn | Response:
    """Get the tokens of a new session, where the provider vouches for a user of the tenant."""
    arrival = Return(
        tenant=tenant,
        browser=browser,
        state=arrived.state,
        code=arrived.code,
        issuer=arrived.iss,
    )
    answer = await sso.come_back(arrival, client)
    if isinstance(answer, CodeNeeded):
        return Response(
            answer.model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json"
        )
    response.delete_cookie(COOKIE, path="/v1/auth/sso")
    return answer
