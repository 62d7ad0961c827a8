"""The process that holds rows against their suites: it answers, is replaced, and is never left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import psutil
import pytest

from resources.reviews import gate, suites
from resources.reviews.gate import GateError

PROJECT = Path(__file__).parents[2]
ROW = {
    "tenant_id": "acme",
    "source": "shop",
    "review_key": "0" * 32,
    "version": 1,
    "content_hash": "1" * 32,
    "rating": 4.0,
    "is_deleted": False,
    "is_empty": False,
    "days_ahead": -3,
}


@pytest.fixture
def process():
    found = gate._Gate()
    yield found
    found.end()


def rows(*changes):
    return pl.DataFrame([ROW | {"review_key": f"{n:032x}"} | row for n, row in enumerate(changes)])


def test_the_process_answers_what_the_same_suite_answers_here(process):
    frame = rows({}, {"rating": 9.0}, {"version": 0}, {"source": None})

    found = process.validate("reviews", frame)

    assert found == suites.validate("reviews", frame)
    broken = {finding.expectation: finding.unexpected_rows for finding in found if not finding.held}
    assert broken == {
        "expect_column_values_to_not_be_null (source)": (3,),
        "expect_column_values_to_be_between (version)": (2,),
        "expect_column_values_to_be_between (rating)": (1,),
    }


def test_one_process_answers_many_requests(process):
    process.start()
    first = process._process

    assert all(one.held for one in process.validate("reviews", rows({}, {})))
    assert not all(one.held for one in process.validate("reviews", rows({"rating": 0.0})))
    assert process._process is first


def test_a_process_that_died_is_named_and_the_next_request_gets_another(process):
    process.validate("reviews", rows({}))
    os.kill(process._process.pid, signal.SIGSTOP)  # it cannot answer while it is killed below
    dying = process._process
    killer = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; time.sleep(0.3); os.kill({dying.pid}, 9)"]
    )

    with pytest.raises(GateError, match="ended early"):
        process.validate("reviews", rows({}))

    killer.wait()
    assert all(one.held for one in process.validate("reviews", rows({})))


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)", "raise KeyboardInterrupt"])
def test_nothing_is_left_running_however_its_user_ends(end):
    program = (
        "import os; from resources.reviews import gate; gate.start(); "
        f"print(gate._GATE._process.pid, flush=True); {end}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    pid = int(ended.stdout)
    deadline = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
