"""The engine's answers to the texts of a file, as the product would give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from resources.evaluation.report import Mistake, shortened
from resources.nlp.annotating import annotate
from resources.nlp.context import AnnotationContext

Progress = Callable[[int], None]

_ROWS_AT_ONCE = 2_048


@dataclass(frozen=True)
class Questions:
    """Texts whose right answers are known.

    Attributes:
        texts: One of each row.
        rows: Their positions in the file, from 0.
        labels: What the file says of each.
        language: The language that all texts are in; None where the engine is to find it.
    """

    texts: list[str]
    rows: list[int]
    labels: list[list[str]]
    language: str | None = None

    @property
    def single_labels(self) -> list[str]:
        """The labels, where each row has one."""
        return [label for (label,) in self.labels]

    def batch(self, first: int = 0, count: int | None = None) -> pa.RecordBatch:
        """Rows of the questions in the form that the engine reads."""
        texts = self.texts[first:] if count is None else self.texts[first : first + count]
        keys = [f"{row:032x}" for row in self.rows[first : first + len(texts)]]
        return pa.RecordBatch.from_pydict(
            {
                "review_key": pa.array(keys, pa.string()),
                "version": pa.array([1] * len(texts), pa.int32()),
                "title": pa.nulls(len(texts), pa.string()),
                "text": pa.array(texts, pa.string()),
                "language_given": pa.array([self.language] * len(texts), pa.string()),
            }
        )


def annotated(
    questions: Questions,
    context: AnnotationContext,
    columns: Sequence[str],
    progress: Progress | None = None,
) -> dict[str, list[Any]]:
    """Annotate the texts and keep some columns.

    Args:
        questions: The texts.
        context: What to read them with.
        columns: Names of columns of an annotation.
        progress: Told how many more rows are done, each time.
    """
    kept: dict[str, list[Any]] = {name: [] for name in columns}
    for first in range(0, len(questions.texts), _ROWS_AT_ONCE):
        answered = annotate(questions.batch(first, _ROWS_AT_ONCE), context)
        for name in columns:
            kept[name].extend(answered.column(name).to_pylist())
        if progress is not None:
            progress(answered.num_rows)
    return kept


def surest_mistakes(
    questions: Questions,
    answers: Sequence[str],
    confidences: Sequence[float | None],
    wrong: Sequence[bool],
    count: int,
) -> list[Mistake]:
    """The wrong answers that were given with the most confidence, at most ``count``."""
    chosen = sorted(
        (number for number, is_wrong in enumerate(wrong) if is_wrong),
        key=lambda number: (-(confidences[number] or 0.0), number),
    )
    return [
        Mistake(
            row=questions.rows[number] + 1,
            text=shortened(questions.texts[number]),
            label=", ".join(questions.labels[number]),
            answer=answers[number],
            confidence=confidences[number],
        )
        for number in chosen[:count]
    ]


def encodable(text: str) -> str:
    """A text without lone surrogates, which no Arrow string can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
