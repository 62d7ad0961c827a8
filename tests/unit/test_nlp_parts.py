"""The parts of the language engine, each by itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.nlp.clauses import split_clauses
from resources.nlp.context import Models
from resources.nlp.entities import Gazetteer, Name, find_entities
from resources.nlp.hashing import FeatureSpec, find_words, hashed_blocks, scan
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import detect_languages
from resources.nlp.matching import find_phrases, normalise
from resources.nlp.topics import Taxonomy, default_taxonomy, label_topics

MODELS = Models()
SPEC = FeatureSpec(bits=16)


def words_of(text):
    points = scan([text])
    found = find_words(points)
    return [
        "".join(map(chr, points.characters[start:end]))
        for start, end in zip(found.starts, found.ends, strict=True)
    ]


def test_words_are_cut_at_separators_and_around_characters_that_stand_alone():
    assert words_of("Don't go, café-bar!") == ["don't", "go", "café", "bar", "!"]
    assert words_of("很好ok😀") == ["很", "好", "ok", "😀"]
    assert words_of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]


def test_long_repeats_are_shortened():
    assert words_of("sooooooo") == ["sooo"]


def features_of_row(texts, row):
    return [
        block.indices[block.pointers[row] : block.pointers[row + 1]].tolist()
        for block in hashed_blocks(texts, SPEC)
    ]


@settings(max_examples=60, deadline=None)
@given(before=st.lists(st.text(max_size=20), max_size=4), text=st.text(max_size=40))
def test_features_of_a_text_do_not_depend_on_the_texts_around_it(before, text):
    assert features_of_row([*before, text, "after"], len(before)) == features_of_row([text], 0)


def test_lone_surrogates_are_hashed_without_complaint():
    assert len(hashed_blocks(["\ud800 good \udfff"], SPEC)) == 6


def test_a_group_of_rows_owns_the_features_of_its_rows():
    (block, *_) = hashed_blocks(["a b", "c", "", "d"], SPEC)
    grouped = block.grouped(np.array([0, 2, 4]))
    assert np.diff(grouped.pointers).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Good. Bad!", ["Good.", "Bad!"]),
        ("Nice room but noisy street", ["Nice room", "but noisy street"]),
        ("Costs 3.50 a day", ["Costs 3.50 a day"]),
        ("味道很好，但是很贵。", ["味道很好，", "但是很贵。"]),  # noqa: RUF001
        ("schön, aber laut", ["schön", "aber laut"]),
        ("Dit was mooi, maar duur", ["Dit was mooi", "maar duur"]),
        ("bello, ma caro", ["bello", "ma caro"]),
        ("C'est ma commande", ["C'est ma commande"]),  # "ma" is French for "my" as well
        ("Gostei mais do quarto", ["Gostei mais do quarto"]),
        ("", [""]),
    ],
)
def test_clauses_end_at_sentences_and_before_contrast_words(text, clauses):
    assert split_clauses(pl.Series([text])).texts == clauses


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab é中", max_size=24), min_size=5, max_size=8))
def test_few_texts_are_searched_like_many(texts):
    forms = [" a ", " ab", "中", "中a", " a b ", "b", " é "]
    normalised = normalise(pl.Series(texts))
    together = find_phrases(normalised, forms)
    for row in range(len(texts)):
        alone = find_phrases(normalised[row : row + 1], forms)
        assert alone.forms == [together.forms[row] or []]
        assert alone.starts == [together.starts[row] or []]


def test_75_languages_are_known():
    assert len(MODELS.language.labels) >= 75


def test_unsure_texts_have_no_language():
    guess = detect_languages(["qzx wvk jjq", "12 %", "ok"], MODELS.language)
    assert guess.codes[:2] == ["und", "und"]
    assert guess.confidences[1] == 0


def test_latin_letters_are_never_taken_for_a_language_of_another_script():
    texts = ["good", "best", "wifi ok", "nice", "GOOD!! 👍"]
    assert not {"ko", "th", "ja", "zh", "ru"} & set(detect_languages(texts, MODELS.language).codes)


def test_detecting_nothing_is_fine():
    assert detect_languages([], MODELS.language).codes == []


def topics_of(text, language):
    return label_topics(normalise(pl.Series([text])), [language], default_taxonomy())


@pytest.mark.parametrize(
    ("language", "text", "topic"),
    [
        ("en", "The parcel was delivered late", "delivery"),
        ("de", "Die Lieferung kam zu spät", "delivery"),
        ("fr", "Le rapport qualité prix est mauvais", "price and value"),
        ("es", "La habitación estaba sucia", "cleanliness"),
        ("it", "Il cameriere era gentile", "service and staff"),
        ("pt", "O aplicativo trava", "usability and stability"),
        ("nl", "Het ontbijt was lekker", "food and drink"),
        ("ja", "朝食が美味しい", "food and drink"),
        ("ko", "배송이 빨라요", "delivery"),
        ("zh", "房间不干净", "cleanliness"),
        ("pl", "Obsługa była niemiła", "service and staff"),
        ("tr", "İade etmek istedim", "payment and refunds"),
        ("ru", "Доставка быстрая", "delivery"),
    ],
)
def test_topics_are_found_in_many_languages(language, text, topic):
    assert topic in topics_of(text, language).topics[0]


def test_a_topic_shows_the_words_that_speak_for_it():
    labels = topics_of("They delivered it; delivery by courier, courier was late", "en")
    reasons = dict(zip(labels.topics[0], labels.reasons[0], strict=True))
    assert reasons["delivery"] == "delivered, delivery, courier"


def test_keywords_match_whole_words_of_the_reviews_own_language():
    assert "food and drink" not in topics_of("a steamboat and a seatbelt", "en").topics[0]
    assert "comfort and noise" not in topics_of("laut Beschreibung", "en").topics[0]


def test_the_default_taxonomy_is_coarse_and_survives_json():
    taxonomy = default_taxonomy()
    assert 8 <= len(taxonomy.topics) <= 15
    assert Taxonomy.from_dict(taxonomy.to_dict()).version == taxonomy.version
    assert all(len(topic.keywords) >= 12 for topic in taxonomy.topics)


def entities_of(text, *names):
    labels = find_entities(normalise(pl.Series([text])), Gazetteer(names))
    return list(zip(labels.names[0], labels.kinds[0], strict=True))


def test_names_are_found_by_alias_once_and_in_order():
    lamp = Name("Aurora Mini", "product", ("aurora-mini", "mini lamp"))
    rival = Name("Lumo", "competitor")
    assert entities_of("LUMO is worse than the mini lamp. Aurora Mini!", lamp, rival) == [
        ("Lumo", "competitor"),
        ("Aurora Mini", "product"),
    ]


def test_names_match_whole_words_only():
    assert entities_of("Lumosity", Name("Lumo", "competitor")) == []


def test_the_longer_name_hides_the_shorter_one_inside():
    names = Name("Aurora", "brand"), Name("Aurora Mini", "product")
    assert entities_of("My Aurora Mini", *names) == [("Aurora Mini", "product")]
    assert entities_of("Aurora, and the Aurora Mini", *names) == [
        ("Aurora", "brand"),
        ("Aurora Mini", "product"),
    ]


def test_names_of_unspaced_scripts_match_inside_sentences():
    assert entities_of("私は東京ホテルに泊まった", Name("東京ホテル", "place")) == [
        ("東京ホテル", "place")
    ]


def test_names_without_letters_are_never_found():
    assert entities_of("!!! ... *", Name("***", "brand"), Name("", "brand")) == []


def keywords_of(text, language="en"):
    return extract_keywords([text], [language], MODELS.background)[0]


def test_keywords_name_things_and_not_feelings():
    found = keywords_of(
        "The battery life is amazing, but the charging cable is terrible and awful."
    )
    assert "battery life" in found
    assert "charging cable" in found
    assert not {"amazing", "terrible", "awful"} & set(found)
    assert keywords_of("Great! Excellent! Terrible and awful.") == []


def test_keywords_are_found_in_other_languages():
    assert "matratze" in " ".join(keywords_of("Die Matratze war durchgelegen", "de"))
    assert "地铁站" in keywords_of("地铁站很远", "zh")
    assert "배터리 수명" in keywords_of("배터리 수명이 짧아요", "ko")


def test_there_are_at_most_five_keywords_and_none_twice():
    found = keywords_of("zipper, buckle, strap, lining, pocket, collar, sleeve, zipper, buckle")
    assert len(found) == len(set(found)) == 5
