"""An evaluation from texts and labels to a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resources.errors import ReviewGraphError, WrongUsageError
from resources.evaluation import label_list_tasks, language_task, sentiment_task
from resources.evaluation.answers import Progress, Questions, encodable
from resources.evaluation.baselines import require_baselines
from resources.evaluation.labels import (
    NO_MAP,
    TASKS,
    Labelled,
    LabelMap,
    all_names,
    language_code,
    read_label_lists,
    read_languages,
    read_sentiments,
    spelling_of,
)
from resources.evaluation.report import Figures, Mistake, Report
from resources.nlp.context import AnnotationContext, default_context
from resources.nlp.entities import Gazetteer, Name

DEFAULT_MISTAKES = 10

_SIGN_NOTE = (
    "The file holds only negative and positive: the sign of the score decides; a score of exactly "
    "0, or a text without words, counts as wrong."
)
_CLASS_NOTE = "The label decides; a text without words counts as neutral."
_MIXED_NOTE = (
    "The file does not tell neutral and mixed apart: both mean that neither side prevails."
)
_LANGUAGE_NOTE = "und (not sure enough to name a language) counts as wrong."
_LABELS_NOTE = "Only labels that occur in the file are compared; accuracy is of whole rows."
_OWN_NAMES_NOTE = "No names were given: the names of the file's own labels were looked for."


class EvaluationError(ReviewGraphError):
    """An evaluation that cannot be made as asked."""


class UnknownChoiceError(EvaluationError, WrongUsageError):
    """A task, tier or language was named that does not exist."""


@dataclass(frozen=True)
class Options:
    """How to evaluate.

    Attributes:
        context: What texts are read with.
        label_map: What the labels of the file mean.
        language: ISO 639-1 code that all texts are in; None where the engine is to find it.
        against: Names of baselines.
        limit: At most so many rows, evenly spread over the file.
        mistakes: How many of the worst mistakes to report.
        progress: Told how many more rows are done, each time.
    """

    context: AnnotationContext
    label_map: LabelMap = NO_MAP
    language: str | None = None
    against: tuple[str, ...] = ()
    limit: int | None = None
    mistakes: int = DEFAULT_MISTAKES
    progress: Progress | None = None


def evaluate(
    task: str,
    texts: Sequence[str | None],
    values: Sequence[str | None],
    options: Options | None = None,
) -> Report:
    """Compare the engine's answers with labels.

    Args:
        task: sentiment, language, topics or entities.
        texts: The texts of a file, null where it has none.
        values: Their labels as the file holds them, null where it has none.
        options: How to evaluate; the shipped models when None.

    Raises:
        EvaluationError: The task is unknown, or no row has a label.
        LabelError: A label is unknown.
        BaselineError: A baseline cannot be used.
    """
    require_task(task)
    if task == "aspects":
        raise EvaluationError("Aspects come from annotated files: use evaluate_aspects.")
    options = options or Options(default_context())
    options = replace(options, language=given_language(options.language))
    require_baselines(options.against, task)
    options, labelled, notes = _read(task, values, options)
    labelled = labelled.with_text(texts).spread(options.limit)
    if not labelled.rows:
        raise EvaluationError(
            f"No row has a text and a label to compare with ({len(values):,} rows read). Check the "
            "columns and the label map."
        )
    questions = Questions(
        [encodable(texts[row] or "") for row in labelled.rows],
        labelled.rows,
        labelled.labels,
        options.language,
    )
    figures, worst = _judge(task, questions, options)
    return Report(
        task=task,
        rows=len(questions.rows),
        left_out=labelled.left_out,
        tier=str(options.context.tier),
        language=options.language,
        models=options.context.versions(),
        figures=figures,
        against={name: _judge_baseline(task, questions, name) for name in options.against},
        mistakes=worst,
        notes=[*notes, *_rules(task, questions)],
    )


def require_task(task: str) -> None:
    """Check that there is such a task.

    Raises:
        EvaluationError: There is not.
    """
    if task not in TASKS:
        raise UnknownChoiceError(f"There is no task {task!r}. Choose one of: {', '.join(TASKS)}.")


def given_language(given: str | None) -> str | None:
    """ISO 639-1 code of the language that somebody named, if anybody did.

    Raises:
        EvaluationError: There is no such language.
    """
    if given is None:
        return None
    code = language_code(given)
    if code is None:
        raise UnknownChoiceError(
            f"{given!r} is no language. Give an ISO 639-1 code such as de, or leave it out: the "
            "engine then finds the language itself."
        )
    return code


def _read(
    task: str, values: Sequence[str | None], options: Options
) -> tuple[Options, Labelled, list[str]]:
    """The labels, and the options and notes that follow from them."""
    if task == "sentiment":
        return options, read_sentiments(values, options.label_map), []
    if task == "language":
        return options, read_languages(values, options.label_map), []
    if task == "topics":
        names = {spelling_of(topic.name): topic.name for topic in options.context.taxonomy.topics}
        return options, read_label_lists(values, names, options.label_map), []
    notes = []
    if not options.context.gazetteer.names:
        own = Gazetteer(tuple(Name(name, "name") for name in all_names(values)))
        options = replace(options, context=replace(options.context, gazetteer=own))
        notes.append(_OWN_NAMES_NOTE)
    names = {
        spelling_of(spelling): name.name
        for name in reversed(options.context.gazetteer.names)
        for spelling in (*name.aliases, name.name)
    }
    return options, read_label_lists(values, names, options.label_map), notes


def _judge(task: str, questions: Questions, options: Options) -> tuple[Figures, list[Mistake]]:
    context, count, progress = options.context, options.mistakes, options.progress
    if task == "sentiment":
        return sentiment_task.judge_file(questions, context, mistakes=count, progress=progress)
    if task == "language":
        return language_task.judge_file(questions, context, mistakes=count, progress=progress)
    return label_list_tasks.judge_file(questions, context, task, mistakes=count, progress=progress)


def _judge_baseline(task: str, questions: Questions, name: str) -> Figures:
    if task == "sentiment":
        return sentiment_task.judge_baseline(questions, name)
    return language_task.judge_baseline(questions, name)


def _rules(task: str, questions: Questions) -> list[str]:
    if task == "language":
        return [_LANGUAGE_NOTE]
    if task != "sentiment":
        return [_LABELS_NOTE]
    if sentiment_task.is_signed(questions):
        return [_SIGN_NOTE]
    both = {"neutral", "mixed"} <= set(questions.single_labels)
    return [_CLASS_NOTE] if both else [_CLASS_NOTE, _MIXED_NOTE]
