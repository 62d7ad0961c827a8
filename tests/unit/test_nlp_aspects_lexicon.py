"""The lexicon that people edit: an edit wins over whatever is shipped or mined."""

from __future__ import annotations

import json

import numpy as np
import pytest

from resources.nlp.aspects import (
    AspectEditError,
    AspectLexicon,
    Edit,
    Term,
    default_lexicon,
    find_aspects,
)
from resources.nlp.aspects.vocabulary import seeds
from resources.training.aspect_mining import mine_lexicon

REVIEWS = [
    f"The {adjective} {noun} {verb} {end}"
    for noun in ("gizmo", "room", "staff")
    for adjective in ("great", "awful", "lovely")
    for verb in ("was broken", "is excellent", "was terrible and noisy")
    for end in (".", "but the gizmo is nice.", "and my gizmo is perfect!")
]


def terms_in(text, lexicon, language="en"):
    aspects = find_aspects(
        [text], [language], lexicon, lambda clauses, _: np.ones(len(clauses)), min_chance=0
    )[0]
    return [(aspect.term, aspect.category) for aspect in aspects]


def test_the_shipped_lexicon_covers_fifteen_categories_in_every_language():
    lexicon = default_lexicon()
    assert len(lexicon.categories) == 15
    assert all(lexicon.categories.values())
    for language in ("en", "de", "fr", "es", "it", "pt", "nl", "pl"):
        spoken = [term for term in lexicon.terms if term.language == language]
        assert {term.category for term in spoken} == set(lexicon.categories), language
        assert len(spoken) >= 130, language


def test_no_shipped_term_is_listed_under_two_categories():
    for language, by_category in seeds()["terms"].items():
        listed = [term.lower() for terms in by_category.values() for term in terms.split(", ")]
        assert len(listed) == len(set(listed)), language


def test_a_lexicon_survives_being_stored_as_json():
    lexicon = mine_lexicon(REVIEWS, ["en"] * len(REVIEWS)).merge(
        [
            {"action": "add", "term": "Flux Capacitor", "category": "quality", "language": "en"},
            {"action": "rename", "term": "staff", "name": "people"},
        ]
    )
    stored = json.loads(json.dumps(lexicon.to_dict()))
    assert AspectLexicon.from_dict(stored) == lexicon
    assert AspectLexicon.from_dict(stored).version == lexicon.version


def test_the_version_tells_what_decides_an_annotation():
    lexicon = default_lexicon()
    assert lexicon.version == AspectLexicon.from_dict(lexicon.to_dict()).version
    for edit in (
        Edit("add", "warp drive", "quality"),
        Edit("remove", "staff"),
        Edit("rename", "staff", name="people"),
        Edit("category", "staff", "quality"),
    ):
        assert lexicon.merge([edit]).version != lexicon.version, edit
    sure, unsure = (
        AspectLexicon.of({}, [Term("seam", "other", "en", count=9, score=score)])
        for score in (0.9, 0.2)
    )
    assert sure.version != unsure.version


def test_an_added_term_is_found_and_a_removed_one_is_not():
    lexicon = default_lexicon().merge(
        [Edit("add", "Warp  Drive", "quality", language="en"), Edit("remove", "staff")]
    )
    assert terms_in("The warp drives and the staff.", lexicon) == [("warp drive", "quality")]


def test_a_renamed_term_is_found_in_both_forms_and_called_by_its_new_name():
    lexicon = default_lexicon().merge(
        [Edit("rename", "staff", name="our people"), Edit("rename", "our people", name="team x")]
    )
    for text in ("The staff was nice.", "our people are nice", "team x is nice"):
        assert terms_in(text, lexicon) == [("team x", "service and staff")]


def test_a_category_set_by_a_person_stays():
    lexicon = default_lexicon().merge([Edit("category", "staff", "quality")])
    assert terms_in("The staff was nice.", lexicon) == [("staff", "quality")]


def test_edits_win_over_mining():
    edits = [
        Edit("remove", "gizmo"),
        Edit("category", "room", "quality"),
        Edit("add", "broken", "quality", language="en"),
    ]
    mined = mine_lexicon(REVIEWS, ["en"] * len(REVIEWS))
    assert "gizmo" in {term.text for term in mined.terms if term.count}
    edited = mined.merge(edits)
    assert terms_in("The gizmo and the room were broken.", edited) == [
        ("room", "quality"),
        ("broken", "quality"),
    ]


def test_of_edits_the_last_one_counts():
    lexicon = default_lexicon().merge([Edit("remove", "staff"), Edit("add", "staff", "quality")])
    assert terms_in("The staff", lexicon) == [("staff", "quality")]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"action": "paint", "term": "staff"}, "action 'paint' is unknown"),
        ({"action": "add", "term": " "}, "names no term"),
        ({"action": "rename", "term": "staff"}, "names no term"),
        ({"action": "add", "term": "x y", "category": "nonsense"}, "no category 'nonsense'"),
        ({"action": "add", "colour": "red"}, "is no edit of an aspect lexicon"),
    ],
)
def test_an_edit_that_cannot_be_made_says_why(edit, message):
    with pytest.raises(AspectEditError, match=message):
        default_lexicon().merge([edit])


def test_merging_leaves_the_lexicon_itself_as_it_was():
    lexicon = AspectLexicon.of({"quality": ""}, [Term("seam", "quality", "en")])
    before = lexicon.to_dict()
    lexicon.merge([Edit("remove", "seam"), Edit("add", "hem", "quality")])
    assert lexicon.to_dict() == before
