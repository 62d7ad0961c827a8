"""Published numbers whose files are lost: what the API says, and the sensor that mends it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pipelines.definitions import build_definitions
from pipelines.repairing import in_turn, plan_repair, unreadable_snapshots

ACME = "/v1/tenants/acme"


@pytest.fixture
def published(world):
    """The folder of acme's current snapshot, put back after the test."""
    with world.database.jobs() as work:
        record = work.snapshots.current("acme")
    folder = world.settings.snapshots_path / "acme" / record.version
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)


ASKING = ["/metrics", "/metrics/topics", "/metrics/ratings", "/reviews"]


def refused(answer):
    assert answer.status_code == 503, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:reviewgraph:problem:numbers-unreadable"
    assert "reviewgraph status --due" in problem["detail"]
    assert "in a few seconds" not in problem["detail"]
    assert answer.headers["retry-after"] == "60"


@pytest.mark.parametrize("path", ASKING)
def test_a_missing_snapshot_is_said_with_what_to_do(ada, published, path):
    shutil.rmtree(published)
    refused(ada.get(ACME + path))


@pytest.mark.parametrize("harm", ["deleted", "cut", "overwritten"])
def test_damaged_files_are_said_with_what_to_do(ada, published, harm):
    file = published / "reviews.parquet"
    size = file.stat().st_size
    if harm == "deleted":
        file.unlink()
    else:
        file.write_bytes(b"x" * (size if harm == "overwritten" else size // 2))
    refused(ada.get(f"{ACME}/reviews", params={"limit": 10 + len(harm)}))


def test_the_current_version_asked_for_by_name_is_not_called_replaced(ada, published):
    shutil.rmtree(published)
    refused(ada.get(f"{ACME}/reviews", params={"snapshot": published.name}))


def tick(world, instance, cursor=None):
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={
            "database": world.database,
            "snapshots": world.snapshots,
            "settings": world.settings,
        },
    )
    return unreadable_snapshots(context)


def test_the_sensor_asks_for_a_run_for_whom_it_cannot_be_read(world, published):
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(tick(world, instance), dg.SkipReason)
        shutil.rmtree(published)
        request = tick(world, instance)
        assert request.run_config["resources"]["scope"]["config"]["tenants"] == ["acme"]
        assert request.tags["reviewgraph/source"] == "sensor"
        assert request.run_key == tick(world, instance).run_key
        instance.create_run_for_job(
            build_definitions(world.settings).resolve_job_def("publish_job"),
            status=dg.DagsterRunStatus.STARTED,
        )
        assert isinstance(tick(world, instance), dg.SkipReason), "one is under way"


def test_what_could_not_be_mended_is_tried_again_in_the_next_hour(world):
    with world.database.jobs() as work:
        lost = work.snapshots.currents()
    now = datetime(2026, 3, 2, 10, 59, tzinfo=UTC)
    assert plan_repair(lost, now).run_key != plan_repair(lost, now + timedelta(minutes=1)).run_key


def test_a_tick_goes_on_behind_the_tenant_that_was_looked_at_last(world):
    with world.database.jobs() as work:
        records = work.snapshots.currents()
    names = [record.tenant_id for record in records]
    assert [record.tenant_id for record in in_turn(records, names[0])] == [*names[1:], names[0]]
    assert [record.tenant_id for record in in_turn(records, None)] == names
