"""Public review sets that the shipped models are tested on and never trained on.

Most of them state no licence or a non-commercial one: good enough to measure with, not to ship
weights from. Labels are -1 (negative), 0 (neutral) and 1 (positive).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import polars as pl

_TWEET_LANGUAGES = {
    "arabic": "ar",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}
# Aspects hold unescaped quotes, so that the lists are no valid literals: only the signs are read.
_SIGN = re.compile(r"'(negative|neutral|positive)'\]")
_CALIBRATION_BINS = 15
_DECIDED = 0.5


@dataclass(frozen=True)
class Benchmark:
    """One labelled set.

    Attributes:
        name: Language and set.
        language: ISO 639-1 code.
        texts: The reviews.
        labels: -1, 0 or 1 for each.
    """

    name: str
    language: str
    texts: list[str]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Figures:
    """Quality over the negative and positive rows of a set, in percent.

    Attributes:
        rows: Number of those rows.
        macro_f1: Mean of the F1 of negative and of positive.
        accuracy: Share of rows whose sign is right.
        calibration_error: Mean distance between confidence and accuracy over 15 bins.
    """

    rows: int
    macro_f1: float
    accuracy: float
    calibration_error: float


def binary_figures(labels: npt.NDArray[np.int64], positive: npt.NDArray[np.floating]) -> Figures:
    """Compare labels with P(positive) / (P(positive) + P(negative)); neutral rows are left out."""
    decided = labels != 0
    truth, chance = labels[decided], positive[decided]
    answer = np.where(chance >= _DECIDED, 1, -1)
    scores = [
        2
        * ((truth == side) & (answer == side)).sum()
        / max(1, (truth == side).sum() + (answer == side).sum())
        for side in (-1, 1)
    ]
    confidence = np.maximum(chance, 1 - chance)
    right = truth == answer
    bins = np.minimum(
        ((confidence - _DECIDED) * 2 * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1
    )
    error = sum(
        abs(right[bins == number].mean() - confidence[bins == number].mean())
        * (bins == number).mean()
        for number in np.unique(bins)
    )
    return Figures(
        len(truth), 100 * float(np.mean(scores)), 100 * float(right.mean()), 100 * float(error)
    )


# The sets that choices of the fast tier were made by; the others only measure what was chosen.
STEERING_SETS = frozenset(
    [
        "ar prod",
        "de amazon",
        "zh waimai",
        *(f"{code} xlmt tweets" for code in ("ar", "de", "es", "hi")),
        *(
            f"{code} m_absa sentences"
            for code in ("ar", "de", "en", "fr", "hr", "ja", "nl", "ru", "sv", "th", "vi")
        ),
        "en airline tweets",
        "en skytrax seat",
    ]
)


def read_benchmarks(folder: Path) -> Iterator[Benchmark]:
    """Read every set that lies in the folder."""
    for reader in _READERS:
        try:
            yield from reader(folder)
        except FileNotFoundError:
            continue


def _benchmark(name: str, rows: Sequence[tuple[str | None, int | None]]) -> Benchmark:
    known = [(text, label) for text, label in rows if text and label is not None]
    return Benchmark(
        name,
        name.partition(" ")[0],
        [text for text, _ in known],
        np.array([label for _, label in known], np.int64),
    )


def _by_stars(
    name: str, frame: pl.DataFrame, text: str, stars: str, *, low: float, high: float
) -> Benchmark:
    """Up to ``low`` stars negative, from ``high`` on positive, between them neutral."""
    given = frame[stars].cast(pl.Float64, strict=False).to_list()
    labels = [
        None if number is None else -1 if number <= low else 1 if number >= high else 0
        for number in given
    ]
    return _benchmark(name, list(zip(frame[text].to_list(), labels, strict=True)))


def _csv(source: Path | bytes) -> pl.DataFrame:
    return pl.read_csv(source, infer_schema_length=0)


def _airports(folder: Path) -> Iterator[Benchmark]:
    lounge = _csv(folder / "skytrax" / "lounge.csv")
    yield _by_stars("en skytrax lounge", lounge, "content", "overall_rating", low=2, high=4)
    seat = _csv(folder / "skytrax" / "seat.csv")
    yield _by_stars("en skytrax seat", seat, "content", "overall_rating", low=4, high=7)


def _hotels(folder: Path) -> Iterator[Benchmark]:
    path = folder / "datafiniti_hotels" / "Datafiniti_Hotel_Reviews.csv.zip"
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".csv"))
        frame = _csv(archive.read(name))
    frame = frame.with_columns(
        both=pl.concat_str("reviews.title", "reviews.text", separator="\n", ignore_nulls=True)
    )
    yield _by_stars("en datafiniti hotels", frame, "both", "reviews.rating", low=2, high=4)


def _hotels_of_chicago(folder: Path) -> Iterator[Benchmark]:
    """Truthful and invented reviews alike: both were written to praise or to complain."""
    frame = _csv(folder / "ott_deceptive" / "ott_dev_half.csv")
    rows = frame.select("text", "polarity").iter_rows()
    yield _benchmark(
        "en ott hotels", [(text, 1 if sign[:3] == "pos" else -1) for text, sign in rows]
    )


def _airlines(folder: Path) -> Iterator[Benchmark]:
    frame = _csv(folder / "airline_tweets" / "Tweets.csv")
    labels = {"negative": -1, "neutral": 0, "positive": 1}
    rows = zip(frame["text"], frame["airline_sentiment"], strict=True)
    yield _benchmark("en airline tweets", [(text, labels[label]) for text, label in rows])


def _tweets(folder: Path) -> Iterator[Benchmark]:
    for name, code in _TWEET_LANGUAGES.items():
        texts = (folder / "xlmt" / name / "test_text.txt").read_text(encoding="utf-8").split("\n")
        labels = (folder / "xlmt" / name / "test_labels.txt").read_text(encoding="utf-8").split()
        rows = [(text, int(label) - 1) for text, label in zip(texts, labels, strict=False)]
        yield _benchmark(f"{code} xlmt tweets", rows)


def _german(folder: Path) -> Iterator[Benchmark]:
    frame = pl.concat(
        _csv(folder / "german_amazon" / f"{part}_balanced.csv") for part in ("train", "test")
    )
    rows = [(text, 1 - int(label)) for text, label in frame.select("text", "label").iter_rows()]
    yield _benchmark("de amazon", rows)


def _arabic(folder: Path) -> Iterator[Benchmark]:
    for part in ("RES1", "PROD"):
        frame = _csv(folder / "arabic_hadyelsahar" / f"{part}.csv").drop_nulls(["text", "polarity"])
        rows = frame.select("text", "polarity").iter_rows()
        yield _benchmark(f"ar {part.lower()}", [(text, int(float(sign))) for text, sign in rows])


def _chinese(folder: Path) -> Iterator[Benchmark]:
    for name, file in (("waimai", "waimai_10k.csv"), ("hotels", "ChnSentiCorp_htl_all.csv")):
        frame = _csv(folder / "chinese_nlp" / file)
        rows = frame.select("review", "label").iter_rows()
        yield _benchmark(f"zh {name}", [(text, 2 * int(label) - 1) for text, label in rows])


def _romanian(folder: Path) -> Iterator[Benchmark]:
    rows: list[tuple[str | None, int | None]] = []
    for label, file in ((-1, "negative_reviews.json"), (1, "positive_reviews.json")):
        document = json.loads((folder / "laroseda" / file).read_text(encoding="utf-8"))
        rows += [(f"{one['title']}\n{one['content']}", label) for one in document["reviews"]]
    yield _benchmark("ro laroseda", rows)


def _dutch(folder: Path) -> Iterator[Benchmark]:
    """Sentences of restaurant reviews whose aspects agree, written in Dutch."""
    root = folder / "semeval_absa" / "datasets" / "ABSA-SemEval2016" / "Training_Data"
    rows: list[tuple[str | None, int | None]] = []
    document = ET.parse(root / "restaurants_dutch_training.xml")  # noqa: S314 - chosen by us
    for sentence in document.iter("sentence"):
        signs = {opinion.get("polarity") for opinion in sentence.iter("Opinion")} - {"neutral"}
        if len(signs) == 1:
            rows.append((sentence.findtext("text"), 1 if "positive" in signs else -1))
    yield _benchmark("nl semeval restaurants", rows)


def _translated_sentences(folder: Path) -> Iterator[Benchmark]:
    """Test sentences of restaurant and laptop reviews whose aspects agree; machine-translated."""
    root = folder / "m_absa" / "data"
    for code in sorted({path.parent.name for path in root.glob("*/*/test.txt")}):
        rows: list[tuple[str | None, int | None]] = []
        for path in sorted(root.glob(f"*/{code}/test.txt")):
            for line in io.StringIO(path.read_text(encoding="utf-8")):
                text, mark, triplets = line.partition("####")
                signs = set(_SIGN.findall(triplets)) if mark else set()
                if len(signs - {"neutral"}) == 1:
                    rows.append((text, 1 if "positive" in signs else -1))
        yield _benchmark(f"{code} m_absa sentences", rows)


_READERS: tuple[Callable[[Path], Iterator[Benchmark]], ...] = (
    _airports,
    _hotels,
    _hotels_of_chicago,
    _airlines,
    _tweets,
    _german,
    _arabic,
    _chinese,
    _romanian,
    _dutch,
    _translated_sentences,
)
