"""Where the terms of a lexicon stand in reviews: exact spans, the longest match first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.aspects.grammar import Kind, Kinds, classify
from resources.nlp.aspects.lexicon import LONGEST_TERM, AspectLexicon
from resources.nlp.aspects.occurrences import look_around, rate
from resources.nlp.aspects.tokens import Tokens, phrase_hashes, tokenise
from resources.nlp.aspects.vocabulary import ENGLISH, load_arrays
from resources.nlp.hashing import Positions
from resources.vocabulary import UNDETERMINED

# Below this chance that an opinion is about it, an English word is taken for a mere mention.
MIN_CHANCE = 0.06
_LONGEST_COMPOUND = 4  # words
# How far the score of a term counts against the words around a mention of it.
_TRUST = 0.5


@dataclass(frozen=True)
class Mentions:
    """Terms found in many texts, in order and never overlapping.

    Attributes:
        tokens: Of the texts.
        kinds: Kind of each token.
        starts: First token of each mention.
        ends: Token after its last.
        terms: Number of its term in the lexicon.
        languages: In which each text was read.
    """

    tokens: Tokens
    kinds: Kinds
    starts: Positions
    ends: Positions
    terms: Positions
    languages: list[str]


def reading_languages(languages: Sequence[str]) -> list[str]:
    """A review too short to tell its language is read as English."""
    return [ENGLISH if code == UNDETERMINED else code for code in languages]


def find_mentions(
    texts: Sequence[str],
    languages: Sequence[str],
    lexicon: AspectLexicon,
    min_chance: float = MIN_CHANCE,
) -> Mentions:
    """Find the terms of a lexicon.

    Args:
        texts: Any strings.
        languages: Code of each.
        lexicon: The terms.
        min_chance: English mentions less likely to be what an opinion is about are left out.
    """
    tokens = tokenise(texts)
    codes = reading_languages(languages)
    kinds = classify(tokens, codes)
    starts, ends, terms = _longest_first(*_matches(tokens, codes, lexicon))
    if len(starts):
        is_english = np.array([code == ENGLISH for code in codes], bool)
        english = is_english[tokens.owners[starts]]
        starts = np.where(english, _with_attributes(tokens, kinds, starts, ends), starts)
        kept = _lasts_of_neighbours(tokens, starts, ends) | ~english
        starts = np.where(english, _firsts_of_neighbours(tokens, starts, ends), starts)
        starts, ends, terms, english = starts[kept], ends[kept], terms[kept], english[kept]
        chances = rate(look_around(tokens, kinds, starts, ends), load_arrays()["occurrence"])
        is_verb = (ends - starts == 1) & (kinds[starts] == Kind.VERB)
        needed = _needed_chances(lexicon, min_chance)[terms]
        kept = ~english | ((chances >= needed) & ~is_verb)
        starts, ends, terms = starts[kept], ends[kept], terms[kept]
    return Mentions(tokens, kinds, starts, ends, terms, codes)


def _needed_chances(lexicon: AspectLexicon, least: float) -> npt.NDArray[np.float64]:
    """How likely a mention of each term must be: the surer the term, the less it needs."""
    wanted = least / (1 - least) * lexicon.odds**-_TRUST
    return wanted / (1 + wanted)


def _matches(
    tokens: Tokens, languages: Sequence[str], lexicon: AspectLexicon
) -> tuple[Positions, Positions, Positions]:
    """All forms found, overlapping ones too: first token, token after the last, term."""
    found: list[tuple[Positions, Positions, Positions]] = []
    codes = np.array(languages, dtype=str)
    spoken = {language: (codes == language)[tokens.owners] for language in sorted(set(languages))}
    for length in range(1, min(LONGEST_TERM, len(tokens)) + 1):
        hashes = phrase_hashes(tokens.hashes, length)
        same_text = tokens.owners[: len(hashes)] == tokens.owners[length - 1 :]
        for language, chosen in spoken.items():
            firsts, numbers = lexicon.phrases(language)[length - 1].find(hashes)
            fits = same_text[firsts] & chosen[firsts]
            firsts = firsts[fits]
            found.append((firsts, firsts + length, numbers[fits]))
    if not found:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    starts, ends, terms = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return starts, ends, terms


def _longest_first(
    starts: Positions, ends: Positions, terms: Positions
) -> tuple[Positions, Positions, Positions]:
    """From left to right the longest match at each place, none within another."""
    order = np.lexsort((-ends, starts))
    starts, ends, terms = starts[order], ends[order], terms[order]
    reached = np.maximum.accumulate(np.concatenate(([0], ends)))[:-1]
    kept = starts >= reached  # the others overlap something before them
    leaders = np.maximum.accumulate(np.where(kept, np.arange(len(kept)), 0))
    overlapping = np.flatnonzero(~kept)
    leader, end = -1, 0
    for place, first, start, last in zip(
        overlapping.tolist(),
        leaders[overlapping].tolist(),
        starts[overlapping].tolist(),
        ends[overlapping].tolist(),
        strict=True,
    ):
        if first != leader:
            leader, end = first, int(ends[first])
        if start >= end:
            kept[place] = True
            end = last
    return starts[kept], ends[kept], terms[kept]


def _with_attributes(tokens: Tokens, kinds: Kinds, starts: Positions, ends: Positions) -> Positions:
    """Starts moved back over nouns that belong to the term: "dvd drive" where "drive" is known."""
    is_noun = (kinds == Kind.NOUN) & tokens.is_word & (tokens.ends - tokens.starts > 1)
    moved = starts.copy()
    previous = np.concatenate(([0], ends[:-1]))
    for _ in range(_LONGEST_COMPOUND - 1):
        before = moved - 1
        inside = (before >= previous) & (before >= tokens.pointers[tokens.owners[starts]])
        fits = inside & is_noun[before] & (ends - moved < _LONGEST_COMPOUND)
        moved = np.where(fits, before, moved)
    return moved


def _follows(tokens: Tokens, starts: Positions, ends: Positions) -> npt.NDArray[np.bool_]:
    """Whether each mention begins where the one before ends: "chicken curry" is one term."""
    owners = tokens.owners[starts]
    touching = (starts[1:] == ends[:-1]) & (owners[1:] == owners[:-1])
    return np.concatenate(([False], touching))


def _lasts_of_neighbours(
    tokens: Tokens, starts: Positions, ends: Positions
) -> npt.NDArray[np.bool_]:
    return ~np.concatenate((_follows(tokens, starts, ends)[1:], [False]))


def _firsts_of_neighbours(tokens: Tokens, starts: Positions, ends: Positions) -> Positions:
    """First token of the run of neighbours that each mention belongs to."""
    follows = _follows(tokens, starts, ends)
    leaders = np.maximum.accumulate(np.where(follows, 0, np.arange(len(starts))))
    return starts[leaders]
