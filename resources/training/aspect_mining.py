"""A tenant's own aspect terms, found in its own reviews without any label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from resources.nlp.aspects.categories import choose_categories
from resources.nlp.aspects.finding import reading_languages
from resources.nlp.aspects.lexicon import AspectLexicon, Term, default_lexicon, normal_term
from resources.nlp.aspects.occurrences import Numbers
from resources.nlp.aspects.vocabulary import ENGLISH, Arrays, load_arrays
from resources.training.term_candidates import READ_CHARACTERS, Candidates, find_candidates

TERM_LIMIT = 1_000
MIN_SCORE = 0.1

_MIN_TEXTS = 20  # of a language; fewer say nothing about it
_TEXT_LIMIT = 20_000
# Of so many texts a term must stand in at least one: what nobody repeats is noise in a large heap.
_TEXTS_PER_USE = 5_000
_USES_TO_JUDGE = 5
_NAME_SHARE = 0.6
_MIN_NOUN_SHARE = 0.25
_MIN_DETERMINER_SHARE = 0.25  # outside English, where the kinds of most words are unknown
_EXAMPLE_REACH = 60  # characters to either side


def mine_lexicon(
    texts: Sequence[str],
    languages: Sequence[str],
    *,
    general: AspectLexicon | None = None,
    limit: int = TERM_LIMIT,
    min_score: float = MIN_SCORE,
) -> AspectLexicon:
    """Find the terms that a tenant's reviews judge.

    Args:
        texts: The tenant's reviews; of more than 20,000 an even sample is read.
        languages: Code of each.
        general: Terms known beforehand, and the categories; the shipped lexicon where None. Its
            terms stay, with a low score where the reviews seldom judge them: then only a clear
            opinion counts as one about them.
        limit: Most terms to mine, best first.
        min_score: New terms rated lower are left out.

    Returns:
        The general terms and the mined ones; those that the reviews hold often enough have their
        count, score and an example.
    """
    known = default_lexicon() if general is None else general
    step = max(1, -(-len(texts) // _TEXT_LIMIT))
    by_language: dict[str, list[str]] = {}
    for text, code in zip(texts[::step], reading_languages(languages)[::step], strict=True):
        if text:
            by_language.setdefault(code, []).append(text)
    mined: list[Term] = []
    arrays = load_arrays()
    for language, some in sorted(by_language.items()):
        if len(some) < _MIN_TEXTS:
            continue
        candidates = find_candidates(some, language, arrays["occurrence"].astype(np.float64))
        rated = _rated(candidates, language, len(some), arrays)
        named = _named(rated, known, language)
        wanted = (pl.col("score") >= min_score) & ~pl.col("known")
        judged = (pl.col("count") >= _USES_TO_JUDGE) & pl.col("known")
        best = named.filter(wanted).sort("score", "key", descending=[True, False]).head(limit)
        mined += _terms(pl.concat([best, named.filter(judged)]), some, language, known)
    new = {(term.language, term.text) for term in known.terms}
    order = sorted(mined, key=lambda term: (-term.score, -term.count, term.language, term.text))
    extra = [term for term in order if (term.language, term.text) not in new][:limit]
    evidence = [term for term in order if (term.language, term.text) in new]
    return AspectLexicon.of(known.categories, [*known.terms, *evidence, *extra], known.aliases)


def _named(rated: pl.DataFrame, known: AspectLexicon, language: str) -> pl.DataFrame:
    """The candidates with the name they will have, and whether that is known already."""
    texts = {term.text for term in known.terms if term.language == language}
    names = [
        key if key in texts else normal_term(text)
        for key, text in rated.select("key", "text").iter_rows()
    ]
    return rated.with_columns(
        pl.Series("name_text", names, dtype=pl.String),
        pl.Series("known", [name in texts for name in names], dtype=pl.Boolean),
    )


def term_scores(features: Numbers, arrays: Mapping[str, Numbers]) -> Numbers:
    """How surely each candidate is an aspect term, 0..1."""
    scaled = (features - arrays["term_mean"]) / arrays["term_scale"]
    weights = arrays["term_weights"].astype(np.float64)
    scores: Numbers = 1 / (1 + np.exp(-(weights[0] + scaled @ weights[1:])))
    return scores


def _rated(candidates: Candidates, language: str, texts: int, arrays: Arrays) -> pl.DataFrame:
    """The candidates that can be terms, with their scores."""
    if candidates.table.is_empty():
        return candidates.table.with_columns(score=pl.lit(0.0))
    rated = candidates.table.with_columns(
        score=pl.Series(term_scores(candidates.matrix(), arrays), dtype=pl.Float64)
    )
    usable = pl.col("count") >= 1 + texts // _TEXTS_PER_USE
    several = pl.col("words") > 1
    usable &= several | ((pl.col("general") == 0) & (pl.col("bound") >= _MIN_NOUN_SHARE))
    if language == ENGLISH:  # names are no aspects: they belong into the gazetteer
        usable &= (pl.col("name_share") < _NAME_SHARE) | (pl.col("inner") < _USES_TO_JUDGE)
    else:
        usable &= pl.col("determiner_share") >= _MIN_DETERMINER_SHARE
    return rated.filter(usable)


def _terms(
    rated: pl.DataFrame, texts: Sequence[str], language: str, known: AspectLexicon
) -> list[Term]:
    """The mined terms with their evidence."""
    rows = rated.sort("score", "count", "key", descending=[True, True, False])
    names = rows["name_text"].to_list()
    categories = choose_categories(names, texts, language, known)
    return [
        Term(name, category, language, count, round(score, 4), *_example(texts[owner], start, end))
        for name, category, (count, score, owner, start, end) in zip(
            names,
            categories,
            rows.select("count", "score", "owner", "start", "end").iter_rows(),
            strict=True,
        )
    ]


def _example(text: str, start: int, end: int) -> tuple[str, tuple[int, int]]:
    """A piece of a review around a term, and where the term stands in it."""
    first = max(0, start - _EXAMPLE_REACH)
    return text[:READ_CHARACTERS][first : end + _EXAMPLE_REACH], (start - first, end - first)
