# ruff: noqa: RUF001 - it speaks of characters of many scripts
"""Spam: texts that advertise, lure away or say nothing. Lying about an experience is not spam.

Each signal says by itself how likely spam is, and they combine as independent evidence:
``score = 1 - (1 - w1) * (1 - w2) * ...`` with the weights of the signals that a text shows. One
weak signal, a link or capitals, stays below one half.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl
import regex

from resources.nlp.matching import find_phrases, normalise, search_forms

PHRASES_FILE = Path(__file__).parent / "promotion.json"

WEIGHTS = {
    "link": 0.3,
    "contact": 0.25,
    "invitation": 0.45,
    "promotion": 0.4,
    "more_promotion": 0.3,
    "money_signs": 0.2,
    "off_topic_template": 0.6,
    "gibberish": 0.6,
    "repeated_characters": 0.6,
    "repeated_phrase": 0.55,
    "shouting": 0.15,
}
# Signals that are told under the name of another.
_TOLD_AS = {"invitation": "contact", "more_promotion": "promotion", "money_signs": "promotion"}
_SCORE_DIGITS = 6

_TOP_LEVEL = (
    "com|net|org|info|biz|shop|store|online|site|xyz|top|club|live|vip|win|bet|io|co|me|app|link|pro"
    "|example|test|ru|cn|de|fr|es|it|nl|pl|br|in|uk|us|jp|kr|tr|id|vn|th"
)
_LINK = (
    r"(?i)(?:https?://|www\.)[^\s]{3,}"
    r"|(?:^|[\s(:])[a-z0-9][a-z0-9-]{1,60}(?:\.[a-z0-9-]{2,30})?"
    rf"\.(?:{_TOP_LEVEL})(?:/[^\s]*)?(?:$|[\s).,!?;:])"
)
_MESSENGER = (
    r"(?i)whats ?app|telegram|t\.me/|wa\.me/|viber|wechat|微信|line id|line@|zalo|카톡|ватсап"
    r"|телеграм|واتساب|व्हाट्सएप|ไลน์|inbox me|kik:"
)
# Whether there is an address: one character before its "@" tells as much as all of them, and a
# search for all would go through a long word once from each of its letters.
_REACHABLE = r"[0-9０-９](?:[ ().\-/]{0,3}[0-9０-９]){6}|[\w.+-]@[\w-]+\.\w|@\w{3}|t\.me/|wa\.me/"
_ADDRESS = r"[\w.+-]@[\w-]+\.\w{2}|[+][0-9](?:[ ().\-/]{0,3}[0-9]){7}"
_MONEY = r"(?:[💰💸🤑💵💶💷📈🎁🔥🚀👉⬇]\ufe0f?\s*){2}|[$€£₹]{2}"
_KEYBOARD = r"(?i)qwert|asdf|sdfg|dfgh|fghj|ghjk|hjkl|zxcv|xcvb|lkjh|poiuy|qazws|йцук|фыва"
_CONSONANTS = r"[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{5}"
_SMALL_LETTERS = r"\p{Ll}{4}"
_RUN_LETTERS = "abcdefgijklmnopqrstuvyzаеиоуыэюя"
_RUNS = "(?i)" + "|".join(f"{letter}{{8,}}" for letter in _RUN_LETTERS)
_WORD = re.compile(r"[^\W\d_]+")
_LOUD_LETTERS = 25
_FEW_TEXTS = 8
_OTHER_LETTERS = 1
_PHRASE_WORDS, _PHRASE_SHARE, _PHRASE_VOCABULARY = 12, 4, 40


@dataclass(frozen=True)
class Spam:
    """How much a text looks like spam.

    Attributes:
        score: 0 to 1; from 0.5 on it should be kept out of averages or looked at.
        reasons: Codes of what speaks for it, the strongest first.
    """

    score: float
    reasons: tuple[str, ...]


def judge_spam(
    texts: Sequence[str], languages: Sequence[str], *, normalised: pl.Series | None = None
) -> list[Spam]:
    """Judge each text by itself.

    Args:
        texts: Any strings.
        languages: Code of each; phrases are sought in every language, because spam seldom comes
            in the language of its place, so that the codes change nothing today.
        normalised: The texts as ``matching.normalise`` returns them, if somebody has them already.

    Returns:
        One judgement per text.
    """
    del languages
    column = pl.Series("text", [_readable(text) for text in texts], dtype=pl.String)
    counts = _phrase_counts(normalise(column) if normalised is None else normalised)
    shown = _pattern_signals(column) | {
        "promotion": [found > 0 for found, _ in counts],
        "more_promotion": [found > 1 for found, _ in counts],
        "off_topic_template": [found > 0 for _, found in counts],
        "repeated_phrase": [_is_mostly_repeated(text) for text in texts],
    }
    return [_judgement(row) for row in zip(*(shown[name] for name in WEIGHTS), strict=True)]


def _judgement(shown: tuple[bool, ...]) -> Spam:
    if not any(shown):
        return _NOTHING
    names = [name for name, is_shown in zip(WEIGHTS, shown, strict=True) if is_shown]
    innocent = 1.0
    for name in names:
        innocent *= 1 - WEIGHTS[name]
    names.sort(key=lambda name: -WEIGHTS[name])
    reasons = tuple(dict.fromkeys(_TOLD_AS.get(name, name) for name in names))
    return Spam(round(1 - innocent, _SCORE_DIGITS), reasons)


_NOTHING = Spam(0.0, ())


def _readable(text: str) -> str:
    """The text without lone surrogates, which no Polars column can hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _pattern_signals(column: pl.Series) -> dict[str, list[bool]]:
    """Everything that patterns can tell; what is rare is looked at closely in Python."""
    signals = {
        "link": _rows_where(column, _LINK, _leads_away),
        "contact": _contain(column, _ADDRESS),
        "invitation": _rows_where(column, _MESSENGER, _is_reachable),
        "money_signs": _contain(column, _MONEY),
        "gibberish": _rows_where(column, f"{_KEYBOARD}|{_CONSONANTS}", _is_gibberish),
        "repeated_characters": _rows_where(column, _RUNS, _is_one_character),
    }
    calm = _contain(column, _SMALL_LETTERS)
    signals["shouting"] = [
        not is_calm and sum(map(str.isupper, text)) >= _LOUD_LETTERS
        for is_calm, text in zip(calm, column.to_list(), strict=True)
    ]
    return signals


