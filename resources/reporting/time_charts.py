"""The charts whose first column is a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from resources.reporting.drawing import (
    LOW,
    TALL,
    as_number,
    count_ticks,
    days_of,
    new_figure,
    rounded,
    time_axis,
    unbroken,
)
from resources.reporting.model import Chart
from resources.reporting.style import MUTED, SENTIMENT_COLOURS, Palette, mixed, translucent
from resources.vocabulary import SENTIMENTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NEGATIVE = SENTIMENT_COLOURS["negative"]


def volume_and_rating(chart: Chart, palette: Palette) -> Figure:
    """Columns: start, review_count and, if any, average_rating with its low and high end."""
    table = chart.table
    figure = new_figure(TALL)
    figure.add_bar(
        x=days_of(table.column("start")),
        y=table.column("review_count"),
        name="Reviews",
        marker_color=mixed(palette.accent, "#ffffff", 0.62),
        hovertemplate="%{x|%-d %b %Y}: %{y:,} reviews<extra></extra>",
    )
    highest = max(as_number(value) for value in table.column("review_count"))
    figure.update_yaxes(title_text="Reviews", rangemode="tozero", **count_ticks(highest))
    time_axis(figure, chart)
    if table.has_column("average_rating"):
        _rating_line(figure, chart, palette)
    return figure


def _rating_line(figure: Figure, chart: Chart, palette: Palette) -> None:
    """The average rating over the bars, with its interval as a band, on an axis of its own."""
    table = chart.table
    starts = days_of(table.column("start"))
    stretches = unbroken(
        list(
            zip(
                starts,
                rounded(table.column("average_rating_low")),
                rounded(table.column("average_rating_high")),
                strict=True,
            )
        )
    )
    for number, stretch in enumerate(stretches):
        days = [day for day, _, _ in stretch]
        figure.add_scatter(
            x=[*days, *reversed(days)],
            y=[*(low for _, low, _ in stretch), *(high for _, _, high in reversed(stretch))],
            yaxis="y2",
            fill="toself",
            fillcolor=translucent(palette.accent, 0.16),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            name="95% interval",
            legendgroup="interval",
            showlegend=number == 0,
        )
    figure.add_scatter(
        x=starts,
        y=rounded(table.column("average_rating")),
        yaxis="y2",
        name="Average rating",
        mode="lines+markers" if len(starts) <= 60 else "lines",  # noqa: PLR2004 - dots would touch
        line={"color": palette.accent, "width": 2},
        marker={"size": 4},
        connectgaps=False,
        hovertemplate="%{x|%-d %b %Y}: %{y:.2f} stars<extra></extra>",
    )
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [1, 5.05],
            "dtick": 1,
            "showgrid": False,
            "title": {"text": "Stars", "font": {"size": 11, "color": MUTED}},
            "tickfont": {"size": 11, "color": MUTED},
        }
    )


def sentiment_over_time(chart: Chart, _: Palette) -> Figure:
    """Columns: start and a share per sentiment."""
    table = chart.table
    figure = new_figure(LOW)
    for sentiment in reversed(SENTIMENTS):
        figure.add_bar(
            x=days_of(table.column("start")),
            y=rounded(table.column(f"{sentiment}_share")),
            name=sentiment.capitalize(),
            marker_color=SENTIMENT_COLOURS[sentiment],
            customdata=table.column("annotated_count"),
            hovertemplate=f"%{{x|%-d %b %Y}}: %{{y:.1%}} {sentiment}, n = %{{customdata:,}}"
            "<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.06, legend_traceorder="reversed")
    figure.update_yaxes(tickformat=".0%", range=[0, 1], dtick=0.25)
    time_axis(figure, chart)
    return figure


def incidents(chart: Chart, palette: Palette) -> Figure:
    """Columns: start, negative_share, baseline_negative_share, is_incident."""
    table = chart.table
    starts = days_of(table.column("start"))
    shares = rounded(table.column("negative_share"))
    marked = [flag == "yes" for flag in table.column("is_incident")]
    figure = new_figure(LOW + 20)
    for start, is_marked in zip(table.column("start"), marked, strict=True):
        if is_marked and isinstance(start, date):
            edge = timedelta(days=3)
            figure.add_vrect(
                x0=(start - edge).isoformat(),
                x1=(start + edge).isoformat(),
                fillcolor=translucent(NEGATIVE, 0.14),
                line_width=0,
            )
    figure.add_scatter(
        x=starts,
        y=shares,
        name="Negative reviews",
        mode="lines",
        line={"color": palette.accent, "width": 2 if len(starts) <= 160 else 1.2},  # noqa: PLR2004
        customdata=table.column("annotated_count"),
        hovertemplate="Week of %{x|%-d %b %Y}: %{y:.1%}, n = %{customdata:,}<extra></extra>",
    )
    figure.add_scatter(
        x=starts,
        y=rounded(table.column("baseline_negative_share")),
        name="Usual",
        mode="lines",
        line={"color": MUTED, "width": 1.5, "dash": "dash"},
        hovertemplate="usual: %{y:.1%}<extra></extra>",
    )
    peaks = [
        (start, share) for start, share, flag in zip(starts, shares, marked, strict=True) if flag
    ]
    if peaks:
        figure.add_scatter(
            x=[start for start, _ in peaks],
            y=[share for _, share in peaks],
            name="Stands out",
            mode="markers",
            marker={"size": 11, "color": NEGATIVE, "symbol": "diamond"},
            hovertemplate="Week of %{x|%-d %b %Y}: %{y:.1%}<extra></extra>",
        )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    time_axis(figure, chart)
    return figure
