"""Making text vectors from a teacher that the test plays itself."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest

from resources.training.embeddings import (
    combine,
    distil,
    english_words,
    read_concepts,
    sample_sentences,
    stop_weights,
)
from resources.training.neighbours import neighbour_vectors

FOOD = ["soup", "bread", "pasta", "cheese", "salad"]
POST = ["parcel", "courier", "delivery", "shipping", "package"]
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ru", "sv", "ja", "ko", "zh"}


class PlayedTeacher:
    """Knows that words of one group mean nearly the same; 16 dimensions."""

    def __init__(self):
        dice = np.random.default_rng(0)
        self.meanings = {"food": dice.normal(size=16), "post": dice.normal(size=16)}
        self.noise = {word: dice.normal(size=16) for word in [*FOOD, *POST]}

    def embed(self, texts):
        rows = [
            sum(
                (
                    self.meanings["food" if word in FOOD else "post"] + 0.4 * self.noise[word]
                    for word in text.split()
                ),
                start=np.zeros(16),
            )
            for text in texts
        ]
        vectors = np.stack(rows).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def taught():
    teacher = PlayedTeacher()
    words = dict.fromkeys(sorted([*FOOD, *POST]), 0.001)
    dice = np.random.default_rng(1)
    sentences = [
        " ".join(dice.choice(FOOD if number % 2 else POST, 3, replace=False))
        for number in range(60)
    ]
    return distil(words, teacher.embed(list(words)), sentences, teacher.embed(sentences), 8)


def test_words_that_the_teacher_holds_alike_come_out_alike(taught):
    embedder = combine(taught, {})
    soup, pasta, parcel = embedder.embed(["soup", "pasta", "parcel"])
    assert soup @ pasta > 0.7
    assert soup @ parcel < 0.3


def test_a_foreign_word_comes_out_like_its_english_translation(taught):
    embedder = combine(taught, {})
    lieferung, livraison, parcel, soup = embedder.embed(["Lieferung", "colis", "parcel", "soup"])
    assert lieferung @ parcel > 0.5
    assert lieferung @ livraison > 0.5
    assert lieferung @ soup < 0.3


def test_training_twice_gives_the_same_bytes(taught, tmp_path):
    texts = {"de": ["Das Paket kam an"] * 5, "ko": ["배송이 빨라요", "배송 좋아요"] * 20}
    hashes = set()
    for name in ("a.npz", "b.npz"):
        combine(taught, texts).save(tmp_path / name)
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_common_words_of_any_language_count_little_or_nothing(taught):
    weights = stop_weights({"xx": ["kwu zorp", "kwu blim", "kwu dran", "kwu"] * 10})
    assert sum(weight == 0 for weight in weights.values()) > 1_000  # the lists of stop words
    embedder = combine(taught, {"xx": ["kwu zorp", "kwu blim", "kwu dran", "kwu"] * 10})
    # Beside any other word a common one says nothing; alone it is all there is.
    for common in ("kwu", "the", "und"):
        assert np.array_equal(embedder.embed([f"{common} flumm"]), embedder.embed(["flumm"]))
        assert embedder.embed([common]).any()
    assert not embedder.embed(["!"]).any()


def test_words_that_stand_beside_the_same_words_come_out_alike():
    dice = np.random.default_rng(3)
    drinks, tools = ["blorf", "glunt", "snape"], ["krint", "drost", "fleem"]
    texts = [
        " ".join(
            [
                str(dice.choice(drinks if number % 2 else tools)),
                *dice.choice(
                    ["cup", "sip", "warm", "sweet"] if number % 2 else ["nail", "wood", "iron"], 2
                ),
            ]
        )
        for number in range(600)
    ]
    vectors = neighbour_vectors(texts, {}, 4)
    again = neighbour_vectors(texts, {}, 4)
    assert all(np.array_equal(vectors[key], again[key]) for key in vectors)
    from resources.training.embeddings import word_keys

    blorf, glunt, krint = (vectors[int(key)] for key in word_keys(["blorf", "glunt", "krint"]))
    assert blorf @ glunt > 0.6
    assert blorf @ glunt > blorf @ krint + 0.3


def test_too_few_words_have_no_neighbours():
    assert neighbour_vectors(["one two three"] * 20, {}, 8) == {}


def test_every_concept_has_words_in_fourteen_languages():
    for concept in read_concepts():
        assert set(concept) == LANGUAGES, concept["en"]
        assert all(word.strip() for words in concept.values() for word in words)


def test_foreign_words_in_the_teachers_vocabulary_are_no_english():
    words = english_words(pl.Series(["soup " * 10]), ["soup", "livraison", "table", "##ing"], [])
    assert set(words) == {"soup", "table"}
    assert words["soup"] == 1


def test_sentences_are_different_clauses_of_some_length():
    texts = pl.Series(["The soup was cold. Bad. The soup was cold. " + "very " * 60 + "late."])
    assert sample_sentences(texts) == ["The soup was cold."]
