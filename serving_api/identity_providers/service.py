"""Setting up identity providers."""

from __future__ import annotations

import uuid

from resources.outgoing import OutgoingRefusedError
from serving_api.identity_providers import schemas
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.single_sign_on.service import SingleSignOn


def list_providers(session: TenantSession, sso: SingleSignOn) -> schemas.IdentityProviders:
    """The tenant's providers and domains."""
    session.require("settings:read")
    tenant = session.tenant.id
    providers = session.work.identity_providers
    address = sso.redirect_uri(tenant)
    return schemas.IdentityProviders(
        items=[schemas.IdentityProvider.of(one, address) for one in providers.list(tenant)],
        domains=[one.domain for one in providers.domains(tenant)],
    )


def add_provider(
    session: TenantSession, sso: SingleSignOn, new: schemas.NewIdentityProvider
) -> schemas.IdentityProvider:
    """Set up a provider.

    Raises:
        Problem: ``forbidden`` for all but owners, since a provider can speak for every user of the
            tenant's domains; ``insufficient-scope`` for keys;
            ``invalid-parameters``; ``provider-exists``.
    """
    _require_owner(session)
    try:
        sso.client.check(new.issuer)
    except OutgoingRefusedError:
        raise invalid_parameter(
            "body.issuer", "must be an https address without user and fragment"
        ) from None
    if "?" in new.issuer or any(letter.isspace() for letter in new.issuer):
        raise invalid_parameter("body.issuer", "must be an address without query and spaces")
    provider = session.work.identity_providers.add(
        session.tenant.id,
        issuer=new.issuer,
        client_id=new.client_id,
        client_secret=new.client_secret.get_secret_value(),
        default_role=new.default_role,
    )
    if provider is None:
        raise Problem("provider-exists")
    session.work.events.add(
        "identity_provider.added", str(provider.id), tenant_id=session.tenant.id
    )
    return schemas.IdentityProvider.of(provider, sso.redirect_uri(session.tenant.id))


def remove_provider(session: TenantSession, provider_id: str) -> None:
    """Remove a provider; whoever came by it stays a member.

    Raises:
        Problem: ``forbidden`` for all but owners; ``not-found``.
    """
    _require_owner(session)
    try:
        identifier = uuid.UUID(provider_id)
    except ValueError:
        raise Problem("not-found") from None
    if not session.work.identity_providers.remove(session.tenant.id, identifier):
        raise Problem("not-found")
    session.work.events.add(
        "identity_provider.removed", str(identifier), tenant_id=session.tenant.id
    )


def _require_owner(session: TenantSession) -> None:
    """Go on only for an owner who has logged in: a key must not open the door to every account."""
    if session.principal.key_id is not None:
        raise Problem("insufficient-scope", "Providers are set up by people. Log in to do it.")
    session.require("identity:write")
