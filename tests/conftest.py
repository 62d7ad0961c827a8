"""What tests share: settings of their own, and a real PostgreSQL.

One server runs for the whole session, without waiting for the disk. The tables are migrated once,
into a template; a test's database is a copy of it and is dropped when the test ends.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from resources.database import Database
from resources.database.embedded import server
from resources.settings import Settings

SECRET_KEY = "a key for tests only, the same for all: roles are shared by all databases of a server"
TEMPLATE = "template_reviewgraph"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the variables of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("REVIEWGRAPH_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_java_is_left_running() -> Iterator[None]:
    """End the Java process behind Spark with the tests, not a moment after them."""
    yield
    pyspark = sys.modules.get("pyspark")
    gateway = pyspark and pyspark.SparkContext._gateway
    if gateway:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(60)


def settings_in(home: Path) -> Settings:
    """Settings of an installation in ``home``, and of nothing else."""
    return Settings(_env_file=None, home=home, secret_key=SecretStr(SECRET_KEY), workers=1)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings with a home of their own. ``database`` points them to the test's database."""
    return settings_in(tmp_path / "home")


@dataclass(frozen=True)
class PostgresForTests:
    """The server that runs as long as the tests.

    Attributes:
        server_url: The owner's address of one of its databases.
    """

    server_url: str

    def address(self, database: str) -> str:
        """The owner's address of another database of the server."""
        url = make_url(self.server_url).set(database=database)
        return url.render_as_string(hide_password=False)

    def run_as_owner(self, statement: str) -> None:
        """Execute a statement about databases, which no transaction may surround."""
        url = make_url(self.server_url).set(drivername="postgresql")
        target = url.render_as_string(hide_password=False)
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, settings: Settings, *, template: str = TEMPLATE) -> Iterator[Database]:
        """A database for a while, migrated unless ``template`` says otherwise.

        ``settings.database_url`` leads to it from then on.
        """
        name = f"test_{secrets.token_hex(6)}"
        self.run_as_owner(f"create database {name} template {template} strategy file_copy")
        settings.database_url = SecretStr(self.address(name))
        try:
            with Database(settings) as database:
                yield database
        finally:
            self.run_as_owner(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> Iterator[PostgresForTests]:
    """The server, holding a migrated template; stopped and removed when the tests have ended."""
    home = Path(tempfile.mkdtemp(prefix="reviewgraph-tests-"))
    home.chmod(0o755)  # as root the server runs under another account, which must come in
    try:
        found = PostgresForTests(server.ensure_running(home, durable=False))
        found.run_as_owner(f"create database {TEMPLATE}")
        settings = settings_in(tmp_path_factory.mktemp("template"))
        settings.database_url = SecretStr(found.address(TEMPLATE))
        with Database(settings) as database:
            database.migrate()
        yield found
    finally:
        server.remove(home)
        home.rmdir()


@pytest.fixture
def database(settings, postgres) -> Iterator[Database]:
    """A migrated database of the test's own; ``settings.database_url`` leads to it."""
    with postgres.database(settings) as database:
        yield database


@pytest.fixture(scope="module")
def module_settings(tmp_path_factory) -> Settings:
    """As ``settings``, for all tests of a module together."""
    return settings_in(tmp_path_factory.mktemp("module") / "home")


@pytest.fixture(scope="module")
def module_database(module_settings, postgres) -> Iterator[Database]:
    """As ``database``, for all tests of a module together."""
    with postgres.database(module_settings) as database:
        yield database
