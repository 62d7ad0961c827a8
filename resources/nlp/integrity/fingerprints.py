"""One number per text, so that similar texts have similar numbers (SimHash).

The words of a text and its pairs of neighbouring words vote, each by the bits of its hash; bit
``i`` of the signature says what the majority said. Texts that differ in a few words differ in a
few bits. Chinese and Japanese characters count as words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Hashes, Positions, find_words, scan

BITS = 64
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_FINISHER = np.uint64(0xBF58476D1CE4E5B9)
_PAIR = np.uint64(0xD6E8FEB86659FD93)
_SLICE = 512
_NARROW = np.iinfo(np.uint16).max
_FIRST_EMOJI, _END_OF_EMOJI = 0x1F000, 0x20000
_FIRST_SYMBOL, _END_OF_SYMBOLS = 0x2600, 0x27C0
_NO_WORDS = np.array([ord("!"), ord("?"), ord("'")], np.uint32)
_FIRST_UNSPACED, _LAST_UNSPACED = 0x3040, 0x9FFF


@dataclass(frozen=True)
class Shingles:
    """What texts are compared by: their words and pairs of neighbouring words.

    Attributes:
        hashes: 64-bit hashes, text after text.
        pointers: Text ``i`` owns ``hashes[pointers[i]:pointers[i + 1]]``.
        words: One hash per text of its words in order; 0 without words.
        lengths: Letters and digits of each text, an unspaced character counting as three.
    """

    hashes: Hashes
    pointers: Positions
    words: Hashes
    lengths: Positions


def signatures(texts: Sequence[str]) -> list[int | None]:
    """The signature of each text.

    Args:
        texts: Any strings.

    Returns:
        Signed 64-bit integers; nothing for a text without letters and digits.
    """
    found: list[int | None] = []
    for first in range(0, len(texts), _SLICE):
        found += _signatures(shingles(texts[first : first + _SLICE]))
    return found


def _signatures(found: Shingles) -> list[int | None]:
    counts = np.diff(found.pointers)
    votes = np.unpackbits(found.hashes.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1)
    # Narrow counters are several times faster, and hold every text of a sane length.
    counter = np.uint16 if counts.max(initial=0) <= _NARROW else np.uint32
    sums = np.zeros((len(counts), BITS), counter)
    filled = counts > 0
    if filled.any():
        sums[filled] = np.add.reduceat(votes, found.pointers[:-1][filled], axis=0, dtype=counter)
    majority = np.packbits(sums > counts[:, None] // 2, axis=1)
    numbers = majority.view("<i8").ravel().tolist()
    return [number if full else None for number, full in zip(numbers, filled, strict=True)]


def shingles(texts: Sequence[str]) -> Shingles:
    """Hash the words and pairs of words of texts; case, digits and punctuation do not count."""
    points = scan(texts)
    words = find_words(points)
    firsts = points.values[words.starts]
    real = ~np.isin(firsts, _NO_WORDS)
    for start, end in ((_FIRST_EMOJI, _END_OF_EMOJI), (_FIRST_SYMBOL, _END_OF_SYMBOLS)):
        real &= (firsts < start) | (firsts >= end)
    kept = np.concatenate(([0], np.cumsum(real)))
    pointers = kept[words.pointers]
    hashes = _mixed(words.hashes[real])
    sizes = (words.ends - words.starts)[real]
    unspaced = (firsts[real] >= _FIRST_UNSPACED) & (firsts[real] <= _LAST_UNSPACED)
    return Shingles(
        *_with_pairs(hashes, pointers),
        _of_sequences(hashes, pointers),
        _sums(np.where(unspaced, 3, sizes), pointers),
    )


def _mixed(hashes: Hashes) -> Hashes:
    mixed = hashes * _MIXER
    mixed ^= mixed >> np.uint64(29)
    mixed *= _FINISHER
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _with_pairs(hashes: Hashes, pointers: Positions) -> tuple[Hashes, Positions]:
    """Words, each followed by its pair with the next word of the same text."""
    owners = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    pairs = _mixed(hashes[:-1] * _PAIR + hashes[1:])
    inside = owners[:-1] == owners[1:]
    both = np.empty(2 * len(hashes), np.uint64)
    both[0::2] = hashes
    both[1::2][: len(pairs)] = pairs
    kept = np.ones(2 * len(hashes), bool)
    kept[1::2] = np.append(inside, False)[: len(hashes)]
    counts = np.concatenate(([0], np.cumsum(kept)))
    return both[kept], counts[2 * pointers]


def _of_sequences(hashes: Hashes, pointers: Positions) -> Hashes:
    """One hash of the words of each text in their order."""
    places = np.arange(len(hashes), dtype=np.uint64) - np.repeat(
        pointers[:-1].astype(np.uint64), np.diff(pointers)
    )
    sums = np.concatenate(
        (np.zeros(1, np.uint64), np.cumsum(_mixed(hashes + _PAIR * places), dtype=np.uint64))
    )
    return sums[pointers[1:]] - sums[pointers[:-1]]


def _sums(values: npt.NDArray[np.int64], pointers: Positions) -> Positions:
    sums = np.concatenate(([0], np.cumsum(values)))
    totals: Positions = sums[pointers[1:]] - sums[pointers[:-1]]
    return totals
