"""Aspects beside those that people marked: exact spans, with and without their sentiment.

``term_f1`` counts exact spans, ``term_polarity_f1`` exact spans with the right sentiment,
``accuracy`` the share of exactly found terms whose sentiment is right, and the figures of a class
the spans of that sentiment. The score of an aspect is no probability: there is no calibration
error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.evaluation.answers import Progress, Questions, annotated, encodable
from resources.evaluation.aspect_files import (
    AspectFileError,
    GoldAspect,
    LabelledText,
    aspect_figures,
    read_aspect_file,
)
from resources.evaluation.measures import ClassFigures, macro_f1, reviews_per_second
from resources.evaluation.report import Figures, Mistake, Report, shortened
from resources.nlp.context import AnnotationContext
from resources.vocabulary import SENTIMENTS

_NOTHING = "none"
_SPAN_NOTE = (
    "term_f1: exact spans; term_polarity_f1: with the right sentiment; accuracy: sentiment of the "
    "exactly found terms."
)


@dataclass(frozen=True)
class AspectOptions:
    """How to evaluate aspects.

    Attributes:
        context: What texts are read with.
        language: ISO 639-1 code that all texts are in; None where the engine is to find it.
        limit: At most so many texts, evenly spread over the file.
        mistakes: How many wrongly read texts to report.
        notes: What a reader of the report should know of the context.
        progress: Told how many more texts are done, each time.
    """

    context: AnnotationContext
    language: str | None = None
    limit: int | None = None
    mistakes: int = 10
    notes: Sequence[str] = ()
    progress: Progress | None = None


def evaluate_aspects(path: Path, options: AspectOptions) -> Report:
    """Compare the engine's aspects with those of an annotated file.

    Args:
        path: SemEval XML, or ACOS or ASQP lines.
        options: How to evaluate.

    Raises:
        AspectFileError: The file holds no such aspects.
    """
    labelled = _spread(read_aspect_file(path), options.limit)
    texts = [encodable(one.text) for one in labelled]
    context = options.context
    questions = Questions(texts, list(range(len(texts))), [], options.language)
    answers = [
        [_found(one) for one in found]
        for found in annotated(questions, context, ("aspects",), options.progress)["aspects"]
    ]
    gold = [one.aspects for one in labelled]
    if not any(gold):
        raise AspectFileError(
            f"{path.name} marks no aspect in any of its {len(labelled):,} texts, so there is "
            "nothing to compare with. Give the file that holds the answers."
        )
    return Report(
        task="aspects",
        rows=len(texts),
        left_out=0,
        tier=str(context.tier),
        language=options.language,
        models=context.versions(),
        figures=_figures(questions, gold, answers, context),
        mistakes=_mistakes(texts, gold, answers, options.mistakes),
        notes=[_SPAN_NOTE, *options.notes],
    )


def _spread(labelled: list[LabelledText], limit: int | None) -> list[LabelledText]:
    if limit is None or limit >= len(labelled):
        return labelled
    return [labelled[number * len(labelled) // limit] for number in range(limit)]


def _found(aspect: dict[str, Any]) -> GoldAspect:
    names = ("term", "category", "sentiment", "start", "end")
    return GoldAspect(**{name: aspect[name] for name in names})


def _figures(
    questions: Questions,
    gold: Sequence[Sequence[GoldAspect]],
    answers: Sequence[Sequence[GoldAspect]],
    context: AnnotationContext,
) -> Figures:
    figures = aspect_figures(gold, answers)
    per_class = _by_sentiment(gold, answers)

    def work(texts: Sequence[str]) -> None:
        some = Questions(list(texts), list(range(len(texts))), [], questions.language)
        annotated(some, context, ("aspects",))

    return Figures(
        accuracy=figures.polarity_accuracy,
        macro_f1=macro_f1(per_class),
        ece=None,
        reviews_per_second=reviews_per_second(questions.texts, work),
        per_class=per_class,
        confusion=None,
        extra={
            "term_f1": figures.term_f1,
            "term_precision": figures.term_precision,
            "term_recall": figures.term_recall,
            "term_polarity_f1": figures.term_polarity_f1,
            "category_f1": figures.category_f1,
        },
    )


def _by_sentiment(
    gold: Sequence[Sequence[GoldAspect]], answers: Sequence[Sequence[GoldAspect]]
) -> dict[str, ClassFigures]:
    truth, found = _spans(gold), _spans(answers)
    figures: dict[str, ClassFigures] = {}
    for sentiment in SENTIMENTS:
        true = {span for span, kind in truth if kind == sentiment}
        said = {span for span, kind in found if kind == sentiment}
        if true:
            figures[sentiment] = ClassFigures.of(len(true & said), len(said), len(true))
    return figures


def _spans(rows: Sequence[Sequence[GoldAspect]]) -> set[tuple[tuple[int, int, int], str]]:
    return {
        ((row, one.start, one.end), one.sentiment) for row, ones in enumerate(rows) for one in ones
    }


def _mistakes(
    texts: Sequence[str],
    gold: Sequence[Sequence[GoldAspect]],
    answers: Sequence[Sequence[GoldAspect]],
    count: int,
) -> list[Mistake]:
    """The texts with the most terms that are missing or too many."""
    wrong = [
        len(set(_told(one)) ^ set(_told(other))) for one, other in zip(gold, answers, strict=True)
    ]
    chosen = sorted(range(len(texts)), key=lambda row: (-wrong[row], row))[:count]
    return [
        Mistake(
            row=row + 1,
            text=shortened(texts[row]),
            label=", ".join(_told(gold[row])) or _NOTHING,
            answer=", ".join(_told(answers[row])) or _NOTHING,
            confidence=None,
        )
        for row in chosen
        if wrong[row]
    ]


def _told(aspects: Sequence[GoldAspect]) -> list[str]:
    return [f"{one.term} ({one.sentiment})" for one in aspects]
