"""The graph on one machine and the API on another: they share PostgreSQL and an S3 service only."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import httpx2
import pytest

from tests.conftest import SECRET_KEY
from tests.s3_service import ACCESS, make_bucket, running_s3

REVIEWGRAPH = Path(sys.executable).parent / "reviewgraph"
PASSWORD = "correct horse battery staple"
BUCKET = "two-homes"
REVIEWS = 300


def write_reviews(path):
    """300 reviews whose average rating is 3, 60 of each rating."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "date", "rating", "text", "product"])
        for n in range(REVIEWS):
            rating = 1 + n % 5
            text = "Great service, I love it" if rating > 3 else "Terrible delivery, very slow"
            day = date(2026, 1, 1) + timedelta(days=n % 60)
            writer.writerow([n, day, rating, f"{text}, order {n}.", ("Kettle", "Lamp")[n % 2]])


@pytest.fixture(scope="module")
def environment():
    with running_s3() as endpoint:
        make_bucket(endpoint, BUCKET)
        places = {
            f"REVIEWGRAPH_{what.upper()}_URL": f"s3://{BUCKET}/{what}"
            for what in ("lake", "objects", "snapshots")
        }
        access = {f"REVIEWGRAPH_{name.upper()}": value for name, value in ACCESS.items()}
        yield {
            **os.environ,
            **places,
            **access,
            "REVIEWGRAPH_S3_ENDPOINT": endpoint,
            "REVIEWGRAPH_SECRET_KEY": SECRET_KEY,
            "REVIEWGRAPH_WORKERS": "1",
        }


@pytest.fixture
def homes(settings, database, environment, tmp_path):
    """The environments of the graph's machine and of the API's, after an import on the first."""
    with database.jobs() as work:
        work.tenants.create("acme", "Acme", colour="#123456")
        user = work.users.create("ada@example.com", "Ada", PASSWORD)
        work.users.add_membership("acme", user.id, "owner")
    shared = environment | {"REVIEWGRAPH_DATABASE_URL": settings.database_url.get_secret_value()}
    write_reviews(tmp_path / "reviews.csv")
    graph = shared | {"REVIEWGRAPH_HOME": str(tmp_path / "graph")}
    done = subprocess.run(
        [REVIEWGRAPH, "import", tmp_path / "reviews.csv", "--tenant", "acme"],
        env=graph,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return graph, shared | {"REVIEWGRAPH_HOME": str(tmp_path / "api")}


def names_in(home):
    """What lies at the top of a home."""
    return {path.name for path in Path(home).iterdir()}


def test_what_the_graph_publishes_is_read_from_another_home(homes, tmp_path):
    graph, api = homes
    assert not names_in(graph["REVIEWGRAPH_HOME"]) & {"lake", "objects", "snapshots", "database"}
    with subprocess.Popen(
        [REVIEWGRAPH, "api", "--port", "0"], env=api, cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        try:
            base = json.loads(process.stdout.readline())["api"]
            with httpx2.Client(base_url=base, trust_env=False, timeout=60) as client:
                log_in(client)
                assert client.get("/readyz").status_code == 200
                read_numbers(client)
                download_report(client)
                shutil.rmtree(Path(api["REVIEWGRAPH_HOME"]) / "cache")
                read_reviews(client, sort="oldest")  # another question: no answer is kept of it
        finally:
            process.terminate()
    assert names_in(api["REVIEWGRAPH_HOME"]) <= {"api_address", "cache", "in-use.lock"}
    assert list(
        (Path(api["REVIEWGRAPH_HOME"]) / "cache" / "snapshots" / "acme").glob("*/*.parquet")
    )
    copies = Path(api["REVIEWGRAPH_HOME"]) / "cache" / "snapshots" / "acme"
    assert list(copies.glob("*/*.parquet"))


def log_in(client):
    answer = client.post("/v1/auth/token", json={"email": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def read_numbers(client):
    answer = client.get("/v1/tenants/acme/metrics")
    assert answer.status_code == 200, answer.text
    (everything,) = answer.json()["items"]
    assert everything["average_rating"]["value"] == 3
    assert everything["average_rating"]["review_count"] == REVIEWS
    read_reviews(client)


def read_reviews(client, **parameters):
    answer = client.get("/v1/tenants/acme/reviews", params={"limit": 50, **parameters})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == 50


def download_report(client):
    (report,) = client.get("/v1/tenants/acme/reports").json()["items"]
    beginnings = {"pdf": b"%PDF-", "html": b"<!doctype html>", "xlsx": b"PK"}
    assert {file["format"] for file in report["files"]} == set(beginnings)
    for file in report["files"]:
        answer = client.get(file["href"])
        assert answer.status_code == 200, answer.text
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.content.lower().startswith(beginnings[file["format"]].lower())
