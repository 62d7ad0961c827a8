"""The category of mined terms, told by the terms whose category is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resources.nlp.aspects.finding import Mentions, find_mentions
from resources.nlp.aspects.lexicon import OTHER, OVERALL, AspectLexicon, Term
from resources.nlp.aspects.occurrences import Numbers
from resources.nlp.hashing import Positions, fold

_REACH = 4  # tokens to either side
_BITS = 14
_MIN_USES = 3
_MAX_TEXTS = 5_000
_MIN_CHANCE = 0.6
_MAX_EVIDENCE = 30  # neighbours; more would make any term certain
_SMOOTHING = 1.0


def choose_categories(
    terms: Sequence[str], texts: Sequence[str], language: str, known: AspectLexicon
) -> list[str]:
    """Choose a category for each term.

    A known term keeps its category, a compound has that of its last known word. Any other term has
    the category whose terms stand among the same words, or ``other`` where that is not clear.

    Args:
        terms: In lower case.
        texts: The reviews that they were mined from.
        language: Of the reviews.
        known: Terms with their categories.
    """
    by_text = {term.text: term.category for term in known.terms if term.language in {language, "*"}}
    chosen = [_by_words(term, by_text) for term in terms]
    unsure = [term for term, category in zip(terms, chosen, strict=True) if category == OTHER]
    told = dict(zip(unsure, _by_neighbours(unsure, texts, language, known), strict=True))
    return [told.get(term, category) for term, category in zip(terms, chosen, strict=True)]


def _by_words(term: str, by_text: dict[str, str]) -> str:
    words = term.replace("-", " ").split()
    tails = [" ".join(words[first:]) for first in range(len(words))]
    for part in [term, *tails, *words]:
        for form in (part, part.removesuffix("s"), part + "s"):
            if form in by_text and (part == term or by_text[form] != OVERALL or part == words[-1]):
                return by_text[form]
    return OTHER


def _by_neighbours(
    terms: Sequence[str], texts: Sequence[str], language: str, known: AspectLexicon
) -> list[str]:
    """Naive Bayes over the words around each term."""
    if not terms or not known.categories:
        return [OTHER] * len(terms)
    step = max(1, len(texts) // _MAX_TEXTS)
    names = list(known.categories)
    unknown = [Term(term, OTHER, language) for term in terms]
    lexicon = AspectLexicon.of(known.categories, [*known.terms, *unknown])
    mentions = find_mentions(texts[::step], [language] * len(texts[::step]), lexicon, 0.0)
    rows, columns = _neighbours(mentions)
    category_of = np.array(
        [names.index(term.category) if term.category in names else -1 for term in lexicon.terms]
    )
    kinds = category_of[mentions.terms[rows]]
    seen = np.full((len(names), 1 << _BITS), _SMOOTHING)
    np.add.at(seen, (kinds[kinds >= 0], columns[kinds >= 0]), 1)
    logs = np.log(seen / seen.sum(axis=1, keepdims=True))
    number_of = {
        term.text: number for number, term in enumerate(lexicon.terms) if term.language == language
    }
    by_term = np.argsort(mentions.terms[rows], kind="stable")
    sorted_terms = mentions.terms[rows][by_term]
    return [
        _likeliest(
            logs[:, columns[by_term[slice(*np.searchsorted(sorted_terms, [number, number + 1]))]]],
            int((mentions.terms == number).sum()),
            names,
        )
        for number in (number_of[term] for term in terms)
    ]


def _neighbours(mentions: Mentions) -> tuple[Positions, Positions]:
    """Number of the mention and folded hash of every word near one."""
    tokens = mentions.tokens
    rows, columns = [], []
    for distance in range(1, _REACH + 1):
        for places in (mentions.starts - distance, mentions.ends + distance - 1):
            inside = (places >= 0) & (places < len(tokens))
            safe = np.where(inside, places, 0)
            same_text = tokens.owners[safe] == tokens.owners[mentions.starts]
            fits = inside & same_text & tokens.is_word[safe]
            rows.append(np.flatnonzero(fits))
            columns.append(fold(tokens.hashes[safe[fits]], 0, _BITS).astype(np.int64))
    return np.concatenate(rows), np.concatenate(columns)


def _likeliest(logs: Numbers, uses: int, names: list[str]) -> str:
    if uses < _MIN_USES or not logs.shape[1]:
        return OTHER
    total = logs.sum(axis=1) * min(1.0, _MAX_EVIDENCE / logs.shape[1])
    chances = np.exp(total - total.max())
    best = int(chances.argmax())
    return names[best] if chances[best] / chances.sum() >= _MIN_CHANCE else OTHER
