"""Which terms name an aspect, and the category of each: shipped, mined, and edited by people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from resources.errors import ReviewGraphError
from resources.nlp.aspects.inflections import inflected
from resources.nlp.aspects.lookup import HashTable
from resources.nlp.aspects.tokens import hash_phrases
from resources.nlp.aspects.vocabulary import seeds

OTHER = "other"
OVERALL = "overall"
ANY_LANGUAGE = "*"
LONGEST_TERM = 5  # words

_VERSION_DIGITS = 10
_MAX_SURE = 0.99
_UNMINED_SCORE = 0.3  # what shipped terms are worth before a tenant's reviews were read


class AspectEditError(ReviewGraphError):
    """An edit of an aspect lexicon cannot be made."""


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        text: In lower case, as shown to people.
        category: One of the lexicon's categories, or ``other``.
        language: Of the reviews it is searched in; ``*`` for all.
        count: How often the mined reviews hold it; 0 where it was not mined.
        score: How sure the miner is, 0..1; 1 for shipped and edited terms.
        example: A piece of a review that holds it, for a person to judge by.
        span: Where the term stands in the example, [start, end).
    """

    text: str
    category: str
    language: str = ANY_LANGUAGE
    count: int = 0
    score: float = 1.0
    example: str = ""
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Edit:
    """What a person changed; it wins over whatever is shipped or mined.

    Attributes:
        action: ``add`` a term, ``remove`` it, ``rename`` it, or set its ``category``.
        term: The term concerned.
        category: For ``add`` and ``category``.
        name: For ``rename``: what it shall be called. Both forms are then found.
        language: For ``add``; the others concern the term in all languages.
    """

    action: Literal["add", "remove", "rename", "category"]
    term: str
    category: str = OTHER
    name: str = ""
    language: str = ANY_LANGUAGE


@dataclass(frozen=True)
class AspectLexicon:
    """Terms and their categories.

    Attributes:
        categories: Name -> description, in the order in which they are shown.
        terms: Sorted by language and text, each once.
        aliases: Text as written -> text of the term it stands for (left by renaming).
    """

    categories: Mapping[str, str]
    terms: tuple[Term, ...]
    aliases: Mapping[str, str]

    @classmethod
    def of(
        cls,
        categories: Mapping[str, str],
        terms: Iterable[Term],
        aliases: Mapping[str, str] | None = None,
    ) -> AspectLexicon:
        """A lexicon of these terms; of two with the same text and language the later stays."""
        kept = {(term.language, term.text): term for term in terms}
        return cls(dict(categories), tuple(kept[key] for key in sorted(kept)), dict(aliases or {}))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> AspectLexicon:
        """Read the form that ``to_dict`` writes."""
        terms = [
            Term(**{**dict(term), "span": tuple(term.get("span", (0, 0)))})
            for term in document["terms"]
        ]
        return cls.of(document["categories"], terms, document.get("aliases", {}))

    def to_dict(self) -> dict[str, Any]:
        """The lexicon as plain data, for JSON; what is as by default is left out of each term."""
        blank = Term("", "")
        terms = [
            {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in vars(term).items()
                if value != getattr(blank, name)
            }
            for term in self.terms
        ]
        return {
            "categories": dict(self.categories),
            "terms": terms,
            "aliases": dict(sorted(self.aliases.items())),
        }

    @cached_property
    def version(self) -> str:
        """Short hash of what decides an annotation."""
        content = [
            sorted(self.categories),
            [
                [term.language, term.text, term.category, term.score if term.count else None]
                for term in self.terms
            ],
            sorted(self.aliases.items()),
        ]
        digest = hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:_VERSION_DIGITS]

    def with_terms(self, terms: Iterable[Term]) -> AspectLexicon:
        """These terms added; where a text and language are known already, nothing changes."""
        return AspectLexicon.of(self.categories, [*terms, *self.terms], self.aliases)

    def merge(self, edits: Iterable[Edit | Mapping[str, str]]) -> AspectLexicon:
        """The lexicon as a tenant's people want it.

        Args:
            edits: In the order in which they were made, as ``Edit`` or mappings of its fields.

        Raises:
            AspectEditError: An edit names no term, an unknown action or an unknown category.
        """
        lexicon = self
        for edit in edits:
            lexicon = lexicon._edited(_checked(edit, self.categories))
        return lexicon

    def _edited(self, edit: Edit) -> AspectLexicon:
        named = {edit.term, self.aliases.get(edit.term, edit.term)}
        concerned = [term for term in self.terms if term.text in named]
        others = [term for term in self.terms if term.text not in named]
        aliases = dict(self.aliases)
        changed: list[Term] = []
        if edit.action == "add":
            added = Term(edit.term, edit.category, edit.language)
            return AspectLexicon.of(self.categories, [*self.terms, added], aliases)
        if edit.action == "remove":
            aliases = {form: text for form, text in aliases.items() if text not in named}
        elif edit.action == "category":
            changed = [replace(term, category=edit.category) for term in concerned]
        else:
            changed = [replace(term, text=edit.name) for term in concerned]
            aliases = {
                form: edit.name if text in named else text for form, text in aliases.items()
            } | {term.text: edit.name for term in concerned}
        return AspectLexicon.of(self.categories, [*others, *changed], aliases)

    @cached_property
    def odds(self) -> npt.NDArray[np.float64]:
        """Odds that each term is an aspect where it stands, as far as the reviews told."""
        scores = [term.score if term.count else _UNMINED_SCORE for term in self.terms]
        bounded = np.clip(np.array(scores, np.float64), 1 - _MAX_SURE, _MAX_SURE)
        return bounded / (1 - bounded)

    def phrases(self, language: str) -> tuple[HashTable, ...]:
        """The forms to search in reviews of a language, by their number of words from 1."""
        if language not in self._tables:
            self._tables[language] = _phrase_tables(self, language)
        return self._tables[language]

    @cached_property
    def _tables(self) -> dict[str, tuple[HashTable, ...]]:
        return {}


