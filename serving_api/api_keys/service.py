"""Making, listing and revoking the API keys of a tenant."""

from __future__ import annotations

import uuid
from datetime import timedelta

from resources.database import api_keys as database
from serving_api.api_keys.schemas import ApiKey, ApiKeys, CreatedApiKey, NewApiKey
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.kit.permissions import Permission, permissions_of

OF_PEOPLE_ALONE: frozenset[Permission] = frozenset(
    {"keys:write", "tenant:close", "tenant:transfer"}
)
"""What no key may do: make keys that outlive it, and give the tenant away."""


def create_key(session: TenantSession, wanted: NewApiKey) -> CreatedApiKey:
    """Make a key that may do no more than who makes it.

    Raises:
        Problem: ``forbidden`` for a member whose role may not make keys; ``insufficient-scope``
            for a key; ``invalid-parameters`` for scopes that go further than the role, or that no
            key can have; ``too-many-keys``.
    """
    _require_person(session)
    _require_own(session, wanted.scopes)
    keys = session.work.api_keys
    if keys.count_usable(session.tenant.id) >= database.MAX_LIVING:
        raise Problem("too-many-keys")
    key, shown = keys.create(
        session.tenant.id,
        session.principal.user_id,
        name=wanted.name,
        scopes=wanted.scopes,
        lifetime=timedelta(days=wanted.expires_in_days),
    )
    session.work.events.add(
        "key.created",
        str(key.id),
        tenant_id=session.tenant.id,
        data={"scopes": list(key.scopes)},
    )
    return CreatedApiKey(**_key(key).model_dump(), key=shown)


def list_keys(session: TenantSession) -> ApiKeys:
    """The keys of the tenant."""
    session.require("keys:read")
    return ApiKeys(items=[_key(key) for key in session.work.api_keys.list(session.tenant.id)])


def revoke_key(session: TenantSession, key_id: str) -> None:
    """Let a key work no longer, from now on.

    Raises:
        Problem: ``forbidden``, ``insufficient-scope``; ``not-found`` if the tenant has no such key.
    """
    _require_person(session)
    try:
        identifier = uuid.UUID(key_id)
    except ValueError:
        raise Problem("not-found") from None
    key = None
    if str(identifier) == key_id:  # one spelling only
        by = session.principal.user_id
        key = session.work.api_keys.revoke(session.tenant.id, identifier, by=by)
    if key is None:
        raise Problem("not-found")
    session.work.events.add("key.revoked", str(key.id), tenant_id=session.tenant.id)


def _require_person(session: TenantSession) -> None:
    if session.principal.key_id is not None:
        raise Problem("insufficient-scope", "Keys are made and revoked by people. Log in to do it.")
    session.require("keys:write")


def _require_own(session: TenantSession, scopes: list[Permission]) -> None:
    wanted = set(scopes)
    if forbidden := sorted(wanted & OF_PEOPLE_ALONE):
        raise invalid_parameter("body.scopes", f"no key can have {', '.join(forbidden)}")
    if beyond := sorted(wanted - permissions_of(session.role)):
        raise invalid_parameter("body.scopes", f"your role does not hold {', '.join(beyond)}")


def _key(key: database.ApiKey) -> ApiKey:
    return ApiKey(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
