"""An installation opened by several processes, and one that cannot be opened."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pipelines.definitions import build_resources
from pipelines.launch import prepare_environment
from pipelines.session import open_session
from resources.database.embedded import server
from resources.errors import ReviewGraphError
from resources.home import HomeError
from resources.settings import PROJECT_ROOT, Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", _env_file=None)


def test_an_error_reaches_the_caller_while_another_session_is_open(settings):
    with open_session(settings):
        with pytest.raises(ReviewGraphError, match="on purpose"), open_session(settings):
            raise ReviewGraphError("on purpose")
        assert server.is_running(settings.home)
    assert not server.is_running(settings.home)


def test_a_command_beside_another_one_says_what_is_wrong_and_fails(settings):
    with open_session(settings):
        answer = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "status", "--tenant", "nosuch"],
            cwd=PROJECT_ROOT,
            env={**os.environ, "REVIEWGRAPH_HOME": str(settings.home)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert answer.returncode == 1
    assert "nosuch" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_server_stops_when_the_last_session_ends(settings):
    with open_session(settings):
        assert server.is_running(settings.home)
    assert not server.is_running(settings.home)


def test_a_home_that_is_a_file_is_said_in_one_sentence(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    with (
        pytest.raises(HomeError, match="REVIEWGRAPH_HOME"),
        open_session(Settings(home=tmp_path / "home", _env_file=None)),
    ):
        pass


def test_dagster_never_meets_half_a_configuration(settings):
    whole = (PROJECT_ROOT / "dagster.yaml").read_bytes()
    seen: set[bytes] = set()
    with open_session(settings) as session:
        prepare_environment(session)
        target = settings.home / "dagster" / "dagster.yaml"
        stop = threading.Event()

        def watch():
            while not stop.is_set():
                seen.add(target.read_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(200):
            prepare_environment(session)
        stop.set()
        watcher.join()
    assert seen == {whole}


def test_a_session_opens_each_store_once_and_hands_it_to_the_graph(settings):
    with open_session(settings) as session:
        assert session.resources == {
            "database": session.database,
            "lake": session.lake,
            "objects": session.objects,
            "snapshots": session.snapshots,
        }
        assert session.lake is session.lake
        assert build_resources(settings, session.resources)["lake"] is session.lake
