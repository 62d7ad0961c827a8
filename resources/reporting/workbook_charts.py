"""A report's charts as Excel's own charts, reading their numbers from the sheet beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resources.reporting.model import Chart, ChartKind
from resources.reporting.style import HAIRLINE, MUTED, SENTIMENT_COLOURS, Palette
from resources.vocabulary import SENTIMENTS

MAX_POINTS = 15  # bars in a chart of names; the table beside it holds all
WIDTH, HEIGHT = 720, 380  # pixels

_HORIZONTAL = {
    ChartKind.TOPIC_SENTIMENT,
    ChartKind.RATING_COMPARISON,
    ChartKind.RATING_CHANGE,
    ChartKind.COUNTS,
    ChartKind.KEYWORDS,
    ChartKind.SENTIMENT_SPLIT,
}


def native_chart(book: Any, chart: Chart, sheet: str, first_row: int, palette: Palette) -> Any:
    """Makes the chart.

    Args:
        book: The ``xlsxwriter`` workbook that will hold it.
        chart: What to draw.
        sheet: Name of the sheet with its table.
        first_row: Row of the table's first record, from 0.
        palette: In whose colours.

    Returns:
        The ``xlsxwriter`` chart, not yet inserted.
    """
    kind = chart.kind
    drawing = book.add_chart(_type(kind))
    for column, name, look in _series(chart, palette):
        drawing.add_series(_Range(chart, sheet, first_row).series(column, name) | look)
    if kind is ChartKind.VOLUME_AND_RATING and chart.table.has_column("average_rating"):
        line = book.add_chart({"type": "line"})
        series = _Range(chart, sheet, first_row).series("average_rating", "Average rating")
        line.add_series(series | {"y2_axis": True, "line": {"color": palette.accent, "width": 2}})
        line.set_y2_axis({"min": 1, "max": 5, "name": "Stars", "num_format": "0"})
        drawing.combine(line)
    drawing.set_title({"name": chart.table.title, "name_font": {"size": 12}, "overlay": False})
    drawing.set_size({"width": WIDTH, "height": HEIGHT})
    _axes(drawing, chart)
    is_single = len(_series(chart, palette)) == 1 and kind is not ChartKind.VOLUME_AND_RATING
    legend: dict[str, Any] = {"none": True} if is_single else {"position": "bottom"}
    drawing.set_legend(legend)
    return drawing


def _type(kind: ChartKind) -> dict[str, str]:
    if kind is ChartKind.INCIDENTS:
        return {"type": "line"}
    if kind is ChartKind.SENTIMENT_OVER_TIME:
        return {"type": "column", "subtype": "percent_stacked"}
    if kind is ChartKind.TOPIC_SENTIMENT:
        return {"type": "bar", "subtype": "stacked"}
    return {"type": "bar" if kind in _HORIZONTAL else "column"}


def _series(chart: Chart, palette: Palette) -> list[tuple[str, str, dict[str, Any]]]:
    """Column, name and look of each series."""
    solid = {"fill": {"color": palette.accent}}
    if chart.kind in (ChartKind.SENTIMENT_OVER_TIME, ChartKind.TOPIC_SENTIMENT):
        suffix = "share" if chart.kind is ChartKind.SENTIMENT_OVER_TIME else "count"
        return [
            (f"{name}_{suffix}", name.capitalize(), {"fill": {"color": SENTIMENT_COLOURS[name]}})
            for name in SENTIMENTS
        ]
    if chart.kind is ChartKind.INCIDENTS:
        usual = {"line": {"color": MUTED, "width": 1.5, "dash_type": "dash"}}
        return [
            ("negative_share", "Negative", {"line": {"color": palette.accent, "width": 2}}),
            ("baseline_negative_share", "Usual", usual),
        ]
    if chart.kind is ChartKind.RATING_CHANGE:
        return [
            ("first_average_rating", "First third", {"fill": {"color": HAIRLINE}}),
            ("last_average_rating", "Last third", solid),
        ]
    if chart.kind is ChartKind.KEYWORDS:
        points = [
            {"fill": {"color": SENTIMENT_COLOURS[str(name)]}}
            for name in chart.table.column("sentiment")
        ]
        return [("sentiment_count", "Such reviews", {"points": points})]
    column = "average_rating" if chart.kind is ChartKind.RATING_COMPARISON else "review_count"
    title = "Average rating" if column == "average_rating" else "Reviews"
    look: dict[str, Any] = {**solid, "gap": 60}
    if chart.kind is ChartKind.RATING_COMPARISON:
        look["y_error_bars"] = _whiskers(chart)
    elif chart.kind is ChartKind.SENTIMENT_SPLIT:
        look["points"] = [{"fill": {"color": SENTIMENT_COLOURS[name]}} for name in SENTIMENTS]
    return [(column, title, look)]


def _whiskers(chart: Chart) -> dict[str, Any]:
    """The 95% intervals as error bars."""
    table = chart.table

    def distances(far: str, near: str) -> list[float]:
        pairs = zip(table.column(far), table.column(near), strict=True)
        return [
            abs(end - start) if isinstance(end, float) and isinstance(start, float) else 0.0
            for end, start in pairs
        ]

    return {
        "type": "custom",
        "plus_values": distances("average_rating_high", "average_rating"),
        "minus_values": distances("average_rating", "average_rating_low"),
    }


def _axes(drawing: Any, chart: Chart) -> None:
    grid = {"major_gridlines": {"visible": True, "line": {"color": HAIRLINE}}}
    names: dict[str, Any] = {"num_font": {"size": 9}}
    values: dict[str, Any] = {"num_font": {"size": 9}, **grid}
    if chart.grain is not None:
        names |= {"date_axis": True, "num_format": "mmm yyyy"}
    if chart.kind in (ChartKind.RATING_COMPARISON, ChartKind.RATING_CHANGE):
        values |= {"min": 1, "max": 5, "num_format": "0.0"}
    if chart.kind in (ChartKind.INCIDENTS, ChartKind.SENTIMENT_OVER_TIME):
        values |= {"num_format": "0%"}
    if chart.kind in _HORIZONTAL:
        names |= {"reverse": True}  # the first row on top, as in the table
    drawing.set_x_axis(names)
    drawing.set_y_axis(values)


@dataclass(frozen=True)
class _Range:
    """Cells of a chart's table on its sheet."""

    chart: Chart
    sheet: str
    first_row: int

    def series(self, column: str, name: str) -> dict[str, Any]:
        """A series that reads a column over the first one."""
        keys = [column.key for column in self.chart.table.columns]
        return {
            "name": name,
            "categories": self._cells(0),
            "values": self._cells(keys.index(column)),
        }

    def _cells(self, column: int) -> list[str | int]:
        count = len(self.chart.table.rows)
        if self.chart.kind in _HORIZONTAL and self.chart.kind is not ChartKind.KEYWORDS:
            count = min(count, MAX_POINTS)
        last = self.first_row + count - 1
        return [self.sheet, self.first_row, column, last, column]
