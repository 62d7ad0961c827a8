"""Static text vectors: hashed words, a table of their vectors, and one sparse product.

Words without a vector get one of 16,384 random directions by their hash. So two texts that share an
unknown word are near each other, as in a search by words, whatever the language.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resources.errors import ReviewGraphError
from resources.nlp.embeddings.pieces import Keys, Pieces, find_pieces
from resources.nlp.hashing import Positions, fold

Vectors = npt.NDArray[np.float32]

EMBEDDINGS_FILE = "embeddings.npz"
SHIPPED_EMBEDDINGS = Path(__file__).parents[1] / "models" / EMBEDDINGS_FILE

READ_CHARACTERS = 6_000  # beyond them a review says nothing new
_SLICE_ROWS = 256  # so many texts stay in the processor's cache
_BUCKET_BITS = 14
_MARKS = (ord("!"), ord("?"))
_BUCKET_SALT = 25
_UNKNOWN_SHARES = (0.7, 0.7)  # of an unknown word's weight, for itself and for its beginning
_STEM_SHARES = (0.5, 1.0)  # the same where the beginning is known
_NEIGHBOUR_SHARE = 1.0
_CHARACTER_SHARE = 0.3  # of a character that is no word by itself


class EmbeddingsError(ReviewGraphError):
    """A file of embeddings cannot be read."""


@dataclass(frozen=True, eq=False)
class StaticEmbedder:
    """Vectors of words, and how much each word counts.

    Attributes:
        keys: Sorted keys of known words, beginnings and neighbours; ``[known]``.
        weights: How much each counts in a text; 0 for a word that says nothing.
        rows: Row of each in ``vectors``; -1 where only its weight is known.
        vectors: 8-bit vectors ``[vectors, dimensions]``.
        scale: What one step of each column is worth, ``[dimensions]``.
        usual_weight: Weight of everything that is not known.
        version: Short hash of the file it was read from, ``unsaved`` before that.
    """

    keys: Keys
    weights: Vectors
    rows: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.int8]
    scale: Vectors
    usual_weight: float = 1.0
    version: str = "unsaved"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def _table(self) -> Vectors:
        """Unit vectors of the known words, and after them the random directions."""
        known: Vectors = self.vectors * self.scale
        lengths = np.sqrt((known * known).sum(axis=1, keepdims=True))
        known /= np.maximum(lengths, np.float32(1e-9))
        table: Vectors = np.concatenate((known, _random_directions(self.dimensions)))
        return table

    @staticmethod
    def own_directions(keys: Keys, dimensions: int) -> Vectors:
        """The random directions of keys, ``[keys, dimensions]``."""
        return _random_directions(dimensions)[_buckets(keys)]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts; each depends on its own text alone, to the last bit.

        Args:
            texts: Any strings; the first 6,000 characters of each are read.

        Returns:
            ``[texts, dimensions]``, rows of length 1, or of zeros for a text without words.
        """
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for first in range(0, len(texts), _SLICE_ROWS):
            some = [text[:READ_CHARACTERS] for text in texts[first : first + _SLICE_ROWS]]
            vectors[first : first + len(some)] = self._sums_of(some)
        lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _sums_of(self, texts: list[str]) -> Vectors:
        """Sums of texts; where every word is too common to weigh, each has its own direction."""
        sums = self._sums(find_pieces(texts))
        empty = np.flatnonzero(~sums.any(axis=1))
        if len(empty):
            pieces = find_pieces([texts[row] for row in empty.tolist()])
            rows = _buckets(pieces.words) + len(self.vectors)
            is_mark = np.isin(pieces.points.values[pieces.starts], _MARKS)
            weights = np.where(is_mark, np.float32(0), np.float32(1))
            sums[empty] = self._product(rows, weights, pieces.pointers)
        return sums

    def _sums(self, pieces: Pieces) -> Vectors:
        rows, weights, is_known = self._look_up(pieces.words)
        weights = self._lighter_characters(pieces, weights, is_known)
        unknown = ~is_known
        stems = pieces.stems(unknown)
        stem_rows, stem_weights, is_known_stem = self._look_up(stems)
        own, of_stem = (
            np.where(is_known_stem, np.float32(known), np.float32(other))
            for known, other in zip(_STEM_SHARES, _UNKNOWN_SHARES, strict=True)
        )
        weights[unknown] *= np.where(stems < 0, np.float32(1), own)
        stem_weights = np.where(stems < 0, np.float32(0), stem_weights * of_stem)
        total = self._product(rows, weights, pieces.pointers)
        total += self._product(stem_rows, stem_weights, _counted(unknown)[pieces.pointers])
        if len(pieces.neighbours):
            rows, weights, _ = self._look_up(pieces.neighbours)
            weights = weights * np.float32(_NEIGHBOUR_SHARE)
            total += self._product(rows, weights, pieces.neighbour_pointers)
        return total

    def _look_up(self, keys: Keys) -> tuple[npt.NDArray[np.int64], Vectors, npt.NDArray[np.bool_]]:
        """Row in the table, weight, and whether it is known, of each key."""
        buckets = _buckets(keys) + len(self.vectors)
        usual = np.full(len(keys), self.usual_weight, np.float32)
        if not len(self.keys):
            return buckets, usual, np.zeros(len(keys), bool)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        is_known = self.keys[places] == keys
        own_rows = self.rows[places]
        rows = np.where(is_known & (own_rows >= 0), own_rows, buckets)
        return rows, np.where(is_known, self.weights[places], usual), is_known

    def _lighter_characters(
        self, pieces: Pieces, weights: Vectors, is_known: npt.NDArray[np.bool_]
    ) -> Vectors:
        """A single character that is not known as a word counts less than a word."""
        single = (pieces.ends - pieces.starts == 1) & ~is_known
        return np.where(single, weights * np.float32(_CHARACTER_SHARE), weights)

    def _product(
        self, rows: npt.NDArray[np.int64], weights: Vectors, pointers: Positions
    ) -> Vectors:
        """Weighted sum of table rows for each text, in the order of its words."""
        from scipy.sparse import csr_array

        counted = weights > 0
        pointers = _counted(counted)[pointers]
        matrix = csr_array(
            (weights[counted], rows[counted], pointers),
            shape=(len(pointers) - 1, len(self._table)),
        )
        product: Vectors = matrix @ self._table
        return product

    def save(self, path: Path) -> None:
        """Write the embedder; the same one gives the same bytes."""
        np.savez_compressed(
            path,
            keys=self.keys,
            weights=self.weights.astype(np.float16),
            rows=self.rows,
            vectors=np.ascontiguousarray(self.vectors.T),  # columns pack better than rows
            scale=self.scale,
            usual_weight=np.float32(self.usual_weight),
        )

    @classmethod
    def load(cls, path: Path) -> StaticEmbedder:
        """Read an embedder that ``save`` wrote.

        Raises:
            EmbeddingsError: There is no such file, or it holds something else.
        """
        try:
            data = path.read_bytes()
            with np.load(io.BytesIO(data)) as arrays:
                return cls(
                    keys=arrays["keys"],
                    weights=arrays["weights"].astype(np.float32),
                    rows=arrays["rows"],
                    vectors=np.ascontiguousarray(arrays["vectors"].T),
                    scale=arrays["scale"],
                    usual_weight=float(arrays["usual_weight"]),
                    version=hashlib.sha256(data).hexdigest()[:10],
                )
        except (OSError, ValueError, KeyError) as error:
            raise EmbeddingsError(
                f"{path} is no file of embeddings. Use the one that ReviewGraph ships, or train "
                "one: python -m resources.training.embeddings."
            ) from error


