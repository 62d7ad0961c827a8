"""Reviews in, annotations out: the one entry for the graph, Spark and the API.

``annotate`` is pure: each row's answer depends on its own title and text and on the context, never
on the rows beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from resources.nlp import plugins
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.aspects import Judge, find_aspects
from resources.nlp.context import AnnotationContext
from resources.nlp.entities import EntityLabels, find_entities
from resources.nlp.integrity import judge_spam, signatures
from resources.nlp.interrupting import seam
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import LanguageGuess, detect_languages
from resources.nlp.matching import normalise
from resources.nlp.privacy import find_pii
from resources.nlp.ratings import rating_disagreements
from resources.nlp.sentiment import Sentiments, judge_sentiments, score_clauses
from resources.nlp.texts import ReviewTexts
from resources.nlp.topics import TopicLabels, label_topics

# Arrays of this many reviews stay in the processor's cache; more rows at once are slower.
_SLICE_ROWS = 256
# Building the phrase matcher costs the same for one row as for thousands.
_MATCHED_ROWS = 4_096
_DIGITS = 6  # the metrics count in millionths
_PLUGIN_TIER = "plugin"

Columns = dict[str, Sequence[Any] | pa.Array]


def annotate(batch: pa.RecordBatch, context: AnnotationContext) -> pa.RecordBatch:
    """Understand reviews.

    Args:
        batch: Columns review_key, version, title, text (strings; nulls allowed in the last two);
            optionally rating (1..5), which is compared with the text's score and never enters it,
            and language_given (the language of a row where it is known).
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
    reviews = ReviewTexts.of(batch)
    columns: Columns = {
        "review_key": batch.column("review_key"),
        "version": batch.column("version"),
        "text_hash": reviews.hashes,
        "models": [versions] * batch.num_rows,
        "corrected": [[] for _ in reviews.hashes],
    }
    columns |= _hashed_columns(reviews, context)
    languages = [str(code) for code in columns["language"]]
    seam()
    normalised = normalise(reviews.joined)
    columns |= _matched_columns(reviews, normalised, languages, context)
    columns |= _safety_columns(reviews, normalised, languages)
    scores = pa.array(columns["sentiment_score"], pa.float64())
    columns["rating_disagreement"] = rating_disagreements(batch, scores)
    return pa.RecordBatch.from_pydict(columns, ANNOTATION_SCHEMA)


def _hashed_columns(reviews: ReviewTexts, context: AnnotationContext) -> Columns:
    """Language, sentiment, keywords and aspects: what comes from hashed words, slice by slice."""
    slices = [
        _hashed_slice(reviews, slice(first, first + _SLICE_ROWS), context)
        for first in range(0, len(reviews.hashes), _SLICE_ROWS)
    ]
    columns: Columns = {
        name: [value for part in slices for value in part[name]] for name in slices[0]
    }
    return columns | {"aspects": _lists_of_structs("aspects", columns["aspects"])}


def _hashed_slice(reviews: ReviewTexts, rows: slice, context: AnnotationContext) -> Columns:
    seam()
    models = context.models
    texts = reviews.joined[rows]
    strings = texts.to_list()
    guess = _languages(strings, reviews.languages[rows], context)
    sentiment = judge_sentiments(
        texts,
        guess.codes,
        english=models.english,
        multilingual=models.multilingual,
        deep=context.deep,
        tier=context.tier,
    )
    return {
        "language": guess.codes,
        "language_confidence": _rounded(guess.confidences),
        **_sentiment_columns(_as_plugged_in(sentiment, strings, context)),
        "keywords": extract_keywords(strings, guess.codes, models.background),
        "aspects": find_aspects(strings, guess.codes, context.aspects, _clause_judge(context)),
    }


def _languages(
    texts: Sequence[str], given: Sequence[str | None], context: AnnotationContext
) -> LanguageGuess:
    """The language that is known of a text, else the one that it seems to be written in."""
    unknown = [row for row, code in enumerate(given) if code is None]
    guess = detect_languages([texts[row] for row in unknown], context.models.language)
    codes = [code or "" for code in given]
    confidences = np.ones(len(codes), np.float32)
    for row, code in zip(unknown, guess.codes, strict=True):
        codes[row] = code
    confidences[unknown] = guess.confidences
    return LanguageGuess(codes, confidences)


