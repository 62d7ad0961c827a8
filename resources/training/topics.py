"""Learning topics from labels: one regularised logistic regression for each topic.

It starts from what keywords and examples say and departs from that as far as the labels carry, so
that ten labels already help and every further one does. What a person took away counts as much as
what a person added. A topic is only kept when it does better on held-back labels than no learning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.embeddings.embedder import StaticEmbedder, Vectors
from resources.nlp.matching import normalise
from resources.nlp.topics.labelling import found_without_labels
from resources.nlp.topics.learned import (
    SIGNALS,
    TOPIC_FEATURES,
    Flags,
    LearnedTopics,
    signals_of,
)
from resources.nlp.topics.taxonomy import Taxonomy
from resources.training.optimiser import feature_matrix

MIN_LABELS = 5  # reviews with a topic, and without it, from which it can be learned
_FOLDS = 5
_START = (1.5, 1.0)  # weights of the signals before anything is learned
_START_BIAS = -0.5
_WORD_PENALTY, _MEANING_PENALTY, _SIGNAL_PENALTY = 0.5, 0.3, 0.5
_ROUNDS = 60
_DOUBT = 1.0  # standard deviations by which learning must do better
_CAUTION = 5.0  # imagined right answers at the usual threshold, while there are few labels


@dataclass(frozen=True)
class _Examples:
    """Everything that one topic is learned from.

    Attributes:
        words: Sparse hashed features ``[texts, columns in use]``.
        meanings: Vectors of the texts.
        signals: ``[texts, SIGNALS]``.
        targets: Whether people say that the topic is there.
    """

    words: Any
    meanings: Vectors
    signals: Vectors
    targets: Flags

    def rows(self, chosen: npt.NDArray[Any]) -> _Examples:
        return _Examples(
            self.words[chosen], self.meanings[chosen], self.signals[chosen], self.targets[chosen]
        )


def learn_topics(
    taxonomy: Taxonomy,
    texts: Sequence[str],
    labels: Sequence[set[str]],
    languages: Sequence[str],
    embedder: StaticEmbedder,
    *,
    seed: int = 7,
) -> LearnedTopics:
    """Learn from reviews whose topics people have checked.

    Args:
        taxonomy: The topics.
        texts: Reviews.
        labels: All topics of each review; a topic that is not there counts as taken away.
        languages: Code of each.
        embedder: Gives the vectors.
        seed: Equal seeds give equal bytes.
    """
    texts = [text.encode("utf-8", "replace").decode() for text in texts]  # no half characters
    series = pl.Series(texts, dtype=pl.String)
    found, likeness = found_without_labels(
        normalise(series), languages, taxonomy, texts=series, embedder=embedder
    )
    features = feature_matrix(texts, None, TOPIC_FEATURES) if texts else None
    columns = np.unique(features.indices) if features is not None else np.zeros(0, np.int64)
    meanings = embedder.embed(texts)
    weights: list[npt.NDArray[np.float64]] = []
    summary: dict[str, dict[str, float]] = {}
    for number, topic in enumerate(taxonomy.topics):
        targets = np.array([topic.name in own for own in labels], bool)
        if features is None or min(targets.sum(), (~targets).sum()) < MIN_LABELS:
            continue
        examples = _Examples(
            features[:, columns],
            meanings,
            signals_of(found[:, number], likeness[:, number]),
            targets,
        )
        threshold, answers = _held_back(examples, seed)
        before, after = _f1(found[:, number], targets), _f1(answers, targets)
        if after <= before or not _clearly_better(answers, found[:, number], targets):
            continue
        learned = _fit(examples)
        learned[-1] -= threshold
        weights.append(learned)
        summary[topic.name] = {
            "labels": int(targets.sum()),
            "before": round(before, 4),
            "after": round(after, 4),
        }
    return _packed(weights, summary, columns, embedder)


def _packed(
    weights: list[npt.NDArray[np.float64]],
    summary: dict[str, dict[str, float]],
    columns: npt.NDArray[np.int64],
    embedder: StaticEmbedder,
) -> LearnedTopics:
    used = len(columns) if weights else 0
    shape = used + embedder.dimensions + SIGNALS + 1
    table = np.stack(weights, axis=1) if weights else np.zeros((shape, 0))
    words, meanings, signals, bias = np.split(
        table.astype(np.float32), np.cumsum([used, embedder.dimensions, SIGNALS])
    )
    return LearnedTopics(
        names=tuple(summary),
        columns=columns[:used].astype(np.int32),
        word_weights=words,
        meaning_weights=meanings,
        signal_weights=signals,
        bias=bias[0],
        summary=summary,
        embeddings=embedder.version,
    ).versioned()


def _clearly_better(answers: Flags, others: Flags, targets: Flags) -> bool:
    """Whether so many answers more are right as hardly comes by chance (a sign test)."""
    mended = float(((answers == targets) & (others != targets)).sum())
    spoilt = float(((answers != targets) & (others == targets)).sum())
    return mended - spoilt > _DOUBT * math.sqrt(mended + spoilt)


def _held_back(examples: _Examples, seed: int) -> tuple[float, Flags]:
    """Threshold, and the answers of models that had not seen the reviews they answer for."""
    dice = np.random.default_rng(seed)
    targets = examples.targets
    folds = np.zeros(len(targets), np.int64)
    for side in (True, False):  # each fold has its share of both
        rows = np.flatnonzero(targets == side)
        folds[dice.permutation(rows)] = np.arange(len(rows)) % _FOLDS
    scores = np.zeros(len(targets))
    for fold in range(_FOLDS):
        weights = _fit(examples.rows(np.flatnonzero(folds != fold)))
        held = folds == fold
        scores[held] = _scores(examples.rows(np.flatnonzero(held)), weights)
    threshold = _best_threshold(scores, targets)
    return threshold, scores > threshold


def _best_threshold(scores: npt.NDArray[np.float64], targets: Flags) -> float:
    """The threshold of the best F1, nearer to 0 the fewer labels there are."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(targets[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + targets.sum())
    best = int(f1.argmax())
    sorted_scores = scores[order]
    following = sorted_scores[min(best + 1, len(scores) - 1)]
    middle = float(sorted_scores[best] + following) / 2
    count = float(targets.sum())
    return middle * count / (count + _CAUTION)