def _counted(chosen: npt.NDArray[np.bool_]) -> Positions:
    """How many are chosen before each place and, last, in all."""
    counts = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(chosen, out=counts[1:])
    return counts


def _buckets(keys: Keys) -> npt.NDArray[np.int64]:
    return fold(keys.astype(np.uint64), _BUCKET_SALT, _BUCKET_BITS).astype(np.int64)


@lru_cache(maxsize=4)
def _random_directions(dimensions: int) -> Vectors:
    """``[2**14, dimensions]`` unit vectors of equal steps up or down, the same for ever."""
    numbers = np.arange((1 << _BUCKET_BITS) * dimensions, dtype=np.uint64)
    signs = fold(numbers, _BUCKET_SALT, 1).reshape(-1, dimensions)
    directions: Vectors = ((2 * signs - 1) / np.sqrt(dimensions)).astype(np.float32)
    return directions


@lru_cache(maxsize=4)
def _loaded(path: Path) -> StaticEmbedder:
    return StaticEmbedder.load(path)


def shipped_embedder(path: Path = SHIPPED_EMBEDDINGS) -> StaticEmbedder:
    """The embedder that ReviewGraph ships, read once in each process.

    Raises:
        EmbeddingsError: The file is missing or damaged.
    """
    return _loaded(path)
