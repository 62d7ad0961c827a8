"""What an evaluation found, in the form of the JSON that ``reviewgraph evaluate`` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resources.evaluation.measures import ClassFigures

_DIGITS = 6
_SHOWN_CHARACTERS = 240


@dataclass(frozen=True)
class Mistake:
    """One row that was judged wrongly.

    Attributes:
        row: Its position among the rows of the file, from 1.
        text: Its beginning.
        label: What the file says.
        answer: What was answered.
        confidence: How surely, 0..1; None where answers have no confidence.
    """

    row: int
    text: str
    label: str
    answer: str
    confidence: float | None

    def to_dict(self) -> dict[str, Any]:
        """The mistake as plain data."""
        return {
            "row": self.row,
            "label": self.label,
            "answer": self.answer,
            "confidence": plain(self.confidence),
            "text": self.text,
        }


@dataclass(frozen=True)
class Figures:
    """How well one system answered.

    Attributes:
        accuracy: Share of right rows, 0..1.
        macro_f1: Mean F1 of the classes in the file, 0..1.
        ece: Expected calibration error over 15 bins, 0..1; None where answers have no probability.
        reviews_per_second: Speed of one warm process by the clock.
        per_class: Figures of each class in the file.
        confusion: Label -> answer -> rows; None where a row has several labels.
        extra: Figures that only this task has.
    """

    accuracy: float
    macro_f1: float
    ece: float | None
    reviews_per_second: float
    per_class: Mapping[str, ClassFigures]
    confusion: Mapping[str, Mapping[str, int]] | None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data without a NaN."""
        return {
            "accuracy": plain(self.accuracy),
            "macro_f1": plain(self.macro_f1),
            "ece": plain(self.ece),
            "reviews_per_second": plain(self.reviews_per_second),
            "per_class": plain({name: one.to_dict() for name, one in self.per_class.items()}),
            "confusion": plain(self.confusion),
            **plain(dict(self.extra)),
        }


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Attributes:
        task: sentiment, language, aspects, topics or entities.
        rows: Rows that were judged.
        left_out: Rows of the file that have no label, or whose label is mapped to null.
        tier: How sentiment was judged.
        language: The language that all rows were taken to be in; None where the engine found it.
        models: Annotator -> version.
        figures: Of ReviewGraph.
        against: Name -> figures of another system on the same rows.
        mistakes: The surest wrong answers.
        notes: Rules that these figures follow, in sentences.
    """

    task: str
    rows: int
    left_out: int
    tier: str
    language: str | None
    models: Mapping[str, str]
    figures: Figures
    against: Mapping[str, Figures] = field(default_factory=dict)
    mistakes: Sequence[Mistake] = ()
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {
            "task": self.task,
            "rows": self.rows,
            **self.figures.to_dict(),
            "left_out": self.left_out,
            "tier": self.tier,
            "language": self.language,
            "models": dict(self.models),
            "against": {name: figures.to_dict() for name, figures in self.against.items()},
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
            "notes": list(self.notes),
        }


def shortened(text: str) -> str:
    """The beginning of a text on one line."""
    words = " ".join(text[: 4 * _SHOWN_CHARACTERS].split())
    return words if len(words) <= _SHOWN_CHARACTERS else words[: _SHOWN_CHARACTERS - 1] + "…"


def plain(value: Any) -> Any:
    """A value for JSON: floats rounded, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value
