"""What all charts share: an empty figure in the house style, axes, labels, numbers from cells."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from resources.reporting import wording
from resources.reporting.model import Cell, Chart, Grain
from resources.reporting.style import FONTS, HAIRLINE, INK, MUTED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TALL, LOW = 300, 250  # pixels
LABEL_COLUMNS = 34

SMALL = {"size": 11, "color": MUTED}
AXIS = {
    "showgrid": True,
    "gridcolor": HAIRLINE,
    "zeroline": False,
    "tickfont": {"size": 11.5, "color": INK},
    "automargin": True,
    "fixedrange": True,  # a report is scrolled on phones; a finger must not drag an axis
}


def new_figure(height: int, *, legend: bool = True) -> Figure:
    """An empty figure, so many pixels high; lower by the room of a legend that it lacks."""
    from plotly.graph_objects import Figure

    top = 34 if legend else 8

    return Figure(
        layout={
            "template": None,
            "height": height - 34 + top,
            "showlegend": legend,
            "margin": {"l": 8, "r": 12, "t": top, "b": 34},
            "font": {"family": FONTS, "size": 12, "color": INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "yanchor": "bottom",
                "font": {"size": 11.5},
            },
            "hoverlabel": {"font": {"family": FONTS, "size": 12}},
            "bargap": 0.18,
            "xaxis": {**AXIS, "title": {"font": SMALL}},
            "yaxis": {**AXIS, "title": {"font": SMALL}},
        }
    )


def time_axis(figure: Figure, chart: Chart) -> None:
    """Dates along the bottom, with a little room at both ends."""
    starts = [start for start in chart.table.column("start") if isinstance(start, date)]
    edge = timedelta(days={Grain.DAY: 1, Grain.WEEK: 5, Grain.MONTH: 20}[chart.grain or Grain.WEEK])
    days = (starts[-1] - starts[0]).days
    figure.update_xaxes(
        type="date",
        showgrid=False,
        nticks=9,
        tickformat="%-d %b<br>%Y" if days <= 120 else "%b<br>%Y",  # noqa: PLR2004 - four months
        range=[(starts[0] - edge).isoformat(), (starts[-1] + edge).isoformat()],
    )


def name_rows(figure: Figure, names: Sequence[str], *, is_escaped: bool = False) -> None:
    """Names rows from top to bottom; their places are numbers, so equal names stay apart."""
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[name if is_escaped else html.escape(name, quote=False) for name in names],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
    )


def room_for_labels(figure: Figure, counts: Sequence[Cell]) -> None:
    """Leaves room right of the longest bar for its number."""
    longest = max(as_number(value) for value in counts)
    figure.update_xaxes(range=[0, max(longest, 1) * 1.22], **count_ticks(longest))


def count_ticks(highest: float) -> dict[str, Any]:
    """Whole numbers at round distances."""
    return {"tick0": 0, "dtick": round_step(highest / 3), "tickformat": ",d"}


def row_label(name: Cell, columns: int = LABEL_COLUMNS) -> str:
    """A stranger's text as a label: short, and escaped for Plotly's markup."""
    return html.escape(wording.shortened(str(name), columns), quote=False)


def as_number(value: Cell) -> float:
    """A cell that is known to hold a number."""
    if not isinstance(value, int | float):
        message = f"{value!r} is no number"
        raise TypeError(message)
    return value


def days_of(cells: Sequence[Cell]) -> list[str]:
    """Dates as Plotly reads them."""
    return [cell.isoformat() for cell in cells if isinstance(cell, date)]


def rounded(cells: Sequence[Cell]) -> list[float | None]:
    """Numbers with as many decimals as anybody can see; nothing stays nothing."""
    return [
        round(cell, 4) if isinstance(cell, int | float) and math.isfinite(cell) else None
        for cell in cells
    ]


def pairs(one: Sequence[Cell], other: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Two columns of a table side by side."""
    return list(zip(one, other, strict=True))


def distances(far: Sequence[Cell], near: Sequence[Cell]) -> list[float]:
    """How far whiskers reach; nowhere where there is no interval."""
    return [
        round(as_number(end) - as_number(start), 4)
        if end is not None and start is not None
        else 0.0
        for end, start in pairs(far, near)
    ]


def unbroken(
    points: list[tuple[str, float | None, float | None]],
) -> list[list[tuple[str, float | None, float | None]]]:
    """Stretches of neighbouring points that have an interval."""
    stretches: list[list[tuple[str, float | None, float | None]]] = [[]]
    for point in points:
        if point[1] is None:
            stretches.append([])
        else:
            stretches[-1].append(point)
    return [stretch for stretch in stretches if len(stretch) > 1]


def round_step(rough: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ... that is not below."""
    step = 1
    for factor in (1, 2, 5) * 12:
        if step * factor >= rough:
            return step * factor
        if factor == 5:  # noqa: PLR2004
            step *= 10
    return step
