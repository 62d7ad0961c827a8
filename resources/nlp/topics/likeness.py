"""How like a review is to the examples of a topic: the likest clause counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.clauses import split_clauses
from resources.nlp.embeddings.embedder import StaticEmbedder, Vectors
from resources.nlp.topics.taxonomy import Taxonomy

# Fitted on labelled reviews with five examples a topic: of restaurants, four labels of five are
# right. Topics that overlap, like those of laptops, need keywords or labels.
MIN_LIKENESS = 0.6
_ROWS = 256


@dataclass(frozen=True)
class Likeness:
    """Likeness of texts to topics.

    Attributes:
        scores: Cosine of each text's likest clause to the likest example, ``[texts, topics]``;
            0 for topics without examples.
        examples: Number of that example within its topic, ``[texts, topics]``.
    """

    scores: Vectors
    examples: npt.NDArray[np.int64]


@lru_cache(maxsize=512)
def _example_vectors(examples: tuple[str, ...], embedder: StaticEmbedder) -> Vectors:
    return embedder.embed(examples)


def measure_likeness(texts: pl.Series, taxonomy: Taxonomy, embedder: StaticEmbedder) -> Likeness:
    """Compare each text with the examples of every topic.

    Args:
        texts: Strings without nulls.
        taxonomy: The topics.
        embedder: Gives the vectors.
    """
    count = len(taxonomy.topics)
    scores = np.zeros((len(texts), count), np.float32)
    nearest = np.zeros((len(texts), count), np.int64)
    examples = {
        number: _example_vectors(topic.examples, embedder)
        for number, topic in enumerate(taxonomy.topics)
        if topic.examples
    }
    for first in range(0, len(texts) if examples else 0, _ROWS):
        clauses = split_clauses(texts.slice(first, _ROWS))
        vectors = embedder.embed(clauses.texts)
        rows = slice(first, first + _ROWS)
        for number, wanted in examples.items():
            # Clause by clause and example by example, without a library whose sums depend on the
            # size of the batch.
            likeness = np.stack([np.einsum("ij,j->i", vectors, one) for one in wanted], axis=1)
            best = np.maximum.reduceat(likeness, clauses.offsets[:-1], axis=0)
            nearest[rows, number] = best.argmax(axis=1)
            scores[rows, number] = best.max(axis=1)
    return Likeness(scores, nearest)
