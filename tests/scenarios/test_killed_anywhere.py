"""kill -9 at every stage boundary and at random moments, run again: nothing lost, nothing doubled.

The runs are processes of their own, forked from a server that has imported the heavy packages, so
that a kill costs what the run had done so far and not ten seconds of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from datetime import date
from multiprocessing import forkserver
from pathlib import Path

import polars as pl
import pytest

from resources.settings import Settings
from resources.storage.schemas import (
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BOUNDARIES = [
    "landed",
    "raw_reviews",
    "normalised_reviews",
    "review_enrichments",
    "facts_of_the_reviews",
    "marts",
    "tenant_snapshot",
    "report_document",
]
COMMITS = [f"commit of {spec.name}" for spec in (REVIEWS, REJECTED_REVIEWS, REVIEW_ENRICHMENTS)]
TABLES = (
    RAW_REVIEWS,
    REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
)
EVER = (date(2000, 1, 1), date(2100, 1, 1))
# What may differ between two runs: when a row arrived.
MOMENTS = ["received_at"]


def import_file(home: Path, path: Path, day: str, die_after: str | None) -> None:
    """Import a file and carry it to its report.

    ``die_after`` names the boundary at which this process kills itself. After the commit of a table
    the lake holds its rows, and ``batch_runs`` does not know of them.
    """
    import warnings

    warnings.simplefilter("ignore")
    from pipelines.file_import import FileImport
    from pipelines.session import open_session
    from resources.database import leases
    from resources.storage.lake import Lake

    leases._SECOND_LOOK_SECONDS = 0.2  # nobody else works in this home and may have lost a lease
    commit = Lake.replace

    def commit_and_die(lake, spec, *arguments, **scope):
        done = commit(lake, spec, *arguments, **scope)
        boundary(f"commit of {spec.name}")
        return done

    Lake.replace = commit_and_die

    def boundary(name: str) -> None:
        if name == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_session(Settings(home=home, _env_file=None)) as session:
        work = FileImport.of(session, "acme", path, source="reviews", day=date.fromisoformat(day))
        work.create_tenant_if_new()
        landing = work.land()
        boundary("landed")
        work.process(
            landing,
            on_event=lambda event: boundary(event.step) if event.state == "done" else None,
        )


@pytest.fixture(scope="module")
def launcher():
    """Start processes from a fork server, and stop it: it would outlive these tests.

    The resource tracker beside it stays. It belongs to the whole test run, and when it is stopped
    it takes every lock with it that other tests still hold.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["dagster", "great_expectations", "pipelines.definitions", "plotly"]
    )
    yield context
    forkserver._forkserver._stop()


@pytest.fixture(scope="module")
def delivery(tmp_path_factory):
    """A small file with repeats, edits and broken rows, and the day it is landed on."""
    from resources.sandbox.world import generate_world
    from resources.vocabulary import utc_today

    world = tmp_path_factory.mktemp("world")
    manifest = generate_world(world, reviews=400, tenants=1, seed=5)
    return world / manifest.tenants[0].id / "reviews.csv", utc_today().isoformat()


def start(launcher, home, delivery, die_after=None):
    path, day = delivery
    process = launcher.Process(target=import_file, args=(home, path, day, die_after))
    process.start()
    return process


def state_of(home: Path) -> dict[str, object]:
    """Everything that must be equal after any number of deaths, read as a user would find it."""
    from pipelines.session import open_session

    with open_session(Settings(home=home, _env_file=None)) as session:
        tables: dict[str, object] = {
            spec.name: sorted(
                map(str, session.lake.read(spec).frame.drop(MOMENTS, strict=False).collect().rows())
            )
            for spec in TABLES
        }
        with session.database.jobs() as work:
            snapshot = work.snapshots.current("acme")
            tables["snapshot"] = snapshot.version
            tables["documents"] = [
                (document.snapshot_version, document.review_count, len(document.files))
                for document in work.reports.list("acme")
            ]
            tables["ledger"] = [
                (record.day, record.stage, record.status, record.rows_in, record.rows_kept)
                for record in work.ledger.for_tenant("acme")
            ]
            tables["batches"] = [
                (batch.batch_id, stage, batch.rows_in, batch.rows_kept, batch.rows_rejected)
                for stage in ("normalised", "enriched")
                for batch in work.batches.of_days(stage, EVER, ["acme"])
            ]
            tables["imports"] = [
                (batch.id, batch.record_count) for batch in work.imports.list("acme")
            ]
        return tables