def _as_plugged_in(
    sentiment: Sentiments, texts: Sequence[str], context: AnnotationContext
) -> Sentiments:
    """The sentiment plug-in's judgement, where the tenant has one."""
    spec = context.plugin(plugins.Task.SENTIMENT)
    if spec is None:
        return sentiment
    judged = plugins.apply_sentiment(sentiment.labels, plugins.load_sentiment(spec).judge(texts))
    return Sentiments(
        judged.labels,
        judged.scores,
        judged.confidences,
        judged.margins,
        [_PLUGIN_TIER] * len(texts),
    )


def _sentiment_columns(sentiment: Sentiments) -> Columns:
    return {
        "sentiment": sentiment.labels,
        "sentiment_score": [
            None if label is None else score
            for label, score in zip(sentiment.labels, _rounded(sentiment.scores), strict=True)
        ],
        "sentiment_confidence": _rounded(sentiment.confidences),
        "sentiment_margin": _rounded(sentiment.margins),
        "tier": sentiment.tiers,
    }


def _rounded(figures: npt.NDArray[np.floating]) -> list[float]:
    return [round(figure, _DIGITS) for figure in figures.tolist()]


def _matched_columns(
    reviews: ReviewTexts,
    normalised: pl.Series,
    languages: Sequence[str],
    context: AnnotationContext,
) -> Columns:
    """Topics and entities: what is found by its words."""
    texts = reviews.joined.to_list()
    topics = label_topics(
        normalised,
        languages,
        context.taxonomy,
        texts=reviews.joined,
        embedder=context.topic_embedder,
        learned=context.models.learned_topics,
    )
    topics = _with_zero_shot_topics(topics, texts, context)
    entities = find_entities(normalised, context.gazetteer)
    entities = _with_general_entities(entities, texts, context)
    return {
        "topics": topics.topics,
        "topic_reasons": topics.reasons,
        "entities": entities.names,
        "entity_kinds": entities.kinds,
    }


def _clause_judge(context: AnnotationContext) -> Judge:
    """The fast models as judges of the clauses that speak of an aspect."""

    def scores(clauses: list[str], languages: list[str]) -> npt.NDArray[np.float64]:
        models = context.models
        return score_clauses(
            clauses, languages, english=models.english, multilingual=models.multilingual
        )

    return scores


def _with_zero_shot_topics(
    topics: TopicLabels, texts: Sequence[str], context: AnnotationContext
) -> TopicLabels:
    spec = context.plugin(plugins.Task.ZERO_SHOT)
    if spec is None:
        return topics
    names = [topic.name for topic in context.taxonomy.topics]
    return plugins.add_topics(topics, names, plugins.load_zero_shot(spec).label(texts, names))


def _with_general_entities(
    entities: EntityLabels, texts: Sequence[str], context: AnnotationContext
) -> EntityLabels:
    spec = context.plugin(plugins.Task.NER)
    if spec is None:
        return entities
    return plugins.add_entities(entities, plugins.load_entities(spec).find(texts))


def _safety_columns(
    reviews: ReviewTexts, normalised: pl.Series, languages: Sequence[str]
) -> Columns:
    """Personal data and signs of spam."""
    texts = reviews.joined.to_list()
    spam = judge_spam(texts, languages, normalised=normalised)
    return {
        "pii": _lists_of_structs("pii", find_pii(reviews.whole, languages)),
        "spam_score": [round(judgement.score, _DIGITS) for judgement in spam],
        "spam_reasons": [judgement.reasons for judgement in spam],
        "signature": signatures(texts),
    }


def _lists_of_structs(name: str, rows: Sequence[Sequence[object]]) -> pa.ListArray:
    """A nested column, field by field: a dictionary for each entry would take longer to make."""
    kind = ANNOTATION_SCHEMA.field(name).type
    entries = [entry for row in rows for entry in row]
    fields = [
        _rounded_array([getattr(entry, field.name) for entry in entries], field.type)
        for field in kind.value_type
    ]
    offsets = pa.array([0, *accumulate(map(len, rows))], pa.int32())
    structs = pa.StructArray.from_arrays(fields, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(offsets, structs, type=kind)


def _rounded_array(values: list[object], kind: pa.DataType) -> pa.Array:
    array = pa.array(values, kind)
    return pc.round(array, ndigits=_DIGITS) if pa.types.is_floating(kind) else array
