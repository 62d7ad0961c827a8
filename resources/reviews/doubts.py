"""Which rows Great Expectations has to see, so that a gate over a million rows takes seconds.

The suite stays the judge. Polars reads its expectations and picks every row that is not plainly
right by all of them, and of the others one of each kind: so the same expectations break, by the
same rows, as if all rows had been held against the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import polars as pl

from resources.reviews.suites import SUITES


class _Catalogue:
    """Stands in for Great Expectations' catalogue: an expectation is its name and its arguments."""

    def __getattr__(self, name: str) -> Callable[..., tuple[str, dict[str, Any]]]:
        return lambda **arguments: (name, arguments)


def rows_in_doubt(suite: str, rows: pl.DataFrame) -> pl.Series:
    """Return the positions, from 0 and in order, of the rows that decide what is found.

    Args:
        suite: A suite of ``resources.reviews.suites``.
        rows: The columns that its expectations name.
    """
    expected = _expected(suite)
    right = pl.all_horizontal(
        *(_RULES[name](**arguments).fill_null(value=False) for name, arguments in expected)
    )
    position = pl.int_range(pl.len(), dtype=pl.Int64).alias("position")
    marked = rows.lazy().select(position, *_kind(expected), right.alias("is_right")).collect()
    wrong = marked.filter(~pl.col("is_right"))["position"]
    kinds = pl.exclude("position", "is_right")
    examples = marked.filter("is_right").group_by(kinds).agg(pl.col("position").min())["position"]
    return pl.concat([wrong, examples, *_bounds(expected, rows)]).unique().sort()


@cache
def _expected(suite: str) -> list[tuple[str, dict[str, Any]]]:
    return SUITES[suite](_Catalogue())


def _kind(expected: list[tuple[str, dict[str, Any]]]) -> list[pl.Expr]:
    """What tells right rows apart: what is null, and which of few values stand there."""
    few, present = set[str](), set[str]()
    for name, arguments in expected:
        named = {arguments[key] for key in ("column", "column_A", "column_B") if key in arguments}
        (few if name.endswith("InSet") else present).update(named)
    return [
        *(pl.col(column) for column in sorted(few)),
        *(pl.col(column).is_null() for column in sorted(present - few)),
    ]


def _bounds(expected: list[tuple[str, dict[str, Any]]], rows: pl.DataFrame) -> list[pl.Series]:
    """The rows with the least and the greatest value of every column that has a range."""
    columns = [arguments["column"] for name, arguments in expected if name.endswith("BeBetween")]
    ends = [end for column in columns for end in (rows[column].arg_min(), rows[column].arg_max())]
    return [pl.Series("position", [end for end in ends if end is not None], pl.Int64)]


def _is_there(column: str) -> pl.Expr:
    return pl.col(column).is_not_null()


def _matches(column: str, regex: str) -> pl.Expr:
    return _absent(column) | pl.col(column).str.contains(regex)


def _between(
    column: str, min_value: float | None = None, max_value: float | None = None
) -> pl.Expr:
    inside = pl.lit(value=True)
    if min_value is not None:
        inside &= pl.col(column) >= min_value
    if max_value is not None:
        inside &= pl.col(column) <= max_value
    return _absent(column) | inside


def _in_set(column: str, value_set: list[Any]) -> pl.Expr:
    return _absent(column) | pl.col(column).is_in(value_set)


def _pair_in_set(column_A: str, column_B: str, value_pairs_set: list[tuple[Any, Any]]) -> pl.Expr:  # noqa: N803
    pairs = [(pl.col(column_A) == a) & (pl.col(column_B) == b) for a, b in value_pairs_set]
    return pl.any_horizontal(*pairs)


def _unique_together(column_list: list[str]) -> pl.Expr:
    return pl.struct(column_list).is_unique()


def _absent(column: str) -> pl.Expr:
    """Expectations look at no row in which their column is null, unless that is what they say."""
    return pl.col(column).is_null()


# Each says that a row is plainly right. One that is not may still be right: the suite decides.
_RULES: Mapping[str, Callable[..., pl.Expr]] = {
    "ExpectColumnValuesToNotBeNull": _is_there,
    "ExpectColumnValuesToMatchRegex": _matches,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnPairValuesToBeInSet": _pair_in_set,
    "ExpectCompoundColumnsToBeUnique": _unique_together,
}