@pytest.fixture(scope="module")
def undisturbed(launcher, delivery, tmp_path_factory):
    """What the import leaves when nobody kills it, and how long it takes."""
    home = tmp_path_factory.mktemp("undisturbed")
    warm_up = launcher.Process(target=os.getpid)  # the server imports before it forks the first
    warm_up.start()
    warm_up.join()
    started = time.monotonic()
    process = start(launcher, home, delivery)
    process.join()
    assert process.exitcode == 0
    return state_of(home), time.monotonic() - started


def test_a_run_killed_at_every_stage_boundary_ends_in_the_same_tables(
    launcher, delivery, undisturbed, tmp_path
):
    expected, _ = undisturbed
    for boundary in BOUNDARIES:
        process = start(launcher, tmp_path, delivery, die_after=boundary)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{boundary} was never reached"
    last = start(launcher, tmp_path, delivery)
    last.join()
    assert last.exitcode == 0
    assert state_of(tmp_path) == expected


@pytest.fixture(scope="module")
def two_deliveries(delivery, tmp_path_factory):
    """The same reviews in two files of one day; the second is a batch that is done alone."""
    path, day = delivery
    rows = pl.read_csv(path, infer_schema=False)
    folder = tmp_path_factory.mktemp("two deliveries")
    found = []
    for name, part in (("first", rows[:250]), ("second", rows[200:])):
        part.write_csv(folder / f"{name}.csv")
        found.append((folder / f"{name}.csv", day))
    return found


def test_a_batch_killed_between_its_commit_and_its_record_is_done_once(
    launcher, two_deliveries, tmp_path
):
    states = []
    for name, deaths in (("undisturbed", []), ("killed", COMMITS)):
        for delivery in two_deliveries:
            for boundary in deaths:
                process = start(launcher, tmp_path / name, delivery, die_after=boundary)
                process.join()
                assert process.exitcode == -signal.SIGKILL, f"{boundary} was never reached"
            process = start(launcher, tmp_path / name, delivery)
            process.join()
            assert process.exitcode == 0
        states.append(state_of(tmp_path / name))
    undisturbed, killed = states
    assert len({batch for batch, *_ in undisturbed["batches"]}) == 2
    assert killed == undisturbed


def test_a_run_killed_at_random_moments_ends_in_the_same_tables(
    launcher, delivery, undisturbed, tmp_path, pytestconfig
):
    expected, seconds = undisturbed
    wanted = pytestconfig.getoption("kills")
    moments = random.Random(20261122)
    killed = 0
    while killed < wanted:
        process = start(launcher, tmp_path, delivery)
        process.join(moments.uniform(0.05, seconds))
        if process.exitcode is None:
            process.kill()
            killed += 1
        process.join()
        if process.exitcode == 0:
            # It got through between two kills. Start over with an empty home, but keep counting.
            assert state_of(tmp_path) == expected
            reset(tmp_path)
    last = start(launcher, tmp_path, delivery)
    last.join()
    assert last.exitcode == 0
    assert state_of(tmp_path) == expected


def reset(home: Path) -> None:
    from resources.database.embedded import server

    server.remove(home)
    for child in home.iterdir():
        shutil.rmtree(child, ignore_errors=True) if child.is_dir() else child.unlink()


def test_what_is_compared_is_not_empty(undisturbed):
    state, _ = undisturbed
    for spec in TABLES:
        assert len(state[spec.name]) > 0, spec.name
    assert len(state["documents"]) == 1
