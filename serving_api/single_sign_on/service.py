"""Sending somebody to a tenant's provider, and taking in whoever comes back."""

from __future__ import annotations

import json
import logging
import secrets
import uuid
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from resources.database import Database, UnitOfWork, User
from resources.database.identity_providers import (
    IdentityProvider,
    IdentityProviderRepository,
)
from resources.logs import fields
from resources.outgoing import OutgoingClient
from resources.vocabulary import is_tenant_id
from serving_api.identity.passwords import PasswordChecks
from serving_api.identity.schemas import CodeNeeded, LoggedIn
from serving_api.identity.service import ask_for_code, begin_session, tell
from serving_api.kit.auth import refuse_resting
from serving_api.kit.errors import Problem
from serving_api.sessions.sign_ins import Client, SignIns
from serving_api.single_sign_on import provider as protocol
from serving_api.single_sign_on.provider import (
    Identity,
    ProviderError,
    ProviderUnavailableError,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Departure:
    """Somebody who is sent to a provider.

    Attributes:
        address: Where.
        browser: What the browser has to bring back in a cookie.
    """

    address: str
    browser: str


@dataclass(frozen=True)
class Return:
    """Somebody who comes back from a provider, by what the address and the cookie say.

    Attributes:
        tenant: Whose provider it was.
        browser: What the browser was given.
        state: What the provider was given.
        code: What the provider gave, to be exchanged.
        issuer: Who the provider says it is, if it does.
    """

    tenant: str
    browser: str | None
    state: str | None
    code: str | None
    issuer: str | None


@dataclass(frozen=True)
class SingleSignOn:
    """Logging in at tenants' providers.

    Attributes:
        passwords: Where what concerns a log-in waits for its turn at the database.
        sign_ins: Begins sessions.
        client: Asks providers.
        site: Where this installation is reached.
    """

    passwords: PasswordChecks
    sign_ins: SignIns
    client: OutgoingClient
    site: str

    @property
    def _database(self) -> Database:
        return self.passwords.database

    def redirect_uri(self, tenant: str) -> str:
        """Where a tenant's providers send people back; another address for each tenant."""
        return f"{self.site.rstrip('/')}/v1/auth/sso/{tenant}/callback"

    async def depart(self, tenant: str, provider_id: uuid.UUID | None, client: Client) -> Departure:
        """Send somebody to a tenant's provider.

        Raises:
            Problem: ``not-found`` if there is no such tenant or provider; ``tenant-suspended``;
                ``provider-refused``; ``provider-unavailable``; ``provider-down``;
                ``too-many-requests``.
        """
        if not is_tenant_id(tenant):
            raise Problem("not-found")
        whose = f"sso {client.address}"
        provider = await self.passwords.run(
            whose, lambda: self._provider(tenant, provider_id, client)
        )
        try:
            metadata = await protocol.discover(self.client, provider.issuer)
        except ProviderError as error:
            raise _refusal(tenant, error) from None
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        kept = json.dumps({"nonce": nonce, "verifier": verifier}).encode()

        def expect() -> None:
            with self._database.work(tenant) as work:
                work.identity_providers.expect(provider, state=state, browser=browser, secrets=kept)

        await self.passwords.run(whose, expect)
        address = protocol.address_to_log_in(
            metadata,
            client_id=provider.client_id,
            redirect_uri=self.redirect_uri(tenant),
            state=state,
            nonce=nonce,
            verifier=verifier,
        )
        return Departure(address, browser)

    async def come_back(self, arrival: Return, client: Client) -> LoggedIn | CodeNeeded:
        """Log in whoever comes back from a provider that vouches for one.

        Raises:
            Problem: ``provider-refused`` for everything that is not as it must be;
                ``provider-unavailable``; ``provider-down``; ``too-many-requests``;
                ``tenant-suspended`` or ``not-found`` if the tenant is suspended or closed by now,
                and ``tenant-closing`` for who is new while it closes.
            LimitReachedError: If the plan has no seat left for who is new.
        """
        whose = f"sso {client.address}"
        try:
            provider, secret, kept = await self.passwords.run(
                whose, lambda: self._expected(arrival)
            )
            identity = await self._identity(provider, secret, kept, arrival)
            user, needs_code = await self.passwords.run(
                whose, lambda: self._user_of(provider, identity)
            )
        except ProviderError as error:
            raise _refusal(arrival.tenant, error) from None
        if needs_code:
            return ask_for_code(self._database, user)
        return await begin_session(self._database, self.sign_ins, user, client)

    def _provider(
        self, tenant: str, provider_id: uuid.UUID | None, client: Client
    ) -> IdentityProvider:
        self.passwords.limits.departure(client.address)
        with self._database.work(tenant) as work:
            found = work.identity_providers.list(tenant)
            if found:
                refuse_resting(work.tenants.require(tenant))
        for provider in found:
            if provider_id in {None, provider.id}:
                return provider
        raise Problem("not-found")

    def _expected(self, arrival: Return) -> tuple[IdentityProvider, str, dict[str, str]]:
        """The provider of an attempt, its client secret, and what was kept; once."""
        if not is_tenant_id(arrival.tenant) or not arrival.browser or not arrival.state:
            raise ProviderError("nobody is expected")
        with self._database.work(arrival.tenant) as work:
            providers = work.identity_providers
            attempt = providers.welcome(
                arrival.tenant, state=arrival.state, browser=arrival.browser
            )
            if attempt is None:
                raise ProviderError("nobody is expected")
            provider = providers.get(arrival.tenant, attempt.provider_id)
            if provider is None:
                raise ProviderError("the provider was removed")
            secret = providers.client_secret_of(provider)
            kept = json.loads(providers.secrets_of(attempt, state=arrival.state))
        return provider, secret, kept

    async def _identity(
        self, provider: IdentityProvider, secret: str, kept: dict[str, str], arrival: Return
    ) -> Identity:
        metadata = await protocol.discover(self.client, provider.issuer)
        if arrival.issuer is None and metadata.names_itself:
            raise ProviderError("the provider did not name itself")
        if arrival.issuer not in {None, provider.issuer}:
            raise ProviderError("another provider sent somebody back")
        if not arrival.code:
            raise ProviderError("no code was given")
        token = await protocol.exchange(
            self.client,
            metadata,
            client_id=provider.client_id,
            client_secret=secret,
            code=arrival.code,
            redirect_uri=self.redirect_uri(provider.tenant_id),
            verifier=kept["verifier"],
        )
        return await protocol.identify(
            self.client, metadata, token, client_id=provider.client_id, nonce=kept["nonce"]
        )

    def _user_of(self, provider: IdentityProvider, identity: Identity) -> tuple[User, bool]:
        """The user whom an identity is of, and whether a code is asked for as well."""
        with self._database.work(provider.tenant_id) as work:
            providers = work.identity_providers
            if providers.get(provider.tenant_id, provider.id) is None:
                raise ProviderError("the provider was removed")
            tenant = work.tenants.require(provider.tenant_id)
            refuse_resting(tenant)
            known = providers.user_known_as(identity.issuer, identity.subject)
            if known is None:
                refuse_resting(tenant, is_change=True)
                user = _take_in(work, provider, identity)
            else:
                work.act_as(known.user_id)
                user = work.users.get(known.user_id)
            if user is None or not user.is_active:
                raise ProviderError("the user is not active")
            # Every time, and of the account's own address: any tenant may name any issuer, and a
            # domain that was taken back opens the accounts of its addresses to nobody.
            _require_domain_of_tenant(providers, provider, user.email)
            return user, work.second_factors.is_asked_of(user.id)


def _take_in(work: UnitOfWork, provider: IdentityProvider, identity: Identity) -> User | None:
    """Know an identity from now on: as the user of its address, or as a new one.

    Raises:
        ProviderError: If the address is not verified, or of no domain of the tenant's.
        LimitReachedError: If the tenant's plan has no seat left for somebody new.
    """
    email = _address_of_tenant(work.identity_providers, provider, identity)
    user = work.users.by_email(email)
    if user is None:
        user = work.users.add(email, identity.name or email.partition("@")[0], None)
        if user is None:
            raise ProviderError("the address was taken a moment ago")
        work.act_as(user.id)
        tell(work, "user.registered", user.id, provider=str(provider.id))
    elif not user.is_active:
        raise ProviderError("the user is not active")
    work.act_as(user.id)
    if user.email_verified_at is None:
        # Whoever registered the address has never shown that it is theirs.
        work.users.claim(user.id, identity.name or user.name, None)
        work.users.mark_verified(user.id)
        work.one_time_tokens.revoke_all(user.id)
    if not work.identity_providers.link(identity.issuer, identity.subject, user.id):
        raise ProviderError("the subject was linked a moment ago")
    tell(work, "identity.linked", user.id, provider=str(provider.id))
    _make_member(work, provider, user)
    return user


def _make_member(work: UnitOfWork, provider: IdentityProvider, user: User) -> None:
    """Let a user who comes for the first time belong to the tenant, with a seat of its plan.

    Who was removed stays removed, whatever new subject the provider knows the user by.

    Raises:
        LimitReachedError: If the plan has no seat left.
    """
    tenant_id, role = provider.tenant_id, provider.default_role
    work.members.take_turns(tenant_id)
    if work.users.membership(tenant_id, user.id) is not None:
        return
    if work.members.was_removed(tenant_id, user.id):
        return
    work.users.add_membership(tenant_id, user.id, role)
    work.events.add(
        "membership.added",
        str(user.id),
        tenant_id=tenant_id,
        data={"role": role, "provider": str(provider.id)},
    )


def _address_of_tenant(
    providers: IdentityProviderRepository, provider: IdentityProvider, identity: Identity
) -> str:
    if identity.email is None:
        raise ProviderError("the address is not verified")
    try:
        address = validate_email(identity.email, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise ProviderError("the address is none") from None
    _require_domain_of_tenant(providers, provider, address)
    return address


def _require_domain_of_tenant(
    providers: IdentityProviderRepository, provider: IdentityProvider, address: str
) -> None:
    domains = {domain.domain for domain in providers.domains(provider.tenant_id)}
    if address.rpartition("@")[2] not in domains:
        raise ProviderError("the address is of no domain of the tenant")


def _refusal(tenant: str, error: ProviderError) -> Problem:
    logger.warning("provider refused", extra=fields(tenant=tenant, reason=str(error)))
    if not isinstance(error, ProviderUnavailableError):
        return Problem("provider-refused")
    if error.retry_after is None:
        return Problem("provider-unavailable")
    return Problem("provider-down", headers={"Retry-After": str(error.retry_after)})
