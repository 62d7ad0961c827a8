"""Snapshots on an S3 service, read through copies that are bounded, verified and shared."""

from __future__ import annotations

import gc
import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import polars as pl
import pytest

from resources.settings import Settings
from resources.storage.places import StorageUnreachableError
from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
    content_version,
)
from tests.s3_service import ACCESS, client, make_bucket, running_s3


@pytest.fixture(scope="module")
def endpoint():
    with running_s3() as address:
        yield address


@pytest.fixture
def bucket(endpoint, request):
    name = f"b{abs(hash(request.node.name))}"
    make_bucket(endpoint, name)
    return name


@pytest.fixture
def store_in(endpoint, bucket, tmp_path):
    """Opens the snapshots from a home of its own."""

    def open_from(home, cache="1GiB", at=endpoint):
        return SnapshotStore.from_settings(
            Settings(
                home=tmp_path / home,
                snapshots_url=f"s3://{bucket}/snapshots",
                snapshots_cache=cache,
                s3_endpoint=at,
                _env_file=None,
                **ACCESS,
            )
        )

    return open_from


@pytest.fixture
def keys(endpoint, bucket):
    """Lists what lies in the bucket, with the time of each file."""
    opened = client(endpoint)

    def listed():
        found = opened.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {entry["Key"].removeprefix("snapshots/"): entry["ETag"] for entry in found}

    yield listed
    opened.close()


def tables(n):
    return {"numbers": pl.DataFrame({"n": [n]}), "reviews": pl.DataFrame({"key": ["a", "b"]})}


def number(snapshot):
    return snapshot.query("select n from numbers").to_pylist()[0]["n"]


def copies(tmp_path, home):
    return sorted(path.name for path in (tmp_path / home / "cache" / "snapshots").glob("acme/*/"))


def test_what_one_machine_publishes_another_reads(store_in, tmp_path):
    published = store_in("graph").publish("acme", tables(1), {"run": "x"})

    snapshot = store_in("api").open("acme", published.version)

    assert published.version == content_version("acme", tables(1))
    assert published.version == SnapshotStore(tmp_path / "f").publish("acme", tables(1), {}).version
    assert number(snapshot) == 1
    assert snapshot.table("reviews").equals(tables(1)["reviews"])
    assert snapshot.manifest["inputs"] == {"run": "x"}
    snapshot.verify()
    assert not (tmp_path / "api" / "snapshots").exists()


def test_publishing_the_same_again_writes_nothing(store_in, keys):
    store_in("graph").publish("acme", tables(1), {})
    before = keys()

    again = store_in("other").publish("acme", tables(1), {"run": "another"})

    assert not again.created
    assert keys() == before


def test_a_version_without_its_manifest_is_not_there(store_in, endpoint, bucket):
    published = store_in("graph").publish("acme", tables(1), {})
    opened = client(endpoint)
    opened.delete_object(Bucket=bucket, Key=f"snapshots/{published.key}/manifest.json")
    opened.close()

    assert store_in("api").versions("acme") == []
    with pytest.raises(SnapshotMissingError):
        store_in("api").open("acme", published.version)
    assert store_in("graph").publish("acme", tables(1), {}).created
    assert number(store_in("api").open("acme", published.version)) == 1


def test_a_changed_file_at_the_service_is_not_served(store_in, endpoint, bucket, keys, tmp_path):
    published = store_in("graph").publish("acme", tables(1), {})
    (key,) = (key for key in keys() if "/numbers." in key)
    opened = client(endpoint)
    size = opened.head_object(Bucket=bucket, Key=f"snapshots/{key}")["ContentLength"]
    opened.put_object(Bucket=bucket, Key=f"snapshots/{key}", Body=b"x" * size)
    opened.close()

    with pytest.raises(SnapshotDamagedError, match="numbers"):
        store_in("api").open("acme", published.version)
    assert copies(tmp_path, "api") == []


@pytest.mark.parametrize("harm", ["change", "cut", "remove"])
def test_a_damaged_copy_is_fetched_again(store_in, harm):
    version = store_in("graph").publish("acme", tables(1), {}).version
    store = store_in("api")
    path = store.open("acme", version).path / "numbers.parquet"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(content if harm == "change" else content[:-5])

    snapshot = store.open("acme", version)

    assert number(snapshot) == 1
    snapshot.verify()


