"""What killed runs leave in the scratch folder goes; what a run uses or may go on from stays."""

from __future__ import annotations

import os
import time

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from assets.leftovers import MARTS, keep_to_go_on, sweep

Status = dg.DagsterRunStatus
OVER = [Status.FAILURE, Status.SUCCESS, Status.CANCELED]
ALIVE = [Status.STARTED, Status.STARTING, Status.CANCELING, Status.NOT_STARTED]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


def run_of(instance, status, **options):
    return create_run_for_test(instance, job_name="daily_job", status=status, **options).run_id


def folder_of(scratch, name, *, age=0.0):
    folder = scratch / name
    (folder / "inputs").mkdir(parents=True)
    for path in (folder / "inputs", folder):
        os.utime(path, (time.time() - age,) * 2)
    return folder


@pytest.mark.parametrize("status", OVER)
def test_the_marts_of_a_run_that_is_over_are_deleted(instance, scratch, status):
    folder = folder_of(scratch, MARTS + run_of(instance, status))
    assert sweep(instance, scratch) == [folder]
    assert not folder.exists()


@pytest.mark.parametrize("status", ALIVE)
def test_the_marts_of_a_living_run_stay_however_old_they_are(instance, scratch, status):
    folder = folder_of(scratch, MARTS + run_of(instance, status), age=10 * 24 * 3600)
    assert sweep(instance, scratch) == []
    assert folder.exists()


@pytest.mark.parametrize("status", ALIVE)
def test_the_marts_of_a_failed_run_stay_while_another_goes_on_from_it(instance, scratch, status):
    failed = run_of(instance, Status.FAILURE)
    run_of(instance, status, root_run_id=failed, parent_run_id=failed)
    folder = folder_of(scratch, MARTS + failed)
    assert sweep(instance, scratch) == []
    assert folder.exists()


def test_what_a_failed_run_keeps_to_go_on_from_stays_for_a_day(instance, scratch):
    folder = folder_of(scratch, MARTS + run_of(instance, Status.FAILURE))
    keep_to_go_on(folder)
    assert sweep(instance, scratch) == []
    yesterday = time.time() - 25 * 3600
    os.utime(folder / "to-go-on", (yesterday, yesterday))
    assert sweep(instance, scratch) == [folder]


def test_marts_of_runs_that_nobody_knows_are_deleted(instance, scratch):
    folder = folder_of(scratch, f"{MARTS}00000000-0000-0000-0000-000000000000")
    assert sweep(instance, scratch) == [folder]


@pytest.mark.parametrize("name", ["engine-abc", "facts-abc", "blockmgr-1", "whatever"])
def test_other_leftovers_go_once_every_run_under_way_is_younger(instance, scratch, name):
    old = folder_of(scratch, name, age=60)
    new = folder_of(scratch, f"{name}-new")
    os.utime(new, (time.time() + 60,) * 2)
    run_of(instance, Status.STARTED)
    assert sweep(instance, scratch) == [old]
    assert new.exists()


def test_a_folder_is_as_young_as_what_was_last_written_in_it(instance, scratch):
    folder = folder_of(scratch, "engine-abc", age=60)
    (folder / "rows.arrow").write_text("x")
    os.utime(folder / "rows.arrow", (time.time() + 60,) * 2)
    os.utime(folder, (time.time() - 60,) * 2)
    run_of(instance, Status.STARTED)
    assert sweep(instance, scratch) == []


def test_a_home_without_scratch_has_nothing_to_sweep(instance, scratch):
    assert sweep(instance, scratch) == []
