"""What is due and why, as backfill and status tell it, and how damage is mended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from pipelines import run_tags
from pipelines.backfill import plan_backfill, run_backfill
from pipelines.damage import lake_damage
from pipelines.file_import import FileImport
from pipelines.launch import RunFailedError, prepare_environment, run_days
from pipelines.session import Session
from pipelines.standing import explain_difference, find_due, standings
from resources.database import StageRecord
from resources.settings import PROJECT_ROOT
from resources.storage.lake_damage import LakeDamagedError
from resources.storage.schemas import DAILY_FACTS, RAW_REVIEWS, REVIEW_ENRICHMENTS, REVIEWS
from resources.vocabulary import DayRange, utc_today

TODAY = utc_today()
FIRST, SECOND = TODAY - timedelta(days=3), TODAY - timedelta(days=2)
BOTH = DayRange(FIRST, SECOND)
# Dagster's UI asks for a job's runs with these.
OF_THE_JOB = dg.RunsFilter(
    job_name="daily_job", tags={".dagster/repository": "__repository__@reviewgraph"}
)


def write_csv(folder, name, rows):
    path = folder / f"{name}.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


def reviews(*names, deleted=""):
    return [
        {
            "id": name,
            "text": f"Good coffee and a friendly waiter, number {name}.",
            "rating": 4,
            "date": "2026-03-01",
            "deleted": deleted,
        }
        for name in names
    ]


def land(session, tenant, path, day):
    work = FileImport.of(session, tenant, path, source="shop", day=day)
    work.create_tenant_if_new()
    return work.land()


@pytest.fixture(scope="module")
def session(module_settings, module_database, tmp_path_factory):
    """Two tenants, two days, carried through the graph once."""
    session = Session(module_settings, module_database)
    folder = tmp_path_factory.mktemp("files")
    land(session, "acme", write_csv(folder, "one", reviews("a", "b", "c")), FIRST)
    withdrawn = reviews("a", "b", deleted="true")
    land(session, "acme", write_csv(folder, "two", withdrawn), SECOND)
    land(session, "brava", write_csv(folder, "three", reviews("d", "e")), SECOND)
    run_days(session, BOTH, reason="test of the tags")
    return session


def due_of(session, days=None):
    with session.database.jobs() as work:
        return find_due(session, work, days)


def state_of(session, tenant):
    with session.database.jobs() as work:
        found = standings(work, find_due(session, work, None))
    return next(one for one in found if one.tenant_id == tenant)


def rows_of(session, spec):
    rows = session.lake.read(spec).frame.collect()
    return sorted(map(str, rows.rows()))


def files_of(session, spec, day):
    return [Path(one) for one in session.lake.files(spec, days=DayRange.single(day))]


def test_a_mixed_range_tells_four_kinds_of_days_apart(session):
    plan = plan_backfill(session, DayRange(date(1999, 1, 1), TODAY + timedelta(days=30)))
    told = [(one.days.first, one.days.last, one.state) for one in plan.answers]
    assert told == [
        (date(1999, 1, 1), date(2024, 12, 31), "never collected"),
        (date(2025, 1, 1), FIRST - timedelta(days=1), "never collected"),
        (FIRST, SECOND, "complete"),
        (SECOND + timedelta(days=1), TODAY, "never collected"),
        (TODAY + timedelta(days=1), TODAY + timedelta(days=30), "future"),
    ]
    assert plan.days is None
    assert plan.sentence.startswith("Nothing to do: 2 days complete, ")
    assert "30 days in the future" in plan.sentence


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(1999, 1, 1), date(1999, 1, 31), "no review was ever collected"),
        (TODAY + timedelta(days=1), date(9999, 12, 31), "in the future"),
        (FIRST, SECOND, "every day of the range is complete"),
        (SECOND + timedelta(days=1), TODAY, "no review was ever collected"),
    ],
)
def test_a_range_of_one_kind_is_answered_in_a_sentence(session, first, last, said):
    plan = plan_backfill(session, DayRange(first, last))
    assert said in plan.sentence
    assert len(plan.answers) == 1


def test_a_due_day_stands_between_complete_ones_with_its_reason(session, tmp_path):
    day = TODAY - timedelta(days=1)
    land(session, "acme", write_csv(tmp_path, "later", reviews("x", "y")), day)
    plan = plan_backfill(session, DayRange(FIRST, TODAY + timedelta(days=1)))
    assert [one.state for one in plan.answers] == [
        "complete",
        "due",
        "never collected",
        "future",
    ]
    assert plan.answers[1].sentence == (
        f"{day}: due, 2 reviews of 1 tenant (normalised: 2 rows collected and not yet normalised)"
    )
    assert plan.days == DayRange.single(day)
    assert plan.tenants == ("acme",)
    assert state_of(session, "acme").state == "due"
    assert state_of(session, "brava").state == "complete"
    run_backfill(session, plan)
    assert plan_backfill(session, DayRange(FIRST, day)).days is None
    assert state_of(session, "acme").state == "complete"


def test_a_run_of_a_command_is_among_the_runs_of_its_job(session):
    os.environ.update(prepare_environment(session))
    with dg.DagsterInstance.get() as instance:
        runs = {run.tags["reviewgraph/reason"]: run for run in instance.get_runs(OF_THE_JOB)}
    run = runs["test of the tags"]
    assert run.tags["reviewgraph/source"] == "command line"
    assert run.tags["reviewgraph/job"] == "daily_job"
    assert run.tags["reviewgraph/selection"] == f"{FIRST} to {SECOND}, all tenants"
    assert runs["backfill"].tags["reviewgraph/tenant"] == "acme"


def test_the_location_of_the_tags_is_that_of_the_workspace():
    workspace = (PROJECT_ROOT / "workspace.yaml").read_text()
    assert f"location_name: {run_tags.CODE_LOCATION}\n" in workspace


def test_fewer_enriched_than_normalised_is_explained_by_withdrawals(session):
    with session.database.jobs() as work:
        assert explain_difference(work, "acme", SECOND) == (
            "2 fewer than normalised: 2 withdrawn by their source, with no text to read"
        )
        assert explain_difference(work, "acme", FIRST) == ""


def test_a_snapshot_whose_folder_is_gone_is_due_and_published_again(session):
    with session.database.jobs() as work:
        record = work.snapshots.current("brava")
    before = session.snapshots.open("brava", record.version).table("reviews")
    shutil.rmtree(session.settings.snapshots_path / "brava")
    (one,) = due_of(session)
    assert (one.tenant_id, one.stage, one.state) == ("brava", "published", "damaged")
    assert "missing" in one.why
    plan = plan_backfill(session, BOTH)
    assert plan.tenants == ("brava",)
    assert "is missing" in plan.answers[1].sentence
    run_backfill(session, plan)
    assert session.snapshots.open("brava", record.version).table("reviews").equals(before)
    assert due_of(session) == []


@pytest.mark.parametrize("harm", ["cut", "overwritten", "deleted"])
def test_a_file_of_a_snapshot_that_is_harmed_is_noticed(session, harm):
    with session.database.jobs() as work:
        record = work.snapshots.current("brava")
    file = session.settings.snapshots_path / "brava" / record.version / "reviews.parquet"
    content = file.read_bytes()
    try:
        damage_file(file, harm)
        (one,) = due_of(session)
        assert (one.tenant_id, one.stage, one.state) == ("brava", "published", "damaged")
        assert "reviews.parquet" in one.why
    finally:
        file.write_bytes(content)
    assert due_of(session) == []


def damage_file(file, harm):
    content = file.read_bytes()
    if harm == "deleted":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.write_bytes(b"x" * len(content))


@pytest.mark.parametrize(
    ("spec", "stage"),
    [(REVIEWS, "normalised"), (REVIEW_ENRICHMENTS, "enriched")],
    ids=["reviews", "review_enrichments"],
)
def test_a_damaged_file_of_the_lake_is_named_and_made_again(session, spec, stage):
    before = {one.name: rows_of(session, one) for one in (REVIEWS, REVIEW_ENRICHMENTS)}
    (file,) = files_of(session, spec, SECOND)
    damage_file(file, "overwritten")
    assert {(one.stage, one.state) for one in due_of(session)} == {(stage, "damaged")}
    assert {one.tenant_id for one in due_of(session)} == {"acme", "brava"}
    with pytest.raises(LakeDamagedError, match=f"--from {SECOND} --to {SECOND}"):
        plan_backfill(session, DayRange.single(FIRST))
    plan = plan_backfill(session, DayRange.single(SECOND), ["acme"])
    assert plan.tenants == ("acme", "brava"), "a file is made again for all whose rows it held"
    assert file.name in plan.answers[0].sentence
    run_backfill(session, plan)
    assert {one.name: rows_of(session, one) for one in (REVIEWS, REVIEW_ENRICHMENTS)} == before
    assert lake_damage(session.lake) == []
    assert due_of(session) == []


def test_damaged_facts_of_a_tenant_are_counted_again(session):
    before = rows_of(session, DAILY_FACTS)
    (file,) = [Path(one) for one in session.lake.files(DAILY_FACTS) if "tenant_id=brava" in one]
    damage_file(file, "cut")
    assert [(one.tenant_id, one.stage) for one in due_of(session)] == [("brava", "counted")]
    run_backfill(session, plan_backfill(session, BOTH))
    assert rows_of(session, DAILY_FACTS) == before
    assert due_of(session) == []


def test_a_damaged_file_of_raw_rows_is_refused_with_what_to_do(session):
    (file, *_) = files_of(session, RAW_REVIEWS, SECOND)
    content = file.read_bytes()
    try:
        damage_file(file, "cut")
        assert {(one.stage, one.state) for one in due_of(session)} == {("collected", "damaged")}
        with pytest.raises(LakeDamagedError, match="put the file back from a backup") as told:
            plan_backfill(session, BOTH)
        assert file.name in str(told.value)
    finally:
        file.write_bytes(content)
    assert plan_backfill(session, BOTH).days is None


def test_a_run_that_meets_a_damaged_file_names_it_and_the_command(session):
    (file,) = files_of(session, REVIEWS, SECOND)
    content = file.read_bytes()
    try:
        damage_file(file, "overwritten")
        with pytest.raises(RunFailedError, match="reviewgraph backfill --from") as told:
            run_days(session, DayRange.single(SECOND), ["acme"], redo=True)
        assert file.name in str(told.value)
    finally:
        file.write_bytes(content)
    run_backfill(session, plan_backfill(session, BOTH))
    assert due_of(session) == []


def command(session, *arguments):
    answer = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "REVIEWGRAPH_HOME": str(session.settings.home),
            "REVIEWGRAPH_DATABASE_URL": session.settings.database_url.get_secret_value(),
            "REVIEWGRAPH_SECRET_KEY": session.settings.secret_key.get_secret_value(),
        },
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_status_tells_programs_and_people_the_same(session):
    told = json.loads(command(session, "status", "--tenant", "acme", "--json"))
    assert told["counts"] == {"complete": 1}
    assert [one["tenant_id"] for one in told["tenants"]] == ["acme"]
    notes = [one["note"] for one in told["ledger"] if one["note"]]
    assert notes == ["2 fewer than normalised: 2 withdrawn by their source, with no text to read"]
    said = command(session, "status", "--tenant", "acme")
    assert "withdrawn by their source" in said
    assert "Nothing is due." in said


def test_five_hundred_tenants_fit_one_screen_the_worst_first(settings, database):
    session = Session(settings, database)
    with database.jobs() as work:
        for number in range(500):
            tenant = f"tenant-{number:03}"
            work.tenants.create(tenant, tenant.title())
            done = {"tenant_id": tenant, "day": FIRST, "rows_in": 9, "rows_kept": 9}
            if number == 321:
                work.ledger.record(StageRecord(stage="collected", table_version=0, **done))
                error = "The check nothing_is_lost did not pass."
                work.ledger.fail(tenant, FIRST, "normalised", error)
            elif number % 50 == 7:
                work.ledger.record(StageRecord(stage="collected", table_version=0, **done))
            elif number % 2:
                work.ledger.record(StageRecord(stage="reported", **done))
    said = command(session, "status").splitlines()
    assert len(said) <= 24
    assert said[0] == "500 tenants: 1 failed, 10 due, 250 never collected, 239 complete"
    (first, *_) = [line for line in said if line.startswith("tenant-")]
    assert first.startswith("tenant-321")
    assert "nothing_is_lost" in first
    assert said[-1] == f"Next: reviewgraph backfill --from {FIRST} --to {FIRST}"
    assert len(command(session, "status", "--due").splitlines()) == 14
