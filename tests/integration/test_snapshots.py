from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.errors import ReviewGraphError
from resources.settings import PROJECT_ROOT
from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotQueryError,
    SnapshotStore,
)

INPUTS = {"daily_facts": 3}


def numbers(review_count=12, tenant_id="acme"):
    return {
        "metric_summary": pl.DataFrame(
            {
                "tenant_id": [tenant_id, tenant_id],
                "member": ["all", "Lampe für Ärzte"],
                "review_count": [review_count, 5],
                "average_rating": [4.25, None],
            }
        ),
        "reviews": pl.DataFrame(
            {
                "review_key": ["a", "b"],
                "posted_at": [datetime(2026, 3, 1, 12, tzinfo=UTC), None],
                "posted_day": [date(2026, 3, 1), date(2026, 3, 2)],
                "topics": [["price", "staff"], []],
            }
        ),
    }


@pytest.fixture
def store(tmp_path):
    store = SnapshotStore(tmp_path / "snapshots")
    yield store
    store.close()


@pytest.fixture
def published(store):
    return store.publish("acme", numbers(), INPUTS)


@pytest.fixture
def snapshot(store, published):
    return store.open("acme", published.version)


def test_what_was_published_can_be_read_back(snapshot):
    for name, frame in numbers().items():
        assert snapshot.table(name).equals(frame)
    assert snapshot.manifest["inputs"] == INPUTS
    assert snapshot.manifest["tables"]["reviews"]["rows"] == 2
    snapshot.verify()


def test_columns_of_older_snapshots_are_read_under_the_names_of_today(store):
    older = pl.DataFrame({"member": ["all", "Lamp"], "understood_count": [7, 2]})
    version = store.publish("acme", {"metric_summary": older}, INPUTS).version
    snapshot = store.open("acme", version)

    counts = snapshot.query("select annotated_count from metric_summary order by 1").to_pydict()
    assert counts == {"annotated_count": [2, 7]}
    assert snapshot.table("metric_summary").columns == ["member", "annotated_count"]
    snapshot.verify()


def test_publishing_the_same_numbers_again_writes_nothing(store, published):
    before = sorted((path, path.stat().st_mtime_ns) for path in published.path.iterdir())

    again = store.publish("acme", numbers(), {"daily_facts": 4})

    assert published.created
    assert not again.created
    assert again.version == published.version
    assert again.row_counts == {"metric_summary": 2, "reviews": 2}
    assert sorted((path, path.stat().st_mtime_ns) for path in published.path.iterdir()) == before


def test_any_change_of_content_is_a_new_version(store, published):
    tables = numbers()
    renamed = {"metrics": tables["metric_summary"], "reviews": tables["reviews"]}
    as_small_integers = tables | {
        "metric_summary": tables["metric_summary"].cast({"review_count": pl.Int32})
    }
    null_not_empty = tables | {
        "reviews": tables["reviews"].with_columns(
            topics=pl.Series([["price", "staff"], None], dtype=pl.List(pl.String))
        )
    }
    variants = [numbers(13), renamed, as_small_integers, null_not_empty]

    versions = {store.publish("acme", variant, INPUTS).version for variant in variants}

    assert len(versions | {published.version}) == 5


def test_two_tenants_never_share_a_version(store, published):
    assert store.publish("zeta", numbers(), INPUTS).version != published.version


def test_the_version_does_not_depend_on_how_the_tables_were_stored(store, published, tmp_path):
    tables = {}
    for name, frame in numbers().items():
        path = tmp_path / f"{name}.parquet"
        arrow = frame.to_arrow()
        pq.write_table(arrow, path, compression="gzip", row_group_size=1, use_dictionary=["member"])
        tables[name] = pa.concat_tables([pq.read_table(path).slice(n, 1) for n in range(2)])

    assert store.publish("acme", tables, INPUTS).version == published.version


def test_a_query_binds_its_parameters(snapshot):
    hostile = "x' or 1=1 --"

    found = snapshot.query(
        "select review_count from metric_summary where member = $member",
        {"member": "Lampe für Ärzte"},
    )
    nothing = snapshot.query("select 1 from metric_summary where member = ?", [hostile])

    assert found.to_pylist() == [{"review_count": 5}]
    assert nothing.num_rows == 0


def test_timestamps_come_back_in_utc(snapshot):
    (row,) = snapshot.query("select posted_at from reviews where posted_at is not null").to_pylist()

    assert row["posted_at"] == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to '{folder}/reviews.parquet'",
        "create table notes as select 1",
        "drop view reviews",
        "set enable_external_access = true",
        "attach ':memory:' as other",
        "install httpfs",
        "select 1; select 2",
        "",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from read_parquet('{neighbour}/reviews.parquet')",
        "select * from read_parquet('{folder}/../{other}/reviews.parquet')",
        "select * from no_such_table",
        "select from where",
    ],
)
def test_a_query_reads_its_own_tables_and_does_nothing_else(store, published, snapshot, statement):
    other = store.publish("acme", numbers(99), INPUTS)
    neighbour = store.publish("zeta", numbers(tenant_id="zeta"), INPUTS)
    sql = statement.format(folder=published.path, other=other.version, neighbour=neighbour.path)

    with pytest.raises(SnapshotQueryError):
        snapshot.query(sql)

    snapshot.verify()
    assert snapshot.query("select count(*) as n from reviews").to_pylist() == [{"n": 2}]


