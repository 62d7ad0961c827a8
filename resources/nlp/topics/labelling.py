"""The topics of reviews, and for each the reason: words, a likeness, or what people taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from resources.nlp.embeddings.embedder import StaticEmbedder, Vectors
from resources.nlp.matching import find_phrases, word_at
from resources.nlp.topics.learned import Flags, LearnedTopics
from resources.nlp.topics.likeness import MIN_LIKENESS, Likeness, measure_likeness
from resources.nlp.topics.taxonomy import Taxonomy
from resources.vocabulary import UNDETERMINED

EVIDENCE_LIMIT = 3  # words shown as the reason for one topic

_FEW_TEXTS = 4  # so few are read one by one, each with its language's keywords
_SHOWN_EXAMPLE = 60  # characters of an example within a reason
# A review too short to tell its language is read with this language's keywords.
_FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True)
class TopicLabels:
    """Topics of many reviews, and beside each topic why it is there."""

    topics: list[list[str]]
    reasons: list[list[str]]


def label_topics(
    normalised: pl.Series,
    languages: Sequence[str],
    taxonomy: Taxonomy,
    *,
    texts: pl.Series | None = None,
    embedder: StaticEmbedder | None = None,
    learned: LearnedTopics | None = None,
) -> TopicLabels:
    """Find the topics of reviews.

    A topic is there when one of its keywords is; when a clause says the like of one of its
    examples; and where people have labelled reviews, when what was learned from them says so,
    which then also takes away what keywords and examples found wrongly.

    Args:
        normalised: Texts as ``matching.normalise`` returns them.
        languages: Code of each.
        taxonomy: The topics.
        texts: The same as they were written; without them only keywords are read.
        embedder: Gives the vectors that examples and learned topics need.
        learned: What was learned from labels of this tenant.
    """
    matched = match_keywords(normalised, languages, taxonomy)
    if texts is None or embedder is None or not (taxonomy.has_examples or learned):
        return _labels([_words_as_reasons(found) for found in matched], taxonomy)
    likeness = measure_likeness(texts, taxonomy, embedder)
    reasons = _all_reasons(matched, likeness, taxonomy)
    if learned is not None:
        decisions = learned.decide(
            texts.to_list(), _flags(reasons, taxonomy), likeness.scores, taxonomy, embedder
        )
        for found, decided in zip(reasons, decisions, strict=True):
            _follow(found, decided, learned, taxonomy)
    return _labels(reasons, taxonomy)


def found_without_labels(
    normalised: pl.Series,
    languages: Sequence[str],
    taxonomy: Taxonomy,
    *,
    texts: pl.Series,
    embedder: StaticEmbedder,
) -> tuple[Flags, Vectors]:
    """What learning starts from: topics found by keywords or examples, and the likeness.

    Returns:
        Both ``[texts, topics]``.
    """
    likeness = measure_likeness(texts, taxonomy, embedder)
    matched = match_keywords(normalised, languages, taxonomy)
    reasons = _all_reasons(matched, likeness, taxonomy)
    return _flags(reasons, taxonomy), likeness.scores


def match_keywords(
    normalised: pl.Series, languages: Sequence[str], taxonomy: Taxonomy
) -> list[dict[int, list[str]]]:
    """For each text, number of each topic -> the first words that speak for it."""
    if len(normalised) <= _FEW_TEXTS:
        return [
            _match_one(normalised.slice(place, 1), code, taxonomy)
            for place, code in enumerate(languages)
        ]
    matches = find_phrases(normalised, list(taxonomy.forms))
    return [
        _evidence(text, code, list(zip(forms or (), starts or (), strict=True)), taxonomy)
        for text, code, forms, starts in zip(
            normalised, languages, matches.forms, matches.starts, strict=True
        )
    ]


def _match_one(text: pl.Series, code: str, taxonomy: Taxonomy) -> dict[int, list[str]]:
    """The same for one text, with the keywords of its language only: most are of others."""
    matches = find_phrases(text, taxonomy.forms_by_language.get(_reading_language(code), []))
    found = list(zip(matches.forms[0] or (), matches.starts[0] or (), strict=True))
    return _evidence(text[0], code, found, taxonomy)


def _reading_language(code: str) -> str:
    return _FALLBACK_LANGUAGE if code == UNDETERMINED else code


def _evidence(
    text: str, code: str, found: list[tuple[str, int]], taxonomy: Taxonomy
) -> dict[int, list[str]]:
    evidence: dict[int, list[str]] = {}
    if not found:
        return evidence
    language = _reading_language(code)
    encoded = text.encode()
    for form, start in found:
        for number in taxonomy.forms[form].get(language, ()):
            words = evidence.setdefault(number, [])
            if len(words) < EVIDENCE_LIMIT:
                word = word_at(encoded, start, form)
                if word not in words:
                    words.append(word)
    return evidence


def _words_as_reasons(evidence: dict[int, list[str]]) -> dict[int, str]:
    return {number: ", ".join(words) for number, words in evidence.items()}


def _all_reasons(
    matched: list[dict[int, list[str]]], likeness: Likeness, taxonomy: Taxonomy
) -> list[dict[int, str]]:
    """Words first; where there are none, the example that a clause is like."""
    reasons = [_words_as_reasons(found) for found in matched]
    for row, number in np.argwhere(likeness.scores >= MIN_LIKENESS).tolist():
        example = taxonomy.topics[number].examples[int(likeness.examples[row, number])]
        reasons[row].setdefault(number, f'like: "{_shortened(example)}"')
    return reasons


def _shortened(example: str) -> str:
    line = " ".join(example.split())
    return line if len(line) <= _SHOWN_EXAMPLE else line[: _SHOWN_EXAMPLE - 1] + "…"


def _flags(reasons: list[dict[int, str]], taxonomy: Taxonomy) -> Flags:
    flags = np.zeros((len(reasons), len(taxonomy.topics)), bool)
    for row, found in enumerate(reasons):
        flags[row, list(found)] = True
    return flags


def _follow(
    reasons: dict[int, str],
    decided: dict[int, bool],
    learned: LearnedTopics,
    taxonomy: Taxonomy,
) -> None:
    """Take away and add topics as the labels taught."""
    for number, is_there in decided.items():
        if not is_there:
            reasons.pop(number, None)
        elif number not in reasons:
            count = learned.label_counts[taxonomy.topics[number].name]
            reasons[number] = f"learned from {count} labels"


def _labels(reasons: list[dict[int, str]], taxonomy: Taxonomy) -> TopicLabels:
    names = taxonomy.names
    return TopicLabels(
        [[names[number] for number in sorted(found)] for found in reasons],
        [[found[number] for number in sorted(found)] for found in reasons],
    )
