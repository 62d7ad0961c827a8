"""Mixing the transformer with the fast model, and measuring what each tier gains by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.evaluation.benchmarks import Benchmark, binary_figures, read_benchmarks
from resources.nlp.context import ENGLISH_FILE, SHIPPED_MODELS
from resources.nlp.deep import DeepModel, Mixture, clearness_of
from resources.nlp.linear import LinearModel, Matrix
from resources.nlp.sentiment import review_logits
from resources.nlp.tiers import Tier
from resources.training.deep_examples import draw_examples, hold_out, numbered
from resources.training.sentiments import english_rows, train_sentiment

_SEED = 7
_CASCADE_SHARE = 0.20
_FITTED = ("deep_weight", "fast_weight", "neutral")
_CALIBRATING_ROWS = 400  # of a class of a source
_SAMPLED_ROWS = 1_500  # of a benchmark
_SCORED_ROWS = 2_048  # keeps the logits of a large set within a few megabytes


def fit_shipped_mixture(data: Path, deep: DeepModel) -> Mixture:
    """Fit the mixture for the English models on rows that neither has seen.

    The shipped fast model has seen them; one trained without them takes its place. What share of
    reviews a cascade reads is set by the shipped model on public sets, without their labels.

    Args:
        data: Folder of all data sets.
        deep: The transformer, trained on what ``hold_out`` keeps.
    """
    kept, held = hold_out(english_rows(data))
    blind, _ = train_sentiment(kept)
    limits = dict.fromkeys(held["source"].unique().to_list(), _CALIBRATING_ROWS)
    some = draw_examples(held, limits, _SEED)
    texts = some["text"].to_list()
    shipped = LinearModel.load(SHIPPED_MODELS / ENGLISH_FILE)
    clearness = [
        clearness_of(shipped.probabilities(fast_logits(benchmark.texts, shipped)))
        for benchmark in english_benchmarks(data)
    ]
    return fit_mixture(
        deep.mixture,
        fast_logits(texts, blind),
        deep.logits(texts),
        numbered(some["label"]),
        np.concatenate(clearness),
    )


def fit_mixture(
    mixture: Mixture,
    fast: Matrix,
    deep: Matrix,
    targets: npt.NDArray[np.int64],
    usual_clearness: npt.NDArray[np.floating],
) -> Mixture:
    """Find the weights that make held-out answers most probable, all classes counting alike.

    Args:
        mixture: The rest of the parameters.
        fast: Logits of a fast model that has not seen the rows, ``[rows, classes]``.
        deep: Logits of the transformer, which has not seen them either.
        targets: Class of each row.
        usual_clearness: Clearness of the fast model's answers on reviews as they come; a cascade
            is to read the fifth that is least clear.
    """
    from scipy.optimize import minimize

    rows = np.arange(len(targets))
    counts = np.bincount(targets, minlength=fast.shape[1])
    importance = 1 / counts[targets]

    def with_weights(weights: npt.NDArray[np.float64]) -> Mixture:
        numbers = dict(zip(_FITTED, weights.tolist(), strict=True))
        return replace(mixture, **numbers)

    def loss(weights: npt.NDArray[np.float64]) -> float:
        chances = with_weights(weights).probabilities(fast, deep)[rows, targets]
        return -float(importance @ np.log(np.maximum(chances, 1e-12)))

    found = minimize(loss, [getattr(mixture, name) for name in _FITTED], method="Nelder-Mead")
    threshold = float(np.quantile(usual_clearness, _CASCADE_SHARE))
    return replace(with_weights(found.x), threshold=threshold)


def fast_logits(texts: Sequence[str], model: LinearModel) -> Matrix:
    """What a fast model says of texts, ``[texts, classes]``."""
    parts = [
        review_logits(pl.Series(texts[first : first + _SCORED_ROWS], dtype=pl.String), model)
        for first in range(0, len(texts), _SCORED_ROWS)
    ]
    return np.concatenate(parts)


def english_benchmarks(data: Path) -> list[Benchmark]:
    """The English sets that nothing is trained on, at most 1,500 rows of each."""
    return [_sampled(one) for one in read_benchmarks(data) if one.language == "en"]


def _sampled(benchmark: Benchmark) -> Benchmark:
    chosen = np.random.default_rng(_SEED).permutation(len(benchmark.texts))[:_SAMPLED_ROWS]
    texts = [benchmark.texts[row] for row in chosen.tolist()]
    return replace(benchmark, texts=texts, labels=benchmark.labels[chosen])


def measure_tiers(
    fast: LinearModel, deep: DeepModel, benchmarks: Sequence[Benchmark]
) -> dict[str, dict[str, float]]:
    """Figures of each tier on sets that no model has seen.

    Args:
        fast: The fast model of the benchmarks' language.
        deep: The transformer with its mixture.
        benchmarks: Labelled sets.

    Returns:
        ``"<tier> <set>"`` -> rows, macro_f1, accuracy and calibration_error over negative and
        positive, deep_share, and macro_f1_of_three where the set has neutral rows; in percent.
    """
    figures = {}
    for benchmark in benchmarks:
        logits = fast_logits(benchmark.texts, fast)
        temperatures = fast.temperatures_of([benchmark.language] * len(logits))
        quick = fast.probabilities(logits, temperatures)
        thorough = deep.mixture.probabilities(logits, deep.logits(benchmark.texts))
        unsure = deep.mixture.is_unsure(quick)
        for tier, is_deep in (
            (Tier.FAST, np.zeros_like(unsure)),
            (Tier.CASCADE, unsure),
            (Tier.DEEP, np.ones_like(unsure)),
        ):
            chances = np.where(is_deep[:, None], thorough, quick)
            numbers = _figures(benchmark.labels, chances)
            numbers["deep_share"] = 100 * float(is_deep.mean())
            figures[f"{tier} {benchmark.name}"] = {
                name: round(value, 1) for name, value in numbers.items()
            }
    return figures


def _figures(labels: npt.NDArray[np.int64], chances: Matrix) -> dict[str, float]:
    sides = chances[:, 0] + chances[:, 2]
    numbers: dict[str, float] = asdict(binary_figures(labels, chances[:, 2] / sides))
    if (labels == 0).any():
        answers = chances.argmax(axis=1) - 1
        scores = [
            2
            * ((labels == side) & (answers == side)).sum()
            / max(1, (labels == side).sum() + (answers == side).sum())
            for side in (-1, 0, 1)
        ]
        numbers["macro_f1_of_three"] = 100 * float(np.mean(scores))
    return numbers
