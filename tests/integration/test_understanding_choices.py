"""Corrections, taxonomies, lexicons and settings, as the database keeps them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from resources.database import StageRecord, TierNotAllowedError

DAY = date(2026, 3, 1)
KEY, OTHER_KEY = "a" * 32, "b" * 32


@pytest.fixture
def acme(database) -> str:
    with database.jobs() as work:
        work.tenants.create("acme", "Acme Hotels")
        work.tenants.create("brava", "Brava")
    return "acme"


def correct(database, key, field, value, **said):
    with database.work("acme") as work:
        return work.corrections.record("acme", key, field, value, author="ann", **said)


def test_the_newest_correction_of_a_field_counts_and_the_older_ones_are_kept(database, acme):
    correct(database, KEY, "sentiment", "negative", previous="positive", note="irony")
    correct(database, KEY, "sentiment", "mixed", previous="negative")
    correct(database, KEY, "topics", ["price"])
    correct(database, OTHER_KEY, "sentiment", "neutral")
    with database.work(acme) as work:
        counting = work.corrections.of_tenant(acme)
        history = work.corrections.history(acme, KEY)
        sentiments = work.corrections.of_tenant(acme, field="sentiment")
    assert [(one.review_key, one.field, one.value) for one in counting] == [
        (KEY, "sentiment", "mixed"),
        (KEY, "topics", ("price",)),
        (OTHER_KEY, "sentiment", "neutral"),
    ]
    assert [(one.field, one.revision) for one in history] == [
        ("topics", 1),
        ("sentiment", 2),
        ("sentiment", 1),
    ]
    assert (history[2].previous, history[2].note) == ("positive", "irony")
    assert [one.review_key for one in sentiments] == [KEY, OTHER_KEY]


def test_a_correction_without_a_value_withdraws_what_was_said(database, acme):
    correct(database, KEY, "sentiment", "negative")
    correct(database, KEY, "sentiment", None)
    with database.work(acme) as work:
        assert work.corrections.of_tenant(acme) == ()
        assert [one.value for one in work.corrections.history(acme, KEY)] == [None, "negative"]
    correct(database, KEY, "sentiment", "mixed")
    with database.work(acme) as work:
        assert [one.value for one in work.corrections.of_tenant(acme)] == ["mixed"]


def test_no_topics_at_all_is_a_correction_and_no_withdrawal(database, acme):
    correct(database, KEY, "topics", [])
    with database.work(acme) as work:
        assert [one.value for one in work.corrections.of_tenant(acme)] == [()]


def test_people_who_correct_at_once_come_one_after_the_other(database, acme):
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda n: correct(database, KEY, "language", f"a{n}"), "bcdefghi")
    assert sorted(one.revision for one in made) == list(range(1, 9))
    with database.work(acme) as work:
        assert len(work.corrections.history(acme, KEY)) == 8


@pytest.mark.parametrize(("key", "field"), [("not a key", "sentiment"), (KEY, "rating")])
def test_what_is_no_review_or_no_field_is_refused(database, acme, key, field):  # noqa: ARG001
    with pytest.raises(IntegrityError, match="violates check constraint"):
        correct(database, key, field, "x")


def test_a_corrected_day_is_due_to_be_understood_again_until_it_was(database, acme):
    began = datetime.now(UTC) - timedelta(minutes=1)

    def run(stage, started_at, **versions):
        record = StageRecord(
            tenant_id=acme, day=DAY, stage=stage, started_at=started_at, **versions
        )
        with database.jobs() as work:
            work.ledger.record(record)

    def due(stage):
        with database.jobs() as work:
            return work.ledger.due(stage)

    run("normalised", began, table_version=1)
    run("enriched", began, table_version=1, input_version=1)
    run("counted", began, input_version=1)
    assert due("enriched") == []
    correct(database, KEY, "sentiment", "negative", day=DAY + timedelta(days=1))
    assert due("enriched") == [], "a correction of another day"
    correct(database, KEY, "sentiment", "negative", day=DAY)
    assert due("enriched") == [(acme, DAY)]
    assert due("counted") == []
    run("enriched", datetime.now(UTC), table_version=2, input_version=1)
    assert due("enriched") == []
    assert due("counted") == [(acme, DAY)]


@pytest.mark.parametrize("kind", ["taxonomies", "lexicons"])
def test_the_newest_document_counts_and_an_equal_one_is_no_new_version(database, acme, kind):
    with database.work(acme) as work:
        documents = getattr(work, kind)
        assert documents.current(acme) is None
        first = documents.save(acme, {"a": 1}, version="one", author="ann")
        again = documents.save(acme, {"a": 1}, version="one", author="bea")
        assert again == first
        documents.save(acme, {"a": 2}, version="two", author="bea")
        back = documents.save(acme, {"a": 1}, version="one", author="ann")
        assert documents.current(acme) == back
        assert [one.revision for one in documents.list(acme)] == [3, 2, 1]
        assert back.document == {"a": 1}
    with database.work("brava") as work:
        assert getattr(work, kind).current("brava") is None
        assert getattr(work, kind).current(acme) is None, "the wall"


def test_a_tenant_reads_with_the_fast_tier_until_it_chooses(database, acme):
    with database.work(acme) as work:
        assert work.nlp_settings.get(acme).tier == "fast"
        chosen = work.nlp_settings.choose(acme, tier="cascade")
        assert work.nlp_settings.get(acme) == chosen
        assert chosen.allowed_tiers == ("fast", "cascade", "deep")
        assert chosen.updated_at is not None


def test_a_tier_outside_the_plan_is_refused_in_words(database, acme):
    plugin = {"task": "sentiment", "engine": "transformers", "model": "m", "options": {}}
    with database.work(acme) as work, pytest.raises(TierNotAllowedError, match="only fast, casc"):
        work.nlp_settings.choose(acme, tier="plugin", plugins=[plugin])
    with database.jobs() as work:
        work.nlp_settings.allow(acme, ["plugin", "deep"])
    with database.work(acme) as work:
        chosen = work.nlp_settings.choose(acme, tier="plugin", plugins=[plugin])
    assert (chosen.tier, chosen.plugins) == ("plugin", (plugin,))
    assert chosen.allowed_tiers == ("fast", "deep", "plugin")


def test_a_smaller_plan_takes_the_tier_back_to_fast(database, acme):
    with database.jobs() as work:
        work.nlp_settings.choose(acme, tier="deep")
        assert work.nlp_settings.allow(acme, ["cascade"]).tier == "fast"


def test_models_of_a_tenant_are_registered_beside_its_choice(database, acme):
    with database.jobs() as work:
        work.nlp_settings.choose(acme, tier="cascade")
        work.nlp_settings.use_models(acme, "/models/acme", version="2")
        found = work.nlp_settings.get(acme)
        assert (found.tier, found.models_folder, found.models_version) == (
            "cascade",
            "/models/acme",
            "2",
        )
        assert work.nlp_settings.use_models(acme, None).models_folder is None


def test_a_plugin_that_does_not_load_keeps_nobody_unread(database, caplog):
    from resources.enrichment.tenant_context import tenant_context

    plugin = {"task": "sentiment", "engine": "transformers", "model": "/etc", "options": {}}
    with database.jobs() as work:
        work.tenants.create("broken", "Broken")
        work.nlp_settings.allow("broken", ["plugin"])
        work.nlp_settings.choose("broken", tier="plugin", plugins=[plugin])
        context = tenant_context(work, "broken")
    assert context.plugins == ()
    assert "Tenant broken is read without a plug-in" in caplog.text
