"""Addresses of the identity providers slice."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from serving_api.identity_providers import schemas, service
from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.single_sign_on.routes import CurrentSingleSignOn

TAG = Tag(name="identity providers", description="Where the users of a tenant may log in.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/identity-providers",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated", "insufficient-scope", "forbidden", "not-found", "unavailable"
    ),
)


@router.get(
    "",
    operation_id="list_identity_providers",
    summary="List identity providers",
)
def list_identity_providers(
    session: AsMember, sso: CurrentSingleSignOn
) -> schemas.IdentityProviders:
    """The tenant's identity providers, and the domains whose users may come by them."""
    return service.list_providers(session, sso)


@router.post(
    "",
    operation_id="add_identity_provider",
    summary="Set up an identity provider",
    status_code=HTTPStatus.CREATED,
    responses=documented("provider-exists", "invalid-parameters", "body-too-large"),
)
def add_identity_provider(
    body: schemas.NewIdentityProvider, session: AsMember, sso: CurrentSingleSignOn
) -> schemas.IdentityProvider:
    """Set up a provider by OpenID Connect. Its secret is encrypted and never shown."""
    return service.add_provider(session, sso, body)


@router.delete(
    "/{provider_id}",
    operation_id="remove_identity_provider",
    summary="Remove an identity provider",
    status_code=HTTPStatus.NO_CONTENT,
)
def remove_identity_provider(
    provider_id: Annotated[str, Path(description="The provider's id, a UUID.")], session: AsMember
) -> None:
    """Remove a provider. Whoever came by it stays a member and can choose a password by mail."""
    service.remove_provider(session, provider_id)