def _f1(answers: Flags, targets: Flags) -> float:
    both = float((answers & targets).sum())
    return 2 * both / max(float(answers.sum() + targets.sum()), 1.0)


def _scores(examples: _Examples, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    words, meanings, signals, bias = _parts(examples, weights)
    sums: npt.NDArray[np.float64] = (
        examples.words @ words + examples.meanings @ meanings + examples.signals @ signals + bias
    )
    return sums


def _parts(examples: _Examples, weights: npt.NDArray[np.float64]) -> list[Any]:
    widths = [examples.words.shape[1], examples.meanings.shape[1], SIGNALS]
    return np.split(weights, np.cumsum(widths))


def _fit(examples: _Examples) -> npt.NDArray[np.float64]:
    """Weights of words, meaning, signals and bias, in this order."""
    from scipy.optimize import minimize

    widths = [examples.words.shape[1], examples.meanings.shape[1], SIGNALS, 1]
    start = np.zeros(sum(widths))
    start[-SIGNALS - 1 : -1] = _START
    start[-1] = _START_BIAS
    penalties = np.repeat(
        [_WORD_PENALTY, _MEANING_PENALTY, _SIGNAL_PENALTY, _SIGNAL_PENALTY], widths
    )
    signs = np.where(examples.targets, 1.0, -1.0)

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margins = signs * _scores(examples, weights)
        departure = weights - start
        value = np.logaddexp(0, -margins).sum() + 0.5 * (penalties * departure**2).sum()
        error = -signs / (1 + np.exp(np.minimum(margins, 500)))
        slope = np.concatenate(
            (
                examples.words.T @ error,
                examples.meanings.T @ error,
                examples.signals.T @ error,
                [error.sum()],
            )
        )
        return float(value), slope + penalties * departure

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    weights: npt.NDArray[np.float64] = found.x
    return weights
