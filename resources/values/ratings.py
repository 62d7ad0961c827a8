"""Ratings in the many ways people write them, brought to one scale of 1 to 5.

The rules:

* A rating that names its scale (``4/5``, ``8 out of 10``, ``80%``, ``★★★☆☆``) is read on
  that scale.
* A rating that says stars (``four stars``, ``★★★★``) is out of 5, whatever the bare numbers beside
  it go to, unless the stars it came with go further themselves.
* Bare numbers are read on the scale of the rows they came with: the hint ``rating_scale`` where
  given, else the smallest of 5, 10 and 100 that holds 95% of them. The rest is out of scale: a
  single 9 among a thousand ratings up to 5 is a slip, not a reason to read every 5 as half marks.
* Scale 5 stays as it is; a scale from 1 to ``s`` maps linearly, ``1 + 4 (r - 1) / (s - 1)``;
  percent run from 0, ``1 + 4 p / 100``.
* Zero stars (scale 5) is how exports write "not rated", so it is out of scale. Between 0 and 1, and
  zero on longer scales (0 to 10), it is the worst answer possible and becomes 1.
* Labels such as ``positive`` are not ratings: how many stars they are worth would be invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BEST = 5.0
_PERCENT = 100.0
_SCALES = (5.0, 10.0, 100.0)
_SHARE_ON_SCALE = 0.95
_DECIMALS = 6
_SHORTEST_SCALE = 2.0
_LONGEST_SCALE = 1_000.0

_FULL_STARS = "★⭐🌟✭✮✯"
_EMPTY_STARS = "☆✩"
_STARS = re.compile(rf"([{_FULL_STARS}]+)([½]?)([{_EMPTY_STARS}]*)")
_ASTERISKS = re.compile(r"\*{1,5}")
_WORDS = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
          "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10"}  # fmt: skip
# With an exponent, as spreadsheets may write it.
_NUMBER = r"([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d{1,2})?|[-+]?[.,]\d+)"
_IN_STARS = (
    r"(?:stars?|stern(?:en|e)?|[ée]toiles?|estrellas?|stelle|stella|estrelas?|sterren"
    rf"|gwiazdki|звезды|звёзд|звезд|星|[{_FULL_STARS}])"
)
_IN_POINTS = r"(?:points?|pts?\.?|点|분|점)"
_STAR_WORDS = rf"(?:{_IN_STARS}|{_IN_POINTS})"
_PLAIN = re.compile(
    rf"(?:rated\s+|rating:?\s*)?{_NUMBER}\s*(?:(?P<stars>{_IN_STARS})|{_IN_POINTS})?",
    re.IGNORECASE,
)
_OF_SCALE = re.compile(
    rf"(?:rated\s+|rating:?\s*)?{_NUMBER}\s*{_STAR_WORDS}?\s*"
    rf"(?:/|out\s+of|of|von|sur|de|su|van|из|z|av|af|\|)\s*{_NUMBER}\s*{_STAR_WORDS}?",
    re.IGNORECASE,
)
_OF_HUNDRED = re.compile(rf"{_NUMBER}\s*(?:%|percent)", re.IGNORECASE)


@dataclass(frozen=True)
class Rating:
    """A rating as read: a number, and the best mark of its scale where it says so.

    ``in_stars`` marks a rating whose scale is 5 only because it counts stars.
    """

    value: float
    scale: float | None = None
    from_zero: bool = False
    in_stars: bool = False


@dataclass(frozen=True)
class ScaleCounts:
    """All that the scale of bare numbers is inferred from; counts of parts add up.

    Attributes:
        to_five: How many of the numbers a scale up to 5 holds.
        to_ten: How many a scale up to 10 holds.
        total: All of them.
    """

    to_five: int = 0
    to_ten: int = 0
    total: int = 0

    @classmethod
    def of(cls, counted: Iterable[tuple[float, int]]) -> ScaleCounts:
        """Count values, each given with how often it occurs."""
        values = list(counted)
        to_five, to_ten = (
            sum(count for value, count in values if value <= scale) for scale in _SCALES[:2]
        )
        return cls(to_five, to_ten, sum(count for _, count in values))

    def __add__(self, other: ScaleCounts) -> ScaleCounts:
        return ScaleCounts(
            self.to_five + other.to_five, self.to_ten + other.to_ten, self.total + other.total
        )

    @property
    def scale(self) -> float:
        """The smallest scale that holds nearly all of the numbers: 5, 10 or 100."""
        for scale, count in zip(_SCALES, (self.to_five, self.to_ten), strict=False):
            if count >= _SHARE_ON_SCALE * self.total:
                return scale
        return _SCALES[-1]


def parse_rating(text: str) -> Rating | None:
    """Read one rating.

    Args:
        text: As the source wrote it, trimmed.

    Returns:
        None where it is no rating.
    """
    text = text.replace("\ufe0f", "").strip()
    first, _, rest = text.partition(" ")
    word = _WORDS.get(first.casefold())
    if word is not None:
        text = f"{word} {rest}".strip()
    if drawn := _parse_drawn(text):
        return drawn
    if match := _OF_HUNDRED.fullmatch(text):
        return Rating(_number(match[1]), _PERCENT, from_zero=True)
    if match := _OF_SCALE.fullmatch(text):
        scale = _number(match[2])
        return Rating(_number(match[1]), scale) if is_scale(scale) else None
    match = _PLAIN.fullmatch(text)
    if match and match["stars"]:
        return Rating(_number(match[1]), BEST, in_stars=True)
    return Rating(_number(match[1])) if match else None


def _parse_drawn(text: str) -> Rating | None:
    """Read a rating drawn in stars or asterisks."""
    if _ASTERISKS.fullmatch(text):
        return Rating(float(len(text)), BEST)
    match = _STARS.fullmatch(text.replace(" ", ""))
    if match is None:
        return None
    full, half, empty = match.groups()
    value = len(full) + 0.5 * len(half)
    if not empty:
        return Rating(value, BEST, in_stars=True)
    return Rating(value, max(float(len(full + half + empty)), _SHORTEST_SCALE))


def is_scale(best: float) -> bool:
    """Whether a number can be the best mark of a scale."""
    return _SHORTEST_SCALE <= best <= _LONGEST_SCALE


def infer_scale(counted: Iterable[tuple[float, int]]) -> float:
    """Infer the scale of bare numbers.

    Args:
        counted: Values, each with how often it occurs.

    Returns:
        5, 10 or 100.
    """
    return ScaleCounts.of(counted).scale


def to_five(rating: Rating, inferred: float) -> float | None:
    """Bring a rating to 1..5.

    Args:
        rating: As read.
        inferred: The scale for a rating that names none.

    Returns:
        None where the rating lies outside its scale.
    """
    scale = inferred if rating.scale is None else rating.scale
    value = rating.value
    from_zero = rating.from_zero or scale == _PERCENT
    if not 0 <= value <= scale or (value == 0 and scale <= BEST):
        return None
    if from_zero:
        return round(1 + 4 * value / scale, _DECIMALS)
    value = max(value, 1.0)
    if scale == BEST:
        return value
    return round(1 + 4 * (value - 1) / (scale - 1), _DECIMALS)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
