"""Showing a suite the rows that decide it finds what showing it all rows would find."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resources.reviews import quality, suites
from resources.reviews.doubts import rows_in_doubt

FRAMES = 25
ODD = {
    "tenant_id": [None, ""],
    "source": [None, ""],
    "review_key": [None, "", "A" * 32, "0" * 31, "0" * 32 + "\n", "é" * 32],
    "version": [None, 0, -3, 2**40],
    "content_hash": [None],
    "rating": [None, 0.99, 5.01, float("nan"), float("inf"), -0.0, 1.0, 5.0],
    "days_ahead": [None, 2, 3, 10_000, -10_000],
    "is_empty": [None, True, False],
    "is_deleted": [None, True, False],
    "language": [None, "", "EN", "engl", "en\n", "deu"],
    "models": [None, ""],
    "sentiment": [None, "", "great", "mixed"],
    "tier": [None, "best", "fast"],
    "sentiment_score": [None, -1.01, 1.01, float("nan"), -1.0],
    "sentiment_confidence": [None, -0.1, 1.1, 0.0],
    "sentiment_margin": [None, -0.1, 1.1, 1.0],
    "rating_disagreement": [None, -2.5, 2.5, float("-inf")],
    "spam_score": [None, -0.1, 1.1],
    "score_stands_beside_label": [None, False],
    "aspects_spans_in_order": [None, False],
    "pii_spans_in_order": [None, False],
    "corrected_fields_are_known": [None, False],
}


def right_rows(suite, count, random):
    """Rows that break nothing."""
    common = {
        "tenant_id": [f"tenant-{n % 7}" for n in range(count)],
        "review_key": [f"{n:032x}" for n in range(count)],
        "version": [1] * count,
    }
    if suite == "reviews":
        return pl.DataFrame(
            common
            | {
                "source": ["shop"] * count,
                "content_hash": [f"{n:032x}" for n in range(count)],
                "rating": random.uniform(1, 5, count),
                "is_deleted": random.random(count) < 0.1,
                "is_empty": [False] * count,
                "days_ahead": random.integers(-900, 2, count),
            }
        )
    spans = [name for name in ODD if name.endswith(("_in_order", "_known", "_label"))]
    return pl.DataFrame(
        common
        | {
            "language": ["en"] * count,
            "sentiment": ["positive"] * count,
            "tier": ["fast"] * count,
            "models": ["{}"] * count,
            "sentiment_score": random.uniform(-1, 1, count),
            "sentiment_confidence": random.random(count),
            "sentiment_margin": random.random(count),
            "rating_disagreement": random.uniform(-2, 2, count),
            "spam_score": random.random(count),
            **{name: [True] * count for name in spans},
        }
    )


def broken_rows(suite, seed):
    """Rows of which some, few or nearly all are wrong in one column or in many, and repeats."""
    random = np.random.default_rng(seed)
    rows = right_rows(suite, int(random.integers(0, 400)), random)
    share = random.choice([0.0, 0.003, 0.05, 0.9])
    columns = [name for name in rows.columns if random.random() < random.choice([0.1, 0.6])]
    for name in columns:
        values = rows[name].to_list()
        for row in np.flatnonzero(random.random(len(values)) < share):
            values[row] = ODD[name][random.integers(len(ODD[name]))]
        rows = rows.with_columns(pl.Series(name, values, rows.schema[name]))
    repeats = rows.filter(pl.Series(random.random(rows.height) < share / 4, dtype=pl.Boolean))
    return pl.concat([rows, repeats]).sample(fraction=1, shuffle=True, seed=seed)


@pytest.mark.parametrize("suite", suites.SUITES)
def test_the_same_is_found_by_the_same_rows_and_tenants(suite):
    broke = set()
    for seed in range(FRAMES):
        rows = broken_rows(suite, seed)
        expected = suites.validate(suite, rows)
        found = quality.hold_against(suite, rows)
        assert found == expected, seed
        assert quality.tenants_at_fault(rows, found) == quality.tenants_at_fault(rows, expected)
        broke |= {finding.expectation for finding in found if not finding.held}
    assert broke == {finding.expectation for finding in found}, "some expectation never broke"


@pytest.mark.parametrize("suite", suites.SUITES)
def test_of_right_rows_a_few_are_shown(suite):
    rows = right_rows(suite, 5_000, np.random.default_rng(1))
    assert 0 < len(rows_in_doubt(suite, rows)) < 40
    assert all(finding.held for finding in quality.hold_against(suite, rows))


def test_every_tenant_at_fault_is_named_however_many_rows_broke():
    rows = right_rows("reviews", 3_000, np.random.default_rng(1)).with_columns(
        pl.lit(9.0).alias("rating"),
        (pl.int_range(pl.len()) // 1_000).cast(pl.String).alias("tenant_id"),
    )
    found = quality.hold_against("reviews", rows)
    assert quality.tenants_at_fault(rows, found) == ["0", "1", "2"]


def test_the_columns_that_the_gates_look_at_are_columns_of_their_tables():
    from resources.storage.schemas import TABLES

    for name, columns in quality.COLUMNS.items():
        assert set(columns) <= set(TABLES[name].schema.names)
