# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""Personal data in many texts: a question to the whole batch, then a close look at few texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import or_

import polars as pl

from resources.nlp.interrupting import seam
from resources.nlp.privacy import addresses, contacts, numbers, persons, phones
from resources.nlp.privacy.spans import Span, resolve

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"

_ANY_DIGIT = "[0-9０-９٠-٩۰-۹०-९]"
# So few texts are searched closely at once: building the patterns would take longer.
_FEW_TEXTS = 8

Finder = Callable[[str, str], Iterable[Span]]


def find_pii(texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:
    """Find personal data.

    Args:
        texts: Any strings.
        languages: ISO 639-1 code of each; any other string means unknown.

    Returns:
        For each text its spans in order, none overlapping another; offsets are code points.
    """
    readable = _readable(texts)
    found: list[list[Span]] = [[] for _ in readable]
    for search, rows in _candidates(readable):
        for row in rows:
            seam()  # a text may be a megabyte long
            found[row] += search.finder(readable[row], languages[row])
    return [resolve(spans) if spans else spans for spans in found]


def _candidates(texts: list[str]) -> Iterator[tuple[_Search, list[int]]]:
    """Which search is worth its while in which texts."""
    column = pl.Series(texts, dtype=pl.String)
    numeric = column.str.contains(_ANY_DIGIT).arg_true()
    numeric_column = column.gather(numeric)
    if len(texts) <= _FEW_TEXTS:
        for search in _searches():
            yield search, numeric.to_list() if search.is_numeric else list(range(len(texts)))
        return
    for search in _searches():
        if search.is_numeric:
            yield search, numeric.filter(_has_any(numeric_column, search.signs)).to_list()
        else:
            yield search, _has_any(column, search.signs).arg_true().to_list()


def _has_any(column: pl.Series, signs: Iterable[str]) -> pl.Series:
    # One pattern after the other: joined into one they are many times slower.
    return reduce(or_, [column.str.contains(sign) for sign in signs])


def _readable(texts: Sequence[str]) -> list[str]:
    """Texts without lone surrogates, which no Polars column can hold; lengths stay."""
    joined = "".join(texts)
    if joined.isascii() or not _SURROGATE.search(joined):
        return list(texts)
    return [_SURROGATE.sub(_REPLACEMENT, text) for text in texts]


@dataclass(frozen=True)
class _Search:
    """What is asked of every text, and who looks closely at those that say yes.

    Attributes:
        finder: Takes a text and its language.
        signs: Patterns; a text without any of them holds nothing for the finder.
        is_numeric: Whether everything it finds holds a digit.
    """

    finder: Finder
    signs: tuple[str, ...]
    is_numeric: bool = False


@lru_cache(maxsize=1)
def _searches() -> tuple[_Search, ...]:
    return (
        _Search(_alone(contacts.find_emails), ("@",)),
        _Search(_alone(contacts.find_handles), ("@",)),
        _Search(_alone(contacts.find_profiles), (contacts.PROFILE_SIGN,)),
        _Search(_alone(contacts.find_named_accounts), (contacts.ACCOUNT_SIGN,)),
        _Search(_alone(contacts.find_hidden_emails), contacts.HIDDEN_EMAIL_SIGNS),
        _Search(_alone(contacts.find_ip_addresses), contacts.IP_SIGNS, is_numeric=True),
        _Search(_alone(numbers.find_numbers), numbers.SIGNS, is_numeric=True),
        _Search(phones.find_phones, numbers.DIGIT_SIGNS, is_numeric=True),
        *(
            _Search(_alone(partial(addresses.find_addresses, form)), (form.sign,), is_numeric=True)
            for form in addresses.FORMS
        ),
        _Search(persons.find_persons, persons.signs()),
        _Search(_alone(persons.find_unspaced_persons), (persons.UNSPACED_SIGN,)),
    )


def _alone(finder: Callable[[str], Iterable[Span]]) -> Finder:
    """A finder that needs no language."""
    return lambda text, _: finder(text)
