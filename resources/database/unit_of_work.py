"""The unit of work: one transaction, with every repository at hand.

It commits when its ``with`` block ends well and rolls back when it does not. Nothing else commits.
"""

from __future__ import annotations

import uuid
from functools import cached_property
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from resources.database.api_keys import ApiKeyRepository
from resources.database.batch_records import BatchRepository
from resources.database.correction_records import CorrectionRepository
from resources.database.enrichment_choices import (
    DocumentRepository,
    NlpSettingsRepository,
    aspect_lexicons,
    taxonomies,
)
from resources.database.erasures import ErasureRepository
from resources.database.errors import DatabaseUnavailableError
from resources.database.event_chain import EventChainRepository
from resources.database.event_records import EventRepository
from resources.database.feature_flags import FeatureFlagRepository
from resources.database.idempotency import IdempotencyRepository
from resources.database.identity_providers import IdentityProviderRepository
from resources.database.import_records import ImportRepository
from resources.database.invitations import InvitationRepository
from resources.database.jobs import JobQueue, MailQueue, SentMails
from resources.database.lasting_keys import LastingKeyRepository
from resources.database.ledger import LedgerRepository
from resources.database.memberships import MemberRepository
from resources.database.one_time_tokens import OneTimeTokenRepository
from resources.database.plan_limits import PlanLimits
from resources.database.rate_limits import RateLimitRepository
from resources.database.report_queue import ReportQueue
from resources.database.report_repository import ReportRepository
from resources.database.report_withdrawals import ReportWithdrawals
from resources.database.schema import (
    ACTOR_SETTING,
    TENANT_SETTING,
    USER_SETTING,
    check_tenant_id,
)
from resources.database.second_factors import SecondFactorRepository
from resources.database.sessions import SessionRepository
from resources.database.signing_keys import SigningKeyRepository
from resources.database.snapshot_records import SnapshotRepository
from resources.database.source_days import SourceDayRepository
from resources.database.source_records import SourceRepository, TaskRepository
from resources.database.tenancy import TenantRepository
from resources.database.tenant_exports import TenantExportRepository
from resources.database.tenant_settings import TenantSettingsRepository
from resources.database.usage_records import UsageRepository
from resources.database.users import UserRepository
from resources.database.workspaces import WorkspaceRepository
from resources.keys import Keys


