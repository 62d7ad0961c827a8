"""Whatever a tenant's reviews are like, there is a report, and its three forms say the same."""

from __future__ import annotations

import html
import io
import json
import math
import re
import tempfile
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import reporting_data
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odd_tenants import MAX_DAY, MIN_DAY, MOSTLY_UNRATED, OddTenant, odd_tenants
from reporting_data import GENERATED_AT, Tenant

from resources.reporting import (
    Period,
    Report,
    ReportHeldError,
    build_report,
    render_html,
    write_workbook,
)
from resources.reporting.drawing import rounded
from resources.reporting.model import ChartKind
from resources.reporting.wording import EN_DASH, quantity
from resources.reporting.workbook import HEADER_ROW
from resources.storage.snapshots import SnapshotStore

DAYS = st.one_of(st.sampled_from([date.min, date.max, MIN_DAY, MAX_DAY]), st.dates())


def report_on(odd: OddTenant, folder: Path, period: Period | None = None) -> Report:
    return build_report(
        odd.snapshot(folder),
        tenant_name="Odd & Sons",
        colour="#0b6e4f",
        period=period,
        generated_at=GENERATED_AT,
    )


def figures_on(page: str) -> dict[str, str]:
    """What the page says on top: label -> value."""
    found = re.findall(r'headline-label">(.*?)</p>\s*<p class="headline-value">(.*?)</p>', page)
    return {html.unescape(label): html.unescape(value) for label, value in found}


def assert_charts_are_drawn(page: str, report: Report) -> None:
    """Each chart is on the page, as JSON that a browser reads, with something in it."""
    blocks = re.findall(
        r'<script type="application/json" id="figure-(\w+)">(.*?)</script>', page, re.DOTALL
    )
    figures = {key: json.loads(text, parse_constant=pytest.fail) for key, text in blocks}
    assert list(figures) == [chart.key for chart in report.charts()]
    for figure in figures.values():
        drawn = [trace for trace in figure["data"] if any(v is not None for v in trace["x"])]
        assert drawn
        assert any(v is not None for trace in drawn for v in trace["y"])


