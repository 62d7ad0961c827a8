"""The report as data: what it says, before anybody decides how it looks.

Everything is frozen and holds plain Python values, so that a report can be compared, tested and
written by several writers that agree by construction. A chart is a table with a kind: the page
draws it with Plotly, the workbook with Excel's own charts, and both show the same numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from resources.errors import ReviewGraphError

Cell = str | int | float | date | bool | None
Tone = Literal["good", "bad", "neutral"]
Unit = Literal["count", "stars", "share"]
Direction = Literal["up", "down", "steady"]


class ReportHeldError(ReviewGraphError):
    """There is nothing honest to report, so no report is made."""


class Grain(StrEnum):
    """How long one point of a series lasts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ChartKind(StrEnum):
    """How a chart's table is read and drawn.

    The first column is always the category or the time; the other columns are named per kind in
    ``charts.py``.
    """

    VOLUME_AND_RATING = "volume_and_rating"
    SENTIMENT_OVER_TIME = "sentiment_over_time"
    RATING_DISTRIBUTION = "rating_distribution"
    SENTIMENT_SPLIT = "sentiment_split"
    TOPIC_SENTIMENT = "topic_sentiment"
    RATING_COMPARISON = "rating_comparison"
    RATING_CHANGE = "rating_change"
    INCIDENTS = "incidents"
    COUNTS = "counts"
    KEYWORDS = "keywords"


@dataclass(frozen=True)
class Period:
    """Days of posting, both ends included.

    Raises:
        ReportHeldError: The first day lies after the last one.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            message = f"The period starts on {self.first}, after its end on {self.last}. Swap them."
            raise ReportHeldError(message)

    @property
    def days(self) -> int:
        """Number of days in the period."""
        return (self.last - self.first).days + 1

    def before(self) -> Period | None:
        """The period of the same length that ends the day before this one starts.

        None where the calendar does not reach back that far.
        """
        if self.first.toordinal() <= self.days:
            return None
        one_day = timedelta(days=1)
        return Period(self.first - one_day * self.days, self.first - one_day)


@dataclass(frozen=True)
class Interval:
    """A 95% interval in the unit of the value it belongs to."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Branding:
    """Whose report it is.

    Attributes:
        tenant_name: As the tenant writes it; any script.
        colour: ``#rrggbb``; anything else given by the tenant is replaced by the house colour.
    """

    tenant_name: str
    colour: str

    HOUSE_COLOUR = "#1f4e79"

    @classmethod
    def of(cls, tenant_name: str, colour: str | None) -> Branding:
        """Takes a tenant's name and colour, whatever they are.

        Args:
            tenant_name: Name to print; blank becomes "Your business".
            colour: ``#rgb`` or ``#rrggbb``, with or without the hash.
        """
        digits = (colour or "").strip().removeprefix("#").lower()
        if re.fullmatch(r"[0-9a-f]{3}", digits):
            digits = "".join(digit * 2 for digit in digits)
        is_colour = re.fullmatch(r"[0-9a-f]{6}", digits) is not None
        name = tenant_name.strip() or "Your business"
        return cls(name, f"#{digits}" if is_colour else cls.HOUSE_COLOUR)


@dataclass(frozen=True)
class Change:
    """How a figure moved from an earlier window to a later one.

    Attributes:
        difference: Later minus earlier, in the figure's unit.
        interval: 95% interval of the difference; None where it cannot be had.
        direction: ``steady`` when the interval of the difference includes zero.
        earlier: The value in the earlier window.
        later: The value in the later window.
        earlier_count: Reviews behind the earlier value.
        later_count: Reviews behind the later value.
        is_good: Whether a customer-minded reader is glad of it; None when steady or a mere count.
    """

    difference: float
    interval: Interval | None
    direction: Direction
    earlier: float
    later: float
    earlier_count: int
    later_count: int
    is_good: bool | None


@dataclass(frozen=True)
class Figure:
    """One headline number.

    Attributes:
        key: Stable name, for example ``average_rating``.
        label: What the reader calls it.
        unit: Of the value, its interval and its change (shares are 0..1).
        value: None when no review can tell.
        interval: 95% interval of the value.
        review_count: Reviews behind the value.
        change: Movement between the report's two windows.
    """

    key: str
    label: str
    unit: Unit
    value: float | None
    interval: Interval | None
    review_count: int
    change: Change | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Stable name; charts find their columns by it.
        title: Heading for people.
        unit: How values are written: text, count, stars, share, score (-1..1), date or number.
    """

    key: str
    title: str
    unit: Literal["text", "count", "stars", "share", "score", "date", "number"]


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Attributes:
        key: Stable name, unique in the report.
        title: Heading for people.
        columns: The headings.
        rows: As many cells in each as there are columns.
        note: What the reader must know to read it rightly.
        rows_on_page: How many rows the page prints; the workbook always holds all of them.
        columns_on_page: Keys of the columns the page prints; all of them when empty.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    rows_on_page: int | None = None
    columns_on_page: tuple[str, ...] = ()

    def column(self, key: str) -> list[Cell]:
        """All cells of one column, in row order."""
        position = [column.key for column in self.columns].index(key)
        return [row[position] for row in self.rows]

    def has_column(self, key: str) -> bool:
        """Whether the table has such a column."""
        return any(column.key == key for column in self.columns)


@dataclass(frozen=True)
class Chart:
    """A table to be drawn.

    Attributes:
        kind: Which drawing.
        table: The numbers, and the chart's key and title.
        description: What the chart shows, for those who cannot see it.
        grain: Length of one point where the first column is a time.
        is_half_width: Whether two such charts share a row.
    """

    kind: ChartKind
    table: Table
    description: str
    grain: Grain | None = None
    is_half_width: bool = False

    @property
    def key(self) -> str:
        """Stable name, unique in the report."""
        return self.table.key


@dataclass(frozen=True)
class Finding:
    """One thing the reader should take away: a short claim and the numbers under it."""

    claim: str
    evidence: str
    tone: Tone


@dataclass(frozen=True)
class Quote:
    """What one customer wrote.

    Attributes:
        text: The review's text, possibly cut (then it ends with an ellipsis).
        language: ISO 639-1 code, ``und`` when unsure.
        url: Address of the review when it is an http(s) address, else empty.
    """

    review_key: str
    text: str
    sentiment: str
    rating: float | None
    posted_on: date | None
    product: str
    source: str
    language: str
    url: str


@dataclass(frozen=True)
class Voices:
    """Quotes about one topic."""

    topic: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Section:
    """A chapter: sentences, then charts, tables and notes."""

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    voices: tuple[Voices, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything one document says.

    Attributes:
        period: Days covered; None when no review has a date.
        is_whole_history: Whether the period is simply all that the snapshot holds.
        generated_at: When the report was made; the only value that does not come from the snapshot.
    """

    branding: Branding
    tenant_id: str
    title: str
    period: Period | None
    is_whole_history: bool
    generated_at: datetime
    snapshot_version: str
    review_count: int
    figures: tuple[Figure, ...]
    change_note: str
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]

    def charts(self) -> tuple[Chart, ...]:
        """Every chart, in reading order."""
        return tuple(chart for section in self.sections for chart in section.charts)

    def figure(self, key: str) -> Figure:
        """The headline figure of that key."""
        return next(figure for figure in self.figures if figure.key == key)

    def section(self, key: str) -> Section:
        """The section of that key."""
        return next(section for section in self.sections if section.key == key)
