"""Reviews per second of each stage, on one core: ``python tests/performance/bench_nlp.py``.

The texts are generated English and German opinions cut together to about 570 characters each.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl
import pyarrow as pa

from resources.nlp.context import default_context
from resources.nlp.engine import annotate
from resources.nlp.entities import find_entities
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import detect_languages
from resources.nlp.matching import normalise
from resources.nlp.sentiment import judge_sentiments
from resources.nlp.topics import label_topics
from resources.nlp.training.generated import generate_opinions

ROWS = 4_096
CHARACTERS = 570
SLICE = 256


def texts():
    """English and German texts of equal length, half and half."""
    opinions = generate_opinions(20_000, seed=5, languages=("de", "en"))
    found = []
    for language in ("en", "de"):
        joined = " ".join(opinions.filter(language=language)["text"])
        found += [
            joined[first : first + CHARACTERS]
            for first in range(0, ROWS // 2 * CHARACTERS, CHARACTERS)
        ]
    return [text for text in found if text][:ROWS]


def measure(name, rows, function):
    """Time one stage after a warm-up."""
    function()
    wall, processor = time.perf_counter(), time.process_time()
    function()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"| {name} | {rows / processor:,.0f} | {rows / wall:,.0f} |")


def main():
    """Print the table."""
    some = texts()
    rows = len(some)
    context = default_context(
        {"name": f"Product {number}", "kind": "product", "aliases": [f"model {number}"]}
        for number in range(500)
    )
    models = context.models
    slices = [some[first : first + SLICE] for first in range(0, rows, SLICE)]
    series = pl.Series(some)
    normalised = normalise(series)
    codes = detect_languages(some, models.language).codes
    batch = pa.RecordBatch.from_pydict(
        {
            "review_key": [f"{number:032x}" for number in range(rows)],
            "version": pa.array([1] * rows, pa.int32()),
            "title": pa.nulls(rows, pa.string()),
            "text": some,
        }
    )
    print(f"{rows:,} reviews of {CHARACTERS} characters\n")
    print("| stage | reviews/s of processor time | reviews/s of the clock |\n|---|---|---|")
    measure("language", rows, lambda: [detect_languages(part, models.language) for part in slices])
    measure(
        "sentiment with clauses",
        rows,
        lambda: [
            judge_sentiments(
                pl.Series(part),
                codes[number * SLICE : (number + 1) * SLICE],
                english=models.english,
                multilingual=models.multilingual,
            )
            for number, part in enumerate(slices)
        ],
    )
    measure(
        "keywords",
        rows,
        lambda: [
            extract_keywords(part, codes[number * SLICE : (number + 1) * SLICE], models.background)
            for number, part in enumerate(slices)
        ],
    )
    measure("normalising for phrases", rows, lambda: normalise(series))
    measure("topics", rows, lambda: label_topics(normalised, codes, context.taxonomy))
    measure("entities, 1,000 spellings", rows, lambda: find_entities(normalised, context.gazetteer))
    measure("everything (annotate)", rows, lambda: annotate(batch, context))
    one = batch.slice(0, 1)
    measure("one review at a time", 1, lambda: annotate(one, context))
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
