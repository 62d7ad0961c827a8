"""Names from the tenant's own list (brands, products, places, people) found in reviews."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from resources.nlp.matching import find_phrases, search_forms


@dataclass(frozen=True)
class Name:
    """One name to look for.

    Attributes:
        name: As it is reported.
        kind: What it names, for example ``product``, ``competitor``, ``place``, ``person``.
        aliases: Other spellings.
    """

    name: str
    kind: str
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Name:
        """Read ``{"name": ..., "kind": ..., "aliases": [...]}``."""
        return cls(document["name"], document["kind"], tuple(document.get("aliases") or ()))

    def to_dict(self) -> dict[str, Any]:
        """The name as plain data, for JSON."""
        return {"name": self.name, "kind": self.kind, "aliases": list(self.aliases)}


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
            (number, spelling)
            for number, name in enumerate(self.names)
            for spelling in (name.name, *name.aliases)
        ]
        forms: dict[str, int] = {}
        # A trailing * is part of a name here, not a wildcard; normalising drops it.
        cleaned = search_forms(spelling.rstrip("*") for _, spelling in spellings)
        for (number, _), form in zip(spellings, cleaned, strict=True):
            if form:
                forms.setdefault(form, number)
        return forms


@dataclass(frozen=True)
class EntityLabels:
    """Names found in many reviews, and the kind of each."""

    names: list[list[str]]
    kinds: list[list[str]]


def find_entities(normalised: pl.Series, gazetteer: Gazetteer) -> EntityLabels:
    """Find the tenant's names, each once per review, in order of appearance.

    A name inside a longer one that was found too ("Aurora" in "Aurora Mini") does not count.

    Args:
        normalised: Texts as ``matching.normalise`` returns them.
        gazetteer: The names.
    """
    matches = find_phrases(normalised, list(gazetteer.forms))
    labels = EntityLabels([], [])
    for forms, starts in zip(matches.forms, matches.starts, strict=True):
        spans = [
            (start, start + len(form.rstrip(" ").encode()), form)
            for form, start in zip(forms or (), starts or (), strict=True)
        ]
        found = [gazetteer.names[gazetteer.forms[form]] for form in _outermost(spans)]
        unique = list(dict.fromkeys(found))
        labels.names.append([name.name for name in unique])
        labels.kinds.append([name.kind for name in unique])
    return labels


def _outermost(spans: Sequence[tuple[int, int, str]]) -> list[str]:
    kept: list[str] = []
    reached = -1
    for _, end, form in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reached:
            kept.append(form)
            reached = end
    return kept
