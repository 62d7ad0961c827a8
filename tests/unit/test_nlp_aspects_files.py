"""Readers of labelled aspects, on small files written here, and the figures."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from resources.evaluation.aspect_files import (
    AspectFileError,
    GoldAspect,
    aspect_figures,
    coarse_category,
    guideline_of,
    read_aspect_file,
)
from resources.nlp.aspects import default_lexicon

SEMEVAL_2014 = """<?xml version="1.0" encoding="UTF-8"?>
<sentences>
  <sentence id="1"><text>The &quot;sales&quot; team &amp; the cord were fine.</text>
    <aspectTerms>
      <aspectTerm term="cord" polarity="neutral" from="23" to="27"/>
      <aspectTerm term="&quot;sales&quot; team" polarity="conflict" from="4" to="16"/>
    </aspectTerms>
    <aspectCategories><aspectCategory category="service" polarity="negative"/></aspectCategories>
  </sentence>
  <sentence id="2"><text>I came home.</text></sentence>
</sentences>"""
SEMEVAL_2016 = """<Reviews><Review rid="1"><sentences><sentence id="1:0">
  <text>Tasty food but the food is dear.</text>
  <Opinions>
    <Opinion target="food" category="FOOD#QUALITY" polarity="positive" from="6" to="10"/>
    <Opinion target="food" category="FOOD#PRICES" polarity="negative" from="6" to="10"/>
    <Opinion target="NULL" category="SERVICE#GENERAL" polarity="negative" from="0" to="0"/>
    <Opinion target="food" category="FOOD#PRICES" polarity="negative" from="19" to="23"/>
  </Opinions>
