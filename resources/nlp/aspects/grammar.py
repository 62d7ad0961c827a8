"""What kind of word each token is: enough grammar to tell what a review speaks of.

English has a table of its words (``models/aspects.npz``, see ``training.aspects``) and a few rules
of context in the manner of Brill (1992). Of other languages only determiners, stop words, opinion
words and general nouns are known; every other word there may be a noun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from resources.nlp.aspects.lookup import HashTable
from resources.nlp.aspects.tokens import CODE_POINTS, Tokens, hash_phrases
from resources.nlp.aspects.vocabulary import ENGLISH, english_kinds, foreign_kinds
from resources.nlp.hashing import Positions

Kinds = npt.NDArray[np.uint8]


class Kind(IntEnum):
    """Kinds of tokens; English function words follow, each a kind of its own."""

    NOUN = 0
    ADJECTIVE = 1
    VERB = 2
    GERUND = 3
    PARTICIPLE = 4
    ADVERB = 5
    NUMBER = 6
    OTHER = 7
    OPINION = 8  # "good", "awful"
    EVALUATIVE = 9  # "fast", "hot": a judgement of some things, a fact of others
    GENERAL = 10  # "day", "problem": a noun, but no aspect by itself
    NEGATION = 11
    CONTRAST = 12
    DETERMINER = 13
    NOUN_OR_VERB = 14  # "work", "use"
    COMMA = 15
    STOP = 16
    MARK = 17
    EDGE = 18


_FUNCTION_WORDS = (
    "the a an my our your its his her their this that these those some any all no each every "
    "i we you he she it they and or very too so was were is are has have had be been seems looks "
    "feels works comes came seemed looked tasted tastes of for with in on at to from by about as "
    "than if when can could will would should must may also who"
)
FUNCTION_WORDS = tuple(_FUNCTION_WORDS.split())
FIRST_FUNCTION_WORD = 20
KIND_COUNT = FIRST_FUNCTION_WORD + len(FUNCTION_WORDS)


def kind_set(*kinds: int) -> npt.NDArray[np.bool_]:
    """For each kind whether it is one of these; index it by an array of kinds."""
    chosen = np.zeros(KIND_COUNT, bool)
    chosen[list(kinds)] = True
    return chosen


def function_kinds(words: str) -> list[int]:
    """The kinds of these English function words."""
    return [FIRST_FUNCTION_WORD + FUNCTION_WORDS.index(word) for word in words.split()]


DETERMINERS = kind_set(
    Kind.DETERMINER,
    *function_kinds("the a an my our your its his her their some any no each every"),
)
PREPOSITIONS = kind_set(*function_kinds("of for with in on at to from by about"))
COPULAS = kind_set(
    *function_kinds(
        "is was are were has had seems looks feels works comes came seemed looked tasted tastes"
    )
)
_BEFORE_VERBS = kind_set(
    Kind.NEGATION,
    *function_kinds("i we you they he she it can could will would should must may also who"),
)
_IS = kind_set(*function_kinds("is was are were"))
_TO = function_kinds("to")[0]
_BEFORE_NOUNS = DETERMINERS | kind_set(Kind.ADJECTIVE)
_BREAKS = kind_set(Kind.STOP, Kind.CONTRAST)
_STOP_MARKS = [ord(mark) for mark in ".!?;:…\n\r。！？；"]  # noqa: RUF001 - full-width on purpose
_COMMA_MARKS = [ord(mark) for mark in ",、，"]  # noqa: RUF001
_ADJECTIVE_ENDINGS = ("ous", "ful", "able", "ible", "ish", "less", "ive", "ic", "al")
_LONG_WORD = 5


@lru_cache(maxsize=64)
def known_words(language: str) -> HashTable:
    """The words that are known of a language."""
    return (
        kind_table(english_kinds(), FUNCTION_WORDS)
        if language == ENGLISH
        else kind_table(foreign_kinds(language))
    )


def kind_table(known: Mapping[str, str], function_words: Sequence[str] = ()) -> HashTable:
    """Words and their kinds, ready to be looked up.

    Args:
        known: Word -> name of its kind.
        function_words: Words that are a kind of their own.
    """
    kinds: dict[str, int] = {word: Kind[kind].value for word, kind in known.items()}
    kinds |= {word: FIRST_FUNCTION_WORD + rank for rank, word in enumerate(function_words)}
    hashes, counts = hash_phrases(list(kinds))
    values = np.fromiter(kinds.values(), np.int64, len(kinds))
    return HashTable.of(hashes[counts == 1], values[counts == 1])


def classify(tokens: Tokens, languages: Sequence[str], english: HashTable | None = None) -> Kinds:
    """The kind of each token.

    Args:
        tokens: Of some texts.
        languages: Code of each text.
        english: The English words; those that ReviewGraph ships where None.
    """
    kinds = np.full(len(tokens), Kind.NOUN, np.uint8)
    codes = np.array(languages, dtype=str)
    for language in sorted(set(languages)):
        chosen = np.flatnonzero((codes == language)[tokens.owners] & tokens.is_word)
        table = english if english and language == ENGLISH else known_words(language)
        places, values = table.find(tokens.hashes[chosen])
        kinds[chosen[places]] = values
        if language == ENGLISH:
            _guess_unknown(tokens, kinds, np.delete(chosen, places))
        if language == "de":  # where only nouns and names have a capital within a sentence
            small = chosen[~tokens.is_capital[chosen]]
            kinds[small[kinds[small] == Kind.NOUN]] = Kind.OTHER
    digits = (tokens.codes[tokens.starts] - ord("0")) < 10  # noqa: PLR2004 - ten digits
    kinds[digits] = Kind.NUMBER
    marks = ~tokens.is_word
    kinds[marks] = _mark_kinds()[tokens.codes[tokens.starts[marks]]]
    return _in_context(kinds, tokens)


@lru_cache(maxsize=1)
def _mark_kinds() -> Kinds:
    """The kind of every punctuation mark."""
    table = np.full(CODE_POINTS, Kind.MARK, np.uint8)
    table[_COMMA_MARKS] = Kind.COMMA
    table[_STOP_MARKS] = Kind.STOP
    return table


def _guess_unknown(tokens: Tokens, kinds: Kinds, unknown: Positions) -> None:
    """Guess the kind of English words by their endings."""
    lengths = tokens.ends[unknown] - tokens.starts[unknown]
    for ending, kind, shortest in (
        *((ending, Kind.ADJECTIVE, _LONG_WORD) for ending in _ADJECTIVE_ENDINGS),
        ("ly", Kind.ADVERB, 3),
        ("ing", Kind.GERUND, _LONG_WORD + 1),
        ("ed", Kind.PARTICIPLE, _LONG_WORD),
        ("'s", Kind.OTHER, 3),
    ):
        fits = lengths >= shortest
        for distance, letter in enumerate(reversed(ending), 1):
            fits &= tokens.codes[tokens.ends[unknown] - distance] == ord(letter)
        kinds[unknown[fits]] = kind


def _in_context(kinds: Kinds, tokens: Tokens) -> Kinds:
    """Verbs after "to" and pronouns, nouns after determiners and before "is"."""
    if not len(kinds):
        return kinds
    before = np.concatenate(([np.uint8(Kind.EDGE)], kinds[:-1]))
    before[tokens.pointers[:-1][np.diff(tokens.pointers) > 0]] = Kind.EDGE
    either = kinds == Kind.NOUN_OR_VERB
    noun = (kinds == Kind.NOUN) | either
    verb = kinds == Kind.VERB
    changed = kinds.copy()
    changed[either] = Kind.NOUN
    changed[(verb | (kinds == Kind.GERUND)) & _BEFORE_NOUNS[before]] = Kind.NOUN
    after = np.concatenate((kinds[1:], [np.uint8(Kind.EDGE)]))
    changed[verb & _IS[after] & (before == Kind.NOUN)] = Kind.NOUN
    changed[noun & _BEFORE_VERBS[before]] = Kind.VERB
    changed[either & (before == _TO)] = Kind.VERB
    return changed


def clause_breaks(kinds: Kinds) -> Positions:
    """Tokens at which a clause ends: the end of a sentence or a contrast word."""
    return np.flatnonzero(_BREAKS[kinds])
