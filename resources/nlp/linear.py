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
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import Block, FeatureSpec, Positions

Matrix = npt.NDArray[np.float32]


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
        """Unscaled sum of the weights of each row's features, ``[rows, classes]``."""
        from scipy.sparse import csr_array

        rows = len(block.pointers) - 1
        counts = csr_array(
            (np.ones(len(block.indices), np.float32), block.indices, block.pointers),
            shape=(rows, self.spec.columns),
        )
        result: Matrix = counts @ self.weights
        return result

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
        scale = np.maximum(np.abs(self.weights).max(axis=0), 1e-12) / 127
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
            weights=np.ascontiguousarray(np.rint(self.weights / scale).astype(np.int8).T),
            scale=scale.astype(np.float32),
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


def softmax(logits: Matrix) -> Matrix:
    """Probabilities from logits, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return result
