"""Aspects: exact evidence in the text as given, one feeling for each clause."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from resources.nlp.aspects import AspectLexicon, Term, default_lexicon, find_aspects
from resources.nlp.aspects.inflections import inflected, singular
from resources.nlp.aspects.lookup import HashTable
from resources.nlp.aspects.tokens import tokenise

GOOD = {"great", "lovely", "friendly", "freundlich", "lecker", "délicieux", "好"}
BAD = {"awful", "dirty", "slow", "rude", "schmutzig", "sale"}


def judge(clauses, languages):
    """+1 for each good word and -1 for each bad one, bounded."""
    assert len(clauses) == len(languages)
    return np.array(
        [
            np.clip(
                sum(word in clause.lower() for word in GOOD)
                - sum(word in clause.lower() for word in BAD),
                -1,
                1,
            )
            for clause in clauses
        ],
        float,
    )


def aspects_of(text, language="en", lexicon=None, min_chance=0.0):
    lexicon = lexicon or default_lexicon()
    return find_aspects([text], [language], lexicon, judge, min_chance=min_chance)[0]


def found(text, language="en", lexicon=None):
    return [
        (text[aspect.start : aspect.end], aspect.sentiment)
        for aspect in aspects_of(text, language, lexicon)
    ]


def test_two_feelings_around_but_are_kept_apart():
    assert found("The staff was friendly but the room was dirty.") == [
        ("staff", "positive"),
        ("room", "negative"),
    ]
    assert found("Das Personal war freundlich, aber das Zimmer schmutzig.", "de") == [
        ("Personal", "positive"),
        ("Zimmer", "negative"),
    ]


def test_a_comma_parts_two_aspects_that_are_judged_each():
    assert found("Great food, slow service.") == [("food", "positive"), ("service", "negative")]


def test_aspects_that_share_one_judgement_have_it_in_common():
    assert found("The keyboard, the screen and the speakers are great.") == [
        ("keyboard", "positive"),
        ("screen", "positive"),
        ("speakers", "positive"),
    ]


def test_a_clause_without_feeling_is_neutral():
    assert found("The lobby is next to the parking lot.") == [
        ("lobby", "neutral"),
        ("parking lot", "neutral"),
    ]


def test_a_second_thought_that_names_nothing_else_makes_an_aspect_mixed():
    assert found("The battery life is great but awful in winter.") == [("battery life", "mixed")]
    assert found("The battery life is great but the screen is awful.") == [
        ("battery life", "positive"),
        ("screen", "negative"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "😀😀 The 🛏️ BATTERY LIFE is great",
        "İİİ İstanbul: the battery life is great",
        "e\u0301te\u0301 \u0301 the Battery-Life\tis great",
        "ẞß ﬁ Ǆ the battery  life is great",
        "\ud800 the battery\tlife is great \udfff",
        "\x00\x01 the battery life\x02 is great",
        "ש שלום 屏幕 ไทย the battery life is great",
        "filler words, " * 80_000 + "the battery life is great",
    ],
    ids=["emoji", "turkish", "combining", "ligatures", "surrogates", "control", "scripts", "1 MB"],
)
def test_evidence_is_cut_from_the_text_as_given(text):
    evidence = [
        " ".join(text[aspect.start : aspect.end].lower().replace("-", " ").split())
        for aspect in aspects_of(text)
        if aspect.term == "battery life"
    ]
    assert evidence == ["battery life"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\n", "😀", "!!!", "\ud800", "\x00", "a" * 100_000, "屏幕很好", "but", ", and"],
)
def test_any_text_has_an_answer(text):
    assert aspects_of(text, "und") == aspects_of(text, "en")
    assert [aspect.term for aspect in aspects_of(text, "zh")] == ["屏幕"] * ("屏幕" in text)


def test_no_text_gives_no_aspects_and_asks_nobody():
    def nobody(clauses, languages):
        raise AssertionError(clauses, languages)

    assert find_aspects([], [], default_lexicon(), nobody) == []
    assert find_aspects(["", "hm"], ["en", "de"], default_lexicon(), nobody) == [[], []]


def test_all_clauses_are_judged_in_one_call():
    calls = []

    def counting(clauses, languages):
        calls.append(list(zip(clauses, languages, strict=True)))
        return np.zeros(len(clauses))

    texts = ["The food was great. The service too.", "Das Zimmer war gut.", "hm"]
    find_aspects(texts, ["en", "de", "en"], default_lexicon(), counting)
    assert calls == [
        [("The food was great", "en"), ("The service too", "en"), ("Das Zimmer war gut", "de")]
    ]


def test_the_longest_term_wins_and_no_two_overlap():
    aspects = aspects_of("The customer service line, the front desk staff and the room service.")
    assert [aspect.term for aspect in aspects] == [
        "line",
        "front desk staff",
        "room service",
    ]
    assert all(one.end <= other.start for one, other in pairwise(aspects))


def test_nouns_before_a_term_belong_to_it():
    assert found("The dvd drive is great.") == [("dvd drive", "positive")]
    assert found("I had a great pumpkin soup.") == [("pumpkin soup", "positive")]


def test_terms_match_whole_words_in_singular_and_plural():
    assert found("The roominess of the screenplay is great") == []
    assert [text for text, _ in found("ROOMS, Room and dishes")] == ["ROOMS", "Room", "dishes"]


def test_a_term_is_searched_only_in_reviews_of_its_language():
    assert found("Das Zimmer ist great", "en") == []
    assert [text for text, _ in found("Das Zimmer ist great", "de")] == ["Zimmer"]
    everywhere = AspectLexicon.of({"overall": ""}, [Term("flux 3000", "overall")])
    assert [
        aspects_of("Flux 3000 великолепен", code, everywhere)[0].term for code in ("ru", "xx")
    ] == ["flux 3000"] * 2
    assert aspects_of("Flux 4000", "ru", everywhere) == []


def test_terms_of_unspaced_scripts_are_found_and_parted_at_commas():
    assert found("屏幕很好，价格也好，就是电池 awful", "zh") == [  # noqa: RUF001
        ("屏幕", "positive"),
        ("价格", "positive"),
        ("电池", "negative"),
    ]
    assert [text for text, _ in found("この部屋はきれいで朝食も最高。", "ja")] == ["部屋", "朝食"]


def test_a_verb_is_no_aspect():
    assert found("We place it where we work.") == []
    assert found("They service the old ones.") == []


def test_a_mere_mention_needs_more_than_a_judged_aspect():
    text = "I sat in a room with my bag. The room was great!"
    strict = aspects_of(text, min_chance=0.2)
    assert [text[one.start : one.end] for one in strict] == ["room"]
    assert strict[0].start > text.index(".")
    assert len(aspects_of(text)) > 1


def test_answers_do_not_depend_on_how_texts_are_batched():
    chooser = random.Random(5)
    pieces = ["The staff was rude", "but the view great", "Zimmer", "😀", "battery life, awful", ""]
    texts = [" ".join(chooser.choices(pieces, k=chooser.randint(0, 6))) for _ in range(60)]
    codes = [chooser.choice(["en", "de", "und", "fr"]) for _ in texts]
    together = find_aspects(texts, codes, default_lexicon(), judge)
    alone = [
        find_aspects([text], [code], default_lexicon(), judge)[0]
        for text, code in zip(texts, codes, strict=True)
    ]
    order = list(range(60))
    chooser.shuffle(order)
    shuffled = find_aspects(
        [texts[row] for row in order], [codes[row] for row in order], default_lexicon(), judge
    )
    assert together == alone
    assert [together[row] for row in order] == shuffled
    assert any(together)


def test_tokens_tell_where_each_word_stands():
    text = "Don’t re-use, O.K.?"  # noqa: RUF001
    tokens = tokenise(["", text])
    assert [
        text[start:end]
        for start, end in zip(
            tokens.starts - tokens.origins[1], tokens.ends - tokens.origins[1], strict=True
        )
    ] == ["Don’t", "re", "use", ",", "O", ".", "K", ".", "?"]  # noqa: RUF001
    assert tokens.pointers.tolist() == [0, 0, 9]


def test_a_hash_table_finds_its_keys_and_nothing_else():
    keys = np.arange(1, 5_001, dtype=np.uint64) * np.uint64(1 << 40)
    table = HashTable.of(keys, np.arange(5_000))
    places, values = table.find(np.concatenate((keys[::-1], keys + np.uint64(1))))
    assert places.tolist() == list(range(5_000))
    assert values.tolist() == list(range(4_999, -1, -1))
    assert HashTable.of(keys[:0], np.zeros(0, int)).find(keys)[0].tolist() == []


@pytest.mark.parametrize(
    ("term", "form", "language"),
    [
        ("battery", "batteries", "en"),
        ("dish", "dishes", "en"),
        ("drinks", "drink", "en"),
        ("zimmer", "zimmern", "de"),
        ("plat", "plats", "fr"),
        ("habitación", "habitaciónes", "es"),
        ("camera", "camere", "it"),
        ("cartão", "cartões", "pt"),
        ("cena", "ceny", "pl"),
        ("kamer", "kamers", "nl"),
    ],
)
def test_usual_inflections_are_known(term, form, language):
    assert form in inflected(term, language)
    assert inflected(term, language)[0] == term


def test_the_singular_leaves_words_alone_that_are_one():
    assert [singular(word) for word in ("glass", "bus", "gas", "basis", "cell")] == [
        "glass",
        "bus",
        "gas",
        "basis",
        "cell",
    ]
    assert [singular(word) for word in ("boxes", "movies", "fries", "menus", "houses")] == [
        "box",
        "movie",
        "fry",
        "menu",
        "house",
    ]
