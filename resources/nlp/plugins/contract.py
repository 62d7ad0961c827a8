"""What every plug-in of a task can do, whichever library runs it.

All answers depend on the single text alone: texts are read one at a time, never padded to the
length of their neighbours, and figures are rounded to six digits. Any string is fine: lone
surrogates are read as replacement characters, blank texts get the neutral answer named below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from resources.errors import ReviewGraphError

FIGURE_DIGITS = 6
LENGTH_LIMIT = 20_000  # characters read of one text
_SURROGATE = re.compile("[\ud800-\udfff]")


class PluginError(ReviewGraphError):
    """A plug-in is set up wrongly, or something that it needs is missing."""


@dataclass(frozen=True)
class Entity:
    """Something named in a text.

    Attributes:
        text: As written.
        kind: ``person``, ``organisation``, ``place``, ``product``, or the model's own label in
            lower case.
        start: Code point offset of its first character.
        end: Offset after its last one.
    """

    text: str
    kind: str
    start: int
    end: int


class SentimentPlugin(Protocol):
    """Judges how texts feel."""

    def judge(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probabilities of negative, neutral and positive, ``[texts, 3]``; blank: a third each."""
        ...


class EntityPlugin(Protocol):
    """Finds what texts name."""

    def find(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each text in order of appearance, without overlaps."""
        ...


class ZeroShotPlugin(Protocol):
    """Says how well descriptions fit texts, without having been trained on them."""

    def label(self, texts: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probability that each name fits, each by itself, ``[texts, names]``; blank: 0."""
        ...


class EmbeddingPlugin(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Rows of length one, ``[texts, dimensions]``; of a blank text zeros."""
        ...


def readable(text: str) -> str:
    """The part of a text that plug-ins read; offsets into it are offsets into the text."""
    return _SURROGATE.sub("\ufffd", text[:LENGTH_LIMIT])


def required(package: str) -> Any:
    """Import an optional package.

    Raises:
        PluginError: It is not installed; the message says how to install it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        remedy = "pip install 'reviewgraph[plugins]'"
        if package == "torch":
            remedy = "pip install torch==2.13.0"
        raise PluginError(
            f"This plug-in needs the package {package}, which is not installed or does not load "
            f"({error}). Install it with: {remedy}"
        ) from error
