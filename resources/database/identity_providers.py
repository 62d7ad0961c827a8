"""Identity providers of tenants (OpenID Connect), and the users that they vouch for.

A user of a provider is known by the provider's issuer and the subject in it, for ever; an address
may pass to somebody else. The client's secret is sealed with a key of the installation.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from resources.database.repository import Repository
from resources.database.schema import (
    IDENTITY_SETTING,
    TIMESTAMP,
    created_at,
    metadata,
    one_of,
    tenant_column,
)
from resources.database.users import Role, users
from resources.keys import Keys

ATTEMPT_LIFETIME = timedelta(minutes=10)
"""How long somebody may stay at the provider's page."""

DEFAULT_ROLES: tuple[Role, ...] = ("viewer", "analyst")
_CLIENT_SECRET = "client secret of an identity provider"  # noqa: S105 - the name of a purpose
_ATTEMPT = "attempt to log in at an identity provider"


@dataclass(frozen=True)
class IdentityProvider:
    """Where the users of a tenant log in.

    Attributes:
        id: Random and immutable.
        tenant_id: The tenant.
        issuer: The provider's name for itself, an https address, exactly as it says it.
        client_id: What the provider calls this installation.
        sealed_client_secret: What this installation proves itself with, encrypted.
        default_role: What a user becomes who comes by it for the first time.
        created_at: When it was set up.
    """

    id: uuid.UUID
    tenant_id: str
    issuer: str
    client_id: str
    sealed_client_secret: bytes = field(repr=False)
    default_role: Role
    created_at: datetime


@dataclass(frozen=True)
class TenantDomain:
    """A domain of mail addresses that has been verified to be a tenant's.

    Attributes:
        domain: In small letters; of one tenant alone.
        tenant_id: The tenant.
        created_at: When it was verified.
    """

    domain: str
    tenant_id: str
    created_at: datetime


@dataclass(frozen=True)
class UserIdentity:
    """A user as a provider knows one.

    Attributes:
        issuer: The provider.
        subject: Its name for the user.
        user_id: The user.
        created_at: When the two were linked.
    """

    issuer: str
    subject: str
    user_id: uuid.UUID
    created_at: datetime


@dataclass(frozen=True)
class ProviderAttempt:
    """Somebody who has been sent to a provider and is expected back.

    Attributes:
        state_hash: Of what the provider has to bring back, with which the attempt is found.
        tenant_id: Whose users log in.
        provider_id: The provider.
        sealed: The nonce and the proof for the code, encrypted.
        browser_hash: Of what the browser has to bring back.
        created_at: When it was sent.
        expires_at: Until when it is expected.
        used_at: When it came back.
    """

    state_hash: bytes
    tenant_id: str
    provider_id: uuid.UUID
    sealed: bytes = field(repr=False)
    browser_hash: bytes
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


identity_providers = Table(
    "identity_providers",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("sealed_client_secret", LargeBinary, nullable=False),
    Column("default_role", Text, nullable=False),
    created_at(),
    CheckConstraint(one_of("default_role", DEFAULT_ROLES), name="default_role"),
    UniqueConstraint("tenant_id", "issuer"),
    UniqueConstraint("tenant_id", "id"),
)

tenant_domains = Table(
    "tenant_domains",
    metadata,
    Column("domain", Text, primary_key=True),
    tenant_column(),
    created_at(),
    CheckConstraint("domain = lower(domain)", name="domain_is_lower"),
    Index(None, "tenant_id"),
)

user_identities = Table(
    "user_identities",
    metadata,
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    created_at(),
    PrimaryKeyConstraint("issuer", "subject"),
)

