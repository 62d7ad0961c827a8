"""Mining: terms that nobody named beforehand, from reviews that nobody labelled."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from resources.evaluation.aspect_files import aspect_figures, read_aspect_file
from resources.nlp.aspects import AspectLexicon, default_lexicon, find_aspects
from resources.training.aspect_mining import mine_lexicon

SHARED_DATA = Path(
    os.environ.get("REVIEWGRAPH_TEST_DATA", Path(__file__).parents[3] / "shared/data")
)
PLANTED = ["flimble", "quorn grinder", "zib port", "hexa mount"]
FELT = ["great", "awful", "excellent", "terrible", "perfect", "disappointing", "superb"]
EMPTY = AspectLexicon.of(default_lexicon().categories, [])


@pytest.fixture(scope="module")
def reviews():
    chooser = random.Random(11)
    frames = [
        "The {t} is {o} .",
        "I love the {o} {t} , it arrived on Monday .",
        "My wife says that the {t} was {o} and we agree .",
        "{o} {t} , will buy again next week .",
        "Two days later the {t} was still {o} !",
    ]
    return [
        chooser.choice(frames).format(t=chooser.choice(PLANTED), o=chooser.choice(FELT))
        for _ in range(400)
    ]


@pytest.fixture(scope="module")
def mined(reviews):
    return mine_lexicon(reviews, ["en"] * len(reviews), general=EMPTY)


def test_planted_terms_are_found_and_opinion_words_are_not(mined):
    names = {term.text for term in mined.terms}
    assert set(PLANTED) <= names
    assert not names & {*FELT, "monday", "week", "days", "wife", "love"}


def test_each_mined_term_shows_its_evidence(mined, reviews):
    for term in mined.terms:
        start, end = term.span
        assert term.example[start:end].lower().rstrip("s") == term.text.rstrip("s")
        assert any(term.example in review for review in reviews)
        assert 0 < term.score <= 1
        assert term.language == "en"
    counts = {term.text: term.count for term in mined.terms}
    assert counts["flimble"] == sum("flimble" in review for review in reviews)


def test_the_same_reviews_give_the_same_lexicon(mined, reviews):
    again = mine_lexicon(list(reviews), ["en"] * len(reviews), general=EMPTY)
    assert again.to_dict() == mined.to_dict()


def test_the_best_terms_are_kept_where_the_number_is_limited(mined, reviews):
    two = mine_lexicon(reviews, ["en"] * len(reviews), general=EMPTY, limit=2)
    assert len(two.terms) == 2
    best = sorted((term.score for term in mined.terms), reverse=True)[:2]
    assert sorted((term.score for term in two.terms), reverse=True) == best


def test_general_terms_stay_beside_the_mined_ones(reviews):
    lexicon = mine_lexicon(reviews, ["en"] * len(reviews))
    names = {term.text for term in lexicon.terms}
    assert {"flimble", "staff", "zimmer"} <= names


def test_a_general_term_that_is_seldom_judged_here_needs_a_clear_opinion():
    texts = [
        f"I went to it by car on my way to place {number} of the tour , then to a place ."
        for number in range(60)
    ]
    texts += ["The soup is great .", "The soup was awful ."] * 20
    lexicon = mine_lexicon(texts, ["en"] * len(texts))
    scores = {term.text: term.score for term in lexicon.terms if term.language == "en"}
    assert scores["place"] < 0.3 < scores["soup"]
    assert scores["staff"] == 1  # not judged by these reviews
    text = "We drove to a place, but the place was awful."
    found = find_aspects([text], ["en"], lexicon, no_feeling)[0]
    assert [aspect.start for aspect in found] == [text.rindex("place")]


def test_names_of_people_are_no_terms():
    texts = [f"Our host {name} was great and the flimble was great ." for name in ("Sonya", "Earl")]
    texts += [f"We loved {name} 's kindness and the flimble ." for name in ("Sonya", "Earl")]
    lexicon = mine_lexicon(texts * 20, ["en"] * len(texts) * 20)
    names = {term.text for term in lexicon.terms}
    assert "flimble" in names
    assert not names & {"sonya", "earl", "sonya's"}


def test_a_term_among_the_words_of_a_category_belongs_to_it():
    texts = [
        f"The {noun} is {taste} and was served cold with a {taste} taste ."
        for taste in ("delicious", "bland", "spicy", "tasty")
        for noun in ("soup", "salad", "pasta", "zorblax", "chicken")
    ] * 3
    texts += [f"The {noun} replied rudely to me at the desk ." for noun in ("waiter", "clerk")] * 10
    lexicon = mine_lexicon(texts, ["en"] * len(texts))
    assert {t.category for t in lexicon.terms if t.text == "zorblax"} == {"food and drink"}


def test_german_terms_are_mined_by_their_capitals():
    texts = [
        f"{start} Flimbel {verb} {mood}."
        for start in ("Der", "Mein", "Leider ist der", "Ich finde den")
        for verb in ("ist wirklich", "war", "scheint mir")
        for mood in ("gut", "schlecht", "kaputt", "schön")
    ]
    lexicon = mine_lexicon(texts, ["de"] * len(texts), general=EMPTY)
    names = {term.text for term in lexicon.terms}
    assert "flimbel" in names
    assert not names & {"gut", "schlecht", "wirklich", "ist", "ich"}


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""] * 50,
        ["😀"] * 50,
        ["\ud800 \x00"] * 50,
        ["a"] * 50,
        ["屏幕很好"] * 50,
        ["but ,"] * 30,
    ],
    ids=["none", "empty", "emoji", "surrogates", "letter", "chinese", "marks"],
)
def test_reviews_that_say_nothing_give_the_general_lexicon(texts):
    lexicon = mine_lexicon(texts, ["en"] * len(texts), general=EMPTY)
    assert lexicon.categories == EMPTY.categories
    assert len(lexicon.terms) <= 1


def no_feeling(clauses, languages):
    assert len(clauses) == len(languages)
    return np.zeros(len(clauses))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the public data sets are not on this machine")
def test_terms_of_a_new_domain_are_found():
    folder = SHARED_DATA / "acos" / "data" / "Laptop-ACOS"
    unlabelled = [one.text for one in read_aspect_file(folder / "laptop_quad_train.tsv")]
    gold = read_aspect_file(folder / "laptop_quad_test.tsv")
    lexicon = mine_lexicon(unlabelled, ["en"] * len(unlabelled))
    predicted = find_aspects([one.text for one in gold], ["en"] * len(gold), lexicon, no_feeling)
    figures = aspect_figures([one.aspects for one in gold], predicted)
    assert figures.term_f1 > 0.61


def test_reviews_of_several_languages_are_mined_apart(reviews):
    german = ["Der Flimbel ist wirklich gut.", "Mein Flimbel war schnell kaputt."] * 20
    lexicon = mine_lexicon(
        [*reviews, *german], ["en"] * len(reviews) + ["de"] * len(german), general=EMPTY
    )
    assert {term.language for term in lexicon.terms if term.text == "flimbel"} == {"de"}
    assert {term.language for term in lexicon.terms if term.text == "flimble"} == {"en"}
