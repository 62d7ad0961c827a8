"""Training of the language model on two halves, for honest figures, and on everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.hashing import FeatureSpec
from resources.nlp.language import LANGUAGE_FEATURES, READ_CHARACTERS
from resources.nlp.linear import LinearModel, Matrix
from resources.training.generated import generate_opinions
from resources.training.optimiser import Schedule, feature_matrix, fit_temperature, train_linear
from resources.training.sources import (
    MADE_SOURCES,
    SENTIMENT_SOURCES,
    Source,
    read_languages,
)

_SEED = 7
_SCHEDULE = Schedule(passes=4, batch=256, rate=0.3, decay=1e-6, seed=_SEED)
_GENERATED = 1_000  # for each language of the lexicon
_REVIEWS = 3_000  # of each source: what customers write is not what newspapers write
_WEAKEST_SHOWN = 8
# Languages that a text is seldom written in when it could as well be its far commoner neighbour
# (Bosnian and Croatian, Malay and Indonesian, Nynorsk and Bokmål), and how many times less often.
_RARER = ("bs", "ms", "nn")
_TIMES_RARER = 7.4


def train_language(
    data_folder: Path,
    *,
    sources: Sequence[Source] = SENTIMENT_SOURCES,
    spec: FeatureSpec = LANGUAGE_FEATURES,
    schedule: Schedule = _SCHEDULE,
) -> tuple[LinearModel, dict[str, Any]]:
    """Train the language model.

    Args:
        data_folder: Holds ``lingua_testdata`` and the folders of ``sources``.
        sources: Sets whose texts are added, so that the model knows reviews too.
        spec: Features.
        schedule: How to train.

    Returns:
        The model, trained on everything, and figures of two models that each saw one half of the
        language data and were tested on the other.
    """
    rows = read_languages(data_folder).with_columns(
        pl.col("text").str.slice(0, READ_CHARACTERS), fold=pl.int_range(pl.len()) % 2
    )
    extra = _texts_of_reviews(data_folder, sources, set(rows["language"]))
    rows = pl.concat([rows, extra]).sample(fraction=1.0, shuffle=True, seed=_SEED)
    labels = tuple(sorted(set(rows["language"])))
    numbers = {label: number for number, label in enumerate(labels)}
    targets = rows["language"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    features = feature_matrix(rows["text"].to_list(), None, spec)
    folds = rows["fold"].to_numpy()
    logits = np.zeros((len(targets), len(labels)), np.float32)
    for fold in (0, 1):
        kept = folds != fold
        half = train_linear(features[kept], targets[kept], labels, spec, schedule)
        logits[folds == fold] = features[folds == fold] @ half.weights + half.bias
    is_sentence = (rows["kind"] == "sentences").to_numpy()
    temperature = fit_temperature(logits[is_sentence], targets[is_sentence])
    handicap = _handicap(labels, temperature)
    model = train_linear(features, targets, labels, spec, schedule)
    model = replace(model, bias=model.bias - handicap, temperature=temperature)
    right = (logits - handicap).argmax(axis=1) == targets
    kinds = rows["kind"].to_numpy()
    figures: dict[str, Any] = {
        "languages": len(labels),
        "rows": int((folds >= 0).sum()),
        "accuracy": {
            kind: round(100 * float(right[kinds == kind].mean()), 2)
            for kind in ("sentences", "word-pairs", "single-words")
        },
        "weakest_sentences": _weakest(right[is_sentence], targets[is_sentence], labels),
    }
    return model, figures


def _handicap(labels: Sequence[str], temperature: float) -> Matrix:
    """What the logits of the rarer of two neighbours lose, ``[languages]``."""
    loss = temperature * np.log(_TIMES_RARER)
    return np.array([loss if label in _RARER else 0 for label in labels], np.float32)


def _texts_of_reviews(
    data_folder: Path, sources: Sequence[Source], languages: set[str]
) -> pl.DataFrame:
    generated = generate_opinions(_GENERATED, _SEED)
    frames = [generated] + [
        frame.sample(min(frame.height, _REVIEWS), seed=_SEED)
        for source in sources
        if source.name not in MADE_SOURCES
        for frame in [source.read(data_folder)]
    ]
    return (
        pl.concat(frames)
        .filter(pl.col("language").is_in(sorted(languages)), pl.col("text").str.contains(r"\p{L}"))
        .select(
            pl.col("text").str.slice(0, READ_CHARACTERS),
            "language",
            kind=pl.lit("reviews"),
            fold=pl.lit(-1, pl.Int64),  # always trained on, never counted
        )
    )


def _weakest(
    right: npt.NDArray[np.bool_], targets: npt.NDArray[np.int64], labels: Sequence[str]
) -> dict[str, float]:
    shares = {
        label: round(100 * float(right[targets == number].mean()), 1)
        for number, label in enumerate(labels)
        if (targets == number).any()
    }
    return dict(sorted(shares.items(), key=lambda share: share[1])[:_WEAKEST_SHOWN])
