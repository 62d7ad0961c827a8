"""Ratings and dates of a day's rows, each distinct value read once.

Rows of one tenant and source with the same hints (scale, order of dates, mapping of columns) are
read alike: what one value leaves open, the others decide.
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from resources.values.dates import TIMESTAMP, parse_dates
from resources.values.ratings import (
    Rating,
    infer_scale,
    is_scale,
    parse_rating,
    to_five,
)

_GROUP = ["tenant_id", "source", "hints"]


def read_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Read ratings and dates.

    Args:
        rows: Cleaned rows of ``raw_reviews``, ``rating`` and ``posted_at`` still text.

    Returns:
        The rows with ``rating`` (1..5), ``rating_problem`` (``unreadable``, ``out_of_scale``),
        ``rating_scale`` (as used), ``posted_at``, ``date_problem`` and ``written_day``; text that
        cannot be read leaves a null value and a problem.
    """
    groups = rows.select(_GROUP).unique(maintain_order=True).with_row_index("group")
    rows = rows.join(groups, on=_GROUP, how="left", nulls_equal=True, maintain_order="left")
    hints = {int(group): _hints(text) for group, text in groups.select("group", "hints").rows()}
    rows = _read_ratings(rows, hints)
    return _read_dates(rows, hints).drop("group")


def _hints(text: str | None) -> dict[str, object]:
    if not text:
        return {}
    try:
        hints = json.loads(text)
    except ValueError:
        return {}
    return hints if isinstance(hints, dict) else {}


def _read_ratings(rows: pl.DataFrame, hints: dict[int, dict[str, object]]) -> pl.DataFrame:
    counted = rows.filter(pl.col("rating").is_not_null()).group_by("group", "rating").len().rows()
    parsed: dict[str, Rating | None] = {}
    bare: dict[int, list[tuple[float, int]]] = {}
    stars: dict[int, list[tuple[float, int]]] = {}
    for group, text, count in counted:
        if text not in parsed:
            parsed[text] = parse_rating(text)
        rating = parsed[text]
        if rating is not None and rating.in_stars:
            stars.setdefault(group, []).append((rating.value, count))
        elif rating is not None and rating.scale is None:
            bare.setdefault(group, []).append((rating.value, count))
    scales = {
        group: _hinted_scale(given) or infer_scale(bare.get(group, ()))
        for group, given in hints.items()
    }
    star_scales = {group: infer_scale(counts) for group, counts in stars.items()}
    table: list[tuple[int, str, float | None, str | None, float | None]] = []
    for group, text, _ in counted:
        rating = parsed[text]
        if rating is None:
            table.append((group, text, None, "unreadable", None))
            continue
        if rating.in_stars:
            rating = replace(rating, scale=star_scales[group])
        value = to_five(rating, scales[group])
        problem = "out_of_scale" if value is None else None
        table.append((group, text, value, problem, rating.scale or scales[group]))
    read = pl.DataFrame(
        table,
        schema={"group": rows.schema["group"], "rating": pl.String, "stars": pl.Float64,
                "rating_problem": pl.String, "rating_scale": pl.Float64},
        orient="row",
    )  # fmt: skip
    joined = rows.join(read, on=["group", "rating"], how="left", maintain_order="left")
    return joined.with_columns(rating="stars").drop("stars")


def _hinted_scale(hints: dict[str, object]) -> float | None:
    scale = hints.get("rating_scale")
    return float(scale) if isinstance(scale, int | float) and is_scale(scale) else None


def _read_dates(rows: pl.DataFrame, hints: dict[int, dict[str, object]]) -> pl.DataFrame:
    values = (
        rows.filter(pl.col("posted_at").is_not_null())
        .group_by("group", "received_at", value="posted_at")
        .agg(rows=pl.len())
    )
    day_first = {
        group: bool(given["day_first"])
        for group, given in hints.items()
        if given.get("day_first") is not None
    }
    read = parse_dates(values, day_first).select(
        "group", "received_at", "value", pl.col("posted_at").cast(TIMESTAMP).alias("moment")
    )
    joined = rows.join(
        read, left_on=["group", "received_at", "posted_at"],
        right_on=["group", "received_at", "value"], how="left", maintain_order="left",
    )  # fmt: skip
    unreadable = pl.col("posted_at").is_not_null() & pl.col("moment").is_null()
    return joined.with_columns(
        posted_at="moment",
        written_day=pl.col("moment").dt.date(),
        date_problem=pl.when(unreadable).then(pl.lit("unreadable")),
    ).drop("moment")
