"""Servers under a supervisor: those that die, that keep dying, and that a dead supervisor left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pipelines import supervisor as supervising
from pipelines.supervisor import ServerDiedError, Supervisor
from resources.settings import PROJECT_ROOT
from tests.running_up import until

SLEEP = [sys.executable, "-c", "import time; print('at work', flush=True); time.sleep(600)"]
DIE = [sys.executable, "-c", "import sys; print('out of paper'); sys.exit(3)"]
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""
WITH_A_CHILD = [sys.executable, "-c", PARENT]
SUPERVISE = """
import sys, time
from pathlib import Path
from pipelines.supervisor import Supervisor
with Supervisor(Path(sys.argv[1]), {}) as one:
    one.start("sleeper", sys.argv[2:], cwd=Path(sys.argv[1]))
    print("started", flush=True)
    time.sleep(600)
"""


@contextmanager
def watched(one: Supervisor):
    """Watch in another thread; yields what was said, and ends with the block."""
    said: list[str] = []
    is_over = threading.Event()

    def say(sentence: str) -> None:
        said.append(sentence)

    def watch() -> None:
        while not is_over.wait(0.05):
            for server in one.servers:
                one._keep_running(server, say)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield said
    finally:
        is_over.set()
        thread.join()


def test_a_server_that_is_killed_runs_again_and_keeps_its_log(tmp_path):
    with Supervisor(tmp_path / "logs", {}) as one:
        server = one.start("sleeper", SLEEP, cwd=tmp_path)
        until(lambda: "at work" in server.log.read_text(), seconds=20, what="it works")
        first = server.process
        with watched(one) as said:
            first.kill()
            until(
                lambda: server.log.read_text().count("at work") == 2,
                seconds=30,
                what="it works again",
            )
        assert server.process.pid != first.pid
        (sentence,) = said
        assert "sleeper ended by signal 9" in sentence
        assert "1 of at most" in sentence
        assert str(server.log) in sentence
    assert server.process.poll() is not None


def test_one_that_keeps_dying_ends_the_whole_with_the_end_of_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(supervising, "_WATCH_SECONDS", 0.01)
    said: list[str] = []
    with Supervisor(tmp_path / "logs", {}) as one:
        one.start("printer", DIE, cwd=tmp_path)
        with pytest.raises(ServerDiedError, match=r"(?s)with code 3.*out of paper"):
            one.watch(said.append)
    assert len(said) == supervising.MAX_DEATHS


def test_pauses_before_a_new_start_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(supervising, "_FIRST_PAUSE_SECONDS", 0.01)
    pauses = []
    with Supervisor(tmp_path / "logs", {}) as one:
        server = one.start("printer", DIE, cwd=tmp_path)
        for _ in range(3):
            server.process.wait()
            one._keep_running(server, lambda _: None)
            pauses.append(server.next_start - server.deaths[-1])
            until(lambda: not server.next_start or again(one, server), seconds=20, what="again")
    assert pauses[0] < pauses[1] < pauses[2]


def again(one, server):
    one._keep_running(server, lambda _: None)
    return server.next_start is None


def test_what_a_dead_server_had_started_goes_on_and_ends_with_the_supervisor(tmp_path):
    with Supervisor(tmp_path / "logs", {}) as one:
        server = one.start("parent", WITH_A_CHILD, cwd=tmp_path)
        until(lambda: server.log.read_text().strip(), seconds=20, what="the child runs")
        child = psutil.Process(int(server.log.read_text().split()[0]))
        with watched(one):
            first = server.process
            first.kill()
            until(lambda: server.process.pid != first.pid, seconds=20, what="it runs again")
        assert child.is_running()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_what_a_killed_supervisor_left_is_ended_by_the_next_one(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    killed = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(logs), *SLEEP],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout.readline() == "started\n"
    left = psutil.Process(running(logs)["sleeper"][0])
    killed.kill()
    killed.communicate()
    assert left.is_running()
    with Supervisor(logs, {}):
        until(lambda: is_gone(left), seconds=20, what="the one that was left has ended")
    assert not (logs / "running.json").exists()


def test_a_stranger_who_has_the_number_by_now_is_left_alone(tmp_path):
    stranger = subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        born = psutil.Process(stranger.pid).create_time()
        notes = tmp_path / "running.json"
        notes.write_text(json.dumps({"sleeper": [stranger.pid, born - 100]}))
        with Supervisor(tmp_path, {}):
            assert stranger.poll() is None
    finally:
        os.kill(stranger.pid, signal.SIGKILL)
        stranger.wait()


def running(logs: Path):
    return json.loads((logs / "running.json").read_text())


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
