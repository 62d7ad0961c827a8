"""Limits that several processes count together."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from resources.database import Database, DatabaseUnavailableError
from resources.database.rate_limits import SLOTS


def take(database, name="a", *, limit=3, seconds=900, cost=1):
    with database.work(None) as work:
        return work.rate_limits.take(name, limit=limit, seconds=seconds, cost=cost)


def let_pass(database, slots, seconds=900):
    """Make all counts older, as if time had passed."""
    with database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.rate_limits set slot = slot - :slots where seconds = :s"),
            {"slots": slots, "s": seconds},
        )


def test_what_exceeds_the_limit_is_refused_and_told_when_to_come_back(database):
    verdicts = [take(database) for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert verdicts[-1].retry_after in range(900, 900 + 900 // SLOTS + 2)


def test_what_is_refused_is_not_counted(database):
    for _ in range(50):
        take(database)
    let_pass(database, SLOTS + 1)
    assert take(database).remaining == 2


def test_a_limit_holds_over_every_span_and_not_by_the_clock(database):
    take(database)
    let_pass(database, SLOTS - 1)
    assert [take(database).allowed for _ in range(3)] == [True, True, False]
    let_pass(database, 2)  # the first has left the span, the other two have not
    assert [take(database).allowed for _ in range(2)] == [True, False]


def test_limits_are_counted_apart_by_name_and_by_span(database):
    for _ in range(3):
        take(database)
    assert not take(database).allowed
    assert take(database, "b").allowed
    assert take(database, seconds=60).allowed


def test_several_may_be_taken_at_once_or_none_of_them(database):
    assert take(database, limit=10, cost=7).remaining == 3
    assert not take(database, limit=10, cost=4).allowed
    assert take(database, limit=10, cost=3).remaining == 0
    refused = take(database, "b", limit=10, cost=11)
    assert (refused.allowed, refused.retry_after) == (False, 900)


def test_looking_counts_nothing(database):
    with database.work(None) as work:
        for _ in range(5):
            assert work.rate_limits.look("a", limit=3, seconds=900).remaining == 3
    for _ in range(3):
        take(database)
    with database.work(None) as work:
        assert not work.rate_limits.look("a", limit=3, seconds=900).allowed


def test_what_is_given_back_can_be_taken_again(database):
    for _ in range(3):
        take(database)
    with database.work(None) as work:
        work.rate_limits.give_back("a", seconds=900)
    assert [take(database).allowed for _ in range(2)] == [True, False]
    with database.work(None) as work:
        work.rate_limits.forget("a", seconds=900)
    assert take(database).remaining == 2


def test_giving_back_never_makes_a_limit_larger(database):
    take(database)
    with database.work(None) as work:
        for _ in range(5):
            work.rate_limits.give_back("a", seconds=900)
    assert take(database).remaining == 2


def test_counts_that_nobody_looks_at_are_swept_and_no_others(database):
    take(database, "old")
    take(database, "new")
    with database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.rate_limits set forgotten_at = now() where name = 'old'")
        )
    with database.work(None) as work:
        assert work.rate_limits.sweep() == 1
    with database.jobs() as work:
        left = work.session.scalars(text("select name from reviewgraph.rate_limits")).all()
    assert left == ["new"]


def test_threads_together_take_no_more_than_the_limit(database):
    with ThreadPoolExecutor(12) as threads:
        verdicts = list(threads.map(lambda _: take(database, limit=20), range(60)))
    assert sum(verdict.allowed for verdict in verdicts) == 20


PROCESS = """
import sys
from resources.database import Database
from resources.settings import Settings
with Database(Settings(_env_file=None)) as database:
    allowed = 0
    for _ in range(25):
        with database.work(None) as work:
            allowed += work.rate_limits.take("shared", limit=30, seconds=900).allowed
print(allowed)
"""


def test_four_processes_together_take_no_more_than_the_limit(database):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ".", **database.settings.environment()},
        )
        for _ in range(4)
    ]
    allowed = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert sum(allowed) == 30


def test_nothing_is_allowed_while_the_counts_cannot_be_reached(settings):
    settings.database_url = SecretStr("postgresql://owner:secret@127.0.0.1:1/nowhere")
    with Database(settings) as gone, pytest.raises(DatabaseUnavailableError):
        take(gone)
