"""Adapting a sentiment model to one tenant: its customers' stars, and what its people corrected.

The adapted model is the general one plus a difference, fitted by maximum a-posteriori estimation:
the difference is drawn towards zero, so that what the tenant's reviews say nothing about stays as
it was. Part of the reviews, chosen by a hash of their keys and so the same every time, is never
learnt from; where there are few, each fifth of them takes its turn (cross-fitting), and the model
that is kept learns from all. The adapted model replaces the general one only if the reviews that
were held back are judged better, and by more than chance would explain.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.clauses import split_clauses
from resources.nlp.linear import LinearModel, Matrix, softmax
from resources.nlp.sentiment import MIXED, POLARITIES
from resources.training.adaptation_figures import (
    Gain,
    OwnFigures,
    gains,
    own_figures,
    reason_of,
)
from resources.training.difference import Example, fit_difference
from resources.training.optimiser import feature_matrix

OWN_REVIEWS_SCHEMA = pl.Schema(
    {
        "review_key": pl.String,
        "text": pl.String,
        "language": pl.String,
        "label": pl.String,  # negative, neutral, mixed or positive
        "is_corrected": pl.Boolean,  # the label is a person's, not the star rating's
    }
)

_HELD_BACK_SHARE = 0.2
_FOLDS = 5
_CROSS_FITTED_BELOW = 3_000  # reviews; of more, a fifth is enough to tell a gain from chance
_MIN_OF_A_SIDE = 10  # in what is learnt and in what is held back
_MAX_LEARNT = 50_000
_CORRECTION_WEIGHT = 3.0
_SOFTENED = 0.5  # power of the weights that even out the classes, as in the general training
_MIN_CHANCE = 1e-6
_TOO_FEW = (
    f"Too few reviews: at least {_MIN_OF_A_SIDE} negative and {_MIN_OF_A_SIDE} positive ones "
    "are needed to learn from, and as many that are held back."
)
_NEGATIVE, _POSITIVE = POLARITIES.index("negative"), POLARITIES.index("positive")
_LOWEST_POSITIVE_STARS, _HIGHEST_NEGATIVE_STARS = 3.5, 2.5


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting one model.

    Attributes:
        model: The adapted model where it was accepted, else the general one.
        accepted: Whether it was.
        reason: Why, in a sentence.
        learnt: Reviews learnt from.
        corrections: How many of them were labelled by a person.
        held_back: Held-back reviews that are negative or positive.
        before: The general model on them; None where there were too few to try.
        after: The adapted model on them.
        macro_f1_gain: In points.
        log_loss_gain: Positive where the loss fell.
    """

    model: LinearModel
    accepted: bool
    reason: str
    learnt: int
    corrections: int
    held_back: int
    before: OwnFigures | None = None
    after: OwnFigures | None = None
    macro_f1_gain: Gain | None = None
    log_loss_gain: Gain | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, without the model."""
        gains = ("before", "after", "macro_f1_gain", "log_loss_gain")
        plain = ("accepted", "reason", "learnt", "corrections", "held_back")
        figures = {name: getattr(self, name) for name in gains}
        return {
            "version": self.model.version,
            **{name: getattr(self, name) for name in plain},
            **{name: None if one is None else asdict(one) for name, one in figures.items()},
        }


def label_of_stars(stars: float) -> str:
    """The sentiment that a rating on one to five stars stands for."""
    if stars < _HIGHEST_NEGATIVE_STARS:
        return "negative"
    return "positive" if stars > _LOWEST_POSITIVE_STARS else "neutral"


def adapt(general: LinearModel, own: pl.DataFrame, *, seed: int = 7) -> Adaptation:
    """Learn from a tenant's own reviews, and keep what was learnt if it helps.

    Args:
        general: The model to start from.
        own: Columns of ``OWN_REVIEWS_SCHEMA``, each review once, in any order.
        seed: Of the resamples that tell chance from gain; the fit itself knows no chance.

    Returns:
        The adapted model as it will be stored, or the general one with the reason why.
    """
    own = own.sort("review_key")
    splits = [_parted(own, is_held) for is_held in held_back(own)]
    learnt = splits[0][0] if len(splits) == 1 else own
    judged = pl.concat([held for _, held in splits])
    untouched = Adaptation(
        general,
        accepted=False,
        reason=_TOO_FEW,
        learnt=learnt.height,
        corrections=int(learnt["is_corrected"].sum()),
        held_back=judged.height,
    )
    fewest = min(_lesser_side(judged), *(_lesser_side(rows) for rows, _ in splits))
    if fewest < _MIN_OF_A_SIDE:
        return untouched
    tried = [as_stored(_fitted(general, rows)) for rows, _ in splits]
    before = positive_chances(general, judged)
    after = np.concatenate(
        [positive_chances(model, held) for model, (_, held) in zip(tried, splits, strict=True)]
    )
    truth = np.where(judged["label"] == "positive", 1, -1).astype(np.int64)
    macro, loss = gains(truth, before, after, seed)
    accepted = macro.value > 0 and loss.low > 0
    candidate = tried[0] if len(tried) == 1 else as_stored(_fitted(general, learnt))
    return replace(
        untouched,
        model=candidate if accepted else general,
        accepted=accepted,
        reason=reason_of(macro, loss),
        before=own_figures(truth, before),
        after=own_figures(truth, after),
        macro_f1_gain=macro,
        log_loss_gain=loss,
    )


def held_back(own: pl.DataFrame) -> list[pl.Series]:
    """Which reviews are not learnt from, by hash of the key: once a fifth, or each fifth in turn.

    What people corrected is rare and dear: it is always learnt from and never held back.
    """
    draws = pl.Series([_draw(key) for key in own["review_key"]], dtype=pl.Float64)
    if own.height >= _CROSS_FITTED_BELOW:
        return [(draws < _HELD_BACK_SHARE) & ~own["is_corrected"]]
    folds = (draws * _FOLDS).floor()
    return [(folds == fold) & ~own["is_corrected"] for fold in range(_FOLDS)]


def as_stored(model: LinearModel) -> LinearModel:
    """The model as it comes back from its file, rounded weights and version included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        return LinearModel.load(path)


