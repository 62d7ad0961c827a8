"""Dates as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from babel.dates import get_month_names

from resources.values import unusual_dates
from resources.values.dates import TIMESTAMP, parse_dates

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def read(*values, day_first=None):
    """Read values that came together."""
    frame = pl.DataFrame(
        {"group": 0, "value": values, "received_at": NOW, "rows": 1},
        schema={
            "group": pl.UInt32,
            "value": pl.String,
            "received_at": TIMESTAMP,
            "rows": pl.UInt32,
        },
    )
    return parse_dates(frame, {0: day_first})["posted_at"].to_list()


def day(text):
    """The moment an ISO text stands for, UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2015-08-24", "2015-08-24"),
        ("2015-08-24T10:11:12Z", "2015-08-24T10:11:12"),
        ("2016-07-26T00:00:00.123Z", "2016-07-26T00:00:00.123"),
        ("2020-01-02 03:04:05 +02:00", "2020-01-02T01:04:05"),
        ("2020-01-02 03:04:05 +00:00", "2020-01-02T03:04:05"),
        ("24.08.2015", "2015-08-24"),
        ("24-02-2015 11.35", "2015-02-24T11:35:00"),
        ("March 5, 2014", "2014-03-05"),
        ("5 Mar 2014", "2014-03-05"),
        ("5th January 2015", "2015-01-05"),
        ("Mon, 05 Jan 2015 10:00:00 GMT", "2015-01-05T10:00:00"),
        ("31/12/2015 11:59 PM", "2015-12-31T23:59:00"),
        ("20150824", "2015-08-24"),
        ("2015年8月24日", "2015-08-24"),
        ("March 2014", "2014-03-01"),
        ("1420070400", "2015-01-01"),
        ("1420070400000", "2015-01-01"),
        ("24. Dezember 2015", "2015-12-24"),
        ("1 de enero de 2015", "2015-01-01"),
        ("3 févr. 2015", "2015-02-03"),
        ("7 fév 2015", "2015-02-07"),
        ("24. Mrz 2015", "2015-03-24"),
        ("12 sierpnia 2015", "2015-08-12"),
        ("5 ağustos 2015", "2015-08-05"),
        ("31 août 2015", "2015-08-31"),
        ("4 нояб. 2015 г.", "2015-11-04"),  # noqa: RUF001 - Russian
        ("Tue Feb 24 11:35:52 -0800 2015", "2015-02-24T19:35:52"),
        ("3 days ago", "2026-11-19"),
        ("a week ago", "2026-11-15"),
        ("2 months ago", "2026-09-22"),
        ("yesterday", "2026-11-21"),
    ],
)
def test_a_date_is_read_however_it_is_written(written, moment):
    assert read(written) == [day(moment)]


def test_no_name_of_a_month_means_another_month_in_another_language():
    meant = {}
    for language in unusual_dates._LANGUAGES:
        for width in ("wide", "abbreviated"):
            for month, name in get_month_names(width, locale=language).items():
                meant.setdefault(name.casefold().rstrip("."), set()).add(month)

    assert len(meant) > 150
    assert {name: months for name, months in meant.items() if len(months) > 1} == {}


@pytest.mark.parametrize(
    "written",
    ["2015-02-30", "0000-00-00", "2014", "soon", "12", "99/99/2015", "2015-08-24 25:00", "May",
     "2015-08-24 10:00 XYZ"],
)  # fmt: skip
def test_what_is_no_complete_date_is_not_guessed(written):
    assert read(written) == [None]


def test_one_day_above_twelve_decides_the_order_for_all():
    assert read("03/04/2015", "03/25/2015") == [day("2015-03-04"), day("2015-03-25")]
    assert read("03/04/2015", "25/03/2015") == [day("2015-04-03"), day("2015-03-25")]


def test_an_open_order_is_day_first_unless_the_hint_says_otherwise():
    assert read("03/04/2015") == [day("2015-04-03")]
    assert read("03/04/2015", day_first=False) == [day("2015-03-04")]
    assert read("25/04/2015", day_first=False) == [None]


def test_two_digit_years_are_found_by_which_order_makes_sense():
    assert read("15.08.24", "03.12.07", "14.01.31") == [
        day("2015-08-24"), day("2003-12-07"), day("2014-01-31"),
    ]  # fmt: skip
    assert read("24.08.15", "31.01.14") == [day("2015-08-24"), day("2014-01-31")]
    assert read("08/24/15", "12/31/99") == [day("2015-08-24"), day("1999-12-31")]
