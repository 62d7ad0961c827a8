"""Titles and texts of a batch as the annotators read them.

Title, a line break and text become one string, just the text where there is no title. It is cleaned
without changing its length: what an annotator says of the characters ``start`` to ``end`` holds for
the review as it was written.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from babel import Locale

from resources.vocabulary import UNDETERMINED

# Nobody reads further than this in one review; it bounds the cost of a huge text.
LENGTH_LIMIT = 20_000

_LONGEST_TAG = 16
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_CLEANED = pl.col("text").str.replace_all(_CONTROL_CHARACTERS, " ")


@dataclass(frozen=True)
class ReviewTexts:
    """What is read of a batch of reviews, row for row.

    Attributes:
        joined: Title and text as one, cleaned; at most ``LENGTH_LIMIT`` characters.
        whole: The same in full length: personal data must be found wherever it stands.
        hashes: Of the whole title and text, 32 hexadecimal digits; equal texts have equal hashes.
        languages: Codes that are known already; null where the engine is to find out.
        ratings: On 1..5, NaN where there is none.
    """

    joined: pl.Series
    whole: list[str]
    hashes: list[str]
    languages: list[str | None]
    ratings: npt.NDArray[np.float64]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> ReviewTexts:
        """Read the columns title and text and, where there are any, language_given and rating."""
        titles, bodies = _strings(batch, "title"), _strings(batch, "text")
        languages = [language_code(code) for code in _strings(batch, "language_given")]
        hashes = _hashes(titles, bodies, languages)
        whole = _whole(titles, bodies)
        joined = pl.Series("text", [text[:LENGTH_LIMIT] for text in whole], dtype=pl.String)
        cleaned = joined.to_frame().select(_CLEANED).to_series()
        return cls(cleaned, whole, hashes, languages, _ratings(batch))


def text_hash(title: str, body: str, language: str | None = None) -> str:
    """Hash of all that an annotator reads of a review: equal hashes get equal annotations."""
    content = f"{title}\x1f{body}" if language is None else f"{title}\x1f{body}\x1f{language}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def text_hashes(batch: pa.RecordBatch) -> list[str]:
    """The hash of each row's text: rows with equal hashes get equal annotations."""
    languages = [language_code(code) for code in _strings(batch, "language_given")]
    return _hashes(_strings(batch, "title"), _strings(batch, "text"), languages)


def _hashes(titles: list[str], bodies: list[str], languages: list[str | None]) -> list[str]:
    return [text_hash(*row) for row in zip(titles, bodies, languages, strict=True)]


def _strings(batch: pa.RecordBatch, name: str) -> list[str]:
    """A column's strings, "" for null; bytes that are no UTF-8 become replacement characters."""
    if name not in batch.schema.names:
        return [""] * batch.num_rows
    column = batch.column(name)
    try:
        return [value or "" for value in column.to_pylist()]
    except UnicodeDecodeError:
        values = column.cast(pa.large_binary()).to_pylist()
        return [(value or b"").decode("utf-8", "replace") for value in values]


@lru_cache(maxsize=1_024)
def language_code(given: str) -> str | None:
    """The code that a source means: "EN" and "en-US" are en; what is no language is unknown."""
    code = re.split("[-_]", given.strip().lower()[:_LONGEST_TAG])[0]
    return code if code in _known_codes() else None


@lru_cache(maxsize=1)
def _known_codes() -> frozenset[str]:
    return frozenset(Locale("en").languages) - {UNDETERMINED, "mul", "zxx", "mis"}


def _ratings(batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
    if "rating" not in batch.schema.names:
        return np.full(batch.num_rows, np.nan)
    ratings = batch.column("rating").cast(pa.float64())
    return np.asarray(ratings.to_numpy(zero_copy_only=False), np.float64)


def _whole(titles: list[str], bodies: list[str]) -> list[str]:
    joined = [
        f"{title}\n{body}" if title else body for title, body in zip(titles, bodies, strict=True)
    ]
    return [_without_tags(text) if "<" in text else text for text in joined]


def _without_tags(text: str) -> str:
    """Line-break tags as line breaks, filled up with spaces to their own length."""
    return _LINE_BREAK_TAG.sub(lambda tag: "\n" + " " * (len(tag.group()) - 1), text)
