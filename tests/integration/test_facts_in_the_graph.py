"""From raw rows to marts on a real lake and database: what is recorded, and what is done once."""

from __future__ import annotations

import os
import time
import uuid
from datetime import date

import dagster as dg
import polars as pl
import pytest

from assets.enrichment.review_enrichments import review_enrichments
from assets.metrics.daily_facts import facts_of_the_reviews
from assets.metrics.marts import marts
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from pipelines.file_import import Balance, FileImport
from pipelines.session import Session
from resources.database import SourceDay
from resources.metrics import current_reviews
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
TENANTS = ("acme", "brava")


@pytest.fixture
def lake(settings, database):
    with database.jobs() as work:
        for tenant in TENANTS:
            work.tenants.create(tenant, tenant.title())
    return Lake.from_settings(settings)


@pytest.fixture
def land_rows(land_as_file):
    """Lands reviews, given as id -> text, as a file of their own."""

    def land_once(day, texts, tenant="acme"):
        rows = [
            {"id": name, "text": text, "rating": 2, "date": "2026-03-01"}
            for name, text in texts.items()
        ]
        land_as_file(day, rows, tenant)

    return land_once


@pytest.fixture
def run(settings, database, lake):
    """Materialises assets for a day, or those that have no days for some tenants."""

    def run_once(day, *assets, tenants=()):
        return dg.materialize(
            list(assets),
            partition_key=day and day.isoformat(),
            resources={
                "lake": lake,
                "database": database,
                "settings": settings,
                "scope": RunScope(tenants=list(tenants)),
            },
        )

    return run_once


TO_THE_FACTS = (normalised_reviews, review_enrichments, facts_of_the_reviews)


def test_a_source_is_told_what_of_its_day_was_new(run, land_rows, database):
    land_rows(MONDAY, {"a": "Good.", "b": "Bad.", "c": "Fine."})
    run(MONDAY, normalised_reviews)
    land_rows(TUESDAY, {"a": "Good.", "b": "Worse.", "d": "New."})
    run(TUESDAY, normalised_reviews)
    land_rows(TUESDAY, {"a": "Better.", "b": "Worse.", "e": "New, too."})
    run(TUESDAY, normalised_reviews)
    run(TUESDAY, normalised_reviews)  # with nothing to do
    with database.jobs() as work:
        monday, tuesday = work.source_days.for_tenant("acme")
    assert told(monday) == {"new": 3, "changed": 0, "unchanged": 0, "rejected": 0, "gone": 0}
    assert told(tuesday) == {"new": 2, "changed": 2, "unchanged": 2, "rejected": 0, "gone": 0}


def told(source: SourceDay):
    return {
        name: getattr(source, name) for name in ("new", "changed", "unchanged", "rejected", "gone")
    }


def test_counting_records_what_the_day_added_and_not_what_the_tenant_has(
    run, land_rows, database, lake
):
    land_rows(MONDAY, {"a": "Good.", "b": "Bad.", "c": "Fine."})
    run(MONDAY, *TO_THE_FACTS)
    land_rows(TUESDAY, {"a": "Good.", "d": "New."})
    run(TUESDAY, *TO_THE_FACTS)
    with database.jobs() as work:
        records = [record for record in work.ledger.for_tenant("acme") if record.stage == "counted"]
        assert work.ledger.due("counted") == []
    kept = {record.day: (record.rows_in, record.rows_kept) for record in records}
    assert kept == {MONDAY: (3, 3), TUESDAY: (1, 1)}
    assert lake.read(DAILY_FACTS).frame.select("review_count").sum().collect().item() == 4


def test_current_reviews_are_computed_once_for_facts_and_marts(
    run, land_rows, settings, monkeypatch
):
    for tenant in TENANTS:
        land_rows(MONDAY, {"a": "Good.", "b": "Bad."}, tenant)
    computed = []
    compute = current_reviews.facts.current_reviews

    def counting(reviews, enrichments):
        computed.append(reviews)
        return compute(reviews, enrichments)

    monkeypatch.setattr(current_reviews.facts, "current_reviews", counting)
    assert run(MONDAY, *TO_THE_FACTS, marts).success
    (folder,) = settings.scratch_path.glob("marts-*")
    rows = pl.scan_parquet(folder / "inputs" / "current_reviews.parquet").collect()
    assert rows["tenant_id"].to_list() == ["acme", "acme", "brava", "brava"]
    assert len(computed) == 1
    assert list(folder.glob("*.parquet")) == []


def test_a_run_deletes_what_killed_runs_left_and_keeps_its_own(run, land_rows, settings):
    land_rows(MONDAY, {"a": "Good."})
    left = [settings.scratch_path / name for name in (f"marts-{uuid.uuid4()}", "engine-killed")]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_text("x")
        for path in (folder / "rows.parquet", folder):
            os.utime(path, (time.time() - 600,) * 2)
    assert run(MONDAY, *TO_THE_FACTS, marts).success
    (own,) = settings.scratch_path.iterdir()
    assert own not in left
    assert (own / "marts.duckdb").exists()


def test_marts_alone_compute_the_current_reviews_themselves(run, land_rows, settings):
    land_rows(MONDAY, {"a": "Good.", "b": "Bad."})
    run(MONDAY, *TO_THE_FACTS)
    assert list(settings.scratch_path.iterdir()) == [], "a run without marts leaves nothing behind"
    assert run(None, marts, tenants=["acme"]).success
    (folder,) = settings.scratch_path.glob("marts-*")
    assert pl.read_parquet(folder / "inputs" / "current_reviews.parquet").height == 2


def test_a_file_of_current_reviews_is_not_found_once_the_lake_has_other_rows(
    run, land_rows, lake, tmp_path
):
    land_rows(MONDAY, {"a": "Good."})
    run(MONDAY, *TO_THE_FACTS)
    before = current_reviews.file_of_current_reviews(lake, ["acme"], tmp_path)
    assert current_reviews.file_of_current_reviews(lake, ["acme"], tmp_path) == before
    assert current_reviews.file_of_current_reviews(lake, ["acme", "brava"], tmp_path) != before
    land_rows(MONDAY, {"b": "Bad."})
    run(MONDAY, *TO_THE_FACTS)
    assert current_reviews.file_of_current_reviews(lake, ["acme"], tmp_path) != before


@pytest.mark.usefixtures("lake")
def test_a_repeated_import_counts_again_what_it_rejected(run, settings, database, tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("id,text,rating\n1,Good.,5\n2,,\n3,Bad.,1\n4,,\n")
    session = Session(settings, database)
    first = FileImport.of(session, "acme", file, day=MONDAY)
    landing = first.land()
    run(MONDAY, normalised_reviews)
    assert first.balance(landing) == Balance(collected=4, kept=2, unchanged=0, rejected=2)
    again = FileImport.of(session, "acme", file, day=TUESDAY)
    landing = again.land()
    assert landing.skipped == landing.files
    repeated = again.balance(landing, is_repeat=True)
    assert repeated == Balance(collected=4, kept=0, unchanged=2, rejected=2)
    assert again.write_rejects(landing, tmp_path / "rejects.csv") == 2
