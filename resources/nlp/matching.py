"""Finding many phrases in many texts at once, at word boundaries (Aho-Corasick in Polars).

Texts and phrases are normalised alike: lower case, every run of anything but letters, digits and
marks becomes one space, a space at both ends. A phrase of a spaced script is then searched with
its spaces, which makes a word boundary of each; a phrase of Chinese, Japanese or Thai characters
without them, because there words are not separated. Korean words carry particles at their end:
they match as prefixes.

Signs that end a name stay, as words of their own: "C++" is not "C", and "Disney+" is not "Disney".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

_NOT_A_WORD = r"[^\p{L}\p{N}\p{M}]+"
# "C++", "C#", "Disney+": signs behind a letter and before no other word.
_SIGNED_NAME = r"(\p{L})([+#]{1,3})([^\p{L}\p{N}\p{M}+#]|$)"
_MARK = "\x01"
_SIGNS_MARKED = (
    pl.col("text")
    .str.replace_all(_MARK, " ", literal=True)
    .str.replace_all(_SIGNED_NAME, f"$1 {_MARK}$2 $3")
)
_SPACED_WITH_SIGNS = (
    pl.lit(" ")
    + pl.col("text")
    .str.replace_all(rf"({_MARK}[+#]+)|[^\p{{L}}\p{{N}}\p{{M}}{_MARK}]+", " $1 ")
    .str.replace_all(_MARK, "", literal=True)
    .str.replace_all(" +", " ")
    .str.strip_chars(" ")
    + " "
)
_UNSPACED_SCRIPT = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002ffff]"
)
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"
_LOWERED = (
    pl.col("text")
    .str.normalize("NFC")
    .str.to_lowercase()
    .str.replace_all("\u0307", "", literal=True)  # what lower-casing leaves of a Turkish İ
)
# "我用iPhone手机": a Latin word without spaces around it
_PARTED = (
    pl.col("text")
    .str.replace_all(rf"({_UNSPACED})(\p{{Latin}})", "$1 $2")
    .str.replace_all(rf"(\p{{Latin}})({_UNSPACED})", "$1 $2")
)
_SPACED = pl.lit(" ") + pl.col("text").str.replace_all(_NOT_A_WORD, " ").str.strip_chars(" ") + " "
_HANGUL = re.compile("[\uac00-\ud7a3]")
PREFIX_MARK = "*"
# So few texts are searched form by form: building the matcher would take longer.
_FEW_TEXTS = 4


def normalise(texts: pl.Series) -> pl.Series:
    """Bring texts without nulls into the form in which phrases are searched."""
    lowered = texts.to_frame("text").select(_LOWERED)
    if lowered["text"].str.contains(_UNSPACED).any():
        lowered = lowered.select(_PARTED)
    is_signed = lowered["text"].str.contains(_SIGNED_NAME)
    spaced = lowered.select(_SPACED).to_series()
    rows = is_signed.arg_true()
    if not len(rows):
        return spaced
    signed = lowered.select(pl.col("text").gather(rows))
    return spaced.scatter(rows, signed.select(_SIGNS_MARKED).select(_SPACED_WITH_SIGNS).to_series())


def search_forms(phrases: Iterable[str]) -> list[str]:
    """The string to search for each phrase; a phrase ending in ``*`` matches as a prefix.

    A phrase without any letter or digit gives an empty string, which is never found.
    """
    listed = list(phrases)
    normal = normalise(
        pl.Series([phrase.rstrip(PREFIX_MARK) for phrase in listed], dtype=pl.String)
    )
    forms = []
    for phrase, form in zip(listed, normal.to_list(), strict=True):
        text = form.strip()
        if not text:
            forms.append("")
        elif _UNSPACED_SCRIPT.search(text):
            forms.append(text)
        elif phrase.endswith(PREFIX_MARK) or _HANGUL.search(text):
            forms.append(" " + text)
        else:
            forms.append(form)
    return forms


@dataclass(frozen=True)
class Matches:
    """Where phrases were found, text after text.

    Attributes:
        forms: The search forms found in each text, in order of their end; null counts as none.
        starts: Byte offset of each within the normalised text.
    """

    forms: list[list[str] | None]
    starts: list[list[int] | None]


def find_phrases(normalised: pl.Series, forms: list[str]) -> Matches:
    """Find every occurrence of the search forms, overlapping ones too."""
    if not forms:
        nothing: list[None] = [None] * len(normalised)
        return Matches(list(nothing), list(nothing))
    if len(normalised) <= _FEW_TEXTS:
        return _find_one_by_one(normalised.to_list(), tuple(forms))
    return Matches(
        normalised.str.extract_many(forms, overlapping=True).to_list(),
        normalised.str.find_many(forms, overlapping=True).to_list(),
    )


def _find_one_by_one(texts: list[str], forms: tuple[str, ...]) -> Matches:
    """The same answer without building a matcher first."""
    matches = Matches([], [])
    encoded_forms = _encoded(forms)
    for text in texts:
        encoded = text.encode()
        found = []
        for number, form in enumerate(encoded_forms):
            start = encoded.find(form)
            while start >= 0:
                found.append((start + len(form), start, number))
                start = encoded.find(form, start + 1)
        found.sort()
        matches.forms.append([forms[number] for _, _, number in found])
        matches.starts.append([start for _, start, _ in found])
    return matches


@lru_cache(maxsize=64)
def _encoded(forms: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(form.encode() for form in forms)


def word_at(normalised: bytes, start: int, form: str) -> str:
    """What stands in a normalised text where a form was found, up to the end of its last word."""
    length = len(form.encode())
    if form.startswith(" ") and not form.endswith(" "):
        end = normalised.find(b" ", start + length)
        return normalised[start:end].decode().strip()
    return form.strip()
