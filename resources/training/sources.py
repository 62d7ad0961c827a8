"""Readers of the public data sets that the shipped models are trained on.

Only sets whose licence allows shipping weights are here; ``SENTIMENT_SOURCES`` names each licence.
Each reader takes the folder that holds all sets and returns the columns text, label (negative,
neutral, positive), language and source.
"""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

# Texts that we wrote and single words: too easy to hold out or to calibrate with.
MADE_SOURCES = ("generated", "opinion_lexicon")

_COLUMNS = ["text", "label", "language", "source"]
_NEUTRAL_STARS = 3
_TAGGED_FEATURE = re.compile(r"\[([+-])(\d)\]")


@dataclass(frozen=True)
class Source:
    """One data set.

    Attributes:
        name: Its name in the model card.
        licence: Under which it may be used.
        origin: Where it comes from.
        read: Reads it from the folder of all sets.
    """

    name: str
    licence: str
    origin: str
    read: Callable[[Path], pl.DataFrame]


def _frame(rows: Iterable[tuple[str, str]], language: str, source: str) -> pl.DataFrame:
    labelled = [(text.strip(), label, language, source) for text, label in rows if text.strip()]
    return pl.DataFrame(labelled, schema=dict.fromkeys(_COLUMNS, pl.String), orient="row")


def read_clothing(folder: Path) -> pl.DataFrame:
    """Women's clothing reviews: 1-2 stars negative, 3 neutral, 4-5 positive."""
    reviews = pl.read_csv(folder / "womens_clothing" / "Womens Clothing E-Commerce Reviews.csv")
    text = pl.concat_str("Title", "Review Text", separator="\n", ignore_nulls=True)
    label = (
        pl.when(pl.col("Rating") < _NEUTRAL_STARS)
        .then(pl.lit("negative"))
        .when(pl.col("Rating") > _NEUTRAL_STARS)
        .then(pl.lit("positive"))
        .otherwise(pl.lit("neutral"))
    )
    return reviews.select(
        text=text, label=label, language=pl.lit("en"), source=pl.lit("womens_clothing")
    ).filter(pl.col("text").str.len_chars() > 0)


def read_labelled_sentences(folder: Path) -> pl.DataFrame:
    """Sentences of product, film and restaurant reviews, negative or positive."""
    rows = []
    for path in sorted((folder / "uci_sentences").glob("*_labelled.txt")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            text, tab, label = line.rpartition("\t")
            if tab:
                rows.append((text, "positive" if label.strip() == "1" else "negative"))
    return _frame(rows, "en", "uci_sentences")


def _archive_texts(path: Path, encoding: str) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {
            name.rpartition("/")[2]: io.TextIOWrapper(archive.open(name), encoding).read()
            for name in archive.namelist()
            if name.endswith(".txt")
        }


def read_pros_and_cons(folder: Path) -> pl.DataFrame:
    """What customers listed under pros and under cons of products."""
    files = _archive_texts(folder / "nltk" / "pros_cons.zip", "latin-1")
    rows = [
        (html.unescape(text), label)
        for name, tag, label in (
            ("IntegratedPros.txt", "Pros", "positive"),
            ("IntegratedCons.txt", "Cons", "negative"),
        )
        for text in re.findall(f"<{tag}>(.*?)</{tag}>", files[name])
    ]
    return _frame(rows, "en", "pros_cons")


def read_product_reviews(folder: Path) -> pl.DataFrame:
    """Sentences of reviews of five products; those without a rated feature are neutral."""
    rows = []
    for text in _archive_texts(folder / "nltk" / "product_reviews_1.zip", "latin-1").values():
        for line in text.splitlines():
            tags, mark, sentence = line.partition("##")
            if not mark:
                continue
            total = sum(int(sign + size) for sign, size in _TAGGED_FEATURE.findall(tags))
            label = "positive" if total > 0 else "negative" if total < 0 else "neutral"
            rows.append((html.unescape(sentence), label))
    return _frame(rows, "en", "product_reviews_1")


def read_opinion_words(folder: Path) -> pl.DataFrame:
    """English opinion words, each a text of its own."""
    files = _archive_texts(folder / "nltk" / "opinion_lexicon.zip", "latin-1")
    rows = [
        (word.replace("-", " "), label)
        for name, label in (("positive-words.txt", "positive"), ("negative-words.txt", "negative"))
        for word in files[name].splitlines()
        if word and not word.startswith(";")
    ]
    return _frame(rows, "en", "opinion_lexicon")


def read_korean_films(folder: Path) -> pl.DataFrame:
    """Korean film reviews: up to 4 of 10 negative, 5-6 neutral, from 8 on positive."""
    labels = {
        **{str(stars): "negative" for stars in range(1, 5)},
        **dict.fromkeys(("5", "6"), "neutral"),
        **{str(stars): "positive" for stars in range(8, 11)},
    }
    rows = [
        (review["review"], labels[review["rating"]])
        for path in sorted((folder / "nsmc" / "raw").glob("*.json"))
        for review in json.loads(path.read_text(encoding="utf-8"))
        if review["rating"] in labels
    ]
    return _frame(rows, "ko", "nsmc")


def read_indonesian(folder: Path) -> pl.DataFrame:
    """Indonesian reviews and comments (SmSA)."""
    lines = (folder / "indonlu" / "train_preprocess.tsv").read_text(encoding="utf-8").splitlines()
    rows = [(line.rpartition("\t")[0], line.rpartition("\t")[2].strip()) for line in lines]
    return _frame(rows, "id", "indonlu_smsa")


def read_thai(folder: Path) -> pl.DataFrame:
    """Thai messages about brands (wisesight)."""
    rows = [
        (line, label)
        for name, label in (("neg", "negative"), ("neu", "neutral"), ("pos", "positive"))
        for line in (folder / "wisesight" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ]
    return _frame(rows, "th", "wisesight")


SENTIMENT_SOURCES = (
    Source(
        "womens_clothing",
        "CC0 of its Kaggle origin; the copy used states no licence",
        "github.com/MichalSzopinski00/The-Best-Classifier",
        read_clothing,
    ),
    Source(
        "uci_sentences",
        "CC BY 4.0",
        "github.com/microsoft/ML-Server-Python-Samples",
        read_labelled_sentences,
    ),
    Source("pros_cons", "CC BY 4.0", "github.com/nltk/nltk_data", read_pros_and_cons),
    Source("product_reviews_1", "CC BY 4.0", "github.com/nltk/nltk_data", read_product_reviews),
    Source("opinion_lexicon", "CC BY 4.0", "github.com/nltk/nltk_data", read_opinion_words),
    Source("nsmc", "CC0 1.0", "github.com/e9t/nsmc", read_korean_films),
    Source("indonlu_smsa", "MIT", "github.com/indobenchmark/indonlu", read_indonesian),
    Source("wisesight", "CC0 1.0", "github.com/PyThaiNLP/wisesight-sentiment", read_thai),
)


def read_languages(folder: Path) -> pl.DataFrame:
    """Sentences, word pairs and single words in 75 languages.

    Returns:
        Columns text, language, kind (``sentences``, ``word-pairs``, ``single-words``).
    """
    root = folder / "lingua_testdata" / "language-testdata"
    rows = [
        (line.strip(), path.stem, kind)
        for kind in ("sentences", "word-pairs", "single-words")
        for path in sorted((root / kind).glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    return pl.DataFrame(rows, schema=["text", "language", "kind"], orient="row")
