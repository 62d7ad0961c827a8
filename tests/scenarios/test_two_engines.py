"""Polars, Spark and Spark Connect carry the same file to the same rows at every stage.

As many generated reviews as ``--rows`` says go through the whole graph, by its own entry, in two
batches of one day. Each engine has a home and a process of its own, with nothing but its settings
to tell it from the others.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from resources.engine.java import find_java_home
from resources.sandbox.world import generate_world
from resources.storage.lake import Lake
from resources.storage.schemas import (
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
)

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]

PROJECT = Path(__file__).parents[2]
DAY = "2026-11-20"
TABLES = (
    RAW_REVIEWS,
    REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    DAILY_FACTS,
    DAILY_LABEL_FACTS,
)
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
IMPORT = """
import json, sys
from datetime import date
from pathlib import Path

from pipelines.file_import import FileImport
from pipelines.session import open_session
from resources.settings import Settings

day, *files = sys.argv[1:]
with open_session(Settings(_env_file=None)) as session:
    for file in files:
        work = FileImport.of(
            session, "acme", Path(file), source="reviews", day=date.fromisoformat(day)
        )
        work.create_tenant_if_new()
        work.process(work.land())
    with session.database.jobs() as work:
        ledger = [
            (one.stage, one.status, one.rows_in, one.rows_kept, one.rows_unchanged)
            for one in work.ledger.for_tenant("acme")
        ]
        version = work.snapshots.current("acme").version
print(json.dumps({"ledger": sorted(ledger), "snapshot": version}))
"""


@dataclass(frozen=True)
class Outcome:
    """What an engine has made of the files.

    Attributes:
        told: The ledger's counts and the snapshot's version, which is a hash of its content.
        tables: Name -> rows in one order, without the moment of their arrival.
    """

    told: dict[str, object]
    tables: dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def files(tmp_path_factory, pytestconfig):
    """One tenant's reviews in two files, the second with edits and repeats of the first."""
    folder = tmp_path_factory.mktemp("files")
    rows = pytestconfig.getoption("rows")
    (tenant,) = generate_world(folder, reviews=rows, tenants=1, seed=9).tenants
    reviews = pl.read_csv(folder / tenant.id / "reviews.csv", infer_schema=False)
    paths = [folder / "first.csv", folder / "second.csv"]
    middle = len(reviews) * 2 // 3
    reviews[:middle].write_csv(paths[0])
    pl.concat([reviews[middle:], reviews[: middle // 10]]).write_csv(paths[1])
    return paths


@pytest.fixture(scope="module")
def carried(files, tmp_path_factory):
    """Carry the files through the graph with some settings, in a process of its own."""

    def carry(name: str, **settings: str) -> Outcome:
        home = tmp_path_factory.mktemp(name)
        environment = os.environ | {
            "PYTHONPATH": str(PROJECT),
            "REVIEWGRAPH_HOME": str(home),
            **{f"REVIEWGRAPH_{key.upper()}": value for key, value in settings.items()},
        }
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", IMPORT, DAY, *map(str, files)],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        lake = Lake(str(home / "lake"))
        tables = {}
        for spec in TABLES:
            rows = lake.read(spec).frame.drop("received_at", strict=False).collect()
            # Lists have no order of their own to sort by, but identities come before them.
            plain = [column for column, kind in rows.schema.items() if not kind.is_nested()]
            tables[spec.name] = rows.sort(plain)
        return Outcome(json.loads(done.stdout.splitlines()[-1]), tables)

    return carry


@pytest.fixture(scope="module")
def on_polars(carried):
    return carried("polars", engine="polars")


@pytest.fixture(scope="module")
def connect_server(tmp_path_factory):
    """A Spark Connect server on this machine; its workers can import the project."""
    import pyspark

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("connect")
    options = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.local.dir": str(folder / "scratch"),
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
    }
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    command = [submit, "--class", SERVER, "--master", "local[2]"]
    command += [part for name, value in options.items() for part in ("--conf", f"{name}={value}")]
    environment = os.environ | {
        "JAVA_HOME": str(find_java_home()),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(PROJECT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(port, server, folder / "log")
            yield f"sc://127.0.0.1:{port}"
        finally:
            # The server waits for sessions that nobody will use again, and its workers for it.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(60)


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.3)
    raise AssertionError(log.read_text()[-3000:])


def assert_equal(found: Outcome, expected: Outcome) -> None:
    """Table by table and row by row, saying which column differs."""
    for name, rows in expected.tables.items():
        other = found.tables[name]
        assert other.schema == rows.schema, name
        assert other.height == rows.height, name
        different = [column for column in rows.columns if not other[column].equals(rows[column])]
        assert different == [], name
    assert found.told == expected.told


def test_what_is_compared_is_worth_comparing(on_polars, pytestconfig):
    rows = pytestconfig.getoption("rows")
    for name, table in on_polars.tables.items():
        assert table.height > 5, name
        assert "batch_id" not in table.columns or table["batch_id"].n_unique() == 2, name
    assert rows * 0.9 < on_polars.tables["reviews"].height < on_polars.tables["raw_reviews"].height
    assert {status for _, status, *_ in on_polars.told["ledger"]} == {"done"}


def test_spark_writes_what_polars_writes(carried, on_polars):
    assert_equal(carried("spark", engine="spark", spark_master="local[2]"), on_polars)


def test_spark_connect_writes_what_polars_writes(carried, on_polars, connect_server):
    assert_equal(carried("connect", engine="spark", spark_master=connect_server), on_polars)
