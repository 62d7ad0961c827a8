"""What a person said of a review wins over what the models say.

A person is certain: a corrected label has confidence and margin 1, and the score that follows from
it, P(positive) - P(negative), is 1, 0 or -1. What was not corrected stays as the models say it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from resources.nlp.ratings import rating_disagreements
from resources.nlp.texts import ReviewTexts

Corrections = Mapping[str, Mapping[str, Any]]
"""Review key -> field -> what a person said."""

BY_A_PERSON = "said by a person"
"""The reason that stands beside a corrected topic."""

SCORES = {"negative": -1.0, "neutral": 0.0, "mixed": 0.0, "positive": 1.0}
"""The sentiment score of a label that is certain."""


def known_languages(keys: Sequence[str], corrections: Corrections) -> list[str | None]:
    """The language of each review that a person has named, to read it with; else None."""
    return [corrections.get(key, {}).get("language") for key in keys]


def apply_corrections(
    annotations: pa.Table, reviews: pa.Table, corrections: Corrections
) -> tuple[pa.Table, int]:
    """Let people's words stand in the place of the models'.

    Args:
        annotations: Rows as the engine writes them.
        reviews: The reviews they were made of, row for row, in the engine's input columns.
        corrections: What people said.

    Returns:
        The annotations, each row with the names of its corrected fields in ``corrected``; and how
        many rows were corrected.
    """
    keys = annotations.column("review_key").to_pylist()
    rows = [row for row, key in enumerate(keys) if corrections.get(key)]
    if not rows:
        return annotations, 0
    chosen = pa.array(rows, pa.int64())
    said = [corrections[keys[row]] for row in rows]
    changed = _corrected(annotations.take(chosen), reviews.take(chosen), said)
    order = np.arange(annotations.num_rows)
    order[rows] = annotations.num_rows + np.arange(len(rows))
    return pa.concat_tables([annotations, changed]).take(pa.array(order)), len(rows)


def _corrected(
    annotations: pa.Table, reviews: pa.Table, said: Sequence[Mapping[str, Any]]
) -> pa.Table:
    texts = [
        text for batch in reviews.to_batches() for text in ReviewTexts.of(batch).joined.to_list()
    ]
    rows = annotations.to_pylist()
    for row, text, values in zip(rows, texts, said, strict=True):
        for field, value in values.items():
            row.update(_CHANGES[field](value, text))
        row["corrected"] = sorted(values)
    changed = pa.Table.from_pylist(rows, annotations.schema)
    disagreements = rating_disagreements(reviews, changed.column("sentiment_score"))
    place = changed.schema.get_field_index("rating_disagreement")
    return changed.set_column(place, changed.schema.field(place), disagreements)


def _sentiment(label: str, _text: str) -> dict[str, Any]:
    return {
        "sentiment": label,
        "sentiment_score": SCORES[label],
        "sentiment_confidence": 1.0,
        "sentiment_margin": 1.0,
    }


def _language(code: str, _text: str) -> dict[str, Any]:
    return {"language": code, "language_confidence": 1.0}


def _topics(names: Sequence[str], _text: str) -> dict[str, Any]:
    return {"topics": list(names), "topic_reasons": [BY_A_PERSON] * len(names)}


def _entities(entities: Sequence[Mapping[str, str]], _text: str) -> dict[str, Any]:
    return {
        "entities": [entity["name"] for entity in entities],
        "entity_kinds": [entity["kind"] for entity in entities],
    }


def _aspects(aspects: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
    """The aspects that this version of the text still speaks of, at the places where it does."""
    placed = [(aspect, _place(aspect, text)) for aspect in aspects]
    return {
        "aspects": [
            {
                "term": aspect["term"],
                "category": aspect["category"],
                "sentiment": aspect["sentiment"],
                "score": SCORES[aspect["sentiment"]],
                "start": place[0],
                "end": place[1],
            }
            for aspect, place in placed
            if place is not None
        ]
    }


def _place(aspect: Mapping[str, Any], text: str) -> tuple[int, int] | None:
    """Where the term stands: as it was said, or, after an edit of the review, anywhere.

    A person may point at "hte rooms" and call it by the lexicon's term, "room": then the place is
    believed as long as the text reaches so far.
    """
    term, start, end = aspect["term"], aspect["start"], aspect["end"]
    if text[start:end] == term:
        return start, end
    found = text.find(term)
    if end - start == len(term) or end > len(text):
        return None if found < 0 else (found, found + len(term))
    return start, end


_CHANGES: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "aspects": _aspects,
    "entities": _entities,
    "language": _language,
    "sentiment": _sentiment,
    "topics": _topics,
}
