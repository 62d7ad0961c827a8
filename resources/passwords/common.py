"""Passwords that attackers try first, made from a short list of words by the rules people follow.

Lists of leaked passwords are long because people change a few words in the same few ways: a
capital, a year, an exclamation mark, zeros for o. ``common_words.txt`` holds those words, written
down from general knowledge of what such lists begin with (nothing was downloaded); this module
applies the rules. So a file of some kilobytes refuses about a million passwords, and a new word
refuses all its variations.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import product

ENDINGS = (
    *("", "!", "!!", "!1", "?", ".", "@", "#", "*", "$", "_"),
    *(str(number) for number in range(100)),
    *(f"{number:02}" for number in range(10)),
    *("111", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "321", "4321"),
    *("007", "69", "420", "666", "777", "888", "999", "000", "0000", "1111", "2580", "1313"),
    *("123!", "1234!", "@123", "@1234", "#123", "_123", "1!", "01!", "12!", "!@#", "!23", "1q2w3e"),
    *("abc", "abcd", "qwe", "qwerty", "xyz", "asd"),
    *(str(year) for year in range(1940, 2035)),
    *(f"{year}!" for year in range(1980, 2035)),
    *(f"@{year}" for year in range(2000, 2035)),
)
"""What people put behind a word."""

BEGINNINGS = (
    "",
    "1",
    "12",
    "123",
    "my",
    "the",
    "i",
    "iam",
    "ilove",
    "mr",
    "super",
    "big",
    "new",
    "!",
)
"""What people put before one."""

_LEET = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
)
_LEET_L = str.maketrans({**{chr(k): v for k, v in _LEET.items()}, "1": "l", "!": "i"})

_SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")

_ROWS = (
    "1234567890",
    "0987654321",
    "qwertyuiop",
    "poiuytrewq",
    "asdfghjkl",
    "lkjhgfdsa",
    "zxcvbnm",
    "mnbvcxz",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
)
_COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "zaq1", "xsw2", "cde3", "vfr4")
_ZIGZAGS = (
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1s2d3f4g5h6j7k8l9",
    "1a2b3c4d5e6f7g8h",
)
_MIN_WALK = 4


def is_common(password: str) -> bool:
    """Whether a password is one of those that are tried first, in whatever case it is written."""
    plain = password.casefold().strip()
    return any(_is_made_of_a_word(text) or _is_a_pattern(text) for text in (plain, plain[::-1]))


def _is_made_of_a_word(text: str) -> bool:
    """Whether one of the words is left when what people put around it is taken away."""
    return any(
        _is_word(text[len(beginning) : len(text) - len(ending)])
        for ending in ENDINGS
        if text.endswith(ending)
        for beginning in BEGINNINGS
        if text.startswith(beginning) and len(text) > len(beginning) + len(ending)
    )


def _is_word(text: str) -> bool:
    half = text[: len(text) // 2]
    spellings = {text, *(text.translate(table) for table in (_LEET, _LEET_L, _SHIFTED))}
    spellings |= {half} if half * 2 == text else set()
    return not spellings.isdisjoint(_words_and_walks())


@cache
def _words_and_walks() -> frozenset[str]:
    return frozenset(common_words()) | _walks()


@cache
def common_words() -> tuple[str, ...]:
    """The words of the list."""
    content = files(__package__).joinpath("common_words.txt").read_text("utf-8")
    lines = (line.partition("#")[0] for line in content.splitlines())
    return tuple(dict.fromkeys(word for line in lines for word in line.split()))


def _walks() -> frozenset[str]:
    """Walks over the keyboard, along its rows, down its columns and between two of them."""
    rows = {
        row[start:end]
        for row in (*_ROWS, *_ZIGZAGS)
        for start in range(len(row))
        for end in range(start + _MIN_WALK, len(row) + 1)
    }
    columns = {first + second for first, second in product(_COLUMNS, repeat=2)}
    columns |= {"".join(_COLUMNS[i : i + n]) for i in range(len(_COLUMNS)) for n in (3, 4)}
    return frozenset(rows | columns)


def _is_a_pattern(password: str) -> bool:
    """Whether it is a short piece again and again, such as ``aaaaaaaa`` or ``abc1abc1abc1``."""
    return any(
        len(password) > size and password == (password[:size] * len(password))[: len(password)]
        for size in range(1, min(4, len(password) // 2) + 1)
    )
