"""The application's database: where it is, how it is brought up to date, how work is done on it."""

from __future__ import annotations

import uuid
from functools import cached_property
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from resources.database.embedded import server
from resources.database.errors import DatabaseSetupError
from resources.database.migrations import upgrade
from resources.database.roles import ensure_roles, role_password
from resources.database.schema import APP_ROLE, DAGSTER_SCHEMA, JOBS_ROLE, check_tenant_id
from resources.database.unit_of_work import UnitOfWork, unavailable
from resources.keys import KeptKeys, Keys
from resources.settings import Settings

_CONNECT_SECONDS = 5
_MIGRATION_LOCK = 7_291_543_046  # any number, as long as nobody else takes it


class Database:
    """One installation's database: PostgreSQL at ``settings.database_url``, else the embedded one.

    Making the object costs nothing; the embedded server is started when an address is first needed.
    ``close`` gives back the connections and leaves the server running; ``server.stop`` ends that.

    Attributes:
        settings: The installation's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "embedded" if self.settings.database_url is None else "external"
        return f"Database({where})"

    # Addresses ----------------------------------------------------------------------------------

    @cached_property
    def _owner(self) -> URL:
        if self.settings.database_url is None:
            return make_url(server.ensure_running(self.settings.home))
        try:
            url = make_url(self.settings.database_url.get_secret_value())
        except ArgumentError:
            url = None
        if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
            raise DatabaseSetupError(
                "REVIEWGRAPH_DATABASE_URL is not the address of a PostgreSQL database. It looks "
                "like postgresql://user:password@host:5432/database"
            )
        return url.set(drivername="postgresql+psycopg")

    def _as_role(self, role: str) -> URL:
        password = role_password(self.keys, role)
        return self._owner.set(username=role, password=password)

    @property
    def owner_url(self) -> str:
        """Address of the tables' owner, who migrates and nothing else (psycopg 3)."""
        return _spell(self._owner)

    @property
    def app_url(self) -> str:
        """Address of the application's role, which sees one tenant at a time (psycopg 3)."""
        return _spell(self._as_role(APP_ROLE))

    @property
    def jobs_url(self) -> str:
        """Address of the graph's role, which works for all tenants (psycopg 3)."""
        return _spell(self._as_role(JOBS_ROLE))

    @property
    def dagster_url(self) -> str:
        """Address for Dagster's own tables, in a schema of their own.

        It names psycopg2: Dagster's event log does not work with psycopg 3. Its commits do not wait
        for the disk: a run makes hundreds of them, one for each event, and what became of the
        reviews stands in the ledger, whose commits do wait. A power failure may cost the event log
        its last moment, and never its order or its integrity.
        """
        url = self._owner.set(drivername="postgresql+psycopg2")
        given = url.query.get("options", "")
        options = f"{given} -csearch_path={DAGSTER_SCHEMA} -csynchronous_commit=off".strip()
        return _spell(url.update_query_dict({"options": options}))

    @cached_property
    def keys(self) -> Keys:
        """The keys derived from the installation's secret, and those that outlive it."""
        previous = self.settings.secret_key_previous
        return Keys(
            self.settings.signing_key,
            None if previous is None else previous.get_secret_value(),
            kept=self._lasting_keys,
        )

    def _lasting_keys(self) -> KeptKeys:
        with self.work(None) as work:
            return work.lasting_keys.known()

    # Work ---------------------------------------------------------------------------------------

    def work(
        self,
        tenant_id: str | None,
        *,
        user_id: uuid.UUID | None = None,
        actor: str | None = None,
    ) -> UnitOfWork:
        """A transaction of the application, behind the wall of one tenant.

        Args:
            tenant_id: The tenant; with None only what belongs to the user is seen, and what
                logging in needs.
            user_id: The user on whose behalf it works.
            actor: Who acts, as its events tell, where that is not the user: ``key:`` and an id.
        """
        if tenant_id is not None:
            check_tenant_id(tenant_id)
        return UnitOfWork(
            self._app_engine, self.keys, tenant_id=tenant_id, user_id=user_id, actor=actor
        )

    def jobs(self) -> UnitOfWork:
        """A transaction of the graph or the command line, for all tenants."""
        return UnitOfWork(self._jobs_engine, self.keys)

    def limits(self) -> UnitOfWork:
        """A transaction of the application that counts and does nothing else.

        It has connections of its own: who counts may hold another one already, and must not wait
        for those who wait for it.
        """
        return UnitOfWork(self._limits_engine, keys=self.keys)

    @cached_property
    def _limits_engine(self) -> Engine:
        return self._pool(APP_ROLE, size=2, more=0)

    @cached_property
    def _app_engine(self) -> Engine:
        return self._pool(APP_ROLE)

    @cached_property
    def _jobs_engine(self) -> Engine:
        return self._pool(JOBS_ROLE)

    def _pool(self, role: str, *, size: int = 5, more: int = 28) -> Engine:
        engine = create_engine(
            self._as_role(role),
            hide_parameters=True,  # an error's message may be logged, and would quote people
            pool_pre_ping=True,  # the server may have been restarted since it was last used
            pool_size=size,
            max_overflow=more,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
        )
        if self.settings.traces_endpoint is not None:
            from resources.telemetry.watching import watch_statements

            watch_statements(engine)
        return engine

    def close(self) -> None:
        """Give back all connections. The object can be used again afterwards."""
        for name in ("_app_engine", "_jobs_engine", "_limits_engine"):
            engine = self.__dict__.pop(name, None)
            if engine is not None:
                engine.dispose()

    # Care ---------------------------------------------------------------------------------------

    def migrate(self) -> None:
        """Bring roles, schemas, tables and the keys that outlive the secret up to date.

        Safe to repeat, and safe to call from several processes at once: one of them works, the
        others wait for it.

        Raises:
            DatabaseUnavailableError: If the database does not answer.
            DatabaseSetupError: If the owner lacks a privilege, or another program holds a table.
        """
        engine = create_engine(
            self._owner, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS}
        )
        try:
            connection = engine.connect()
        except OperationalError as error:
            raise unavailable(engine, error) from None
        with connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            # Held until the connection closes, so that a killed migration frees it too.
            connection.execute(text(f"select pg_advisory_lock({_MIGRATION_LOCK})"))
            ensure_roles(connection, self.keys)
            try:
                upgrade(engine)
            except DBAPIError as error:
                reason = str(error.orig).strip()
                raise DatabaseSetupError(
                    f"The database {engine.url.render_as_string(hide_password=True)} could not be "
                    f"brought up to date ({reason}). Nothing was changed. If another program holds "
                    "a lock, stop it and try again; if a privilege is missing, let the user of "
                    "REVIEWGRAPH_DATABASE_URL own the database."
                ) from error
            with self.jobs() as work:
                work.lasting_keys.ensure()

    def version(self) -> str:
        """The server's version, as proof that the application's role can log in.

        Raises:
            DatabaseUnavailableError: If it cannot.
        """
        with self.work(None) as work:
            return str(work.session.scalar(text("show server_version")))


def _spell(url: URL) -> str:
    return url.render_as_string(hide_password=False)
