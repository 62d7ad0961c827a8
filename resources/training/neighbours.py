"""Word vectors from the words beside which a word stands (PPMI and SVD, Levy and Goldberg 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.embeddings.pieces import Keys, Pieces, find_pieces

_MIN_COUNT = 8
_MAX_WORDS = 8_000
_REACH = 4  # words on either side
_SMOOTHING = 0.75
_MIN_ANCHORS = 20
_HANGUL = (0xAC00, 0xD7A4)

Vectors = npt.NDArray[np.float32]


def neighbour_vectors(
    texts: Sequence[str], anchors: Mapping[int, Vectors], dimensions: int
) -> dict[int, Vectors]:
    """Unit vectors of the frequent words of one language.

    Args:
        texts: Texts of the language.
        anchors: Word key -> vector of words whose place is known; the others are turned so that
            these come to lie as near to their places as a rotation can bring them.
        dimensions: Length of the vectors.
    """
    pieces = find_pieces(texts)
    words = _korean_stems(pieces)
    keys, counts = np.unique(words, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MAX_WORDS]
    keys = np.sort(keys[order[counts[order] >= _MIN_COUNT]])
    if len(keys) <= dimensions:
        return {}
    places = np.minimum(np.searchsorted(keys, words), len(keys) - 1)
    places = np.where(keys[places] == words, places, -1)
    owners = np.repeat(np.arange(len(texts)), np.diff(pieces.pointers))
    vectors = _decompose(_association(places, owners, len(keys)), dimensions)
    known = [number for number, key in enumerate(keys.tolist()) if key in anchors]
    if len(known) >= _MIN_ANCHORS:
        targets = np.stack([anchors[key] for key in keys[known].tolist()])
        left, _, right = np.linalg.svd(vectors[known].T @ targets)
        vectors = (vectors @ (left @ right)).astype(np.float32)
    return dict(zip(keys.tolist(), vectors, strict=True))


def _korean_stems(pieces: Pieces) -> Keys:
    """Words, those of Korean by their beginning: particles at the end say nothing."""
    everything = np.ones(len(pieces.words), bool)
    first = pieces.points.values[pieces.starts]
    is_korean = (first >= _HANGUL[0]) & (first < _HANGUL[1]) & (pieces.ends - pieces.starts > 1)
    return np.where(is_korean, pieces.stems(everything, whole=True), pieces.words)


def _association(places: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], words: int) -> Any:
    """How much more often two words stand beside each other than by chance, if they do."""
    from scipy.sparse import coo_array

    total: Any = coo_array((words, words)).tocsr()
    for distance in range(1, _REACH + 1):
        first, second = places[:-distance], places[distance:]
        joined = (owners[:-distance] == owners[distance:]) & (first >= 0) & (second >= 0)
        ones = np.ones(int(joined.sum()))
        counts = coo_array((ones, (first[joined], second[joined])), shape=(words, words)).tocsr()
        total = counts + total
    both = (total + total.T).tocoo()
    rows = np.asarray(both.sum(axis=1)).ravel()
    contexts = rows**_SMOOTHING
    chance = rows[both.row] / rows.sum() * contexts[both.col] / contexts.sum()
    information = np.log(both.data / both.data.sum() / chance)
    kept = information > 0
    return coo_array(
        (information[kept], (both.row[kept], both.col[kept])), shape=(words, words)
    ).tocsr()


def _decompose(matrix: Any, dimensions: int) -> Vectors:
    from scipy.sparse.linalg import svds

    left, sizes, _ = svds(matrix, k=dimensions, v0=np.ones(matrix.shape[0]))
    # A singular vector has two directions; the one whose largest part is positive is taken.
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    vectors = left * signs * np.sqrt(sizes)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    unit: Vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit
