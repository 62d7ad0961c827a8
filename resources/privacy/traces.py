"""What of a person may be quoted somewhere, and taking it out of texts, JSON and bytes."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
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
    """

    names: tuple[str, ...]
    quotes: tuple[str, ...]

    @classmethod
    def of(cls, found: Found) -> Traces:
        """What was found, as far as it can be told from the words of others."""
        leads = {quote[:_LEAD_CHARACTERS].strip() for quote in found.quotes}
        return cls(
            names=_longest_first(one for one in found.names if len(one) >= MIN_NAME_CHARACTERS),
            quotes=_longest_first(
                one for one in {*found.quotes, *leads} if len(one) >= MIN_QUOTE_CHARACTERS
            ),
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

    def blanked(self, text: str, *, names: bool = True) -> str:
        """A text without what is looked for; all of it where it quotes what the person wrote.

        Args:
            text: Plain text, or JSON as text.
            names: Whether names are taken out, too.
        """
        if not any(one in text for one in (self.spellings if names else self.quoted_spellings)):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict | list):
            return json.dumps(self.blanked_json(value, names=names), ensure_ascii=False)
        if any(one in text for one in self.quoted_spellings):
            return BLANK
        return self._without_names(text)

    def blanked_json(self, value: Any, *, names: bool = True) -> Any:
        """JSON values without what is looked for, in the same shape."""
        if isinstance(value, dict):
            return {
                self._blanked_word(key, names=names): self.blanked_json(one, names=names)
                for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.blanked_json(one, names=names) for one in value]
        return self.blanked(value, names=names) if isinstance(value, str) else value

    def blanked_bytes(self, content: bytes) -> bytes:
        """Bytes of the same length with stars in place of what is looked for."""
        for one in self.spellings:
            spelled = one.encode()
            content = content.replace(spelled, b"*" * len(spelled))
        return content

    def are_in(self, content: bytes) -> bool:
        """Whether anything that is looked for stands in some bytes."""
        return any(one.encode() in content for one in self.spellings)

    def _blanked_word(self, word: str, *, names: bool) -> str:
        return self.blanked(word, names=names)

    def _without_names(self, text: str) -> str:
        for name in self.names:
            for spelling in _spellings(name):
                text = text.replace(spelling, BLANK)
        return text


def _spellings(text: str) -> set[str]:
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
    }


def _longest_first(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts), key=lambda one: (-len(one), one)))
