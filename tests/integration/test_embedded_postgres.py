"""The embedded PostgreSQL starts, is found, is killed, starts again and stops."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, make_url, text

from resources.database import (
    Database,
    DatabaseSetupError,
    DatabaseUnavailableError,
    EmbeddedServerError,
)
from resources.database.embedded import account as server_account
from resources.database.embedded import server
from resources.database.embedded.server import EmbeddedServer

AS_ROOT = os.geteuid() == 0
only_as_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to run it as somebody else")


@pytest.fixture(scope="module")
def kept_home() -> Iterator[Path]:
    """A home whose server the tests of this module start and stop, set up once."""
    home = Path(tempfile.mkdtemp(prefix="reviewgraph-home-"))
    home.chmod(0o755)
    server.ensure_running(home, durable=False)
    yield home
    server.remove(home)
    shutil.rmtree(home)


@pytest.fixture
def home(kept_home) -> Path:
    """That home, with its server running."""
    server.ensure_running(kept_home, durable=False)
    return kept_home


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home where no server was set up yet."""
    home = Path(tempfile.mkdtemp(prefix="reviewgraph-home-"))
    home.chmod(0o755)
    yield home
    server.remove(home)
    shutil.rmtree(home)


def connect(home: Path) -> psycopg.Connection:
    url = make_url(server.ensure_running(home, durable=False)).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def processes(home: Path) -> list[psutil.Process]:
    return EmbeddedServer.of(home).processes.all()


