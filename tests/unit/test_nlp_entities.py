"""Names of the tenant's list in reviews, and names to propose for it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.nlp.entities import KINDS, Gazetteer, Name, find_entities
from resources.nlp.hashing import find_words, scan
from resources.nlp.matching import normalise
from resources.nlp.name_candidates import propose_names
from resources.nlp.rarity import STOP_WORD, Background, word_keys

EMPTY = Background.of({})


def names_in(text, *names):
    return find_entities(normalise(pl.Series([text])), Gazetteer(names)).names[0]


@pytest.mark.parametrize(
    "text",
    ["Aurora's lamp", "the AURORA\u2019s lamp", "(Aurora)", "aurora-lamp", "an aurora.", "#Aurora"],
)
def test_possessives_and_punctuation_do_not_hide_a_name(text):
    assert names_in(text, Name("Aurora", "brand")) == ["Aurora"]


@pytest.mark.parametrize(
    ("name", "with_it", "without_it"),
    [
        ("C++", "I learnt C++, then more", "vitamin C and c"),
        ("C#", "(C#) and others", "the key of C"),
        ("Disney+", "we have Disney+", "we love Disney, plus more"),
        ("Notepad++", "Notepad++!", "a notepad"),
    ],
)
def test_signs_that_end_a_name_belong_to_it(name, with_it, without_it):
    assert names_in(with_it, Name(name, "product")) == [name]
    assert names_in(without_it, Name(name, "product")) == []


def test_signs_between_words_and_behind_numbers_only_part_them():
    assert normalise(pl.Series(["Bed+breakfast, 5+ stars #1 + good"])).to_list() == [
        " bed breakfast 5 stars 1 good "
    ]
    assert names_in("service+++ as ever", Name("service", "brand")) == ["service"]


def test_a_name_with_an_apostrophe_is_found_with_and_without_it():
    diner = Name("Denny's", "competitor")
    for text in ("at Denny's", "at Denny\u2019s", "at Dennys", "at DENNY\u00b4S"):
        assert names_in(text, diner) == ["Denny's"]
    assert names_in("Denny told us", diner) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Aurora", "Auroralla on hyvä valo"),
        ("Москва", "были в Москве"),
        ("Москва", "гуляли Москвой"),
        ("Lumo", "Lumolta ostettu"),
        ("Grand Aurora", "Grand Aurorassa"),
    ],
)
def test_endings_are_tolerated_where_the_tenant_says_so(name, text):
    assert names_in(text, Name(name, "place", inflected=True)) == [name]
    assert names_in(text, Name(name, "place")) == []


def test_an_ending_is_at_most_four_letters():
    assert names_in("Lumosities", Name("Lumo", "brand", inflected=True)) == []
    assert names_in("Lum", Name("Lum", "brand", inflected=True)) == ["Lum"]
    assert names_in("Lumby", Name("Lum", "brand", inflected=True)) == []


def test_a_name_survives_being_stored():
    for name in (
        Name("Aurora", "product", ("mini lamp",)),
        Name("Москва", "place", inflected=True),
    ):
        assert Name.from_dict(name.to_dict()) == name
    assert Name("Aurora", "brand").to_dict() == {"name": "Aurora", "kind": "brand", "aliases": []}


def test_the_words_a_name_was_found_by_are_told():
    labels = find_entities(
        normalise(pl.Series(["My mini lamp and Auroralla", "none"])),
        Gazetteer((Name("Aurora", "product", ("mini lamp",), inflected=True),)),
    )
    assert labels.names == [["Aurora"], []]
    assert labels.forms == [["mini lamp", "auroralla"], []]


@settings(deadline=None)
@given(st.lists(st.text("aAuüßЯ'\u2019* -\u0130가ก東!😀\x00", max_size=12), min_size=1, max_size=6))
def test_any_names_are_looked_for_in_any_texts(words):
    names = tuple(Name(word, "brand", inflected=True) for word in words)
    series = normalise(pl.Series(words * 3))
    together = find_entities(series, Gazetteer(names)).names
    assert together == [
        find_entities(series.slice(row, 1), Gazetteer(names)).names[0] for row in range(len(series))
    ]


def propose(texts, language="en", gazetteer=EMPTY, background=EMPTY, **options):
    names = gazetteer if isinstance(gazetteer, Gazetteer) else Gazetteer()
    return propose_names(texts, [language] * len(texts), names, background, **options)


STAYS = [
    "We stayed near the Hilton Garden Inn and took a bus to Boston.",
    "A walk from the Hilton Garden Inn to Boston was easy.",
    "They sent us to the Hilton Garden Inn, far from Boston, on Monday.",
    "The staff of the hotel was kind. Thanks to Anna! We liked it, and Anna again.",
    "Our waiter was served by Anna. It was better than Lumo in June.",
    "I prefer it to Lumo. Better than Lumo, and the manager Anna agreed.",
    "Unlike Lumo, they answer. I am happy, and so is my wife.",
]


def test_repeated_names_are_proposed_with_their_kind_and_a_reason():
    found = {candidate.name: candidate for candidate in propose(STAYS)}
    assert set(found) == {"Hilton Garden Inn", "Boston", "Anna", "Lumo"}
    kinds = {name: candidate.kind_guess for name, candidate in found.items()}
    assert kinds["Hilton Garden Inn"] == "brand"
    assert kinds["Boston"] == "place"
    assert kinds["Lumo"] == "competitor"
    assert set(kinds.values()) <= set(KINDS)
    assert found["Lumo"].count == 3
    assert found["Lumo"].reason == (
        "Written with a capital 100% of the time, in 3 reviews, often with 'than'."
    )
    assert all("Hilton Garden Inn" in example for example in found["Hilton Garden Inn"].examples)


def test_words_that_only_begin_sentences_and_days_are_no_names():
    names = {candidate.name for candidate in propose(STAYS * 2)}
    assert not names & {"We", "The", "They", "Monday", "June", "Our", "I", "Unlike"}


def test_listed_names_are_not_proposed_again():
    listed = Gazetteer((Name("Lumo", "brand"), Name("HGI", "brand", ("hilton garden inn",))))
    names = {candidate.name for candidate in propose(STAYS, gazetteer=listed)}
    assert names == {"Boston", "Anna"}


def test_words_that_are_also_written_small_are_no_names():
    texts = ["I love the Pool here", "what a Pool it was", "my pool time", "the pool"] * 2
    assert propose(texts, min_reviews=2) == []


def test_shouting_names_nothing():
    texts = ["THIS PLACE IS A TOTAL JOKE AND I WANT A REFUND", "and the Total Joke"] * 4
    assert {candidate.name for candidate in propose(texts)} == {"Total Joke"}


def test_words_of_grammar_are_no_names():
    words = find_words(scan(["the"]))
    key = int(word_keys(words.hashes, ["en"], words.pointers)[0])
    texts = ["see The page", "in The end", "of The year"]
    assert {candidate.name for candidate in propose(texts)} == {"The"}
    assert propose(texts, background=Background.of({key: STOP_WORD})) == []


def test_handles_are_names_of_their_own():
    texts = ["@united Please help", "@united You lost it", "thanks @united Delta flies"]
    assert [candidate.name for candidate in propose(texts)] == ["united"]


def test_german_nouns_are_no_names_and_german_names_are():
    texts = [
        "Das Zimmer bei Lumina war gut, und der Lift auch.",
        "Wir waren bei Lumina, das Zimmer und der Lift waren alt.",
        "Nie wieder Lumina: das Zimmer, der Lift, alles kaputt.",
    ]
    assert [candidate.name for candidate in propose(texts, "de")] == ["Lumina"]


def test_a_name_ends_where_a_script_without_spaces_begins():
    texts = ["私はLuminaで注文しました", "このLuminaは良い", "さすがLuminaです"]
    assert [candidate.name for candidate in propose(texts, "ja")] == ["Lumina"]


def test_proposals_are_limited_and_survive_anything():
    assert len(propose(STAYS, limit=1)) == 1
    assert propose([]) == []
    awkward = ["", "\ud800 A\ud800", "😀", "ก", "@", "\uff21", "A" * 100_000, "I'm", "\x00"] * 3
    assert isinstance(propose(awkward, "xx"), list)
