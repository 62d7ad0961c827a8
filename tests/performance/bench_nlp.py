"""Reviews per second of each stage, on one core: ``python tests/performance/bench_nlp.py``.

The texts are generated English and German opinions cut together to about 570 characters each, or
with ``--file CSV --text COLUMN`` those of a file. Each stage runs three times after a warm-up, and
the fastest run counts: the others tell of what else the machine did.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl
import pyarrow as pa

from resources.nlp.annotating import annotate
from resources.nlp.aspects import find_aspects
from resources.nlp.context import AnnotationContext, default_context
from resources.nlp.entities import find_entities
from resources.nlp.integrity import judge_spam, signatures
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import detect_languages
from resources.nlp.matching import normalise
from resources.nlp.privacy import find_pii
from resources.nlp.sentiment import judge_sentiments, score_clauses
from resources.nlp.tiers import Tier
from resources.nlp.topics import label_topics
from resources.training.generated import generate_opinions

ROWS = 4_096
CHARACTERS = 570
SLICE = 256
DEEP_ROWS = 256
SINGLES = 100


def generated_texts():
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
    """Time one stage and print its line."""
    function()
    walls, processors = [], []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    print(f"| {name} | {rows / min(processors):,.0f} | {rows / min(walls):,.0f} |", flush=True)


def batch_of(texts):
    """The engine's input."""
    return pa.RecordBatch.from_pydict(
        {
            "review_key": [f"{number:032x}" for number in range(len(texts))],
            "version": pa.array([1] * len(texts), pa.int32()),
            "title": pa.nulls(len(texts), pa.string()),
            "text": texts,
        }
    )


def measure_stages(texts, context):
    """Each stage by itself, on slices of the size that the engine uses for it."""
    models, rows = context.models, len(texts)
    series = pl.Series(texts)
    normalised = normalise(series)
    codes = detect_languages(texts, models.language).codes
    slices = [slice(first, first + SLICE) for first in range(0, rows, SLICE)]

    judges = {"english": models.english, "multilingual": models.multilingual}

    def in_slices(stage):
        return lambda: [stage(texts[part], codes[part]) for part in slices]

    by_slice = {
        "language": lambda some, _: detect_languages(some, models.language),
        "sentiment": lambda some, languages: judge_sentiments(
            pl.Series(some, dtype=pl.String), languages, **judges
        ),
        "keywords": lambda some, languages: extract_keywords(some, languages, models.background),
        "aspects, without sentiment": lambda some, languages: find_aspects(
            some, languages, context.aspects, lambda clauses, _: [0.0] * len(clauses)
        ),
        "aspects": lambda some, languages: find_aspects(
            some,
            languages,
            context.aspects,
            lambda clauses, codes: score_clauses(clauses, codes, **judges),
        ),
    }
    for name, stage in by_slice.items():
        measure(name, rows, in_slices(stage))
    measure("normalising for phrases", rows, lambda: normalise(series))
    measure("topics", rows, lambda: label_topics(normalised, codes, context.taxonomy))
    measure("entities, 1,000 spellings", rows, lambda: find_entities(normalised, context.gazetteer))
    measure("personal data", rows, lambda: find_pii(texts, codes))
    measure("spam", rows, lambda: judge_spam(texts, codes, normalised=normalised))
    measure("signatures", rows, lambda: signatures(texts))
    measure("vectors (on demand)", rows, lambda: models.embedder.embed(texts))


def measure_one_by_one(batch, context):
    """The middle of many single calls, each with another text, in milliseconds."""
    seconds = []
    for row in range(SINGLES):
        one = batch.slice(row, 1)
        started = time.perf_counter()
        annotate(one, context)
        seconds.append(time.perf_counter() - started)
    print(f"\none review, everything: {1000 * statistics.median(seconds):.1f} ms (median)")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, help="CSV of real reviews")
    parser.add_argument("--text", default="text", help="its column")
    chosen = parser.parse_args()
    texts = generated_texts()
    if chosen.file:
        texts = pl.read_csv(chosen.file)[chosen.text].drop_nulls().head(ROWS).to_list()
    context = default_context(
        {"name": f"Product {number}", "kind": "product", "aliases": [f"model {number}"]}
        for number in range(500)
    )
    batch = batch_of(texts)
    mean = statistics.mean(map(len, texts))
    print(f"{len(texts):,} reviews of {mean:.0f} characters on average, one core\n")
    print("| stage | reviews/s of processor time | reviews/s of the clock |\n|---|---|---|")
    measure_stages(texts, context)
    measure("everything, fast tier", len(texts), lambda: annotate(batch, context))
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    measure_one_by_one(batch, context)
    print("\n| tier | reviews/s of processor time | reviews/s of the clock |\n|---|---|---|")
    english = batch.slice(0, DEEP_ROWS)
    for tier in Tier:
        deeper = AnnotationContext(tier=tier)
        measure(f"everything, {tier} tier, English", DEEP_ROWS, lambda: annotate(english, deeper))  # noqa: B023 - called at once


if __name__ == "__main__":
    main()
