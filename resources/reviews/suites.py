"""The suites of the gates, and Great Expectations that holds rows against them.

Which rows and columns are looked at is the business of ``quality``. Importing Great Expectations
takes seconds, so ``gate`` runs this module in a process of its own.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from resources.reviews.findings import Finding
from resources.vocabulary import SENTIMENTS, TIER_NAMES


def reviews_suite(catalogue: Any) -> list[Any]:
    """What ``reviews`` must hold: keys, versions, ranges, dates."""
    return [
        *(
            catalogue.ExpectColumnValuesToNotBeNull(column=column)
            for column in ("tenant_id", "source", "review_key", "version", "content_hash")
        ),
        catalogue.ExpectColumnValuesToMatchRegex(column="review_key", regex=r"^[0-9a-f]{32}$"),
        catalogue.ExpectCompoundColumnsToBeUnique(
            column_list=["tenant_id", "review_key", "version"]
        ),
        catalogue.ExpectColumnValuesToBeBetween(column="version", min_value=1),
        catalogue.ExpectColumnValuesToBeBetween(column="rating", min_value=1, max_value=5),
        catalogue.ExpectColumnValuesToBeBetween(column="days_ahead", max_value=2),
        catalogue.ExpectColumnPairValuesToBeInSet(
            column_A="is_empty",
            column_B="is_deleted",
            value_pairs_set=[(False, False), (False, True), (True, True)],
        ),
    ]


def enrichments_suite(catalogue: Any) -> list[Any]:
    """What ``review_enrichments`` must hold: labels, ranges, spans, versions."""
    return [
        *(
            catalogue.ExpectColumnValuesToNotBeNull(column=column)
            for column in ("tenant_id", "review_key", "version", "language", "models")
        ),
        catalogue.ExpectCompoundColumnsToBeUnique(
            column_list=["tenant_id", "review_key", "version"]
        ),
        catalogue.ExpectColumnValuesToMatchRegex(column="language", regex=r"^[a-z]{2,3}$"),
        catalogue.ExpectColumnValuesToBeInSet(column="sentiment", value_set=list(SENTIMENTS)),
        catalogue.ExpectColumnValuesToBeInSet(column="tier", value_set=list(TIER_NAMES)),
        *(
            catalogue.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)
            for column, least, most in (
                ("sentiment_score", -1, 1),
                ("sentiment_confidence", 0, 1),
                ("sentiment_margin", 0, 1),
                ("rating_disagreement", -2, 2),
                ("spam_score", 0, 1),
            )
        ),
        *(
            catalogue.ExpectColumnValuesToBeInSet(column=column, value_set=[True])
            for column in (
                "score_stands_beside_label",
                "aspects_spans_in_order",
                "pii_spans_in_order",
                "corrected_fields_are_known",
            )
        ),
    ]


SUITES: Mapping[str, Callable[[Any], list[Any]]] = {
    "reviews": reviews_suite,
    "enrichments": enrichments_suite,
}


def load() -> Any:
    """Return Great Expectations' catalogue, imported quietly and with its analytics off."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations as catalogue

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return catalogue


def validate(suite: str, frame: pl.DataFrame) -> list[Finding]:
    """Hold rows against a suite, in this process."""
    expectations = SUITES[suite](load())
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
        wanted = gx.ExpectationSuite(name=suite, expectations=expectations)
        outcome = batch.validate(wanted, result_format="COMPLETE")
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
        unexpected_rows=tuple(int(row) for row in rows if isinstance(row, int)),
    )
