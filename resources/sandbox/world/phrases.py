"""Phrase banks: one JSON file per language, read once and compiled for fast drawing.

A phrase is text with alternatives and slots: ``the [seam|zip] broke after {n} days``. It begins in
lower case where the language would write it so in mid-sentence, and has no full stop. Slots:
``{p}`` product, ``{b}`` own brand, ``{c}`` competitor, ``{l}`` location, ``{n}`` 2 to 9, ``{o}`` an
ordinal's number 4 to 9, ``{m}`` 10 to 59, ``{h}`` a height in cm, ``{v}`` an adverb of degree,
``{w}`` a time, ``{who}`` a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ja", "pl", "tr")
POLARITIES = {"+": "positive", "-": "negative", "0": "neutral"}

_ALTERNATIVES = re.compile(r"\[([^\]]*)\]")

Random = Callable[[], float]


@dataclass(frozen=True)
class Phrase:
    """One compiled phrase: parts in order, each a tuple of alternatives; slots still open."""

    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def compile(cls, source: str) -> Phrase:
        """Split ``a [b|c] d`` into its parts."""
        pieces = _ALTERNATIVES.split(source)
        parts = tuple(
            tuple(piece.split("|")) if position % 2 else (piece,)
            for position, piece in enumerate(pieces)
            if position % 2 or piece
        )
        return cls(parts)

    def draw(self, random: Random) -> str:
        """Choose among the alternatives."""
        chosen = ""
        for part in self.parts:  # a handful at most: faster than joining
            count = len(part)
            chosen += part[0] if count == 1 else part[int(random() * count)]
        return chosen

    @property
    def names_competitor(self) -> bool:
        """Whether it can only be said with a competitor at hand."""
        return any("{c}" in option for part in self.parts for option in part)


Phrases = tuple[Phrase, ...]


@dataclass(frozen=True)
class PhraseBank:
    """Everything needed to write in one language.

    Attributes:
        code: ISO 639-1 code.
        space: What separates sentences; empty in Japanese.
        stop: The full stop.
        capitals: Whether sentences begin with a capital letter.
        context: Sentences that set the scene, by kind of business.
        opening: First judgements, by sentiment; ``closing`` likewise.
        compare: Sentences that name a competitor, by sentiment.
        also: How sentences of one mind are joined; ``contrast``: those of two minds.
        topics: Sentences by topic and polarity (positive, negative, neutral).
    """

    code: str
    name: str
    space: str
    stop: str
    capitals: bool
    very: tuple[str, ...]
    when: tuple[str, ...]
    who: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    family_name_first: bool
    also: tuple[str, ...]
    contrast: tuple[str, ...]
    context: Mapping[str, Phrases]
    opening: Mapping[str, Phrases]
    closing: Mapping[str, Phrases]
    compare: Mapping[str, Phrases]
    titles: Mapping[str, Phrases]
    emoji: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, Mapping[str, Phrases]]

    def capitalise(self, sentence: str) -> str:
        """Begin a sentence as the language does."""
        if not self.capitals or not sentence:
            return sentence
        first = "İ" if self.code == "tr" and sentence[0] == "i" else sentence[0].upper()
        return first + sentence[1:]


def _compile_all(group: Mapping[str, list[str]]) -> dict[str, Phrases]:
    return {key: tuple(Phrase.compile(text) for text in texts) for key, texts in group.items()}


def _part_rivals(group: Mapping[str, Phrases]) -> tuple[dict[str, Phrases], dict[str, Phrases]]:
    """Part the phrases that need a competitor from those that do not."""
    plain = {key: tuple(p for p in group[key] if not p.names_competitor) for key in group}
    rivals = {key: tuple(p for p in group[key] if p.names_competitor) for key in group}
    return plain, rivals


@cache
def phrase_bank(code: str) -> PhraseBank:
    """Read and compile the bank of one language.

    Args:
        code: One of ``LANGUAGES``.
    """
    source = files("resources.sandbox.world.languages").joinpath(f"{code}.json")
    content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    closing, rivals = _part_rivals(_compile_all(content["close"]))
    compare = _compile_all(content["compare"])
    return PhraseBank(
        code=code,
        name=content["name"],
        space=content["space"],
        stop=content["stop"],
        capitals=content["capitals"],
        very=tuple(content["very"]),
        when=tuple(content["when"]),
        who=tuple(content["who"]),
        first_names=tuple(content["first"]),
        last_names=tuple(content["last"]),
        family_name_first=bool(content.get("family_name_first")),
        also=tuple(content["also"]),
        contrast=tuple(content["contrast"]),
        context=_compile_all(content["context"]),
        opening=_compile_all(content["open"]),
        closing=closing,
        compare={key: phrases + rivals[key] for key, phrases in compare.items()},
        titles=_compile_all(content["title"]),
        emoji={key: tuple(symbols) for key, symbols in content["emoji"].items()},
        topics={
            topic: _compile_all({POLARITIES[sign]: texts for sign, texts in polarities.items()})
            for topic, polarities in content["topics"].items()
        },
    )
