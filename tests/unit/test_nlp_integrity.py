"""Spam and copies: advertising is told from opinions, and copies from chance."""

from __future__ import annotations

import os
import random
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.nlp.integrity import (
    VERSION,
    DuplicateGroup,
    judge_spam,
    near_duplicates,
    signatures,
)
from resources.nlp.integrity.duplicates import jaccard
from resources.nlp.integrity.fingerprints import shingles
from resources.nlp.integrity.spam import WEIGHTS
from resources.nlp.matching import normalise
from resources.sandbox.world.spoiling import SPAM

DATA = Path(__file__).parents[1] / "data" / "integrity"
SHARED_DATA = Path(
    os.environ.get("REVIEWGRAPH_TEST_DATA", Path(__file__).parents[3] / "shared/data")
)
CODES = {
    "link",
    "contact",
    "promotion",
    "off_topic_template",
    "gibberish",
    "repeated_characters",
    "repeated_phrase",
    "shouting",
}
REVIEW = (
    "We stayed three nights in July and the room was spotless, the breakfast generous and the "
    "staff at the desk kept smiling even when the lift broke down on Saturday morning."
)
OTHER = (
    "The delivery came two weeks late, the box was open and one of the four chairs had a broken "
    "leg, and nobody at the shop wanted to hear about it when I called them."
)


def read(name):
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines], [line.split("\t")[0] for line in lines]


def judged(text, language="en"):
    return judge_spam([text], [language])[0]


def test_spam_in_many_languages_is_caught():
    texts, languages = read("spam.txt")
    scores = [spam.score for spam in judge_spam(texts, languages)]
    assert len(set(languages)) >= 14
    assert sum(score >= 0.5 for score in scores) >= 0.95 * len(scores)


def test_reviews_in_many_scripts_are_not_spam():
    texts, languages = read("reviews.txt")
    flagged = [
        text
        for text, spam in zip(texts, judge_spam(texts, languages), strict=True)
        if spam.score >= 0.5
    ]
    assert not flagged


def test_the_spam_of_the_sandbox_is_caught():
    for spam in SPAM:
        assert judged(f"{spam.title}\n{spam.text}", spam.language).score >= 0.5, spam.title


def test_reasons_are_known_codes_and_tell_the_strongest_first():
    spam = judged("I recovered my bitcoin, contact him on WhatsApp +1 555 0142, www.coins.example")
    assert spam.reasons == ("off_topic_template", "contact", "link")
    texts, languages = read("spam.txt")
    assert {code for spam in judge_spam(texts, languages) for code in spam.reasons} <= CODES


def test_signals_combine_as_independent_evidence():
    spam = judged("CLICK HERE www.winner.example")
    assert spam.reasons == ("promotion", "link")
    assert spam.score == pytest.approx(1 - (1 - WEIGHTS["promotion"]) * (1 - WEIGHTS["link"]))


def test_one_weak_signal_is_no_spam():
    assert judged("See my pictures at www.holiday-pictures.example").score < 0.5
    assert judged("THE ROOM WAS DIRTY AND NOBODY CAME TO CLEAN IT").reasons == ("shouting",)
    assert judged("Booked at booking.com").score == 0


def test_long_vowels_are_enthusiasm_and_a_held_key_is_not():
    assert judged("Sooooooooooo goooooooooood").score < 0.5
    assert judged("aaaaaaaaaaaaaaaaaaaaaa").reasons == ("repeated_characters",)


def test_the_same_words_again_and_again_are_told():
    assert judged("nice nice nice nice nice nice nice nice nice nice nice nice").reasons == (
        "repeated_phrase",
    )
    assert judged("The food was nice and the view was nice and the people were nice").score == 0


def test_texts_that_are_normalised_already_are_judged_alike():
    texts, languages = read("spam.txt")
    given_already = normalise(pl.Series(texts))
    assert judge_spam(texts, languages, normalised=given_already) == judge_spam(texts, languages)


ANY_TEXT = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["", "\ud800", "😀😀😀", "\x00", "a" * 5_000, "!? !?", "5" * 40, "www.", "@"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ANY_TEXT, max_size=14))
def test_any_text_is_judged_and_signed_by_itself(texts):
    languages = ["en"] * len(texts)
    assert judge_spam(texts, languages) == [judged(text) for text in texts]
    assert signatures(texts) == [signatures([text])[0] for text in texts]
    assert all(0 <= spam.score <= 1 for spam in judge_spam(texts, languages))


def test_a_signature_is_a_signed_number_and_nothing_without_words():
    numbers = signatures([REVIEW, OTHER, "好吃", "", "!!! 😀", "???"])
    assert numbers[3:] == [None, None, None]
    assert all(-(2**63) <= number < 2**63 for number in numbers[:3])


