"""Making the shipped weights: ``python -m resources.training DATA_FOLDER``.

Everything is seeded: the same data and library versions give the same files, byte for byte. Figures
in the model card come from rows that took no part in the training of the model they are told of.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from resources.evaluation.benchmarks import Benchmark, binary_figures, read_benchmarks
from resources.nlp.context import (
    BACKGROUND_FILE,
    ENGLISH_FILE,
    LANGUAGE_FILE,
    MULTILINGUAL_FILE,
    SHIPPED_MODELS,
)
from resources.nlp.deep import DeepModel, MissingDeepModelError
from resources.nlp.linear import LinearModel, Matrix
from resources.nlp.sentiment import review_logits
from resources.training.background import build_background
from resources.training.languages import train_language
from resources.training.model_card import FIGURES_FILE, write_card
from resources.training.sentiments import (
    english_rows,
    multilingual_rows,
    train_english,
    train_multilingual,
    train_sentiment,
)
from resources.training.taught import Lessons, teach

__all__ = [
    "english_rows",
    "main",
    "measure_sentiment",
    "multilingual_rows",
    "train_language",
    "train_sentiment",
]

# Rows per call keep the logits of a large benchmark within a few megabytes.
_SCORED_ROWS = 2_048


def measure_sentiment(
    english: LinearModel, multilingual: LinearModel, benchmarks: Sequence[Benchmark]
) -> dict[str, dict[str, float]]:
    """Figures of both models on sets that neither has seen, by name of the set."""
    figures = {}
    for benchmark in benchmarks:
        model = english if benchmark.language == "en" else multilingual
        temperatures = model.temperatures_of([benchmark.language] * len(benchmark.texts))
        chances = model.probabilities(_logits(model, benchmark.texts), temperatures)
        positive = chances[:, 2] / (chances[:, 0] + chances[:, 2])
        numbers = asdict(binary_figures(benchmark.labels, positive))
        figures[benchmark.name] = {key: round(value, 1) for key, value in numbers.items()}
    return figures


def _logits(model: LinearModel, texts: Sequence[str]) -> Matrix:
    series = pl.Series(texts, dtype=pl.String)
    parts = [
        review_logits(series.slice(first, _SCORED_ROWS), model)
        for first in range(0, len(series), _SCORED_ROWS)
    ]
    return np.concatenate(parts)


def main() -> None:
    """Train what is asked for and write the model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds the public data sets")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODELS)
    parser.add_argument(
        "--teacher", type=Path, default=SHIPPED_MODELS, help="folder of the deep tier's transformer"
    )
    parser.add_argument(
        "--only", choices=["language", "english", "multilingual", "background", "figures"]
    )
    chosen = parser.parse_args()
    wanted = [chosen.only] if chosen.only else ["language", "english", "multilingual", "background"]
    for part in wanted:
        _train_part(part, chosen.data, chosen.out, chosen.teacher)
    if chosen.only in {None, "figures"}:
        figures = measure_sentiment(
            LinearModel.load(chosen.out / ENGLISH_FILE),
            LinearModel.load(chosen.out / MULTILINGUAL_FILE),
            list(read_benchmarks(chosen.data)),
        )
        _keep_figures(chosen.out, "benchmarks", figures)
    write_card(chosen.out)


def _train_part(part: str, data: Path, out: Path, teacher: Path) -> None:
    if part == "background":
        build_background(data).save(out / BACKGROUND_FILE)
    elif part == "language":
        model, figures = train_language(data)
        model.save(out / LANGUAGE_FILE)
        _keep_figures(out, part, figures)
    elif part in {"english", "multilingual"}:
        is_english = part == "english"
        model, figures = (
            train_english(data, _lessons(data, teacher)) if is_english else train_multilingual(data)
        )
        model.save(out / (ENGLISH_FILE if is_english else MULTILINGUAL_FILE))
        _keep_figures(out, part, figures)


def _lessons(data: Path, teacher: Path) -> Lessons | None:
    try:
        return teach(data, DeepModel.load(teacher))
    except MissingDeepModelError as missing:
        sys.stderr.write(f"The English model learns without a teacher. {missing}\n")
        return None


def _keep_figures(folder: Path, part: str, figures: dict[str, Any]) -> None:
    path = folder / FIGURES_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | {part: figures}, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
