"""The generated world: plausible, seeded, and true to its manifest."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from datetime import date

import orjson
import polars as pl
import pytest

from resources.sandbox.world import WorldError, generate_world
from resources.sandbox.world.phrases import LANGUAGES, phrase_bank

END = date(2026, 6, 30)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("world")
    return out, generate_world(out, reviews=6000, tenants=3, end_day=END)


def first_delivery(out, tenant):
    with (out / tenant.id / "reviews.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def later_delivery(out, tenant):
    lines = (out / tenant.id / "later.jsonl").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


def checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate_world(tmp_path / name, reviews=300, tenants=2, seed=seed, end_day=END)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")
    assert checksums(tmp_path / "a") != checksums(tmp_path / "c")


@pytest.mark.parametrize("reviews", [1, 2, 19, 20, 41])
def test_a_world_can_be_of_any_size(tmp_path, reviews):
    manifest = generate_world(tmp_path, reviews=reviews, tenants=1, end_day=END)
    truth = pl.read_parquet(tmp_path / manifest.tenants[0].id / "truth.parquet")
    assert truth.filter(pl.col("version") == 1).height == reviews


def test_more_tenants_than_reviews_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(WorldError, match="at least one review each"):
        generate_world(tmp_path, reviews=2, tenants=3)


def test_more_tenants_than_kinds_of_business_get_names_of_their_own(tmp_path):
    manifest = generate_world(tmp_path, reviews=40, tenants=40, end_day=END)
    assert len({tenant.id for tenant in manifest.tenants}) == 40
    assert len({tenant.name for tenant in manifest.tenants}) == 40


def test_every_language_can_speak_about_everything():
    english = phrase_bank("en")
    for code in LANGUAGES:
        bank = phrase_bank(code)
        assert set(bank.topics) == set(english.topics), code
        assert set(bank.context) == set(english.context), code
        for topic, polarities in bank.topics.items():
            assert all(polarities[name] for name in ("positive", "negative", "neutral")), topic


def test_texts_are_of_natural_length_and_hardly_repeat(world):
    out, manifest = world
    spam = {review_id for tenant in manifest.tenants for review_id in tenant.spam}
    rows = [row for tenant in manifest.tenants for row in first_delivery(out, tenant)]
    texts = {row["review_id"]: row["text"] for row in rows if row["review_id"] not in spam}
    texts.pop("", None)
    lengths = [len(text) for text in texts.values()]
    assert min(lengths) >= 20
    assert max(lengths) <= 900
    assert 200 <= sum(lengths) / len(lengths) <= 320
    assert len(set(texts.values())) / len(texts) >= 0.95
    assert not any("{" in text or "[" in text or "|" in text for text in texts.values())


def test_ratings_mostly_agree_with_the_sentiment(world):
    out, manifest = world
    for tenant in manifest.tenants:
        ratings = {row["review_id"]: row["rating"] for row in first_delivery(out, tenant)}
        truth = pl.read_parquet(out / tenant.id / "truth.parquet").filter(pl.col("version") == 1)
        agree = [
            (int(ratings[review_id]) >= 4) == (sentiment == "positive")
            for review_id, sentiment in truth.select("review_id", "sentiment").rows()
            if review_id in ratings and sentiment in ("positive", "negative")
        ]
        assert 0.95 <= sum(agree) / len(agree) < 1


def test_the_first_delivery_holds_what_the_manifest_counts(world):
    out, manifest = world
    for tenant in manifest.tenants:
        rows = first_delivery(out, tenant)
        counts = tenant.deliveries["reviews.csv"]
        assert len(rows) == counts.collected == counts.kept + counts.unchanged + counts.rejected
        copies = Counter(tuple(row.values()) for row in rows if any(row.values()))
        repeated = {values[0] for values, count in copies.items() if count == 2}
        assert repeated == set(tenant.repeated_in_file)
        assert len(repeated) == counts.unchanged
        assert len(tenant.broken) == counts.rejected
        assert len({row.kind for row in tenant.broken}) == 5
        for broken in tenant.broken:
            row = rows[broken.record_number - 1]
            assert broken.value in row.values()
            assert (broken.kind == "empty") == (not any(row.values()))


def test_the_later_delivery_edits_deletes_repeats_and_adds(world):
    out, manifest = world
    for tenant in manifest.tenants:
        first = {row["review_id"]: row for row in first_delivery(out, tenant)}
        later = later_delivery(out, tenant)
        counts = tenant.deliveries["later.jsonl"]
        assert len(later) == counts.collected == counts.kept + counts.unchanged
        by_id = {row["review_id"]: row for row in later}
        assert len(by_id) == len(later)
        assert {i for i, row in by_id.items() if row.get("deleted")} == set(tenant.deleted)
        for review_id in tenant.edited:
            assert by_id[review_id]["text"] != first[review_id]["text"]
            assert str(by_id[review_id]["rating"]) != first[review_id]["rating"]
        for review_id in tenant.repeated_later:
            repeated = {name: str(value) for name, value in by_id[review_id].items()}
            assert repeated == first[review_id]
        assert set(tenant.repeated_in_file) <= set(tenant.repeated_later)
        assert not set(tenant.new_later) & set(first)
        assert tenant.edited
        assert tenant.new_later


def test_the_incident_stands_out_and_the_product_improves(world):
    _, manifest = world
    for tenant in manifest.tenants:
        incident = tenant.incident
        assert incident.week_start.weekday() == 0
        share = incident.negative_count / incident.review_count
        elsewhere = incident.other_weeks_negative_count / incident.other_weeks_review_count
        assert incident.review_count >= 10
        assert share > 3 * elsewhere
        improving = tenant.improving
        assert improving.last_average_rating - improving.first_average_rating > 0.6
        assert improving.product != incident.product


def test_spam_is_one_text_by_many_authors(world):
    out, manifest = world
    for tenant in manifest.tenants:
        rows = [row for row in first_delivery(out, tenant) if row["review_id"] in tenant.spam]
        assert len({row["text"] for row in rows}) <= 2 < len({row["author"] for row in rows})


def test_half_of_the_tenants_deliver_no_language(world):
    out, manifest = world
    for tenant in manifest.tenants:
        assert ("language" in first_delivery(out, tenant)[0]) == tenant.has_language_column
    assert {tenant.has_language_column for tenant in manifest.tenants} == {True, False}


def test_competitors_are_named_in_the_texts_and_in_the_gazetteer(world):
    out, manifest = world
    for tenant in manifest.tenants:
        names = orjson.loads((out / tenant.id / "tenant.json").read_bytes())["names"]
        rivals = {name["name"] for name in names if name["kind"] == "competitor"}
        assert set(tenant.competitor_mentions) == rivals
        texts = " ".join(row["text"].lower() for row in first_delivery(out, tenant))
        assert all(rival.lower() in texts for rival in rivals)
