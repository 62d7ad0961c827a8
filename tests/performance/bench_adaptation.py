"""What a tenant's own ratings bring: ``python tests/performance/bench_adaptation.py [DATA]``.

For each set of rated reviews a fixed part is kept aside that no training ever sees; from the rest
200, 1,000 and 5,000 reviews are taken as a tenant's own (all there are, where there are fewer) and
the English model is adapted to them. The table compares both models on the part kept aside.

The women's clothing reviews are among what the shipped model learnt from: ``--general FILE`` gives
the model that is adapted to them, one trained without them (``--without-clothing FILE`` trains it).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import polars as pl

from resources.evaluation.benchmarks import read_benchmarks
from resources.nlp.context import Models
from resources.nlp.linear import LinearModel
from resources.training.adaptation import adapt, positive_chances
from resources.training.adaptation_figures import own_figures
from resources.training.sentiments import english_rows, train_sentiment
from resources.training.sources import read_clothing

SIZES = (200, 1_000, 5_000)
KEPT_ASIDE = 5_000
SEED = 5
NAMES = {-1: "negative", 0: "neutral", 1: "positive"}
CLOTHING = "womens_clothing"


def rated_sets(folder):
    """Name -> texts and labels of the sets with ratings."""
    wanted = {"en datafiniti hotels", "en skytrax lounge", "en skytrax seat"}
    for benchmark in read_benchmarks(folder):
        if benchmark.name in wanted:
            yield benchmark.name, benchmark.texts, [NAMES[int(label)] for label in benchmark.labels]
    clothing = read_clothing(folder)
    yield CLOTHING, clothing["text"].to_list(), clothing["label"].to_list()


def own_reviews(texts, labels):
    """Reviews in the form that adaptation reads, in a seeded order, each text once."""
    frame = pl.DataFrame(
        {
            "review_key": [f"{number:032x}" for number in range(len(texts))],
            "text": texts,
            "language": "en",
            "label": labels,
            "is_corrected": False,
        }
    )
    return frame.unique("text", keep="first", maintain_order=True).sample(
        fraction=1.0, shuffle=True, seed=SEED
    )


def figures_of(model, rows):
    """Figures on the rows that are negative or positive."""
    decided = rows.filter(pl.col("label") != "neutral")
    truth = np.where(decided["label"] == "positive", 1, -1)
    return own_figures(truth, positive_chances(model, decided))


def curve(name, general, rows):
    """Print one line per number of own reviews."""
    # Small sets keep less aside, so that about 1,000 reviews are left to learn from.
    kept = max(rows.height // 5, min(KEPT_ASIDE, rows.height // 2, rows.height - 1_000))
    aside, pool = rows[:kept], rows[kept:]
    before = figures_of(general, aside)
    for size in sorted({min(size, pool.height) for size in SIZES}):
        started = time.perf_counter()
        adapted = adapt(general, pool[:size])
        seconds = time.perf_counter() - started
        after = figures_of(adapted.model, aside)
        print(
            f"| {name} | {size:,} | {adapted.learnt:,} + {adapted.held_back:,} "
            f"| {'yes' if adapted.accepted else 'no'} | {before.macro_f1:.1f} "
            f"| {after.macro_f1:.1f} | {after.macro_f1 - before.macro_f1:+.1f} "
            f"| {before.log_loss:.3f} | {after.log_loss:.3f} "
            f"| {before.calibration_error:.1f} | {after.calibration_error:.1f} | {seconds:.0f} |",
            flush=True,
        )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = Path(__file__).parents[3] / "shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=shared)
    parser.add_argument("--general", type=Path, help="model trained without the clothing reviews")
    parser.add_argument("--without-clothing", type=Path, help="train that model into this file")
    chosen = parser.parse_args()
    if chosen.without_clothing:
        rows = english_rows(chosen.data).filter(pl.col("source") != CLOTHING)
        model, _ = train_sentiment(rows)
        model.save(chosen.without_clothing)
        return
    print(
        "| set | own reviews | learnt + held back | accepted | macro-F1 before | after | gain "
        "| log loss before | after | calibration error before | after | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    shipped = Models().english
    for name, texts, labels in rated_sets(chosen.data):
        if name != CLOTHING:
            curve(name, shipped, own_reviews(texts, labels))
        elif chosen.general:
            curve(name, LinearModel.load(chosen.general), own_reviews(texts, labels))


if __name__ == "__main__":
    main()