</sentence></sentences></Review></Reviews>"""
ACOS = (
    "the hard drive is fast but dear .\t1,3 HARD_DISC#SPEED 2 4,5\t-1,-1 LAPTOP#PRICE 0 6,7\n"
    "bye .\t-1,-1 LAPTOP#GENERAL 1 -1,-1\n"
)
ASQP = (
    "Nice ambience , nicer food .####[['food', 'food quality', 'positive', 'nicer'], "
    "['NULL', 'restaurant general', 'positive', 'Nice'], ['bience', 'x', 'neutral', 'Nice']]\n"
    "Det er godt.####[['NULL', 'food quality', 'positive']]\n"
)


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="file.txt"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return read_aspect_file(path)

    return write_and_read


def test_semeval_2014_terms_keep_their_spans(read):
    first, second = read(SEMEVAL_2014)
    assert first.aspects == [
        GoldAspect('"sales" team', "", "mixed", 4, 16),
        GoldAspect("cord", "", "neutral", 23, 27),
    ]
    assert all(first.text[one.start : one.end] == one.term for one in first.aspects)
    assert second.aspects == []


def test_a_span_labelled_twice_counts_once_and_two_feelings_are_mixed(read):
    (one,) = read(SEMEVAL_2016)
    assert one.aspects == [
        GoldAspect("food", "FOOD#QUALITY", "mixed", 6, 10),
        GoldAspect("food", "FOOD#PRICES", "negative", 19, 23),
    ]


def test_acos_spans_are_numbers_of_tokens(read):
    first, second = read(ACOS)
    assert first.aspects == [GoldAspect("hard drive", "HARD_DISC#SPEED", "positive", 4, 14)]
    assert second.aspects == []


def test_asqp_terms_are_looked_for_in_the_text(read):
    first, second = read(ASQP)
    assert first.aspects == [
        GoldAspect("bience", "x", "neutral", 7, 13),
        GoldAspect("food", "food quality", "positive", 22, 26),
    ]
    assert second.aspects == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\ngood,positive\n", "no labelled aspects that can be read"),
        ("", "no labelled aspects that can be read"),
        ("<sentences><sentence>", "no valid XML"),
        ("Fine .####[['food'", "no list of labels"),
        ("Fine .####[['food']]", "no list of labels"),
        ("fine .\t0,1 FOOD#QUALITY 2 0,1\tnonsense", "no ACOS label"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(read, content, message):
    with pytest.raises(AspectFileError, match=message):
        read(content)


@dataclass
class Found:
    category: str
    sentiment: str
    start: int
    end: int


def test_figures_count_exact_spans_sentiments_and_categories():
    gold = [
        [
            GoldAspect("food", "FOOD#QUALITY", "positive", 0, 4),
            GoldAspect("staff", "SERVICE#GENERAL", "negative", 10, 15),
        ],
        [GoldAspect("view", "RESTAURANT#MISC", "neutral", 4, 8)],
    ]
    predicted = [
        [
            Found("food and drink", "positive", 0, 4),
            Found("service and staff", "positive", 10, 15),
            Found("overall", "positive", 20, 24),
        ],
        [Found("food and drink", "positive", 0, 8)],
    ]
    figures = aspect_figures(gold, predicted)
    assert figures.term_precision == pytest.approx(2 / 4)
    assert figures.term_recall == pytest.approx(2 / 3)
    assert figures.term_f1 == pytest.approx(4 / 7)
    assert figures.term_polarity_f1 == pytest.approx(2 / 7)
    assert figures.polarity_accuracy == pytest.approx(1 / 2)
    assert figures.category_f1 == pytest.approx(2 * 2 / (3 + 2))


def test_figures_of_nothing_are_zero():
    figures = aspect_figures([[]], [[]])
    assert figures.term_f1 == figures.polarity_accuracy == figures.category_f1 == 0


def test_categories_of_the_competitions_have_their_place_in_ours():
    assert coarse_category("FOOD#PRICES") == "price and value"
    assert coarse_category("food quality") == "food and drink"
    assert coarse_category("SERVICE#GENERAL") == "service and staff"
    assert coarse_category("RESTAURANT#MISCELLANEOUS") == ""
    assert coarse_category("LAPTOP#GENERAL") == "overall"
    assert coarse_category("BATTERY#QUALITY") == "features and parts"
    assert coarse_category("ROOMS#CLEANLINESS") == "cleanliness"


def test_every_category_that_is_mapped_to_is_one_of_the_taxonomy():
    named = {"FOOD", "DRINKS", "SERVICE", "AMBIENCE", "LOCATION", "SHIPPING", "WARRANTY", "OS"}
    attributes = {"PRICE", "CLEANLINESS", "COMFORT", "GENERAL"}
    mapped = {coarse_category(f"{entity}#{kind}") for entity in named for kind in attributes}
    mapped |= {coarse_category(f"HOTEL#{kind}") for kind in ("QUALITY", "DESIGN_FEATURES")}
    assert mapped <= set(default_lexicon().categories)


def test_a_term_may_hold_the_quotation_mark_that_ends_it(read):
    (one,) = read(
        "samsung ' s screen and the fan .####[['samsung ' s screen', 'DISPLAY#GENERAL', "
        "'negative'], [\"fan\", 'FANS#GENERAL', 'positive']]\n"
    )
    assert [(aspect.term, aspect.sentiment) for aspect in one.aspects] == [
        ("samsung ' s screen", "negative"),
        ("fan", "positive"),
    ]


def test_only_semeval_2014_marks_mere_mentions_and_never_the_thing_itself(tmp_path):
    path = tmp_path / "file.xml"
    path.write_text(SEMEVAL_2014, encoding="utf-8")
    assert (guideline_of(path).mere_mentions, guideline_of(path).whole) == (True, False)
    path.write_text(SEMEVAL_2016, encoding="utf-8")
    assert (guideline_of(path).mere_mentions, guideline_of(path).whole) == (False, True)


def test_a_file_that_declares_entities_or_is_no_file_is_refused(tmp_path):
    path = tmp_path / "laughs.xml"
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><sentences>&b;</sentences>'
    path.write_text(laughs, encoding="utf-8")
    pipe = tmp_path / "pipe.xml"
    os.mkfifo(pipe)
    for hostile, message in ((path, "declares entities"), (pipe, "no ordinary file")):
        with pytest.raises(AspectFileError, match=message):
            read_aspect_file(hostile)
