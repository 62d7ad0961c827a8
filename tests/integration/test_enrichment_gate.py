"""The gate behind ``review_enrichments``: what it lets through, and what it names."""

from __future__ import annotations

from datetime import date

import polars as pl
import pyarrow as pa
import pytest

from resources.nlp.annotating import annotate
from resources.nlp.context import default_context
from resources.reviews import quality
from resources.storage.schemas import REVIEW_ENRICHMENTS
from resources.vocabulary import CORRECTED_FIELDS, TIER_NAMES

TEXTS = ["The staff was friendly, write to ann@example.com.", "Prima!", None, "", "😡", "dirty"]


@pytest.fixture(scope="module")
def rows():
    count = len(TEXTS)
    batch = pa.RecordBatch.from_pydict(
        {
            "review_key": [f"{n:032x}" for n in range(count)],
            "version": pa.array([1] * count, pa.int32()),
            "title": pa.nulls(count, pa.string()),
            "text": pa.array(TEXTS, pa.string()),
            "rating": pa.array([1.0, 5.0, 3.0, None, 2.0, None]),
        }
    )
    scope = {"day": date(2026, 3, 2), "tenant_id": "acme"}
    annotated = [scope | row for row in annotate(batch, default_context()).to_pylist()]
    return pl.from_arrow(pa.Table.from_pylist(annotated, REVIEW_ENRICHMENTS.schema))


def broken(rows, column, value):
    """The rows with a wrong value in one of them, and the expectations that say so."""
    values = [*rows[column].to_list()]
    values[1] = value
    changed = rows.with_columns(pl.Series(column, values, rows.schema[column]))
    findings = [finding for finding in quality.check_enrichments(changed) if not finding.held]
    assert {row for finding in findings for row in finding.unexpected_rows} <= {1}
    return " ".join(finding.expectation for finding in findings)


def test_what_the_engine_writes_passes(rows):
    assert [one for one in quality.check_enrichments(rows) if not one.held] == []


def test_rows_of_an_older_release_pass(rows):
    """Columns that did not exist yet are null in every row."""
    later = ["sentiment_margin", "tier", "rating_disagreement", "aspects", "pii", "spam_score"]
    later += ["spam_reasons", "signature", "corrected"]
    old = rows.with_columns(pl.lit(None, rows.schema[name]).alias(name) for name in later)
    assert [one for one in quality.check_enrichments(old) if not one.held] == []


SPAN = {"kind": "email", "start": 3, "end": 9}
ASPECT = {"term": "tea", "category": "food", "sentiment": "mixed", "score": 0.0}


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("sentiment_margin", 1.5, "sentiment_margin"),
        ("sentiment_margin", -0.1, "sentiment_margin"),
        ("tier", "best", "tier"),
        ("rating_disagreement", 2.5, "rating_disagreement"),
        ("spam_score", 1.1, "spam_score"),
        ("sentiment_score", None, "score_stands_beside_label"),
        ("pii", [SPAN, SPAN | {"end": 3}], "pii_spans_in_order"),
        ("pii", [SPAN | {"start": -1}], "pii_spans_in_order"),
        ("aspects", [ASPECT | {"start": 9, "end": 3}], "aspects_spans_in_order"),
        ("corrected", ["sentiment", "rating"], "corrected_fields_are_known"),
        ("language", None, "language"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(rows, column, value, named):
    assert named in broken(rows, column, value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pii", [SPAN]),
        ("aspects", [ASPECT | {"start": 0, "end": 3}]),
        ("corrected", list(CORRECTED_FIELDS)),
        *(("tier", tier) for tier in TIER_NAMES),
    ],
)
def test_a_right_value_passes(rows, column, value):
    assert broken(rows, column, value) == ""
