"""The embedded PostgreSQL is back by itself when it was killed, for as long as anybody needs it."""

from __future__ import annotations

import shutil
import time

import pytest

from pipelines.session import open_session
from resources.database import EmbeddedServerError
from resources.database.embedded import server
from resources.database.embedded.guard import kept_running
from resources.database.embedded.server import EmbeddedServer
from resources.settings import Settings
from tests.running_up import until


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    yield home
    server.remove(home)


def test_a_killed_server_is_back_without_a_command_and_its_clients_recover(home):
    with open_session(Settings(home=home, _env_file=None)) as session:
        with session.database.jobs() as work:
            work.tenants.create("acme", "Acme")
        for _ in range(2):
            parent = EmbeddedServer.of(home).processes.parent()
            parent.kill()
            until(lambda: server.is_running(home), seconds=30, what="it answers again")
            assert EmbeddedServer.of(home).processes.parent().pid != parent.pid
            with session.database.jobs() as work:
                assert work.tenants.require("acme").name == "Acme"
    assert not server.is_running(home)


def test_a_server_that_was_told_to_stop_is_back_while_it_is_needed(home):
    server.ensure_running(home, durable=False)
    with kept_running(home, durable=False):
        assert server.stop(home)
        until(lambda: server.is_running(home), seconds=30, what="it answers again")
    assert server.stop(home)
    time.sleep(1)
    assert not server.is_running(home)


def test_a_home_that_is_removed_while_in_use_is_not_made_anew(home):
    server.ensure_running(home, durable=False)
    with kept_running(home, durable=False):
        server.remove(home)
        shutil.rmtree(home)
        time.sleep(1)
        assert not home.exists()
    with pytest.raises(EmbeddedServerError, match="removed"), kept_running(home):
        pass
