"""Dates that no common pattern covers, one value at a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache, lru_cache

_LONGEST = 60
_FILLERS = r"(?i)\b(de|del|le|el|den|am|um|г)\b\.?"  # noqa: RUF001 - Russian

# Languages whose names of months are read; English is known to dateutil. No two of them give
# one name to different months, which cannot be said of all: "listopad" is October in Croatian and
# November in Polish.
_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "pl", "ro", "tr", "id", "sv", "ru")
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Spellings in use that the Unicode locale data do not list.
_ALSO_WRITTEN = {"fév": "Feb", "mrz": "Mar"}
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
          "CET": 1, "CEST": 2, "BST": 1, "IST": 5.5, "JST": 9, "KST": 9,
          "UTC": 0, "GMT": 0}  # fmt: skip


@lru_cache(maxsize=100_000)
def parse_unusual(text: str) -> datetime | None:
    """Read a date in words, in another language, or with the name of a zone.

    Args:
        text: As the source wrote it, trimmed.

    Returns:
        The moment in UTC; None where year, month and day are not all there.
    """
    if len(text) > _LONGEST or not re.search(r"\d{4}", text):
        return None
    from dateutil import parser

    english = re.sub(r"[^\W\d_]+", lambda word: _translate(word[0]), text)
    english = re.sub(_FILLERS, " ", english)
    try:
        # What the text leaves out comes from the default: two defaults tell whether it did.
        first = parser.parse(english, default=datetime(2000, 1, 1, tzinfo=UTC), tzinfos=_zone)
        second = parser.parse(english, default=datetime(2001, 2, 2, tzinfo=UTC), tzinfos=_zone)
        if first != second:
            return None
        return first.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def _translate(word: str) -> str:
    return english_months().get(word.casefold(), word)


@cache
def english_months() -> dict[str, str]:
    """The names of months, whole and short, each with its English abbreviation (Unicode CLDR)."""
    from babel.dates import get_month_names

    names = dict(_ALSO_WRITTEN)
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for month, name in get_month_names(width, context, language).items():
                    names.setdefault(name.casefold().rstrip("."), _ENGLISH[month - 1])
    return names


def _zone(name: str | None, offset: int | None) -> int:
    """Seconds east of UTC; an unknown name makes the date unreadable rather than wrong."""
    if offset is not None or name is None:
        return offset or 0
    if name not in _ZONES:
        raise ValueError(name)
    return int(_ZONES[name] * 3600)
