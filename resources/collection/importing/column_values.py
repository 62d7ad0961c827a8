"""What the values of a column say: whether they can be what its name promises, or more than that.

Here belongs what is decided from one column alone. Which column gets which field is decided in
:mod:`resources.collection.importing.columns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from resources.collection.importing.column_names import words
from resources.collection.importing.values import is_address, is_date, is_number
from resources.values.ratings import parse_rating

_PREVIEW_ROWS = 5
_NEARLY_ALL = 0.8
_HALF = 0.5
_RATING_WORDS = 6
_MAX_RATINGS = 101
_MAX_FLAGS = 5
_MOSTLY_UNIQUE = 0.9
_LONGEST_ID = 200
_LONGEST_NAME = 300
_SENTENCE_WORDS = 6
_SENTENCE_CHARACTERS = 25
_SENTENCE_END = re.compile(r"[.!?\u2026](?:\s|$)|[\u3002\uff01\uff1f\u0964]")
_USUAL_SCALES = (5.0, 10.0, 20.0)
_MIN_MARKS = 3
_LOWEST_BEST = 4.0
_HIGHEST_BEST = 10.0


@dataclass(frozen=True)
class Column:
    """The values of one column in the sample."""

    name: str
    position: int
    values: list[str] = field(repr=False)
    rows: int

    @property
    def filled(self) -> float:
        """The share of rows that have a value."""
        return len(self.values) / self.rows if self.rows else 0.0

    def share(self, test: Callable[[str], bool]) -> float:
        """Return the share of the values that pass a test."""
        return sum(map(test, self.values)) / len(self.values) if self.values else 0.0

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(set(self.values))

    @property
    def mean_words(self) -> float:
        """Words per value."""
        return sum(len(v.split()) for v in self.values) / max(1, len(self.values))

    @property
    def mean_characters(self) -> float:
        """Characters per value."""
        return sum(map(len, self.values)) / max(1, len(self.values))


def is_prose(column: Column) -> bool:
    """Whether the values are clearly sentences, mostly different ones."""
    long_enough = column.mean_words >= _SENTENCE_WORDS or (
        # Scripts without spaces between words.
        column.mean_words <= 2 and column.mean_characters >= _SENTENCE_CHARACTERS  # noqa: PLR2004
    )
    return (
        long_enough
        and objection_to_text(column) is None
        and column.distinct >= _HALF * len(column.values)
        and column.share(is_address) < _HALF
        and column.share(lambda value: _SENTENCE_END.search(value) is not None) >= _HALF
    )


def says_ratings(column: Column) -> bool:
    """Whether the values themselves say that they are ratings: ``4/5``, ``★★★``, ``4 stars``."""

    def says_so(value: str) -> bool:
        rating = parse_rating(value)
        return rating is not None and rating.scale in _USUAL_SCALES and rating.value <= rating.scale

    return bool(column.values) and column.share(says_so) >= _NEARLY_ALL


def holds_marks(column: Column) -> bool:
    """Whether the values are numbers of a usual scale, at least three different ones."""
    marks = {float(v.replace(",", ".")) for v in column.values if is_number(v)}
    if column.share(is_number) < _NEARLY_ALL or len(marks) < _MIN_MARKS:
        return False
    return min(marks) >= 1 and _LOWEST_BEST <= max(marks) <= _HIGHEST_BEST


def objection_to_text(column: Column) -> str | None:
    """Say why a column cannot hold the texts of reviews; None where it can."""
    if not column.values:
        return "it is empty"
    if column.share(is_number) > _HALF or column.share(is_date) > _HALF:
        return "its values are numbers or dates"
    if column.distinct == 1 and len(column.values) > _PREVIEW_ROWS:
        return "all its values are the same"
    return None


def _objection_to_rating(column: Column) -> str | None:
    if not column.values:
        return "it is empty"
    rated = column.share(
        lambda value: (
            any(char in "0123456789★⭐*" for char in value)
            or value.casefold().startswith(("one", "two", "three", "four", "five"))
        )
    )
    if rated < _HALF:
        return "its values are labels, not ratings"
    if column.mean_words > _RATING_WORDS:
        return "its values are texts"
    if column.distinct > _MAX_RATINGS and column.distinct > _HALF * len(column.values):
        return "it has too many different values"
    return None


def _objection_to_date(column: Column) -> str | None:
    if not column.values:
        return "it is empty"
    return None if column.share(is_date) >= _HALF else "its values do not look like dates"


def _objection_to_id(column: Column) -> str | None:
    if words(column.name).startswith("unnamed"):
        return "a column without a name is a row number"
    if not column.values or column.filled < _NEARLY_ALL:
        return "it is mostly empty"
    # A file may repeat a record; a column that repeats often is the id of a product or a shop.
    repeats = len(column.values) - column.distinct
    is_named_so = "review" in words(column.name)
    if repeats > max((1 - _MOSTLY_UNIQUE) * len(column.values), 2 if is_named_so else 0):
        return "its values are not unique, so they identify something else than the review"
    if max(map(len, column.values)) > _LONGEST_ID:
        return "its values are too long"
    return None


def _objection_to_url(column: Column) -> str | None:
    return None if column.share(is_address) >= _HALF else "its values are no web addresses"


def _objection_to_name(column: Column) -> str | None:
    if not column.values:
        return "it is empty"
    if column.mean_characters > _LONGEST_NAME:
        return "its values are texts"
    if column.share(is_date) > _NEARLY_ALL and column.share(is_number) < _NEARLY_ALL:
        return "its values are dates"
    return "its values are web addresses" if column.share(is_address) > _HALF else None


def _objection_to_language(column: Column) -> str | None:
    if not column.values:
        return "it is empty"
    return None if column.mean_words <= 2 else "its values are texts"  # noqa: PLR2004 - a name


def _objection_to_deleted(column: Column) -> str | None:
    if column.distinct <= _MAX_FLAGS or column.share(is_date) > _NEARLY_ALL:
        return None
    return "its values are no flags"


OBJECTIONS: dict[str, Callable[[Column], str | None]] = {
    "text": objection_to_text,
    "title": _objection_to_name,
    "rating": _objection_to_rating,
    "date": _objection_to_date,
    "author": _objection_to_name,
    "product": _objection_to_name,
    "location": _objection_to_name,
    "url": _objection_to_url,
    "language": _objection_to_language,
    "id": _objection_to_id,
    "deleted": _objection_to_deleted,
}
"""Field -> why a column cannot be it although its name fits; None where it can."""
