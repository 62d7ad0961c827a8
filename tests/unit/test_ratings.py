"""Ratings as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import narwhals as nw
import polars as pl
import pytest

from resources.engine import PolarsEngine
from resources.reviews.normalising.ratings_and_dates import read_values
from resources.reviews.normalising.readings import SharedReadings, count_open_values
from resources.storage.schemas import RAW_REVIEWS
from resources.values.ratings import infer_scale, parse_rating, to_five


@pytest.mark.parametrize(
    ("written", "stars"),
    [
        ("4/5", 4.0),
        ("8/10", 1 + 4 * 7 / 9),
        ("8 out of 10", 1 + 4 * 7 / 9),
        ("80%", 4.2),
        ("0 %", 1.0),
        ("★★★★", 4.0),
        ("★★★☆☆", 3.0),
        ("⭐️⭐️⭐️", 3.0),
        ("****", 4.0),
        ("4 stars", 4.0),
        ("4,5", 4.5),
        ("4.5", 4.5),
        ("five", 5.0),
        ("FIVE stars", 5.0),
        ("5.0 out of 5 stars", 5.0),
        ("Rated 4 out of 5", 4.0),
        ("4 von 5 Sternen", 4.0),
        ("15 sur 20", 1 + 4 * 14 / 19),
        ("0/10", 1.0),
        ("4e0", 4.0),
    ],
)
def test_a_rating_is_read_however_it_is_written(written, stars):
    rating = parse_rating(written)
    assert rating is not None
    assert to_five(rating, inferred=5.0) == pytest.approx(stars, abs=1e-6)


@pytest.mark.parametrize(
    "written",
    [
        "positive",
        "neg",
        "great",
        "",
        "5/0",
        "5/1e99",
        "1_0",
        "nan",
        "inf",
        "2026-01-01",
        "4 5",
        "/",
    ],
)
def test_what_is_no_rating_is_not_read_as_one(written):
    assert parse_rating(written) is None


@pytest.mark.parametrize("written", ["0", "6", "-1", "6/5", "101%", "0/5", "9" * 400])
def test_a_rating_outside_its_scale_has_no_stars(written):
    rating = parse_rating(written)
    assert rating is not None
    assert to_five(rating, inferred=5.0) is None


@pytest.mark.parametrize(
    ("counted", "scale"),
    [
        ([(1.0, 10), (5.0, 10)], 5.0),
        ([(1.0, 10), (9.0, 10)], 10.0),
        ([(30.0, 10), (90.0, 10)], 100.0),
        ([(5.0, 97), (9.0, 3)], 5.0),  # a few slips do not change everybody's scale
        ([(5.0, 1), (9.0, 1)], 10.0),
        ([], 5.0),
    ],
)
def test_the_scale_is_the_smallest_that_nearly_all_values_fit(counted, scale):
    assert infer_scale(counted) == scale


def test_each_scale_keeps_its_ends_and_its_middle():
    for scale, written in ((5.0, "135"), (10.0, ("1", "5.5", "10"))):
        given = [parse_rating(mark) for mark in written]
        assert [to_five(rating, scale) for rating in given] == [1.0, 3.0, 5.0]


def stars_of(*written):
    """Read ratings that came together."""
    rows = pl.DataFrame(
        {"tenant_id": "acme", "source": "shop", "hints": "{}", "rating": list(written),
         "posted_at": "2026-01-01", "received_at": datetime(2026, 2, 1, tzinfo=UTC)}
    )  # fmt: skip
    empty = pl.DataFrame(RAW_REVIEWS.schema.empty_table())
    raw = pl.concat([empty, rows.with_columns(batch_id=pl.lit("one"))], how="diagonal_relaxed")
    with PolarsEngine() as engine:
        counted = count_open_values(engine, nw.from_native(raw.lazy()))
    readings = SharedReadings([], counted.values()).by_group
    return read_values(rows, readings)["rating"].to_list()


@pytest.mark.parametrize("written", ["four stars", "4 stars", "★★★★", "4 Sterne", "4 étoiles"])
def test_stars_are_out_of_five_whatever_the_numbers_beside_them(written):
    assert stars_of(written, "10", "9", "1") == [
        4.0, 5.0, pytest.approx(1 + 4 * 8 / 9, abs=1e-6), 1.0,
    ]  # fmt: skip


def test_stars_that_go_to_ten_are_out_of_ten():
    assert stars_of("10 stars", "1 star", "8 stars out of 10") == [
        5.0, 1.0, pytest.approx(1 + 4 * 7 / 9, abs=1e-6),
    ]  # fmt: skip


def test_points_say_nothing_about_their_scale():
    assert stars_of("10 points", "1 point") == [5.0, 1.0]
