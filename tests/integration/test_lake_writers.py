"""Writers of the lake that are in each other's way, and writers that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from lake_world import MONDAY, both, counts, raw_rows

from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "a lake for Zoë"))  # a user may call a folder anything


# Writers in each other's way


def replace_often(location, tenant, times):
    """Replace one tenant's part of a day again and again; runs in a process of its own."""
    lake = Lake(location)
    for number in range(times):
        rows = raw_rows(50, tenant, text=f"{number}")
        lake.replace(RAW_REVIEWS, rows.to_reader(), day=MONDAY, tenants=[tenant])


def test_two_processes_replace_different_tenants_of_one_day_and_both_win(lake):
    lake.append(RAW_REVIEWS, both(*(raw_rows(9, name) for name in ("acme", "beta", "gamma"))))

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for done in [
            pool.submit(replace_often, lake.location, name, 6) for name in ("acme", "beta")
        ]:
            done.result()

    assert counts(lake) == {
        ("acme", MONDAY, "5"): 50,
        ("beta", MONDAY, "5"): 50,
        ("gamma", MONDAY, "good"): 9,
    }


def test_of_two_writers_of_one_scope_the_rows_of_one_remain(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(9, "acme"), raw_rows(9, "beta")))

    for _ in range(8):
        with ThreadPoolExecutor(2) as pool:
            writers = [
                pool.submit(
                    lake.replace, RAW_REVIEWS, raw_rows(5, "acme", text=text), day=MONDAY, tenants=t
                )
                for text, t in (("one", ["acme"]), ("two", ["acme"]))
            ]
        assert all(writer.result().rows == 5 for writer in writers)
        found = counts(lake, tenants=["acme"])
        assert found in ({("acme", MONDAY, "one"): 5}, {("acme", MONDAY, "two"): 5})
    assert counts(lake, tenants=["beta"]) == {("beta", MONDAY, "good"): 9}


def test_batches_land_while_other_tenants_are_replaced(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(9, "acme"), raw_rows(9, "beta")))

    def land(number):
        lake.append(RAW_REVIEWS, raw_rows(5, "gamma"), batches=[f"batch-{number % 10}"])

    def replace(number):
        rows = raw_rows(3, "acme", text=f"{number}")
        lake.replace(RAW_REVIEWS, rows, day=MONDAY, tenants=["acme"])

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(land, n) for n in range(20)] + [pool.submit(replace, 5)]
        work += [pool.submit(replace, 5) for _ in range(5)]
    for done in work:
        done.result()

    assert counts(lake) == {
        ("acme", MONDAY, "5"): 3,
        ("beta", MONDAY, "good"): 9,
        ("gamma", MONDAY, "good"): 50,
    }


def test_two_processes_may_create_the_same_table(tmp_path):
    for number in range(6):
        lake = Lake(str(tmp_path / f"lake-{number}"))
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(lake.append, RAW_REVIEWS, raw_rows(2, "acme")) for _ in range(4)]
        for done in work:
            done.result()
        assert counts(lake) == {("acme", MONDAY, "good"): 8}


# Writers that are killed

DIES_WHILE_WRITING = """
import os, signal, sys
from datetime import date
import pyarrow as pa
from resources.storage import lake_rows
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS

whole = lake_rows.Rows.stream

def stream(rows):
    def batches():
        for number, batch in enumerate(whole(rows)):
            if number == 40:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
    return pa.RecordBatchReader.from_batches(RAW_REVIEWS.schema, batches())

lake_rows.Rows.stream = stream
size = 5000
columns = {"day": [date(2026, 3, 2)] * size, "tenant_id": ["acme"] * size, "text": ["new"] * size}
batch = pa.RecordBatch.from_pydict(
    {n: columns.get(n, [None] * size) for n in RAW_REVIEWS.schema.names}, schema=RAW_REVIEWS.schema
)
reader = pa.RecordBatchReader.from_batches(RAW_REVIEWS.schema, iter([batch] * 50))
Lake(sys.argv[1]).replace(RAW_REVIEWS, reader, day=date(2026, 3, 2), tenants=["acme"])
"""

WRITES_UNTIL_KILLED = """
import sys
from lake_world import MONDAY, raw_rows
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS

lake = Lake(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    rows = raw_rows(20_000, "acme", text=str(number))
    lake.replace(RAW_REVIEWS, rows, day=MONDAY, tenants=["acme"])
    lake.append(RAW_REVIEWS, raw_rows(1, "gamma"), batches=[f"batch-{number}"])
    number += 1
"""


def python(script, *arguments, **options):
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{textwrap.dedent(script)}"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], **options)


def test_a_replacement_killed_while_writing_leaves_the_table_as_it_was(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(4, "beta")))
    before = counts(lake)

    with python(DIES_WHILE_WRITING, lake.location) as writer:
        assert writer.wait(timeout=60) == -signal.SIGKILL

    assert counts(lake) == before
    assert lake.version(RAW_REVIEWS) == 1
    lake.replace(RAW_REVIEWS, raw_rows(2, "acme", text="new"), day=MONDAY, tenants=["acme"])
    assert counts(lake) == {("acme", MONDAY, "new"): 2, ("beta", MONDAY, "good"): 4}


@pytest.mark.parametrize("seconds", [0.1, 0.4])
def test_a_writer_killed_at_any_moment_leaves_whole_commits_only(lake, seconds):
    lake.append(RAW_REVIEWS, both(raw_rows(20_000, "acme", text="0"), raw_rows(4, "beta")))

    with python(WRITES_UNTIL_KILLED, lake.location, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        writer.kill()

    found = counts(lake)
    gamma = found.pop(("gamma", MONDAY, "good"), 0)
    assert found.pop(("beta", MONDAY, "good")) == 4
    ((tenant, _, text),) = found
    assert (tenant, found[(tenant, MONDAY, text)]) == ("acme", 20_000)
    landed = sum(lake.landed(RAW_REVIEWS, f"batch-{n}") for n in range(int(text) + 1))
    assert gamma == landed
    assert gamma in (int(text), int(text) + 1)
