"""Training of a ``LinearModel``: sparse mini-batch Adagrad, seeded, the same weights every time.

No linear-algebra library with threads takes part, so that a repeated training is equal to the byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import FeatureSpec, Positions, hashed_blocks
from resources.nlp.linear import LinearModel, Matrix, softmax

Targets = npt.NDArray[np.int64] | Matrix

_ROWS_PER_SCAN = 4096
_FIRST_SQUARE = 1e-2  # damps the first steps of a rare feature


@dataclass(frozen=True)
class Schedule:
    """How long and how carefully to train.

    Attributes:
        passes: Times every example is seen.
        batch: Examples per step.
        rate: Adagrad's learning rate.
        decay: L2 penalty, applied to the weights a step touches.
        seed: Order of the examples.
    """

    passes: int = 5
    batch: int = 256
    rate: float = 0.2
    decay: float = 1e-5
    seed: int = 7


def feature_matrix(segments: Sequence[str], offsets: Positions | None, spec: FeatureSpec) -> Any:
    """Scaled features of documents as a SciPy CSR array ``[documents, spec.columns]``.

    Args:
        segments: The documents' segments, in order; n-grams do not reach across segments.
        offsets: First segment of each document and, last, the number of segments; every segment
            is a document when None.
        spec: The features.
    """
    from scipy.sparse import csr_array, vstack

    if offsets is None:
        offsets = np.arange(len(segments) + 1)
    parts = []
    for first in range(0, len(offsets) - 1, _ROWS_PER_SCAN):
        some = offsets[first : first + _ROWS_PER_SCAN + 1]
        total = None
        for block in hashed_blocks(segments[some[0] : some[-1]], spec):
            grouped = block.grouped(some - some[0])
            counts = np.diff(grouped.pointers)
            scale = (1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32)
            matrix = csr_array(
                (np.repeat(scale, counts), grouped.indices, grouped.pointers),
                shape=(len(some) - 1, spec.columns),
            )
            matrix.sum_duplicates()
            total = matrix if total is None else total + matrix
        parts.append(total)
    return vstack(parts, format="csr")


def train_linear(
    features: Any,
    targets: Targets,
    labels: tuple[str, ...],
    spec: FeatureSpec,
    schedule: Schedule,
    *,
    importance: Matrix | None = None,
) -> LinearModel:
    """Fit a softmax regression.

    Args:
        features: What ``feature_matrix`` returned.
        targets: Class of each row, ``[rows]``, or what a teacher thinks of it: probabilities of
            the classes, ``[rows, classes]``.
        labels: Names of the classes.
        spec: The features' specification, kept in the model.
        schedule: How to train.
        importance: Weight of each row, mean about 1; equal when None.
    """
    classes = len(labels)
    goals = as_chances(targets, classes)
    if importance is None:
        importance = np.ones(len(goals), np.float32)
    # Weights and sums of squares lie side by side: a step reads and writes both.
    state = np.zeros((spec.columns, 2 * classes), np.float32)
    state[:, classes:] = _FIRST_SQUARE
    bias = np.zeros(classes, np.float32)
    generator = np.random.default_rng(schedule.seed)
    order = generator.permutation(len(goals))
    batches = [
        _Batch.of(features, order[first : first + schedule.batch])
        for first in range(0, len(order), schedule.batch)
    ]
    for number in range(schedule.passes):
        rate = np.float32(schedule.rate * (1 - number / (schedule.passes + 1)))
        for chosen in generator.permutation(len(batches)).tolist():
            batch = batches[chosen]
            known = state.take(batch.columns, axis=0)
            weights, squares = known[:, :classes], known[:, classes:]
            error = softmax(batch.features @ np.ascontiguousarray(weights) + bias)
            error -= goals[batch.rows]
            error *= importance[batch.rows][:, None]
            gradient = batch.features.T @ error
            gradient += np.float32(schedule.decay) * weights
            squares += gradient * gradient
            weights -= rate * gradient / np.sqrt(squares)
            state[batch.columns] = known
            bias -= rate * np.float32(0.1) * error.mean(axis=0)
    return LinearModel(labels, spec, np.ascontiguousarray(state[:, :classes]), bias)


def as_chances(targets: Targets, classes: int) -> Matrix:
    """Class numbers as probabilities of 0 and 1, ``[rows, classes]``; probabilities unchanged."""
    if targets.ndim > 1:
        return targets.astype(np.float32)
    chances = np.zeros((len(targets), classes), np.float32)
    chances[np.arange(len(targets)), targets] = 1
    return chances


@dataclass(frozen=True)
class _Batch:
    """Some rows, and of their features only the columns that occur; made once, used every pass."""

    features: Any
    columns: Positions
    rows: Positions

    @classmethod
    def of(cls, features: Any, rows: Positions) -> _Batch:
        some = features[rows]
        columns, places = np.unique(some.indices, return_inverse=True)
        narrow = type(some)(
            (some.data, places.astype(np.int32), some.indptr.astype(np.int32)),
            shape=(len(rows), len(columns)),
        )
        return cls(narrow, columns, rows)


def fit_temperature(logits: Matrix, targets: npt.NDArray[np.int64]) -> float:
    """Temperature that minimises the log loss of held-out rows (golden-section search)."""
    rows = np.arange(len(targets))

    def loss(temperature: float) -> float:
        chances = softmax(logits / np.float32(temperature))[rows, targets]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

    low, high = 0.05, 20.0
    ratio = (5**0.5 - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return (low + high) / 2
