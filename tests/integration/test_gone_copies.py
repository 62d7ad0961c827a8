"""A snapshot that is taken away on one machine is read from no copy on another, nor left there."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from resources.privacy.copies import GoneCopies, removing_gone_copies
from resources.storage.snapshots import SnapshotStore
from serving_api.main import create_app
from tests.api_world import serving
from tests.published_reviews import reviews_of, tables_of
from tests.s3_service import ACCESS, make_bucket, running_s3


@pytest.fixture(scope="module")
def endpoint():
    with running_s3() as address:
        yield address


@pytest.fixture
def settings(settings, endpoint, request):
    bucket = f"b{abs(hash(request.node.name))}"
    make_bucket(endpoint, bucket)
    return settings.model_copy(
        update={
            "snapshots_url": f"s3://{bucket}/snapshots",
            "s3_endpoint": endpoint,
            "s3_access_key_id": ACCESS["s3_access_key_id"],
            "s3_secret_access_key": SecretStr(ACCESS["s3_secret_access_key"]),
        }
    )


@pytest.fixture
def graph(settings, tmp_path):
    """The snapshots as the machine sees them that publishes and erases."""
    home = tmp_path / "graph"
    return SnapshotStore.from_settings(settings.model_copy(update={"home": home}))


@pytest.fixture
def here(settings):
    """The snapshots as this machine reads them."""
    return SnapshotStore.from_settings(settings)


@pytest.fixture
def versions(database, graph):
    """An older and the current version of a tenant, and one of another."""
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
        work.tenants.create("bolt", "Bolt")
    return [publish(database, graph, "acme", 0), publish(database, graph, "acme", 1)]


def publish(database, store, tenant, first):
    published = store.publish(tenant, tables_of(reviews_of(tenant)[first:]), {})
    with database.jobs() as work:
        work.snapshots.point_to(tenant, published.version, path=published.key, row_count=1)
    return published.version


def take_away(database, store, tenant, version):
    """As an erasure does."""
    with database.jobs() as work:
        work.snapshots.forget(tenant, version)
    store.prune(tenant, set(store.versions(tenant)) - {version})


def wait_until(is_so, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def test_a_copy_goes_as_soon_as_its_snapshot_does_and_others_stay(database, graph, here, versions):
    old, current = versions
    of_bolt = publish(database, graph, "bolt", 0)
    for tenant, version in (("acme", old), ("acme", current), ("bolt", of_bolt)):
        here.open(tenant, version)
    with removing_gone_copies(database, here):
        take_away(database, graph, "acme", old)
        wait_until(lambda: here.copies() == {"acme": {current}, "bolt": {of_bolt}}, seconds=5)


def test_a_copy_that_is_being_read_goes_once_it_is_not(database, graph, here, versions):
    old, _ = versions
    reading = here.open("acme", old)
    with removing_gone_copies(database, here):
        take_away(database, graph, "acme", old)
        time.sleep(1.5)
        assert reading.query("select count(*) as n from reviews").to_pylist() == [{"n": 90}]
        del reading
        wait_until(lambda: here.copies() == {})


def test_what_went_while_nobody_listened_goes_at_the_next_start(database, graph, here, versions):
    old, current = versions
    for version in versions:
        here.open("acme", version)
    take_away(database, graph, "acme", old)
    assert here.copies() == {"acme": set(versions)}
    with removing_gone_copies(database, here):
        wait_until(lambda: here.copies() == {"acme": {current}})


def test_while_the_database_does_not_answer_copies_are_kept_and_looked_at_again(
    database, graph, here, versions, monkeypatch
):
    old, current = versions
    here.open("acme", old)
    answers = database.work

    def silent(*_, **__):
        raise OSError("it does not answer")

    monkeypatch.setattr(database, "work", silent)
    with GoneCopies(database, here) as copies:
        take_away(database, graph, "acme", old)
        copies.on_change("numbers:acme")
        time.sleep(0.3)
        assert here.copies() == {"acme": {old}}
        monkeypatch.setattr(database, "work", answers)
        wait_until(lambda: here.copies() == {})
    assert current in graph.versions("acme")


def test_a_running_api_removes_its_copies(settings, database, graph, here, versions):
    old, current = versions
    with serving(create_app(settings, database)):
        for version in versions:
            here.open("acme", version)
        take_away(database, graph, "acme", old)
        wait_until(lambda: here.copies() == {"acme": {current}}, seconds=5)


def test_a_machine_that_publishes_removes_copies_of_what_another_took_away(
    database, graph, here, versions
):
    old, current = versions
    here.open("acme", old)
    take_away(database, graph, "acme", old)
    here.prune("acme", keep={current})
    assert here.copies() == {}
