"""Erasing, compacting and vacuuming a lake, and two writers at once, in a folder and on S3."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from resources.settings import Settings
from resources.storage.lake import Lake, LakeError, LakeScopeError
from resources.storage.schemas import DAILY_FACTS, RAW_REVIEWS, REVIEWS
from tests.s3_service import ACCESS, client, make_bucket, running_s3

MONDAY = date(2026, 3, 2)
ROUNDS = 12


@pytest.fixture(scope="module")
def endpoint():
    with running_s3() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def lake(request, tmp_path):
    if request.param == "folder":
        return Lake(str(tmp_path / "lake"))
    endpoint = request.getfixturevalue("endpoint")
    bucket = f"b{abs(hash(request.node.name))}"
    make_bucket(endpoint, bucket)
    settings = Settings(
        home=tmp_path,
        lake_url=f"s3://{bucket}/lake",
        s3_endpoint=endpoint,
        _env_file=None,
        **ACCESS,
    )
    return Lake.from_settings(settings)


def rows(spec, tenants, count=3, **columns):
    names = [tenant for tenant in tenants for _ in range(count)]
    given = {"day": [MONDAY] * len(names), "tenant_id": names}
    given |= {name: [value] * len(names) for name, value in columns.items()}
    if "review_key" in spec.schema.names:
        given["review_key"] = [f"{tenant}-{n % count}" for n, tenant in enumerate(names)]
    nothing = [None] * len(names)
    return pa.table({n: given.get(n, nothing) for n in spec.schema.names}, schema=spec.schema)


def keys(lake, **scope):
    return sorted(lake.read(REVIEWS, **scope).frame.collect()["review_key"].to_list())


def contents(lake):
    """Every data file that lies at the table's place, named by the table or not."""
    if not lake.is_remote:
        files = [str(path) for path in Path(lake.location).rglob("*.parquet")]
        return {file for file in files if "_delta_log" not in file}
    endpoint = lake.storage_options["aws_endpoint_url"]
    bucket = lake.location.split("/")[2]
    listed = client(endpoint).list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        f"s3://{bucket}/{entry['Key']}"
        for entry in listed
        if entry["Key"].endswith(".parquet") and "_delta_log" not in entry["Key"]
    }


def test_after_a_purge_there_is_the_current_version_alone_and_batches_stay_landed(lake):
    lake.append(REVIEWS, rows(REVIEWS, ["acme", "beta"], text="secret words"), batches=["b"])
    lake.upkeep.erase(REVIEWS, tenants=["acme"], review_keys=["acme-0"])
    before = contents(lake)
    assert lake.upkeep.purge(REVIEWS) == 1
    assert len(contents(lake)) < len(before)
    assert len(keys(lake)) == 5
    with pytest.raises(LakeError, match="no version 1"):
        lake.read(REVIEWS, version=1)
    again = lake.append(REVIEWS, rows(REVIEWS, ["acme"]), batches=["b"])
    assert again.skipped
    lake.append(REVIEWS, rows(REVIEWS, ["acme"], count=1))
    assert len(keys(lake)) == 6
    assert lake.upkeep.purge(REVIEWS) == 0


def test_erased_reviews_are_gone_and_after_vacuum_from_every_file(lake):
    lake.append(REVIEWS, rows(REVIEWS, ["acme", "beta"], text="secret words"))
    before = lake.version(REVIEWS)

    lake.upkeep.erase(REVIEWS, tenants=["acme"], review_keys=["acme-0", "beta-0"])
    assert keys(lake) == ["acme-1", "acme-2", "beta-0", "beta-1", "beta-2"]
    assert "acme-0" in keys(lake, version=before), "until vacuum, an older version can be read"

    assert lake.upkeep.vacuum(REVIEWS, timedelta(0)) == 1
    assert contents(lake) == set(lake.files(REVIEWS))
    assert keys(lake) == ["acme-1", "acme-2", "beta-0", "beta-1", "beta-2"]
    with pytest.raises((LakeError, pl.exceptions.PolarsError, OSError)):
        keys(lake, version=before)


def test_a_tenant_is_erased_whole_and_nobody_else_is(lake):
    lake.append(REVIEWS, rows(REVIEWS, ["acme", "beta"]))
    hostile = "x') OR tenant_id IN ('beta"

    lake.upkeep.erase(REVIEWS, tenants=[hostile])
    lake.upkeep.erase(REVIEWS, tenants=[])
    lake.upkeep.erase(REVIEWS, tenants=["acme"], review_keys=[])
    assert len(keys(lake)) == 6

    lake.upkeep.erase(REVIEWS, tenants=["acme"])
    assert keys(lake) == ["beta-0", "beta-1", "beta-2"]


