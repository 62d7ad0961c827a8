"""Addresses of the API keys slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from serving_api.api_keys import schemas, service
from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route

TAG = Tag(name="API keys", description="What programs show instead of a log-in.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/api-keys",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated", "forbidden", "insufficient-scope", "not-found", "unavailable"
    ),
)


@router.post(
    "",
    operation_id="create_api_key",
    summary="Make an API key",
    status_code=HTTPStatus.CREATED,
    responses=documented("invalid-parameters", "body-too-large", "too-many-keys"),
)
def create_api_key(wanted: schemas.NewApiKey, session: AsMember) -> schemas.CreatedApiKey:
    """A key for a program. It may do what its scopes say and its maker's role allows.

    The key is shown in this answer and never again. Owners and administrators may make keys.
    """
    return service.create_key(session, wanted)


@router.get("", operation_id="list_api_keys", summary="List API keys")
def list_api_keys(session: AsMember) -> schemas.ApiKeys:
    """The tenant's keys, without their secrets; expired ones for a month."""
    return service.list_keys(session)


@router.delete(
    "/{key_id}",
    operation_id="revoke_api_key",
    summary="Revoke an API key",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented("invalid-parameters"),
)
def revoke_api_key(
    key_id: Annotated[str, Path(description="The key's id, a UUID.")], session: AsMember
) -> None:
    """Let a key work no longer. The next request that shows it is refused."""
    service.revoke_key(session, key_id)
