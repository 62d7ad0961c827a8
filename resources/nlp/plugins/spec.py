"""The setting that describes one plug-in, checked before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from resources.nlp.plugins.contract import PluginError


class Task(StrEnum):
    """What a plug-in is for."""

    SENTIMENT = "sentiment"
    NER = "ner"
    ZERO_SHOT = "zero_shot"
    EMBEDDINGS = "embeddings"


class Engine(StrEnum):
    """The library that runs a model."""

    TRANSFORMERS = "transformers"
    SPACY = "spacy"


def _is_label_map(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(
            isinstance(label, str) and (kind is None or isinstance(kind, str))
            for label, kind in value.items()
        )
    )


def _is_token_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= _MIN_TOKENS


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_template(value: object) -> bool:
    return isinstance(value, str) and value.count("{}") == 1


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_pooling(value: object) -> bool:
    return value in {"mean", "first"}


_MIN_TOKENS = 8
_EVERY_TASK = frozenset(Task)
# Option -> (what it must be, check, tasks that know it).
_OPTIONS: Mapping[str, tuple[str, Callable[[object], bool], frozenset[Task]]] = {
    "labels": (
        "an object from the model's labels to ours",
        _is_label_map,
        frozenset({Task.SENTIMENT, Task.NER}),
    ),
    "max_tokens": (f"a number of at least {_MIN_TOKENS}", _is_token_count, _EVERY_TASK),
    "template": ("a sentence with one {}", _is_template, frozenset({Task.ZERO_SHOT})),
    "prefix": ("text", _is_text, frozenset({Task.EMBEDDINGS})),
    "pooling": ("mean or first", _is_pooling, frozenset({Task.EMBEDDINGS})),
    "revision": ("text", _is_text, _EVERY_TASK),
    "allow_download": ("true or false", _is_flag, _EVERY_TASK),
}
_FIELDS = frozenset({"task", "engine", "model", "options"})


@dataclass(frozen=True)
class PluginSpec:
    """One model for one task.

    Attributes:
        task: What it is for.
        engine: The library that runs it.
        model: A folder on this machine, the name of a model in the Hugging Face cache, or the name
            of an installed spaCy pipeline.
        options: ``labels`` (the model's labels -> negative, neutral, positive; or -> kinds of
            entities, null to leave one out), ``max_tokens`` (read at once), ``template`` (zero-shot
            hypothesis with ``{}``), ``prefix`` and ``pooling`` (embeddings), ``revision``,
            ``allow_download`` (false unless given: never contact a hub).

    Raises:
        PluginError: The setting cannot work.
    """

    task: Task
    engine: Engine
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", _member(Task, self.task, "task"))
        object.__setattr__(self, "engine", _member(Engine, self.engine, "engine"))
        if not isinstance(self.model, str) or not self.model.strip():
            raise PluginError(
                f"The {self.task} plug-in names no model. Give a folder or the name of a model."
            )
        if self.engine == Engine.SPACY and self.task == Task.ZERO_SHOT:
            raise PluginError(
                "spaCy has no zero-shot classification. Use the engine transformers with a model "
                "trained on natural language inference."
            )
        if not isinstance(self.options, Mapping):
            raise PluginError(f"The options of the {self.task} plug-in must be an object.")
        for name, value in self.options.items():
            _check_option(self.task, name, value)
        object.__setattr__(self, "options", dict(self.options))

    def __hash__(self) -> int:
        return hash(self.canonical)

    @property
    def canonical(self) -> str:
        """The setting as text; equal settings give equal texts."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """The setting as plain data, for JSON."""
        return {
            "task": str(self.task),
            "engine": str(self.engine),
            "model": self.model,
            "options": dict(self.options),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> PluginSpec:
        """Read ``{"task": ..., "engine": ..., "model": ..., "options": {...}}``.

        Raises:
            PluginError: A field is missing, unknown or wrong.
        """
        if not isinstance(document, Mapping):
            raise PluginError("A plug-in is an object with task, engine, model and options.")
        unknown = sorted(set(document) - _FIELDS)
        if unknown:
            raise PluginError(
                f"A plug-in has no field {unknown[0]!r}. It has task, engine, model and options."
            )
        return cls(
            document.get("task", ""),
            document.get("engine", ""),
            document.get("model", ""),
            document.get("options") or {},
        )


_Choice = TypeVar("_Choice", bound=StrEnum)


def _member(choices: type[_Choice], value: object, name: str) -> _Choice:
    try:
        return choices(str(value))
    except ValueError as error:
        listed = ", ".join(choices)
        raise PluginError(f"A plug-in has no {name} {value!r}. Choose one of: {listed}.") from error


def _check_option(task: Task, name: object, value: object) -> None:
    known = sorted(option for option, (_, _, tasks) in _OPTIONS.items() if task in tasks)
    if name not in known:
        raise PluginError(
            f"The {task} plug-in has no option {name!r}. It knows: {', '.join(known)}."
        )
    wanted, fits, _ = _OPTIONS[str(name)]
    if not fits(value):
        raise PluginError(f"The option {name} of the {task} plug-in must be {wanted}.")
