"""A report as one HTML page that needs nothing else: styles, charts and Plotly are inside.

What customers wrote is hostile input. Jinja escapes every text, chart data stands in JSON blocks in
which no tag can be closed, links lead to http(s) only, and a content security policy lets the page
run its own two scripts, by their hashes, and load nothing. The same report gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from resources.reporting import charts, wording
from resources.reporting.model import Cell, Chart, ChartKind, Column, Report, Table
from resources.reporting.style import (
    FONTS,
    HAIRLINE,
    INK,
    MUTED,
    SENTIMENT_COLOURS,
    Palette,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
PRINT_WIDTH, PRINT_HALF_WIDTH = 680, 328  # pixels at 96 dpi between the margins of an A4 page


def render_html(report: Report) -> str:
    """Writes the page.

    Args:
        report: What it says.

    Returns:
        A whole HTML document of about 5 MB, nearly all of it Plotly; interactive in a browser, and
        with a print style for A4.
    """
    palette = Palette.of(report.branding.colour)
    environment = _environment()
    stylesheet = environment.get_template("report.css.j2").render(
        report=report,
        palette=palette,
        fonts=FONTS,
        ink=INK,
        muted=MUTED,
        hairline=HAIRLINE,
        sentiments=SENTIMENT_COLOURS,
        header_left=css_string(wording.shortened(report.branding.tenant_name, 60)),
        header_right=css_string(report.title),
        footer_left=css_string(_covered(report)),
    )
    plotly, boot = _scripts()
    return environment.get_template("report.html.j2").render(
        report=report,
        palette=palette,
        covered=_covered(report),
        stylesheet=_trusted(stylesheet),
        plotly=plotly,
        boot=boot,
        policy=_policy(),
        figure_of=lambda chart: charts.draw(chart, palette).to_plotly_json(),
        print_width=lambda chart: PRINT_HALF_WIDTH if chart.is_half_width else PRINT_WIDTH,
        silhouette=_silhouette(report),
    )


def rehearsal_page() -> str:
    """A page that draws a small chart with the reports' own Plotly, to be drawn before the first.

    A browser compiles Plotly for the first page that uses it; this one can come before the report
    is written.
    """
    plotly, _ = _scripts()
    return f"""<!DOCTYPE html><div id="chart"></div><script>{plotly}</script><script>
Plotly.newPlot("chart", [
  {{type: "bar", x: ["2026-01-01", "2026-01-02"], y: [1, 2]}},
  {{type: "scatter", mode: "lines+markers", x: ["2026-01-01", "2026-01-02"], y: [2, 1]}}
], {{width: 300, height: 200}}).then(() => {{
  document.documentElement.dataset.drawn = "1";
}});
</script>"""


def css_string(text: str) -> str:
    """A text as a CSS string in which every unusual character is written as its code."""
    kept = (
        character if character.isascii() and character.isalnum() else f"\\{ord(character):x} "
        for character in text
    )
    return f'"{"".join(kept)}"'


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": True,
        "separators": (",", ":"),
        "allow_nan": False,  # no browser reads NaN: better an error here than a chart undrawn there
    }
    environment.filters.update(
        clean=wording.clean,
        count=wording.count,
        counted=wording.counted,
        quantity=wording.quantity,
        signed=wording.signed,
        interval=wording.interval,
        signed_interval=wording.signed_interval,
        day=wording.day,
        short_day=wording.short_day,
        language=wording.language,
        cell=_cell,
        cell_interval=_cell_interval,
        page_columns=_page_columns,
    )
    return environment


@cache
def _scripts() -> tuple[Markup, Markup]:
    """Plotly and the few lines that draw with it. None of it depends on the report."""
    from plotly.offline import get_plotlyjs

    boot = _environment().get_template("report.js.j2").render()
    return _trusted(get_plotlyjs()), _trusted(boot)


@cache
def _policy() -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(str(script).encode()).digest()).decode()}'"
        for script in _scripts()
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _trusted(text: str) -> Markup:
    """Our own code, not to be escaped; nothing a customer wrote passes here unescaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - our own style sheet and scripts; names in them are CSS codes


def _covered(report: Report) -> str:
    return wording.period(report.period) if report.period else "undated reviews"


def _page_columns(table: Table) -> list[tuple[int, Column]]:
    """The columns a page prints, with their places.

    Ends of intervals go beside their values; a column without a single value says nothing.
    """
    keys = {column.key for column in table.columns}
    return [
        (place, column)
        for place, column in enumerate(table.columns)
        if (not table.columns_on_page or column.key in table.columns_on_page)
        and any(row[place] is not None for row in table.rows)
        and not _is_interval_end(column.key, keys)
    ]


def _is_interval_end(key: str, keys: set[str]) -> bool:
    base = key.removesuffix("_low").removesuffix("_high")
    return base != key and base in keys


def _cell(value: Cell, column: Column) -> str:
    """A cell in the words of its column; a dash where there is nothing."""
    if value is None or value == "":
        return wording.EN_DASH
    if column.unit in ("count", "stars", "share") and isinstance(value, int | float):
        return wording.quantity(value, column.unit)  # type: ignore[arg-type]
    if isinstance(value, float):
        return f"{value:.2f}"
    if column.unit == "date":
        return wording.short_day(value)  # type: ignore[arg-type]
    return wording.shortened(str(value), 90)


def _cell_interval(row: tuple[Cell, ...], table: Table, column: Column) -> str:
    """The 95% interval of a cell, as ``4.1 to 4.3``; empty where the table holds none."""
    places = {column.key: place for place, column in enumerate(table.columns)}
    low, high = places.get(f"{column.key}_low"), places.get(f"{column.key}_high")
    if low is None or high is None or row[low] is None or row[high] is None:
        return ""
    ends = (row[low], row[high])
    return wording.EN_DASH.join(_cell(end, column).removesuffix("%") for end in ends)


def _silhouette(report: Report) -> list[dict[str, float]]:
    """The volume of reviews as bars for the cover, 0..100 wide and high."""
    volumes: list[Chart] = [
        chart for chart in report.charts() if chart.kind is ChartKind.VOLUME_AND_RATING
    ]
    if not volumes:
        return []
    counts = [value for value in volumes[0].table.column("review_count") if isinstance(value, int)]
    group = -(-len(counts) // 60)
    sums = [sum(counts[start : start + group]) for start in range(0, len(counts), group)]
    highest, step = max(*sums, 1), 100 / len(sums)
    return [
        {
            "x": round(place * step, 3),
            "width": round(step * 0.7, 3),
            "height": round(100 * value / highest, 2),
        }
        for place, value in enumerate(sums)
    ]
