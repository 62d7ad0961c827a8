"""The word statistics behind the keyphrases, made from the language data and our own word lists."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from resources.nlp.hashing import Positions, find_words, scan
from resources.nlp.rarity import (
    MODIFIER_BIT,
    OPINION_WORD,
    RAREST,
    STOP_WORD,
    Background,
    Keys,
    word_keys,
)
from resources.nlp.segmenting import is_segmented
from resources.nlp.unspaced import cut
from resources.nlp.word_classes import english_word_classes
from resources.training.generated import opinion_lexicon
from resources.training.sources import (
    read_clothing,
    read_languages,
    read_opinion_words,
    read_product_reviews,
    read_pros_and_cons,
    read_thai,
)

STOP_WORDS = Path(__file__).parents[1] / "nlp" / "lexicons" / "stop_words.json"

_STOP_SHARE = 0.02  # a word in this share of a language's sentences says nothing by itself
_ENGLISH_ADVERB = re.compile(r"\b[a-z]{3,}ly\b")
_NO_ADVERBS = {"assembly", "belly", "butterfly", "family", "jelly", "reply", "supply", "wooly"}
_MIN_COUNT = 2
_DOMAIN_RARITY = 200
_MAX_TELLING_SHARE = 0.01
_OPINION_LISTS = ("positive", "negative")
_UNSPACED_OPINION_LISTS = (*_OPINION_LISTS, "liked", "disliked")


def build_background(data_folder: Path) -> Background:
    """Count words in sentences of every language; mark stop words and opinion words.

    Args:
        data_folder: Holds the sets named in ``training.sources`` and, where it is there,
            ``airbnb_albany``, whose reviews tell English nouns from verbs.
    """
    sentences = read_languages(data_folder).filter(kind="sentences").select("text", "language")
    sentences = pl.concat([sentences, read_thai(data_folder).select("text", "language")])
    reviews = pl.concat(
        reader(data_folder).select("text", "language")
        for reader in (read_product_reviews, read_pros_and_cons, read_clothing)
    )
    stop_words = json.loads(STOP_WORDS.read_text(encoding="utf-8"))
    values: dict[int, int] = {}
    for (language,), frame in sorted(
        sentences.group_by("language", maintain_order=True), key=lambda group: str(group[0])
    ):
        values |= _rarities(str(language), frame["text"].to_list())
    # What only reviews talk about is worth more than a misspelt word, which nobody repeats.
    domain = _rarities("en", reviews["text"].to_list())
    values = dict.fromkeys(domain, _DOMAIN_RARITY) | values
    english = sentences.filter(language="en")["text"].to_list() + reviews["text"].to_list()
    classes = english_word_classes(english + _stays(data_folder), stop_words["en"])
    for key in _keys("en", sorted(classes.modifiers)):
        values[key] = values.get(key, _DOMAIN_RARITY) | MODIFIER_BIT
    adverbs = set(_ENGLISH_ADVERB.findall(" ".join(reviews["text"]).lower())) - _NO_ADVERBS
    values |= dict.fromkeys(_keys("en", sorted(adverbs | classes.verbs)), STOP_WORD)
    for language, phrases in opinion_lexicon().items():
        words = _keys(language, _opinion_words(language, phrases))
        values |= dict.fromkeys(words, OPINION_WORD)
    opinions = read_opinion_words(data_folder)["text"].to_list()
    values |= dict.fromkeys(_keys("en", opinions), OPINION_WORD)
    for language, words in stop_words.items():
        values |= dict.fromkeys(_keys(language, words), STOP_WORD)
    return Background.of(values)


def tenant_background(
    texts: Sequence[str], languages: Sequence[str], general: Background
) -> Background:
    """What is common and what is telling in one tenant's reviews.

    A word in most reviews of the tenant ("hotel") tells little about one of them, however rare it
    is elsewhere; a word that several reviews share and general language lacks tells much. Words
    that the tenant's reviews do not repeat keep their general value; stop words, opinion words
    and modifiers stay what they are.

    Args:
        texts: Reviews of the tenant; a few hundred at least make a difference.
        languages: Code of each.
        general: The shipped background.
    """
    values = dict(zip(general.keys.tolist(), general.values.tolist(), strict=True))
    rows = defaultdict(list)
    for row, language in enumerate(languages):
        rows[language].append(row)
    for language, numbers in sorted(rows.items()):
        counts = _document_counts(language, [texts[row] for row in numbers])
        keys = [key for key, count in counts.items() if count >= _MIN_COUNT]
        known = general.look_up(np.array(keys, np.int32)).tolist()
        for key, value in zip(keys, known, strict=True):
            if value > OPINION_WORD:
                values[key] = _tenant_value(value, counts[key], len(numbers))
    return Background.of(values)


def _tenant_value(value: int, count: int, reviews: int) -> int:
    """The mean of a word's rarity in general and of how telling it is for this tenant.

    Most telling is a word in one review of a hundred; one in nearly all, or in hardly any, is not.
    """
    distance = abs(math.log(count / reviews / _MAX_TELLING_SHARE))
    telling = max(0.0, 1 + distance / math.log(_MAX_TELLING_SHARE))
    mean = round((value + telling * RAREST) / 2)
    return max(OPINION_WORD + 1, mean & ~MODIFIER_BIT) | (value & MODIFIER_BIT)


def _stays(data_folder: Path) -> list[str]:
    """Reviews of stays, most of them in English, without labels."""
    path = data_folder / "airbnb_albany" / "reviews.csv.gz"
    if not path.is_file():
        return []
    return pl.read_csv(path, columns=["comments"])["comments"].drop_nulls().to_list()


def _keys(language: str, texts: Iterable[str]) -> list[int]:
    """Keys of those texts that are one word."""
    keys, pointers = _all_keys(language, list(texts))
    alone = np.diff(pointers) == 1
    return [int(key) for key in keys[pointers[:-1][alone]]]


def _all_keys(language: str, texts: list[str]) -> tuple[Keys, Positions]:
    """Keys of all words, text after text, and where each text's begin."""
    languages = [language] * len(texts)
    if is_segmented(language):
        segmented = cut(texts, languages)
        return segmented.keys, segmented.pointers
    words = find_words(scan(texts))
    return word_keys(words.hashes, languages, words.pointers), words.pointers


def _document_counts(language: str, texts: list[str]) -> Counter[int]:
    """Key -> number of texts that hold the word."""
    keys, pointers = _all_keys(language, texts)
    return Counter(
        key for first, end in pairwise(pointers.tolist()) for key in set(keys[first:end].tolist())
    )


def _rarities(language: str, texts: list[str]) -> dict[int, int]:
    """Key -> even rarity from 2 to 254, or STOP_WORD where a word is in too many sentences."""
    scale = (RAREST - 2) / math.log(len(texts) + 1)
    stop_count = _STOP_SHARE * len(texts) if not is_segmented(language) else math.inf
    return {
        key: STOP_WORD
        if count >= stop_count
        else (2 + round(scale * math.log(len(texts) / count))) & ~MODIFIER_BIT
        for key, count in _document_counts(language, texts).items()
        if count >= _MIN_COUNT
    }


def _opinion_words(language: str, phrases: dict[str, list[str]]) -> list[str]:
    if is_segmented(language):
        return [phrase for kind in _UNSPACED_OPINION_LISTS for phrase in phrases[kind]]
    listed = [phrase for kind in _OPINION_LISTS for phrase in phrases[kind]]
    return [phrase for phrase in listed if " " not in phrase]