def test_similar_texts_have_similar_signatures():
    def distance(one, other):
        first, second = signatures([one, other])
        return ((first ^ second) & (2**64 - 1)).bit_count()

    assert distance(REVIEW, REVIEW.upper() + "!!") == 0
    assert distance(REVIEW, REVIEW.replace("July", "August")) <= 12
    assert distance(REVIEW, OTHER) >= 16


def test_a_long_text_outgrows_the_narrow_counters():
    long = " ".join(
        str(number) + chr(97 + number % 26) * (number % 9 + 1) for number in range(40_000)
    )
    assert signatures([long, REVIEW])[1] == signatures([REVIEW])[0]


def test_copies_are_grouped_with_their_reason():
    texts = {
        "a": REVIEW,
        "b": REVIEW,
        "c": OTHER,
        "d": OTHER.upper().replace(",", " -"),
        "e": "Quite another story: the museum was closed, so we walked along the river instead.",
        "f": "Quite another story: the museum was closed, so we walked along the canal instead.",
        "g": "Nothing like the others, this one is about a bicycle whose chain kept falling off.",
    }
    groups = near_duplicates(list(texts), list(texts.values()))
    assert [(group.keys, group.reason) for group in groups] == [
        (("a", "b"), "identical text"),
        (("c", "d"), "same words"),
        (("e", "f"), "near copy"),
    ]
    assert groups[0] == DuplicateGroup(("a", "b"), 1.0, "identical text")
    assert 0.7 <= groups[2].similarity < 1


def test_short_texts_are_copies_only_by_the_same_author():
    keys, texts = ["1", "2", "3"], ["Great!", "great", "Great!"]
    assert near_duplicates(keys, texts) == []
    assert near_duplicates(keys, texts, authors=["x", "y", "x"]) == [
        DuplicateGroup(("1", "3"), 1.0, "identical text")
    ]
    assert near_duplicates(keys, texts, authors=[None, None, None]) == []


def test_short_phrases_that_differ_in_a_word_are_no_near_copies():
    texts = ["Super price and quick delivery", "Super price and very quick delivery"]
    assert near_duplicates(["1", "2"], texts) == []
    assert len(near_duplicates(["1", "2"], [texts[0], texts[0] + "!"])) == 1


def test_texts_without_words_are_no_copies():
    assert near_duplicates(["1", "2"], ["😀😀😀😀", "😀😀😀😀"], authors=["x", "x"]) == []
    assert near_duplicates([], []) == []


def test_groups_do_not_depend_on_the_order_of_the_reviews():
    rows = [(f"k{number:02}", text) for number, text in enumerate(planted(random.Random(3), 20))]
    groups = near_duplicates(*map(list, zip(*rows, strict=True)))
    random.Random(5).shuffle(rows)
    assert near_duplicates(*map(list, zip(*rows, strict=True))) == groups


def planted(chance, count):
    """Made-up reviews, each followed by a copy with one word changed."""
    words = [f"{chance.choice('bcdfgklmnprstvw')}{chance.choice('aeiou')}{n}x" for n in range(600)]
    for _ in range(count):
        chosen = chance.choices(words, k=30)
        yield " ".join(chosen)
        chosen[chance.randrange(30)] = "changed"
        yield " ".join(chosen)


def test_a_changed_word_hides_no_copy_and_chance_makes_none():
    texts = list(planted(random.Random(7), 300))
    groups = near_duplicates([f"{number:04}" for number in range(600)], texts)
    pairs = {tuple(map(int, group.keys)) for group in groups}
    assert all(second == first + 1 and first % 2 == 0 for first, second in pairs)
    assert len(pairs) >= 297


def test_similarity_is_that_of_the_texts():
    found = shingles(["one two three four", "one two three five"])
    sets = [
        sorted(set(found.hashes[first:end].tolist()))
        for first, end in zip(found.pointers[:-1], found.pointers[1:], strict=True)
    ]
    import numpy as np

    one, other = (np.array(numbers, np.uint64) for numbers in sets)
    assert jaccard(one, other) == pytest.approx(5 / 9)


def test_real_hotel_reviews_are_hardly_ever_flagged():
    path = SHARED_DATA / "datafiniti_hotels/Datafiniti_Hotel_Reviews.csv.zip"
    if not path.exists():
        pytest.skip("the public hotel reviews are not on this machine")
    with zipfile.ZipFile(path) as folder:
        frame = pl.read_csv(folder.read(folder.namelist()[0]), infer_schema_length=0)
    texts = frame["reviews.text"].drop_nulls().head(4_000).to_list()
    flagged = sum(spam.score >= 0.5 for spam in judge_spam(texts, ["en"] * len(texts)))
    assert flagged <= 0.005 * len(texts)


def test_the_version_names_code_and_data():
    code, _, data = VERSION.partition(".")
    assert code.isdigit()
    assert len(data) == 12
