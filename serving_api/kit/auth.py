"""Access: who is asking, and what of which tenant they may see.

Every request of a tenant runs in one unit of work: its transaction is bound to that tenant by
row-level security before anything is read, and the membership is the first thing that is read. The
unit of work ends before the answer is sent, so a failed commit can never follow a success.

Whoever asks shows an access token, which belongs to a session, or an API key, which belongs to a
tenant. Both are looked up again in the transaction of every request that gets here: what has just
ended opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from resources.database import Tenant, TenantStatus, UnitOfWork, User
from resources.database.api_keys import PREFIX as API_KEY_PREFIX
from resources.database.users import Role
from resources.vocabulary import is_tenant_id
from serving_api.kit.errors import CHALLENGE, Problem, invalid_parameter
from serving_api.kit.idempotency import CHANGING_METHODS, kept_once
from serving_api.kit.limits import Allowance, of_bearer, of_tenant
from serving_api.kit.parameters import TenantPath
from serving_api.kit.permissions import Permission, permissions_of
from serving_api.kit.services import CurrentServices, Services, services_of
from serving_api.kit.tokens import Principal, invalid_token

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# How many requests may hold a database connection. All limits that routes declare together stay
# within the pool: threads waiting for a connection could keep those who hold one from giving it
# back. tests/unit/test_api_limits.py adds them up.
MAX_CONCURRENT_MEMBERS = 10
MAX_CONCURRENT_USERS = 4

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="access token",
    bearerFormat="JWT",
    description="The `access_token` of `POST /v1/auth/token`, good for 15 minutes, or an API key.",
)


async def current_principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Principal:
    """Who the token or the API key of this request stands for.

    Raises:
        Problem: ``unauthenticated`` without a valid one; ``too-many-requests``.
    """
    if credentials is None:
        raise Problem("unauthenticated", headers={"WWW-Authenticate": CHALLENGE})
    services, shown = services_of(request), credentials.credentials
    if shown.startswith(API_KEY_PREFIX):
        principal = await services.key_checks.principal(shown)
    else:
        await services.keyring.be_current()
        principal = services.tokens.verify(shown)
    request.scope["user_id"] = str(principal.user_id)  # for the log
    if principal.key_id is not None:
        request.scope["key_id"] = str(principal.key_id)
    allowance = of_bearer(principal, services.requests_per_minute)
    await services.allowances.admit((allowance,))
    request.scope["rate_limit"] = services.allowances.headers([allowance])
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


@dataclass(frozen=True)
class UserSession:
    """A request of a user, outside of any tenant.

    Attributes:
        principal: Who the token names.
        user: The same user, read from the database with this request.
        work: The unit of work; it sees the user's own rows and no tenant's.
    """

    principal: Principal
    user: User
    work: UnitOfWork


@dataclass(frozen=True)
class TenantSession:
    """A request of a member of a tenant.

    Attributes:
        principal: Who is asking.
        tenant: The tenant that is asked about.
        role: What the user is there, read from the database with this request.
        work: The unit of work; it sees this tenant's rows and no other's.
        allowances: What this request was taken from.
    """

    principal: Principal
    tenant: Tenant
    role: Role
    work: UnitOfWork
    allowances: tuple[Allowance, ...] = ()

    def require(self, permission: Permission) -> None:
        """Go on only with this permission.

        Raises:
            Problem: ``forbidden`` if the user's role does not hold it; ``insufficient-scope`` if
                the API key was not given it.
        """
        if permission not in permissions_of(self.role):
            raise Problem("forbidden")
        if self.principal.scopes is not None and permission not in self.principal.scopes:
            raise Problem("insufficient-scope", f"The key needs the scope {permission}.")


def serves(*statuses: TenantStatus) -> Callable[[Endpoint], Endpoint]:
    """Declare that an endpoint also works for tenants that are not active.

    Place it below the decorator of the route, so that the router registers what it returns. A
    tenant that is closing can be read by every endpoint; this lets an endpoint change it, too.

    Args:
        *statuses: ``suspended``, ``closing``.
    """

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.serves = frozenset(statuses)  # type: ignore[attr-defined]
        return endpoint

    return declare


def refuse_resting(
    tenant: Tenant, *, served: frozenset[TenantStatus] = frozenset(), is_change: bool = False
) -> None:
    """Go on only for a tenant for which something may be done.

    Args:
        tenant: The tenant.
        served: What :func:`serves` declared.
        is_change: Whether the request would change something.

    Raises:
        Problem: ``tenant-suspended`` or ``tenant-closing``; ``not-found`` for one that has closed.
    """
    if tenant.status == "closed":
        raise Problem("not-found")
    if tenant.status in served:
        return
    if tenant.status == "suspended":
        raise Problem("tenant-suspended")
    if tenant.status == "closing" and is_change:
        raise Problem("tenant-closing")


def user_session(
    request: Request, services: CurrentServices, principal: CurrentPrincipal
) -> Iterator[UserSession]:
    """A unit of work for a user who has logged in.

    Raises:
        Problem: ``unauthenticated`` if the user is gone or no longer active, or the session has
            ended; ``insufficient-scope`` for an API key, which acts within its tenant alone.
    """
    with (
        user_work(services, principal) as (work, user),
        kept_once(request.scope, services.database.keys, work, principal, None),
    ):
        yield UserSession(principal, user, work)


@contextmanager
def user_work(services: Services, principal: Principal) -> Iterator[tuple[UnitOfWork, User]]:
    """As :func:`user_session`, for what is done in threads of its own."""
    if principal.key_id is not None:
        raise Problem("insufficient-scope", "A key acts within its tenant. Log in to do this.")
    with services.database.work(None, user_id=principal.user_id) as work:
        yield work, _active_user(work, principal)


def tenant_session(
    request: Request, services: CurrentServices, principal: CurrentPrincipal, tenant: TenantPath
) -> Iterator[TenantSession]:
    """A unit of work for a member of the tenant in the address.

    Raises:
        Problem: ``not-found`` if there is no such tenant or the user is no member of it, without
            a difference between the two; ``unauthenticated`` as for :func:`user_session`;
            ``tenant-suspended`` and ``tenant-closing``, see :func:`refuse_resting`.
    """
    served: frozenset[TenantStatus] = getattr(request.scope.get("endpoint"), "serves", frozenset())
    is_change = request.method in CHANGING_METHODS
    with (
        member_session(services, principal, tenant, served=served, is_change=is_change) as session,
        kept_once(request.scope, services.database.keys, session.work, principal, tenant),
    ):
        request.scope["rate_limit"] = services.allowances.headers(session.allowances)
        yield session


@contextmanager
def member_session(
    services: Services,
    principal: Principal,
    tenant: str,
    *,
    served: frozenset[TenantStatus] = frozenset(),
    is_change: bool = False,
    is_counted: bool = True,
) -> Iterator[TenantSession]:
    """As :func:`tenant_session`, for requests that release the database before they answer.

    One that looks again on behalf of a request that was counted is not counted once more.
    """
    if not is_tenant_id(tenant) or principal.tenant_id not in {None, tenant}:
        raise Problem("not-found")
    with services.database.work(tenant, user_id=principal.user_id) as work:
        _active_user(work, principal)
        membership = work.users.membership(tenant, principal.user_id)
        record = work.tenants.get(tenant)
        if membership is None or record is None:
            raise Problem("not-found")
        refuse_resting(record, served=served, is_change=is_change)
        allowances = (
            of_bearer(principal, services.requests_per_minute),
            of_tenant(record, services.requests_per_minute),
        )
        # Only now: nobody else's requests may count among those of a tenant.
        if is_counted:
            services.allowances.take(allowances[-1])
        yield TenantSession(principal, record, membership.role, work, allowances)


def only_tenant(services: Services, principal: Principal) -> str:
    """The tenant of a user who belongs to one alone.

    Raises:
        Problem: ``not-found`` for a user without any tenant; ``invalid-parameters`` for one with
            several, who has to name the one that is meant.
    """
    if principal.tenant_id is not None:
        return principal.tenant_id
    with services.database.work(None, user_id=principal.user_id) as work:
        user = _active_user(work, principal)
        tenants = [membership.tenant_id for membership in work.users.memberships(user.id)]
    if not tenants:
        raise Problem("not-found")
    if len(tenants) > 1:
        raise invalid_parameter("query.tenant", "say which one: you belong to several tenants")
    return tenants[0]


def tenants_of_bearer(services: Services, principal: Principal) -> list[str]:
    """The tenants that a key or a user belongs to; whether either still stands is not looked at."""
    if principal.tenant_id is not None:
        return [principal.tenant_id]
    with services.database.work(None, user_id=principal.user_id) as work:
        return [one.tenant_id for one in work.users.memberships(principal.user_id)]


def _active_user(work: UnitOfWork, principal: Principal) -> User:
    """The user who asks, if the session or the key still stands and the user is active."""
    if principal.session_id is not None:
        user = work.sessions.user_of(principal.user_id, principal.session_id)
    else:
        user = _creator_of_key(work, principal)
    if user is None:
        raise invalid_token()
    return user


def _creator_of_key(work: UnitOfWork, principal: Principal) -> User | None:
    if principal.key_id is None or principal.tenant_id is None:
        return None
    key = work.api_keys.usable(principal.tenant_id, principal.key_id)
    user = work.users.get(principal.user_id)
    if key is None or user is None or not user.is_active:
        return None
    work.api_keys.note_use(key)
    return user


# One Depends for all routes: they share its limit. scope="function" ends the unit of work before
# the answer leaves; with the default, a commit that fails would still be answered with success.
AsUser = Annotated[
    UserSession,
    Depends(user_session, scope="function", max_concurrency=MAX_CONCURRENT_USERS),
]
AsMember = Annotated[
    TenantSession,
    Depends(tenant_session, scope="function", max_concurrency=MAX_CONCURRENT_MEMBERS),
]
