"""The daily facts are one transform; here it runs on both engines over the same generated rows."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from resources.metrics import facts
from resources.storage import schemas

REVIEW_COUNT = int(os.environ.get("REVIEWGRAPH_TEST_REVIEWS", "4000"))
FIRST_DAY = date(2025, 1, 1)


def picked(random, choices, count):
    """Choices with nulls among them, which numpy would otherwise turn into text."""
    return [choices[n] for n in random.integers(0, len(choices), count)]


def generated_tables(count, seed=7):
    """Reviews in up to three versions, some withdrawn, and enrichments for most of them."""
    random = np.random.default_rng(seed)
    keys = random.integers(0, count * 2 // 3, count)
    seen: dict[int, int] = {}
    versions = []
    for key in keys.tolist():
        seen[key] = seen.get(key, 0) + 1
        versions.append(seen[key])
    offsets = random.integers(0, 120, count)
    days = [date.fromordinal(FIRST_DAY.toordinal() + int(offset)) for offset in offsets]
    identity = {
        "tenant_id": [f"tenant-{key % 3}" for key in keys],
        "review_key": [f"{key:032x}" for key in keys],
        "version": versions,
    }
    ratings = np.round(random.uniform(1, 5, count), 4)
    has_rating = random.random(count) < 0.9
    has_text = random.random(count) < 0.9
    scores = random.uniform(-1, 1, count)
    sentiments = picked(random, facts.SENTIMENTS, count)
    reviews = {
        **identity,
        "day": [FIRST_DAY] * count,
        "source": picked(random, ("google", "shop", "app"), count),
        "text": [f"Review {n}: größer, schöner, 很好" for n in range(count)],
        "rating": np.where(has_rating, ratings, None).tolist(),
        "posted_at": [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days],
        "posted_day": days,
        "has_posted_date": (random.random(count) < 0.95).tolist(),
        "product": picked(random, ("Lamp", "Chair", "", None), count),
        "location": picked(random, ("Berlin", "Zürich", None), count),
        "is_deleted": (random.random(count) < 0.05).tolist(),
    }
    topics = ("price", "quality", "delivery", "staff")
    enrichments = {
        **identity,
        "day": [FIRST_DAY] * count,
        "language": picked(random, ("en", "de", "zh", None), count),
        "sentiment": np.where(has_text, sentiments, None).tolist(),
        "sentiment_score": np.where(has_text, scores, None).tolist(),
        "topics": [picked(random, topics, n) for n in random.integers(0, 4, count)],
        "keywords": [picked(random, ("lamp", "größe", "door"), n) for n in offsets % 3],
        "entities": [None if n % 5 else ["Acme"] for n in offsets],
    }
    understood = pa.array(random.random(count) < 0.95)
    return (
        table_of(schemas.REVIEWS, reviews),
        table_of(schemas.REVIEW_ENRICHMENTS, enrichments).filter(understood),
    )


def table_of(spec, columns):
    count = len(columns["tenant_id"])
    return pa.table(
        {name: columns.get(name, [None] * count) for name in spec.schema.names}, schema=spec.schema
    )


@pytest.fixture(scope="module")
def tables():
    return generated_tables(REVIEW_COUNT)


@pytest.fixture(scope="module")
def on_polars(tables):
    return [nw.from_native(pl.from_arrow(table).lazy()) for table in tables]


@pytest.fixture(scope="module")
def on_spark(tables, tmp_path_factory):
    sql = pytest.importorskip("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield [nw.from_native(session.createDataFrame(table)) for table in tables]
    session.stop()


def as_polars(frame):
    return pl.from_arrow(frame.collect("pyarrow").to_native())


def sorted_rows(frame, spec):
    rows = as_polars(frame)
    assert rows.columns == spec.schema.names
    wanted = pl.from_arrow(spec.schema.empty_table()).schema
    return rows.cast(dict(wanted)).sort(pl.all())


def expected_current(tables):
    """The current reviews again, by a plain loop."""
    newest: dict[tuple[str, str], dict] = {}
    for row in tables[0].to_pylist():
        key = (row["tenant_id"], row["review_key"])
        if key not in newest or newest[key]["version"] < row["version"]:
            newest[key] = row
    return [row for row in newest.values() if not row["is_deleted"]]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("function", "spec"),
    [
        (facts.daily_facts, schemas.DAILY_FACTS),
        (facts.daily_label_facts, schemas.DAILY_LABEL_FACTS),
    ],
)
def test_spark_and_polars_count_the_same_to_the_last_digit(function, spec, on_polars, on_spark):
    from_polars = sorted_rows(function(facts.current_reviews(*on_polars)), spec)
    from_spark = sorted_rows(function(facts.current_reviews(*on_spark)), spec)

    assert from_polars.height > 100
    assert_frame_equal(from_polars, from_spark, check_exact=True)


@pytest.mark.spark
def test_spark_and_polars_agree_which_reviews_are_current(on_polars, on_spark):
    from_polars, from_spark = (
        as_polars(facts.current_reviews(*frames)).sort("tenant_id", "review_key")
        for frames in (on_polars, on_spark)
    )

    assert_frame_equal(from_polars, from_spark, check_exact=True, check_dtypes=False)


def test_the_facts_add_up_to_the_current_reviews(tables, on_polars):
    current = expected_current(tables)
    rows = sorted_rows(facts.daily_facts(facts.current_reviews(*on_polars)), schemas.DAILY_FACTS)

    rated = [row["rating"] for row in current if row["rating"] is not None]
    assert rows["review_count"].sum() == len(current)
    assert rows["rated_count"].sum() == len(rated)
    assert rows["rating_sum_milli"].sum() == sum(int(rating * 1000 + 0.5) for rating in rated)
    stars = rows.select(pl.sum_horizontal(f"rating_{star}_count" for star in range(1, 6)))
    assert stars.to_series().to_list() == rows["rated_count"].to_list()
