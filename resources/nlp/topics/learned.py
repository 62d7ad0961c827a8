"""What people's labels taught about topics: a small linear model for each."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.errors import ReviewGraphError
from resources.nlp.embeddings.embedder import StaticEmbedder, Vectors
from resources.nlp.hashing import FeatureSpec, hashed_blocks
from resources.nlp.linear import LinearModel
from resources.nlp.topics.taxonomy import Taxonomy

TOPIC_FEATURES = FeatureSpec(bits=15, word_orders=(1, 2), character_orders=())
SIGNALS = 2  # found without labels (as 1 or -1), and likeness to the examples

_SLICE_ROWS = 256

Flags = npt.NDArray[np.bool_]


class LearnedTopicsError(ReviewGraphError):
    """Learned topics cannot be read, or belong to other vectors."""


@dataclass(frozen=True, eq=False)
class LearnedTopics:
    """Weights learned from labels, for those topics where they do better than no labels.

    Attributes:
        names: The topics; those of a taxonomy that are not among them stay as they were.
        columns: Sorted hashed columns that have weights, ``[columns]``.
        word_weights: ``[columns, topics]``.
        meaning_weights: For the text's vector, ``[dimensions, topics]``.
        signal_weights: ``[SIGNALS, topics]``.
        bias: A topic is there when its sum is above 0; ``[topics]``.
        summary: Topic -> labels (how many people gave), before, after (F1 of held-back reviews).
        embeddings: Version of the embedder.
        version: Short hash of all of this, weights included.
    """

    names: tuple[str, ...]
    columns: npt.NDArray[np.int32]
    word_weights: Vectors
    meaning_weights: Vectors
    signal_weights: Vectors
    bias: Vectors
    summary: Mapping[str, Mapping[str, float]]
    embeddings: str
    version: str = "unsaved"

    @property
    def label_counts(self) -> dict[str, int]:
        """Topic -> number of labels that people gave it."""
        return {name: int(figures["labels"]) for name, figures in self.summary.items()}

    @cached_property
    def _words(self) -> LinearModel:
        weights = np.zeros((TOPIC_FEATURES.columns, len(self.names)), np.float32)
        weights[self.columns] = self.word_weights
        return LinearModel(
            self.names, TOPIC_FEATURES, weights, np.zeros(len(self.names), np.float32)
        )

    def decide(
        self,
        texts: Sequence[str],
        found: Flags,
        likeness: Vectors,
        taxonomy: Taxonomy,
        embedder: StaticEmbedder,
    ) -> list[dict[int, bool]]:
        """For each text, number of each learned topic -> whether it is there.

        Args:
            texts: As they were written.
            found: Whether a topic was found without labels, ``[texts, topics of the taxonomy]``.
            likeness: To its examples, likewise.
            taxonomy: The topics; one that was renamed or is new keeps its answer without labels.
            embedder: The one that the weights were learned with.

        Raises:
            LearnedTopicsError: The embedder is another one.
        """
        if embedder.version != self.embeddings:
            raise LearnedTopicsError(
                f"The topics were learned with embeddings {self.embeddings}, these are "
                f"{embedder.version}. Learn them again: reviewgraph train."
            )
        numbers = {name: place for place, name in enumerate(taxonomy.names)}
        pairs = [(numbers[name], own) for own, name in enumerate(self.names) if name in numbers]
        decisions: list[dict[int, bool]] = []
        for first in range(0, len(texts), _SLICE_ROWS):
            rows = slice(first, first + _SLICE_ROWS)
            sums = self._words.logits(hashed_blocks(texts[rows], TOPIC_FEATURES)) + self.bias
            vectors = embedder.embed(texts[rows])
            for number, own in pairs:
                sums[:, own] += np.einsum("ij,j->i", vectors, self.meaning_weights[:, own])
                signals = signals_of(found[rows, number], likeness[rows, number])
                sums[:, own] += (signals * self.signal_weights[:, own]).sum(axis=1)
            decisions += [{number: bool(row[own] > 0) for number, own in pairs} for row in sums]
        return decisions

    def to_dict(self) -> dict[str, Any]:
        """What is worth showing: version, and for each topic labels and F1 before and after."""
        return {
            "version": self.version,
            "embeddings": self.embeddings,
            "topics": {name: dict(figures) for name, figures in self.summary.items()},
        }

    def to_bytes(self) -> bytes:
        """The content of a ``.npz`` file; equal weights give equal bytes."""
        header = {
            "names": self.names,
            "summary": {name: dict(figures) for name, figures in self.summary.items()},
            "embeddings": self.embeddings,
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            columns=self.columns,
            word_weights=self.word_weights,
            meaning_weights=self.meaning_weights,
            signal_weights=self.signal_weights,
            bias=self.bias,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> LearnedTopics:
        """Read what ``to_bytes`` wrote.

        Raises:
            LearnedTopicsError: It is something else.
        """
        try:
            with np.load(io.BytesIO(data)) as arrays:
                header = json.loads(arrays["header"].tobytes())
                return cls(
                    names=tuple(header["names"]),
                    columns=arrays["columns"],
                    word_weights=arrays["word_weights"],
                    meaning_weights=arrays["meaning_weights"],
                    signal_weights=arrays["signal_weights"],
                    bias=arrays["bias"],
                    summary=header["summary"],
                    embeddings=header["embeddings"],
                    version=hashlib.sha256(data).hexdigest()[:10],
                )
        except (OSError, ValueError, KeyError) as error:
            raise LearnedTopicsError(
                "These are no learned topics. Learn them again: reviewgraph train."
            ) from error

    def versioned(self) -> LearnedTopics:
        """The same with the version of its own bytes."""
        return replace(self, version=hashlib.sha256(self.to_bytes()).hexdigest()[:10])

    def save(self, path: Path) -> None:
        """Write the file."""
        path.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> LearnedTopics:
        """Read the file.

        Raises:
            LearnedTopicsError: There is none, or it holds something else.
        """
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise LearnedTopicsError(
                f"There are no learned topics at {path}. Learn them: reviewgraph train."
            ) from error


def signals_of(found: Flags, likeness: Vectors) -> Vectors:
    """What is known of one topic without labels, ``[texts, SIGNALS]``."""
    sides = np.where(found, np.float32(1), np.float32(-1))
    return np.stack([sides, likeness.astype(np.float32)], axis=1)
