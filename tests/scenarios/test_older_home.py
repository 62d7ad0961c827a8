"""A home that the release before this one made opens, keeps what it knows, and goes on.

The archive was made by release 0.1.0 from a generated world of 120 reviews: a delivery on one
day and a later one on the next, carried to the report.
"""

from __future__ import annotations

import json
import tarfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import NullPool, create_engine, text

from pipelines.backfill import plan_backfill, run_backfill
from pipelines.file_import import FileImport
from pipelines.session import open_session
from resources.database import migrations
from resources.metrics.facts import CURRENT_REVIEWS_SCHEMA
from resources.storage.schemas import (
    DAILY_FACTS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
)
from resources.vocabulary import DayRange

ARCHIVE = Path(__file__).parents[1] / "data" / "homes" / "release-0.1.0.tar.gz"
TENANT = "fjellmark"
FIRST, SECOND = date(2026, 11, 25), date(2026, 11, 26)
DAYS = DayRange(FIRST, SECOND)
# In the order in which the rows refer to each other.
TABLES = (
    "tenants",
    "import_batches",
    "stage_runs",
    "snapshots",
    "snapshot_pointers",
    "report_documents",
)
HEADER = "review_id,date,rating,title,text,author,product"


@pytest.fixture
def older_home(settings, postgres):
    """Settings of the unpacked home and of a database as that release left it."""
    settings.home.mkdir(parents=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(settings.home, filter="data")
    kept = (settings.home / "rows.json").read_text().replace("{home}", str(settings.home))
    with postgres.database(settings) as database:
        engine = create_engine(database.owner_url, poolclass=NullPool)
        migrations.downgrade(engine, "0002")
        rows = json.loads(kept)
        assert set(rows) == set(TABLES)
        with engine.begin() as connection:
            for table in TABLES:
                insert = (
                    f"insert into reviewgraph.{table} select * from "
                    f"jsonb_populate_recordset(null::reviewgraph.{table}, :rows)"
                )
                connection.execute(text(insert), {"rows": json.dumps(rows[table])})
        yield settings


@pytest.fixture
def session(older_home):
    with open_session(older_home) as session:
        yield session


def delivery(session, name: str, day: date) -> FileImport:
    path = session.settings.home / "world" / TENANT / name
    return FileImport.of(session, TENANT, path, source="reviews", day=day)


def table(session, spec) -> pl.DataFrame:
    frame = session.lake.read(spec, tenants=[TENANT]).frame.collect()
    keys = [name for name in ("review_key", "version", "record_number") if name in frame.columns]
    return frame.sort(keys or frame.columns)


def test_what_was_published_is_read_as_before(session):
    with session.database.jobs() as work:
        pointer = work.snapshots.current(TENANT)
    snapshot = session.snapshots.open(TENANT, pointer.version)
    assert pointer.version == "1405e3d52e846d872007c224dc8e3abb"
    assert snapshot.query("select count(*) as reviews from reviews").to_pylist() == [
        {"reviews": 115}
    ]
    total = snapshot.query("select * from metric_summary where dimension = 'all'").to_pylist()
    assert [row["review_count"] for row in total] == [115]
    assert "annotated_count" in total[0]
    assert "annotated_count" in snapshot.table("metric_summary").columns


def test_nothing_is_due_and_the_same_files_bring_nothing_new(session):
    assert plan_backfill(session, DAYS).days is None
    for name, day in (("reviews.csv", FIRST), ("later.jsonl", SECOND)):
        work = delivery(session, name, day)
        landing = work.land()
        assert landing.skipped == landing.files
        assert work.is_through(landing)
        assert work.process(landing) is None


def test_doing_its_days_again_gives_the_same_rows(session):
    before = {spec.name: table(session, spec) for spec in (REVIEWS, REJECTED_REVIEWS, DAILY_FACTS)}
    # What is found is the same; which version of the code found it has changed since.
    enriched = table(session, REVIEW_ENRICHMENTS).drop("batch_id", "models")
    run_backfill(session, plan_backfill(session, DAYS, force=True))
    for spec in (REVIEWS, REJECTED_REVIEWS, DAILY_FACTS):
        assert table(session, spec).equals(before[spec.name]), spec.name
    again = table(session, REVIEW_ENRICHMENTS)
    assert again["batch_id"].null_count() == 0
    assert again.drop("batch_id", "models").equals(enriched)


def test_a_further_delivery_of_the_same_day_goes_on_from_there(session):
    known = table(session, REVIEWS)
    sample = known.filter(pl.col("day") == FIRST, ~pl.col("is_deleted"), pl.col("version") == 1)
    edited = sample["source_review_id"][0]
    path = session.settings.home / "further.csv"
    path.write_text(
        f"{HEADER}\n"
        f"{edited},2026-11-20,2,Changed,I take back what I said about it.,Ann,Trailrunner X2\n"
        "NEW-1,2026-11-21,5,Great,Really happy with this one.,Bo,Trailrunner X2\n"
    )
    work = FileImport.of(session, TENANT, path, source="reviews", day=SECOND)
    landing = work.land()
    assert work.process(landing) is not None
    balance = work.balance(landing)
    assert (balance.collected, balance.kept, balance.rejected) == (2, 2, 0)
    after = table(session, REVIEWS)
    assert after.join(known, on=["review_key", "version"], how="semi").equals(known)
    versions = after.filter(pl.col("source_review_id") == edited)["version"].to_list()
    assert versions == list(range(1, len(versions) + 1))
    with session.database.jobs() as database:
        pointer = database.snapshots.current(TENANT)
        documents = database.reports.list(TENANT)
    reviews = session.snapshots.open(TENANT, pointer.version).table("reviews")
    assert set(CURRENT_REVIEWS_SCHEMA.names) <= set(reviews.columns)
    assert reviews.height == 116
    assert documents[0].snapshot_version == pointer.version
