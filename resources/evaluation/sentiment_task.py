"""Sentiment beside labels: by its sign where a file knows two sides, by its label otherwise.

Where the labels are only negative and positive, the sign of the score is the answer; a score of
exactly 0 and a text without words are no answer and count as wrong, for every system alike. Where
there are more classes the label is the answer. A file without ``mixed`` calls neutral what lies on
neither side, so that ``mixed`` answers count as neutral there, and the other way round; a text
without words is neutral, or what comes nearest to it in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.evaluation.answers import Progress, Questions, annotated, surest_mistakes
from resources.evaluation.baselines import SENTIMENT_BASELINES, SentimentBaseline
from resources.evaluation.measures import (
    calibration_error,
    confusion,
    figures_by_class,
    macro_f1,
    reviews_per_second,
)
from resources.evaluation.report import Figures, Mistake
from resources.nlp.context import AnnotationContext
from resources.nlp.language import detect_languages
from resources.nlp.sentiment import judge_sentiments
from resources.vocabulary import SENTIMENTS

SIDES = ("negative", "positive")
NO_ANSWER = "none"

_COLUMNS = ("sentiment", "sentiment_score", "sentiment_confidence", "tier")


@dataclass(frozen=True)
class SentimentAnswers:
    """Answers in the classes of a file.

    Attributes:
        labels: One of each row.
        confidences: Probability of each being right; None where the system gives none.
    """

    labels: list[str]
    confidences: list[float | None]


def judge_file(
    questions: Questions,
    context: AnnotationContext,
    *,
    mistakes: int,
    progress: Progress | None = None,
) -> tuple[Figures, list[Mistake]]:
    """Judge the texts and compare with their labels.

    Args:
        questions: The texts and labels.
        context: What to read them with.
        mistakes: How many of the worst to return.
        progress: Told how many more rows are done, each time.
    """
    found = annotated(questions, context, _COLUMNS, progress)
    answers = _answers(classes_of(questions), *(found[name] for name in _COLUMNS[:3]))
    speed = reviews_per_second(questions.texts, _stages(questions.language, context))
    figures = _figures(questions, answers, speed, judged_by=dict(Counter(found["tier"])))
    wrong = _is_wrong(questions, answers)
    worst = surest_mistakes(questions, answers.labels, answers.confidences, wrong, mistakes)
    return figures, worst


def judge_baseline(questions: Questions, name: str) -> Figures:
    """Figures of a baseline on the same rows."""
    baseline = SENTIMENT_BASELINES[name]
    scores = baseline.scores(questions.texts)
    answers = _signed(scores) if is_signed(questions) else _banded(scores, baseline, questions)
    return _figures(questions, answers, reviews_per_second(questions.texts, baseline.scores))


def classes_of(questions: Questions) -> list[str]:
    """The classes in the file, from negative to positive."""
    present = set(questions.single_labels)
    return [name for name in SENTIMENTS if name in present]


def is_signed(questions: Questions) -> bool:
    """Whether the sign of the score decides."""
    return set(questions.single_labels) <= set(SIDES)


def _answers(
    classes: Sequence[str],
    labels: Sequence[str | None],
    scores: Sequence[float | None],
    confidences: Sequence[float],
) -> SentimentAnswers:
    if set(classes) <= set(SIDES):
        chances = [chance_of_sign(*row) for row in zip(labels, scores, confidences, strict=True)]
        return SentimentAnswers([_sign(score) for score in scores], chances)
    nearest = _nearest_classes(classes)
    return SentimentAnswers(
        [nearest.get(label or "neutral", label or "neutral") for label in labels],
        [
            confidence if label else None
            for label, confidence in zip(labels, confidences, strict=True)
        ],
    )


def _nearest_classes(classes: Sequence[str]) -> dict[str, str]:
    """What stands for neutral and mixed in a file that knows only one of them."""
    if "mixed" not in classes:
        return {"mixed": "neutral"}
    return {} if "neutral" in classes else {"neutral": "mixed"}


def chance_of_sign(label: str | None, score: float | None, confidence: float) -> float | None:
    """Probability that the sign of a score is right, given that the review takes a side.

    With the three probabilities p of a review, the score is p(positive) - p(negative) and the
    confidence is p(label); that gives p(positive) + p(negative), by which the score is divided. The
    confidence of ``mixed`` is no such probability: there the sum is taken to be 1.

    Returns:
        0.5..1, or None without a score.
    """
    if label is None or score is None:
        return None
    lean = abs(score)
    sides = {"mixed": 1.0, "neutral": 1 - confidence}.get(label, 2 * confidence - lean)
    return 0.5 + 0.5 * min(1.0, lean / max(sides, lean, 1e-9))


def _sign(score: float | None) -> str:
    if not score:
        return NO_ANSWER
    return "positive" if score > 0 else "negative"


def _signed(scores: Sequence[float]) -> SentimentAnswers:
    """A baseline's scores where two sides are known; its score is all the certainty it gives."""
    labels = [_sign(score) for score in scores]
    return SentimentAnswers(labels, [(1 + abs(score)) / 2 if score else None for score in scores])


def _banded(
    scores: Sequence[float], baseline: SentimentBaseline, questions: Questions
) -> SentimentAnswers:
    """A baseline's scores where there are more classes; it has no probability of a class."""
    middle = "neutral" if "neutral" in classes_of(questions) else "mixed"
    labels = [middle if abs(score) <= baseline.neutral_band else _sign(score) for score in scores]
    return SentimentAnswers(labels, [None] * len(labels))


def _figures(
    questions: Questions, answers: SentimentAnswers, speed: float, **extra: Any
) -> Figures:
    truth = questions.single_labels
    per_class = figures_by_class(truth, answers.labels, classes_of(questions))
    right = np.logical_not(_is_wrong(questions, answers))
    return Figures(
        accuracy=float(right.mean()),
        macro_f1=macro_f1(per_class),
        ece=_calibration(answers, right, lowest=0.5 if is_signed(questions) else 0.0),
        reviews_per_second=speed,
        per_class=per_class,
        confusion=confusion(truth, answers.labels),
        extra={"undecided": answers.labels.count(NO_ANSWER), **extra},
    )


def _calibration(
    answers: SentimentAnswers, right: npt.NDArray[np.bool_], *, lowest: float
) -> float | None:
    given = np.array([chance is not None for chance in answers.confidences], bool)
    chances = np.array([chance for chance in answers.confidences if chance is not None], np.float64)
    return calibration_error(chances, right[given], lowest=lowest)


def _is_wrong(questions: Questions, answers: SentimentAnswers) -> list[bool]:
    return [
        label != answer
        for label, answer in zip(questions.single_labels, answers.labels, strict=True)
    ]


def _stages(language: str | None, context: AnnotationContext) -> Callable[[Sequence[str]], Any]:
    """What sentiment takes: the language, where it is not given, and the judgement."""
    models = context.models

    def work(texts: Sequence[str]) -> None:
        codes = (
            [language] * len(texts) if language else detect_languages(texts, models.language).codes
        )
        judge_sentiments(
            pl.Series(texts, dtype=pl.String),
            codes,
            english=models.english,
            multilingual=models.multilingual,
            deep=context.deep,
            tier=context.tier,
        )

    return work
