"""How common words are: what tells a keyphrase from filling."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Hashes, Positions, fold
from resources.vocabulary import UNDETERMINED

STOP_WORD, OPINION_WORD, RAREST = 0, 1, 255  # values of a background; between them, rarity
MODIFIER_BIT = 1  # of a rarity: the word may begin a phrase, never end one

_UNSEEN_RARITY = 150  # a word never seen is rare, or misspelt
_KEY_BITS = 31
_BUCKET_BITS = 18
_FALLBACK_LANGUAGE = "en"
_VERSION_LENGTH = 10

Keys = npt.NDArray[np.int32]
Values = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Background:
    """How common words are, by language.

    Attributes:
        keys: Sorted keys of words (``word_keys``).
        values: For each key ``STOP_WORD``, ``OPINION_WORD``, or its rarity up to ``RAREST``, odd
            for words that end no phrase.
        version: Short hash of the content.
    """

    keys: Keys
    values: Values
    version: str = "unsaved"

    def look_up(self, keys: Keys) -> Values:
        """Value of each key; words that the background does not hold are fairly rare."""
        if not len(self.keys):
            return np.full(len(keys), _UNSEEN_RARITY, np.uint8)
        # As np.searchsorted would, but from the place where keys with these first bits begin.
        buckets, depth = self._buckets
        places = buckets[keys >> (_KEY_BITS - _BUCKET_BITS)]
        last = len(self.keys) - 1
        for _ in range(depth):
            places += self.keys[np.minimum(places, last)] < keys
        places = np.minimum(places, last)
        known = self.keys[places] == keys
        return np.where(known, self.values[places], np.uint8(_UNSEEN_RARITY))

    @cached_property
    def _buckets(self) -> tuple[Positions, int]:
        """Where keys with the same first bits begin, and how many of them there are at most."""
        firsts = np.arange((1 << _BUCKET_BITS) + 1, dtype=np.int64) << (_KEY_BITS - _BUCKET_BITS)
        places = np.searchsorted(self.keys, firsts)
        return places, int(np.diff(places).max())

    def save(self, path: Path) -> None:
        """Write the background; the same one gives the same bytes."""
        np.savez_compressed(path, keys=self.keys, values=self.values, marks=np.array(MODIFIER_BIT))

    @classmethod
    def load(cls, path: Path) -> Background:
        """Read a background that ``save`` wrote."""
        with np.load(path) as arrays:
            version = hashlib.sha256(path.read_bytes()).hexdigest()[:_VERSION_LENGTH]
            values = arrays["values"]
            if "marks" not in arrays:  # written before modifiers were told from nouns
                values = np.where(values > OPINION_WORD, values & ~np.uint8(MODIFIER_BIT), values)
            return cls(arrays["keys"], values, version)

    @classmethod
    def of(cls, values: dict[int, int]) -> Background:
        """A background from key -> value, named by a hash of its content."""
        keys = np.array(sorted(values), np.int32)
        column = np.array([values[key] for key in keys.tolist()], np.uint8)
        content = hashlib.sha256(keys.tobytes() + column.tobytes())
        return cls(keys, column, content.hexdigest()[:_VERSION_LENGTH])


@lru_cache(maxsize=256)
def _salt(language: str) -> int:
    return int.from_bytes(hashlib.sha256(language.encode()).digest()[:8], "little")


def word_keys(hashes: Hashes, languages: Sequence[str], pointers: Positions) -> Keys:
    """Keys of words in the background: the same word has another key in another language.

    Args:
        hashes: Hash of each word.
        languages: Language of each text; ``und`` is read as English.
        pointers: First word of each text and, last, the number of words.
    """
    salts = np.array(
        [_salt(_FALLBACK_LANGUAGE if code == UNDETERMINED else code) for code in languages],
        np.uint64,
    )
    return fold(hashes + np.repeat(salts, np.diff(pointers)), 0, _KEY_BITS)
