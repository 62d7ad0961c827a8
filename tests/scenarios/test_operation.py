"""What an operator meets on a running `reviewgraph up`: killed runs, Ctrl-C, reruns, dead servers.

All tests share one `up` over one small world whose reviews have landed and are not yet understood.
Each leaves it running and idle.
"""

from __future__ import annotations

import os
import signal
from datetime import date, timedelta

import psutil
import pytest

from pipelines import demo, interrupts
from pipelines.session import open_session
from resources.database.embedded.server import EmbeddedServer
from resources.settings import Settings
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange, utc_today
from tests.running_up import running_up, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REVIEWS = 300
TENANTS = 2
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with two tenants whose reviews of yesterday and today have landed, and no more."""
    home = tmp_path_factory.mktemp("operation")
    with open_session(Settings(home=home, _env_file=None)) as session:
        tenants = demo.make_world(session, reviews=REVIEWS, tenants=TENANTS, seed=5)
        demo.register(session, tenants)
        demo.deliver(session, tenants, utc_today())
    return home


@pytest.fixture(scope="module")
def up(home):
    with running_up(home) as running:
        yield running


@pytest.fixture(scope="module")
def yesterday() -> date:
    return utc_today() - timedelta(days=1)


def start_backfills(up, day, count):
    """Start backfills of one day and wait until their runs have begun; return both."""
    before = {run.id for run in up.runs(statuses=["STARTED"])}
    words = ("backfill", "--from", str(day), "--to", str(day), "--force")
    commands = [up.command(*words) for _ in range(count)]

    def begun():
        for command in commands:
            assert command.poll() is None, command.communicate()
        runs = [run for run in up.runs(statuses=["STARTED"]) if run.id not in before]
        return len(runs) == count and runs

    return commands, until(begun, seconds=90, what="the backfills' runs have begun")


def kill_backfills(up, day, count):
    """Start backfills and kill them with all they started once they are at work."""
    commands, runs = start_backfills(up, day, count)
    for command in commands:
        os.killpg(command.pid, signal.SIGKILL)
        command.communicate()
    return runs


def raw_rows(home, day):
    """What has landed on a day: the batches with their number of rows."""
    with open_session(Settings(home=home, _env_file=None)) as session:
        raw = session.lake.read(RAW_REVIEWS, days=DayRange(day, day)).frame.collect()
        with session.database.jobs() as work:
            tasks = [task for tenant in work.tenants.list() for task in work.tasks.list(tenant.id)]
    return sorted(raw.group_by("tenant_id", "batch_id").len().rows()), tasks


@pytest.fixture(scope="module")
def killed_and_rerun(up, home, yesterday):
    """Two backfills are killed; then the daily job of yesterday is launched, and ends."""
    landed = raw_rows(home, yesterday)
    killed = kill_backfills(up, yesterday, 2)
    return killed, up.launch("daily_job", {"dagster/partition": str(yesterday)}), landed


def test_the_daily_job_starts_within_two_minutes_after_two_backfills_were_killed(
    up, killed_and_rerun
):
    killed, run_id, _ = killed_and_rerun
    until(lambda: has_started(up, run_id), seconds=120, what="the daily job has started")
    dead = [up.run(run.id) for run in killed]
    assert [run.status for run in dead] == ["FAILURE", "FAILURE"]
    assert all(run.tags.get("dagster/will_retry", "false") == "false" for run in dead)


def test_a_rerun_of_yesterday_leaves_what_landed_as_it_was(up, home, yesterday, killed_and_rerun):
    _, run_id, landed = killed_and_rerun
    ended = until(
        lambda: (run := up.run(run_id)).status in ENDED and run,
        seconds=180,
        what="the daily job has ended",
    )
    assert ended.status == "SUCCESS"
    assert landed[0]
    assert raw_rows(home, yesterday) == landed


def test_an_interrupted_backfill_says_so_once_and_is_not_tried_again(up, yesterday):
    (command,), (run,) = start_backfills(up, yesterday, 1)
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        os.killpg(command.pid, number)
    _, said = command.communicate(timeout=60)
    assert said == f"{interrupts.SENTENCE}\n"
    assert command.returncode == interrupts.INTERRUPTED == 130
    ended = up.run(run.id)
    assert ended.status == "CANCELED"
    assert ended.tags.get("dagster/will_retry", "false") == "false"


def test_what_is_killed_is_back_within_seconds_and_serves_again(up, home):
    before = up.children
    assert set(before) == {"sandbox", "api", "code-server", "daemon", "webserver"}
    postmaster = EmbeddedServer.of(home).processes.parent()
    postmaster.kill()
    until(lambda: EmbeddedServer.of(home).answers(), seconds=30, what="PostgreSQL answers again")
    assert until(lambda: log_in(up, home), seconds=30, what="the API reads from it again")
    for process_id in before.values():
        psutil.Process(process_id).kill()
    until(
        lambda: all(now != before[name] for name, now in up.children.items()),
        seconds=30,
        what="every server has been started again",
    )
    for name in before:
        assert f"{name} ended by signal 9" in up.said
    assert until(lambda: log_in(up, home), seconds=90, what="the API answers again")
    until(lambda: graph_is_loaded(up), seconds=120, what="Dagster shows the graph again")
    assert up.process.poll() is None


# This one ends the `up` that the others share: it stays the last.
def test_a_queued_job_starts_after_up_itself_was_killed_and_started_again(up, home, yesterday):
    kill_backfills(up, yesterday, 2)
    run_id = up.launch("daily_job", {"dagster/partition": str(yesterday)})
    left = [psutil.Process(process_id) for process_id in up.children.values()]
    up.process.kill()
    up.process.wait()
    with running_up(home) as again:
        assert not any(process.is_running() for process in left)
        until(lambda: has_started(again, run_id), seconds=120, what="the daily job has started")


def has_started(up, run_id):
    return up.run(run_id).status in {"STARTED", *ENDED}


def log_in(up, home):
    """A token of the first tenant's owner."""
    tenant = next(path for path in (home / "world").iterdir() if path.is_dir())
    return up.ask(
        f"{up.api}/v1/auth/token",
        {"email": f"owner@{tenant.name}.example", "password": demo.DEMO_PASSWORD},
    )


def graph_is_loaded(up):
    answer = up.graphql("{ workspaceOrError { ... on Workspace { locationEntries { loadStatus "
                        "locationOrLoadError { __typename } } } } }")  # fmt: skip
    entries = answer["workspaceOrError"]["locationEntries"]
    return all(
        one["loadStatus"] == "LOADED"
        and one["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        for one in entries
    )
