"""Sentences that the transformer of the deep tier judges, for the hashed English model to learn.

Stars say nothing of the single sentences of a review; the transformer does, and it says how sure it
is. The sentences come from the same clean sets, or from sets without labels.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from resources.nlp.deep import DeepModel
from resources.nlp.linear import Matrix, softmax
from resources.training.sources import (
    read_clothing,
    read_labelled_sentences,
    read_product_reviews,
)

_SEED = 7
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_SHORTEST, _LONGEST = 12, 220  # characters of a sentence
_LONGEST_COMPARISON = 300
_FROM_COMPLAINTS, _FROM_PRAISE, _FROM_GUESTS, _COMPARISONS = 9_000, 5_000, 5_000, 3_000


@dataclass(frozen=True)
class Lessons:
    """What a teacher says of texts.

    Attributes:
        texts: The texts.
        chances: Its probabilities of negative, neutral and positive, ``[texts, 3]``.
        teacher: Version of the teacher.
    """

    texts: list[str]
    chances: Matrix
    teacher: str


def teach(data_folder: Path, teacher: DeepModel) -> Lessons:
    """Let the transformer judge sentences of the clean English sets."""
    texts = taught_sentences(data_folder)
    return Lessons(texts, softmax(teacher.logits(texts)), teacher.version)


def taught_sentences(data_folder: Path) -> list[str]:
    """The sentences to be judged, always the same ones."""
    clothing = read_clothing(data_folder)
    is_praise = pl.col("label") == "positive"
    dice = np.random.default_rng(_SEED)
    drawn = (
        (_sentences(clothing.filter(~is_praise)["text"]), _FROM_COMPLAINTS),
        (_sentences(clothing.filter(is_praise)["text"]), _FROM_PRAISE),
        (_sentences(_guest_comments(data_folder)), _FROM_GUESTS),
        (_comparisons(data_folder), _COMPARISONS),
    )
    texts = [
        *read_labelled_sentences(data_folder)["text"],
        *read_product_reviews(data_folder)["text"],
    ]
    for found, most in drawn:
        known = sorted(set(found))
        texts += [known[place] for place in dice.permutation(len(known))[:most]]
    return texts


def _sentences(texts: Iterable[str]) -> list[str]:
    return [
        sentence.strip()
        for text in texts
        for sentence in _SENTENCE_END.split(text)
        if _SHORTEST <= len(sentence) <= _LONGEST
    ]


def _guest_comments(data_folder: Path) -> list[str]:
    """English comments of lodgers; ASCII ones, which leaves out most other languages."""
    path = data_folder / "airbnb_albany" / "reviews.csv.gz"
    comments = pl.read_csv(path, infer_schema_length=0)["comments"].drop_nulls()
    return [re.sub(r"<br/?>", "\n", text) for text in comments.to_list() if text.isascii()]


def _comparisons(data_folder: Path) -> list[str]:
    """Sentences that compare products."""
    found = []
    with zipfile.ZipFile(data_folder / "nltk" / "comparative_sentences.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".txt") and "README" not in name:
                lines = archive.read(name).decode("latin-1").split("\n")
                found += [re.sub(r"<[^>]+>", "", line).strip() for line in lines]
    return [line for line in found if _SHORTEST <= len(line) <= _LONGEST_COMPARISON]
