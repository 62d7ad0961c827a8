"""What cannot be used, and the sentence that says why."""

from __future__ import annotations

import json

import polars as pl

from resources.vocabulary import MAX_DAYS_AHEAD, MIN_POSTED_DAY

_LONGEST_TEXT = 100_000
_EARLIEST = pl.lit(MIN_POSTED_DAY).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
_LONGEST_VALUE = 200
_COLUMNS = ["day", "tenant_id", "source", "batch_id", "record_number", "reason_code", "reason",
            "field", "value", "payload"]  # fmt: skip


def with_rejections(rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``reason_code``, ``reason``, ``field`` and ``value``; null where a row can be used.

    A record has one reason, the first that applies. A withdrawal with the source's id needs
    nothing else, so its other values are not held against it.
    """
    rows = rows.with_columns(unreadable=_unreadable(rows), is_erased=_is_erased(rows["hints"]))
    judged = ~(pl.col("is_deleted") & pl.col("review_id").is_not_null())
    given_date, given_rating = pl.col("date_given"), pl.col("rating_given")
    rules: list[tuple[pl.Expr, str, pl.Expr, str | None, pl.Expr]] = [
        (pl.col("is_erased"), "erased",
         pl.lit("This review was erased; what is imported of it later is not kept."), None,
         pl.lit(None, pl.String)),
        (pl.col("unreadable").is_not_null(), "unreadable_record", pl.col("unreadable"), None,
         pl.col("payload")),
        (judged & (pl.col("text").str.len_chars() > _LONGEST_TEXT), "text_too_long",
         pl.format("The text has {} characters; a review has at most 100,000.",
                   pl.col("text").str.len_chars()), "text", pl.col("text")),
        (judged & (pl.col("rating_problem") == "unreadable"), "unreadable_rating",
         pl.format("'{}' is not a rating.", given_rating), "rating", given_rating),
        (judged & (pl.col("rating_problem") == "out_of_scale"), "rating_out_of_scale",
         pl.format("The rating {} is outside its scale of 1 to {}.", given_rating,
                   pl.col("rating_scale").cast(pl.Int64)), "rating", given_rating),
        (judged & pl.col("date_problem").is_not_null(), "unreadable_date",
         pl.format("'{}' is not a date that can be read.", given_date), "date", given_date),
        (judged & (pl.col("posted_at") > pl.col("received_at") + pl.duration(days=MAX_DAYS_AHEAD)),
         "date_in_future", pl.format("The date {} lies after the day it was received.", given_date),
         "date", given_date),
        (judged & (pl.col("posted_at") < _EARLIEST), "date_too_old",
         pl.format("The date {} lies before 1990.", given_date), "date", given_date),
        (judged & ~pl.col("is_deleted") & pl.col("text").is_null() & pl.col("title").is_null()
         & pl.col("rating").is_null(), "empty",
         pl.lit("The record has neither a text nor a rating."), None, pl.lit(None, pl.String)),
    ]  # fmt: skip
    applies = [rule[0].fill_null(value=False) for rule in rules]
    return rows.with_columns(
        reason_code=_first(applies, [pl.lit(rule[1]) for rule in rules]),
        reason=_first(applies, [rule[2] for rule in rules]),
        field=_first(applies, [pl.lit(rule[3], pl.String) for rule in rules]),
        value=_first(applies, [rule[4].str.slice(0, _LONGEST_VALUE) for rule in rules]),
    )


def as_rejected(rows: pl.DataFrame) -> pl.DataFrame:
    """Take the rows that have a reason, with the columns of ``rejected_reviews``."""
    return rows.filter(pl.col("reason_code").is_not_null()).select(_COLUMNS)


def _first(conditions: list[pl.Expr], values: list[pl.Expr]) -> pl.Expr:
    chosen: pl.Expr = pl.lit(None, pl.String)
    for condition, value in reversed(list(zip(conditions, values, strict=True))):
        chosen = pl.when(condition).then(value).otherwise(chosen)
    return chosen


def _unreadable(rows: pl.DataFrame) -> pl.Series:
    """Find records that could not even be taken apart: landing says so in their hints.

    Rows of other origin that carry no value at all are looked at themselves.
    """
    sentences = {
        hints: _sentence(hints) for hints in rows["hints"].unique().to_list() if hints is not None
    }
    told = rows["hints"].replace_strict(
        {hints: sentence for hints, sentence in sentences.items() if sentence},
        default=None, return_dtype=pl.String,
    )  # fmt: skip
    bare = rows.select(
        pl.all_horizontal(
            pl.col(name).is_null()
            for name in ("review_id", "title", "text", "rating_given", "date_given", "author")
        )
    ).to_series()
    position = (bare & told.is_null() & rows["payload"].is_not_null()).arg_true()
    broken = [
        None if _is_object(payload) else "The record is not a JSON object."
        for payload in rows["payload"].gather(position)
    ]
    return told.scatter(position, pl.Series(broken, dtype=pl.String))


def _is_erased(hints: pl.Series) -> pl.Series:
    """Find records of erased reviews: landing emptied them and says so in their hints."""
    erased = [one for one in hints.unique().to_list() if _hint(one, "erased") is True]
    return hints.is_in(erased).fill_null(value=False)


def _sentence(hints: str) -> str | None:
    sentence = _hint(hints, "unreadable")
    return sentence if isinstance(sentence, str) else None


def _hint(hints: str | None, name: str) -> object:
    try:
        value = json.loads(hints or "")
    except ValueError:
        return None
    return value.get(name) if isinstance(value, dict) else None


def _is_object(payload: str) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False
