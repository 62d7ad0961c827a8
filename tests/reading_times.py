"""How long hostile texts take to read, beside plain text of the same length in the same process.

Time is that of the processor. Tests have it measured in a process of its own, where nothing counts
lines for the coverage: that slows our own code, and not the patterns of compiled libraries.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from resources.nlp.annotating import annotate
from resources.nlp.aspects import find_aspects
from resources.nlp.clauses import split_clauses
from resources.nlp.context import default_context
from resources.nlp.embeddings.themes import discover_themes
from resources.nlp.entities import find_entities
from resources.nlp.integrity import judge_spam, near_duplicates, signatures
from resources.nlp.keywords import extract_keywords
from resources.nlp.language import detect_languages
from resources.nlp.matching import normalise
from resources.nlp.name_candidates import propose_names
from resources.nlp.privacy import find_pii, redact
from resources.nlp.sentiment import judge_sentiments, score_clauses
from resources.nlp.texts import ReviewTexts
from resources.nlp.topics import label_topics
from resources.reviews.normalising.cleaning import cleaned
from serving_api.analysis import service
from serving_api.kit.caching import AnswerCache
from tests.hostile_texts import (
    HOSTILE_TEXTS,
    Maker,
    plain_text,
    plain_text_with_bait,
    repeated,
)

LENGTH = 2_500
MAX_TIMES_PLAIN = 10
MAX_GROWTH = 3  # of the time, when the length doubles; square time grows to four times
TRIES = 4
SETTLED_SECONDS = 1e-3  # below it a measurement is mostly noise

CONTEXT = default_context(
    names=[
        {"name": "Aurora", "kind": "brand", "inflected": True},
        {"name": "Ann", "kind": "person"},
        {"name": "a", "kind": "product"},
    ]
)
MODELS = CONTEXT.models
PLAIN_CHINESE = repeated("房间很干净，服务员态度非常好。早餐还可以，但是有点贵。下次还来！")  # noqa: RUF001
PLAIN_JAPANESE = repeated(
    "部屋はとても綺麗で、スタッフも親切でした。朝食は普通ですが、また来ます。"
)
PLAIN_THAI = repeated("โรงแรมสะอาดมาก พนักงานบริการดี อาหารเช้าอร่อย แต่ราคาแพง จะกลับมาอีก ")


@dataclass(frozen=True)
class Reader:
    """A function that reads hostile texts, and the plain text that it is measured by."""

    read: Callable[[str], object]
    plain: Maker = plain_text_with_bait


def readable(text: str) -> str:
    """A text that Arrow and Polars can hold."""
    return text.encode("utf-8", "replace").decode()


def column(text: str) -> pl.Series:
    return pl.Series("text", [readable(text)])


def batch(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "review_key": [str(place) for place, _ in enumerate(texts)],
            "version": pa.array([1] * len(texts), pa.int32()),
            "title": pa.array([None] * len(texts), pa.string()),
            "text": [readable(text) for text in texts],
        }
    )


def scores(clauses, languages):
    return score_clauses(
        clauses, languages, english=MODELS.english, multilingual=MODELS.multilingual
    )


def judged(text: str) -> object:
    return judge_sentiments(
        column(text),
        ["en"],
        english=MODELS.english,
        multilingual=MODELS.multilingual,
        deep=CONTEXT.deep,
        tier=CONTEXT.tier,
    )


def themed(text: str) -> object:
    texts = [f"{text} {number}" for number in range(10)]
    return discover_themes(texts, MODELS.embedder.embed(texts), count=2)


def analyzed(text: str) -> object:
    body = json.dumps({"texts": [text], "redact": True}).encode()
    return service.analyze(body, service.Reading("acme", CONTEXT), AnswerCache())


READERS = {
    "annotate": Reader(lambda text: annotate(batch(text), CONTEXT)),
    "the API": Reader(analyzed),
    "titles and texts": Reader(lambda text: ReviewTexts.of(batch(text))),
    "cleaning": Reader(lambda text: cleaned(column(text))),
    "language": Reader(lambda text: detect_languages([text], MODELS.language)),
    "sentiment": Reader(judged),
    "clauses": Reader(lambda text: split_clauses(column(text))),
    "transformer's tokens": Reader(MODELS.deep.tokens),
    "vectors": Reader(lambda text: MODELS.embedder.embed([text])),
    "aspects": Reader(lambda text: find_aspects([text], ["en"], CONTEXT.aspects, scores)),
    "search form": Reader(lambda text: normalise(column(text))),
    "topics": Reader(lambda text: label_topics(normalise(column(text)), ["en"], CONTEXT.taxonomy)),
    "entities": Reader(lambda text: find_entities(normalise(column(text)), CONTEXT.gazetteer)),
    "keywords": Reader(lambda text: extract_keywords([text], ["en"], MODELS.background)),
    "Chinese keywords": Reader(
        lambda text: extract_keywords([text], ["zh"], MODELS.background), PLAIN_CHINESE
    ),
    "Japanese keywords": Reader(
        lambda text: extract_keywords([text], ["ja"], MODELS.background), PLAIN_JAPANESE
    ),
    "Thai keywords": Reader(
        lambda text: extract_keywords([text], ["th"], MODELS.background), PLAIN_THAI
    ),
    "personal data": Reader(lambda text: find_pii([text], ["en"])),
    "redacting": Reader(lambda text: redact(text, find_pii([text], ["de"])[0])),
    "spam": Reader(lambda text: judge_spam([text], ["en"])),
    "signatures": Reader(lambda text: signatures([text])),
    "near-duplicates": Reader(lambda text: near_duplicates(["a", "b"], [text, f"{text} x"])),
    "names to propose": Reader(
        lambda text: propose_names([text] * 3, ["en"] * 3, CONTEXT.gazetteer, MODELS.background)
    ),
    "themes": Reader(themed),
}


def seconds(reader: Reader, text: str, tries: int = 1) -> float:
    """Processor time of the best of some readings."""
    best = float("inf")
    for _ in range(tries):
        began = time.process_time()
        reader.read(text)
        best = min(best, time.process_time() - began)
    return best


def judge(reader: Reader, make: Maker, plain: float) -> str | None:
    """What is wrong with the time that a text takes; nothing where all is well."""
    text, longer = make(LENGTH), make(2 * LENGTH)
    for tries in (1, TRIES):  # what looks wrong once is looked at again
        once, twice = seconds(reader, text, tries), seconds(reader, longer, tries)
        is_slow = once > MAX_TIMES_PLAIN * plain
        grows = twice > MAX_GROWTH * max(once, 2 * plain)  # what stays fast may be uneven
        if not is_slow and not grows:
            return None
    return (
        f"{once / plain:.1f} times plain text, {twice / once:.1f} times that for twice its length"
    )


def wrong_times(name: str) -> dict[str, str]:
    """The hostile texts that a reader takes too long for, and by how much."""
    reader = READERS[name]
    reader.read(reader.plain(LENGTH))  # what is loaded once is loaded now
    plain = max(seconds(reader, reader.plain(LENGTH), TRIES), SETTLED_SECONDS)
    return {
        text: found
        for text, make in HOSTILE_TEXTS.items()
        if (found := judge(reader, make, plain)) is not None
    }


def times_plain(name: str, text: str, length: int) -> float:
    """How many times as long as plain text a reader takes for one hostile text."""
    reader = READERS[name]
    reader.read("call +44 20 7946 0018 or pay to GB82 WEST 1234 5698 7654 32")
    plain = seconds(reader, plain_text(length), 2)
    return seconds(reader, HOSTILE_TEXTS[text](length), 2) / plain


def batch_times() -> tuple[float, float]:
    """How many times as long a batch of all hostile texts takes.

    Returns:
        Beside a batch of as many plain texts, and beside itself at half the length.
    """

    def seconds_of(make: Callable[[int], list[str]], length: int) -> float:
        texts = batch(*make(length))
        began = time.process_time()
        annotate(texts, CONTEXT)
        return time.process_time() - began

    def hostile(length: int) -> list[str]:
        return [make(length) for make in HOSTILE_TEXTS.values()]

    def plain(length: int) -> list[str]:
        return [f"{number} {plain_text_with_bait(length)}" for number in range(len(HOSTILE_TEXTS))]

    seconds_of(hostile, LENGTH)
    once = seconds_of(hostile, LENGTH)
    return once / seconds_of(plain, LENGTH), seconds_of(hostile, 2 * LENGTH) / once
