"""What tests share: settings of their own, a real PostgreSQL, and how they are dealt to workers.

One server runs for the whole session and all its workers, without waiting for the disk. The tables
are migrated once, into a template; a test's database is a copy of it and is dropped when the test
ends.

Under ``pytest -n`` the tests of a file stay together, because they share what was expensive to set
up. So do the tests of one ``xdist_group``, whatever their files; those that need Spark are one, for
a Java process takes seconds to start and a gigabyte to keep.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

from resources.database import Database
from resources.database.embedded import server
from resources.metrics.compiling import prepare_marts
from resources.settings import Settings
from resources.telemetry import breakers

SECRET_KEY = "a key for tests only, the same for all: roles are shared by all databases of a server"
TEMPLATE = "template_reviewgraph"
POSTGRES_HOME = pytest.StashKey[Path]()
# What takes longest starts first, so that no worker sits idle while another ends a long scenario.
FOLDERS_BY_LENGTH = ("scenarios", "integration", "browser", "unit", "security", "contract")

# Counting the lines that run takes as long as running them; further cases of a test add few.
MAX_COUNTED_CASES = 3

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("reviewgraph", deadline=None)
hypothesis.settings.load_profile("reviewgraph")


class FilesTogether(LoadGroupScheduling):
    """Deals whole groups to the workers; a test without a group is in that of its file."""

    def _split_scope(self, nodeid: str) -> str:
        return super()._split_scope(nodeid).split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    """Deal tests to workers by ``FilesTogether``; the groups come with ``--dist=loadgroup``."""
    return FilesTogether(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time make the long scenarios longer."""
    group = parser.getgroup("reviewgraph", "lengths of the long scenarios")
    group.addoption("--kills", type=int, default=4, help="how often a run is killed at random")
    group.addoption("--examples", type=int, default=5, help="requests to each operation")
    group.addoption(
        "--operations", type=int, default=100, help="how many operations a random walk makes"
    )
    group.addoption("--rows", type=int, default=2_000, help="reviews that two engines must match")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what needs Spark on one worker, and let workers begin with what takes longest."""
    cases: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.xdist_group("spark"))
        name = item.nodeid.partition("[")[0]
        cases[name] += 1
        if cases[name] > MAX_COUNTED_CASES:
            item.add_marker(pytest.mark.no_cover)
    if is_worker(config):
        folders = {name: place for place, name in enumerate(FOLDERS_BY_LENGTH)}
        items.sort(key=lambda item: folders.get(item.path.parent.name, len(folders)))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for another one, which deals them out."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Choose where the PostgreSQL server will live, and have the marts compiled once for all.

    No server is started before a test needs it.
    """
    if is_worker(config):
        config.stash[POSTGRES_HOME] = Path(config.workerinput["postgres_home"])
        # A worker has no main module; pyspark takes that for a doctest and may end the process.
        sys.modules["__main__"].__spec__ = find_spec("pytest.__main__")
        return
    prepare_marts()
    # Java lives for minutes here. Compiling its code once, quickly, takes half the processor time
    # of compiling it again and better.
    os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    home = Path(tempfile.mkdtemp(prefix="reviewgraph-tests-"))
    home.chmod(0o755)  # as root the server runs under another account, which must come in
    config.stash[POSTGRES_HOME] = home


def pytest_configure_node(node: WorkerController) -> None:
    """Tell a new worker where the server lives."""
    node.workerinput["postgres_home"] = str(node.config.stash[POSTGRES_HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop and remove the server after the last test of the last worker."""
    if not is_worker(config):
        home = config.stash[POSTGRES_HOME]
        if any(home.iterdir()):
            server.remove(home)
        home.rmdir()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[dict[str, str]]:
    """Keep the variables of whoever runs the tests out of them; gives those that are left."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("REVIEWGRAPH_"):
                patch.delenv(name)
        yield dict(os.environ)


@pytest.fixture(scope="module", autouse=True)
def _environment_ends_with_the_module(
    _no_settings_from_outside: dict[str, str],
) -> Iterator[None]:
    """Take back the variables of a module: what starts a run tells it to its children in them.

    What is made for the whole session is made before a module begins, and tells things too.
    """
    yield
    os.environ.clear()
    os.environ.update(_no_settings_from_outside)


@pytest.fixture(autouse=True)
def _every_service_is_well() -> None:
    """Let no failure of one test keep another from calling the same service."""
    breakers._breakers.clear()


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
    return Settings(
        _env_file=None,
        home=home,
        secret_key=SecretStr(SECRET_KEY),
        workers=1,
        requests_per_minute=1_000_000,  # tests of the limit set one of their own
    )


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
        with self._connect() as connection:
            connection.execute(statement.encode())

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        url = make_url(self.server_url).set(drivername="postgresql")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def ensure_template(self, settings: Settings) -> None:
        """Make the migrated template; whoever comes second waits for it and finds it."""
        is_complete = f"select true from pg_database where datname = '{TEMPLATE}' and datistemplate"
        with self._connect() as connection:
            connection.execute("select pg_advisory_lock(1)")
            if connection.execute(is_complete.encode()).fetchone():
                return
            connection.execute(f"create database {TEMPLATE}".encode())
            settings.database_url = SecretStr(self.address(TEMPLATE))
            with Database(settings) as database:
                database.migrate()
            connection.execute(f"alter database {TEMPLATE} is_template true".encode())

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
def postgres(pytestconfig, tmp_path_factory) -> PostgresForTests:
    """The server, holding a migrated template; it is shared by the workers and outlives them."""
    found = PostgresForTests(
        server.ensure_running(pytestconfig.stash[POSTGRES_HOME], durable=False)
    )
    found.ensure_template(settings_in(tmp_path_factory.mktemp("template")))
    return found


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
