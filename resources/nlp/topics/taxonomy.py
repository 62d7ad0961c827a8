"""The topics that a tenant's reviews can have: names, descriptions, examples, keywords.

The default taxonomy is data (``lexicons/taxonomy.json``). A keyword matches whole words; one that
ends in ``*`` also matches longer words, which serves languages that inflect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from resources.errors import ReviewGraphError
from resources.nlp.matching import search_forms

DEFAULT_TAXONOMY = Path(__file__).parents[1] / "lexicons" / "taxonomy.json"

MAX_TOPICS = 100
MAX_EXAMPLES, LONGEST_EXAMPLE = 50, 1_000  # of one topic; characters
MAX_KEYWORDS, LONGEST_KEYWORD = 500, 100  # of one topic and language; characters
LONGEST_NAME, LONGEST_DESCRIPTION = 80, 500


class InvalidTaxonomyError(ReviewGraphError):
    """A document is no taxonomy."""


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: As shown to people.
        description: What it covers.
        keywords: Language code -> keywords.
        examples: Texts that have it; reviews that say the like have it too.
    """

    name: str
    description: str
    keywords: Mapping[str, Sequence[str]]
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The topic as plain data; examples are left out where there are none."""
        document: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "keywords": {code: list(words) for code, words in self.keywords.items()},
        }
        return document | ({"examples": list(self.examples)} if self.examples else {})


@dataclass(frozen=True)
class Taxonomy:
    """The topics that a review can have, in the order in which they are reported."""

    topics: tuple[Topic, ...]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Taxonomy:
        """Read the form that ``to_dict`` writes and the lexicon holds."""
        return cls(
            tuple(
                Topic(
                    topic["name"],
                    topic["description"],
                    topic["keywords"],
                    tuple(topic.get("examples", ())),
                )
                for topic in document["topics"]
            )
        )

    @classmethod
    def parse(cls, document: object) -> Taxonomy:
        """Read a taxonomy that somebody wrote, and check it.

        Args:
            document: ``{"topics": [{"name", "description"?, "keywords"?, "examples"?}, ...]}``.

        Raises:
            InvalidTaxonomyError: It has another form, a name twice, a topic that nothing could
                ever match, or more of something than is allowed.
        """
        listed = document.get("topics") if isinstance(document, Mapping) else None
        if not isinstance(listed, list) or not listed:
            raise InvalidTaxonomyError('A taxonomy is {"topics": [...]} with at least one topic.')
        if len(listed) > MAX_TOPICS:
            raise InvalidTaxonomyError(
                f"A taxonomy has at most {MAX_TOPICS} topics, not {len(listed)}. Merge some."
            )
        topics = tuple(_parse_topic(topic, place) for place, topic in enumerate(listed, start=1))
        _refuse_repeated_names(topics)
        return cls(topics)

    def to_dict(self) -> dict[str, Any]:
        """The taxonomy as plain data, for JSON."""
        return {"topics": [topic.to_dict() for topic in self.topics]}

    @property
    def names(self) -> list[str]:
        """The topics' names, in order."""
        return [topic.name for topic in self.topics]

    @property
    def has_examples(self) -> bool:
        """Whether any topic is also found by likeness."""
        return any(topic.examples for topic in self.topics)

    @cached_property
    def version(self) -> str:
        """Short hash of the content."""
        content = json.dumps(self.to_dict(), sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()[:10]

    @cached_property
    def languages(self) -> frozenset[str]:
        """Codes of the languages in which every topic has keywords."""
        return frozenset.intersection(*(frozenset(topic.keywords) for topic in self.topics))

    @cached_property
    def forms_by_language(self) -> dict[str, list[str]]:
        """Language code -> the search forms of its keywords."""
        listed: dict[str, list[str]] = {}
        for form, by_language in self.forms.items():
            for code in by_language:
                listed.setdefault(code, []).append(form)
        return listed

    @cached_property
    def forms(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Search form -> language -> numbers of the topics it speaks for."""
        rows = [
            (number, code, word)
            for number, topic in enumerate(self.topics)
            for code, words in topic.keywords.items()
            for word in words
        ]
        forms: dict[str, dict[str, tuple[int, ...]]] = {}
        for (number, code, _), form in zip(rows, search_forms(row[2] for row in rows), strict=True):
            if form:
                by_language = forms.setdefault(form, {})
                by_language[code] = (*by_language.get(code, ()), number)
        return forms


@lru_cache(maxsize=1)
def default_taxonomy() -> Taxonomy:
    """The taxonomy that ReviewGraph ships."""
    return Taxonomy.from_dict(json.loads(DEFAULT_TAXONOMY.read_text(encoding="utf-8")))


def _parse_topic(document: object, place: int) -> Topic:
    if not isinstance(document, Mapping):
        raise InvalidTaxonomyError(f"Topic {place} is not an object with a name.")
    where = f"Topic {place}"
    name = _text(document.get("name"), f"{where}: the name", LONGEST_NAME)
    if not name:
        raise InvalidTaxonomyError(f"{where} has no name. Give it one.")
    where = f"Topic {name!r}"
    description = _text(
        document.get("description", ""), f"{where}: the description", LONGEST_DESCRIPTION
    )
    examples = _texts(
        document.get("examples", []), f"{where}: examples", MAX_EXAMPLES, LONGEST_EXAMPLE
    )
    keywords = _parse_keywords(document.get("keywords", {}), where)
    if not examples and not any(keywords.values()):
        raise InvalidTaxonomyError(
            f"{where} has neither keywords nor examples: no review could ever have it. Add one."
        )
    return Topic(name, description, keywords, examples)


def _parse_keywords(document: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(document, Mapping):
        raise InvalidTaxonomyError(
            f'{where}: keywords are listed by language, as {{"en": ["late", "delay*"]}}.'
        )
    keywords = {}
    for code, words in document.items():
        if not isinstance(code, str) or not code:
            raise InvalidTaxonomyError(f"{where}: {code!r} is no code of a language, as en is.")
        kept = _texts(words, f"{where}: keywords of {code}", MAX_KEYWORDS, LONGEST_KEYWORD)
        silent = [word for word, form in zip(kept, search_forms(kept), strict=True) if not form]
        if silent:
            raise InvalidTaxonomyError(
                f"{where}: the keyword {silent[0]!r} has no letter or digit. Take it out."
            )
        keywords[code] = kept
    return keywords


def _text(value: object, what: str, longest: int) -> str:
    if not isinstance(value, str):
        raise InvalidTaxonomyError(f"{what} is not a text.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidTaxonomyError(f"{what} holds half a character. Write it again.") from None
    text = value.strip()
    if len(text) > longest:
        raise InvalidTaxonomyError(
            f"{what} is {len(text)} characters long. Keep it within {longest}."
        )
    return text


def _texts(value: object, what: str, most: int, longest: int) -> tuple[str, ...]:
    """Different texts, in their order, without empty ones."""
    if not isinstance(value, list | tuple):
        raise InvalidTaxonomyError(f"{what} are not a list of texts.")
    kept = dict.fromkeys(_text(item, f"{what}: {item!r:.40}", longest) for item in value)
    kept.pop("", None)
    if len(kept) > most:
        raise InvalidTaxonomyError(f"{what}: at most {most}, not {len(kept)}. Take some out.")
    return tuple(kept)


def _refuse_repeated_names(topics: Sequence[Topic]) -> None:
    seen: set[str] = set()
    for topic in topics:
        folded = topic.name.casefold()
        if folded in seen:
            raise InvalidTaxonomyError(
                f"Two topics are called {topic.name!r}. Rename one, or merge them."
            )
        seen.add(folded)
