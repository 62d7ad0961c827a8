"""Reviews in, annotations out: the one entry for the graph, Spark and the API.

``annotate`` is pure: each row's answer depends on its own title and text and on the context, never
on the rows beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from resources.nlp.context import AnnotationContext
from resources.nlp.entities import find_entities
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import detect_languages
from resources.nlp.matching import normalise
from resources.nlp.sentiment import judge_sentiments
from resources.nlp.topics import label_topics
from resources.schemas import REVIEW_ENRICHMENTS

ANNOTATION_SCHEMA = pa.schema(
    [column for column in REVIEW_ENRICHMENTS.schema if column.name not in {"day", "tenant_id"}]
)

# Arrays of this many reviews stay in the processor's cache; more rows at once are slower.
_SLICE_ROWS = 256
# Building the phrase matcher costs the same for one row as for thousands.
_MATCHED_ROWS = 4_096
# Nobody reads further than this in one review; it bounds the cost of a huge text.
_LENGTH_LIMIT = 20_000
_SCORE_DIGITS = 6  # the metrics count in millionths


def annotate(batch: pa.RecordBatch, context: AnnotationContext) -> pa.RecordBatch:
    """Understand reviews.

    Args:
        batch: Columns review_key, version, title, text (strings; nulls allowed in the last two).
        context: What to read them with.

    Returns:
        ``ANNOTATION_SCHEMA``, row for row in the order of ``batch``. Without text: language
        ``und``, confidences 0, sentiment and score null, no labels.
    """
    versions = json.dumps(context.versions(), sort_keys=True)
    parts = [
        _annotate_part(batch.slice(first, _MATCHED_ROWS), context, versions)
        for first in range(0, batch.num_rows, _MATCHED_ROWS)
    ]
    table = pa.Table.from_batches(parts, ANNOTATION_SCHEMA).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], ANNOTATION_SCHEMA)


def _annotate_part(
    batch: pa.RecordBatch, context: AnnotationContext, versions: str
) -> pa.RecordBatch:
    titles, bodies = _strings(batch, "title"), _strings(batch, "text")
    texts = _readable(titles, bodies)
    columns: dict[str, list[object]] = {name: [] for name in _HASHED_COLUMNS}
    for some in _slices(texts):
        for name, values in _annotate_slice(some, context).items():
            columns[name] += values
    languages = [str(code) for code in columns["language"]]
    normalised = normalise(texts)
    topics = label_topics(normalised, languages, context.taxonomy)
    entities = find_entities(normalised, context.gazetteer)
    columns |= {
        "review_key": batch.column("review_key").to_pylist(),
        "version": batch.column("version").to_pylist(),
        "topics": list(topics.topics),
        "topic_reasons": list(topics.reasons),
        "entities": list(entities.names),
        "entity_kinds": list(entities.kinds),
        "text_hash": [_text_hash(*pair) for pair in zip(titles, bodies, strict=True)],
        "models": [versions] * batch.num_rows,
    }
    return pa.RecordBatch.from_pydict(columns, ANNOTATION_SCHEMA)


_HASHED_COLUMNS = (
    "language",
    "language_confidence",
    "sentiment",
    "sentiment_score",
    "sentiment_confidence",
    "keywords",
)


def _annotate_slice(texts: pl.Series, context: AnnotationContext) -> dict[str, list[object]]:
    """The columns that come from hashed words."""
    models = context.models
    strings = texts.to_list()
    guess = detect_languages(strings, models.language)
    sentiment = judge_sentiments(
        texts, guess.codes, english=models.english, multilingual=models.multilingual
    )
    keywords = extract_keywords(strings, guess.codes, models.background)
    return {
        "language": list(guess.codes),
        "language_confidence": [
            round(float(chance), _SCORE_DIGITS) for chance in guess.confidences
        ],
        "sentiment": list(sentiment.labels),
        "sentiment_score": [
            None if label is None else round(score, _SCORE_DIGITS)
            for label, score in zip(sentiment.labels, sentiment.scores.tolist(), strict=True)
        ],
        "sentiment_confidence": [
            round(chance, _SCORE_DIGITS) for chance in sentiment.confidences.tolist()
        ],
        "keywords": list(keywords),
    }


def _slices(texts: pl.Series) -> Iterator[pl.Series]:
    for first in range(0, len(texts), _SLICE_ROWS):
        yield texts.slice(first, _SLICE_ROWS)


def _strings(batch: pa.RecordBatch, name: str) -> list[str]:
    """A column's strings, "" for null; bytes that are no UTF-8 become replacement characters."""
    if name not in batch.schema.names:
        return [""] * batch.num_rows
    column = batch.column(name)
    try:
        return [value or "" for value in column.to_pylist()]
    except UnicodeDecodeError:
        values = column.cast(pa.large_binary()).to_pylist()
        return [(value or b"").decode("utf-8", "replace") for value in values]


def _readable(titles: list[str], bodies: list[str]) -> pl.Series:
    """Title and text as one, without control characters and line-break tags."""
    joined = [
        f"{title}\n{body[:_LENGTH_LIMIT]}" if title else body[:_LENGTH_LIMIT]
        for title, body in zip(titles, bodies, strict=True)
    ]
    return (
        pl.Series(joined, dtype=pl.String)
        .str.slice(0, _LENGTH_LIMIT)
        .str.replace_all(r"(?i)<br\s*/?>", "\n")
        .str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ")
    )


def _text_hash(title: str, body: str) -> str:
    return hashlib.sha256(f"{title}\x1f{body}".encode()).hexdigest()[:32]
