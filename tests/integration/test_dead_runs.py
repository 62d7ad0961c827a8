"""Runs whose process is gone are told from runs that are at work, and ended."""

from __future__ import annotations

import logging
import subprocess
import sys
import uuid
from contextlib import contextmanager

import psycopg
import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.launcher import WorkerStatus
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring.run_monitoring import check_run_timeout, monitor_started_run

from pipelines.dead_runs import end_dead_runs, end_dead_runs_of
from pipelines.definitions import build_definitions
from pipelines.launch import dagster_instance
from pipelines.run_processes import WatchedRunLauncher, leased_in_process_executor
from pipelines.session import Session
from resources.database import leases
from resources.database.embedded import server
from resources.settings import PROJECT_ROOT
from tests.running_up import until

HOLD = """
import sys, time
from pipelines.interrupts import interrupt_this_process
from resources.database import leases
with leases.held(sys.argv[1], sys.argv[2], when_ended=interrupt_this_process):
    print("held", flush=True)
    for _ in range(6_000):
        time.sleep(0.1)  # a signal just before a long sleep would be noticed after it
"""

OF_THE_DAEMON = RemoteJobOrigin(
    RemoteRepositoryOrigin(
        GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name="reviewgraph"),
        "__repository__",
    ),
    "daily_job",
)


@pytest.fixture
def session(settings, database):
    return Session(settings, database)


@pytest.fixture
def instance(session):
    with dagster_instance(session) as instance:
        yield instance


@contextmanager
def process_of(url, run_id):
    """Another process that holds the lease of a run, as that of a command does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, run_id],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def status_of(instance, run):
    return instance.get_run_by_id(run.run_id).status


def test_a_run_is_ended_once_its_process_was_killed_and_not_before(instance, session):
    run = create_run_for_test(instance, status=DagsterRunStatus.STARTED)
    with process_of(session.database.owner_url, run.run_id) as process:
        assert end_dead_runs(instance) == ()
        assert end_dead_runs_of(session) == ()
        process.kill()
        process.wait()
        assert end_dead_runs_of(session) == (run.run_id,)
    assert status_of(instance, run) == DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(run.run_id).tags["dagster/will_retry"] == "true"
    assert end_dead_runs_of(session) == ()


def test_whoever_waits_or_is_just_being_started_is_left_alone(instance):
    waiting = [
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.SUCCESS,
    ]
    runs = [
        create_run_for_test(instance, status=status, remote_job_origin=OF_THE_DAEMON)
        for status in waiting
    ]
    assert end_dead_runs(instance) == ()
    assert [status_of(instance, run) for run in runs] == waiting


def test_a_dead_run_that_was_to_be_cancelled_is_cancelled(instance):
    begun = create_run_for_test(instance, status=DagsterRunStatus.NOT_STARTED)
    cancelled = create_run_for_test(instance, status=DagsterRunStatus.CANCELING)
    assert set(end_dead_runs(instance)) == {begun.run_id, cancelled.run_id}
    assert status_of(instance, begun) == DagsterRunStatus.FAILURE
    assert status_of(instance, cancelled) == DagsterRunStatus.CANCELED


def test_the_daemon_s_monitor_asks_for_the_lease(instance, session):
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds <= 20
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher)
    run = create_run_for_test(instance, status=DagsterRunStatus.STARTED)
    with process_of(session.database.owner_url, run.run_id):
        assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
        monitor(instance, run)
        assert status_of(instance, run) == DagsterRunStatus.STARTED
    monitor(instance, run)
    assert status_of(instance, run) == DagsterRunStatus.FAILURE


def monitor(instance, run):
    """What the daemon does about a started run at each look."""
    (record,) = instance.get_run_records(RunsFilter(run_ids=[run.run_id]))
    monitor_started_run(instance, None, record, logging.getLogger("test"))


def test_a_command_s_run_that_takes_too_long_is_stopped_in_its_own_process(instance, session):
    assert instance.run_monitoring_max_runtime_seconds > 0
    run = create_run_for_test(instance, tags={"dagster/max_retries": "0"})
    with process_of(session.database.owner_url, run.run_id) as process:
        started(instance, run)
        (record,) = instance.get_run_records(RunsFilter(run_ids=[run.run_id]))
        check_run_timeout(instance, record, logging.getLogger("test"), 1e-9)
        assert status_of(instance, run) == DagsterRunStatus.FAILURE
        process.wait(60)
        assert "KeyboardInterrupt" in process.stderr.read()


def started(instance, run):
    from dagster import DagsterEvent, DagsterEventType

    event = DagsterEvent(DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.report_dagster_event(event, run.run_id)


def test_every_job_holds_the_lease_that_its_runs_are_known_by():
    jobs = build_definitions().get_repository_def().get_all_jobs()
    assert {"daily_job", "report_job", "__ASSET_JOB"} <= {job.name for job in jobs}
    for job in jobs:  # a run without a lease would be taken for dead
        assert job.executor_def is leased_in_process_executor, job.name


def test_a_lease_is_taken_again_when_its_connection_is_cut(database):
    url, run_id = database.owner_url, str(uuid.uuid4())
    calls = []
    with leases.held(url, run_id, when_ended=lambda: calls.append("ended")):
        assert leases.call_back(url, run_id)
        until(lambda: leases.call_back(url, run_id), seconds=20, what="the lease is taken again")
        assert leases.without_process(url, [run_id]) == set()
    assert calls == []  # nobody had ended the run
    assert leases.without_process(url, [run_id]) == {run_id}


def test_a_lease_outlives_the_server_that_kept_it(tmp_path):
    home = tmp_path / "home"
    url, run_id = server.ensure_running(home, durable=False), str(uuid.uuid4())
    try:
        with leases.held(url, run_id):
            server.EmbeddedServer.of(home).processes.parent().kill()
            server.ensure_running(home, durable=False)
            assert leases.without_process(url, [run_id]) == set()
    finally:
        server.remove(home)


def test_a_database_where_no_graph_has_run_has_no_dead_runs(session):
    with psycopg.connect(
        session.database.owner_url.replace("+psycopg", ""), autocommit=True
    ) as connection:
        connection.execute("drop table if exists dagster.runs cascade")
    assert end_dead_runs_of(session) == ()
