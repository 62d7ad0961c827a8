"""The asset ``review_enrichments`` on a real lake and database: cache, corrections, versions."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pytest

from assets.enrichment.annotating import annotate_part
from assets.enrichment.due_batches import DuePart
from assets.enrichment.review_enrichments import (
    enrichments_meet_expectations,
    review_enrichments,
)
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from pipelines.backfill import plan_backfill
from pipelines.session import Session
from resources.collection.importing import land, plan_import
from resources.database import StageRecord
from resources.engine import PolarsEngine
from resources.enrichment.annotated_reviews import Reading
from resources.enrichment.tenant_context import corrections_of, tenant_context
from resources.nlp.context import ENGLISH_FILE, MULTILINGUAL_FILE, SHIPPED_MODELS
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REVIEW_ENRICHMENTS, REVIEWS
from resources.vocabulary import STAGES, DayRange

DAY = date(2026, 3, 2)
TEXTS = {
    "irony": "Oh great, another wonderful delay. Just what I needed, thank you very much!",
    "praise": "The room was spotless and the staff was very friendly. Highly recommended!",
    "again": "The room was spotless and the staff was very friendly. Highly recommended!",
    "anger": "Terrible service, the food was cold and the waiter was rude. Never again.",
    "german": "Das Hotel ist sehr sauber und das Personal war freundlich. Gerne wieder!",
}
TENANTS = ("acme", "brava")


@pytest.fixture
def lake(settings, tmp_path):
    """A lake with the same five reviews of two tenants."""
    lake = Lake.from_settings(settings)
    file = tmp_path / "reviews.csv"
    rows = [
        {"id": name, "text": text, "rating": 2, "date": "2026-03-01"}
        for name, text in TEXTS.items()
    ]
    pl.DataFrame(rows).write_csv(file)
    for tenant in TENANTS:
        land(plan_import(file, tenant_id=tenant, source="shop"), day=DAY, lake=lake)
    return lake


@pytest.fixture
def run(settings, database, lake):
    """Carries the day through the graph as far as it is understood; returns the metadata."""
    with database.jobs() as work:
        for tenant in TENANTS:
            work.tenants.create(tenant, tenant.title())

    def run_once(*checks):
        result = dg.materialize(
            [normalised_reviews, review_enrichments, *checks],
            partition_key=DAY.isoformat(),
            resources={
                "lake": lake,
                "database": database,
                "settings": settings,
                "scope": RunScope(),
            },
        )
        assert result.success
        assert [one.passed for one in result.get_asset_check_evaluations()] == [True] * len(checks)
        (shown,) = result.asset_materializations_for_node("review_enrichments")
        return {name: value.value for name, value in shown.metadata.items()}

    return run_once


def rows_of(lake, tenant):
    """The tenant's annotations by the name of the text."""
    reviews = lake.read(REVIEWS, tenants=[tenant]).frame
    rows = lake.read(REVIEW_ENRICHMENTS, tenants=[tenant]).frame
    named = rows.join(reviews.select("review_key", "source_review_id"), on="review_key").collect()
    return {row["source_review_id"]: row for row in named.iter_rows(named=True)}


def correct(database, lake, name, field, value):
    key = rows_of(lake, "acme")[name]["review_key"]
    with database.work("acme") as work:
        work.corrections.record("acme", key, field, value, author="ann", day=DAY)


def without_corrections(rows, *names):
    return {name: row for name, row in rows.items() if name not in names}


def test_a_text_is_annotated_once_and_a_second_run_annotates_nothing(run, lake):
    first = run()
    written = rows_of(lake, "acme")
    second = run()
    counts = ("texts_annotated", "texts_reused", "rows_repeated", "rows_corrected")
    assert [first[name] for name in counts] == [8, 0, 2, 0]
    assert [second[name] for name in counts] == [0, 0, 0, 0]
    assert rows_of(lake, "acme") == written
    assert first["tiers"] == {"fast": 10}
    assert (first["dagster/row_count"], second["dagster/row_count"]) == (10, 10)
    assert (first["this_run"], second["this_run"]) == ("10 reviews read", "nothing new")
    own = {"review_key": "", "source_review_id": ""}
    assert written["praise"] | own == written["again"] | own


def test_what_a_person_said_wins_and_survives_every_reprocess(run, database, lake):
    run()
    before = rows_of(lake, "acme")
    assert before["irony"]["sentiment"] == "positive"
    correct(database, lake, "irony", "sentiment", "negative")
    correct(database, lake, "irony", "topics", ["delay", "service"])
    correct(database, lake, "german", "entities", [{"name": "Das Hotel", "kind": "place"}])
    for checks, corrected in (([], 2), ([enrichments_meet_expectations], 0)):
        assert run(*checks)["rows_corrected"] == corrected
        after = rows_of(lake, "acme")
        irony = after["irony"]
        assert (irony["sentiment"], irony["sentiment_score"]) == ("negative", -1.0)
        assert (irony["sentiment_confidence"], irony["sentiment_margin"]) == (1.0, 1.0)
        assert irony["rating_disagreement"] == (2 - 3) / 2 + 1
        assert irony["topics"] == ["delay", "service"]
        assert irony["topic_reasons"] == ["said by a person"] * 2
        assert irony["corrected"] == ["sentiment", "topics"]
        assert (after["german"]["entities"], after["german"]["entity_kinds"]) == (
            ["Das Hotel"],
            ["place"],
        )
        assert irony["keywords"] == before["irony"]["keywords"]
        assert without_corrections(after, "irony", "german") == without_corrections(
            before, "irony", "german"
        )


