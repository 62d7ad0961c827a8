"""Text vectors: independent of the batch, defined for any text, and of use in a search."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from nlp_search_cases import CASES

from resources.nlp.embeddings import (
    IndexMismatchError,
    SemanticIndex,
    StaticEmbedder,
    discover_themes,
    shipped_embedder,
)
from resources.nlp.embeddings.embedder import EmbeddingsError
from resources.nlp.hashing import find_words, scan

REVIEWS = {
    f"{language}-{number}": review
    for language, cases in CASES.items()
    for number, (_, review) in enumerate(cases)
}
AWKWARD = [
    "",
    " \n\t",
    "\x00\x07",
    "!!! ???",
    "👍👍",
    "\ud800 half",
    "a" * 1_000_000,
    "good 好 хорошо 좋아요 ดีมาก جيد",
    "'",
    "l'",
    "''''",
    "12 345",
]


@pytest.fixture(scope="module")
def embedder():
    return shipped_embedder()


@pytest.fixture(scope="module")
def index(embedder):
    return SemanticIndex.build(list(REVIEWS), list(REVIEWS.values()), embedder)


def likeness(embedder, first, second):
    vectors = embedder.embed([first, second])
    return float(vectors[0] @ vectors[1])


def test_a_vector_does_not_depend_on_the_texts_beside_it(embedder):
    texts = [*REVIEWS.values(), *AWKWARD] * 4
    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    backwards = embedder.embed(texts[::-1])[::-1]
    assert np.array_equal(together, alone)
    assert np.array_equal(together, backwards)


def test_any_text_has_a_unit_vector_or_none(embedder):
    lengths = np.linalg.norm(embedder.embed(AWKWARD), axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))
    assert lengths[:4].tolist() == [0, 0, 0, 0]
    assert lengths[7] > 0
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_synonyms_are_nearer_than_other_words(embedder):
    assert likeness(embedder, "delivery", "shipping") > likeness(embedder, "delivery", "soup") + 0.3
    assert likeness(embedder, "the bed was comfy", "a comfortable mattress") > 0.4


def test_unknown_words_are_near_themselves_and_their_inflections(embedder):
    assert likeness(embedder, "zorkifluxer", "Zorkifluxer!") == pytest.approx(1, abs=1e-5)
    assert likeness(embedder, "zorkifluxer", "zorkifluxerinnen") > 0.3
    assert abs(likeness(embedder, "zorkifluxer", "brampelwitz")) < 0.3


def test_an_article_with_an_apostrophe_is_no_part_of_the_word(embedder):
    assert likeness(embedder, "l'hôtel", "hôtel") > 0.9
    assert likeness(embedder, "dell'albergo", "albergo") > 0.6


def test_saving_twice_gives_the_same_bytes_and_the_same_vectors(embedder, tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    embedder.save(first)
    embedder.save(second)
    assert first.read_bytes() == second.read_bytes()
    again = StaticEmbedder.load(first)
    texts = list(REVIEWS.values())
    assert np.array_equal(again.embed(texts), embedder.embed(texts))
    assert again.version != "unsaved"


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_a_missing_or_damaged_file_is_told_by_its_name(tmp_path, content):
    path = tmp_path / "vectors.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmbeddingsError, match=r"vectors\.npz"):
        StaticEmbedder.load(path)


def word_overlap(query, reviews):
    """What a search by words with TF-IDF weights answers."""

    def words(text):
        points = scan([text])
        found = find_words(points)
        return {
            points.characters[start:end].tobytes()
            for start, end in zip(found.starts, found.ends, strict=True)
        }

    read = [words(review) for review in reviews]
    counts = Counter(word for own in read for word in own)
    rarity = {word: math.log((len(read) + 1) / count) for word, count in counts.items()}
    return np.array(
        [
            sum(rarity[word] ** 2 for word in own & words(query))
            / math.sqrt(sum(rarity[word] ** 2 for word in own) + 1e-9)
            for own in read
        ]
    )


def reciprocal_rank(scores, wanted):
    """1 / rank; among equal scores the mean of the ranks they could have."""
    scores = np.round(scores, 6)
    better, equal = int((scores > scores[wanted]).sum()), int((scores == scores[wanted]).sum())
    return float(np.mean([1 / (1 + better + place) for place in range(equal)]))


@pytest.mark.parametrize("language", sorted(CASES))
def test_plain_words_find_what_is_said_in_other_words(embedder, language):
    reviews = [review for _, review in CASES[language]]
    vectors = embedder.embed(reviews)
    by_meaning, by_words = [], []
    for wanted, (query, _) in enumerate(CASES[language]):
        by_meaning.append(reciprocal_rank(vectors @ embedder.embed([query])[0], wanted))
        by_words.append(reciprocal_rank(word_overlap(query, reviews), wanted))
    assert np.mean(by_meaning) > 0.65
    assert np.mean(by_meaning) > np.mean(by_words) + 0.2


def test_a_search_may_be_limited_to_some_texts(index, embedder):
    among = {key for key in REVIEWS if key.startswith("en-")} - {"en-0"}
    hits = index.search("late delivery", embedder, 5, among=among)
    assert hits
    assert {hit.key for hit in hits} <= among
    assert index.search("late delivery", embedder, 5, among=[]) == []
    assert index.search("", embedder) == []


def test_hits_come_best_first_and_repeat_themselves(index, embedder):
    hits = index.search("the refund never came", embedder, 10)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits == index.search("the refund never came", embedder, 10)
    english = {key for key in REVIEWS if key.startswith("en-")}
    assert index.search("the refund never came", embedder, 1, among=english)[0].key == "en-6"


def test_what_is_similar_to_a_text_is_not_the_text_itself(index):
    hits = index.similar("en-0", 3)
    assert len(hits) == 3
    assert "en-0" not in {hit.key for hit in hits}
    with pytest.raises(IndexMismatchError, match="nobody"):
        index.similar("nobody")


def test_an_index_survives_its_file_and_refuses_other_vectors(index, embedder, tmp_path):
    path = tmp_path / "index.arrow"
    index.save(path)
    again = SemanticIndex.load(path)
    assert again.search("rude staff", embedder) == index.search("rude staff", embedder)
    other = SemanticIndex(again.keys, again.vectors, "other")
    with pytest.raises(IndexMismatchError, match="other"):
        other.search("rude staff", embedder)
    with pytest.raises(IndexMismatchError, match=r"none\.arrow"):
        SemanticIndex.load(Path(tmp_path / "none.arrow"))


def planted_reviews():
    groups = [
        [
            "The parcel came late",
            "Delivery took weeks",
            "Shipping took ages",
            "The courier lost my parcel",
        ],
        ["The soup was tasty", "Delicious dinner", "The fish tasted great", "Lovely pasta dish"],
        ["The app crashes", "It freezes at login", "Bugs after the update", "Error on startup"],
    ]
    return [
        (f"{text} {word}", number)
        for number, group in enumerate(groups)
        for text in group
        for word in ("again", "today", "for us", "this time")
    ]


def test_themes_are_what_was_planted_and_equal_seeds_give_equal_themes(embedder):
    texts, planted = zip(*planted_reviews(), strict=True)
    vectors = embedder.embed(texts)
    found = discover_themes(texts, vectors, count=3)
    assert len(found.themes) == 3
    for theme, _ in enumerate(found.themes):
        own = Counter(planted[place] for place in np.flatnonzero(found.members == theme))
        assert own.most_common(1)[0][1] / own.total() > 0.8
    again = discover_themes(texts, vectors, count=3)
    assert again.themes == found.themes
    assert np.array_equal(again.members, found.members)


def test_themes_have_words_examples_and_sizes_that_add_up(embedder):
    texts = [text for text, _ in planted_reviews()]
    found = discover_themes(texts, embedder.embed(texts))
    assert found.themes
    for number, theme in enumerate(found.themes):
        assert theme.size == int((found.members == number).sum())
        assert theme.name
        assert all(found.members[place] == number for place in theme.examples)


def test_few_or_silent_texts_have_no_theme(embedder):
    for texts in ([], ["one", "two"], [""] * 50):
        found = discover_themes(texts, embedder.embed(texts))
        assert found.themes == []
        assert (found.members == -1).all()


def test_words_too_common_to_weigh_are_all_there_is_sometimes():
    from resources.nlp.embeddings.embedder import shipped_embedder

    vectors = shipped_embedder().embed(["too small, had to return it", "never again", "..."])
    assert np.linalg.norm(vectors, axis=1).round(3).tolist() == [1.0, 1.0, 0.0]
