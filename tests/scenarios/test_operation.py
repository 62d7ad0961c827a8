"""What an operator meets on a running `reviewgraph up`: killed runs, Ctrl-C, reruns, dead servers.

All tests share one `up` over one small world whose reviews have landed and are not yet understood.
Each leaves it running and idle.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import date, timedelta

import psutil
import pytest

from pipelines import demo, interrupts
from pipelines.session import open_session
from resources.database.embedded.server import EmbeddedServer
from resources.database.report_queue import MAX_OPEN_REQUESTS
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
    dead = until(
        lambda: [up.run(run.id) for run in killed] if have_ended(up, killed) else None,
        seconds=90,
        what="the killed runs have ended",
    )
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


def test_days_without_work_get_four_different_answers(up, yesterday):
    tomorrow = utc_today() + timedelta(days=1)
    for day, answer in (
        (yesterday - timedelta(days=400), "no review was ever collected"),
        (tomorrow, "lie in the future"),
        (yesterday, f"{yesterday}"),
    ):
        command = up.command("backfill", "--from", str(day), "--to", str(day), "--dry-run")
        said, trouble = command.communicate(timeout=120)
        assert command.returncode == 0, trouble
        assert answer in said


def test_status_says_what_is_due_and_a_command_s_run_is_the_job_s(up, killed_and_rerun):
    killed, _, _ = killed_and_rerun
    command = up.command("status", "--json")
    said, trouble = command.communicate(timeout=120)
    assert command.returncode == 0, trouble
    due = [entry for tenant in json.loads(said)["tenants"] for entry in tenant["due"]]
    assert {entry["day"] for entry in due} >= {str(utc_today())}
    assert all(entry["why"] for entry in due)
    tags = up.run(killed[0].id).tags
    assert tags["reviewgraph/source"] == "command line"
    assert tags["reviewgraph/job"] == "daily_job"
    assert tags["reviewgraph/reason"]
    assert tags["reviewgraph/selection"]
    assert killed[0].id in {run.id for run in up.runs(pipelineName="daily_job")}


def test_a_request_is_in_the_log_under_the_number_that_its_answer_bears(up, home):
    with urllib.request.urlopen(f"{up.api}/healthz", timeout=30) as answer:
        number = answer.headers["x-request-id"]
    log = home / "logs" / "api.log"
    until(lambda: number in log.read_text(), seconds=20, what="the request is in the log")
    line = next(line for line in log.read_text().splitlines() if number in line)
    assert json.loads(line)["request_id"] == number


def test_one_tenant_s_flood_of_requests_does_not_keep_another_waiting(up, home, killed_and_rerun):
    _, run_id, _ = killed_and_rerun
    until(lambda: up.run(run_id).status in ENDED, seconds=180, what="there are numbers to report")
    flooding, waiting = sorted(path.name for path in (home / "world").iterdir() if path.is_dir())
    token = log_in(up, flooding)["access_token"]
    refused = 0
    for number in range(MAX_OPEN_REQUESTS + 5):
        refused += ask_for_report(up, flooding, number, token) == 429
    assert refused
    token = log_in(up, waiting)["access_token"]
    request = ask_for_report(up, waiting, 0, token)
    address = f"{up.api}/v1/tenants/{waiting}/report-requests/{request['id']}"
    until(
        lambda: up.ask(address, token=token)["status"] not in {"queued", "running"},
        seconds=180,
        what="the other tenant's single request is answered",
    )


def test_lost_numbers_are_told_and_published_again(up, home, killed_and_rerun):
    _, run_id, _ = killed_and_rerun
    until(lambda: up.run(run_id).status in ENDED, seconds=180, what="there are numbers to read")
    tenant = first_tenant(home)
    token = log_in(up, tenant)["access_token"]
    address = f"{up.api}/v1/tenants/{tenant}/metrics"
    reviews = up.ask(address, token=token)["items"][0]["review_count"]
    shutil.rmtree(home / "snapshots" / tenant)

    answer = answer_of(up, f"{address}?dimension=product", token)
    if isinstance(answer, str):  # else they are there again already
        assert "numbers-unreadable" in answer
    until(
        lambda: not isinstance(answer_of(up, f"{address}?dimension=source", token), str),
        seconds=180,
        what="the numbers are published again",
    )
    assert up.ask(address, token=token)["items"][0]["review_count"] == reviews


def test_what_is_killed_is_back_within_seconds_and_serves_again(up, home):
    before = up.children
    assert set(before) == {"sandbox", "api", "worker", "code-server", "daemon", "webserver"}
    postmaster = EmbeddedServer.of(home).processes.parent()
    postmaster.kill()
    until(lambda: EmbeddedServer.of(home).answers(), seconds=30, what="PostgreSQL answers again")
    assert until(
        lambda: log_in(up, first_tenant(home)), seconds=30, what="the API reads from it again"
    )
    before = up.children  # the worker ends with its database and was started again
    for process_id in before.values():
        with suppress(psutil.NoSuchProcess):
            psutil.Process(process_id).kill()
    until(
        lambda: all(now != before[name] for name, now in up.children.items()),
        seconds=30,
        what="every server has been started again",
    )
    for name in set(before) - {"worker"}:
        assert f"{name} ended by signal 9" in up.said
    until(lambda: log_in(up, first_tenant(home)), seconds=90, what="the API answers again")
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


def first_tenant(home):
    return min(path.name for path in (home / "world").iterdir() if path.is_dir())


def have_ended(up, runs):
    return all(up.run(run.id).status in ENDED for run in runs)


def has_started(up, run_id):
    return up.run(run_id).status in {"STARTED", *ENDED}


def log_in(up, tenant):
    """A token of a tenant's owner."""
    return up.ask(
        f"{up.api}/v1/auth/token",
        {"email": f"owner@{tenant}.example", "password": demo.DEMO_PASSWORD},
    )


def ask_for_report(up, tenant, number, token):
    """Ask for a report of a period of its own; the request, or the status of a refusal."""
    first = date(2025, 1, 1)
    wish = {"period_start": str(first), "period_end": str(first + timedelta(days=300 + number))}
    try:
        return up.ask(f"{up.api}/v1/tenants/{tenant}/reports", wish, token)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def answer_of(up, address, token):
    """What an address answers; the text of a refusal."""
    try:
        return up.ask(address, token=token)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.read().decode()


def graph_is_loaded(up):
    answer = up.graphql("{ workspaceOrError { ... on Workspace { locationEntries { loadStatus "
                        "locationOrLoadError { __typename } } } } }")  # fmt: skip
    entries = answer["workspaceOrError"]["locationEntries"]
    return all(
        one["loadStatus"] == "LOADED"
        and one["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        for one in entries
    )
