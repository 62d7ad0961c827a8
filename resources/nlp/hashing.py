"""Hashed n-gram features of many texts at once, with NumPy alone.

All texts of a call are joined into one array of code points. Words and character n-grams are hashed
by polynomial hashes modulo 2**64: word hashes come from prefix sums of ``c[i] * B**i``, divided by
``B**start``, so that a word has the same hash wherever it stands; character n-grams come from one
rolling pass per length. Nothing depends on which texts share a call.

Chinese and Japanese do not separate words: there every character is a word of its own, and so is
every emoji, ``!`` and ``?``. All digits count as the same digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

WORD_CHARACTER = 1
STANDALONE_CHARACTER = 2

_BASE = 0x100000001B3  # odd, so that it has an inverse modulo 2**64
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_FINISHER = np.uint64(0xBF58476D1CE4E5B9)
_NEWLINE = 10
_SPACE = 32
_LONGEST_REPEAT = 3
_LAST_LETTER = 0x30000  # planes above hold no letters that people write with
_MARK_RANGES = ((0x300, 0x370), (0x610, 0x6FF), (0x900, 0xE00), (0xE00, 0xE7F), (0x1000, 0x1200))
_STANDALONE_RANGES = (
    (0x3040, 0x3100),  # kana
    (0x3400, 0x9FFF),  # Chinese characters
    (0x20000, 0x30000),
    (0x1F300, 0x1FAFF),  # emoji
    (0x2600, 0x27C0),
)


@dataclass(frozen=True)
class FeatureSpec:
    """Which features a model sees.

    Attributes:
        bits: Hashes are folded into ``2**bits`` columns.
        word_orders: 1 single words, 2 neighbours, 3 words with one word between them.
        character_orders: Lengths of the character n-grams, at least 2.
    """

    bits: int = 20
    word_orders: tuple[int, ...] = (1, 2, 3)
    character_orders: tuple[int, ...] = (3, 4, 5)

    @property
    def columns(self) -> int:
        """Number of columns of the feature space."""
        return 1 << self.bits


@dataclass(frozen=True)
class Block:
    """The features of one kind, row after row.

    Attributes:
        indices: Columns, int32 ``[number of features]``.
        pointers: Row ``i`` owns ``indices[pointers[i]:pointers[i + 1]]``; int64 ``[rows + 1]``.
    """

    indices: npt.NDArray[np.int32]
    pointers: Positions

    def grouped(self, offsets: Positions) -> Block:
        """The same features with neighbouring rows taken together.

        Args:
            offsets: First row of each group and, last, the number of rows.
        """
        return Block(self.indices, self.pointers[offsets])


@dataclass(frozen=True)
class CodePoints:
    """Texts as one array of lower-case code points.

    Attributes:
        characters: Code points, a newline before the first text and after every text.
        values: The same with all digits folded into one.
        newlines: Positions of those newlines, ``[texts + 1]``.
        classes: For each code point 0 (separator), ``WORD_CHARACTER`` or ``STANDALONE_CHARACTER``.
    """

    characters: npt.NDArray[np.uint32]
    values: npt.NDArray[np.uint32]
    newlines: Positions
    classes: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Words:
    """Every word of many texts.

    Attributes:
        starts: Position of each word's first code point.
        ends: Position after its last code point.
        hashes: 64-bit hash of each word.
        pointers: Text ``i`` owns the words ``pointers[i]:pointers[i + 1]``.
    """

    starts: Positions
    ends: Positions
    hashes: Hashes
    pointers: Positions


@lru_cache(maxsize=1)
def _class_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(0x110000, np.uint8)
    surrogates = range(0xD800, 0xE000)
    letters = [
        code
        for code in range(_LAST_LETTER)
        if code not in surrogates and (chr(code).isalnum() or code == ord("'"))
    ]
    table[letters] = WORD_CHARACTER
    for first, end in _MARK_RANGES:  # vowel signs and accents belong to the word they stand in
        table[first:end] = np.maximum(table[first:end], WORD_CHARACTER)
    for first, end in _STANDALONE_RANGES:
        table[first:end] = STANDALONE_CHARACTER
    table[[ord("!"), ord("?")]] = STANDALONE_CHARACTER
    return table


@lru_cache(maxsize=4)
def _powers(length: int) -> tuple[Hashes, Hashes]:
    """``B**i`` and ``B**-i`` modulo 2**64 for ``i < length``."""
    powers = np.full(length, _BASE, np.uint64)
    inverses = np.full(length, _BASE_INVERSE, np.uint64)
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def scan(texts: Sequence[str]) -> CodePoints:
    """Join texts into one array of code points.

    Lone surrogates are kept as code points of no class; newlines inside a text become spaces, and
    of a character repeated more than three times ("sooooo") three remain.
    """
    joined = "\n" + "".join([text.replace("\n", " ") + "\n" for text in texts])
    encoded = joined.lower().encode("utf-32-le", "surrogatepass")
    characters = _without_long_repeats(np.frombuffer(encoded, np.uint32))
    is_digit = (characters >= ord("0")) & (characters <= ord("9"))
    values = np.where(is_digit, np.uint32(ord("0")), characters)
    newlines = np.flatnonzero(values == _NEWLINE)
    return CodePoints(characters, values, newlines, _class_table()[values])


def _without_long_repeats(characters: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    same = (characters[1:] == characters[:-1]) & (characters[1:] != _NEWLINE)
    kept = np.ones(len(characters), bool)
    kept[_LONGEST_REPEAT:] = ~(same[2:] & same[1:-1] & same[:-2])
    return characters[kept]


def find_words(points: CodePoints) -> Words:
    """Cut code points into words and hash them."""
    classes = points.classes
    is_word = classes > 0
    alone = classes == STANDALONE_CHARACTER
    # Two neighbours belong to one word when both are word characters and none stands alone.
    joined = is_word[:-1] & is_word[1:] & ~alone[:-1] & ~alone[1:]
    starts = np.flatnonzero(is_word & ~np.concatenate(([False], joined)))
    ends = np.flatnonzero(is_word & ~np.concatenate((joined, [False]))) + 1
    length = len(classes)
    # A power of two keeps the cache of powers small; a few sizes serve every call.
    powers, inverses = _powers(1 << max(16, (length + 1).bit_length()))
    sums = np.zeros(length + 1, np.uint64)
    np.cumsum((points.values.astype(np.uint64) + np.uint64(7)) * powers[:length], out=sums[1:])
    hashes = (sums[ends] - sums[starts]) * inverses[starts]
    pointers = np.searchsorted(starts, points.newlines)
    return Words(starts, ends, hashes, pointers)


def fold(hashes: Hashes, salt: int, bits: int) -> npt.NDArray[np.int32]:
    """Mix 64-bit hashes and keep their upper ``bits`` bits as column numbers."""
    mixed = hashes + np.uint64(salt)
    mixed *= _MIXER
    mixed ^= mixed >> np.uint64(29)
    mixed *= _FINISHER
    mixed >>= np.uint64(64 - bits)
    return mixed.astype(np.int32)


def _selected(
    hashes: Hashes, valid: npt.NDArray[np.bool_], firsts: Positions, salt: int, bits: int
) -> Block:
    counts = np.zeros(len(valid) + 1, np.int64)
    np.cumsum(valid, out=counts[1:])
    return Block(fold(hashes[valid], salt, bits), counts[np.minimum(firsts, len(valid))])


def _word_blocks(words: Words, spec: FeatureSpec) -> list[Block]:
    blocks = []
    hashes, pointers = words.hashes, words.pointers
    owner = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    for order in spec.word_orders:
        if order == 1:
            blocks.append(Block(fold(hashes, 1, spec.bits), pointers))
            continue
        distance = order - 1
        pairs = hashes[:-distance] * np.uint64(31 + order) + hashes[distance:] * _MIXER
        same_text = owner[:-distance] == owner[distance:]
        blocks.append(_selected(pairs, same_text, pointers, 2 * order, spec.bits))
    return blocks


def _character_blocks(points: CodePoints, spec: FeatureSpec) -> list[Block]:
    values, newlines = points.values, points.newlines
    is_word = points.classes > 0
    # Runs of separators become one space; a newline is the space at both ends of a text.
    kept = np.ones(len(values), bool)
    np.logical_or(is_word[1:], is_word[:-1], out=kept[1:])
    kept[newlines[1:] - 1] = is_word[newlines[1:] - 1]
    kept[newlines] = True
    characters = np.where(is_word, values, np.uint32(_SPACE))[kept].astype(np.uint64)
    characters *= _MIXER
    newlines = np.cumsum(kept)[newlines] - 1
    blocks = []
    rolling = characters
    for order in range(2, max(spec.character_orders) + 1):
        rolling = rolling[:-1] * np.uint64(_BASE)
        rolling += characters[order - 1 :]
        if order not in spec.character_orders:
            continue
        valid = np.ones(len(rolling), bool)
        for distance in range(1, order - 1):  # windows that would reach into the next text
            crossing = newlines[1:] - distance
            valid[crossing[(crossing >= 0) & (crossing < len(valid))]] = False
        blocks.append(_selected(rolling, valid, newlines, 1000 + order, spec.bits))
    return blocks


def hashed_blocks(texts: Sequence[str], spec: FeatureSpec) -> list[Block]:
    """Hash the n-grams of texts.

    Args:
        texts: Any strings; an empty one has no features.
        spec: Which n-grams, and into how many columns.

    Returns:
        One block per n-gram order, each with ``len(texts)`` rows. A model scales each block of a
        row by the inverse square root of its number of features.
    """
    return blocks_of(scan(texts), spec)


def blocks_of(points: CodePoints, spec: FeatureSpec) -> list[Block]:
    """Hash the n-grams of texts that were scanned already; otherwise like ``hashed_blocks``."""
    blocks = _word_blocks(find_words(points), spec) if spec.word_orders else []
    if spec.character_orders:
        blocks += _character_blocks(points, spec)
    return blocks