@pytest.mark.parametrize(
    "tenant_id", ["", "..", "../acme", "Acme", "a/b", "-acme", ".draft-1", "a" * 64, "acme\n"]
)
def test_a_tenant_name_cannot_leave_the_folder(store, tenant_id):
    with pytest.raises(ReviewGraphError):
        store.publish(tenant_id, numbers(), INPUTS)
    with pytest.raises(ReviewGraphError):
        store.open(tenant_id, "0" * 32)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("version", ["", "..", "../zeta", "0" * 31, "0" * 32, ".lock"])
def test_a_version_that_was_never_published_is_missing(store, version):
    with pytest.raises(SnapshotMissingError, match="acme"):
        store.open("acme", version)


def test_a_table_name_cannot_leave_the_folder(store, snapshot):
    with pytest.raises(SnapshotQueryError):
        store.publish("acme", {"../reviews": numbers()["reviews"]}, INPUTS)
    with pytest.raises(SnapshotQueryError, match="metric_summary, reviews"):
        snapshot.table("../zeta")


def test_prune_keeps_what_is_still_referred_to(store, published):
    newer = store.publish("acme", numbers(13), INPUTS)
    newest = store.publish("acme", numbers(14), INPUTS)
    other = store.publish("zeta", numbers(), INPUTS)

    deleted = store.prune("acme", keep={newest.version, published.version})

    assert deleted == [newer.version]
    assert store.versions("acme") == sorted([newest.version, published.version])
    assert store.versions("zeta") == [other.version]
    assert store.prune("nobody", keep=set()) == []


def test_a_snapshot_pruned_under_its_reader_says_so(store, published, snapshot):
    assert snapshot.query("select 1 from reviews").num_rows == 2
    store.prune("acme", keep=set())

    with pytest.raises(SnapshotMissingError):
        snapshot.query("select 1 from reviews")
    with pytest.raises(SnapshotMissingError):
        snapshot.table("reviews")
    with pytest.raises(SnapshotMissingError):
        store.open("acme", published.version)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("name", ["reviews.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", [cut_short, os.remove])
def test_a_damaged_snapshot_is_not_opened_and_is_mended_by_publishing(
    store, published, name, damage
):
    damage(published.path / name)

    with pytest.raises(SnapshotDamagedError, match=name):
        store.open("acme", published.version)
    assert store.publish("acme", numbers(), INPUTS).created
    store.open("acme", published.version).verify()


def test_another_snapshots_manifest_is_noticed(store, published):
    path = published.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tenant_id": "zeta"}))

    with pytest.raises(SnapshotDamagedError, match="another"):
        store.open("acme", published.version)


def test_changed_content_of_equal_length_is_found_by_verification(published, snapshot):
    path = published.path / "reviews.parquet"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)

    with pytest.raises(SnapshotDamagedError, match="reviews"):
        snapshot.verify()


PUBLISH_AND_STALL = """
import os, sys, time
from pathlib import Path
import polars as pl
from resources.storage.snapshots import SnapshotStore

write, calls, stall_at = os.fsync, iter(range(100)), int(sys.argv[2])

def stalling(descriptor):
    write(descriptor)
    if next(calls) == stall_at:
        print("stalled", flush=True)
        time.sleep(600)

os.fsync = stalling
SnapshotStore(Path(sys.argv[1])).publish("acme", {"metrics": pl.DataFrame({"n": [1]})}, {})
"""


@pytest.mark.parametrize("stall_at", [0, 1, 2])
def test_a_publisher_killed_midway_leaves_no_visible_version(tmp_path, stall_at):
    # The forced writes are: the table, the manifest, the draft's folder; then comes the rename.
    command = [sys.executable, "-c", PUBLISH_AND_STALL, str(tmp_path), str(stall_at)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE) as publisher:
        assert publisher.stdout.readline() == b"stalled\n"
        publisher.kill()

    store = SnapshotStore(tmp_path)
    assert store.versions("acme") == []
    published = store.publish("acme", {"metrics": pl.DataFrame({"n": [1]})}, {})

    assert published.created
    assert sorted(entry.name for entry in (tmp_path / "acme").iterdir()) == [
        ".lock",
        published.version,
    ]


def test_concurrent_publishers_agree_on_one_version(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(
                lambda _: SnapshotStore(tmp_path).publish("acme", numbers(), INPUTS), range(16)
            )
        )

    assert len({result.version for result in results}) == 1
    assert sum(result.created for result in results) == 1
    SnapshotStore(tmp_path).open("acme", results[0].version).verify()


def test_many_threads_read_many_snapshots_through_few_open_databases(tmp_path):
    store = SnapshotStore(tmp_path, open_limit=2)
    versions = [store.publish("acme", numbers(n), INPUTS).version for n in range(5)]
    start = threading.Barrier(8)

    def ask(thread):
        start.wait()
        for n in range(10):
            wanted = (n + thread) % 5
            answer = store.open("acme", versions[wanted]).query(
                "select review_count from metric_summary where member = 'all'"
            )
            assert answer.to_pylist() == [{"review_count": wanted}]
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    store.close()