class UnitOfWork:
    """One transaction.

    Each domain's repository is made when it is first asked for.

    Attributes:
        session: The transaction itself, for what no repository covers.
    """

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        *,
        tenant_id: str | None = None,
        user_id: uuid.UUID | None = None,
        actor: str | None = None,
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._settings = {
            TENANT_SETTING: tenant_id or "",
            USER_SETTING: "" if user_id is None else str(user_id),
            ACTOR_SETTING: actor or "",
        }
        self.session = Session(engine, expire_on_commit=False)
        event.listen(self.session, "after_begin", self._say_who_asks)

    def __enter__(self) -> Self:
        """Begin the transaction.

        Raises:
            DatabaseUnavailableError: If the database does not answer.
        """
        try:
            self.session.connection()
        except DBAPIError as error:
            self.session.close()
            raise unavailable(self._engine, error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.session.commit()
            else:
                self.session.rollback()
        finally:
            self.session.close()

    def _say_who_asks(
        self, _session: Session, _transaction: SessionTransaction | None, connection: Connection
    ) -> None:
        """Set whose rows may be seen, for this transaction only: connections are shared."""
        statement = text(
            "select "
            + ", ".join(
                f"set_config('{name}', :v{i}, true)" for i, name in enumerate(self._settings)
            )
        )
        values = {f"v{i}": value for i, value in enumerate(self._settings.values())}
        connection.execute(statement, values)

    def act_as(self, user_id: uuid.UUID) -> None:
        """Go on for a user who has only now become known: at a log-in, or when registering."""
        self._settings[USER_SETTING] = str(user_id)
        self._say_who_asks(self.session, None, self.session.connection())

    def act_for(self, tenant_id: str) -> None:
        """Go on for a tenant that has only now become known: a new one, or one that invited."""
        self._settings[TENANT_SETTING] = check_tenant_id(tenant_id)
        self._say_who_asks(self.session, None, self.session.connection())

    # The domains --------------------------------------------------------------------------------

    @cached_property
    def tenants(self) -> TenantRepository:
        """The tenants."""
        return TenantRepository(self.session)

    @cached_property
    def users(self) -> UserRepository:
        """The users and their memberships."""
        return UserRepository(self.session)

    @cached_property
    def sessions(self) -> SessionRepository:
        """The log-ins that last."""
        return SessionRepository(self.session)

    @cached_property
    def api_keys(self) -> ApiKeyRepository:
        """What programs show instead of a log-in."""
        return ApiKeyRepository(self.session, self._keys)

    @cached_property
    def signing_keys(self) -> SigningKeyRepository:
        """The keys that sign access tokens."""
        return SigningKeyRepository(self.session, self._keys)

    @cached_property
    def lasting_keys(self) -> LastingKeyRepository:
        """The keys that outlive the installation's secret."""
        return LastingKeyRepository(self.session, self._keys)

    @cached_property
    def one_time_tokens(self) -> OneTimeTokenRepository:
        """What links in mails hold."""
        return OneTimeTokenRepository(self.session, self._keys)

    @cached_property
    def second_factors(self) -> SecondFactorRepository:
        """What users prove themselves with besides their passwords."""
        return SecondFactorRepository(self.session, self._keys)

    @cached_property
    def identity_providers(self) -> IdentityProviderRepository:
        """Where users of tenants log in, and whom they are known as there."""
        return IdentityProviderRepository(self.session, self._keys)

    @cached_property
    def rate_limits(self) -> RateLimitRepository:
        """How often something may happen; take in a unit of work of its own."""
        return RateLimitRepository(self.session)

    @cached_property
    def members(self) -> MemberRepository:
        """Who belongs to the tenants."""
        return MemberRepository(self.session)

    @cached_property
    def invitations(self) -> InvitationRepository:
        """Who is invited to the tenants."""
        return InvitationRepository(self.session)

    @cached_property
    def workspaces(self) -> WorkspaceRepository:
        """The brands, places and teams of the tenants."""
        return WorkspaceRepository(self.session)

    @cached_property
    def tenant_settings(self) -> TenantSettingsRepository:
        """What the tenants chose for themselves."""
        return TenantSettingsRepository(self.session)

    @cached_property
    def limits(self) -> PlanLimits:
        """How much of what their plans limit the tenants have."""
        return PlanLimits(self.session)

    @cached_property
    def flags(self) -> FeatureFlagRepository:
        """What is switched on for whom."""
        return FeatureFlagRepository(self.session)

    @cached_property
    def exports(self) -> TenantExportRepository:
        """The archives of everything that tenants have."""
        return TenantExportRepository(self.session)

    @cached_property
    def sources(self) -> SourceRepository:
        """The sources."""
        return SourceRepository(self.session)

    @cached_property
    def imports(self) -> ImportRepository:
        """The files that have landed."""
        return ImportRepository(self.session)

    @cached_property
    def tasks(self) -> TaskRepository:
        """The tasks bought from DataForSEO."""
        return TaskRepository(self.session)

    @cached_property
    def ledger(self) -> LedgerRepository:
        """What every stage did."""
        return LedgerRepository(self.session)

    @cached_property
    def batches(self) -> BatchRepository:
        """Which batches of a day stages have carried on."""
        return BatchRepository(self.session)

    @cached_property
    def source_days(self) -> SourceDayRepository:
        """What each source gave on each day."""
        return SourceDayRepository(self.session)

    @cached_property
    def usage(self) -> UsageRepository:
        """What each tenant has used."""
        return UsageRepository(self.session)

    @cached_property
    def snapshots(self) -> SnapshotRepository:
        """The published snapshots."""
        return SnapshotRepository(self.session)

    @cached_property
    def reports(self) -> ReportRepository:
        """The report requests and documents."""
        return ReportRepository(self.session)

    @cached_property
    def report_queue(self) -> ReportQueue:
        """The open report requests: who may ask for how much, and whose turn it is."""
        return ReportQueue(self.session)

    @cached_property
    def report_withdrawals(self) -> ReportWithdrawals:
        """Reports that may not be kept."""
        return ReportWithdrawals(self.session)

    @cached_property
    def idempotency(self) -> IdempotencyRepository:
        """Answers by the keys that clients gave."""
        return IdempotencyRepository(self.session)

    @cached_property
    def events(self) -> EventRepository:
        """What has happened, for others to hear of once this transaction has ended well."""
        return EventRepository(self.session)

    @cached_property
    def event_chains(self) -> EventChainRepository:
        """The chains of events, and whether they are whole."""
        return EventChainRepository(self.session)

    @cached_property
    def jobs(self) -> JobQueue:
        """Work for later: done by a worker, once this transaction has ended well."""
        return JobQueue(self.session)

    @cached_property
    def mail(self) -> MailQueue:
        """Mails, sent by a worker once this transaction has ended well."""
        return MailQueue(self.jobs)

    @cached_property
    def sent_mails(self) -> SentMails:
        """Which mails have been sent."""
        return SentMails(self.session)

    @cached_property
    def erasures(self) -> ErasureRepository:
        """The erasures of people who write reviews, and what must stay gone."""
        return ErasureRepository(self.session)

    @cached_property
    def corrections(self) -> CorrectionRepository:
        """What people said of reviews where the models were wrong."""
        return CorrectionRepository(self.session)

    @cached_property
    def taxonomies(self) -> DocumentRepository:
        """The topics each tenant looks for."""
        return DocumentRepository(self.session, taxonomies)

    @cached_property
    def lexicons(self) -> DocumentRepository:
        """The aspects each tenant looks for."""
        return DocumentRepository(self.session, aspect_lexicons)

    @cached_property
    def nlp_settings(self) -> NlpSettingsRepository:
        """Which models read each tenant's reviews."""
        return NlpSettingsRepository(self.session)


def unavailable(engine: Engine, error: DBAPIError) -> DatabaseUnavailableError:
    """Say which database does not answer, to whom and why, without any password."""
    reason = str(error.orig).strip() or type(error.orig).__name__
    return DatabaseUnavailableError(
        f"The database {engine.url.render_as_string(hide_password=True)} does not answer "
        f"({reason}). See that the server runs and that REVIEWGRAPH_DATABASE_URL is right; if a "
        "role is refused, the database was not set up with this installation's secret key: run "
        "`reviewgraph doctor`."
    )
