"""Languages beside labels: ISO 639-1 codes, and ``und`` is a wrong answer.

Only named languages count for the calibration error: ``und`` says that no name is sure enough.
Where a file says Norwegian (``no``), both its written forms are right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resources.evaluation.answers import Progress, Questions, annotated, surest_mistakes
from resources.evaluation.baselines import LANGUAGE_BASELINES
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
from resources.vocabulary import UNDETERMINED

_FORMS_OF_NORWEGIAN = frozenset({"nb", "nn"})


def judge_file(
    questions: Questions,
    context: AnnotationContext,
    *,
    mistakes: int,
    progress: Progress | None = None,
) -> tuple[Figures, list[Mistake]]:
    """Find the languages of the texts and compare with their labels."""
    found = annotated(questions, context, ("language", "language_confidence"), progress)
    confidences: list[float] = found["language_confidence"]
    answers = _in_codes_of(questions, found["language"])
    model = context.models.language
    speed = reviews_per_second(questions.texts, lambda texts: detect_languages(texts, model))
    wrong = [
        answer != label for answer, label in zip(answers, questions.single_labels, strict=True)
    ]
    return (
        _figures(questions, answers, confidences, speed),
        surest_mistakes(questions, answers, confidences, wrong, mistakes),
    )


def judge_baseline(questions: Questions, name: str) -> Figures:
    """Figures of a baseline on the same rows."""
    baseline = LANGUAGE_BASELINES[name]
    found = baseline.languages(questions.texts)
    answers = _in_codes_of(questions, [code for code, _ in found])
    speed = reviews_per_second(questions.texts, baseline.languages)
    return _figures(questions, answers, [chance for _, chance in found], speed)


def _in_codes_of(questions: Questions, codes: Sequence[str]) -> list[str]:
    classes = set(questions.single_labels)
    if "no" not in classes or classes & _FORMS_OF_NORWEGIAN:
        return list(codes)
    return ["no" if code in _FORMS_OF_NORWEGIAN else code for code in codes]


def _figures(
    questions: Questions, answers: Sequence[str], confidences: Sequence[float], speed: float
) -> Figures:
    truth = questions.single_labels
    per_class = figures_by_class(truth, answers, sorted(set(truth)))
    right = np.array(truth) == np.array(answers)
    named = np.array(answers) != UNDETERMINED
    return Figures(
        accuracy=float(right.mean()),
        macro_f1=macro_f1(per_class),
        ece=calibration_error(np.array(confidences, np.float64)[named], right[named]),
        reviews_per_second=speed,
        per_class=per_class,
        confusion=confusion(truth, answers),
        extra={"undecided": int((~named).sum())},
    )