def assert_workbook_agrees(content: bytes, report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    cover = {row[0]: row for row in book["Summary"].iter_rows(values_only=True) if row}
    for figure in report.figures:
        value, reviews = cover[figure.label][1], cover[figure.label][4]
        assert value == (None if figure.value is None else pytest.approx(figure.value, abs=1e-9))
        assert reviews == figure.review_count
    tables = [chart.table for chart in report.charts()]
    tables += [table for section in report.sections for table in section.tables]
    for table in tables:
        name = "About" if table.key == "about" else table.key.replace("_", " ").capitalize()
        rows = list(book[name].iter_rows(min_row=HEADER_ROW + 2, values_only=True))
        if table.key != "about":
            assert len(rows) == max(len(table.rows), 1)
            for place, column in enumerate(table.columns):
                if column.unit == "count":
                    written = [row[place] for row in rows if row[place] is not None]
                    assert written == [
                        cell for cell in table.column(column.key) if cell is not None
                    ]


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(odd_tenants())
@example(MOSTLY_UNRATED)
def test_every_tenant_with_a_review_gets_a_report_whose_forms_agree(odd):
    with tempfile.TemporaryDirectory() as folder:
        if odd.tenant.reviews == 0:
            with pytest.raises(ReportHeldError, match="holds no review"):
                report_on(odd, Path(folder))
            return
        report = report_on(odd, Path(folder))

    page = render_html(report)
    assert report.figure("review_count").value == odd.tenant.reviews
    assert figures_on(page) == {
        figure.label: EN_DASH if figure.value is None else quantity(figure.value, figure.unit)
        for figure in report.figures
    }
    assert_charts_are_drawn(page, report)
    assert_workbook_agrees(write_workbook(report), report)


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(odd_tenants(most_reviews=60), st.lists(DAYS, min_size=2, max_size=2).map(sorted))
def test_a_period_with_a_review_is_reported_and_any_other_held(odd, days):
    period = Period(*days)
    posted = odd.reviews().filter("has_posted_date")["posted_day"]
    inside = posted.is_between(period.first, period.last).sum()
    with tempfile.TemporaryDirectory() as folder:
        if not inside:
            with pytest.raises(ReportHeldError):
                report_on(odd, Path(folder), period)
            return
        report = report_on(odd, Path(folder), period)

    assert report.period == period
    assert report.figure("review_count").value == inside
    assert_charts_are_drawn(render_html(report), report)
    assert_workbook_agrees(write_workbook(report), report)


def three_imports() -> pl.DataFrame:
    """A tenant as one was seen: two files of unrated listings, then a smaller one with ratings."""
    listings = [f"Listing {number}" for number in range(40)]
    unrated = [
        reporting_data.made_reviews(
            Tenant(reviews=1600, products=tuple(part), has_ratings=False, seed=seed)
        )
        for seed, part in enumerate((listings[:20], listings[20:]))
    ]
    rated = Tenant(reviews=200, products=tuple(f"Rated {n}" for n in range(20)), seed=3)
    return pl.concat([*unrated, reporting_data.made_reviews(rated)]).sort("review_key")


def test_rated_products_are_compared_however_many_unrated_ones_are_reviewed_more(tmp_path):
    store = SnapshotStore(tmp_path)
    version = store.publish("acme", reporting_data.marts("acme", three_imports()), {}).version
    report = build_report(
        store.open("acme", version), tenant_name="Acme", colour=None, generated_at=GENERATED_AT
    )
    products = report.section("products")
    drawn = next(c for c in products.charts if c.kind is ChartKind.RATING_COMPARISON).table

    assert len(products.tables[0].rows) == 60
    assert len(drawn.rows) == 15
    assert all(name.startswith("Rated") for name in drawn.column("member"))
    assert drawn.title.endswith("the 15 most reviewed")
    assert "40 products without a rating are not drawn." in products.notes
    assert any(note.startswith("5 other products with ") for note in products.notes)
    assert any("highest" in sentence for sentence in products.sentences)
    assert_charts_are_drawn(render_html(report), report)
    assert_workbook_agrees(write_workbook(report), report)


def test_products_without_any_rating_are_listed_and_that_is_said(tmp_path):
    report = report_on(OddTenant(Tenant(reviews=80, has_ratings=False)), tmp_path)
    products = report.section("products")

    assert not products.charts[:1] or products.charts[0].kind is not ChartKind.RATING_COMPARISON
    assert products.tables[0].rows
    assert "None of these products has a rating, so there are no averages to compare." in (
        products.notes
    )


def test_of_undated_texts_and_ratings_no_course_is_drawn(tmp_path):
    frame = reporting_data.made_reviews(Tenant(reviews=100)).with_columns(
        pl.Series("has_posted_date", [number < 40 for number in range(100)])
    )
    frame = frame.with_columns(
        pl.when(~pl.col("has_posted_date")).then(column).alias(column)
        for column in ("rating", "text", "sentiment")
    )
    store = SnapshotStore(tmp_path)
    version = store.publish("acme", reporting_data.marts("acme", frame), {}).version
    report = build_report(
        store.open("acme", version), tenant_name="Acme", colour=None, generated_at=GENERATED_AT
    )
    course = report.section("over_time")

    assert [chart.kind for chart in course.charts] == [ChartKind.VOLUME_AND_RATING]
    assert "None of the dated reviews has text, so there is no sentiment to follow." in course.notes
    assert any(note.startswith("None of the dated reviews has a rating") for note in course.notes)
    assert report.figure("average_rating").value is not None


def test_reviews_in_no_known_language_are_not_said_to_be_in_none(tmp_path):
    odd = OddTenant(Tenant(reviews=50, products=()), emptied=frozenset({"language"}))

    assert "language" not in report_on(odd, tmp_path).findings[0].evidence


def test_blank_names_are_no_names(tmp_path):
    odd = OddTenant(Tenant(reviews=300, products=("  ", "Solo")))
    sentences = report_on(odd, tmp_path).section("products").sentences

    assert "All reviews that name a product are about “Solo”." in sentences


def test_a_period_as_early_as_the_calendar_has_none_before_it():
    assert Period(date.min, date(1, 1, 8)).before() is None
    assert Period(date(1, 1, 8), date(1, 1, 14)).before() == Period(date.min, date(1, 1, 7))


def test_what_is_no_number_is_not_drawn():
    assert rounded([1.23456, None, math.nan, math.inf]) == [1.2346, None, None, None]