def test_a_withdrawn_correction_gives_the_models_the_word_back(run, database, lake):
    run()
    before = rows_of(lake, "acme")
    correct(database, lake, "irony", "sentiment", "negative")
    run()
    correct(database, lake, "irony", "sentiment", None)
    run()
    assert rows_of(lake, "acme") == before


def test_a_correction_of_one_review_is_none_of_another_with_the_same_text(run, database, lake):
    run()
    correct(database, lake, "praise", "sentiment", "neutral")
    run()
    run()
    after = rows_of(lake, "acme")
    assert (after["praise"]["sentiment"], after["praise"]["sentiment_score"]) == ("neutral", 0)
    assert (after["again"]["sentiment"], after["again"]["corrected"]) == ("positive", [])


def test_no_tenant_sees_what_another_one_said_or_chose(run, database, lake):
    run()
    before = rows_of(lake, "brava")
    correct(database, lake, "irony", "sentiment", "negative")
    topics = [{"name": "own", "description": "", "keywords": {"en": ["room"]}, "examples": []}]
    with database.work("acme") as work:
        work.taxonomies.save("acme", {"topics": topics}, version="own", author="ann")
    run()
    assert rows_of(lake, "brava") == before
    assert rows_of(lake, "acme")["praise"]["topics"] == ["own"]


def test_a_corrected_language_is_the_one_the_review_is_read_in(run, database, lake):
    run()
    correct(database, lake, "german", "language", "nl")
    assert run()["texts_annotated"] == 1
    row = rows_of(lake, "acme")["german"]
    assert (row["language"], row["language_confidence"], row["corrected"]) == (
        "nl",
        1,
        ["language"],
    )


def test_an_aspect_is_shown_where_the_text_still_speaks_of_it(run, database, lake):
    run()
    text = TEXTS["anger"]
    said = [
        {"term": term, "category": "food", "sentiment": "negative", "start": start}
        for term, start in (("food", text.index("food")), ("waiter", 0), ("dessert", 3))
    ]
    for aspect in said:
        aspect["end"] = aspect["start"] + len(aspect["term"])
    correct(database, lake, "anger", "aspects", said)
    run()
    aspects = rows_of(lake, "acme")["anger"]["aspects"]
    assert [(one["term"], text[one["start"] : one["end"]]) for one in aspects] == [
        ("food", "food"),
        ("waiter", "waiter"),
    ]
    assert {one["score"] for one in aspects} == {-1.0}


def test_a_change_of_models_shows_in_every_row_it_touched(run, database, lake, tmp_path):
    run()
    before = {tenant: rows_of(lake, tenant) for tenant in TENANTS}
    folder = tmp_path / "models"
    shutil.copytree(SHIPPED_MODELS, folder)
    shutil.copy(folder / MULTILINGUAL_FILE, folder / ENGLISH_FILE)
    with database.jobs() as work:
        work.nlp_settings.use_models("acme", str(folder), version="2")
    shown = run()
    assert (shown["texts_annotated"], shown["texts_reused"]) == (4, 0)
    versions = {
        tenant: {json.loads(row["models"])["sentiment"] for row in rows_of(lake, tenant).values()}
        for tenant in TENANTS
    }
    shipped = {json.loads(row["models"])["sentiment"] for row in before["acme"].values()}
    assert versions["brava"] == shipped
    assert len(versions["acme"]) == 1
    assert not versions["acme"] & shipped
    assert rows_of(lake, "brava") == before["brava"]
    with database.jobs() as work:
        record = work.ledger.get("acme", DAY, "enriched")
    assert {record.model_versions["sentiment"]} == versions["acme"]


def test_a_corrected_day_is_what_a_backfill_has_to_do(run, settings, database, lake):
    run()
    session, days = Session(settings, database), DayRange.single(DAY)

    def end_the_day():
        """Note that every other stage has seen what there is."""
        table = {"collected": RAW_REVIEWS, "enriched": REVIEW_ENRICHMENTS}
        with database.jobs() as work:
            for tenant in TENANTS:
                for stage in (one for one in STAGES if one not in {"normalised", "enriched"}):
                    work.ledger.record(
                        StageRecord(
                            tenant_id=tenant,
                            day=DAY,
                            stage=stage,
                            table_version=lake.version(table[stage]) if stage in table else None,
                            input_version=lake.version(REVIEW_ENRICHMENTS),
                            started_at=datetime.now(UTC),
                        )
                    )

    end_the_day()
    assert plan_backfill(session, days).tenant_days == 0
    correct(database, lake, "irony", "sentiment", "negative")
    plan = plan_backfill(session, days)
    assert (plan.days, plan.tenants, plan.tenant_days) == (days, ("acme",), 1)
    run()
    end_the_day()
    assert plan_backfill(session, days).tenant_days == 0
    assert rows_of(lake, "acme")["irony"]["sentiment"] == "negative"


def test_the_number_of_workers_and_what_was_known_change_no_row(run, database, lake):
    run()
    correct(database, lake, "irony", "sentiment", "mixed")
    run()
    expected = rows_of(lake, "acme")
    with database.jobs() as work:
        readings = {"acme": Reading(tenant_context(work, "acme"), corrections_of(work, "acme"))}
    lake.replace(REVIEW_ENRICHMENTS, REVIEW_ENRICHMENTS.schema.empty_table(), day=DAY)
    with PolarsEngine(workers=2) as engine:
        annotate_part(engine, lake, DAY, DuePart(("acme",)), readings)
    assert rows_of(lake, "acme") == expected
