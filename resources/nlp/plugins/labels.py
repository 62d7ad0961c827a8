"""Whose labels are these? The models' own names of polarities and kinds, read as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.plugins.contract import PluginError

POLARITIES = ("negative", "neutral", "positive")

_SPELLINGS = {
    "negative": {"negative", "neg", "negativ", "negatif", "negativo", "bad", "very negative"},
    "neutral": {"neutral", "neu", "neutre", "neutro"},
    "positive": {"positive", "pos", "positiv", "positif", "positivo", "good", "very positive"},
}
_STARS = re.compile(r"([1-5])(?: stars?)?")
_STAR_POLARITIES = ("negative", "negative", "neutral", "positive", "positive")
_ALL_STARS = {1, 2, 3, 4, 5}

_KINDS = {
    "per": "person",
    "person": "person",
    "org": "organisation",
    "organization": "organisation",
    "corporation": "organisation",
    "loc": "place",
    "location": "place",
    "gpe": "place",
    "fac": "place",
    "facility": "place",
    "product": "product",
    "work_of_art": "product",
    "creative-work": "product",
}
# Figures and dates are no names.
_NO_NAMES = frozenset(
    ["cardinal", "date", "language", "money", "ordinal", "percent", "quantity", "time"]
)


def polarity_columns(
    labels: Sequence[str], given: Mapping[str, Any] | None, model: str
) -> npt.NDArray[np.float64]:
    """The matrix that turns a model's probabilities into ours.

    Args:
        labels: The model's labels, in the order of its outputs.
        given: Label -> polarity, as set by the tenant; guessed from the labels where None.
        model: For the message.

    Returns:
        ``[labels, 3]``, one 1 per row.

    Raises:
        PluginError: A label has no polarity that is known or can be guessed.
    """
    found = _given(labels, given, model) if given else _guessed(labels)
    if found is None or "negative" not in found or "positive" not in found:
        raise PluginError(
            f"The labels of {model} ({', '.join(labels)}) do not say which is negative and which "
            'is positive. Add the option labels, for example {"'
            f'{labels[0] if labels else "LABEL_0"}": "negative", ...}}.'
        )
    columns = np.zeros((len(labels), len(POLARITIES)))
    columns[np.arange(len(labels)), [POLARITIES.index(polarity) for polarity in found]] = 1
    return columns


def _given(labels: Sequence[str], given: Mapping[str, Any], model: str) -> list[str]:
    for label in labels:
        if given.get(label) not in POLARITIES:
            raise PluginError(
                f"The option labels says nothing usable of the label {label!r} of {model}. Give "
                f"each of {', '.join(labels)} as negative, neutral or positive."
            )
    return [str(given[label]) for label in labels]


def _guessed(labels: Sequence[str]) -> list[str] | None:
    plain = [re.sub(r"[\s_-]+", " ", label).strip().lower() for label in labels]
    stars = [_STARS.fullmatch(label) for label in plain]
    numbers = [int(match[1]) for match in stars if match]
    if len(numbers) == len(labels) and set(numbers) == _ALL_STARS:
        return [_STAR_POLARITIES[number - 1] for number in numbers]
    found = [
        next((ours for ours, words in _SPELLINGS.items() if label in words), None)
        for label in plain
    ]
    return None if None in found else [polarity for polarity in found if polarity]


def kind_of(label: str, given: Mapping[str, Any] | None) -> str | None:
    """The kind of entity that a model's label stands for; None to leave such entities out."""
    if given and label in given:
        kind = given[label]
        return str(kind) if kind else None
    plain = re.sub(r"^[BILUES]-", "", label).lower()
    return None if plain in _NO_NAMES else _KINDS.get(plain, plain)
