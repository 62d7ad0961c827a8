"""Words and punctuation of many texts with their places in the original, with NumPy alone.

Lower-casing here never changes the length of a text, so that every position found is a code point
of the text as it was given. Punctuation stands between words as tokens of its own, so that no
phrase reaches across a comma.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import (
    STANDALONE_CHARACTER,
    WORD_CHARACTER,
    CodePoints,
    Hashes,
    Positions,
    find_words,
)

_NEWLINE = 10
_LAST_LETTER = 0x30000
CODE_POINTS = 0x110000
_SURROGATES = range(0xD800, 0xE000)
_STANDALONE_RANGES = (
    (0x0E01, 0x0E5C),  # Thai
    (0x3040, 0x3100),  # kana
    (0x3400, 0x9FFF),  # Chinese characters
    (0x20000, 0x30000),
)
_APOSTROPHES = "'’`"  # noqa: RUF001 - people write all of them
# Characters that may stand inside a term, beside hyphens: "check in".
_JOINERS = " \t\u00a0\u200d\ufe0f"
_HYPHENS = "-‐‑"  # noqa: RUF001 - they look alike, and people write all of them


@dataclass(frozen=True)
class Tokens:
    """Every word and every punctuation mark of many texts, in order.

    Attributes:
        starts: First code point of each, counted in the joined texts.
        ends: Code point after its last.
        hashes: Of words; for a punctuation mark its code point.
        is_word: Whether it is a word.
        is_capital: Whether it begins with a capital.
        pointers: Text ``i`` owns the tokens ``pointers[i]:pointers[i + 1]``.
        origins: Where each text begins in the joined texts, ``[texts]``.
        codes: Lower-case code points of the joined texts.
    """

    starts: Positions
    ends: Positions
    hashes: Hashes
    is_word: npt.NDArray[np.bool_]
    is_capital: npt.NDArray[np.bool_]
    pointers: Positions
    origins: Positions
    codes: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def owners(self) -> Positions:
        """Number of the text that each token stands in."""
        return np.repeat(np.arange(len(self.origins)), np.diff(self.pointers))

    @cached_property
    def lower_text(self) -> str:
        """The joined texts in lower case, the same length as they were given."""
        return self.codes.tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=1)
def _lower_table() -> npt.NDArray[np.uint32]:
    """Lower case of every code point that has one of the same length."""
    table = np.arange(CODE_POINTS, dtype=np.uint32)
    for code in range(_LAST_LETTER):
        if code not in _SURROGATES:
            lower = chr(code).lower()
            if len(lower) == 1:
                table[code] = ord(lower)
    table[ord("İ")] = ord("i")
    table[[ord(mark) for mark in _APOSTROPHES]] = ord("'")
    return table


@lru_cache(maxsize=1)
def _class_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(CODE_POINTS, np.uint8)
    table[
        [
            code
            for code in range(_LAST_LETTER)
            if code not in _SURROGATES
            and (chr(code).isalnum() or unicodedata.category(chr(code))[0] == "M")
        ]
    ] = WORD_CHARACTER
    for first, end in _STANDALONE_RANGES:
        table[first:end] = STANDALONE_CHARACTER
    table[ord("'")] = WORD_CHARACTER
    return table


@lru_cache(maxsize=1)
def _mark_table() -> npt.NDArray[np.bool_]:
    """Whether each code point is punctuation: neither of a word nor between the words of a term."""
    table: npt.NDArray[np.bool_] = _class_table() == 0
    table[[ord(joiner) for joiner in _JOINERS]] = False
    return table


def tokenise(texts: Sequence[str]) -> Tokens:
    """Cut texts into words and punctuation.

    Args:
        texts: Any strings; lone surrogates count as punctuation.
    """
    joined = "\n" + "".join([text + "\n" for text in texts])
    given = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = _lower_table()[given]
    lengths = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    newlines = np.concatenate(([0], np.cumsum(lengths + 1)))
    classes = _class_table()[codes]
    words = find_words(CodePoints(codes, codes, newlines, classes))
    is_mark = _mark_table()[codes]
    is_mark[newlines] = False
    is_mark &= ~_joining_hyphens(codes, classes)
    marks = np.flatnonzero(is_mark)
    starts = np.concatenate((words.starts, marks))
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    return Tokens(
        starts,
        np.concatenate((words.ends, marks + 1))[order],
        np.concatenate((words.hashes, codes[marks].astype(np.uint64)))[order],
        order < len(words.starts),
        given[starts] != codes[starts],
        np.searchsorted(starts, newlines),
        newlines[:-1] + 1,
        codes,
    )


def _joining_hyphens(
    codes: npt.NDArray[np.uint32], classes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Hyphens within a word; one with a space beside it is a dash."""
    inside: npt.NDArray[np.bool_] = np.logical_or.reduce(
        [codes == ord(hyphen) for hyphen in _HYPHENS]
    )
    inside[1:] &= classes[:-1] > 0
    inside[:-1] &= classes[1:] > 0
    return inside


def phrase_hashes(hashes: Hashes, length: int) -> Hashes:
    """Hash of the ``length`` tokens that begin at each token but the last ``length - 1``."""
    total = hashes.copy()
    for distance in range(1, length):
        total = total[:-1] * np.uint64(0x100000001B3) + hashes[distance:]
    return total


def hash_phrases(phrases: Sequence[str]) -> tuple[Hashes, Positions]:
    """Hash and number of words of each phrase; without any word the number is 0.

    A phrase with punctuation other than hyphens counts that punctuation as tokens.
    """
    tokens = tokenise(phrases)
    counts = np.diff(tokens.pointers)
    hashes = np.zeros(len(phrases), np.uint64)
    for length in np.unique(counts[counts > 0]).tolist():
        chosen = counts == length
        if length <= len(tokens):
            hashes[chosen] = phrase_hashes(tokens.hashes, length)[tokens.pointers[:-1][chosen]]
    return hashes, counts
