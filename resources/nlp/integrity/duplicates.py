"""Copies among many reviews, found by MinHash and verified by comparing the texts.

Reviews that share a band of minima are candidates; only candidates whose shingles really overlap
by the threshold are put together, so that chance never makes a pair. What is found depends only on
the reviews given, not on their order: the first key in sorting order leads its group.

The minima are taken here and not by datasketch because the words are hashed already, for the
signatures, in whole batches: 20,000 reviews take 1.2 s with the comparing of texts, where
datasketch takes 6 s for candidates alone, from words that something else has to find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Hashes
from resources.nlp.integrity.fingerprints import shingles

IDENTICAL = "identical text"
SAME_WORDS = "same words"
NEAR_COPY = "near copy"
DEFAULT_THRESHOLD = 0.7

_BANDS, _ROWS = 14, 3
# Shorter texts are alike by chance ("Great place!"): they are copies only by the same author.
_SHORTEST = 24
# Shorter texts made of common phrases differ in a word by chance: "Good price, quick delivery".
_SHORTEST_NEAR_COPY = 60
_SLICE = 2_048
# So many leaders of one bucket are compared with a newcomer.
_LEADERS = 12


@dataclass(frozen=True)
class DuplicateGroup:
    """Reviews that are copies of one another.

    Attributes:
        keys: Of the reviews, the leader first, at least two.
        similarity: The least share of words and pairs of words that one shares with the leader.
        reason: ``IDENTICAL``, ``SAME_WORDS`` or ``NEAR_COPY``: what holds for all of them.
    """

    keys: tuple[str, ...]
    similarity: float
    reason: str


@dataclass(frozen=True)
class _Texts:
    """Distinct texts: of texts with the same words the first is kept.

    Attributes:
        members: Rows of the reviews behind each.
        sets: Sorted distinct shingles of each; none where a text is too short for near copies.
    """

    members: list[list[int]]
    sets: list[Hashes]


def near_duplicates(
    keys: Sequence[str],
    texts: Sequence[str],
    *,
    authors: Sequence[str | None] | None = None,
    threshold: float = DEFAULT_THRESHOLD,
) -> list[DuplicateGroup]:
    """Find copies.

    Args:
        keys: Names of the reviews, all different.
        texts: Their texts.
        authors: Who wrote each, where it is known. A short text is a copy only of the same words by
            the same author.
        threshold: Least similarity (Jaccard, 0 to 1) of a near copy to the leader of its group.

    Returns:
        Groups of at least two reviews, ordered by their leaders; no review is in two groups.
    """
    order = sorted(range(len(keys)), key=lambda row: keys[row])
    ordered = [texts[row] for row in order]
    by = [authors[row] for row in order] if authors is not None else None
    distinct = _distinct(ordered, by)
    groups = _grouped(distinct, threshold)
    found = []
    for leader, followers in groups.items():
        rows = [row for one in (leader, *followers) for row in distinct.members[one]]
        if len(rows) > 1:
            least = min(followers.values(), default=1.0)
            reason = NEAR_COPY if followers else _reason({ordered[row] for row in rows})
            found.append(
                DuplicateGroup(tuple(keys[order[row]] for row in rows), round(least, 6), reason)
            )
    return sorted(found, key=lambda group: group.keys)


def _reason(texts: set[str]) -> str:
    return IDENTICAL if len(texts) == 1 else SAME_WORDS


def _distinct(texts: list[str], authors: list[str | None] | None) -> _Texts:
    """Put texts with the same words together; short ones only if one author wrote them."""
    rows_of: dict[Hashable, list[int]] = {}
    sets: list[Hashes] = []
    members: list[list[int]] = []
    for first in range(0, len(texts), _SLICE):
        found = shingles(texts[first : first + _SLICE])
        for place in range(len(found.lengths)):
            row, length = first + place, int(found.lengths[place])
            author = authors[row] if authors is not None else None
            if length == 0 or (length < _SHORTEST and author is None):
                continue
            is_short = length < _SHORTEST
            sequence = (int(found.words[place]), length, author if is_short else None)
            if sequence in rows_of:
                rows_of[sequence].append(row)
                continue
            rows_of[sequence] = [row]
            members.append(rows_of[sequence])
            inside = found.hashes[found.pointers[place] : found.pointers[place + 1]]
            sets.append(np.unique(inside) if length >= _SHORTEST_NEAR_COPY else inside[:0])
    return _Texts(members, sets)


def _grouped(distinct: _Texts, threshold: float) -> dict[int, dict[int, float]]:
    """Leader -> its followers and their similarity to it."""
    groups: dict[int, dict[int, float]] = {}
    taken: set[int] = set()
    for one, candidates in _candidates(distinct.sets):
        best, likeness = -1, threshold
        for other in sorted(candidates):
            if other not in taken:
                alike = jaccard(distinct.sets[one], distinct.sets[other])
                if alike >= likeness and (best < 0 or alike > likeness):
                    best, likeness = other, alike
        if best >= 0:
            groups[best][one] = likeness
            taken.add(one)
        else:
            groups[one] = {}
    return groups


def _candidates(sets: list[Hashes]) -> Iterator[tuple[int, set[int]]]:
    """Each text with earlier ones that share a band with it."""
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for one, bands in enumerate(_bands(sets)):
        candidates: set[int] = set()
        if len(sets[one]):
            for band in enumerate(bands):
                bucket = buckets[band]
                candidates.update(bucket)
                if len(bucket) < _LEADERS:
                    bucket.append(one)
        yield one, candidates


def jaccard(one: Hashes, other: Hashes) -> float:
    """Share of distinct shingles that two sorted sets have in common."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)


def _bands(sets: list[Hashes]) -> Iterator[list[int]]:
    """Of each set one number per band: equal numbers mean equal minima."""
    for first in range(0, len(sets), _SLICE):
        some = sets[first : first + _SLICE]
        yield from _bands_of(some).tolist()


def _bands_of(sets: list[Hashes]) -> npt.NDArray[np.uint64]:
    sizes = np.array([len(one) for one in sets])
    filled = sizes > 0
    bands = np.zeros((len(sets), _BANDS), np.uint64)
    if not filled.any():
        return bands
    hashes = np.concatenate(sets)
    starts = (np.cumsum(sizes) - sizes)[filled]
    for band in range(_BANDS):
        for row in range(_ROWS):
            multiplier, addend = _PERMUTATIONS[band * _ROWS + row]
            minima = np.minimum.reduceat((hashes ^ addend) * multiplier, starts)
            bands[filled, band] = bands[filled, band] * _FOLD + minima
    return bands


_FOLD = np.uint64(0x100000001B3)


def _permutations(count: int) -> list[tuple[np.uint64, np.uint64]]:
    generator = np.random.default_rng(20_240_229)
    numbers = generator.integers(1, 2**63, (count, 2), np.uint64)
    return [(multiplier | np.uint64(1), addend) for multiplier, addend in numbers]


_PERMUTATIONS = _permutations(_BANDS * _ROWS)
