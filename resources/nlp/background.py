"""The word statistics behind the keyphrases, made from the language data and our own word lists."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from resources.nlp.hashing import find_words, scan
from resources.nlp.keywords import OPINION_WORD, RAREST, STOP_WORD, Background, word_keys
from resources.nlp.training.generated import opinion_lexicon
from resources.nlp.training.sources import (
    read_clothing,
    read_languages,
    read_opinion_words,
    read_product_reviews,
    read_pros_and_cons,
)

STOP_WORDS = Path(__file__).parent / "lexicons" / "stop_words.json"

_STOP_SHARE = 0.02  # a word in this share of a language's sentences says nothing by itself
_ENGLISH_ADVERB = re.compile(r"\b[a-z]{3,}ly\b")
_NO_ADVERBS = {"assembly", "belly", "butterfly", "family", "jelly", "reply", "supply", "wooly"}
_LEAST_COUNT = 2
_DOMAIN_RARITY = 200
_LONGEST_OPINION = 2  # characters of a Chinese or Japanese opinion word taken apart
_UNSPACED = ("zh", "ja")


def build_background(data_folder: Path) -> Background:
    """Count words in sentences of every language; mark stop words and opinion words.

    Args:
        data_folder: Holds ``lingua_testdata`` and ``nltk``.
    """
    sentences = read_languages(data_folder).filter(kind="sentences").select("text", "language")
    reviews = pl.concat(
        reader(data_folder).select("text", "language")
        for reader in (read_product_reviews, read_pros_and_cons, read_clothing)
    )
    values: dict[int, int] = {}
    for (language,), frame in sorted(
        sentences.group_by("language"), key=lambda group: str(group[0])
    ):
        values |= _rarities(str(language), frame["text"].to_list())
    # What only reviews talk about is worth more than a misspelt word, which nobody repeats.
    domain = _rarities("en", reviews["text"].to_list())
    values = dict.fromkeys(domain, _DOMAIN_RARITY) | values
    adverbs = set(_ENGLISH_ADVERB.findall(" ".join(reviews["text"]).lower())) - _NO_ADVERBS
    values |= dict.fromkeys(_keys("en", sorted(adverbs)), STOP_WORD)
    for language, phrases in opinion_lexicon().items():
        values |= dict.fromkeys(_keys(language, _opinion_words(language, phrases)), OPINION_WORD)
    opinions = read_opinion_words(data_folder)["text"].to_list()
    values |= dict.fromkeys(_keys("en", opinions), OPINION_WORD)
    for language, words in json.loads(STOP_WORDS.read_text(encoding="utf-8")).items():
        values |= dict.fromkeys(_keys(language, words), STOP_WORD)
    keys = sorted(values)
    return Background(np.array(keys, np.int32), np.array([values[key] for key in keys], np.uint8))


def _keys(language: str, texts: Iterable[str]) -> list[int]:
    """Keys of those texts that are one word."""
    points = find_words(scan(list(texts)))
    languages = [language] * (len(points.pointers) - 1)
    keys = word_keys(points.hashes, languages, points.pointers)
    alone = np.diff(points.pointers) == 1
    return [int(key) for key in keys[points.pointers[:-1][alone]]]


def _rarities(language: str, texts: list[str]) -> dict[int, int]:
    """Key -> rarity from 2 to 255, or STOP_WORD where a word is in too many sentences."""
    words = find_words(scan(texts))
    keys = word_keys(words.hashes, [language] * len(texts), words.pointers)
    counts = Counter(
        key
        for first, end in zip(
            words.pointers[:-1].tolist(), words.pointers[1:].tolist(), strict=True
        )
        for key in set(keys[first:end].tolist())
    )
    scale = (RAREST - 2) / math.log(len(texts) + 1)
    stop_count = _STOP_SHARE * len(texts) if language not in _UNSPACED else math.inf
    return {
        key: STOP_WORD if count >= stop_count else 2 + round(scale * math.log(len(texts) / count))
        for key, count in counts.items()
        if count >= _LEAST_COUNT
    }


def _opinion_words(language: str, phrases: dict[str, list[str]]) -> list[str]:
    listed = phrases["positive"] + phrases["negative"]
    if language in _UNSPACED:
        return [
            character
            for phrase in listed
            if len(phrase) <= _LONGEST_OPINION
            for character in phrase
        ]
    return [phrase for phrase in listed if " " not in phrase]
