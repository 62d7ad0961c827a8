"""The lake and the object store on an S3 service, reached over HTTP on loopback."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import boto3
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from resources.engine import PolarsEngine
from resources.settings import Settings
from resources.storage.lake import NO_VERSION, Lake
from resources.storage.objects import ObjectNotFoundError, ObjectStore
from resources.storage.schemas import DAILY_FACTS, RAW_REVIEWS
from resources.vocabulary import DayRange

MONDAY = date(2026, 3, 2)
ACCESS = {"s3_access_key_id": "key", "s3_secret_access_key": "secret"}


@pytest.fixture(scope="module")
def endpoint():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def settings(endpoint, tmp_path, request):
    bucket = f"bucket-{abs(hash(request.node.name))}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=bucket)
    client.close()
    return Settings(
        home=tmp_path,
        lake_url=f"s3://{bucket}/lake",
        objects_url=f"s3://{bucket}/objects",
        s3_endpoint=endpoint,
        _env_file=None,
        **ACCESS,
    )


@pytest.fixture
def lake(settings):
    return Lake.from_settings(settings)


def raw_rows(count, tenant, text="good"):
    columns = {"day": [MONDAY] * count, "tenant_id": [tenant] * count, "text": [text] * count}
    names = RAW_REVIEWS.schema.names
    return pa.table({n: columns.get(n, [None] * count) for n in names}, schema=RAW_REVIEWS.schema)


def counts(lake, **scope):
    frame = lake.read(RAW_REVIEWS, **scope).frame
    rows = frame.group_by("tenant_id", "text").len().collect()
    return {(tenant, text): n for tenant, text, n in rows.iter_rows()}


def test_rows_are_appended_once_replaced_and_read_as_in_a_folder(lake):
    assert lake.version(RAW_REVIEWS) == NO_VERSION
    assert counts(lake) == {}

    lake.append(RAW_REVIEWS, raw_rows(3, "acme").to_reader(), batches=["one"])
    assert lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one"]).skipped
    lake.append(RAW_REVIEWS, raw_rows(4, "beta"), batches=["two"])
    commit = lake.replace(RAW_REVIEWS, raw_rows(1, "acme", "new"), day=MONDAY, tenants=["acme"])

    assert counts(lake) == {("acme", "new"): 1, ("beta", "good"): 4}
    assert counts(lake, version=commit.version - 1) == {("acme", "good"): 3, ("beta", "good"): 4}
    assert counts(lake, days=DayRange.single(MONDAY), tenants=["beta"]) == {("beta", "good"): 4}
    assert lake.tenants(RAW_REVIEWS, DayRange.single(MONDAY)) == ["acme", "beta"]
    assert all(
        file.startswith(f"{lake.location}/raw_reviews/day=") for file in lake.files(RAW_REVIEWS)
    )


def test_writers_of_the_same_batch_race_and_one_lands(lake):
    with ThreadPoolExecutor(3) as pool:
        attempts = [
            pool.submit(lake.append, RAW_REVIEWS, raw_rows(5, "acme"), batches=["one"])
            for _ in range(3)
        ]

    assert sorted(attempt.result().skipped for attempt in attempts) == [False, True, True]
    assert counts(lake) == {("acme", "good"): 5}


def test_writers_of_different_tenants_both_win(lake):
    lake.append(RAW_REVIEWS, pa.concat_tables([raw_rows(3, "acme"), raw_rows(3, "beta")]))

    with ThreadPoolExecutor(2) as pool:
        writers = [
            pool.submit(
                lake.replace, RAW_REVIEWS, raw_rows(2, name, "new"), day=MONDAY, tenants=[name]
            )
            for name in ("acme", "beta")
        ]
    for writer in writers:
        writer.result()

    assert counts(lake) == {("acme", "new"): 2, ("beta", "new"): 2}


def test_a_table_partitioned_by_tenant_is_replaced_by_tenant(lake):
    names = DAILY_FACTS.schema.names
    facts = pa.table({n: [None] for n in names}, schema=DAILY_FACTS.schema)
    acme = facts.set_column(0, "tenant_id", pa.array(["acme"]))
    lake.replace(DAILY_FACTS, acme, tenants=["acme"])
    lake.replace(DAILY_FACTS, acme, tenants=["acme"])

    assert lake.read(DAILY_FACTS).frame.collect().height == 1


def test_an_engine_reads_the_lake_through_the_service(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))

    with PolarsEngine() as engine:
        assert engine.collect(engine.read(lake, RAW_REVIEWS, tenants=["acme"])).num_rows == 3


def test_objects_are_stored_once_and_streamed(settings):
    store = ObjectStore.from_settings(settings)
    page = b"a page" * 1_000_000

    stored = store.put("acme", page, suffix=".pdf")

    assert store.put("acme", page, suffix=".pdf") == stored
    assert store.get(stored.key) == page
    assert len(list(store.stream(stored.key))) > 1
    assert store.exists(stored.key)
    assert store.path(stored.key) is None
    missing = stored.key.replace("acme", "beta")
    assert not store.exists(missing)
    with pytest.raises(ObjectNotFoundError):
        store.get(missing)
