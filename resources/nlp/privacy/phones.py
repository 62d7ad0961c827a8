# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""Telephone numbers, by the numbering plans of the countries in which a language is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from resources.nlp.privacy.numbers import DIGITS, spoken_of
from resources.nlp.privacy.patterns import compiled, words
from resources.nlp.privacy.spans import Span

_SHORTEST, _LONGEST = 7, 15
_SHORTEST_UNSAID = 9
_FEWEST_DIFFERENT_DIGITS = 3
_DATE = compiled(
    r"(?:[0-3]?\d ?[./-] ?[01]?\d ?[./-] ?(?:\d{4}|\d{2})|[01]?\d[./-][0-3]?\d[./-](?:\d{4}|\d{2})"
    r"|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?:[ ./–-]{1,3}\d.*)?"
)
_YEARS = compiled(r"(?:19|20)\d{2}\s?[-–/ ]\s?(?:19|20)\d{2}(?!\d).*")
_GROUPED_NUMBER = compiled(r"[1-9]\d{0,2}(?:([ .\u00a0\u202f])\d{3})(?:\1\d{3})*")
_DECIMALS = compiled(r"\d{1,3}\.\d{3,}(?:[ -]+-?\d{1,3}\.\d{3,})?")
_BOOK = compiled(r"97[89][ -]?\d(?:[ -]?\d){9}")
_GROUP = compiled(r"\d+")
_PRICED = compiled(
    r"\s?(?:€|\$|£|¥|₹|%|°|eur\b|euro|usd\b|zł|kr\b|円|元|원|₽|руб|rs\b|kg\b|cm\b|mm\b|km\b|ml\b|gb\b)",
)
_CURRENCY = compiled(r"(?:[$€£¥₹₽]|R\$|Rs\.?|USD|EUR|GBP|INR|PLN)\s?$")
_JOINED = compiled(r"[A-Za-z0-9][-_#/.]?$")


def find_phones(text: str, language: str) -> Iterator[Span]:
    """Find telephone numbers in one text.

    Args:
        text: What was written.
        language: Its ISO 639-1 code; any other string means unknown.
    """
    for match in compiled(DIGITS).finditer(text):
        written = match[0]
        if _is_something_else(text, match.start(), match.end()):
            continue
        about = spoken_of(text, match.start())
        if about == "reference":
            continue
        for first, last in _readings(written):
            if _is_phone(written[first:last], language, called=about == "phone"):
                yield Span("phone", match.start() + first, match.start() + last)
                break


def _is_something_else(text: str, start: int, end: int) -> bool:
    """Dates, amounts, coordinates, books, and parts of a longer code."""
    written = text[start:end]
    before, after = text[max(0, start - 5) : start], text[end : end + 6]
    if written[0] not in "+＋(" and _JOINED.search(before):
        return True
    if _CURRENCY.search(before) or _PRICED.match(after.lower()):
        return True
    if after[:1].isascii() and after[:1].isalpha():
        return True
    if any(shape.fullmatch(written) for shape in (_DATE, _YEARS, _DECIMALS, _BOOK)):
        return True
    return _GROUPED_NUMBER.fullmatch(written) is not None and not _is_called(text, start)


def _is_called(text: str, start: int) -> bool:
    return spoken_of(text, start) == "phone"


def _readings(written: str) -> Iterator[tuple[int, int]]:
    """The whole run of digits first, then without its last or its first group."""
    groups = [group.span() for group in _GROUP.finditer(written)]
    start = 0 if written[0] in "+＋(" else groups[0][0]
    yield start, len(written)
    if len(groups) > 2:  # noqa: PLR2004
        yield start, groups[-2][1]
        yield groups[1][0], len(written)


def _is_phone(written: str, language: str, *, called: bool) -> bool:
    digits = sum(character.isdigit() for character in written)
    if not _SHORTEST <= digits <= _LONGEST:
        return False
    if called:
        return _is_plausible(written, digits, _regions(language))
    return _is_formatted(written, digits) and _is_valid(written, _regions(language))


def _regions(language: str) -> tuple[str, ...]:
    lists = words()
    return tuple(lists["regions"].get(language, lists["any_regions"]))


def _is_plausible(written: str, digits: int, regions: Sequence[str]) -> bool:
    """Where the words announce a telephone number, a possible one is enough."""
    if written[0] in "+＋":
        return True
    if digits < _SHORTEST_UNSAID:
        return _is_valid(written, regions) or _is_short_local(written)
    # What costs less is asked first.
    if _has_different_digits(written) and _is_possible(written, regions):
        return True
    return _is_valid(written, regions)


def _has_different_digits(written: str) -> bool:
    """Whether a number is no round one and no filler: neither 1000000000 nor 0000000000."""
    return len({digit for digit in written if digit.isdigit()}) >= _FEWEST_DIFFERENT_DIGITS


def _is_short_local(written: str) -> bool:
    """A number without its area code: 555-0142."""
    return compiled(r"\d{3}[-. ]\d{4}").fullmatch(written) is not None


def _is_formatted(written: str, digits: int) -> bool:
    """Whether a number looks like a telephone number without words that say so."""
    if written[0] in "+＋(" or written.startswith("00"):
        return True
    groups = _GROUP.findall(written)
    if len(groups) == 1:
        return written[0] in "0０" and digits >= _SHORTEST_UNSAID + 1
    return digits >= _SHORTEST_UNSAID and len(groups) <= _SHORTEST - 1


@lru_cache(maxsize=4096)
def _is_valid(written: str, regions: Sequence[str]) -> bool:
    """Whether a numbering plan of one of the regions knows the number."""
    import phonenumbers

    for region in regions:
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) or (
            # Numbers reserved for fiction are in no plan, nor are ranges opened since it was made.
            written[0] in "+＋0０("
            and _looks_dialled(written)
            and phonenumbers.is_possible_number(number)
        ):
            return True
        if written[0] in "+＋":
            return False
    return False


def _looks_dialled(written: str) -> bool:
    """Whether it has the trunk or country prefix and the length of a full number."""
    digits = [character for character in written if character.isdigit()]
    if len(digits) <= _SHORTEST_UNSAID:
        return False
    return written[0] in "+＋" or (digits[0] in "0０" and digits[1] not in "0０")


@lru_cache(maxsize=4096)
def _is_possible(written: str, regions: Sequence[str]) -> bool:
    import phonenumbers

    for region in regions:
        for form in (written, "+" + written):
            try:
                number = phonenumbers.parse(form, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_possible_number(number):
                return True
    return False