def postmaster(home: Path) -> psutil.Process:
    found = EmbeddedServer.of(home).processes.parent()
    assert found is not None
    return found


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    """Start the server of a home from another process."""
    script = (
        "import pathlib, sys; from resources.database.embedded import server; "
        "print(server.ensure_running(pathlib.Path(sys.argv[1]), durable=False))"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(home)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_running_server_is_found_again(home):
    first = postmaster(home).pid
    server.ensure_running(home, durable=False)
    assert postmaster(home).pid == first


def test_stopping_leaves_no_process_and_keeps_the_data(home):
    with connect(home) as connection:
        connection.execute("create table if not exists kept as select 1 as number")
    assert server.stop(home) is True
    assert not processes(home)
    assert server.is_running(home) is False
    assert server.stop(home) is False
    with connect(home) as connection:
        assert connection.execute("select number from kept").fetchone() == (1,)


def test_it_listens_on_no_network_address(home):
    assert postmaster(home).net_connections("inet") == []


def test_a_killed_server_starts_again_at_once_with_its_data(home):
    with connect(home) as connection:
        connection.execute("create table if not exists survivor as select 'here' as word")
        connection.execute("checkpoint")
        first = postmaster(home).pid
        os.kill(first, signal.SIGKILL)
    with connect(home) as connection:
        assert connection.execute("select word from survivor").fetchone() == ("here",)
    assert postmaster(home).pid != first


def test_a_busy_connection_that_outlives_a_killed_server_does_not_block_the_next(home):
    with (
        connect(home) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        busy = pool.submit(connection.execute, "select pg_sleep(120)")
        while not any("SELECT" in " ".join(each.cmdline()) for each in processes(home)):
            time.sleep(0.02)
        os.kill(postmaster(home).pid, signal.SIGKILL)
        server.ensure_running(home, durable=False)
        assert isinstance(busy.exception(timeout=30), psycopg.OperationalError)
        assert server.is_running(home)


def test_a_client_killed_at_any_moment_of_the_first_start_breaks_nothing(new_home):
    for patience in (0.4, 0.7, 1.0, 1.3):
        starter = start_elsewhere(new_home)
        time.sleep(patience)
        starter.kill()
        starter.communicate()
    with connect(new_home) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_the_order_of_a_killed_client_may_create_the_database_meanwhile(home):
    one_server = EmbeddedServer.of(home)
    for _ in range(3):
        with psycopg.connect(one_server._address("postgres"), autocommit=True) as connection:
            connection.execute("drop database reviewgraph with (force)")
        with ThreadPoolExecutor(6) as pool:  # the server cannot tell them from dead clients
            orders = [pool.submit(one_server._create_database) for _ in range(6)]
        assert [order.exception() for order in orders] == [None] * 6
        assert one_server.answers()


def test_processes_that_start_it_at_once_share_one_server(new_home):
    starters = [start_elsewhere(new_home) for _ in range(3)]
    answers = [starter.communicate(timeout=60)[0] for starter in starters]
    assert len(set(answers)) == 1
    assert answers[0].startswith("postgresql+psycopg://postgres@/reviewgraph")
    parents = [each for each in processes(new_home) if "-D" in each.cmdline()]
    assert len(parents) == 1


def test_a_pid_file_that_names_a_stranger_is_seen_through(home):
    server.stop(home)
    data = EmbeddedServer.of(home).data
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n\n\n")
    server.ensure_running(home, durable=False)
    assert server.is_running(home)


def test_a_home_deleted_under_its_server_can_be_used_anew(new_home):
    server.ensure_running(new_home, durable=False)
    shutil.rmtree(new_home / "postgres")
    server.ensure_running(new_home, durable=False)
    parents = [each for each in processes(new_home) if "-D" in each.cmdline()]
    assert len(parents) == 1


def test_a_home_too_deep_for_a_socket_works(new_home):
    deep = new_home / "/".join(["a-rather-long-folder-name-with a space"] * 5)
    try:
        with connect(deep) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        socket_folder = EmbeddedServer.of(deep).socket_folder
        assert socket_folder.exists()
    finally:
        server.remove(deep)
    assert not socket_folder.exists()


def test_data_of_another_major_version_is_left_alone_and_named(home):
    server.stop(home)
    mark = EmbeddedServer.of(home).data / "PG_VERSION"
    original = mark.read_text()
    mark.write_text("15\n")
    try:
        with pytest.raises(EmbeddedServerError, match=r"written by PostgreSQL 15.*ships Postg"):
            server.ensure_running(home, durable=False)
    finally:
        mark.write_text(original)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home, monkeypatch):
    server.stop(home)
    monkeypatch.setattr(server, "_PATIENCE_SECONDS", 1.0)
    settings = EmbeddedServer.of(home).data / "postgresql.conf"
    original = settings.read_text()
    settings.write_text(original + "\nno_such_setting = 1\n")
    try:
        with pytest.raises(EmbeddedServerError, match="no_such_setting"):
            server.ensure_running(home, durable=False)
    finally:
        settings.write_text(original)


def test_variables_meant_for_other_servers_do_not_matter(home, monkeypatch):
    server.stop(home)
    for name, value in {"PGPORT": "5999", "PGHOST": "example.org", "PGDATA": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with connect(home) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@only_as_root
def test_a_home_that_only_root_can_enter_stays_closed(new_home, monkeypatch):
    shared = new_home / "shared"
    monkeypatch.setattr(server, "SHARED_FOLDER", shared)
    monkeypatch.setattr(server_account, "SHARED_FOLDER", shared)
    closed = new_home / "closed"
    closed.mkdir(mode=0o700)
    with connect(closed / "home") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "home" / "postgres").resolve().is_relative_to(shared)
    assert server.stop(closed / "home") is True
    server.remove(closed / "home")
    assert list(shared.iterdir()) == []


@only_as_root
def test_programs_that_only_root_can_enter_are_copied_once(new_home, monkeypatch):
    monkeypatch.setattr(server_account, "SHARED_FOLDER", new_home / "shared")
    account = EmbeddedServer.of(new_home).account
    shipped, _ = server_account._shipped_programs()
    copied = server_account._copied_programs(shipped)
    assert copied.is_relative_to(new_home / "shared")
    assert account.run(str(copied / "postgres"), "--version").returncode == 0
    assert account.run(str(copied / "initdb"), "--version").returncode == 0
    assert server_account._copied_programs(shipped) == copied


@only_as_root
def test_another_user_of_the_machine_is_refused_as_the_owner(home):
    entry = pwd.getpwnam("nobody")
    stranger = server_account.Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    found = EmbeddedServer.of(home)
    program = server_account.program_folder(found.account) / "psql"
    words = [f"--host={found.socket_folder}", "--username=postgres", "--command=select 1"]
    done = stranger.run(str(program), *words, server.DATABASE)
    assert done.returncode != 0
    assert "Permission denied" in done.stdout
    found.folder.chmod(0o755)  # were the folder open, the server itself would refuse
    try:
        done = stranger.run(str(program), *words, server.DATABASE)
    finally:
        found.folder.chmod(0o700)
    assert done.returncode != 0
    assert 'authentication failed for user "postgres"' in done.stdout


def test_dagster_s_address_names_psycopg2_and_a_schema_of_its_own(database):
    engine = create_engine(database.dagster_url, poolclass=NullPool)
    assert engine.dialect.driver == "psycopg2"
    with engine.connect() as connection:
        assert connection.scalar(text("show search_path")) == "dagster"
        connection.execute(text("create table proof (id int)"))
        found = connection.scalar(text("select 'dagster.proof'::regclass::text"))
    assert found == "proof"


def test_a_database_of_one_s_own_is_used_instead(database, settings):
    database.migrate()
    assert not (settings.home / "postgres").exists()


def test_an_unreachable_database_is_named_without_its_password(settings):
    settings.database_url = SecretStr("postgresql://ann:top-secret@127.0.0.1:1/somewhere")
    with Database(settings) as database:
        with pytest.raises(DatabaseUnavailableError, match=r"ann:\*\*\*@127.0.0.1:1") as caught:
            database.migrate()
        with pytest.raises(DatabaseUnavailableError) as caught_at_work, database.jobs():
            pytest.fail("there is no database")
    for text_of_error in (str(caught.value), str(caught_at_work.value)):
        assert "top-secret" not in text_of_error
        assert database.jobs_url.split(":")[2].split("@")[0] not in text_of_error
    assert not (settings.home / "postgres").exists()


@pytest.mark.parametrize("address", ["not an address top-secret", "mysql://a:top-secret@b/c"])
def test_an_address_of_something_else_is_refused_without_repeating_it(settings, address):
    settings.database_url = SecretStr(address)
    with pytest.raises(DatabaseSetupError) as caught:
        _ = Database(settings).owner_url
    assert "top-secret" not in str(caught.value)
