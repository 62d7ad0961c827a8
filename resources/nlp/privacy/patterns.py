# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""One source for two regular-expression engines.

A pattern is written once, in the syntax that the ``regex`` package and Polars share. Polars asks it
of a whole batch first; there boundaries and look-arounds are left out, so that the question is
fast and can only say yes too often. The few texts that pass are then searched exactly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import regex

WORDS_FILE = Path(__file__).parent / "words.json"

_CONSTRAINTS = re.compile(r"\\b|\(\?<?[!=](?:[^()\\]|\\.)*\)")
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
# What bounds a search from one place is no use to an engine that goes through a text once.
_ENDLESS = {"{0,40}": "*", "{1,40}": "+"}
_WIDER = {r"\p{Lu}": "A-Z", r"\p{Ll}": "a-z", r"\p{L}": "A-Za-z", r"\p{M}": ""}
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")

# Characters that make one word with their neighbours; the scripts without spaces are left out, so
# that a number between Japanese words stands by itself.
SPACED = r"\p{Latin}\p{Cyrillic}\p{Greek}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{M}\p{Nd}_"

# A name as people write it: Anna, O'Neil, McDonald, Müller-Lüdenscheidt, or all in capitals.
NAME_WORD = (
    r"(?:(?:\p{Lu}['’])?\p{Lu}[\p{Ll}\p{M}]+(?:[-'’]?\p{Lu}[\p{Ll}\p{M}]+){0,2}|\p{Lu}{2,20})"
)
PARTICLE = (
    r"(?:(?:[Vv]an|[Vv]on|[Vv]om|[Zz]u|[Dd]e[nrls]?|[Dd]el|[Dd]ella|[Dd][aiou]s?|[Ll][ae]|[Ee]l|[Aa]l"
    r"|[Bb]in|[Bb]en|[Tt]en|[Tt]er|af|y) ){0,2}"
)


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The word lists of ``words.json``."""
    loaded: dict[str, Any] = json.loads(WORDS_FILE.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=512)
def compiled(pattern: str) -> regex.Pattern[str]:
    """The exact form."""
    return regex.compile(pattern)


def loosened(pattern: str) -> str:
    """The form for Polars: constraints, which only ever forbid, left out, and wider classes.

    Everything beyond ASCII counts as every kind of letter: tables of Unicode make a pattern slow to
    build.
    """
    plain = _GROUP_NAME.sub("(?:", _CONSTRAINTS.sub("", pattern))
    for bounded, endless in _ENDLESS.items():
        plain = plain.replace(bounded, endless)
    for name, ascii_part in _WIDER.items():
        plain = plain.replace(name, f"[{ascii_part}\\x{{80}}-\\x{{10FFFF}}]")
    return plain


def any_of(phrases: Iterable[str]) -> str:
    """An alternation of phrases, the longest first, at word boundaries where words are spaced."""
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    return "(?:" + "|".join(map(_bounded, ordered)) + ")"


def cased(phrases: Iterable[str]) -> list[str]:
    """Phrases as they stand within a sentence, at its beginning and in capitals.

    Engines search a list of spellings several times faster than they ignore case.
    """
    return [
        spelling
        for phrase in phrases
        for spelling in (phrase, phrase[:1].upper() + phrase[1:], phrase.title(), phrase.upper())
    ]


def after_no_letter(phrases: Iterable[str]) -> str:
    """An alternation for Polars: phrases that begin a word."""
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    literals = [regex.escape(phrase, special_only=True, literal_spaces=True) for phrase in ordered]
    spaced = [literal.replace(" ", r"\s+") for literal in literals]
    return r"(?:^|[^A-Za-z])(?:" + "|".join(spaced) + ")"


def _bounded(phrase: str) -> str:
    literal = regex.escape(phrase, special_only=True, literal_spaces=True)
    if _UNSPACED.search(phrase):
        return literal
    return rf"\b{literal}" + (r"\b" if phrase[-1].isalnum() else "")
