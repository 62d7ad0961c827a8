"""Evaluating a labelled file: from its path to a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.labelled_files import read_labelled_file
from resources.errors import ReviewGraphError
from resources.evaluation.answers import Progress, encodable
from resources.evaluation.aspect_files import read_aspect_file
from resources.evaluation.aspects_task import AspectOptions, evaluate_aspects
from resources.evaluation.baselines import require_baselines
from resources.evaluation.labels import NO_MAP, LabelMap
from resources.evaluation.report import Report
from resources.evaluation.run import (
    DEFAULT_MISTAKES,
    Options,
    UnknownChoiceError,
    evaluate,
    given_language,
    require_task,
)
from resources.nlp.context import AnnotationContext, Models, default_context
from resources.nlp.entities import Gazetteer, Name
from resources.nlp.language import detect_languages
from resources.nlp.tiers import Tier
from resources.nlp.topics import Taxonomy
from resources.training.aspect_mining import mine_lexicon


class EvaluationFileError(ReviewGraphError):
    """An option, or a file beside the labelled one, that cannot be used."""


@dataclass(frozen=True)
class Request:
    """What ``reviewgraph evaluate`` was asked.

    Attributes:
        path: The labelled file.
        task: sentiment, language, aspects, topics or entities.
        text: Columns of the text, joined with line breaks.
        label: Column of the label.
        label_map: JSON text or a file of JSON; None where the labels need no map.
        language: ISO 639-1 code of all rows; None where the engine is to find it.
        tier: fast, cascade or deep.
        against: Names of baselines.
        limit: At most so many rows.
        mistakes: How many of the worst mistakes to show.
        models: Folder of models; the shipped ones when None.
        taxonomy: JSON file of topics; the default ones when None.
        names: JSON file of names; the names among the labels when None.
        mine: Mine aspect terms from the file's own texts first, without a look at its labels.
        mine_from: File whose texts aspect terms are mined from: columns ``text`` of a table, or an
            annotated file where ``text`` names none.
    """

    path: Path
    task: str
    text: Sequence[str] = ()
    label: str = ""
    label_map: str | None = None
    language: str | None = None
    tier: str = "fast"
    against: Sequence[str] = ()
    limit: int | None = None
    mistakes: int = DEFAULT_MISTAKES
    models: Path | None = None
    taxonomy: Path | None = None
    names: Path | None = None
    mine: bool = False
    mine_from: Path | None = None


def evaluate_file(request: Request, progress: Progress | None = None) -> Report:
    """Judge the rows of a labelled file and compare with its labels.

    Args:
        request: What is wanted.
        progress: Told how many more rows are done, each time.

    Raises:
        ReviewGraphError: The file, its labels or an option cannot be used.
    """
    require_task(request.task)
    require_baselines(request.against, request.task)
    if request.task == "aspects":
        return _evaluate_aspects(request, progress)
    options = Options(
        context=context_for(request),
        label_map=NO_MAP if request.label_map is None else LabelMap.parse(request.label_map),
        language=request.language,
        against=tuple(request.against),
        limit=request.limit,
        mistakes=request.mistakes,
        progress=progress,
    )
    file = read_labelled_file(request.path, [*request.text, request.label])
    report = evaluate(request.task, file.joined(request.text), file.columns[request.label], options)
    if not file.unreadable:
        return report
    note = f"{file.unreadable:,} rows of the file cannot be read and were passed over."
    return replace(report, notes=[*report.notes, note])


def _evaluate_aspects(request: Request, progress: Progress | None) -> Report:
    context, notes = _with_mined_terms(request, context_for(request))
    options = AspectOptions(
        context=context,
        language=given_language(request.language),
        limit=request.limit,
        mistakes=request.mistakes,
        notes=notes,
        progress=progress,
    )
    return evaluate_aspects(request.path, options)


def _with_mined_terms(
    request: Request, context: AnnotationContext
) -> tuple[AnnotationContext, list[str]]:
    """The context, with the aspect terms that texts like these speak of where that is wanted."""
    mined_from = _texts_to_mine(request)
    if mined_from is None:
        return context, []
    texts = [encodable(text) for text in mined_from]
    language = given_language(request.language)
    languages = (
        [language] * len(texts)
        if language
        else detect_languages(texts, context.models.language).codes
    )
    note = f"Aspect terms were mined from {len(texts):,} texts without a look at any label."
    return replace(context, aspects=mine_lexicon(texts, languages)), [note]


def _texts_to_mine(request: Request) -> list[str] | None:
    path = request.mine_from or (request.path if request.mine else None)
    if path is None:
        return None
    if request.mine_from is None or not request.text:
        return [one.text for one in read_aspect_file(path)]
    texts = read_labelled_file(path, request.text).joined(request.text)
    return [text for text in texts if text]


def context_for(request: Request) -> AnnotationContext:
    """The models, topics and names that a request is judged with.

    Raises:
        ReviewGraphError: A file of them is missing or cannot be read.
    """
    context = replace(default_context(), tier=_tier(request.tier))
    if request.models is not None:
        models = Models(request.models)
        models.require()
        context = replace(context, models=models)
    if request.taxonomy is not None:
        context = replace(context, taxonomy=_read_taxonomy(request.taxonomy))
    if request.names is not None:
        context = replace(context, gazetteer=_read_names(request.names))
    return context


def _tier(name: str) -> Tier:
    try:
        return Tier(name)
    except ValueError as error:
        raise UnknownChoiceError(
            f"There is no tier {name!r}. Choose one of: {', '.join(Tier)}."
        ) from error


def _read_taxonomy(path: Path) -> Taxonomy:
    try:
        return Taxonomy.from_dict(_read_json(path))
    except (KeyError, TypeError, AttributeError) as error:
        raise EvaluationFileError(
            f"{path} is no taxonomy. It must look like "
            '{"topics": [{"name": ..., "description": ..., "keywords": {"en": [...]}}]}.'
        ) from error


def _read_names(path: Path) -> Gazetteer:
    try:
        names = [{"kind": "name", **name} for name in _read_json(path)]
        return Gazetteer(tuple(Name.from_dict(name) for name in names))
    except (KeyError, TypeError, AttributeError) as error:
        raise EvaluationFileError(
            f"{path} is no list of names. It must look like "
            '[{"name": "Trail Jacket", "kind": "product", "aliases": ["trail coat"]}].'
        ) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationFileError(f"{path} is not readable JSON: {error}.") from error
