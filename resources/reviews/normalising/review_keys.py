"""Which review a record is, and whether it says anything new: stable hashes.

Hashes are BLAKE2b over UTF-8, the parts separated by a control character that cleaned text cannot
contain. They are stored, so they must never depend on the version of a library.
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

_SEPARATOR = "\x1f"
_BYTES = 16

_IDENTIFYING = ("author", "product", "location", "written_day", "text", "title")
_CONTENT = ("title", "text", "rating", "posted_at", "author", "product", "location", "url")
_TOMBSTONE = "deleted"


def with_review_keys(rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``review_key``, 32 hexadecimal digits.

    A review is who has it (tenant, source) and the source's own id; without one, what identifies
    it: author, product, location, the day it was written, text and title. A record that has
    neither id, text, author nor date is identified by its whole payload, so that two ratings
    without words are not taken for one.
    """
    anonymous = pl.all_horizontal(
        pl.col(name).is_null() for name in ("text", "author", "written_day")
    )
    identified = (
        pl.when(pl.col("review_id").is_not_null())
        .then(pl.format("id\x1f{}", "review_id"))
        .when(anonymous)
        .then(pl.format("payload\x1f{}", pl.col("payload").fill_null("")))
        .otherwise(pl.format("content\x1f{}", _joined(_IDENTIFYING)))
    )
    days = rows.select(written_day=pl.col("written_day").dt.strftime("%Y-%m-%d"))
    identity = pl.concat_str("tenant_id", "source", identified, separator=_SEPARATOR)
    return rows.with_columns(
        review_key=_hashed(rows.with_columns(days).select(identity).to_series())
    )


def with_content_hashes(rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``content_hash``: what the customer wrote and what describes it, in 32 digits."""
    # Numbers as whole millionths and microseconds: how a library prints them may change.
    numbers = rows.select(
        rating=(pl.col("rating") * 1_000_000).round().cast(pl.Int64),
        posted_at=pl.col("posted_at").dt.epoch("us"),
    )
    content = pl.when("is_deleted").then(pl.lit(_TOMBSTONE)).otherwise(_joined(_CONTENT))
    return rows.with_columns(
        content_hash=_hashed(rows.with_columns(numbers).select(content).to_series())
    )


def _joined(columns: tuple[str, ...]) -> pl.Expr:
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in columns]
    return pl.concat_str(parts, separator=_SEPARATOR)


def _hashed(texts: pl.Series) -> pl.Series:
    return pl.Series(
        [blake2b(text.encode(), digest_size=_BYTES).hexdigest() for text in texts.to_list()],
        dtype=pl.String,
    )
