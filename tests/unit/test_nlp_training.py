"""Training on a tiny data folder: the same bytes twice, and a model that has learnt something."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resources.evaluation.benchmarks import (
    STEERING_SETS,
    Benchmark,
    binary_figures,
    read_benchmarks,
)
from resources.nlp.context import SHIPPED_MODELS, Models
from resources.nlp.hashing import FeatureSpec, hashed_blocks
from resources.nlp.language import detect_languages
from resources.nlp.linear import LinearModel, softmax
from resources.nlp.sentiment import review_logits
from resources.training.generated import (
    Backdrop,
    embed_phrases,
    embed_words,
    generate_opinions,
    opinion_lexicon,
    plain_pieces,
)
from resources.training.model_card import write_card
from resources.training.optimiser import (
    Schedule,
    feature_matrix,
    fit_temperature,
    train_linear,
)
from resources.training.shipped import measure_sentiment, train_language, train_sentiment
from resources.training.taught import Lessons, taught_sentences

TINY = FeatureSpec(bits=13, word_orders=(1, 2), character_orders=(3,))
QUICK = Schedule(passes=2, batch=64, rate=0.3)
SHARED_DATA = Path(
    os.environ.get("REVIEWGRAPH_TEST_DATA", Path(__file__).parents[3] / "shared/data")
)


@pytest.fixture(scope="module")
def opinions():
    return generate_opinions(150, seed=1).with_columns(source=pl.lit("tiny"))


def file_hash(model, path):
    model.save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_generated_opinions_are_seeded_and_cover_every_language(opinions):
    again = generate_opinions(150, seed=1).with_columns(source=pl.lit("tiny"))
    assert again.equals(opinions)
    assert not generate_opinions(150, seed=2)["text"].equals(opinions["text"])
    assert set(opinions["language"]) == set(opinion_lexicon())
    assert set(opinions["label"]) == {"negative", "neutral", "positive"}


def test_every_language_has_phrases_of_the_kinds_that_are_needed():
    needed = {"subjects", "is", "neutral", "praise", "complaint", "facts", "relief", "lack"}
    for language, phrases in opinion_lexicon().items():
        assert not {kind for kind in needed if not phrases[kind]}, language
        assert not set(phrases["liked"]) & set(phrases["disliked"]), language


def test_opinion_words_are_dropped_into_sentences_without_any():
    sentences = ["the bad train to the coast left at nine", "a nice river runs past the old town"]
    backdrop = Backdrop("en", sentences, ["bad", "nice"])
    words = pl.DataFrame({"text": ["bad", "nice"], "label": ["negative", "positive"]}).with_columns(
        language=pl.lit("en"), source=pl.lit("words")
    )
    embedded = embed_words(words, backdrop, 20, seed=1)
    assert embedded.equals(embed_words(words, backdrop, 20, seed=1))
    for text, label in embedded.select("text", "label").iter_rows():
        assert ("bad" in text.split()) == (label == "negative")
        assert ("nice" in text.split()) == (label == "positive")
    plain = plain_pieces(backdrop, 20, seed=1)
    assert set(plain["label"]) == {"neutral"}
    assert not plain["text"].str.contains("bad|nice").any()


def test_a_backdrop_of_an_unspaced_language_loses_its_opinion_words_too():
    backdrop = Backdrop("zh", ["这个城市的河流很好地流过古老的街道"], ["很好"])
    plain = plain_pieces(backdrop, 30, seed=1)["text"].str.replace_all(" ", "")
    assert not plain.str.contains("很好").any()


def test_phrases_are_embedded_in_sentences_of_their_own_language():
    backdrops = {
        "de": Backdrop("de", ["der Zug nach Norden fährt um neun Uhr"], ["gut"]),
        "ja": Backdrop("ja", ["電車は九時に北へ出発します"], ["良い"]),
    }
    embedded = embed_phrases(backdrops, 2, seed=1)
    assert embedded.equals(embed_phrases(backdrops, 2, seed=1))
    assert set(embedded["language"]) == {"de", "ja"}
    german = embedded.filter(language="de")
    denied = german.filter(pl.col("text").str.contains(r"\bist nicht empfehlenswert\b"))
    assert set(denied["label"]) == {"negative"}
    praised = german.filter(pl.col("text").str.contains(r"^(?:der|Zug|nach|\s)*wunderbar\b"))
    assert set(praised["label"]) == {"positive"}
    plain = embedded.filter(label="neutral", language="ja")["text"]
    assert plain.len() == 150
    assert not plain.str.contains(" ").any()


def test_generated_texts_can_be_asked_for_one_language():
    assert set(generate_opinions(5, seed=1, languages=("de",))["language"]) == {"de"}


def test_each_language_with_enough_rows_gets_a_temperature_of_its_own(tmp_path):
    rows = generate_opinions(4_000, seed=1, languages=("de", "en")).with_columns(
        source=pl.lit("tiny")
    )
    few = generate_opinions(100, seed=1, languages=("fr",)).with_columns(source=pl.lit("tiny"))
    model, _ = train_sentiment(pl.concat([rows, few]), spec=TINY, schedule=QUICK)
    assert set(model.temperatures) == {"de", "en"}
    own = model.temperatures_of(["de", "fr"])
    assert own.tolist() == pytest.approx([model.temperatures["de"], model.temperature], rel=1e-6)
    model.save(tmp_path / "model.npz")
    assert LinearModel.load(tmp_path / "model.npz").temperatures == pytest.approx(
        model.temperatures, abs=1e-6
    )


def test_the_same_seed_trains_the_same_bytes(opinions, tmp_path):
    first, figures = train_sentiment(opinions, spec=TINY, schedule=QUICK)
    second, _ = train_sentiment(opinions, spec=TINY, schedule=QUICK)
    assert file_hash(first, tmp_path / "one.npz") == file_hash(second, tmp_path / "two.npz")
    assert figures["held_out_accuracy"]["tiny"] > 60


def test_a_saved_model_answers_as_before(opinions, tmp_path):
    model, _ = train_sentiment(opinions, spec=TINY, schedule=QUICK)
    model.save(tmp_path / "model.npz")
    loaded = LinearModel.load(tmp_path / "model.npz")
    assert loaded.labels == model.labels
    assert loaded.spec == model.spec
    assert np.abs(loaded.weights - model.weights).max() <= np.abs(model.weights).max() / 127
    assert loaded.version != "unsaved"


def language_folder(root, samples):
    for kind in ("sentences", "word-pairs", "single-words"):
        folder = root / "lingua_testdata" / "language-testdata" / kind
        folder.mkdir(parents=True)
        for code, text in samples.items():
            lines = [f"{text} {number % 7}" for number in range(40)]
            (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return root


def test_a_language_model_learns_from_a_folder(tmp_path):
    samples = {
        "de": "der Hund und die Katze sind",
        "en": "the dog and the cat are",
        "fr": "le chien",
    }
    folder = language_folder(tmp_path, samples)
    model, figures = train_language(folder, sources=(), spec=TINY, schedule=QUICK)
    assert model.labels == ("de", "en", "fr")
    assert figures["accuracy"]["sentences"] > 95
    again, _ = train_language(folder, sources=(), spec=TINY, schedule=QUICK)
    assert np.array_equal(model.weights, again.weights)


def test_what_could_be_either_of_two_neighbours_is_the_commoner_one(tmp_path):
    samples = {"bs": "soba je bila dobra", "hr": "soba je bila dobra", "en": "the room was good"}
    folder = language_folder(tmp_path, samples)
    model, _ = train_language(folder, sources=(), spec=TINY, schedule=QUICK)
    guess = detect_languages(["soba je bila dobra", "the room was good"], model)
    assert guess.codes == ["hr", "en"]


def test_a_language_that_is_plain_from_the_beginning_is_not_read_on(tmp_path):
    folder = language_folder(tmp_path, {"de": "der Hund und die Katze", "en": "the dog and a cat"})
    model, _ = train_language(folder, sources=(), spec=TINY, schedule=Schedule(passes=9, rate=0.5))
    english, german = "the dog and a cat " * 6, "der Hund und die Katze " * 20
    alone = detect_languages([english], model)
    followed = detect_languages([english + german], model)
    assert alone.codes == followed.codes == ["en"]
    assert alone.confidences.tolist() == followed.confidences.tolist()


def test_a_teacher_who_doubts_makes_a_model_that_doubts(opinions):
    texts = opinions.filter(language="en", label="positive")["text"].to_list()
    features = feature_matrix(texts, None, TINY)
    doubts = np.tile(np.array([0.2, 0.2, 0.6], np.float32), (len(texts), 1))
    labels = ("negative", "neutral", "positive")
    soft = train_linear(features, doubts, labels, TINY, Schedule(passes=12, rate=0.3))
    chances = softmax(features @ soft.weights + soft.bias)
    assert chances.mean(axis=0) == pytest.approx([0.2, 0.2, 0.6], abs=0.1)


def test_packed_sums_are_the_sums_of_the_stored_weights(opinions, tmp_path):
    model, _ = train_sentiment(opinions, spec=TINY, schedule=QUICK)
    model.save(tmp_path / "model.npz")
    loaded = LinearModel.load(tmp_path / "model.npz")
    texts = ["good room but terrible food", "", "!", "nice " * 2_000, "word " * 4_000]
    for block in hashed_blocks(texts, TINY):
        rows = np.repeat(np.arange(len(texts)), np.diff(block.pointers))
        expected = np.zeros((len(texts), 3))
        np.add.at(expected, rows, loaded.weights[block.indices].astype(np.float64))
        assert loaded.sums(block) == pytest.approx(expected, rel=1e-4, abs=1e-3)
        assert model.sums(block) == pytest.approx(loaded.sums(block), rel=1e-6)
    long_and_short = hashed_blocks(texts, TINY)[-1]
    (short,) = (blocks[-1] for blocks in [hashed_blocks(texts[:1], TINY)])
    assert np.array_equal(loaded.sums(long_and_short)[:1], loaded.sums(short))


def test_lessons_of_a_teacher_are_learnt_beside_the_rows(opinions):
    rows = opinions.filter(language="en")
    words = ["blorptastic", "grimzonk"] * 150
    chances = np.array([[0, 0.1, 0.9], [0.9, 0.1, 0]] * 150, np.float32)
    lessons = Lessons([f"it was {word}" for word in words], chances, "tiny")
    taught, _ = train_sentiment(rows, spec=TINY, schedule=QUICK, lessons=lessons)
    logits = review_logits(pl.Series(["blorptastic", "grimzonk"]), taught)
    assert logits[0, 2] > logits[0, 0] + 0.5
    assert logits[1, 0] > logits[1, 2] + 0.5


@pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="needs the public data sets beside the project"
)
def test_the_sentences_for_the_teacher_are_always_the_same():
    texts = taught_sentences(SHARED_DATA)
    assert texts == taught_sentences(SHARED_DATA)
    assert len(texts) > 20_000


def test_temperature_makes_confidence_match_accuracy():
    dice = np.random.default_rng(3)
    true_logits = dice.normal(size=(4_000, 3)).astype(np.float32)
    chances = softmax(true_logits)
    targets = np.array([dice.choice(3, p=row / row.sum()) for row in chances.astype(np.float64)])
    assert fit_temperature(true_logits * 3, targets) == pytest.approx(3, rel=0.1)


def test_figures_leave_neutral_rows_out():
    figures = binary_figures(np.array([1, -1, 0, 1]), np.array([0.9, 0.2, 0.9, 0.4]))
    assert figures.rows == 3
    assert figures.accuracy == pytest.approx(100 * 2 / 3)


def test_a_benchmark_is_measured_with_the_model_of_its_language(opinions):
    model, _ = train_sentiment(opinions, spec=TINY, schedule=QUICK)
    some = opinions.filter(pl.col("label") != "neutral")
    labels = np.where(some["label"] == "positive", 1, -1)
    tiny = Benchmark("en tiny", "en", some["text"].to_list(), labels)
    silent = replace(model, weights=np.zeros_like(model.weights))
    assert measure_sentiment(model, silent, [tiny])["en tiny"]["accuracy"] > 70
    foreign = replace(tiny, language="de")
    assert measure_sentiment(silent, model, [foreign])["en tiny"]["accuracy"] > 70


def test_the_card_tells_sets_that_were_steered_by_from_others(tmp_path):
    row = {"rows": 10, "macro_f1": 80.0, "accuracy": 81.0, "calibration_error": 2.0}
    steering = min(name for name in STEERING_SETS if name.startswith("de "))
    figures = {"benchmarks": {steering: row, "ro other": row | {"macro_f1": 70.0}}}
    (tmp_path / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"| {steering} | steering | 10 | 80.0 |" in card
    assert "| ro other |  | 10 | 70.0 |" in card
    assert "| other languages, not steered by | 1 | 70.0 | 2.0 |" in card


def test_shipped_models_are_small_and_have_a_card():
    size = sum(path.stat().st_size for path in SHIPPED_MODELS.glob("*.npz"))
    assert size < 22_000_000  # with the transformer below 40 MB
    card = (SHIPPED_MODELS / "README.md").read_text(encoding="utf-8")
    for heading in ("Data and licences", "Figures", "Limits"):
        assert heading in card


@pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="needs the public data sets beside the project"
)
def test_the_shipped_english_model_holds_its_figure_on_sets_it_never_saw():
    models = Models()
    chosen = [
        benchmark
        for benchmark in read_benchmarks(SHARED_DATA)
        if benchmark.name in {"en skytrax lounge", "en skytrax seat"}
    ]
    figures = measure_sentiment(models.english, models.multilingual, chosen)
    assert np.mean([row["macro_f1"] for row in figures.values()]) > 76
