"""Great Expectations as a gate: what a table must hold before the next stage may read it.

The suites live here, next to the code that runs them; the asset checks in ``assets`` decide what a
broken expectation blocks. Importing Great Expectations takes seconds, so it happens on first use.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from resources.vocabulary import CORRECTED_FIELDS, SENTIMENTS, TIER_NAMES


@dataclass(frozen=True)
class Finding:
    """One expectation and what the data answered.

    Attributes:
        expectation: Its name and columns, for people.
        held: Whether the data met it.
        unexpected_count: Rows that broke it, 0 when it held.
        unexpected_rows: Positions (from 0) of up to 1,000 of those rows.
    """

    expectation: str
    held: bool
    unexpected_count: int
    unexpected_rows: tuple[int, ...]


def check_reviews(reviews: pl.DataFrame) -> list[Finding]:
    """Hold ``reviews`` rows against their suite: keys, versions, ranges, dates."""
    expectations = _expectations()
    return _validate(
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
        [
            *(
                expectations.ExpectColumnValuesToNotBeNull(column=column)
                for column in ("tenant_id", "source", "review_key", "version", "content_hash")
            ),
            expectations.ExpectColumnValuesToMatchRegex(
                column="review_key", regex=r"^[0-9a-f]{32}$"
            ),
            expectations.ExpectCompoundColumnsToBeUnique(
                column_list=["tenant_id", "review_key", "version"]
            ),
            expectations.ExpectColumnValuesToBeBetween(column="version", min_value=1),
            expectations.ExpectColumnValuesToBeBetween(column="rating", min_value=1, max_value=5),
            expectations.ExpectColumnValuesToBeBetween(column="days_ahead", max_value=2),
            expectations.ExpectColumnPairValuesToBeInSet(
                column_A="is_empty",
                column_B="is_deleted",
                value_pairs_set=[(False, False), (False, True), (True, True)],
            ),
        ],
    )


def check_enrichments(enrichments: pl.DataFrame) -> list[Finding]:
    """Hold ``review_enrichments`` rows against their suite: labels, ranges, spans, versions."""
    expectations = _expectations()
    return _validate(
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
        [
            *(
                expectations.ExpectColumnValuesToNotBeNull(column=column)
                for column in ("tenant_id", "review_key", "version", "language", "models")
            ),
            expectations.ExpectCompoundColumnsToBeUnique(
                column_list=["tenant_id", "review_key", "version"]
            ),
            expectations.ExpectColumnValuesToMatchRegex(column="language", regex=r"^[a-z]{2,3}$"),
            expectations.ExpectColumnValuesToBeInSet(
                column="sentiment", value_set=list(SENTIMENTS)
            ),
            expectations.ExpectColumnValuesToBeInSet(column="tier", value_set=list(TIER_NAMES)),
            *(
                expectations.ExpectColumnValuesToBeBetween(
                    column=column, min_value=least, max_value=most
                )
                for column, least, most in (
                    ("sentiment_score", -1, 1),
                    ("sentiment_confidence", 0, 1),
                    ("sentiment_margin", 0, 1),
                    ("rating_disagreement", -2, 2),
                    ("spam_score", 0, 1),
                )
            ),
            *(
                expectations.ExpectColumnValuesToBeInSet(column=column, value_set=[True])
                for column in (
                    "score_stands_beside_label",
                    "aspects_spans_in_order",
                    "pii_spans_in_order",
                    "corrected_fields_are_known",
                )
            ),
        ],
    )


def _spans_in_order(column: str) -> pl.Expr:
    """Whether every span of a row begins at or after the text's begin and before its own end."""
    start, end = (pl.element().struct.field(name) for name in ("start", "end"))
    in_order = pl.col(column).list.eval((start >= 0) & (start < end)).list.all()
    return in_order.fill_null(value=True).alias(f"{column}_spans_in_order")


def _expectations() -> Any:
    """Return Great Expectations' catalogue, imported quietly and with its analytics off."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations as catalogue

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return catalogue


def _validate(frame: pl.DataFrame, expectations: Sequence[Any]) -> list[Finding]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        batch = (
            context.data_sources.add_pandas("memory")
            .add_dataframe_asset("rows")
            .add_batch_definition_whole_dataframe("all")
            .get_batch({"dataframe": frame.to_pandas()})
        )
        suite = gx.ExpectationSuite(name="gate", expectations=list(expectations))
        outcome = batch.validate(suite, result_format="COMPLETE")
    return [_finding(result) for result in outcome.results]


def _finding(result: Any) -> Finding:
    arguments = result.expectation_config.kwargs
    columns = arguments.get("column_list") or [
        arguments[name] for name in ("column", "column_A", "column_B") if name in arguments
    ]
    rows = result.result.get("unexpected_index_list") or []
    return Finding(
        expectation=f"{result.expectation_config.type} ({', '.join(columns)})",
        held=bool(result.success),
        unexpected_count=int(result.result.get("unexpected_count") or 0),
        unexpected_rows=tuple(int(row) for row in rows[:1000] if isinstance(row, int)),
    )


def tenants_at_fault(rows: pl.DataFrame, findings: Sequence[Finding]) -> list[str]:
    """Return the tenants whose rows broke an expectation; all of them when no row can be named."""
    broken = [finding for finding in findings if not finding.held]
    positions = sorted({row for finding in broken for row in finding.unexpected_rows})
    if broken and not positions:
        return sorted(rows["tenant_id"].unique().to_list())
    return sorted(rows[positions]["tenant_id"].unique().to_list()) if positions else []
