"""What of a person may be quoted somewhere, and taking it out of texts, JSON and bytes."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from resources.privacy.finding import MIN_NAME_CHARACTERS, MIN_QUOTE_CHARACTERS, Found

BLANK = "[erased]"
_LEAD_CHARACTERS = 60  # errors and previews cut what they quote


@dataclass(frozen=True)
class Traces:
    """What to look for.

    Attributes:
        names: The author's name as it is spelled in the records.
        quotes: What the person wrote.
        came_in: When each of the quotes was first received, as far as that is known.
    """

    names: tuple[str, ...]
    quotes: tuple[str, ...]
    came_in: Mapping[str, datetime] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, found: Found) -> Traces:
        """What was found, as far as it can be told from the words of others."""
        quotes, came_in = set(found.quotes), dict(found.came_in)
        for quote in found.quotes:
            lead = quote[:_LEAD_CHARACTERS].strip()
            quotes.add(lead)
            if (moment := found.came_in.get(quote)) is not None:
                came_in[lead] = min(moment, came_in.get(lead, moment))
        return cls(
            names=_longest_first(one for one in found.names if len(one) >= MIN_NAME_CHARACTERS),
            quotes=_longest_first(one for one in quotes if len(one) >= MIN_QUOTE_CHARACTERS),
            came_in=came_in,
        )

    def split(self, belongs: Callable[[str], bool]) -> tuple[Traces, Traces]:
        """Those that belong to somebody, and the others."""
        return self._those(belongs), self._those(lambda one: not belongs(one))

    def _those(self, are_meant: Callable[[str], bool]) -> Traces:
        return Traces(
            tuple(filter(are_meant, self.names)),
            tuple(filter(are_meant, self.quotes)),
            self.came_in,
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self.names and not self.quotes

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """Names and quotes as they stand in plain text, in JSON and in HTML."""
        return _longest_first(spelling for one in (*self.names, *self.quotes)
                              for spelling in _spellings(one))  # fmt: skip

    @cached_property
    def quoted_spellings(self) -> tuple[str, ...]:
        """As ``spellings``, of quotes alone."""
        return _longest_first(spelling for one in self.quotes for spelling in _spellings(one))

    def blanked(self, text: str, *, names: bool = True, words: bool = True) -> str:
        """A text without what is looked for; all of it where it quotes what the person wrote.

        Args:
            text: Plain text, or JSON as text.
            names: Whether names are taken out, too.
            words: Whether a text that is one word is blanked. Where programs keep their own words,
                such as the names of classes and jobs, a reviewer who is called so must not.
        """
        if not any(one in text for one in (self.spellings if names else self.quoted_spellings)):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict | list):
            blanked = self.blanked_json(value, names=names, words=words)
            return text if blanked == value else json.dumps(blanked, ensure_ascii=False)
        if not words and _is_word(text):
            return text
        if any(one in text for one in self.quoted_spellings):
            return BLANK
        return self._without_names(text) if names else text

    def blanked_json(self, value: Any, *, names: bool = True, words: bool = True) -> Any:
        """JSON values without what is looked for, in the same shape.

        A key that is one word is the name of a field, and stays.
        """
        if isinstance(value, dict):
            return {
                self.blanked(key, names=names, words=False): self.blanked_json(
                    one, names=names, words=words
                )
                for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.blanked_json(one, names=names, words=words) for one in value]
        return self.blanked(value, names=names, words=words) if isinstance(value, str) else value

    def blanked_bytes(self, content: bytes) -> bytes:
        """Bytes of the same length with stars in place of what is looked for."""
        for one in self.spellings:
            spelled = one.encode()
            content = content.replace(spelled, b"*" * len(spelled))
        return content

    def are_in(self, content: bytes) -> bool:
        """Whether anything that is looked for stands in some bytes."""
        return any(one.encode() in content for one in self.spellings)

    def _without_names(self, text: str) -> str:
        for name in self.names:
            for spelling in _spellings(name):
                text = text.replace(spelling, BLANK)
        return text


def _is_word(text: str) -> bool:
    return not any(one.isspace() for one in text.strip())


def _spellings(text: str) -> set[str]:
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
    }


def _longest_first(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts), key=lambda one: (-len(one), one)))
