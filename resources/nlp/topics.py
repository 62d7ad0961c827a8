"""What a review is about: a taxonomy of coarse topics, found by keywords of the review's language.

The default taxonomy is data (``lexicons/taxonomy.json``). A keyword matches whole words; one that
ends in ``*`` also matches longer words, which serves languages that inflect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from resources.nlp.language import UNDETERMINED
from resources.nlp.matching import find_phrases, search_forms, word_at

DEFAULT_TAXONOMY = Path(__file__).parent / "lexicons" / "taxonomy.json"
EVIDENCE_LIMIT = 3  # words shown as the reason for one topic

# A review too short to tell its language is read with this language's keywords.
_FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: As shown to people.
        description: What it covers.
        keywords: Language code -> keywords.
    """

    name: str
    description: str
    keywords: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Taxonomy:
    """The topics that a review can have, in the order in which they are reported."""

    topics: tuple[Topic, ...]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Taxonomy:
        """Read the form that ``to_dict`` writes and the lexicon holds."""
        return cls(
            tuple(
                Topic(topic["name"], topic["description"], topic["keywords"])
                for topic in document["topics"]
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """The taxonomy as plain data, for JSON."""
        return {
            "topics": [
                {
                    "name": topic.name,
                    "description": topic.description,
                    "keywords": {code: list(words) for code, words in topic.keywords.items()},
                }
                for topic in self.topics
            ]
        }

    @cached_property
    def version(self) -> str:
        """Short hash of the content."""
        content = json.dumps(self.to_dict(), sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()[:10]

    @cached_property
    def languages(self) -> frozenset[str]:
        """Codes of the languages in which every topic has keywords."""
        return frozenset.intersection(*(frozenset(topic.keywords) for topic in self.topics))

    @cached_property
    def forms(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Search form -> language -> numbers of the topics it speaks for."""
        rows = [
            (number, code, word)
            for number, topic in enumerate(self.topics)
            for code, words in topic.keywords.items()
            for word in words
        ]
        forms: dict[str, dict[str, tuple[int, ...]]] = {}
        for (number, code, _), form in zip(rows, search_forms(row[2] for row in rows), strict=True):
            if form:
                by_language = forms.setdefault(form, {})
                by_language[code] = (*by_language.get(code, ()), number)
        return forms


@lru_cache(maxsize=1)
def default_taxonomy() -> Taxonomy:
    """The taxonomy that ReviewGraph ships."""
    return Taxonomy.from_dict(json.loads(DEFAULT_TAXONOMY.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class TopicLabels:
    """Topics of many reviews, and beside each topic the words that speak for it."""

    topics: list[list[str]]
    reasons: list[list[str]]


def label_topics(
    normalised: pl.Series, languages: Sequence[str], taxonomy: Taxonomy
) -> TopicLabels:
    """Find the topics of reviews.

    Args:
        normalised: Texts as ``matching.normalise`` returns them.
        languages: Code of each.
        taxonomy: The topics.
    """
    matches = find_phrases(normalised, list(taxonomy.forms))
    labels = TopicLabels([], [])
    names = [topic.name for topic in taxonomy.topics]
    for text, code, forms, starts in zip(
        normalised, languages, matches.forms, matches.starts, strict=True
    ):
        evidence = _evidence(
            text, code, list(zip(forms or (), starts or (), strict=True)), taxonomy
        )
        labels.topics.append([names[number] for number in sorted(evidence)])
        labels.reasons.append([", ".join(evidence[number]) for number in sorted(evidence)])
    return labels


def _evidence(
    text: str, code: str, found: list[tuple[str, int]], taxonomy: Taxonomy
) -> dict[int, list[str]]:
    """Number of each topic -> the first words that speak for it."""
    evidence: dict[int, list[str]] = {}
    if not found:
        return evidence
    language = _FALLBACK_LANGUAGE if code == UNDETERMINED else code
    encoded = text.encode()
    for form, start in found:
        for number in taxonomy.forms[form].get(language, ()):
            words = evidence.setdefault(number, [])
            if len(words) < EVIDENCE_LIMIT:
                word = word_at(encoded, start, form)
                if word not in words:
                    words.append(word)
    return evidence
