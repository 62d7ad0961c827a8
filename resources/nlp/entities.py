"""Names from the tenant's own list (brands, products, places, people) found in reviews."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from resources.nlp.matching import PREFIX_MARK, find_phrases, search_forms, word_at

KINDS = ("brand", "product", "competitor", "place", "person")

_APOSTROPHES = str.maketrans("", "", "'\u2019\u00b4`")
_SHORTEST_STEM = 4
_LONGEST_ENDING = 4
# A case ending often replaces the last vowel: Москва, в Москве; Aurora, Auroran.
_FINAL_VOWELS = "aeiouyąęаеёийоуыьэюяαεηιουω"  # noqa: RUF001 - three alphabets


@dataclass(frozen=True)
class Name:
    """One name to look for.

    Attributes:
        name: As it is reported.
        kind: What it names, one of ``KINDS`` or a word of the tenant's own.
        aliases: Other spellings.
        inflected: Whether its last word may carry an ending of up to four letters, for languages
            with cases ("Aurora" in "Auroralla", "Москва" in "Москвой").
    """

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    inflected: bool = False

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Name:
        """Read ``{"name": ..., "kind": ..., "aliases": [...], "inflected": true}``."""
        return cls(
            document["name"],
            document["kind"],
            tuple(document.get("aliases") or ()),
            bool(document.get("inflected")),
        )

    def to_dict(self) -> dict[str, Any]:
        """The name as plain data, for JSON."""
        document: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "aliases": list(self.aliases),
        }
        return document | {"inflected": True} if self.inflected else document

    def spellings(self) -> Iterator[str]:
        """The name, its aliases, and each without its apostrophes ("McDonalds")."""
        for spelling in (self.name, *self.aliases):
            yield spelling
            joined = spelling.translate(_APOSTROPHES)
            if joined != spelling:
                yield joined


@dataclass(frozen=True)
class Gazetteer:
    """The tenant's names. Where two share a spelling, the first one listed is meant."""

    names: tuple[Name, ...] = ()

    @cached_property
    def version(self) -> str:
        """Short hash of the content."""
        content = json.dumps([name.to_dict() for name in self.names], sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()[:10]

    @cached_property
    def forms(self) -> dict[str, int]:
        """Search form -> number of the name."""
        spellings = [
            (number, spelling, name.inflected)
            for number, name in enumerate(self.names)
            for spelling in name.spellings()
        ]
        # A trailing * is part of a name here, not a wildcard; normalising drops it.
        whole = search_forms(spelling.rstrip(PREFIX_MARK) for _, spelling, _ in spellings)
        forms: dict[str, int] = {}
        for (number, _, _), form in zip(spellings, whole, strict=True):
            if form:
                forms.setdefault(form, number)
        for (number, _, inflected), form in zip(spellings, whole, strict=True):
            stem = _stem(form)
            if inflected and stem:
                forms.setdefault(stem, number)
        return forms


@dataclass(frozen=True)
class EntityLabels:
    """Names found in many reviews, the kind of each, and the words that they were found by."""

    names: list[list[str]]
    kinds: list[list[str]]
    forms: list[list[str]]


def find_entities(normalised: pl.Series, gazetteer: Gazetteer) -> EntityLabels:
    """Find the tenant's names, each once per review, in order of appearance.

    A name inside a longer one that was found too ("Aurora" in "Aurora Mini") does not count. What
    follows an apostrophe is a word of its own: "Aurora's" holds the name.

    Args:
        normalised: Texts as ``matching.normalise`` returns them.
        gazetteer: The names.
    """
    matches = find_phrases(normalised, list(gazetteer.forms))
    labels = EntityLabels([], [], [])
    for text, forms, starts in zip(normalised, matches.forms, matches.starts, strict=True):
        outermost = _outermost(_spans(text, forms or (), starts or ()))
        found = dict.fromkeys(gazetteer.names[gazetteer.forms[form]] for form, _ in outermost)
        labels.names.append([name.name for name in found])
        labels.kinds.append([name.kind for name in found])
        labels.forms.append([words for _, words in outermost])
    return labels


_Span = tuple[int, int, str, str]


def _spans(text: str, forms: Sequence[str], starts: Sequence[int]) -> list[_Span]:
    """Start and end in bytes, form, and the words that stand there."""
    if not forms:
        return []
    encoded = text.encode()
    spans = []
    for form, start in zip(forms, starts, strict=True):
        words = word_at(encoded, start, form)
        ending = len(words) - len(form.strip())
        if ending <= _LONGEST_ENDING or not _is_stem(form):
            spans.append((start, start + len(form.rstrip(" ").encode()), form, words))
    return spans


def _outermost(spans: Sequence[_Span]) -> list[tuple[str, str]]:
    kept: list[tuple[str, str]] = []
    reached = -1
    for _, end, form, words in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reached:
            kept.append((form, words))
            reached = end
    return kept


def _stem(form: str) -> str:
    """The search form of a name whose last word carries any ending; "" for short names."""
    if not form.startswith(" ") or not form.endswith(" "):
        return ""  # scripts without spaces, and Korean, which matches as a prefix anyway
    stem = form.rstrip(" ")
    length = len(stem.rpartition(" ")[2])
    if length > _SHORTEST_STEM and stem[-1] in _FINAL_VOWELS:
        stem = stem[:-1]
    return stem if length >= _SHORTEST_STEM else ""


def _is_stem(form: str) -> bool:
    """Whether a form is a prefix in a script that separates words (Korean particles run long)."""
    return form.startswith(" ") and not form.endswith(" ") and form[-1] < "\uac00"
