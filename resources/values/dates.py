"""Dates in the many ways people write them, as UTC timestamps.

The rules:

* A time without a zone is UTC; a date without a time is its midnight; a month without a day is its
  first.
* Where the order of day and month is open (``03/04/2026``), the rows that came together decide: the
  hint ``day_first`` where given, else what the values that allow one order only say, else day
  first. Dates with dots are day first.
* Where all three parts have two digits (``15.08.24``), the order is taken that makes most of the
  values days between 1990 and now; in a tie, day first.
* ``3 days ago`` counts from the day on which the row was received.

Everything up to here is computed by column. What is left (foreign months, names of zones) is read
value by value; where that finds no complete date either, the date is unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Literal

import polars as pl

from resources.values.unusual_dates import parse_unusual

Order = Literal["ymd", "dmy", "mdy"]
TIMESTAMP = pl.Datetime("us", "UTC")

_EARLIEST_YEAR = 1990
_DECEMBER = 12
_TIME = (
    r"(?:,?(?:T|\s+|\s*@\s*|\s+at\s+|-)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
    r"(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\s*\(?(?:UTC|GMT)\)?)?\.?$"
)
_WEEKDAY = r"^(?:[A-Za-z]{3,9}\.?,?\s+)?"
_MONTH = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_PATTERNS = {
    "year_first": r"^(?P<a>\d{4})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{1,2})" + _TIME,
    "year_last": r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4})" + _TIME,
    "two_digits": r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{2})" + _TIME,
    "compact": r"^(?P<a>(?:19|20)\d{2})(?P<b>\d{2})(?P<c>\d{2})" + _TIME,
    "east_asian": r"^(?P<a>\d{4})\s*[年년]\s*(?P<b>\d{1,2})\s*[月월]\s*(?P<c>\d{1,2})\s*[日일]"
    + _TIME,
    "day_name": _WEEKDAY + r"(?P<a>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?i:" + _MONTH
    + r")\.?,?[\s-]+(?P<c>\d{4})" + _TIME,
    "name_day": _WEEKDAY + "(?i:" + _MONTH + r")\.?\s+(?P<a>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?P<c>\d{4})" + _TIME,
    "month_only": r"^(?:(?i:" + _MONTH + r")\.?,?\s+(?P<c>\d{4})|(?P<a>\d{4})-(?P<b>\d{1,2}))$",
}  # fmt: skip
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
)}  # fmt: skip
_RELATIVE = (
    r"^(?:edited\s+|about\s+|posted\s+)?(?P<count>\d{1,4}|an?)\s+"
    r"(?P<unit>second|minute|hour|day|week|month|year)s?\s+ago\.?$"
)
_PARTS = ("a", "b", "c", "name", "hour", "minute", "second", "fraction", "half", "zone")


@dataclass(frozen=True)
class DateReading:
    """How the dates of rows that came together are to be read.

    Attributes:
        order: The order in dates with a year of four digits that leave it open.
        two_digit_order: The order in dates whose three parts have two digits.
        hinted: Whether somebody said so, and not the other dates.
    """

    order: Order
    two_digit_order: Order
    hinted: bool


@dataclass(frozen=True)
class OrderCounts:
    """All that the order of day and month is inferred from; counts of parts add up.

    Attributes:
        four_digits: Dates whose year comes last, in four digits.
        day_first: Those of them that can only be read with the day first.
        month_first: Those that can only be read with the month first.
        two_digits: Dates whose three parts have two digits each.
        dmy, ymd, mdy: Those of them that are days between 1990 and now in this order.
    """

    four_digits: int = 0
    day_first: int = 0
    month_first: int = 0
    two_digits: int = 0
    dmy: int = 0
    ymd: int = 0
    mdy: int = 0

    def __add__(self, other: OrderCounts) -> OrderCounts:
        mine, others = astuple(self), astuple(other)
        return OrderCounts(*(a + b for a, b in zip(mine, others, strict=True)))

    def reading(self, day_first: bool | None = None) -> DateReading:
        """How dates with these counts are to be read; the hint wins where there is one."""
        if day_first is not None:
            order: Order = "dmy" if day_first else "mdy"
            return DateReading(order, order, hinted=True)
        scores: dict[Order, int] = {"dmy": self.dmy, "ymd": self.ymd, "mdy": self.mdy}
        return DateReading(
            order="mdy" if self.month_first > self.day_first else "dmy",
            two_digit_order=max(scores, key=lambda order: scores[order]),  # the first in a tie
            hinted=False,
        )


NOTHING_OPEN = OrderCounts().reading()
"""The reading of dates among which no order is open."""


def count_orders(values: pl.DataFrame) -> dict[int, OrderCounts]:
    """Count what decides the order of day and month.

    Args:
        values: As for ``parse_dates``.

    Returns:
        Group -> counts; groups without a date that leaves the order open have none.
    """
    four, two = (
        _split(values.filter(_kind() == kind).with_columns(kind=pl.lit(kind)), _PATTERNS[kind])
        for kind in ("year_last", "two_digits")
    )
    a, b, rows = pl.col("a"), pl.col("b"), pl.col("rows")
    counted = pl.concat(
        [
            four.select(
                "group",
                four_digits=rows,
                day_first=rows * ((a > _DECEMBER) & (b <= _DECEMBER)),
                month_first=rows * ((b > _DECEMBER) & (a <= _DECEMBER)),
            ),
            two.select(
                "group",
                two_digits=rows,
                **{order: rows * _is_plausible(*order) for order in ("dmy", "ymd", "mdy")},
            ),
        ],
        how="diagonal",
    )
    names = [field.name for field in fields(OrderCounts)]
    missing = [pl.lit(None, pl.Int64).alias(name) for name in names if name not in counted.columns]
    sums = counted.with_columns(missing).group_by("group").agg(pl.col(names).sum())
    return {group: OrderCounts(*counts) for group, *counts in sums.select("group", *names).rows()}


def parse_dates(
    values: pl.DataFrame, day_first: Mapping[int, bool | None] | None = None
) -> pl.DataFrame:
    """Read dates, each group as its own dates decide.

    Args:
        values: Columns ``group`` (integer; rows read alike), ``value`` (text, trimmed),
            ``received_at`` (UTC) and ``rows`` (how many rows have it).
        day_first: Group -> hint.

    Returns:
        The same rows in the same order with ``posted_at``, null where unreadable.
    """
    hints = day_first or {}
    counts = count_orders(values)
    return read_dates(
        values, {group: count.reading(hints.get(group)) for group, count in counts.items()}
    )


def read_dates(values: pl.DataFrame, readings: Mapping[int, DateReading]) -> pl.DataFrame:
    """Read dates as told.

    Args:
        values: As for ``parse_dates``; ``rows`` is not needed.
        readings: Group -> how its dates are to be read, for groups with open orders.

    Returns:
        As ``parse_dates``.
    """
    sorted_out = values.with_row_index("position").with_columns(kind=_kind())
    parts = [
        _split(sorted_out.filter(pl.col("kind") == kind), pattern)
        for kind, pattern in _PATTERNS.items()
    ]
    split = pl.concat([part for part in parts if part is not None], how="diagonal")
    read = _assemble(_with_day_and_month(split, readings))
    rest = sorted_out.filter(pl.col("kind").is_null())
    read = pl.concat([read, _parse_relative_and_epoch(rest)])
    joined = sorted_out.join(read, on="position", how="left", maintain_order="left")
    return joined.drop("position", "kind")


def _kind() -> pl.Expr:
    """The first pattern that a value has, null for none."""
    return pl.coalesce(
        pl.when(pl.col("value").str.contains(pattern)).then(pl.lit(kind))
        for kind, pattern in _PATTERNS.items()
    )


def _split(rows: pl.DataFrame, pattern: str) -> pl.DataFrame:
    groups = rows.select(
        pl.all().exclude("value"),
        dots=pl.col("value").str.contains(r"^\d{1,2}\."),
        parts=pl.col("value").str.extract_groups(pattern),
    ).unnest("parts")  # fmt: skip
    missing = [pl.lit(None, pl.String).alias(name) for name in _PARTS if name not in groups.columns]
    return groups.with_columns(missing).with_columns(
        pl.col("a", "b", "c", "hour", "minute", "second").cast(pl.Int32, strict=False)
    )


def _is_plausible(first: str, second: str, third: str) -> pl.Expr:
    part = {first: pl.col("a"), second: pl.col("b"), third: pl.col("c")}
    year = _full_year(part["y"])
    return (
        part["m"].is_between(1, 12)
        & part["d"].is_between(1, 31)
        & year.is_between(_EARLIEST_YEAR, pl.col("received_at").dt.year())
    )


def _full_year(two_digits: pl.Expr) -> pl.Expr:
    century = pl.when(two_digits <= pl.col("received_at").dt.year() % 100 + 1)
    return century.then(two_digits + 2000).otherwise(two_digits + 1900)


def _with_day_and_month(split: pl.DataFrame, readings: Mapping[int, DateReading]) -> pl.DataFrame:
    orders = pl.DataFrame(
        {
            "group": list(readings),
            "order": [reading.order for reading in readings.values()],
            "two_digit_order": [reading.two_digit_order for reading in readings.values()],
            "hinted": [reading.hinted for reading in readings.values()],
        },
        schema={"group": split.schema["group"], "order": pl.String, "two_digit_order": pl.String,
                "hinted": pl.Boolean},
    )  # fmt: skip
    a, b, c = pl.col("a"), pl.col("b"), pl.col("c")
    kind = pl.col("kind")
    # Without a hint a value that allows one order only is read in that order.
    forced_month = (kind == "year_last") & ~pl.col("hinted") & (b > _DECEMBER) & (a <= _DECEMBER)
    forced_day = (
        (kind == "year_last")
        & ~pl.col("hinted")
        & (((a > _DECEMBER) & (b <= _DECEMBER)) | (pl.col("dots") & (b <= _DECEMBER)))
    )
    order = (
        pl.when(kind.is_in(["year_first", "compact", "east_asian"])).then(pl.lit("ymd"))
        .when(forced_month).then(pl.lit("mdy"))
        .when(forced_day).then(pl.lit("dmy"))
        .when(kind == "two_digits").then(pl.col("two_digit_order"))
        .otherwise(pl.col("order"))
    )  # fmt: skip
    named = pl.col("name").is_not_null()
    month_of_name = (
        pl.col("name")
        .str.slice(0, 3)
        .str.to_lowercase()
        .replace_strict(_MONTHS, default=None, return_dtype=pl.Int32)
    )
    numbered_month_only = (kind == "month_only") & ~named
    return split.join(orders, on="group", how="left").with_columns(order=order).with_columns(
        year=pl.when(named).then(c).when(numbered_month_only | (pl.col("order") == "ymd")).then(
            pl.when(kind == "two_digits").then(_full_year(a)).otherwise(a)
        ).otherwise(pl.when(kind == "two_digits").then(_full_year(c)).otherwise(c)),
        month=pl.when(named).then(month_of_name).when(pl.col("order") == "mdy")
        .then(a).otherwise(b),
        day=pl.when(kind == "month_only").then(1).when(named).then(a)
        .when(pl.col("order") == "ymd").then(c)
        .when(pl.col("order") == "mdy").then(b).otherwise(a),
    )  # fmt: skip


def _assemble(parts: pl.DataFrame) -> pl.DataFrame:
    """Put year, month, day, time and zone together; what is no date of the calendar is null."""
    half = pl.col("half").str.to_lowercase().str.slice(0, 1)
    hour = pl.col("hour").fill_null(0)
    hour = pl.when(half.is_null()).then(hour).otherwise(
        pl.when(hour.is_between(1, 12)).then(hour % 12 + 12 * (half == "p").cast(pl.Int32))
        .otherwise(99)
    )  # fmt: skip
    digits = pl.col("zone").str.replace_all(":", "")
    offset = (
        digits.str.slice(1, 2).cast(pl.Int32, strict=False) * 60
        + digits.str.slice(3, 2).cast(pl.Int32, strict=False).fill_null(0)
    ) * pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)  # fmt: skip
    written = pl.format(
        "{}-{}-{} {}:{}:{}.{}",
        pl.col("year"),
        pl.col("month").cast(pl.String).str.zfill(2),
        pl.col("day").cast(pl.String).str.zfill(2),
        hour.cast(pl.String).str.zfill(2),
        pl.col("minute").fill_null(0).cast(pl.String).str.zfill(2),
        pl.col("second").fill_null(0).cast(pl.String).str.zfill(2),
        pl.col("fraction").fill_null("0").str.slice(0, 6),
    )
    moment = written.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    shifted = moment.dt.replace_time_zone("UTC") - pl.duration(minutes=offset.fill_null(0))
    return parts.select("position", posted_at=shifted.cast(TIMESTAMP))


def _parse_relative_and_epoch(rest: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value").str.to_lowercase()
    parts = rest.with_columns(parts=value.str.extract_groups(_RELATIVE)).unnest("parts")
    count = pl.col("count").str.replace(r"^an?$", "1").cast(pl.Int64, strict=False)
    today = pl.col("received_at").dt.truncate("1d")
    seconds = pl.col("value").str.extract(r"^(\d{9,10})(?:\.\d+)?$").cast(pl.Int64, strict=False)
    millis = pl.col("value").str.extract(r"^(\d{12,13})(?:\.\d+)?$").cast(pl.Int64, strict=False)
    suffix = pl.col("unit").replace_strict({"month": "mo", "year": "y"}, default="d")
    calendar = today.dt.offset_by(pl.format("-{}{}", count, suffix))
    unit = pl.col("unit")
    found = parts.with_columns(
        posted_at=pl.when(unit.is_in(["second", "minute", "hour"])).then(today)
        .when(unit == "week").then(today - pl.duration(days=count * 7))
        .when(unit.is_not_null()).then(calendar)
        .when(value.is_in(["today", "just now", "now"])).then(today)
        .when(value == "yesterday").then(today - pl.duration(days=1))
        .when(seconds.is_not_null()).then((seconds * 1_000_000).cast(TIMESTAMP))
        .when(millis.is_not_null()).then((millis * 1_000).cast(TIMESTAMP))
        .cast(TIMESTAMP)
    )  # fmt: skip
    left = found.filter(pl.col("posted_at").is_null())["value"].unique().to_list()
    unusual = {text: moment for text in left if (moment := parse_unusual(text)) is not None}
    if unusual:
        table = pl.DataFrame(
            {"value": list(unusual), "read": list(unusual.values())},
            schema={"value": pl.String, "read": TIMESTAMP},
        )
        found = found.join(table, on="value", how="left", maintain_order="left").with_columns(
            posted_at=pl.coalesce("posted_at", "read")
        )
    return found.select("position", pl.col("posted_at").cast(TIMESTAMP))
