"""English verbs and adjectives, told from nouns by the company they keep.

A keyphrase ends in a noun. No tagger is needed for that: a noun stands behind an article and before
a word of grammar or a full stop ("the zipper is"), a verb behind a pronoun or before an object ("we
asked the"), an adjective behind an adverb of degree or alone behind "is" ("was very cosy.").
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_TOKEN = re.compile(r"[a-z][a-z'’]*|[^\sa-z]")  # noqa: RUF001 - people type both apostrophes


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DETERMINERS = _words(
    "a an another any each every her his its my no our some the their these this those your"
)
_SUBJECTS = _words(
    "can can't could couldn't didn't doesn't don't he i i'd i'll i've may might must never "
    "she should they they've we we'd we'll we've who will won't would you"
)
_OBJECTS = _words("a an him it me my our the them these this those to us")
_DEGREES = _words("extremely fairly less more most pretty quite really so super too very")
_LINKS = _words("are be been feel feels felt is isn't it's look looks was wasn't were")
_BEHIND_ADJECTIVES = _words("and at but by for in on to with")

_MIN_EVIDENCE = 4.0
_MAX_NOMINAL = 0.4  # share of the evidence, above which a word is left a noun
_PARTICIPLES = ("ed", "ing")
_SURE_VERB = 10  # times the evidence of a modifier
_MAX_NOMINAL_PARTICIPLE = 0.6  # "parking" and "bed" stand above
_COMPOUND_WEIGHT = 0.3  # "the hotel room": what stands before a noun may be one itself


@dataclass(frozen=True)
class WordClasses:
    """Words that end no keyphrase."""

    verbs: frozenset[str]
    modifiers: frozenset[str]


def english_word_classes(texts: Iterable[str], stop_words: Collection[str]) -> WordClasses:
    """Learn which words of English texts are no nouns.

    Args:
        texts: Many texts; a word needs a few occurrences that say something.
        stop_words: Words of grammar; they are in neither class.
    """
    evidence = _Evidence(frozenset(stop_words))
    for text in texts:
        evidence.read(_TOKEN.findall(text.lower().replace("’", "'")))  # noqa: RUF001
    verbs: set[str] = set()
    modifiers: set[str] = set()
    for word in {*evidence.verb, *evidence.modifier}:
        noun, verb = evidence.noun[word], evidence.verb[word]
        modifier = evidence.modifier[word]
        total = noun + verb + modifier
        is_participle = word.endswith(_PARTICIPLES)
        if total >= _MIN_EVIDENCE and noun <= _MAX_NOMINAL * total:
            # A participle may well lead a phrase ("charging cable").
            is_verb = verb >= modifier * (_SURE_VERB if is_participle else 1)
            (verbs if is_verb else modifiers).add(word)
        elif is_participle and noun <= _MAX_NOMINAL_PARTICIPLE * total:
            modifiers.add(word)
    return WordClasses(frozenset(verbs), frozenset(modifiers))


class _Evidence:
    """How often each word was seen in a place of a noun, of a verb, of an adjective."""

    def __init__(self, stop_words: frozenset[str]) -> None:
        self._stop_words = stop_words
        self.noun: Counter[str] = Counter()
        self.verb: Counter[str] = Counter()
        self.modifier: defaultdict[str, float] = defaultdict(float)

    def read(self, tokens: list[str]) -> None:
        """Add the occurrences of one text."""
        padded = [".", ".", *tokens, "."]
        for first, before, word, after in zip(
            padded, padded[1:], padded[2:], padded[3:], strict=False
        ):
            if not self._is_grammar(word):
                self._weigh(first, before, word, after)

    def _weigh(self, first: str, before: str, word: str, after: str) -> None:
        in_noun_phrase = before in _DETERMINERS or (
            first in _DETERMINERS and not self._is_grammar(before)
        )
        if after == "than":
            self.modifier[word] += 1
        elif in_noun_phrase and self._is_grammar(after) and after not in _OBJECTS:
            self.noun[word] += 1
        elif before in _DETERMINERS and not self._is_grammar(after):
            self.modifier[word] += _COMPOUND_WEIGHT
        elif before in _DEGREES or (
            before in _LINKS and (not after[0].isalpha() or after in _BEHIND_ADJECTIVES)
        ):
            self.modifier[word] += 1
        elif not in_noun_phrase and (before in _SUBJECTS or after in _OBJECTS):
            self.verb[word] += 1

    def _is_grammar(self, token: str) -> bool:
        return token in self._stop_words or not token[0].isalpha()
