"""Numbers, days and names as a reader expects them in a sentence."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from functools import cache

from resources.reporting.model import Interval, Period, Unit
from resources.vocabulary import UNDETERMINED

ELLIPSIS = "…"
MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"


def count(value: float) -> str:
    """A whole number with separators between thousands."""
    return f"{round(value):,}"


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 review``, ``2,000 reviews``."""
    return f"{count(value)} {singular if value == 1 else plural or singular + 's'}"


def stars(value: float) -> str:
    """A rating on 1..5 with two decimals."""
    return f"{value:.2f}"


def percent(value: float) -> str:
    """A share of 0..1 in per cent; one decimal."""
    return f"{value * 100:.1f}%"


def quantity(value: float, unit: Unit) -> str:
    """A value in its unit."""
    return {"count": count, "stars": stars, "share": percent}[unit](value)


def signed(value: float, unit: Unit) -> str:
    """A difference in its unit with its sign; shares differ by percentage points."""
    sign = MINUS if value < 0 else "+"
    if unit == "share":
        return f"{sign}{abs(value) * 100:.1f} points"
    return f"{sign}{quantity(abs(value), unit)}"


def interval(bounds: Interval, unit: Unit) -> str:
    """The two ends of an interval: ``4.10 to 4.14``."""
    return f"{quantity(bounds.low, unit)} to {quantity(bounds.high, unit)}"


def signed_interval(bounds: Interval, unit: Unit) -> str:
    """The two ends of a difference's interval, with signs."""
    low, high = signed(bounds.low, unit), signed(bounds.high, unit)
    return f"{low.removesuffix(' points')} to {high}"


def measured(value: float, unit: Unit, bounds: Interval | None, reviews: int) -> str:
    """A value with what stands behind it: ``4.12 stars (95% interval 4.10 to 4.14, n = 1,203)``."""
    noun = " stars" if unit == "stars" else ""
    behind = f"n = {count(reviews)}"
    if bounds is not None:
        behind = f"95% interval {interval(bounds, unit)}, {behind}"
    return f"{quantity(value, unit)}{noun} ({behind})"


def day(value: date) -> str:
    """A day: ``3 March 2026``."""
    return f"{value.day} {value:%B} {value.year}"


def short_day(value: date) -> str:
    """A day where there is little room: ``3 Mar 2026``."""
    return f"{value.day} {value:%b} {value.year}"


def period(value: Period) -> str:
    """A period: ``1 January 2026 to 31 March 2026``, or the one day."""
    return day(value.first) if value.days == 1 else f"{day(value.first)} to {day(value.last)}"


def week(monday: date) -> str:
    """The week that starts on that Monday: ``5 to 11 May 2025``."""
    sunday = monday + timedelta(days=6)
    if (monday.year, monday.month) == (sunday.year, sunday.month):
        return f"{monday.day} to {day(sunday)}"
    if monday.year == sunday.year:
        return f"{monday.day} {monday:%B} to {day(sunday)}"
    return f"{day(monday)} to {day(sunday)}"


def listed(names: list[str]) -> str:
    """Names in a row: ``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def label(name: str) -> str:
    """A machine's label for people: ``customer_service`` becomes ``Customer service``."""
    words = clean(name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


@cache
def language(code: str) -> str:
    """The English name of a language by its ISO 639-1 code."""
    from babel import Locale

    if code in ("", UNDETERMINED):
        return "Not recognised"
    return str(Locale("en").languages.get(code) or clean(code))


def clean(text: str) -> str:
    """Text on one line without control and direction-changing characters.

    A review may carry NUL, escape sequences, or marks that turn the direction of everything after
    them; none of these belongs on a page that others read.
    """
    kept = (
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn")
        if character not in _DIRECTION_MARKS
    )
    return " ".join("".join(kept).split())


_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def width(text: str) -> int:
    """Columns the text takes: wide characters (Chinese, Japanese, Korean) count twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shortened(text: str, columns: int) -> str:
    """Text of at most that many columns, cut at a word where one ends near, with an ellipsis."""
    text = clean(text)
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for character in text:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > columns:
            break
        kept.append(character)
    cut = "".join(kept)
    at_word = cut.rfind(" ")
    if at_word > len(cut) * 2 // 3:
        cut = cut[:at_word]
    return cut.rstrip(" ,.;:-") + ELLIPSIS