provider_attempts = Table(
    "provider_attempts",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    tenant_column(),
    Column("provider_id", Uuid, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("browser_hash", LargeBinary, nullable=False),
    created_at(),
    Column("expires_at", TIMESTAMP, nullable=False, index=True),
    Column("used_at", TIMESTAMP),
    ForeignKeyConstraint(
        ["tenant_id", "provider_id"],
        ["reviewgraph.identity_providers.tenant_id", "reviewgraph.identity_providers.id"],
        ondelete="CASCADE",
    ),
    Index(None, "tenant_id", "provider_id"),
)


@dataclass(frozen=True)
class IdentityProviderRepository(Repository):
    """The identity providers and domains of tenants, and the users known by them.

    Attributes:
        session: The transaction of the unit of work.
        keys: The installation's keys.
    """

    keys: Keys

    def list(self, tenant_id: str) -> tuple[IdentityProvider, ...]:
        """The tenant's providers, the oldest first."""
        statement = select(identity_providers).where(identity_providers.c.tenant_id == tenant_id)
        return self._all(
            IdentityProvider,
            statement.order_by(identity_providers.c.created_at, identity_providers.c.id),
        )

    def get(self, tenant_id: str, provider_id: uuid.UUID) -> IdentityProvider | None:
        """One provider of the tenant."""
        return self._one(
            IdentityProvider,
            select(identity_providers).where(
                identity_providers.c.tenant_id == tenant_id,
                identity_providers.c.id == provider_id,
            ),
        )

    def add(
        self, tenant_id: str, *, issuer: str, client_id: str, client_secret: str, default_role: Role
    ) -> IdentityProvider | None:
        """Set up a provider; None if the tenant has one of that issuer."""
        provider_id = uuid.uuid4()
        statement = (
            _insert_new(identity_providers)
            .values(
                id=provider_id,
                tenant_id=tenant_id,
                issuer=issuer,
                client_id=client_id,
                sealed_client_secret=self.keys.seal(
                    _CLIENT_SECRET, client_secret.encode(), belongs_to=str(provider_id)
                ),
                default_role=default_role,
            )
            .returning(identity_providers)
        )
        return self._one(IdentityProvider, statement)

    def remove(self, tenant_id: str, provider_id: uuid.UUID) -> bool:
        """Remove a provider; whether there was one. Users whom it brought stay members."""
        statement = delete(identity_providers).where(
            identity_providers.c.tenant_id == tenant_id, identity_providers.c.id == provider_id
        )
        return self._execute(statement.returning(identity_providers.c.id)).first() is not None

    def client_secret_of(self, provider: IdentityProvider) -> str:
        """What this installation proves itself to the provider with."""
        sealed = provider.sealed_client_secret
        return self.keys.unseal(_CLIENT_SECRET, sealed, belongs_to=str(provider.id)).decode()

    def seal_anew(self) -> None:
        """Seal with today's secret key what the previous one sealed, for it to be forgotten."""
        statement = select(identity_providers).with_for_update()
        for row in self._execute(statement).mappings().all():
            sealed, owner = row["sealed_client_secret"], str(row["id"])
            anew = self.keys.sealed_anew(_CLIENT_SECRET, sealed, belongs_to=owner)
            if anew is not None:
                changed = update(identity_providers).where(identity_providers.c.id == row["id"])
                self._execute(changed.values(sealed_client_secret=anew))

    # Domains ------------------------------------------------------------------------------------

    def domains(self, tenant_id: str) -> tuple[TenantDomain, ...]:
        """The domains that have been verified to be the tenant's."""
        statement = select(tenant_domains).where(tenant_domains.c.tenant_id == tenant_id)
        return self._all(TenantDomain, statement.order_by(tenant_domains.c.domain))

    def add_domain(self, tenant_id: str, domain: str) -> TenantDomain | None:
        """Note that a domain is a tenant's; None if it is another one's. For the operator."""
        statement = _insert_new(tenant_domains).values(domain=domain, tenant_id=tenant_id)
        self._execute(statement)
        found = select(tenant_domains).where(
            tenant_domains.c.domain == domain, tenant_domains.c.tenant_id == tenant_id
        )
        return self._one(TenantDomain, found)

    def remove_domain(self, tenant_id: str, domain: str) -> bool:
        """Take a domain back; whether it was the tenant's. For the operator."""
        statement = delete(tenant_domains).where(
            tenant_domains.c.domain == domain, tenant_domains.c.tenant_id == tenant_id
        )
        return self._execute(statement.returning(tenant_domains.c.domain)).first() is not None

    # Users --------------------------------------------------------------------------------------

    def user_known_as(self, issuer: str, subject: str) -> UserIdentity | None:
        """The user whom a provider calls by a subject."""
        self._open_identity(issuer, subject)
        return self._one(
            UserIdentity,
            select(user_identities).where(
                user_identities.c.issuer == issuer, user_identities.c.subject == subject
            ),
        )

    def link(self, issuer: str, subject: str, user_id: uuid.UUID) -> bool:
        """Know a user by a provider's subject from now on; whether nobody was known by it."""
        self._open_identity(issuer, subject)
        statement = (
            _insert_new(user_identities)
            .values(issuer=issuer, subject=subject, user_id=user_id)
            .returning(user_identities.c.user_id)
        )
        return self._execute(statement).first() is not None

    def users_brought_from(self, domain: str) -> tuple[uuid.UUID, ...]:
        """The users of a domain whom a provider has ever brought. For the operator."""
        statement = (
            select(users.c.id)
            .join(user_identities, user_identities.c.user_id == users.c.id)
            .where(func.split_part(users.c.email, "@", 2) == domain)
            .distinct()
        )
        return tuple(self._execute(statement).scalars())

    def _open_identity(self, issuer: str, subject: str) -> None:
        # To the application's role, this opens the row of exactly this subject.
        self._execute(
            text(f"select set_config('{IDENTITY_SETTING}', :identity, true)"),
            {"identity": f"{issuer} {subject}"},
        )

    # Attempts -----------------------------------------------------------------------------------

    def expect(
        self, provider: IdentityProvider, *, state: str, browser: str, secrets: bytes
    ) -> None:
        """Expect somebody back from a provider, and forget whom nobody expects any more."""
        attempts = provider_attempts
        self._execute(
            delete(attempts).where(
                attempts.c.tenant_id == provider.tenant_id, attempts.c.expires_at < func.now()
            )
        )
        self._execute(
            insert(attempts).values(
                state_hash=_hash(state),
                tenant_id=provider.tenant_id,
                provider_id=provider.id,
                sealed=self.keys.seal(_ATTEMPT, secrets, belongs_to=state),
                browser_hash=_hash(browser),
                expires_at=func.now() + ATTEMPT_LIFETIME,
            )
        )

    def welcome(self, tenant_id: str, *, state: str, browser: str) -> ProviderAttempt | None:
        """The attempt that came back, once; None if this browser is not expected with it."""
        attempts = provider_attempts
        statement = (
            update(attempts)
            .where(
                attempts.c.tenant_id == tenant_id,
                attempts.c.state_hash == _hash(state),
                attempts.c.browser_hash == _hash(browser),
                attempts.c.used_at.is_(None),
                attempts.c.expires_at > func.now(),
            )
            .values(used_at=func.now())
        )
        return self._one(ProviderAttempt, statement.returning(attempts))

    def secrets_of(self, attempt: ProviderAttempt, *, state: str) -> bytes:
        """What was kept with an attempt."""
        return self.keys.unseal(_ATTEMPT, attempt.sealed, belongs_to=state)


def _hash(secret: str) -> bytes:
    # These are 256 random bits: nothing to guess, so nothing to slow down.
    return hashlib.sha256(secret.encode()).digest()


def _insert_new(table: Table) -> Insert:
    return postgresql_insert(table).on_conflict_do_nothing()
