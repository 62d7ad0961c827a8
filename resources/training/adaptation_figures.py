"""Whether a model got better: figures before and after, and what chance would explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from resources.evaluation.benchmarks import binary_figures

_RESAMPLES = 2_000
_MIN_CHANCE = 1e-6
_LOWEST, _HIGHEST = 2.5, 97.5  # percentiles of the interval that a gain is told with
_DECIDED = 0.5

Signs: TypeAlias = npt.NDArray[np.int64]
Chances: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OwnFigures:
    """Quality on the held-back reviews that are negative or positive.

    Attributes:
        macro_f1: Mean F1 of negative and positive, in percent.
        accuracy: Share of reviews whose sign is right, in percent.
        calibration_error: Over 15 bins, in percent.
        log_loss: Mean negative logarithm of the probability given to the right side.
    """

    macro_f1: float
    accuracy: float
    calibration_error: float
    log_loss: float


@dataclass(frozen=True)
class Gain:
    """By how much a figure got better, and the interval that holds 95 % of the resamples."""

    value: float
    low: float
    high: float


def _losses(truth: Signs, positive: Chances) -> npt.NDArray[np.float64]:
    losses: npt.NDArray[np.float64] = -np.log(
        np.clip(np.where(truth > 0, positive, 1 - positive), _MIN_CHANCE, 1)
    )
    return losses


def own_figures(truth: Signs, positive: Chances) -> OwnFigures:
    """Figures of one model.

    Args:
        truth: -1 negative, 1 positive, ``[reviews]``.
        positive: Probability of positive of each.
    """
    figures = binary_figures(truth, positive)
    return OwnFigures(
        round(figures.macro_f1, 2),
        round(figures.accuracy, 2),
        round(figures.calibration_error, 2),
        round(float(_losses(truth, positive).mean()), 4),
    )


def gains(
    truth: Signs,
    before: Chances,
    after: Chances,
    seed: int,
) -> tuple[Gain, Gain]:
    """Gains in macro-F1 and in log loss, with intervals from a paired bootstrap."""
    saved = _losses(truth, before) - _losses(truth, after)
    dice = np.random.default_rng(seed)
    macros, losses = np.zeros(_RESAMPLES), np.zeros(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = dice.integers(0, len(truth), len(truth))
        losses[number] = saved[drawn].mean()
        macros[number] = _macro_f1(truth[drawn], after[drawn]) - _macro_f1(
            truth[drawn], before[drawn]
        )
    whole = _macro_f1(truth, after) - _macro_f1(truth, before)
    return _gain(whole, macros), _gain(float(saved.mean()), losses)


def _gain(value: float, resampled: npt.NDArray[np.float64]) -> Gain:
    low, high = (float(np.percentile(resampled, part)) for part in (_LOWEST, _HIGHEST))
    return Gain(round(value, 4), round(low, 4), round(high, 4))


def _macro_f1(truth: Signs, positive: Chances) -> float:
    """In percent."""
    answer = np.where(positive >= _DECIDED, 1, -1)
    hits = [int(((truth == side) & (answer == side)).sum()) for side in (-1, 1)]
    sizes = [int((truth == side).sum() + (answer == side).sum()) for side in (-1, 1)]
    return sum(200 * hit / max(1, size) for hit, size in zip(hits, sizes, strict=True)) / 2


def reason_of(macro: Gain, loss: Gain) -> str:
    """Say in a sentence why the gains are enough or not."""
    figures = (
        f"macro-F1 {macro.value:+.1f} points ({macro.low:+.1f} to {macro.high:+.1f}), log loss "
        f"{-loss.value:+.3f} ({-loss.high:+.3f} to {-loss.low:+.3f})"
    )
    if macro.value <= 0:
        return f"Refused: macro-F1 on the held-back reviews does not rise; {figures}."
    if loss.low <= 0:
        return f"Refused: the gain on the held-back reviews may be chance; {figures}."
    return f"Accepted: better on the held-back reviews; {figures}."
