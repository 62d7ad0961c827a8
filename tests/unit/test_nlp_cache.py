"""A text is annotated once; what people said is never taken for what the models say."""

from __future__ import annotations

import pyarrow as pa
import pytest

from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.cache import CacheUse, annotate_cached, annotate_table, models_of
from resources.nlp.context import default_context
from resources.nlp.corrections import apply_corrections, known_languages

CONTEXT = default_context()
OTHER_CONTEXT = default_context([{"name": "Zorblax", "kind": "product"}])
TEXTS = ["The staff was friendly.", "Dirty room.", "The staff was friendly.", None, "", "Prima!"]
KEYS = [f"{n:032x}" for n in range(len(TEXTS))]


@pytest.fixture(scope="module")
def reviews():
    return pa.table(
        {
            "review_key": KEYS,
            "version": pa.array(range(1, len(TEXTS) + 1), pa.int32()),
            "title": pa.array([None, None, None, None, None, "Hotel"], pa.string()),
            "text": pa.array(TEXTS, pa.string()),
            "rating": [5.0, 1.0, 1.0, 3.0, None, None],
        }
    )


@pytest.fixture(scope="module")
def expected(reviews):
    return annotate_table(reviews, CONTEXT)


def test_the_rows_are_those_of_the_engine_and_each_text_is_read_once(reviews, expected):
    found, use = annotate_cached(reviews, CONTEXT, None)
    assert found.equals(expected)
    assert use == CacheUse(rows=6, annotated=4, reused=0, repeated=2)


def test_known_rows_are_taken_over_with_the_keys_and_ratings_of_the_new_ones(reviews, expected):
    swapped = reviews.take([2, 1, 0])
    found, use = annotate_cached(swapped, CONTEXT, expected)
    assert found.equals(annotate_table(swapped, CONTEXT))
    assert use == CacheUse(rows=3, annotated=0, reused=2, repeated=1)
    assert found["rating_disagreement"][0].as_py() != expected["rating_disagreement"][0].as_py()


def test_rows_of_other_models_are_passed_over(reviews, expected):
    assert models_of(CONTEXT) != models_of(OTHER_CONTEXT)
    found, use = annotate_cached(reviews, OTHER_CONTEXT, expected)
    assert use.reused == 0
    assert set(found["models"].to_pylist()) == {models_of(OTHER_CONTEXT)}


def test_a_language_that_is_known_is_part_of_what_is_known(reviews, expected):
    given = pa.array(["nl", None, None, None, None, None], pa.string())
    found, use = annotate_cached(reviews.append_column("language_given", given), CONTEXT, expected)
    assert (use.annotated, use.reused, use.repeated) == (1, 4, 1)
    assert found["language"].to_pylist()[0] == "nl"
    assert found["language"].to_pylist()[2] == expected["language"].to_pylist()[2]


def test_columns_in_the_large_types_of_another_library_are_understood(reviews, expected):
    import polars as pl

    known = pl.from_arrow(expected).to_arrow()
    found, use = annotate_cached(pl.from_arrow(reviews).to_arrow(), CONTEXT, known)
    assert found.equals(expected)
    assert use.annotated == 0


def test_no_reviews_give_no_rows(expected):
    empty = pa.table({"review_key": [], "version": [], "title": [], "text": []})
    found, use = annotate_cached(empty, CONTEXT, expected)
    assert found.schema.equals(ANNOTATION_SCHEMA)
    assert use == CacheUse(0, 0, 0, 0)


def test_what_a_person_said_stands_in_its_row_and_is_not_taken_over(reviews, expected):
    said = {KEYS[0]: {"sentiment": "negative"}, KEYS[4]: {"topics": ("price",)}}
    corrected, rows = apply_corrections(expected, reviews, said)
    first, *others = corrected.to_pylist()
    assert rows == 2
    assert corrected.schema.equals(expected.schema)
    assert (first["sentiment"], first["sentiment_score"]) == ("negative", -1.0)
    assert (first["rating_disagreement"], first["corrected"]) == (2.0, ["sentiment"])
    assert (others[3]["topics"], others[3]["corrected"]) == (["price"], ["topics"])
    assert [others[n] for n in (0, 1, 2, 4)] == [expected.to_pylist()[n] for n in (1, 2, 3, 5)]
    found, use = annotate_cached(reviews, CONTEXT, corrected)
    assert found.equals(expected)
    assert use.annotated == 0, "another row of each text is as the models wrote it"
    found, use = annotate_cached(reviews.slice(0, 1), CONTEXT, corrected.slice(0, 1))
    assert found.equals(expected.slice(0, 1))
    assert use.annotated == 1


@pytest.mark.parametrize(
    ("label", "score"), [("negative", -1), ("neutral", 0), ("mixed", 0), ("positive", 1)]
)
def test_a_person_is_certain(reviews, expected, label, score):
    corrected, _ = apply_corrections(expected, reviews, {KEYS[1]: {"sentiment": label}})
    row = corrected.to_pylist()[1]
    assert (row["sentiment_score"], row["sentiment_confidence"], row["sentiment_margin"]) == (
        score,
        1,
        1,
    )
    assert row["rating_disagreement"] == -1 - score


def test_without_corrections_nothing_is_touched(reviews, expected):
    assert apply_corrections(expected, reviews, {"f" * 32: {"topics": ()}}) == (expected, 0)
    assert known_languages(KEYS[:2], {KEYS[1]: {"language": "de"}}) == [None, "de"]
