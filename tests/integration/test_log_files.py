"""Logs of servers under ``up`` have a bound, and the servers write on as if nothing were."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

import pytest

from pipelines import log_files
from pipelines.log_files import MAX_OLDER_LOGS, cut_if_large
from pipelines.supervisor import Supervisor
from tests.running_up import until

LIMIT = 20_000
TALKING = """
import time
for n in range(10**9):
    print(f"line {n:09}", flush=True)
    time.sleep(0.0002)
"""
TALK = [sys.executable, "-c", TALKING]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(log_files, "MAX_LOG_BYTES", LIMIT)


def files_of(log: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in log.parent.glob(f"{log.name}*")}


def test_the_log_of_a_server_that_talks_stays_within_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.supervisor._WATCH_SECONDS", 0.02)
    names = {"talker.log", *(f"talker.log.{n}" for n in range(1, MAX_OLDER_LOGS + 1))}
    seen = []

    def is_through():
        seen.append(sum(files_of(server.log).values()))
        return set(files_of(server.log)) >= names and len(seen) > 20

    with Supervisor(tmp_path / "logs", {}) as one:
        server = one.start("talker", TALK, cwd=tmp_path)

        def watch(_server, _say):
            if is_through():
                raise KeyboardInterrupt

        monkeypatch.setattr(one, "_keep_running", watch)
        with pytest.raises(KeyboardInterrupt):
            one.watch(lambda _: None)
        before = server.log.stat().st_size
        until(lambda: server.log.stat().st_size > before, seconds=20, what="it goes on")
        assert server.process.poll() is None
    assert set(files_of(server.log)) == names
    assert max(seen) < (MAX_OLDER_LOGS + 2) * LIMIT * 3
    for name in names:  # whole lines, and no hole where the server wrote on
        lines = (tmp_path / "logs" / name).read_bytes().splitlines()
        assert all(len(line) == len("line 000000000") for line in lines[1:-1])


def test_a_log_that_is_being_searched_is_left_as_it_is(tmp_path):
    log = tmp_path / "api.log"
    log.write_bytes(b"x" * (LIMIT + 1))
    with log.open("rb") as searched:
        fcntl.flock(searched, fcntl.LOCK_SH)
        cut_if_large(log)
        assert files_of(log) == {"api.log": LIMIT + 1}
    cut_if_large(log)
    assert files_of(log) == {"api.log": 0, "api.log.1": LIMIT + 1}


def test_the_oldest_goes_and_small_ones_stay(tmp_path):
    log = tmp_path / "api.log"
    for n in range(MAX_OLDER_LOGS + 2):
        log.write_bytes(str(n).encode() * (LIMIT + 1))
        cut_if_large(log)
    log.write_bytes(b"small")
    cut_if_large(log)
    newest_first = [tmp_path / f"api.log.{n}" for n in range(1, MAX_OLDER_LOGS + 1)]
    assert [path.read_bytes()[:1] for path in newest_first] == [b"4", b"3", b"2"]
    assert log.read_bytes() == b"small"


def test_a_log_that_is_not_there_is_no_trouble(tmp_path):
    cut_if_large(tmp_path / "api.log")
    assert list(tmp_path.iterdir()) == []
