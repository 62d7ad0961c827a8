"""Figures of quality: plain arithmetic over labels and answers, and never a NaN.

scikit-learn's measures give the same figures. They are not used because evaluating is a command of
the core install: scikit-learn would add 33 MB and a second and a half of imports, takes 25 times as
long over labels that are strings, and has neither the figures of label lists nor calibration.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

CALIBRATION_BINS = 15
# Speed is taken over slices of this size, as the engine works, until there are enough of them.
_SLICE_ROWS = 256
_TIMED_ROWS, _TIMED_SECONDS, _TIMED_ROUNDS = 4_096, 4.0, 3

Item = TypeVar("Item")


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is found, each 0..1; 0 where there is nothing to divide by.

    Attributes:
        precision: Share of the answers that are right.
        recall: Share of the class that is found.
        f1: Harmonic mean of both.
        support: Rows of the class.
    """

    precision: float
    recall: float
    f1: float
    support: int

    @classmethod
    def of(cls, right: int, answered: int, support: int) -> ClassFigures:
        """Figures from counts: right answers, answers given, and rows of the class."""
        return cls(
            right / answered if answered else 0.0,
            right / support if support else 0.0,
            2 * right / (answered + support) if answered + support else 0.0,
            support,
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return asdict(self)


def figures_by_class(
    truth: Sequence[str], answers: Sequence[str], classes: Sequence[str]
) -> dict[str, ClassFigures]:
    """Figures of each class where every row has one label and one answer."""
    support, answered = Counter(truth), Counter(answers)
    right = Counter(label for label, answer in zip(truth, answers, strict=True) if label == answer)
    return {name: ClassFigures.of(right[name], answered[name], support[name]) for name in classes}


def figures_by_label(
    truth: Sequence[Collection[str]], answers: Sequence[Collection[str]], classes: Sequence[str]
) -> dict[str, ClassFigures]:
    """Figures of each class where a row has any number of labels, each at most once."""
    support = Counter(label for labels in truth for label in labels)
    answered = Counter(label for labels in answers for label in labels)
    right = Counter(
        label
        for labels, found in zip(truth, answers, strict=True)
        for label in set(labels) & set(found)
    )
    return {name: ClassFigures.of(right[name], answered[name], support[name]) for name in classes}


def pooled(truth: Sequence[Collection[str]], answers: Sequence[Collection[str]]) -> ClassFigures:
    """Figures over all labels of all rows taken together (micro precision, recall and F1)."""
    right = sum(len(set(labels) & set(found)) for labels, found in zip(truth, answers, strict=True))
    return ClassFigures.of(right, sum(map(len, answers)), sum(map(len, truth)))


def macro_f1(classes: dict[str, ClassFigures]) -> float:
    """Mean F1 of the classes, 0..1."""
    return sum(figures.f1 for figures in classes.values()) / len(classes) if classes else 0.0


def confusion(truth: Sequence[str], answers: Sequence[str]) -> dict[str, dict[str, int]]:
    """Label -> answer -> number of rows, both in alphabetical order."""
    counts = Counter(zip(truth, answers, strict=True))
    return {
        label: {answer: counts[label, answer] for answer in sorted(set(answers))}
        for label in sorted(set(truth))
    }


def calibration_error(
    confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], *, lowest: float = 0.0
) -> float | None:
    """Mean distance between confidence and accuracy over 15 bins of equal width, 0..1.

    Args:
        confidences: Probability given to each answer, ``[rows]``.
        right: Whether each answer is right, ``[rows]``.
        lowest: The least possible confidence, 0.5 where there are two classes; the bins lie
            between it and 1.

    Returns:
        None without rows.
    """
    if not len(right):
        return None
    place = (confidences - lowest) / (1 - lowest) * CALIBRATION_BINS
    bins = np.clip(place.astype(np.int64), 0, CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    sure = np.bincount(bins, confidences, CALIBRATION_BINS)
    true = np.bincount(bins, right.astype(np.float64), CALIBRATION_BINS)
    return float(np.abs(sure - true).sum() / counts.sum())


def reviews_per_second(items: Sequence[Item], work: Callable[[Sequence[Item]], object]) -> float:
    """Speed of one process by the clock, after a warm-up; the best of up to three rounds.

    Args:
        items: What to work on; at most 4,096 of them are, in slices of 256.
        work: Takes a slice.
    """
    if not items:
        return 0.0
    slices = [
        items[first : first + _SLICE_ROWS]
        for first in range(0, min(len(items), _TIMED_ROWS), _SLICE_ROWS)
    ]
    work(slices[0])
    best, started = 0.0, time.perf_counter()
    for _ in range(_TIMED_ROUNDS):
        best = max(best, _one_round(slices, work))
        if time.perf_counter() - started > _TIMED_SECONDS:
            break
    return best


def _one_round(slices: Sequence[Sequence[Item]], work: Callable[[Sequence[Item]], object]) -> float:
    done, started = 0, time.perf_counter()
    for part in slices:
        work(part)
        done += len(part)
        if time.perf_counter() - started > _TIMED_SECONDS:
            break
    return done / max(time.perf_counter() - started, 1e-9)
