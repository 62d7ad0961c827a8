"""Tables that people open in a spreadsheet program, of which no cell becomes a formula.

A spreadsheet program takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
return for a formula, and a formula can start programs and send cells away. So in every CSV file
that people open an apostrophe stands before such a character, as a person would type it:

* at the beginning of a cell of text, spaces and what cannot be seen (controls, marks of width and
  direction) not counted, since a program may drop them;
* behind a semicolon, a bar, a tab or a line break within a cell, where programs set to another
  language or delimiter begin a new cell;
* and before an apostrophe that stands in such a place already, so that nothing is lost.

``from_cell`` takes these apostrophes away again. Numbers and dates that are no text stay as they
are, and Parquet files, which hold types, are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.selectors as cs

# Unicode's spaces, separators, controls and format marks, and letters that are drawn as nothing.
_UNSEEN = (
    r"[\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160"
    r"\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]*+"
)
_PLACE = rf"(?:\A|[;|\t\r\n]){_UNSEEN}"
_STARTS = r"=+\-@\t\r\uff0b\uff0d\uff1d\uff20"  # the last four are the wide forms of the first
_DANGEROUS = re.compile(rf"({_PLACE})(?=[{_STARTS}'])")
_ESCAPED = re.compile(rf"({_PLACE})'")
_FORMULA = re.compile(rf"{_UNSEEN}[{_STARTS}]")

DECLARATION = (
    "Where a spreadsheet program would begin a formula, an apostrophe stands before the text."
)
"""What a command says beside a file that it wrote."""


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet program could take a text for a formula."""
    return _FORMULA.match(text) is not None


def to_cell(text: str) -> str:
    """Write a text as a cell that no spreadsheet program takes for a formula."""
    return _DANGEROUS.sub(r"\1'", text)


def from_cell(cell: str) -> str:
    """Return the text that :func:`to_cell` wrote as this cell."""
    return _ESCAPED.sub(r"\1", cell)


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as the CSV file that people open: UTF-8, commas, texts in quotation marks.

    Args:
        frame: The rows. Columns of text, and the names of all columns, are written by ``to_cell``.
        path: Where to; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _changed(frame, to_cell).write_csv(path, quote_style="non_numeric")


def csv_of(frame: pl.DataFrame) -> str:
    """A table as the text that :func:`write_csv` writes."""
    return _changed(frame, to_cell).write_csv(quote_style="non_numeric")


def read_csv(path: Path) -> pl.DataFrame:
    """Read a file that :func:`write_csv` wrote, every cell as text.

    Args:
        path: The file.

    Returns:
        Its rows as they were given, empty texts and missing values told apart.
    """
    return _changed(pl.read_csv(path, infer_schema=False), from_cell)


def _changed(frame: pl.DataFrame, change: Callable[[str], str]) -> pl.DataFrame:
    texts = [
        pl.Series(name, [None if value is None else change(value) for value in frame[name]])
        for name in frame.select(cs.string()).columns
    ]
    return frame.with_columns(one.cast(pl.String) for one in texts).rename(change)
