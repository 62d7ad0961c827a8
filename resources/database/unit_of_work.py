"""The unit of work: one transaction, with every repository at hand.

It commits when its ``with`` block ends well and rolls back when it does not. Nothing else commits.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from resources.database.batch_records import BatchRepository
from resources.database.correction_records import CorrectionRepository
from resources.database.enrichment_choices import (
    DocumentRepository,
    NlpSettingsRepository,
    aspect_lexicons,
    taxonomies,
)
from resources.database.errors import DatabaseUnavailableError
from resources.database.ledger import LedgerRepository
from resources.database.report_records import ReportRepository
from resources.database.schema import TENANT_SETTING, USER_SETTING
from resources.database.snapshot_records import SnapshotRepository
from resources.database.source_records import ImportRepository, SourceRepository, TaskRepository
from resources.database.tenancy import TenantRepository
from resources.database.users import UserRepository


class UnitOfWork:
    """One transaction.

    Attributes:
        tenants: The tenants.
        users: The users and their memberships.
        sources: The sources.
        imports: The files that have landed.
        tasks: The tasks bought from DataForSEO.
        ledger: What every stage did.
        batches: Which batches of a day stages have carried on.
        snapshots: The published snapshots.
        reports: The report requests and documents.
        corrections: What people said of reviews where the models were wrong.
        taxonomies: The topics each tenant looks for.
        lexicons: The aspects each tenant looks for.
        nlp_settings: Which models read each tenant's reviews.
        session: The transaction itself, for what no repository covers.
    """

    tenants: TenantRepository
    users: UserRepository
    sources: SourceRepository
    imports: ImportRepository
    tasks: TaskRepository
    ledger: LedgerRepository
    batches: BatchRepository
    snapshots: SnapshotRepository
    reports: ReportRepository
    corrections: CorrectionRepository
    taxonomies: DocumentRepository
    lexicons: DocumentRepository
    nlp_settings: NlpSettingsRepository

    def __init__(
        self, engine: Engine, *, tenant_id: str | None = None, user_id: uuid.UUID | None = None
    ) -> None:
        self._engine = engine
        self._settings = {
            TENANT_SETTING: tenant_id or "",
            USER_SETTING: "" if user_id is None else str(user_id),
        }
        self.session = Session(engine, expire_on_commit=False)
        event.listen(self.session, "after_begin", self._say_who_asks)
        self.tenants = TenantRepository(self.session)
        self.users = UserRepository(self.session)
        self.sources = SourceRepository(self.session)
        self.imports = ImportRepository(self.session)
        self.tasks = TaskRepository(self.session)
        self.ledger = LedgerRepository(self.session)
        self.batches = BatchRepository(self.session)
        self.snapshots = SnapshotRepository(self.session)
        self.reports = ReportRepository(self.session)
        self.corrections = CorrectionRepository(self.session)
        self.taxonomies = DocumentRepository(self.session, taxonomies)
        self.lexicons = DocumentRepository(self.session, aspect_lexicons)
        self.nlp_settings = NlpSettingsRepository(self.session)

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
        self, _session: Session, _transaction: SessionTransaction, connection: Connection
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


def unavailable(engine: Engine, error: DBAPIError) -> DatabaseUnavailableError:
    """Say which database does not answer, to whom and why, without any password."""
    reason = str(error.orig).strip() or type(error.orig).__name__
    return DatabaseUnavailableError(
        f"The database {engine.url.render_as_string(hide_password=True)} does not answer "
        f"({reason}). See that the server runs and that REVIEWGRAPH_DATABASE_URL is right; if a "
        "role is refused, the database was not set up with this installation's secret key: run "
        "`reviewgraph doctor`."
    )
