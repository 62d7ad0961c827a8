"""Reports on some days only: what they count, open ends, and days without reviews."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
import reporting_data
from reporting_data import GENERATED_AT, Tenant, report_on

from resources.reporting import Period, Report, ReportHeldError, build_report, period_of


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return reporting_data.publish(tmp_path_factory.mktemp("snapshots"))


@pytest.fixture(scope="module")
def report(snapshot) -> Report:
    return build_report(snapshot, tenant_name="Acme", colour="#0b6e4f", generated_at=GENERATED_AT)


def test_a_period_limits_every_figure_to_its_days(snapshot):
    period = Period(date(2025, 4, 1), date(2025, 6, 30))
    limited = build_report(
        snapshot, tenant_name="Acme", colour=None, period=period, generated_at=GENERATED_AT
    )
    chosen = snapshot.table("reviews").filter(
        pl.col("posted_day").is_between(period.first, period.last)
    )
    products = limited.section("products").tables[0]
    topics = limited.section("topics").tables[0]
    mentioned = chosen.explode("topics")["topics"].drop_nulls()

    assert limited.figure("review_count").value == chosen.height
    assert limited.figure("average_rating").value == pytest.approx(chosen["rating"].mean())
    assert sum(products.column("review_count")) == chosen.height
    assert sum(topics.column("mention_count")) == len(mentioned)
    assert limited.figure("review_count").change.earlier_count == (
        snapshot.table("reviews")["posted_day"].is_between(*_ends(period.before())).sum()
    )


def _ends(period: Period) -> tuple[date, date]:
    return period.first, period.last


def test_an_open_end_of_a_period_is_that_of_the_reviews(snapshot, report):
    whole = report.period
    middle = whole.first + timedelta(days=whole.days // 2)
    after, before = whole.last + timedelta(days=9), whole.first - timedelta(days=9)

    assert period_of(snapshot, None, None) is None
    assert period_of(snapshot, middle, None) == Period(middle, whole.last)
    assert period_of(snapshot, None, middle) == Period(whole.first, middle)
    assert period_of(snapshot, after, None) == Period(after, after)
    assert period_of(snapshot, None, before) == Period(before, before)
    assert period_of(snapshot, before, after) == Period(before, after)


def test_a_period_without_reviews_is_held_and_says_where_there_are_some(tmp_path):
    with pytest.raises(ReportHeldError, match="Its reviews were posted from"):
        report_on(tmp_path, Tenant(reviews=50), Period(date(2001, 1, 1), date(2001, 12, 31)))


def test_a_period_asked_of_undated_reviews_is_held(tmp_path):
    tenant = Tenant(reviews=50, has_dates=False)
    with pytest.raises(ReportHeldError, match="has a date"):
        report_on(tmp_path, tenant, Period(date(2025, 1, 1), date(2025, 12, 31)))


def test_a_period_cannot_end_before_it_starts():
    with pytest.raises(ReportHeldError, match="Swap them"):
        Period(date(2025, 2, 1), date(2025, 1, 1))
