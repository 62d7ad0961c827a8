"""Looking up many 64-bit hashes at once, several times faster than by binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Hashes, Positions

_MIXER = np.uint64(0x9E3779B97F4A7C15)
_SPARE_BITS = 2  # about four buckets for each key
_MIN_BITS, _MAX_BITS = 4, 24


@dataclass(frozen=True)
class HashTable:
    """Keys and a number for each.

    Attributes:
        keys: Distinct, sorted by bucket.
        values: The number of each.
        firsts: First key of each bucket and, last, the number of keys.
        shift: How far a mixed hash is shifted to give its bucket.
    """

    keys: Hashes
    values: Positions
    firsts: npt.NDArray[np.int32]
    shift: np.uint64

    @classmethod
    def of(cls, keys: Hashes, values: Positions) -> HashTable:
        """A table; of two equal keys the first counts."""
        keys, unique = np.unique(keys, return_index=True)
        bits = min(max(len(keys).bit_length() + _SPARE_BITS, _MIN_BITS), _MAX_BITS)
        shift = np.uint64(64 - bits)
        buckets = (keys * _MIXER) >> shift
        order = np.argsort(buckets, kind="stable")
        firsts = np.searchsorted(buckets[order], np.arange((1 << bits) + 1, dtype=np.uint64))
        return cls(
            keys[order],
            np.asarray(values)[unique][order],
            firsts.astype(np.int32),
            shift,
        )

    def find(self, hashes: Hashes) -> tuple[Positions, Positions]:
        """Look hashes up.

        Returns:
            Places of the hashes that are keys, in order, and the number of each.
        """
        buckets = ((hashes * _MIXER) >> self.shift).astype(np.int64)
        places, ends = self.firsts[buckets], self.firsts[buckets + 1]
        rows = np.flatnonzero(places < ends)
        found_rows, found_values = [], []
        while len(rows):
            here = places[rows]
            equal = self.keys[here] == hashes[rows]
            found_rows.append(rows[equal])
            found_values.append(self.values[here[equal]])
            places[rows] += 1
            rows = rows[~equal]
            rows = rows[places[rows] < ends[rows]]
        if not found_rows:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        all_rows = np.concatenate(found_rows)
        order = np.argsort(all_rows, kind="stable")
        return all_rows[order], np.concatenate(found_values)[order]