def _checked(edit: Edit | Mapping[str, str], categories: Mapping[str, str]) -> Edit:
    if not isinstance(edit, Edit):
        try:
            edit = Edit(**edit)  # type: ignore[arg-type]
        except TypeError as error:
            raise AspectEditError(
                f"{edit!r} is no edit of an aspect lexicon: {error}. Give action, term and, "
                "as the action needs, category, name or language."
            ) from error
    edit = replace(edit, term=normal_term(edit.term), name=normal_term(edit.name))
    if edit.action not in {"add", "remove", "rename", "category"}:
        raise AspectEditError(
            f"The action {edit.action!r} is unknown. Use add, remove, rename or category."
        )
    if not edit.term or (edit.action == "rename" and not edit.name):
        raise AspectEditError(f"The edit {edit.action!r} names no term. Give term (and name).")
    if edit.action in {"add", "category"} and edit.category not in {*categories, OTHER}:
        raise AspectEditError(
            f"There is no category {edit.category!r} for the term {edit.term!r}. Use one of: "
            f"{', '.join(categories)}, {OTHER}."
        )
    return edit


def normal_term(text: str) -> str:
    """A term as the lexicon holds it: lower case, single spaces."""
    return " ".join(text.lower().split())


def _phrase_tables(lexicon: AspectLexicon, language: str) -> tuple[HashTable, ...]:
    """For each number of words from 1 the forms of all terms that are searched in a language."""
    written: dict[str, list[str]] = {}
    for form, text in lexicon.aliases.items():
        written.setdefault(text, []).append(form)
    forms: dict[str, tuple[tuple[bool, bool], int]] = {}
    for number, term in enumerate(lexicon.terms):
        if term.language not in {language, ANY_LANGUAGE}:
            continue
        for text in (term.text, *written.get(term.text, [])):
            for rank, form in enumerate(inflected(text, language)):
                # What is written just so goes before a plural, a language before "all".
                claim = (rank > 0, term.language == ANY_LANGUAGE)
                if form not in forms or claim < forms[form][0]:
                    forms[form] = (claim, number)
    hashes, counts = hash_phrases(list(forms))
    numbers = np.fromiter((number for _, number in forms.values()), np.int64, len(forms))
    return tuple(
        HashTable.of(hashes[counts == length], numbers[counts == length])
        for length in range(1, LONGEST_TERM + 1)
    )


@lru_cache(maxsize=1)
def default_lexicon() -> AspectLexicon:
    """The lexicon that ReviewGraph ships."""
    document = seeds()
    terms = [
        Term(normal_term(text), category, language)
        for language, by_category in document["terms"].items()
        for category, listed in by_category.items()
        for text in listed.split(", ")
    ]
    categories = {entry["name"]: entry["description"] for entry in document["categories"]}
    return AspectLexicon.of(categories, terms)
