"""What single values look like: numbers, dates, addresses. Used to guess columns."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?\d{1,15}([.,]\d+)?([eE][-+]?\d+)?")
_DATE = re.compile(
    r"""
    \d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T\s].*)?            # 2015-08-24, with or without a time
    | \d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([,T\s].*)?    # 24.08.2015, 08/24/15
    | \d{4}\s?[年년].*
    | (19|20)\d{6}
    | 1\d{9}(\d{3})?(\.\d+)?                              # seconds or milliseconds since 1970
    | (\w{3,9},?\s)?\d{1,2}(st|nd|rd|th|\.)?\s[^\W\d]{3,12}\.?,?\s\d{4}.*
    | (\w{3,9},?\s)?[^\W\d]{3,12}\.?\s\d{1,2}(st|nd|rd|th)?,?\s\d{4}.*
    | [^\W\d]{3,12}\.?,?\s\d{4}
    | (a|an|\d+)\s(second|minute|hour|day|week|month|year)s?\sago
    | yesterday | today
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ADDRESS = re.compile(r"(https?://|www\.)\S+.*", re.IGNORECASE | re.DOTALL)


def is_number(value: str) -> bool:
    """Whether a value is one plain number."""
    return _NUMBER.fullmatch(value.strip()) is not None


def is_date(value: str) -> bool:
    """Whether a value looks like a date."""
    return _DATE.fullmatch(value.strip()) is not None


def is_address(value: str) -> bool:
    """Whether a value looks like a web address."""
    return _ADDRESS.fullmatch(value.strip()) is not None
