"""spaCy pipelines: text categories as sentiment, entities, word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.plugins.contract import (
    FIGURE_DIGITS,
    Entity,
    PluginError,
    readable,
    required,
)
from resources.nlp.plugins.labels import POLARITIES, kind_of, polarity_columns
from resources.nlp.plugins.spec import PluginSpec, Task


def build(spec: PluginSpec, folder: Path) -> SpacySentiment | SpacyEntities | SpacyEmbeddings:
    """Read a pipeline and make it the plug-in of its task.

    Raises:
        PluginError: spaCy is missing, the folder holds no pipeline, or the pipeline lacks what the
            task needs.
    """
    spacy = required("spacy")
    try:
        pipeline = spacy.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise PluginError(f"spaCy cannot read the pipeline in {folder}: {error}") from error
    if spec.task == Task.SENTIMENT:
        return SpacySentiment(pipeline, spec)
    if spec.task == Task.NER:
        return SpacyEntities(pipeline, spec)
    return SpacyEmbeddings(pipeline, spec)


class SpacySentiment:
    """The text categories of a pipeline, read as polarities."""

    def __init__(self, pipeline: Any, spec: PluginSpec) -> None:
        names = [name for name in pipeline.pipe_names if name.startswith("textcat")]
        if not names:
            raise PluginError(
                f"The pipeline {spec.model} has no text categoriser (textcat); it has: "
                f"{', '.join(pipeline.pipe_names) or 'nothing'}."
            )
        self._labels: tuple[str, ...] = tuple(pipeline.get_pipe(names[0]).labels)
        self._columns = polarity_columns(self._labels, spec.options.get("labels"), spec.model)
        self._pipeline = pipeline

    def judge(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probabilities ``[texts, 3]``, see ``SentimentPlugin``."""
        rows = np.full((len(texts), len(POLARITIES)), 1 / len(POLARITIES))
        for row, text in enumerate(texts):
            if text.strip():
                categories = self._pipeline(readable(text)).cats
                chances = np.array([categories[label] for label in self._labels], np.float64)
                rows[row] = chances @ self._columns / max(float(chances.sum()), 1e-9)
        return rows.round(FIGURE_DIGITS)


class SpacyEntities:
    """The entities of a pipeline."""

    def __init__(self, pipeline: Any, spec: PluginSpec) -> None:
        if not {"ner", "entity_ruler", "span_ruler"} & set(pipeline.pipe_names):
            raise PluginError(
                f"The pipeline {spec.model} finds no entities (no ner, no entity_ruler); it has: "
                f"{', '.join(pipeline.pipe_names) or 'nothing'}."
            )
        self._pipeline = pipeline
        self._kinds = spec.options.get("labels")

    def find(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each text, see ``EntityPlugin``."""
        return [self._found(text) if text.strip() else [] for text in texts]

    def _found(self, text: str) -> list[Entity]:
        found = []
        for span in self._pipeline(readable(text)).ents:
            kind = kind_of(span.label_, self._kinds)
            if kind:
                start, end = span.start_char, span.end_char
                found.append(Entity(text[start:end], kind, start, end))
        return found


class SpacyEmbeddings:
    """The mean word vector of a text."""

    def __init__(self, pipeline: Any, spec: PluginSpec) -> None:
        self._dimensions = int(pipeline.vocab.vectors_length)
        if not self._dimensions:
            raise PluginError(
                f"The pipeline {spec.model} has no word vectors. Use one that has (its name ends "
                "in _md or _lg)."
            )
        self._pipeline = pipeline
        self._prefix = str(spec.options.get("prefix", ""))

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit rows ``[texts, dimensions]``, see ``EmbeddingPlugin``."""
        rows = np.zeros((len(texts), self._dimensions), np.float32)
        for row, text in enumerate(texts):
            if text.strip():
                vector = self._pipeline.make_doc(self._prefix + readable(text)).vector
                rows[row] = vector / max(float(np.linalg.norm(vector)), 1e-9)
        return rows.round(FIGURE_DIGITS)
