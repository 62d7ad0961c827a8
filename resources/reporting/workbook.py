"""A report as a workbook: every number of it, in real tables with native charts.

A text that begins like a formula is written as text and marked as such, so that it stays text when
a reader edits it, and no text becomes a link. The same report gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from resources.reporting import wording
from resources.reporting.model import Cell, Chart, Column, Figure, Quote, Report, Table
from resources.reporting.style import MUTED, Palette
from resources.reporting.workbook_charts import native_chart
from resources.values.spreadsheets import begins_formula

LONGEST_CELL = 32_767  # Excel's limit, in characters
NUMBER_FORMATS = {
    "text": "@",
    "count": "#,##0",
    "stars": "0.00",
    "share": "0.0%",
    "score": "0.00",
    "date": "yyyy-mm-dd",
    "number": "#,##0.##",
}
NARROWEST, WIDEST = 10, 60  # characters
TITLE_ROW, HEADER_ROW = 0, 2

_VOICE_COLUMNS = (
    Column("topic", "Topic", "text"),
    Column("sentiment", "Sentiment", "text"),
    Column("rating", "Rating", "stars"),
    Column("posted_on", "Date", "date"),
    Column("product", "Product", "text"),
    Column("language", "Language", "text"),
    Column("source", "Source", "text"),
    Column("text", "Text", "text"),
    Column("review_key", "Review key", "text"),
    Column("url", "Address", "text"),
)


def write_workbook(report: Report) -> bytes:
    """Writes the workbook.

    Args:
        report: What it says.

    Returns:
        An XLSX file: a cover, one sheet for each table and chart, the quotes, and the method.
    """
    from xlsxwriter import Workbook

    target = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with Workbook(target, options) as book:
        book.set_properties(
            {
                "title": f"{report.title}: {report.branding.tenant_name}",
                "author": "ReviewGraph",
                "comments": f"Snapshot {report.snapshot_version}",
                "created": report.generated_at.replace(tzinfo=None),
            }
        )
        sheets = _Sheets(book, Palette.of(report.branding.colour))
        _cover(sheets, report)
        for chart in report.charts():
            sheets.table_with_chart(chart.table, chart)
        drawn = {chart.key for chart in report.charts()}
        for section in report.sections:
            for table in section.tables:
                if table.key not in drawn and table.key != "about":
                    sheets.table_with_chart(table, None)
        voices = _voices(report)
        if voices.rows:
            sheets.table_with_chart(voices, None)
        _about(sheets, report)
    return target.getvalue()


def _cover(sheets: _Sheets, report: Report) -> None:
    """Whose report it is, the headline figures, and the findings in sentences."""
    sheet = sheets.add("Summary")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 8, 15)
    covered = wording.period(report.period) if report.period else "undated reviews"
    for row in range(4):
        sheet.set_row(row, 30 if row == 1 else 18, sheets.formats["band"])
    sheets.text(sheet, 0, 0, report.title, "band")
    sheets.text(sheet, 1, 0, report.branding.tenant_name, "band_name")
    sheets.text(sheet, 2, 0, covered, "band")
    table = _headline_table(report.figures)
    first = 5
    for place, column in enumerate(table.columns):
        sheets.text(sheet, first, place, column.title, "head")
    for down, (cells, figure) in enumerate(zip(table.rows, report.figures, strict=True), start=1):
        for place, cell in enumerate(cells):
            unit = (
                figure.unit if table.columns[place].unit == "number" else table.columns[place].unit
            )
            sheets.cell(sheet, first + down, place, cell, unit)
    row = first + len(table.rows) + 2
    if report.change_note:
        sheet.merge_range(row, 0, row, 8, "", sheets.formats["note"])
        sheets.text(sheet, row, 0, report.change_note, "note")
        sheet.set_row(row, 32)
        row += 2
    for finding in report.findings:
        sheets.text(sheet, row, 0, finding.claim, "claim")
        sheet.merge_range(row + 1, 0, row + 1, 8, "", sheets.formats["wrapped"])
        sheets.text(sheet, row + 1, 0, finding.evidence, "wrapped")
        sheet.set_row(row + 1, 16 * (1 + len(finding.evidence) // 125))
        row += 3
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 1)


def _headline_table(figures: Sequence[Figure]) -> Table:
    columns = (
        Column("figure", "Figure", "text"),
        Column("value", "Value", "number"),
        Column("low", "95% low", "number"),
        Column("high", "95% high", "number"),
        Column("review_count", "Reviews", "count"),
        Column("earlier", "Earlier window", "number"),
        Column("later", "Later window", "number"),
        Column("change", "Change", "number"),
        Column("direction", "Direction", "text"),
    )
    rows = []
    for figure in figures:
        bounds, change = figure.interval, figure.change
        rows.append(
            (
                figure.label,
                figure.value,
                bounds.low if bounds else None,
                bounds.high if bounds else None,
                figure.review_count,
                change.earlier if change else None,
                change.later if change else None,
                change.difference if change else None,
                change.direction if change else "",
            )
        )
    return Table("headline", "Headline figures", columns, tuple(rows))


def _voices(report: Report) -> Table:
    def cells(topic: str, quote: Quote) -> tuple[Cell, ...]:
        return (
            topic,
            quote.sentiment,
            quote.rating,
            quote.posted_on,
            quote.product,
            wording.language(quote.language),
            quote.source,
            quote.text,
            quote.review_key,
            quote.url,
        )

    rows = tuple(
        cells(block.topic, quote)
        for section in report.sections
        for block in section.voices
        for quote in block.quotes
    )
    return Table("voices", "In their own words", _VOICE_COLUMNS, rows)


def _about(sheets: _Sheets, report: Report) -> None:
    section = report.section("about")
    sheet = sheets.add("About")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 90)
    sheets.text(sheet, TITLE_ROW, 0, section.title, "title")
    row = HEADER_ROW
    for fact, value in section.tables[0].rows:
        sheets.text(sheet, row, 0, str(fact), "claim")
        sheets.text(sheet, row, 1, str(value), "wrapped")
        row += 1
    for sentence in section.sentences:
        sheets.text(sheet, row + 1, 1, sentence, "wrapped")
        sheet.set_row(row + 1, 16 * (1 + len(sentence) // 85))
        row += 1


@dataclass
class _Sheets:
    """Writes tables into a workbook, each on a sheet of its own."""

    book: Any
    palette: Palette
    formats: dict[str, Any] = field(init=False)
    quoted: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        base = {"font_name": "Arial", "font_size": 10, "valign": "top"}
        brand = {"bg_color": self.palette.brand, "font_color": self.palette.on_brand}
        looks: dict[str, dict[str, Any]] = {
            "title": {"bold": True, "font_size": 14, "font_color": self.palette.accent},
            "note": {"font_color": MUTED, "italic": True, "text_wrap": True},
            "claim": {"bold": True},
            "wrapped": {"text_wrap": True},
            "band": {**brand, "valign": "vcenter"},
            "band_name": {**brand, "bold": True, "font_size": 20, "valign": "vcenter"},
            "head": {"bold": True, "bottom": 2, "bottom_color": self.palette.accent},
            **{unit: {"num_format": number} for unit, number in NUMBER_FORMATS.items()},
        }
        self.formats = {name: self.book.add_format(base | look) for name, look in looks.items()}
        # The mark that makes Excel keep a cell as text when somebody edits it.
        self.quoted = {
            name: self.book.add_format(base | look | {"quote_prefix": True})
            for name, look in looks.items()
        }

    def add(self, name: str) -> Any:
        """A new sheet."""
        sheet = self.book.add_worksheet(name[:31])
        sheet.set_footer("&L&8ReviewGraph&R&8&P / &N")
        return sheet

    def table_with_chart(self, table: Table, chart: Chart | None) -> None:
        """A sheet with a real table, filters and frozen headings, and its chart beside it."""
        sheet = self.add(_sheet_name(table))
        self.text(sheet, TITLE_ROW, 0, table.title, "title")
        last = HEADER_ROW + max(len(table.rows), 1)  # Excel wants one row even in an empty table
        sheet.add_table(
            HEADER_ROW,
            0,
            last,
            len(table.columns) - 1,
            {
                "name": f"table_{table.key}",
                "style": "Table Style Light 1",
                "columns": [{"header": column.title} for column in table.columns],
            },
        )
        for down, cells in enumerate(table.rows, start=HEADER_ROW + 1):
            for across, (cell, column) in enumerate(zip(cells, table.columns, strict=True)):
                self.cell(sheet, down, across, cell, column.unit)
        for across, column in enumerate(table.columns):
            sheet.set_column(across, across, _width(column, table.column(column.key)))
        sheet.freeze_panes(HEADER_ROW + 1, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEADER_ROW)
        if chart is not None and table.rows:
            drawing = native_chart(self.book, chart, sheet.get_name(), HEADER_ROW + 1, self.palette)
            sheet.insert_chart(HEADER_ROW, len(table.columns) + 1, drawing)

    def cell(self, sheet: Any, row: int, column: int, value: Cell, unit: str) -> None:
        """Writes a value in the format of its column; nothing where there is nothing."""
        if value is None:
            sheet.write_blank(row, column, None, self.formats[unit])
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, self.formats["date"])
        elif isinstance(value, bool | str):
            self.text(sheet, row, column, str(value), unit if unit == "text" else "wrapped")
        else:
            sheet.write_number(row, column, value, self.formats[unit])

    def text(self, sheet: Any, row: int, column: int, value: str, look: str) -> None:
        """Writes a text as a text, whatever it looks like."""
        formats = self.quoted if begins_formula(value) else self.formats
        sheet.write_string(row, column, value[:LONGEST_CELL], formats[look])


def _sheet_name(table: Table) -> str:
    """The key in words: unique like the key, short enough, and without forbidden characters."""
    return table.key.replace("_", " ").capitalize()


def _width(column: Column, cells: Sequence[Cell]) -> int:
    longest = max((wording.width(str(cell)) for cell in cells if isinstance(cell, str)), default=0)
    return min(max(longest, len(column.title) + 3, NARROWEST) + 1, WIDEST)
