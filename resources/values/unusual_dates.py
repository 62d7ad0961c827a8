"""Dates that no common pattern covers, one value at a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_LONGEST = 60
_FILLERS = r"(?i)\b(de|del|le|el|den|am|um|г)\b\.?"  # noqa: RUF001 - Russian

# Names of months by language; English is known to dateutil.
_MONTHS = """
januar februar märz april mai juni juli august september oktober november dezember
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
januari februari maart april mei juni juli augustus september oktober november december
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
januari februari maret april mei juni juli agustus september oktober november desember
januari februari mars april maj juni juli augusti september oktober november december
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
""".split()  # noqa: RUF001, SIM905 - a table reads better than 144 quoted words
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TRANSLATIONS = {name: _ENGLISH[position % 12] for position, name in enumerate(_MONTHS)}
_SHORT = {"déc": "Dec", "dez": "Dec", "okt": "Oct", "mai": "May", "mär": "Mar", "mrz": "Mar",
          "fév": "Feb", "févr": "Feb", "avr": "Apr", "ene": "Jan", "abr": "Apr", "ago": "Aug",
          "dic": "Dec", "gen": "Jan", "mag": "May", "giu": "Jun", "lug": "Jul", "set": "Sep",
          "ott": "Oct", "fev": "Feb", "out": "Oct", "mrt": "Mar", "mei": "May", "maj": "May",
          "juil": "Jul", "juin": "Jun", "août": "Aug", "sept": "Sep"}  # fmt: skip
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
    lower = word.casefold()
    return _TRANSLATIONS.get(lower) or _SHORT.get(lower) or word


def _zone(name: str | None, offset: int | None) -> int:
    """Seconds east of UTC; an unknown name makes the date unreadable rather than wrong."""
    if offset is not None or name is None:
        return offset or 0
    if name not in _ZONES:
        raise ValueError(name)
    return int(_ZONES[name] * 3600)
