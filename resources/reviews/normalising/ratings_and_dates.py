"""Ratings and dates of rows, each distinct value read once and as its group reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from resources.reviews.normalising.readings import GROUP, NOTHING, Group, Reading
from resources.values.dates import TIMESTAMP, read_dates
from resources.values.ratings import Rating, parse_rating, to_five


def read_values(rows: pl.DataFrame, readings: Mapping[Group, Reading]) -> pl.DataFrame:
    """Read ratings and dates.

    Args:
        rows: Cleaned rows of ``raw_reviews``, ``rating`` and ``posted_at`` still text.
        readings: How the open values of each group are read; a group that leaves nothing open
            need not be named.

    Returns:
        The rows with ``rating`` (1..5), ``rating_problem`` (``unreadable``, ``out_of_scale``),
        ``rating_scale`` (as used), ``posted_at``, ``date_problem`` and ``written_day``; text that
        cannot be read leaves a null value and a problem.
    """
    groups = rows.select(GROUP).unique(maintain_order=True).with_row_index("group")
    rows = rows.join(groups, on=GROUP, how="left", nulls_equal=True, maintain_order="left")
    by_number = {
        group: readings.get((tenant, source, hints)) or NOTHING.reading(hints)
        for group, tenant, source, hints in groups.rows()
    }
    rows = _read_ratings(rows, by_number)
    return _read_dates(rows, by_number).drop("group")


def _read_ratings(rows: pl.DataFrame, readings: Mapping[int, Reading]) -> pl.DataFrame:
    given = rows.filter(pl.col("rating").is_not_null()).select("group", "rating").unique().rows()
    parsed = {text: parse_rating(text) for text in {text for _, text in given}}
    table = [(group, text, *_on_five(parsed[text], readings[group])) for group, text in given]
    read = pl.DataFrame(
        table,
        schema={"group": rows.schema["group"], "rating": pl.String, "stars": pl.Float64,
                "rating_problem": pl.String, "rating_scale": pl.Float64},
        orient="row",
    )  # fmt: skip
    joined = rows.join(read, on=["group", "rating"], how="left", maintain_order="left")
    return joined.with_columns(rating="stars").drop("stars")


def _on_five(
    rating: Rating | None, reading: Reading
) -> tuple[float | None, str | None, float | None]:
    """The rating on 1 to 5, what is wrong with it, and the scale it was read on."""
    if rating is None:
        return None, "unreadable", None
    if rating.in_stars:
        rating = replace(rating, scale=reading.star_scale)
    value = to_five(rating, reading.scale)
    problem = "out_of_scale" if value is None else None
    return value, problem, rating.scale or reading.scale


def _read_dates(rows: pl.DataFrame, readings: Mapping[int, Reading]) -> pl.DataFrame:
    values = (
        rows.filter(pl.col("posted_at").is_not_null())
        .select("group", "received_at", value="posted_at")
        .unique()
    )
    dates = {group: reading.dates for group, reading in readings.items()}
    read = read_dates(values, dates).select(
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
