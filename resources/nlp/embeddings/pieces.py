"""The pieces of a text that have vectors: words, beginnings of words, neighbouring characters.

Words of Chinese and Japanese are approximated by pairs of neighbouring characters, those of Thai,
Lao, Burmese and Khmer, which are written without spaces, by windows of four characters. A word that
has no vector of its own shares that of other words with the same beginning: "Lieferungen" is near
"Lieferung" although only one of them was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import (
    STANDALONE_CHARACTER,
    CodePoints,
    Hashes,
    Positions,
    find_words,
    fold,
    scan,
)

Keys = npt.NDArray[np.int32]

KEY_BITS = 31
_WORD, _STEM, _PAIR, _WINDOW = 21, 22, 23, 24  # salts: the kinds must not meet

_STEM_LETTERS, _HANGUL_STEM_LETTERS = 5, 2
_FIRST_UNSPACED = 0x0E00  # no script below it is written without spaces
_UNSPACED_RANGES = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800))
_HANGUL = (0xAC00, 0xD7A4)
_FIRST_EMOJI, _AFTER_EMOJI = 0x1F000, 0x20000
_WINDOW_LETTERS = 4
_APOSTROPHE, _L = ord("'"), ord("l")
_ELIDED_LETTERS = [ord(letter) for letter in "cdjlmnstv"]
_ELIDED_PAIRS = [(ord(pair[0]), ord(pair[1])) for pair in ("qu", "un")]
_MIXER = np.uint64(0x100000001B3)


@dataclass(frozen=True)
class Pieces:
    """The pieces of many texts.

    Attributes:
        points: The texts' characters.
        starts: Position of each word in ``points``.
        ends: Position after it.
        words: Key of each word.
        pointers: Text ``i`` owns the words ``pointers[i]:pointers[i + 1]``.
        neighbours: Keys of the neighbouring characters of unspaced scripts.
        neighbour_pointers: The same as ``pointers`` for them.
    """

    points: CodePoints
    starts: Positions
    ends: Positions
    words: Keys
    pointers: Positions
    neighbours: Keys
    neighbour_pointers: Positions

    def stems(self, chosen: npt.NDArray[np.bool_], *, whole: bool = False) -> Keys:
        """Keys of the beginnings of the chosen words; -1 where a word is not longer than one.

        Args:
            chosen: ``[words]``.
            whole: Let a word be its own beginning.
        """
        starts, ends = self.starts[chosen], self.ends[chosen]
        values = self.points.values
        is_hangul = _within(values[starts], _HANGUL)
        letters = np.where(is_hangul, _HANGUL_STEM_LETTERS, _STEM_LETTERS)
        hashes = np.zeros(len(starts), np.uint64)
        for distance in range(_STEM_LETTERS):
            inside = distance < letters
            letter = values[np.minimum(starts + distance, ends - 1)].astype(np.uint64)
            hashes = np.where(inside, hashes * _MIXER + letter, hashes)
        is_long = ends - starts > (letters - 1 if whole else letters)
        return np.where(is_long, fold(hashes, _STEM, KEY_BITS), np.int32(-1))


def find_pieces(texts: Sequence[str]) -> Pieces:
    """Cut texts into the pieces that have vectors."""
    points = _without_elisions(scan(texts))
    words = find_words(points)
    neighbours, places = _neighbours(points)
    return Pieces(
        points=points,
        starts=words.starts,
        ends=words.ends,
        words=fold(words.hashes, _WORD, KEY_BITS),
        pointers=words.pointers,
        neighbours=neighbours,
        neighbour_pointers=np.searchsorted(places, points.newlines),
    )


def _without_elisions(points: CodePoints) -> CodePoints:
    """The article of "l'hôtel" and "dell'albergo" is a word of its own, unlike English "don't"."""
    values = points.values
    places = np.flatnonzero(values == _APOSTROPHE)
    if not len(places):
        return points
    # Before the first text stands a newline, which begins a word as any other separator does.
    before = [np.maximum(places - distance, 0) for distance in (1, 2, 3)]
    last, second, third = (values[place] for place in before)
    begins = [points.classes[place] == 0 for place in before[1:]]
    elided = begins[0] & np.isin(last, _ELIDED_LETTERS)
    for first_letter, last_letter in _ELIDED_PAIRS:
        elided |= begins[1] & (second == first_letter) & (last == last_letter)
    elided |= (last == _L) & (second == _L) & (third != _APOSTROPHE)
    classes = points.classes.copy()
    classes[places[elided]] = 0
    return replace(points, classes=classes)


def _neighbours(points: CodePoints) -> tuple[Keys, Positions]:
    """Keys of character pairs and windows, and where each begins, in order of position."""
    values = points.values
    if not len(values) or values.max() < _FIRST_UNSPACED:
        return np.zeros(0, np.int32), np.zeros(0, np.int64)
    is_emoji = _within(values, (_FIRST_EMOJI, _AFTER_EMOJI))
    alone = (points.classes == STANDALONE_CHARACTER) & ~is_emoji & (values >= _FIRST_UNSPACED)
    unspaced = np.zeros(len(values), bool)
    for bounds in _UNSPACED_RANGES:
        unspaced |= _within(values, bounds)
    pairs = _runs(alone, 2)
    windows = _runs(unspaced, _WINDOW_LETTERS)
    keys = np.concatenate(
        (
            fold(_window_hashes(values, pairs, 2), _PAIR, KEY_BITS),
            fold(_window_hashes(values, windows, _WINDOW_LETTERS), _WINDOW, KEY_BITS),
        )
    )
    places = np.concatenate((pairs, windows))
    order = np.argsort(places, kind="stable")
    return keys[order], places[order]


def _runs(member: npt.NDArray[np.bool_], length: int) -> Positions:
    """Where ``length`` neighbouring members begin."""
    count = max(len(member) - length + 1, 0)
    whole = member[:count].copy()
    for distance in range(1, length):
        whole &= member[distance : distance + count]
    return np.flatnonzero(whole)


def _window_hashes(values: npt.NDArray[np.uint32], places: Positions, length: int) -> Hashes:
    hashes = np.zeros(len(places), np.uint64)
    for distance in range(length):
        hashes = hashes * _MIXER + values[places + distance]
    return hashes


def _within(values: npt.NDArray[np.uint32], bounds: tuple[int, int]) -> npt.NDArray[np.bool_]:
    return (values >= bounds[0]) & (values < bounds[1])
