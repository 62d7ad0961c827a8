"""A softmax over hashed features: scoring, calibration, and a small file on disk.

How such a model is trained is the business of ``optimiser``; what its labels mean, of the module
that uses it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Block, FeatureSpec, Positions

Matrix = npt.NDArray[np.float32]

_LARGEST_LEVEL = 127  # weights are stored as whole multiples of a step
_PACKED_CLASSES = 3
_PACKED_BITS = 21  # of one class in a packed weight
_PACKED_FEATURES = (1 << (_PACKED_BITS - 1)) // _LARGEST_LEVEL  # of one row, lest a sum overflow


@dataclass(frozen=True)
class LinearModel:
    """Weights of a multinomial logistic regression over hashed features.

    Attributes:
        labels: Names of the classes.
        spec: The features it sees.
        weights: ``[spec.columns, classes]``.
        bias: ``[classes]``.
        temperature: Logits are divided by it, so that probabilities are calibrated.
        temperatures: Temperatures of their own, by language; ``temperature`` for all others.
        version: Short hash of the file it was read from, ``unsaved`` before that.
    """

    labels: tuple[str, ...]
    spec: FeatureSpec
    weights: Matrix
    bias: Matrix
    temperature: float = 1.0
    temperatures: Mapping[str, float] = field(default_factory=dict)
    version: str = "unsaved"

    def logits(self, blocks: Sequence[Block]) -> Matrix:
        """Uncalibrated scores of each row, ``[rows, classes]``."""
        sums = [self.sums(block) for block in blocks]
        return self.combine(sums, [np.diff(block.pointers) for block in blocks])

    def sums(self, block: Block) -> Matrix:
        """Unscaled sum of the weights of each row's features, ``[rows, classes]``.

        Models of three classes add up the rounded weights of their file, whole numbers of which
        three lie in one integer: the sums are exact, and one pass serves all classes.
        """
        if len(self.labels) == _PACKED_CLASSES:
            longest = np.diff(block.pointers).max(initial=0)
            if longest <= _PACKED_FEATURES:
                return _unpacked(_row_sums(self._packed.take(block.indices), block)) * self._steps
            # Of these features alone: a long text must not cost as much as the whole model.
            levels = np.rint(self.weights[block.indices] / self._steps).astype(np.int64)
            return _row_sums(levels, block).astype(np.float32) * self._steps

        from scipy.sparse import csr_array

        counts = csr_array(
            (np.ones(len(block.indices), np.float32), block.indices, block.pointers),
            shape=(len(block.pointers) - 1, self.spec.columns),
        )
        result: Matrix = counts @ self.weights
        return result

    @cached_property
    def _steps(self) -> Matrix:
        """What one level of a stored weight is worth, ``[classes]``."""
        steps: Matrix = np.maximum(np.abs(self.weights).max(axis=0), 1e-12) / _LARGEST_LEVEL
        return steps

    def _levels(self) -> npt.NDArray[np.int8]:
        """The weights as they are stored, ``[spec.columns, classes]``."""
        levels = np.empty(self.weights.shape, np.int8)
        for column, step in enumerate(self._steps):  # one after the other: less memory
            levels[:, column] = np.rint(self.weights[:, column] / step)
        return levels

    @cached_property
    def _packed(self) -> npt.NDArray[np.int64]:
        """Levels of the three classes side by side in one integer, ``[spec.columns]``."""
        levels = self._levels()
        packed = levels[:, 2].astype(np.int64)
        for column in (1, 0):
            packed <<= _PACKED_BITS
            packed += levels[:, column]
        return packed

    def combine(self, sums: Sequence[Matrix], counts: Sequence[Positions]) -> Matrix:
        """Scale each block's sums by 1/sqrt(its number of features) and add them up."""
        total = np.tile(self.bias, (len(sums[0]), 1))
        for block_sum, count in zip(sums, counts, strict=True):
            total += block_sum / np.sqrt(np.maximum(count, 1)).astype(np.float32)[:, None]
        return total

    def probabilities(self, logits: Matrix, temperatures: Matrix | None = None) -> Matrix:
        """Calibrated probabilities of the classes, each row sums to 1.

        Args:
            logits: ``[rows, classes]``.
            temperatures: Of each row, ``[rows]``; the model's one temperature when None.
        """
        if temperatures is None:
            return softmax(logits / np.float32(self.temperature))
        return softmax(logits / temperatures[:, None])

    def temperatures_of(self, languages: Sequence[str]) -> Matrix:
        """The temperature for texts of these languages, ``[texts]``."""
        known, usual = self.temperatures, self.temperature
        return np.array([known.get(language, usual) for language in languages], np.float32)

    def save(self, path: Path) -> None:
        """Write the model with 8-bit weights; the same model gives the same bytes."""
        header = {
            "labels": self.labels,
            "bits": self.spec.bits,
            "word_orders": self.spec.word_orders,
            "character_orders": self.spec.character_orders,
            "temperature": round(self.temperature, 6),
            "temperatures": {
                language: round(value, 6) for language, value in sorted(self.temperatures.items())
            },
        }
        np.savez_compressed(
            path,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            # Columns of one class lie together: that packs better than rows do.
            weights=np.ascontiguousarray(self._levels().T),
            scale=self._steps.astype(np.float32),
            bias=self.bias.astype(np.float32),
        )

    @classmethod
    def load(cls, path: Path) -> LinearModel:
        """Read a model that ``save`` wrote."""
        data = path.read_bytes()
        with np.load(io.BytesIO(data)) as arrays:
            header = json.loads(arrays["header"].tobytes())
            scaled = arrays["weights"].T * arrays["scale"]
            bias = arrays["bias"]
        return cls(
            labels=tuple(header["labels"]),
            spec=FeatureSpec(
                header["bits"], tuple(header["word_orders"]), tuple(header["character_orders"])
            ),
            weights=np.ascontiguousarray(scaled, np.float32),
            bias=bias,
            temperature=header["temperature"],
            temperatures=header.get("temperatures", {}),
            version=hashlib.sha256(data).hexdigest()[:10],
        )


def _row_sums(values: npt.NDArray[np.int64], block: Block) -> npt.NDArray[np.int64]:
    """Sums over each row's features, ``[rows, ...]``; differences of running sums are exact."""
    running = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
    np.cumsum(values, axis=0, out=running[1:])
    sums: npt.NDArray[np.int64] = np.diff(running[block.pointers], axis=0)
    return sums


def _unpacked(remaining: npt.NDArray[np.int64]) -> Matrix:
    """The three sums that lie in each integer, ``[rows, 3]``."""
    sums = np.empty((len(remaining), _PACKED_CLASSES), np.float32)
    half = np.int64(1 << (_PACKED_BITS - 1))
    for column in range(_PACKED_CLASSES - 1):
        level = ((remaining + half) & (2 * half - 1)) - half
        sums[:, column] = level
        remaining = (remaining - level) >> _PACKED_BITS
    sums[:, -1] = remaining
    return sums


def softmax(logits: Matrix) -> Matrix:
    """Probabilities from logits, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return result