def _rows_where(column: pl.Series, pattern: str, is_so: Callable[[str], bool]) -> list[bool]:
    """Ask a cheap pattern of all texts and a function of those that match it."""
    answer = [False] * len(column)
    for row, is_candidate in enumerate(_contain(column, pattern)):
        if is_candidate:
            answer[row] = is_so(column[row])
    return answer


def _contain(column: pl.Series, pattern: str) -> list[bool]:
    """Which texts match a pattern; for a few texts building it for Polars would take longer."""
    if len(column) > _FEW_TEXTS:
        return column.str.contains(pattern).to_list()
    search = _compiled(pattern).search
    return [search(text) is not None for text in column.to_list()]


@lru_cache(maxsize=32)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


def _is_reachable(text: str) -> bool:
    """Whether a text that names a messenger also says under which number or name."""
    return _compiled(_REACHABLE).search(text) is not None


def _leads_away(text: str) -> bool:
    """Whether the places that a text links to are not those where people review and book."""
    small = text.lower()
    return not any(site in small for site in _lists()["known_sites"])


def _is_gibberish(text: str) -> bool:
    """Whether half of the words are keyboard rows, or several are without vowels."""
    words = _WORD.findall(text)
    typed = sum(_KEYBOARD_ROW.search(word) is not None for word in words)
    clustered = sum(_CLUSTER.search(word) is not None for word in words)
    odd = typed + clustered if clustered > 1 else typed
    return odd > 0 and 2 * odd >= len(words)


_KEYBOARD_ROW = re.compile(_KEYBOARD)
_CLUSTER = re.compile(r"(?i)(?:(?!(.)\1\1)[bcdfghjklmnpqrstvwxz]){5}")


def _is_one_character(text: str) -> bool:
    """Whether a text is a run of one letter, "aaaaaaaaaaaa", and hardly anything else."""
    rest = _LETTER_RUN.sub("", text)
    return sum(map(str.isalnum, rest)) <= _OTHER_LETTERS


_LETTER_RUN = re.compile(_RUNS)


def _is_mostly_repeated(text: str) -> bool:
    """Whether a few words come again and again."""
    words = text.split()
    different = len(set(words))
    return (
        len(words) >= _PHRASE_WORDS
        and _PHRASE_SHARE * different <= len(words)
        and different <= _PHRASE_VOCABULARY
    )


@dataclass(frozen=True)
class _Phrases:
    """Search forms of the phrases of advertising.

    Attributes:
        promotion: What advertisers say.
        template: What only spam on reviews says.
    """

    promotion: frozenset[str]
    template: frozenset[str]

    @cached_property
    def all(self) -> tuple[str, ...]:
        """Both, in a fixed order."""
        return tuple(sorted(self.promotion | self.template))


@lru_cache(maxsize=1)
def _lists() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = json.loads(PHRASES_FILE.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    forms = {
        kind: frozenset(search_forms(_lists()[kind])) - {""} for kind in ("promotion", "template")
    }
    return _Phrases(forms["promotion"], forms["template"])


def _phrase_counts(normalised: pl.Series) -> list[tuple[int, int]]:
    """How many different phrases of promotion and of templates each text holds."""
    phrases = _phrases()
    matches = find_phrases(normalised, list(phrases.all))
    return [
        (len(phrases.promotion.intersection(found)), len(phrases.template.intersection(found)))
        if found
        else (0, 0)
        for found in matches.forms
    ]
