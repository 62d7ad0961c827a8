"""Great Expectations as a gate: what a table must hold before the next stage may read it.

The suites are written in ``suites`` and run in the process that ``gate`` keeps; the asset checks in
``assets`` decide what a broken expectation blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from resources.reviews import gate
from resources.reviews.doubts import rows_in_doubt
from resources.reviews.findings import Finding
from resources.vocabulary import CORRECTED_FIELDS

# The columns of the tables that the gates look at.
COLUMNS = {
    "reviews": (
        *("tenant_id", "source", "review_key", "version", "content_hash"),
        *("rating", "is_deleted", "text", "posted_day", "day"),
    ),
    "review_enrichments": (
        *("tenant_id", "review_key", "version", "language", "sentiment", "sentiment_score"),
        *("sentiment_confidence", "sentiment_margin", "tier", "rating_disagreement"),
        *("spam_score", "models", "aspects", "pii", "corrected"),
    ),
}


def check_reviews(reviews: pl.DataFrame) -> list[Finding]:
    """Hold ``reviews`` rows against their suite: keys, versions, ranges, dates."""
    return hold_against(
        "reviews",
        reviews.select(
            "tenant_id",
            "source",
            "review_key",
            "version",
            "content_hash",
            "rating",
            "is_deleted",
            pl.col("text").is_null().and_(pl.col("rating").is_null()).alias("is_empty"),
            (pl.col("posted_day") - pl.col("day")).dt.total_days().alias("days_ahead"),
        ),
    )


def check_enrichments(enrichments: pl.DataFrame) -> list[Finding]:
    """Hold ``review_enrichments`` rows against their suite: labels, ranges, spans, versions."""
    return hold_against(
        "enrichments",
        enrichments.select(
            "tenant_id",
            "review_key",
            "version",
            "language",
            "sentiment",
            "sentiment_score",
            "sentiment_confidence",
            "sentiment_margin",
            "tier",
            "rating_disagreement",
            "spam_score",
            "models",
            (pl.col("sentiment").is_null() == pl.col("sentiment_score").is_null()).alias(
                "score_stands_beside_label"
            ),
            _spans_in_order("aspects"),
            _spans_in_order("pii"),
            pl.col("corrected")
            .list.eval(pl.element().is_in(CORRECTED_FIELDS))
            .list.all()
            .fill_null(value=True)
            .alias("corrected_fields_are_known"),
        ),
    )


def hold_against(suite: str, rows: pl.DataFrame) -> list[Finding]:
    """Say what ``gate.validate`` says of all rows, by showing it those that decide it.

    Args:
        suite: A suite of ``resources.reviews.suites``.
        rows: The columns that its expectations name.
    """
    positions = rows_in_doubt(suite, rows)
    return [
        replace(finding, unexpected_rows=tuple(positions[list(finding.unexpected_rows)]))
        for finding in gate.validate(suite, rows[positions])
    ]


def _spans_in_order(column: str) -> pl.Expr:
    """Whether every span of a row begins at or after the text's begin and before its own end."""
    start, end = (pl.element().struct.field(name) for name in ("start", "end"))
    in_order = pl.col(column).list.eval((start >= 0) & (start < end)).list.all()
    return in_order.fill_null(value=True).alias(f"{column}_spans_in_order")


def tenants_at_fault(rows: pl.DataFrame, findings: Sequence[Finding]) -> list[str]:
    """Return the tenants whose rows broke an expectation; all of them when no tenant is named."""
    broken = [finding for finding in findings if not finding.held]
    positions = sorted({row for finding in broken for row in finding.unexpected_rows})
    tenants = rows["tenant_id"]
    at_fault = tenants[positions].drop_nulls() if positions else tenants.clear()
    if broken and at_fault.is_empty():
        at_fault = tenants.drop_nulls()
    return at_fault.unique().sort().to_list()