def _parted(own: pl.DataFrame, is_held: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is learnt and what is judged; no text is on both sides."""
    is_corrected = own["is_corrected"]
    held_texts, corrected_texts = own["text"].filter(is_held), own["text"].filter(is_corrected)
    repeats_held = own["text"].is_in(held_texts.implode())
    repeats_corrected = own["text"].is_in(corrected_texts.implode())
    is_sided = own["label"].is_in(["negative", "positive"])
    learnt = own.filter(is_corrected | (~is_held & ~repeats_held))
    return learnt.head(_MAX_LEARNT), own.filter(is_held & is_sided & ~repeats_corrected)


def _draw(key: str) -> float:
    """A number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(f"held back {key}".encode()).digest()[:4]) / 2**32


def _lesser_side(rows: pl.DataFrame) -> int:
    return min(int((rows["label"] == side).sum()) for side in ("negative", "positive"))


def _fitted(general: LinearModel, rows: pl.DataFrame) -> LinearModel:
    """The general model plus the difference that the rows ask for."""
    temperatures = general.temperatures_of(rows["language"].to_list())
    features = _features(general, rows["text"])
    example = Example(
        features=features.multiply((1 / temperatures)[:, None]).tocsr(),
        logits=(features @ general.weights + general.bias) / temperatures[:, None],
        targets=_targets(rows["label"].to_list()),
        importance=_importance(rows),
    )
    difference = fit_difference(example)
    return replace(
        general,
        weights=general.weights + difference.weights,
        bias=general.bias + difference.bias,
        version="unsaved",
    )


def _targets(labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """What each row should be given as probabilities; a mixed review leans to neither side."""
    shares: Mapping[str, npt.NDArray[np.float64]] = {
        **dict(zip(POLARITIES, np.eye(len(POLARITIES)), strict=True)),
        MIXED: (np.eye(len(POLARITIES))[_NEGATIVE] + np.eye(len(POLARITIES))[_POSITIVE]) / 2,
    }
    return np.array([shares[label] for label in labels])


def _importance(rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Weights that soften the imbalance of the labels, and let corrections count for more."""
    share = pl.len().over("label") / pl.len()
    weight = (1 / (share * pl.col("label").n_unique())).pow(_SOFTENED)
    person = pl.when("is_corrected").then(_CORRECTION_WEIGHT).otherwise(1.0)
    return rows.select((weight * person).cast(pl.Float64)).to_series().to_numpy()


def _features(model: LinearModel, texts: pl.Series) -> Any:
    clauses = split_clauses(texts)
    return feature_matrix(clauses.texts, clauses.offsets, model.spec)


def positive_chances(model: LinearModel, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Probability of positive of each row, given that it is negative or positive."""
    logits: Matrix = _features(model, rows["text"]) @ model.weights + model.bias
    chances = softmax(logits / model.temperatures_of(rows["language"].to_list())[:, None])
    both = chances[:, [_NEGATIVE, _POSITIVE]].astype(np.float64)
    positive: npt.NDArray[np.float64] = both[:, 1] / np.maximum(both.sum(axis=1), _MIN_CHANCE)
    return positive
