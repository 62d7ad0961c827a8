"""Text as customers meant it: without markup, escapes, control characters and odd spaces."""

from __future__ import annotations

import html

import polars as pl

MISSING = ("nan", "NaN", "null", "NULL", "None", "<NA>", "N/A", "n/a", "NaT", "undefined")
"""What programs write for an absent value; as a whole value it means that there is none."""

_BREAKS = r"(?i)<\s*br\s*/?\s*>|</?\s*p\s*>"
_CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u200B\uFEFF]+"
_LINE_ENDS = r"\r\n?"
_REFERENCE = r"&(?:#\d|#x|[a-zA-Z])"
# References to no character, however many digits they have; and zeros that change nothing. Python
# refuses to read numbers of thousands of digits.
_NO_REFERENCE = r"&#(?:0*[1-9][0-9]{7,}|[xX]0*[1-9a-fA-F][0-9a-fA-F]{6,});?"
_LEADING_ZEROS = r"&#([xX]?)0+([0-9a-fA-F])"
_REPLACEMENT = "\ufffd"
_SUSPICIOUS = r"[\x00-\x08\x0B-\x1F\x7F-\x9F\u200B\uFEFF&<]"


def clean(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Clean text columns; what is empty afterwards becomes null.

    Line breaks written as HTML become line breaks, character references their characters; control
    characters go, Unicode is brought to NFC, and the ends are trimmed.
    """
    return frame.with_columns(cleaned(frame[name]) for name in columns)


def cleaned(values: pl.Series) -> pl.Series:
    """Clean a column of texts, see :func:`clean`."""
    if values.null_count() == len(values):
        return values
    # Most texts need none of it, so the costly steps see only those that might.
    suspicious = values.str.contains(_SUSPICIOUS) | (
        values.str.len_bytes() != values.str.len_chars()
    )
    positions = suspicious.fill_null(value=False).arg_true()
    if len(positions):
        values = values.scatter(positions, _repaired(values.gather(positions)))
    trimmed = values.str.strip_chars()
    absent = trimmed.is_in(["", *MISSING])
    return trimmed.set(absent.fill_null(value=False), None)


def _repaired(values: pl.Series) -> pl.Series:
    values = values.str.replace_all(_BREAKS, "\n")
    positions = values.str.contains(_REFERENCE).fill_null(value=False).arg_true()
    if len(positions):
        resolved = [html.unescape(value) for value in _bounded(values.gather(positions))]
        values = values.scatter(positions, pl.Series(resolved, dtype=pl.String))
    ends = values.str.replace_all(_LINE_ENDS, "\n")
    return ends.str.replace_all(_CONTROLS, "").str.normalize("NFC")


def _bounded(values: pl.Series) -> pl.Series:
    """Texts whose numeric references are short, with what is out of range replaced already."""
    replaced = values.str.replace_all(_NO_REFERENCE, _REPLACEMENT)
    return replaced.str.replace_all(_LEADING_ZEROS, "&#${1}${2}")