def test_reviews_cannot_be_erased_where_they_are_not_known(lake):
    lake.append(DAILY_FACTS, rows(DAILY_FACTS, ["acme"]))

    with pytest.raises(LakeScopeError, match="erase its tenants"):
        lake.upkeep.erase(DAILY_FACTS, tenants=["acme"], review_keys=["a"])


def test_upkeep_of_a_table_that_does_not_exist_does_nothing(lake):
    assert lake.upkeep.erase(REVIEWS, tenants=["acme"]) == -1
    assert lake.upkeep.compact(REVIEWS).files_after == 0
    assert lake.upkeep.vacuum(REVIEWS) == 0


def test_compaction_joins_files_and_changes_no_row(lake):
    for n in range(6):
        lake.append(RAW_REVIEWS, rows(RAW_REVIEWS, ["acme"], text=f"{n}"), batches=[f"batch {n}"])
    before = lake.read(RAW_REVIEWS).frame.collect().sort("text")

    done = lake.upkeep.compact(RAW_REVIEWS)

    assert (done.files_before, done.files_after) == (6, 1)
    assert len(lake.files(RAW_REVIEWS)) == 1
    assert lake.read(RAW_REVIEWS).frame.collect().sort("text").equals(before)
    assert lake.landed(RAW_REVIEWS, "batch 3")
    assert lake.upkeep.vacuum(RAW_REVIEWS) == 0, "seven days are not over"
    assert lake.upkeep.vacuum(RAW_REVIEWS, timedelta(0)) == 6


def replace_many(location, options, name, tenants):
    """Replace the same scope again and again; returns the version of each commit."""
    lake = Lake(location, options)
    return [
        lake.replace(
            RAW_REVIEWS,
            rows(RAW_REVIEWS, tenants, text=f"{name} {n}"),
            day=MONDAY,
            tenants=tenants,
        ).version
        for n in range(ROUNDS)
    ]


def keep_in_order(location, options):
    """Compact, erase and vacuum while others write."""
    lake = Lake(location, options)
    for _ in range(ROUNDS // 2):
        lake.upkeep.compact(RAW_REVIEWS)
        lake.upkeep.erase(RAW_REVIEWS, tenants=["zeta"])
        lake.upkeep.vacuum(RAW_REVIEWS, timedelta(hours=1))


def at_once(*calls):
    with ProcessPoolExecutor(len(calls), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(*call) for call in calls]
    return [future.result() for future in futures]


def test_two_writers_of_overlapping_scopes_lose_no_file(lake):
    # https://github.com/delta-io/delta-rs/issues/3622: the first writer's file vanished.
    place = (lake.location, lake.storage_options)
    first, second = at_once(
        (replace_many, *place, "first", ["acme", "beta"]),
        (replace_many, *place, "second", ["beta", "coda"]),
    )

    assert not set(first) & set(second), "each commit is a version of its own"
    final = lake.read(RAW_REVIEWS).frame.group_by("tenant_id", "text").len().collect()
    found = {tenant: (text, n) for tenant, text, n in final.iter_rows()}
    assert len(found) == final.height, "one writer's rows per tenant"
    last = "first" if max(first) > max(second) else "second"
    assert found["acme"] == (f"first {ROUNDS - 1}", 3)
    assert found["coda"] == (f"second {ROUNDS - 1}", 3)
    assert found["beta"] == (f"{last} {ROUNDS - 1}", 3)
    for version in range(lake.version(RAW_REVIEWS) + 1):
        assert set(lake.files(RAW_REVIEWS, version=version)) <= contents(lake)
    table = DeltaTable(f"{lake.location}/raw_reviews", storage_options=lake.storage_options)
    versions = sorted(entry["version"] for entry in table.history())
    assert versions == list(range(lake.version(RAW_REVIEWS) + 1))


def test_upkeep_beside_a_writer_loses_nothing(lake):
    place = (lake.location, lake.storage_options)
    lake.append(RAW_REVIEWS, rows(RAW_REVIEWS, ["zeta", "beta"], text="old"))

    at_once((replace_many, *place, "only", ["acme", "coda"]), (keep_in_order, *place))

    final = lake.read(RAW_REVIEWS).frame.group_by("tenant_id", "text").len().collect()
    last = f"only {ROUNDS - 1}"
    assert sorted(final.iter_rows()) == [("acme", last, 3), ("beta", "old", 3), ("coda", last, 3)]
    assert set(lake.files(RAW_REVIEWS)) <= contents(lake)
