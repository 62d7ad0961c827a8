"""Fitting what has to be added to a model so that it agrees with more examples.

Maximum a-posteriori estimation of a softmax regression that begins with another model's logits,
under a Gaussian prior around zero difference, by L-BFGS over the columns that occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.linear import Matrix

Floats = npt.NDArray[np.float64]

_DECAY = 0.5  # of the squared difference; several sets with ratings were best between 0.3 and 1
_STEPS = 60


@dataclass(frozen=True)
class Example:
    """What to learn from.

    Attributes:
        features: Scaled features as a SciPy CSR array, ``[rows, columns]``.
        logits: What the model says already, ``[rows, classes]``.
        targets: What it should say, as probabilities, ``[rows, classes]``.
        importance: Weight of each row, ``[rows]``.
    """

    features: Any
    logits: npt.NDArray[np.floating]
    targets: Floats
    importance: Floats


@dataclass(frozen=True)
class Difference:
    """What to add to a model: ``weights`` ``[columns, classes]`` and ``bias`` ``[classes]``."""

    weights: Matrix
    bias: Matrix


def fit_difference(example: Example) -> Difference:
    """Find the difference; equal examples give equal bytes, no chance takes part."""
    from scipy.optimize import minimize

    columns, places = np.unique(example.features.indices, return_inverse=True)
    narrow = type(example.features)(
        (example.features.data.astype(np.float64), places, example.features.indptr),
        shape=(example.features.shape[0], len(columns)),
    )
    objective = _Objective(narrow, narrow.T.tocsr(), example)
    start = np.zeros((len(columns) + 1) * example.targets.shape[1])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    weights, bias = objective.parts(found.x)
    spread = np.zeros((example.features.shape[1], example.targets.shape[1]), np.float32)
    spread[columns] = weights
    return Difference(spread, bias.astype(np.float32))


@dataclass(frozen=True)
class _Objective:
    """Weighted log loss plus half the decay times the squared difference, and its gradient."""

    features: Any
    transposed: Any
    example: Example

    def parts(self, values: Floats) -> tuple[Floats, Floats]:
        """The weights and the bias that a vector of values stands for."""
        table = values.reshape(-1, self.example.targets.shape[1])
        return table[:-1], table[-1]

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        weights, bias = self.parts(values)
        logits = self.features @ weights + bias + self.example.logits
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        importance = self.example.importance[:, None]
        loss = -(importance * self.example.targets * logs).sum() + _DECAY / 2 * (weights**2).sum()
        error = importance * (np.exp(logs) - self.example.targets)
        slope = np.vstack([self.transposed @ error + _DECAY * weights, error.sum(axis=0)])
        return float(loss), slope.ravel()
