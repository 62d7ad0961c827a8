"""Topics and entities beside lists of labels: any number of each in a row.

Only labels that the file knows are compared: where it never speaks of a topic, nobody looked for
it. ``accuracy`` is the share of rows whose labels are all right; labels have no probability, so
that there is no calibration error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resources.evaluation.answers import Progress, Questions, annotated, surest_mistakes
from resources.evaluation.measures import (
    figures_by_label,
    macro_f1,
    pooled,
    reviews_per_second,
)
from resources.evaluation.report import Figures, Mistake
from resources.nlp.context import AnnotationContext

NO_LABEL = "none"


def judge_file(
    questions: Questions,
    context: AnnotationContext,
    column: str,
    *,
    mistakes: int,
    progress: Progress | None = None,
) -> tuple[Figures, list[Mistake]]:
    """Label the texts and compare with the file.

    Args:
        questions: The texts and their labels.
        context: Its taxonomy or gazetteer knows the labels.
        column: ``topics`` or ``entities``.
        mistakes: How many wrong rows to return.
        progress: Told how many more rows are done, each time.
    """
    found = annotated(questions, context, (column,), progress)[column]
    classes = sorted({label for labels in questions.labels for label in labels})
    known = set(classes)
    answers = [[label for label in labels if label in known] for labels in found]
    per_class = figures_by_label(questions.labels, answers, classes)
    together = pooled(questions.labels, answers)
    wrong = [
        set(labels) != set(answer) for labels, answer in zip(questions.labels, answers, strict=True)
    ]
    figures = Figures(
        accuracy=1 - sum(wrong) / len(wrong),
        macro_f1=macro_f1(per_class),
        ece=None,
        reviews_per_second=reviews_per_second(questions.texts, _whole(questions, context)),
        per_class=per_class,
        confusion=None,
        extra={
            "micro_f1": together.f1,
            "micro_precision": together.precision,
            "micro_recall": together.recall,
        },
    )
    shown = [", ".join(answer) or NO_LABEL for answer in answers]
    return figures, surest_mistakes(questions, shown, [None] * len(shown), wrong, mistakes)


def _whole(questions: Questions, context: AnnotationContext) -> Callable[[Sequence[str]], object]:
    """All annotations: labels are read together with everything else."""

    def work(texts: Sequence[str]) -> None:
        some = Questions(list(texts), list(range(len(texts))), [], questions.language)
        annotated(some, context, ("topics",))

    return work
