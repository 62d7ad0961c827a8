"""Sentiment on public sets beside VADER and TextBlob, by the command's own function.

``python tests/performance/bench_sentiment_sets.py [DATA] [--tier T] [--models FOLDER] [--limit N]``
prints one line per set. Rows with three stars or a neutral label take part where there are any
("3 classes"); the first figures leave them out. Sets marked * are among what the shipped models
learnt from. Files that no reader of tables knows are first written as JSON lines.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.evaluation import Request, evaluate_file
from resources.evaluation.benchmarks import read_benchmarks

STARS = {"1": "negative", "2": "negative", "3": "neutral", "4": "positive", "5": "positive"}
OUT_OF_TEN = {
    **dict.fromkeys(("1", "2", "3", "4"), "negative"),
    **dict.fromkeys(("5", "6"), "neutral"),
    **dict.fromkeys(("7", "8", "9", "10"), "positive"),
}
NO_SCALE = dict.fromkeys(("6", "7", "8", "9", "10"))  # stray ratings of the lounges
EVERY_STAR = {
    f"{hundredths / 100:g}": "negative"
    if hundredths <= 200
    else "positive"
    if hundredths >= 400
    else "neutral"
    for hundredths in range(100, 501)
} | {"0": None}
ZERO_ONE = {"0": "negative", "1": "positive"}
SIGNS = {"-1": "negative", "0": "neutral", "1": "positive"}
BASELINES = ("vader", "textblob")


@dataclass(frozen=True)
class Set:
    """One labelled file; ``language`` None leaves it to the engine."""

    name: str
    path: str
    text: tuple[str, ...]
    label: str
    labels: dict[str, str | None]
    language: str | None = "en"


SETS = (
    Set("datafiniti hotels", "datafiniti_hotels/Datafiniti_Hotel_Reviews.csv.zip",
        ("reviews.title", "reviews.text"), "reviews.rating", EVERY_STAR),
    Set("skytrax lounges", "skytrax/lounge.csv", ("content",), "overall_rating", STARS | NO_SCALE),
    Set("skytrax seats", "skytrax/seat.csv", ("content",), "overall_rating", OUT_OF_TEN),
    Set("airline tweets", "airline_tweets/Tweets.csv", ("text",), "airline_sentiment", {}),
    Set("women's clothing *", "womens_clothing/Womens Clothing E-Commerce Reviews.csv",
        ("Title", "Review Text"), "Rating", STARS),
    Set("Amazon sentences *", "uci_sentences/amazon_cells_labelled.txt",
        ("column 1",), "column 2", ZERO_ONE),
    Set("Yelp sentences *", "uci_sentences/yelp_labelled.txt",
        ("column 1",), "column 2", ZERO_ONE),
    Set("IMDb sentences *", "uci_sentences/imdb_labelled.txt",
        ("column 1",), "column 2", ZERO_ONE),
    Set("Chicago hotels", "ott_deceptive/ott_dev_half.csv", ("text",), "polarity", {}),
    Set("German Amazon", "german_amazon/test_balanced.csv", ("text",), "label",
        {"0": "positive", "1": "neutral", "2": "negative"}, "de"),
    Set("Chinese hotels", "chinese_nlp/ChnSentiCorp_htl_all.csv", ("review",), "label",
        ZERO_ONE, "zh"),
    Set("Chinese deliveries", "chinese_nlp/waimai_10k.csv", ("review",), "label", ZERO_ONE, "zh"),
    Set("Arabic restaurants", "arabic_hadyelsahar/RES1.csv", ("text",), "polarity", SIGNS, "ar"),
    Set("Arabic products", "arabic_hadyelsahar/PROD.csv", ("text",), "polarity", SIGNS, "ar"),
)  # fmt: skip


def converted(folder, target):
    """Sets that are no tables, as JSON lines: Romanian shops and tweets in eight languages."""
    for benchmark in read_benchmarks(folder):
        if "laroseda" not in benchmark.name and "tweets" not in benchmark.name:
            continue
        if benchmark.name == "en airline tweets":
            continue
        path = target / f"{benchmark.name.replace(' ', '_')}.jsonl"
        lines = (
            json.dumps({"text": text, "label": int(label)})
            for text, label in zip(benchmark.texts, benchmark.labels, strict=True)
        )
        path.write_text("\n".join(lines), encoding="utf-8")
        yield Set(benchmark.name, str(path), ("text",), "label", SIGNS, benchmark.language)


def percent(share):
    """A share for a table."""
    return "" if share is None else f"{100 * share:.1f}"


def line(folder, one, chosen):
    """The figures of one set."""
    request = Request(
        folder / one.path,
        "sentiment",
        text=one.text,
        label=one.label,
        label_map=json.dumps(one.labels),
        language=one.language,
        tier=chosen.tier,
        against=BASELINES,
        limit=chosen.limit,
        models=chosen.models,
    )
    no_neutral = {
        label: None if meaning == "neutral" else meaning for label, meaning in one.labels.items()
    }
    if not one.labels:
        no_neutral = {"neutral": None}
    two = evaluate_file(replace(request, label_map=json.dumps(no_neutral)))
    three = "neutral" in one.labels.values() or not one.labels
    report = evaluate_file(request) if three else None
    cells = [one.name, f"{two.rows:,}"]
    for figures in (two.figures, *two.against.values()):
        cells += [percent(figures.macro_f1), percent(figures.accuracy), percent(figures.ece)]
    cells += [
        f"{figures.reviews_per_second:,.0f}" for figures in (two.figures, *two.against.values())
    ]
    for number in range(1 + len(BASELINES)):
        if report is None:
            cells.append("")
        else:
            cells.append(percent([report.figures, *report.against.values()][number].macro_f1))
    return cells


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = Path(__file__).parents[3] / "shared/data"
    parser.add_argument("data", type=Path, nargs="?", default=shared)
    parser.add_argument("--tier", default="fast")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--limit", type=int)
    chosen = parser.parse_args()
    systems = ("ours", *BASELINES)
    heads = ["set", "rows -/+"]
    heads += [f"{name} {what}" for name in systems for what in ("F1", "accuracy", "ECE")]
    heads += [f"{name} reviews/s" for name in systems]
    heads += [f"{name} F1, 3 classes" for name in systems]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    with tempfile.TemporaryDirectory() as scratch:
        for one in (*SETS, *converted(chosen.data, Path(scratch))):
            if one.text:
                print(f"| {' | '.join(line(chosen.data, one, chosen))} |", flush=True)


if __name__ == "__main__":
    main()
