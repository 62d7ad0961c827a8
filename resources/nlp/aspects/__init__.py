"""What customers judge: terms of a lexicon, their places in a review and the feeling about each.

``default_lexicon`` knows the usual terms of shops, hotels, restaurants, apps and services;
``resources.training`` mines a tenant's own from its reviews without any label; people edit both by
``AspectLexicon.merge``. ``find_aspects`` then reads reviews with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resources.nlp.aspects.finding import MIN_CHANCE, find_mentions
from resources.nlp.aspects.lexicon import (
    AspectEditError,
    AspectLexicon,
    Edit,
    Term,
    default_lexicon,
)
from resources.nlp.aspects.polarity import Judge, judge_mentions
from resources.nlp.aspects.vocabulary import model_version

__all__ = [
    "Aspect",
    "AspectEditError",
    "AspectLexicon",
    "Edit",
    "Judge",
    "Term",
    "default_lexicon",
    "find_aspects",
    "model_version",
]


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that a review speaks of.

    Attributes:
        term: As the lexicon names it.
        category: Of the lexicon, or ``other``.
        sentiment: negative, neutral, mixed or positive.
        score: How the clause feels, -1..1.
        start: First code point of the evidence in the text.
        end: Code point after its last.
    """

    term: str
    category: str
    sentiment: str
    score: float
    start: int
    end: int


def find_aspects(
    texts: Sequence[str],
    languages: Sequence[str],
    lexicon: AspectLexicon,
    judge: Judge,
    *,
    min_chance: float = MIN_CHANCE,
) -> list[list[Aspect]]:
    """Find what reviews speak of and how they feel about it.

    Args:
        texts: Any strings.
        languages: Code of each.
        lexicon: The terms.
        judge: Of all clauses that name an aspect, called at most once: clauses and their languages
            give scores from -1 to 1.
        min_chance: English mentions less likely to be what an opinion is about are left out; at
            0 every mention of a term counts.

    Returns:
        Aspects of each text in the order of their places, never overlapping.
    """
    mentions = find_mentions(texts, languages, lexicon, min_chance)
    sentiments, scores = judge_mentions(mentions, texts, languages, judge)
    found: list[list[Aspect]] = [[] for _ in texts]
    tokens = mentions.tokens
    owners = tokens.owners[mentions.starts]
    starts = tokens.starts[mentions.starts] - tokens.origins[owners]
    ends = tokens.ends[mentions.ends - 1] - tokens.origins[owners]
    for owner, number, sentiment, score, start, end in zip(
        owners.tolist(),
        mentions.terms.tolist(),
        sentiments,
        scores.tolist(),
        starts.tolist(),
        ends.tolist(),
        strict=True,
    ):
        term = lexicon.terms[number]
        found[owner].append(Aspect(term.text, term.category, sentiment, score, start, end))
    return found
