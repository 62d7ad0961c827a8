"""``train_tenant`` over a real lake and database: learnt, registered, used by what reads next."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from assets.enrichment.review_enrichments import review_enrichments
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from pipelines.cli import discover_commands
from pipelines.session import Session
from pipelines.training import TrainingError, current_texts, tenant_reviews, train_tenant
from resources.collection.importing import land, plan_import
from resources.database.errors import UnknownTenantError
from resources.enrichment.tenant_context import tenant_context
from resources.nlp.context import ENGLISH_FILE, MULTILINGUAL_FILE
from resources.storage.lake import Lake
from resources.storage.schemas import REVIEWS

DAY = date(2026, 3, 2)
# Words of one trade, which no general model knows.
PRAISE, COMPLAINT = ("zorpy", "snellish", "umbric"), ("glabby", "fnorked", "drelled")


def rated_reviews(rows):
    dice = np.random.default_rng(3)
    for number in range(rows):
        stars = int(dice.choice([1, 2, 3, 4, 5, 0]))
        words = COMPLAINT if stars in {1, 2} else PRAISE if stars in {4, 5} else ("plain",)
        yield {
            "id": str(number),
            "text": f"The thing that came on day {number} was {dice.choice(words)} as we saw. "
            f"The gizmolet was {'great' if number % 3 else 'awful'}.",
            "rating": stars or None,
            "date": "2026-03-01",
        }


@pytest.fixture(scope="module")
def session(module_settings, module_database, tmp_path_factory):
    """An installation in which two tenants have the same 300 reviews."""
    lake = Lake.from_settings(module_settings)
    file = tmp_path_factory.mktemp("files") / "reviews.csv"
    pl.DataFrame(list(rated_reviews(300))).write_csv(file)
    with module_database.jobs() as work:
        for tenant in ("acme", "brava", "empty"):
            work.tenants.create(tenant, tenant.title())
    for tenant in ("acme", "brava"):
        land(plan_import(file, tenant_id=tenant, source="shop"), day=DAY, lake=lake)
    result = dg.materialize(
        [normalised_reviews, review_enrichments],
        partition_key=DAY.isoformat(),
        resources={
            "lake": lake,
            "database": module_database,
            "settings": module_settings,
            "scope": RunScope(),
        },
    )
    assert result.success
    return Session(module_settings, module_database)


@pytest.fixture(scope="module")
def corrected_key(session):
    """A review of three stars that somebody has called negative."""
    reviews = session.lake.read(REVIEWS, tenants=["acme"]).frame
    key = reviews.filter(pl.col("rating") == 3).select("review_key").collect().item(0, 0)
    with session.database.work("acme") as work:
        work.corrections.record("acme", key, "sentiment", "negative", author="ann", day=DAY)
    return key


def test_stars_and_corrections_become_labels_and_reviews_without_any_are_left_out(
    session, corrected_key
):
    own = tenant_reviews(current_texts(session, "acme"), {corrected_key: "negative"})
    rated = session.lake.read(REVIEWS, tenants=["acme"]).frame.drop_nulls("rating").collect()
    assert own.height == rated.height < 300
    assert own.filter(is_corrected=True).select("review_key", "label").rows() == [
        (corrected_key, "negative")
    ]
    assert set(own["label"]) == {"negative", "neutral", "positive"}


@pytest.mark.usefixtures("corrected_key")
def test_a_better_model_is_kept_registered_and_used_for_that_tenant_alone(session):
    began = []
    trained = train_tenant(session, "acme", progress=began.append)
    assert set(began) <= {ENGLISH_FILE, MULTILINGUAL_FILE}
    english = trained.adaptations[ENGLISH_FILE]
    assert english.accepted
    assert sum(one.corrections for one in trained.adaptations.values()) == 1
    assert trained.folder == session.settings.home / "models" / "acme" / trained.version
    assert "Acme" in (trained.folder / "README.md").read_text()
    with session.database.jobs() as work:
        chosen = work.nlp_settings.get("acme")
        own, other = tenant_context(work, "acme"), tenant_context(work, "brava")
    assert (Path(chosen.models_folder), chosen.models_version) == (trained.folder, trained.version)
    assert own.models.english.version == english.model.version
    assert own.versions()["sentiment"] != other.versions()["sentiment"]
    again = train_tenant(session, "acme")
    assert again.version == trained.version


def test_own_words_are_rated_and_own_terms_are_mined_until_people_write_a_lexicon(session):
    trained = train_tenant(session, "acme")
    assert any("own reviews" in sentence for sentence in trained.words)
    with session.database.jobs() as work:
        mined = work.lexicons.current("acme")
        context, other = tenant_context(work, "acme"), tenant_context(work, "brava")
    assert mined.author == "train"
    assert "gizmolet" in {term["text"] for term in mined.document["terms"]}
    assert context.aspects.version == mined.version != other.aspects.version
    assert context.models.background.version != other.models.background.version
    with session.database.jobs() as work:
        edited = context.aspects.merge([{"action": "remove", "term": "gizmolet"}])
        work.lexicons.save("acme", edited.to_dict(), version=edited.version, author="ann")
    again = train_tenant(session, "acme")
    assert "The aspect lexicon stays as people wrote it." in again.words
    with session.database.jobs() as work:
        assert work.lexicons.current("acme").version == edited.version


def test_a_tenant_without_ratings_and_one_that_is_unknown_are_refused(session):
    with pytest.raises(TrainingError, match="no review with a text"):
        train_tenant(session, "empty")
    with pytest.raises(UnknownTenantError):
        train_tenant(session, "nobody")


@pytest.fixture
def discover(session, monkeypatch):
    """Run ``reviewgraph discover`` in this installation and return what it printed."""
    monkeypatch.setattr("pipelines.session.open_session", lambda: nullcontext(session))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        answer = CliRunner().invoke(discover_commands.app, arguments)
        assert answer.exit_code == 0, answer.output
        return " ".join(answer.output.split())

    return run


def test_what_no_list_holds_is_discovered(discover):
    assert "gizmolet was awful" in discover("search", "acme", "awful gizmolet", "--limit", "3")
    assert "gizmolet" in discover("themes", "acme")
    copies = discover("duplicates", "acme")
    assert "near copy" in copies or "same words" in copies
    assert "perhaps a" in discover("names", "acme")
