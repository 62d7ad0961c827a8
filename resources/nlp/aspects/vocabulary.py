"""The words that aspects are told by: shipped data, read when first used.

``models/aspects.npz`` holds the kinds of English words and the weights of the miner, both made by
``training.aspects``; ``lexicons/aspects.json`` holds seed terms, general nouns and determiners by
language.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ENGLISH = "en"
SEEDS = Path(__file__).parents[1] / "lexicons" / "aspects.json"
SHIPPED_MODEL = Path(__file__).parents[1] / "models" / "aspects.npz"

_LEXICONS = Path(__file__).parents[1] / "lexicons"
_OPINION_LISTS = ("liked", "disliked", "positive", "negative", "neutral")


@lru_cache(maxsize=1)
def seeds() -> dict[str, Any]:
    """Categories, seed terms, general nouns, determiners and contrast words."""
    document: dict[str, Any] = json.loads(SEEDS.read_text(encoding="utf-8"))
    return document


Arrays = dict[str, npt.NDArray[Any]]


@lru_cache(maxsize=4)
def load_arrays(path: Path = SHIPPED_MODEL) -> Arrays:
    """The arrays of a file that ``training.aspects`` wrote."""
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@lru_cache(maxsize=1)
def model_version() -> str:
    """Short hash of the shipped words and weights."""
    content = SHIPPED_MODEL.read_bytes() + SEEDS.read_bytes()
    return hashlib.sha256(content).hexdigest()[:10]


@lru_cache(maxsize=1)
def english_kinds() -> dict[str, str]:
    """English word -> name of its kind, as shipped; function words are not among them."""
    return kinds_of_words(load_arrays())


def kinds_of_words(arrays: Arrays) -> dict[str, str]:
    """English word -> name of its kind."""
    names = str(arrays["kind_names"]).split()
    words = arrays["words"].tobytes().decode().split("\n")
    return {word: names[kind] for word, kind in zip(words, arrays["kinds"].tolist(), strict=True)}


@lru_cache(maxsize=64)
def foreign_kinds(language: str) -> dict[str, str]:
    """The few words that are known of a language other than English."""
    stop_words = _lexicon("stop_words.json").get(language, [])
    opinions = _lexicon("opinions.json").get(language, {})
    kinds = dict.fromkeys(stop_words, "OTHER")
    kinds |= dict.fromkeys(seeds()["determiners"].get(language, "").split(), "DETERMINER")
    kinds |= dict.fromkeys(seeds()["general"].get(language, "").split(), "GENERAL")
    kinds |= {
        word.lower(): "OPINION"
        for name in _OPINION_LISTS
        for phrase in opinions.get(name, [])
        for word in [phrase.split()[-1]]
    }
    return kinds | dict.fromkeys(seeds()["contrast"].get(language, "").split(), "CONTRAST")


@lru_cache(maxsize=2)
def _lexicon(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_LEXICONS / name).read_text(encoding="utf-8"))
    return document
