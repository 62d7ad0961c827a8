"""Making the shipped weights: ``python -m resources.nlp.training DATA_FOLDER``.

Everything is seeded: the same data and library versions give the same files, byte for byte. Figures
in the model card come from rows that took no part in the training of the model they are told of.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.background import build_background
from resources.nlp.clauses import split_clauses
from resources.nlp.context import (
    BACKGROUND_FILE,
    ENGLISH_FILE,
    LANGUAGE_FILE,
    MULTILINGUAL_FILE,
    SHIPPED_MODELS,
)
from resources.nlp.evaluation.benchmarks import Benchmark, binary_figures, read_benchmarks
from resources.nlp.hashing import FeatureSpec, hashed_blocks
from resources.nlp.language import LANGUAGE_FEATURES, READ_CHARACTERS
from resources.nlp.linear import LinearModel, Matrix
from resources.nlp.sentiment import POLARITIES, SENTIMENT_FEATURES
from resources.nlp.training.generated import (
    Backdrop,
    embed_words,
    generate_opinions,
    opinion_lexicon,
    plain_pieces,
)
from resources.nlp.training.model_card import FIGURES_FILE, write_card
from resources.nlp.training.optimiser import Schedule, feature_matrix, fit_temperature, train_linear
from resources.nlp.training.sources import (
    SENTIMENT_SOURCES,
    Source,
    read_languages,
    read_opinion_words,
    read_product_reviews,
)

_SEED = 7
_HELD_OUT_SHARE = 0.1
_LANGUAGE_SCHEDULE = Schedule(passes=4, batch=256, rate=0.3, decay=1e-6, seed=_SEED)
_SENTIMENT_SCHEDULE = Schedule(passes=3, batch=256, rate=0.05, decay=1e-5, seed=_SEED)
# Many languages share the columns and each has few texts: that takes longer strides.
_MULTILINGUAL_SCHEDULE = Schedule(passes=4, batch=256, rate=0.1, decay=1e-6, seed=_SEED)
_GENERATED_ENGLISH, _GENERATED_MULTILINGUAL, _GENERATED_FOR_LANGUAGES = 25_000, 6_000, 1_000
_EMBEDDED_COPIES, _NEUTRAL_PIECES = 2, 10_000  # of English opinion words; without any
_REVIEWS_FOR_LANGUAGES = 3_000  # of each source: what customers write is not what newspapers write
_ENGLISH_IN_MULTILINGUAL = (
    8_000  # of each source: enough to keep English names and loan words known
)
_SOFTENED = 0.5  # power of the weights that even out the classes of a real set
_MOST_OF_A_SOURCE = 15_000
_LEAST_CALIBRATING, _CALIBRATING_ROWS = 300, 3_000  # of one language
_UNSURE_NEUTRAL = 0.5  # weight of three-star reviews: some are mixed, some are neutral
_GENERATED_SOURCES = ("generated", "opinion_lexicon")  # too easy to calibrate with
# Rows per call keep the logits of a large benchmark within a few megabytes.
_SCORED_ROWS = 2_048


def train_language(
    data_folder: Path,
    *,
    sources: Sequence[Source] = SENTIMENT_SOURCES,
    spec: FeatureSpec = LANGUAGE_FEATURES,
    schedule: Schedule = _LANGUAGE_SCHEDULE,
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
    tested = folds >= 0
    is_sentence = (rows["kind"] == "sentences").to_numpy()
    model = train_linear(features, targets, labels, spec, schedule)
    model = replace(model, temperature=fit_temperature(logits[is_sentence], targets[is_sentence]))
    right = logits.argmax(axis=1) == targets
    kinds = rows["kind"].to_numpy()
    figures: dict[str, Any] = {
        "languages": len(labels),
        "rows": int(tested.sum()),
        "accuracy": {
            kind: round(100 * float(right[kinds == kind].mean()), 2)
            for kind in ("sentences", "word-pairs", "single-words")
        },
        "weakest_sentences": _weakest(right[is_sentence], targets[is_sentence], labels),
    }
    return model, figures


def _texts_of_reviews(
    data_folder: Path, sources: Sequence[Source], languages: set[str]
) -> pl.DataFrame:
    generated = generate_opinions(_GENERATED_FOR_LANGUAGES, _SEED)
    frames = [generated] + [
        frame.sample(min(frame.height, _REVIEWS_FOR_LANGUAGES), seed=_SEED)
        for source in sources
        if source.name not in _GENERATED_SOURCES
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
    return dict(sorted(shares.items(), key=lambda share: share[1])[:8])


def train_sentiment(
    rows: pl.DataFrame,
    *,
    spec: FeatureSpec = SENTIMENT_FEATURES,
    schedule: Schedule = _SENTIMENT_SCHEDULE,
) -> tuple[LinearModel, dict[str, Any]]:
    """Train a sentiment model on nine tenths of the rows and calibrate it on the rest.

    Args:
        rows: Columns text, label, language, source, as the readers in ``sources`` return them.
        spec: Features.
        schedule: How to train.

    Returns:
        The model and figures of the tenth that was held out; generated texts are never held out.
    """
    targets = _targets(rows)
    clauses = split_clauses(rows["text"])
    features = feature_matrix(clauses.texts, clauses.offsets, spec)
    is_real = ~rows["source"].is_in(_GENERATED_SOURCES).to_numpy()
    dice = np.random.default_rng(schedule.seed)
    held = (dice.random(rows.height) < _HELD_OUT_SHARE) & is_real
    model = train_linear(
        features[~held],
        targets[~held],
        POLARITIES,
        spec,
        schedule,
        importance=_importance(rows)[~held],
    )
    figures: dict[str, Any] = {"trained_rows": int((~held).sum()), "held_out_rows": int(held.sum())}
    if held.any():
        logits: Matrix = features[held] @ model.weights + model.bias
        model = replace(
            model,
            temperature=fit_temperature(logits, targets[held]),
            temperatures=_temperatures(logits, targets[held], rows["language"].filter(held)),
        )
        right = logits.argmax(axis=1) == targets[held]
        figures["held_out_accuracy"] = {
            str(name): round(
                100 * float(right[(rows["source"] == name).to_numpy()[held]].mean()), 1
            )
            for name in sorted(set(rows["source"].to_numpy()[held]))
        }
    return model, figures


def _temperatures(
    logits: Matrix, targets: npt.NDArray[np.int64], languages: pl.Series
) -> dict[str, float]:
    """Temperature of each language, where there are several and enough rows of it."""
    found = languages.to_numpy()
    counts = {str(code): int((found == code).sum()) for code in sorted(set(found))}
    if len(counts) == 1:
        return {}
    return {
        code: fit_temperature(logits[found == code], targets[found == code])
        for code, count in counts.items()
        if count >= _LEAST_CALIBRATING
    }


def train_multilingual(data_folder: Path) -> tuple[LinearModel, dict[str, Any]]:
    """Train the multilingual model, calibrated by language.

    Languages without labelled reviews cannot be calibrated on themselves. Their temperature comes
    from a second model that learns every language from generated text alone, English apart, and
    meets the labelled Korean, Indonesian and Thai reviews as such a language would.
    """
    rows = multilingual_rows(data_folder)
    model, figures = train_sentiment(rows, schedule=_MULTILINGUAL_SCHEDULE)
    temperature, figures["unseen_languages"] = temperature_of_unseen_languages(rows)
    return replace(model, temperature=temperature), figures


def temperature_of_unseen_languages(rows: pl.DataFrame) -> tuple[float, dict[str, Any]]:
    """Temperature for languages that have no labelled reviews, and how it was found.

    Args:
        rows: What ``multilingual_rows`` returned.
    """
    is_foreign = (pl.col("language") != "en") & ~pl.col("source").is_in(_GENERATED_SOURCES)
    blind, _ = train_sentiment(rows.filter(~is_foreign), schedule=_MULTILINGUAL_SCHEDULE)
    # What counts as neutral differs from set to set too much to calibrate by.
    unseen = rows.filter(is_foreign, pl.col("label") != "neutral").filter(
        pl.int_range(pl.len()).shuffle(_SEED).over("language") < _CALIBRATING_ROWS
    )
    sides = [POLARITIES.index("negative"), POLARITIES.index("positive")]
    targets = (unseen["label"] == "positive").to_numpy().astype(np.int64)
    temperature = fit_temperature(_logits(blind, unseen["text"].to_list())[:, sides], targets)
    return temperature, {
        "rows": unseen.height,
        "temperature": round(temperature, 2),
        "languages": sorted(set(unseen["language"])),
    }


def _targets(rows: pl.DataFrame) -> npt.NDArray[np.int64]:
    numbers = {label: number for number, label in enumerate(POLARITIES)}
    return rows["label"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()


def _importance(rows: pl.DataFrame) -> Matrix:
    """Weights that soften the imbalance of the classes in real sets, and undo it in others."""
    group = pl.col("language"), pl.col("source")
    share = pl.len().over(*group, "label") / pl.len().over(*group)
    classes = pl.col("label").n_unique().over(*group)
    unsure = (pl.col("source") == "womens_clothing") & (pl.col("label") == "neutral")
    is_made = pl.col("source").is_in(_GENERATED_SOURCES)
    power = pl.when(is_made).then(1.0).otherwise(_SOFTENED)
    weight = (1 / (share * classes)).pow(power) * pl.when(unsure).then(_UNSURE_NEUTRAL).otherwise(1)
    return rows.select(weight.cast(pl.Float32)).to_series().to_numpy()


def english_rows(data_folder: Path) -> pl.DataFrame:
    """What the English specialist learns from."""
    read = [source.read(data_folder) for source in SENTIMENT_SOURCES]
    backdrops = read_backdrops(data_folder)
    generated = generate_opinions(_GENERATED_ENGLISH, _SEED, backdrops, languages=("en",))
    embedded = _embedded_words(data_folder, backdrops["en"], _EMBEDDED_COPIES)
    return pl.concat([*read, generated, embedded]).filter(language="en")


def multilingual_rows(data_folder: Path) -> pl.DataFrame:
    """What the multilingual model learns from."""
    read = []
    for source in SENTIMENT_SOURCES:
        frame = source.read(data_folder)
        most = _MOST_OF_A_SOURCE if frame["language"][0] != "en" else _ENGLISH_IN_MULTILINGUAL
        read.append(frame.sample(min(frame.height, most), seed=_SEED))
    backdrops = read_backdrops(data_folder)
    generated = generate_opinions(_GENERATED_MULTILINGUAL, _SEED, backdrops)
    return pl.concat([*read, generated, _embedded_words(data_folder, backdrops["en"], 1)])


def read_backdrops(data_folder: Path) -> dict[str, Backdrop]:
    """Sentences without opinion words in every language of the lexicon that has sentences."""
    sentences = read_languages(data_folder).filter(kind="sentences")
    opinions = read_opinion_words(data_folder)["text"].to_list()
    plain = read_product_reviews(data_folder).filter(label="neutral")["text"].to_list()
    backdrops = {}
    for language, phrases in sorted(opinion_lexicon().items()):
        own = sentences.filter(language=language)["text"].to_list()
        known = [
            word for kind in ("liked", "disliked", "positive", "negative") for word in phrases[kind]
        ]
        is_english = language == "en"
        if own:
            backdrops[language] = Backdrop(
                language,
                own + plain if is_english else own,
                known + opinions if is_english else known,
            )
    return backdrops


def _embedded_words(data_folder: Path, backdrop: Backdrop, copies: int) -> pl.DataFrame:
    embedded = embed_words(read_opinion_words(data_folder), backdrop, copies, _SEED)
    plain = plain_pieces(backdrop, _NEUTRAL_PIECES * copies // _EMBEDDED_COPIES, _SEED)
    return pl.concat([embedded, plain])


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
    parts = []
    for first in range(0, len(texts), _SCORED_ROWS):
        clauses = split_clauses(pl.Series(texts[first : first + _SCORED_ROWS], dtype=pl.String))
        blocks = hashed_blocks(clauses.texts, model.spec)
        grouped = [block.grouped(clauses.offsets) for block in blocks]
        parts.append(model.logits(grouped))
    return np.concatenate(parts)


def main() -> None:
    """Train what is asked for and write the model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds the public data sets")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODELS)
    parser.add_argument(
        "--only", choices=["language", "english", "multilingual", "background", "figures"]
    )
    chosen = parser.parse_args()
    wanted = [chosen.only] if chosen.only else ["language", "english", "multilingual", "background"]
    for part in wanted:
        _train_part(part, chosen.data, chosen.out)
    if chosen.only in {None, "figures"}:
        figures = measure_sentiment(
            LinearModel.load(chosen.out / ENGLISH_FILE),
            LinearModel.load(chosen.out / MULTILINGUAL_FILE),
            list(read_benchmarks(chosen.data)),
        )
        _keep_figures(chosen.out, "benchmarks", figures)
    write_card(chosen.out)


def _train_part(part: str, data: Path, out: Path) -> None:
    if part == "background":
        build_background(data).save(out / BACKGROUND_FILE)
    elif part == "language":
        model, figures = train_language(data)
        model.save(out / LANGUAGE_FILE)
        _keep_figures(out, part, figures)
    elif part in {"english", "multilingual"}:
        is_english = part == "english"
        model, figures = (
            train_sentiment(english_rows(data)) if is_english else train_multilingual(data)
        )
        model.save(out / (ENGLISH_FILE if is_english else MULTILINGUAL_FILE))
        _keep_figures(out, part, figures)


def _keep_figures(folder: Path, part: str, figures: dict[str, Any]) -> None:
    path = folder / FIGURES_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | {part: figures}, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