def test_the_copies_stay_within_their_bound_and_what_is_read_stays(store_in, tmp_path):
    graph, api = store_in("graph"), store_in("api", cache="1")
    versions = [graph.publish("acme", tables(n), {}).version for n in range(3)]

    read = [api.open("acme", version) for version in versions[:2]]
    assert copies(tmp_path, "api") == sorted(versions[:2]), "both are being read"
    assert [number(snapshot) for snapshot in read] == [0, 1]

    del read
    gc.collect()
    last = api.open("acme", versions[2])
    assert copies(tmp_path, "api") == [versions[2]]
    assert number(last) == 2
    assert not list((tmp_path / "api" / "cache" / "snapshots" / ".drafts").iterdir())


def test_the_copy_that_was_opened_last_goes_last(store_in, tmp_path):
    graph = store_in("graph")
    versions = [graph.publish("acme", tables(n), {}).version for n in range(3)]
    size = sum(
        path.stat().st_size
        for path in (tmp_path / "graph" / "cache" / "snapshots" / "acme" / versions[0]).iterdir()
    )
    api = store_in("api", cache=f"{int(size * 2.5)}")

    for n in (0, 1, 0, 2):
        assert number(api.open("acme", versions[n])) == n

    assert copies(tmp_path, "api") == sorted([versions[0], versions[2]])


def test_many_readers_of_one_version_fetch_it_once(store_in, monkeypatch):
    from resources.storage.snapshot_remote import RemoteShelf

    version = store_in("graph").publish("acme", tables(1), {}).version
    fetched, fetch = [], RemoteShelf._fetch
    monkeypatch.setattr(
        RemoteShelf, "_fetch", lambda self, *rest: (fetched.append(1), fetch(self, *rest))[1]
    )
    store = store_in("api")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: number(store.open("acme", version)), range(24)))

    assert answers == [1] * 24
    assert len(fetched) == 1


def publish_from(place, numbers_):
    """Publish from a process of its own; returns the versions."""
    url, endpoint, home = place
    settings = Settings(
        home=home, snapshots_url=url, s3_endpoint=endpoint, _env_file=None, **ACCESS
    )
    store = SnapshotStore.from_settings(settings)
    return [store.publish("acme", tables(n), {}).version for n in numbers_]


def test_two_machines_publish_the_same_versions_at_once(store_in, endpoint, bucket, tmp_path):
    url = f"s3://{bucket}/snapshots"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(publish_from, (url, endpoint, tmp_path / name), range(6)) for name in "ab"
        ]
    first, second = (future.result() for future in futures)

    assert first == second
    assert store_in("api").versions("acme") == sorted(first)
    for n, version in enumerate(first):
        assert number(store_in("api").open("acme", version)) == n


def test_pruned_versions_are_gone_from_the_service_and_the_copies(store_in, keys, tmp_path):
    graph = store_in("graph")
    old, new = (graph.publish("acme", tables(n), {}).version for n in range(2))
    store_in("api").open("acme", old)

    assert graph.prune("acme", keep={new}) == [old]

    assert graph.versions("acme") == [new]
    assert {key.split("/")[1] for key in keys()} == {new}
    assert copies(tmp_path, "graph") == [new]
    with pytest.raises(SnapshotMissingError):
        store_in("api").open("acme", old)
    assert copies(tmp_path, "api") == []


def test_a_table_that_did_not_change_is_copied_and_not_sent(store_in, keys):
    graph = store_in("graph")
    for n in range(2):
        graph.publish("acme", tables(n), {})

    etags = [etag for key, etag in keys().items() if "/reviews." in key]
    assert len(etags) == 2
    assert len(set(etags)) == 1


def test_a_service_that_does_not_answer_is_named(store_in):
    with pytest.raises(StorageUnreachableError, match="snapshots"):
        store_in("api", at="http://127.0.0.1:9").open("acme", "0" * 32)
    store_in("api").check()


def test_the_manifest_is_the_same_in_the_copy(store_in, endpoint, bucket):
    published = store_in("graph").publish("acme", tables(1), {})
    snapshot = store_in("api").open("acme", published.version)
    opened = client(endpoint)
    body = opened.get_object(Bucket=bucket, Key=f"snapshots/{published.key}/manifest.json")
    assert json.loads(body["Body"].read()) == snapshot.manifest
    opened.close()
