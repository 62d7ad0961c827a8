"""Addresses of the identity slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from resources.database import UnitOfWork
from serving_api.identity import schemas, service
from serving_api.kit.auth import AsUser
from serving_api.kit.errors import documented, request_id_of
from serving_api.kit.openapi import Tag
from serving_api.kit.services import CurrentServices

TAG = Tag(name="identity", description="Logging in, and who one is.")

# A password check takes 64 MiB and most of a core for a fifth of a second, on purpose. More of
# them at once would only make each slower, and everything else with them.
MAX_CONCURRENT_LOG_INS = 2

router = APIRouter(prefix="/v1", tags=[TAG["name"]], responses=documented("unavailable"))


def log_in_work(services: CurrentServices) -> Iterator[UnitOfWork]:
    """A unit of work for someone who is not known yet."""
    with services.database.work(None) as work:
        yield work


ForLogIn = Annotated[
    UnitOfWork, Depends(log_in_work, scope="function", max_concurrency=MAX_CONCURRENT_LOG_INS)
]


@router.post(
    "/auth/token",
    operation_id="log_in",
    summary="Log in",
    responses=documented("invalid-credentials", "invalid-parameters", "body-too-large"),
)
def log_in(
    body: schemas.LogIn, request: Request, work: ForLogIn, services: CurrentServices
) -> schemas.AccessToken:
    """Exchange email and password for an access token that is good for 15 minutes."""
    return service.log_in(work, services.tokens, body, request_id_of(request))


@router.get(
    "/me",
    operation_id="read_me",
    summary="Who am I",
    responses=documented("unauthenticated"),
)
def read_me(session: AsUser) -> schemas.Me:
    """The user of the token, and the tenants the user may see."""
    return service.who_am_i(session)
