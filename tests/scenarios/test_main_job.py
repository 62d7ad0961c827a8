"""The main job, end to end: from files and a vendor to reports that people download."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import polars as pl
import pytest
from pypdf import PdfReader

from pipelines import demo
from pipelines.file_import import FileImport
from resources.storage.schemas import (
    DAILY_FACTS,
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
)
from resources.vocabulary import DayRange

ALL_TIME = DayRange(date(2025, 1, 1), date(2100, 1, 1))


def rows(world, spec, tenant_id=None):
    return world.session.lake.read(spec, tenants=[tenant_id] if tenant_id else None).frame.collect()


def snapshot_of(world, tenant_id):
    with world.session.database.jobs() as work:
        pointer = work.snapshots.current(tenant_id)
    return world.session.snapshots.open(tenant_id, pointer.version)


def documents_of(world, tenant_id):
    with world.session.database.jobs() as work:
        return work.reports.list(tenant_id)


def test_every_stage_of_the_run_ends_well(world):
    assert {event.state for event in world.events} == {"started", "done"}
    assert not [event.failed_check for event in world.events if event.failed_check]


def test_collected_is_kept_and_unchanged_and_rejected_for_every_tenant_and_day(world):
    with world.session.database.jobs() as work:
        records = [
            record
            for day in world.days.days()
            for record in work.ledger.for_day(day)
            if record.stage == "normalised"
        ]
    assert len(records) == len(world.tenants) * 2
    for record in records:
        raw = world.session.lake.read(
            RAW_REVIEWS, days=DayRange.single(record.day), tenants=[record.tenant_id]
        ).frame.collect()
        assert len(raw) == record.rows_in > 0
        assert record.rows_in == record.rows_kept + record.rows_unchanged + record.rows_rejected


def test_each_delivery_ends_as_the_manifest_says_it_must(world):
    for tenant in world.tenants:
        expected = world.truth(tenant.id)["deliveries"]
        for name, day in (
            ("reviews.csv", world.days.first),
            ("later.jsonl", world.days.last),
        ):
            work = FileImport.of(
                world.session, tenant.id, tenant.folder / name, source=demo.DELIVERIES, day=day
            )
            landing = work.land()
            assert landing.skipped == landing.files, "the file has landed before"
            kept = work._count(REVIEWS, landing)
            rejected = work._count(REJECTED_REVIEWS, landing)
            collected = sum(batch.record_count for batch in work._noted(landing))
            assert {
                "collected": collected,
                "kept": kept,
                "rejected": rejected,
                "unchanged": collected - kept - rejected,
            } == expected[name]


def test_planted_repeats_are_removed(world):
    for tenant in world.tenants:
        reviews = rows(world, REVIEWS, tenant.id)
        assert not reviews.select("review_key", "version").is_duplicated().any()
        repeated = world.truth(tenant.id)["repeated_in_file"]
        assert repeated
        versions = reviews.filter(pl.col("source_review_id").is_in(repeated))
        assert versions["review_key"].n_unique() == len(repeated)
        edited = set(world.truth(tenant.id)["edited"]) | set(world.truth(tenant.id)["deleted"])
        untouched = versions.filter(~pl.col("source_review_id").is_in(list(edited)))
        assert set(untouched["version"]) == {1}


def test_planted_edits_are_new_versions_of_the_same_review(world):
    for tenant in world.tenants:
        edited = world.truth(tenant.id)["edited"]
        assert edited
        versions = rows(world, REVIEWS, tenant.id).filter(pl.col("source_review_id").is_in(edited))
        by_key = versions.group_by("review_key").agg(
            pl.col("version").sort(), pl.col("text").n_unique().alias("texts")
        )
        assert len(by_key) == len(edited)
        assert all(list(found) == [1, 2] for found in by_key["version"])
        assert (by_key["texts"] == 2).all()


def test_planted_deletions_count_nowhere(world):
    for tenant in world.tenants:
        deleted = world.truth(tenant.id)["deleted"]
        assert deleted
        current = snapshot_of(world, tenant.id).table("reviews")
        assert current.filter(pl.col("source_review_id").is_in(deleted)).is_empty()


def test_planted_broken_rows_are_rejected_with_their_reasons(world):
    for tenant in world.tenants:
        planted = {row["record_number"]: row["kind"] for row in world.truth(tenant.id)["broken"]}
        assert planted
        rejected = rows(world, REJECTED_REVIEWS, tenant.id).filter(
            pl.col("day") == world.days.first, pl.col("source") == demo.DELIVERIES
        )
        found = dict(rejected.select("record_number", "reason_code").iter_rows())
        assert found == planted


def test_every_current_review_is_understood_by_named_models(world):
    for tenant in world.tenants:
        current = snapshot_of(world, tenant.id).table("reviews")
        with_text = current.filter(pl.col("text").is_not_null())
        assert with_text["sentiment"].null_count() == 0
        enrichments = rows(world, REVIEW_ENRICHMENTS, tenant.id)
        assert enrichments["models"].str.contains("sentiment").all()


def test_the_language_and_the_sentiment_are_mostly_what_was_written(world):
    for tenant in world.tenants:
        truth = pl.read_parquet(tenant.folder / "truth.parquet").unique("review_id")
        current = snapshot_of(world, tenant.id).table("reviews")
        both = current.join(truth, left_on="source_review_id", right_on="review_id", suffix="_true")
        both = both.filter(pl.col("text").str.len_chars() > 40)
        assert len(both) > 1_000
        assert (both["language"] == both["language_true"]).mean() > 0.95
        clear = both.filter(pl.col("sentiment_true").is_in(["positive", "negative"]))
        agree = clear.filter(
            (pl.col("sentiment_score") > 0) == (pl.col("sentiment_true") == "positive")
        )
        assert len(agree) / len(clear) > 0.8


def test_the_planted_incident_week_is_in_the_marts_and_in_the_report(world):
    for tenant in world.tenants:
        incident = world.truth(tenant.id)["incident"]
        weeks = snapshot_of(world, tenant.id).table("weekly_series").filter(pl.col("is_incident"))
        week = date.fromisoformat(incident["week_start"])
        found = weeks.filter(
            pl.col("week_start") == week, pl.col("member").is_in(["all", incident["product"]])
        )
        assert not found.is_empty(), f"{tenant.id}: {incident}"
        html = report_file(world, tenant.id, "html").decode()
        assert week.isoformat() in html or f"{week.day} {week:%b}" in html


def test_the_product_that_improves_is_found(world):
    found = 0
    for tenant in world.tenants:
        improving = world.truth(tenant.id)["improving"]["product"]
        trends = snapshot_of(world, tenant.id).table("product_trends")
        directions = dict(trends.select("product", "direction").iter_rows())
        found += directions.get(improving) == "improving"
    assert found >= len(world.tenants) - 1  # few reviews leave one interval room to hold zero


def test_summaries_lead_back_to_the_reviews_behind_them(world):
    for tenant in world.tenants:
        snapshot = snapshot_of(world, tenant.id)
        reviews = snapshot.table("reviews")
        summary = (
            snapshot.table("metric_summary").filter(pl.col("dimension") == "all").to_dicts()[0]
        )
        assert summary["review_count"] == len(reviews)
        assert summary["average_rating"] == pytest.approx(reviews["rating"].mean(), abs=1e-9)
        assert summary["negative_count"] == (reviews["sentiment"] == "negative").sum()
        facts = rows(world, DAILY_FACTS, tenant.id)
        assert facts["review_count"].sum() == len(reviews)


def report_file(world, tenant_id, kind):
    document = documents_of(world, tenant_id)[0]
    key = next(file["key"] for file in document.files if file["format"] == kind)
    return world.session.objects.get(key)


def test_each_tenant_has_one_report_in_three_formats_that_agree(world):
    for tenant in world.tenants:
        assert len(documents_of(world, tenant.id)) == 1
        count = f"{len(snapshot_of(world, tenant.id).table('reviews')):,}"
        pdf = PdfReader(io.BytesIO(report_file(world, tenant.id, "pdf")))
        text = " ".join(page.extract_text() for page in pdf.pages)
        html = report_file(world, tenant.id, "html").decode()
        assert len(pdf.pages) >= 4
        assert tenant.name in text
        assert tenant.name in html
        assert count in text
        assert count in html
        assert html.count('class="chart') >= 6
        workbook = openpyxl.load_workbook(io.BytesIO(report_file(world, tenant.id, "xlsx")))
        assert len(workbook.sheetnames) >= 4


def test_the_vendors_reviews_came_through_the_same_door(world):
    raw = rows(world, RAW_REVIEWS).filter(pl.col("source").str.starts_with("google"))
    assert len(raw) > 0
    assert raw["task_id"].null_count() == 0
    assert raw["task_cost_usd"].min() > 0
    with world.session.database.jobs() as work:
        records = [
            record for record in work.ledger.for_day(world.days.last) if record.stage == "collected"
        ]
    paid = raw.unique("task_id")["task_cost_usd"].sum()
    assert sum(record.cost_usd for record in records) == pytest.approx(paid)


def test_running_the_same_days_again_changes_no_table_and_no_number(world):
    def state():
        specs = (REVIEWS, REJECTED_REVIEWS, REVIEW_ENRICHMENTS, DAILY_FACTS)
        return {spec.name: sorted(map(str, rows(world, spec).rows())) for spec in specs}

    before = state()
    versions = {tenant.id: snapshot_of(world, tenant.id).version for tenant in world.tenants}
    raw = len(rows(world, RAW_REVIEWS))
    demo.run(world.session, world.tenants, world.days, lambda _: None)
    assert state() == before
    assert len(rows(world, RAW_REVIEWS)) == raw
    assert {
        tenant.id: snapshot_of(world, tenant.id).version for tenant in world.tenants
    } == versions
    assert all(len(documents_of(world, tenant.id)) == 1 for tenant in world.tenants)


def test_the_shares_of_sentiment_are_those_that_were_planted(world):
    for tenant in world.tenants:
        planted = world.truth(tenant.id)["sentiments"]
        total = sum(planted.values())
        summary = (
            snapshot_of(world, tenant.id)
            .table("metric_summary")
            .filter(pl.col("dimension") == "all")
            .to_dicts()[0]
        )
        for label in ("positive", "negative"):
            assert summary[f"{label}_share"] == pytest.approx(planted[label] / total, abs=0.12)


def test_customers_who_gave_five_stars_are_mostly_called_positive(world):
    for tenant in world.tenants:
        reviews = snapshot_of(world, tenant.id).table("reviews")
        delighted = reviews.filter(pl.col("rating") == 5, pl.col("sentiment").is_not_null())
        assert (delighted["sentiment"] == "positive").mean() > 0.75
