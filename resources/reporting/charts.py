"""A report's charts as Plotly figures, all in one style.

Names of products, topics and the like come from strangers. Plotly reads a little markup in texts,
so every such text is escaped and shortened before it becomes a label, and categories are placed by
their position, so that two that look alike (or like a date) stay two bars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from resources.reporting import time_charts, wording
from resources.reporting.drawing import (
    AXIS,
    LOW,
    SMALL,
    as_number,
    count_ticks,
    distances,
    name_rows,
    new_figure,
    pairs,
    room_for_labels,
    round_step,
    rounded,
    row_label,
)
from resources.reporting.model import Chart, ChartKind
from resources.reporting.style import (
    HAIRLINE,
    INK,
    MUTED,
    SENTIMENT_COLOURS,
    Palette,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW_HEIGHT, ROWS_MARGIN = 27, 84
POSITIVE, NEGATIVE = SENTIMENT_COLOURS["positive"], SENTIMENT_COLOURS["negative"]


def draw(chart: Chart, palette: Palette) -> Figure:
    """Draws a chart.

    Args:
        chart: What to draw.
        palette: In whose colours.

    Returns:
        A figure without a width: it takes that of the place where it is shown.
    """
    return _DRAWINGS[chart.kind](chart, palette)


def _rating_distribution(chart: Chart, palette: Palette) -> Figure:
    """Columns: rating, review_count, share."""
    table = chart.table
    ratings = table.column("rating")
    figure = new_figure(LOW, legend=False)
    figure.add_bar(
        x=table.column("review_count"),
        y=ratings,
        orientation="h",
        marker_color=palette.accent,
        text=[f"{wording.percent(as_number(share))}" for share in table.column("share")],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y} stars: %{x:,} reviews<extra></extra>",
    )
    figure.update_yaxes(
        tickvals=ratings, ticktext=[f"{stars} ★" for stars in ratings], showgrid=False
    )
    room_for_labels(figure, table.column("review_count"))
    figure.update_layout(bargap=0.35)
    return figure


def _sentiment_split(chart: Chart, _: Palette) -> Figure:
    """Columns: sentiment, review_count, share."""
    table = chart.table
    sentiments = [str(sentiment) for sentiment in table.column("sentiment")]
    figure = new_figure(LOW, legend=False)
    positions = list(range(len(sentiments)))
    figure.add_bar(
        x=table.column("review_count"),
        y=positions,
        orientation="h",
        marker_color=[SENTIMENT_COLOURS[sentiment] for sentiment in sentiments],
        text=[f"{wording.percent(as_number(share))}" for share in table.column("share")],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:,} reviews<extra></extra>",
    )
    name_rows(figure, [sentiment.capitalize() for sentiment in sentiments])
    room_for_labels(figure, table.column("review_count"))
    figure.update_layout(bargap=0.35)
    return figure


def _topic_sentiment(chart: Chart, _: Palette) -> Figure:
    """Columns: topic, mention_count, and a count per sentiment; bars grow from the middle."""
    table = chart.table
    shown = slice(0, 12)
    names = table.column("topic")[shown]
    positions = list(range(len(names)))
    figure = new_figure(ROWS_MARGIN + 10 + ROW_HEIGHT * len(names))
    for sentiment, sign in (("mixed", -1), ("negative", -1), ("neutral", 1), ("positive", 1)):
        counts = [as_number(value) for value in table.column(f"{sentiment}_count")[shown]]
        figure.add_bar(
            x=[sign * value for value in counts],
            y=positions,
            orientation="h",
            name=sentiment.capitalize(),
            marker_color=SENTIMENT_COLOURS[sentiment],
            customdata=counts,
            hovertemplate=f"%{{customdata:,}} {sentiment} mentions<extra></extra>",
            legendrank={"negative": 1, "mixed": 2, "neutral": 3, "positive": 4}[sentiment],
        )
    mentions = table.column("mention_count")[shown]
    name_rows(
        figure,
        [
            f"{row_label(name)}  ({wording.count(as_number(n))})"
            for name, n in pairs(names, mentions)
        ],
        is_escaped=True,
    )
    figure.update_layout(barmode="relative", bargap=0.3)
    figure.update_xaxes(zeroline=True, zerolinecolor=INK, zerolinewidth=1, title_text="Mentions")
    _unsigned_ticks(figure, chart)
    return figure


def _unsigned_ticks(figure: Figure, chart: Chart) -> None:
    """Counts to the left of the middle are counts, not negative numbers."""
    table = chart.table
    left = max(
        as_number(one) + as_number(two)
        for one, two in pairs(table.column("negative_count"), table.column("mixed_count"))
    )
    right = max(
        as_number(one) + as_number(two)
        for one, two in pairs(table.column("positive_count"), table.column("neutral_count"))
    )
    step = round_step((left + right) / 6)
    ticks = [step * n for n in range(-int(left // step) - 1, int(right // step) + 2)]
    figure.update_xaxes(
        tickvals=ticks,
        ticktext=[wording.count(abs(tick)) for tick in ticks],
        range=[-left * 1.04 - step * 0.1, right * 1.04 + step * 0.1],
    )


def _rating_comparison(chart: Chart, palette: Palette) -> Figure:
    """Columns: member, rated_count, average_rating with its low and high end."""
    table = chart.table
    names, averages = table.column("member"), table.column("average_rating")
    positions = list(range(len(names)))
    lows, highs = table.column("average_rating_low"), table.column("average_rating_high")
    counts = table.column("rated_count")
    figure = new_figure(ROWS_MARGIN + ROW_HEIGHT * len(names), legend=False)
    figure.add_scatter(
        x=rounded(averages),
        y=positions,
        mode="markers",
        marker={"size": 9, "color": palette.accent},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": distances(highs, averages),
            "arrayminus": distances(averages, lows),
            "color": palette.accent,
            "thickness": 1.6,
            "width": 4,
        },
        customdata=counts,
        hovertemplate="%{x:.2f} stars, n = %{customdata:,}<extra></extra>",
    )
    labels = [
        f"{row_label(name)}  ({wording.count(as_number(n))})" for name, n in pairs(names, counts)
    ]
    name_rows(figure, labels, is_escaped=True)
    ends = [as_number(end) for end in (*lows, *averages, *highs) if end is not None]
    margin = max((max(ends) - min(ends)) * 0.08, 0.1)
    figure.update_xaxes(
        range=[max(min(ends) - margin, 0.9), min(max(ends) + margin, 5.1)],
        nticks=7,
        title_text="Average rating, stars",
    )
    figure.update_yaxes(showgrid=True, gridcolor=HAIRLINE)
    return figure


def _rating_change(chart: Chart, _: Palette) -> Figure:
    """Columns: member, first_average_rating, last_average_rating, change."""
    table = chart.table
    names = table.column("member")
    first = rounded(table.column("first_average_rating"))
    last = rounded(table.column("last_average_rating"))
    changes = [as_number(change) for change in table.column("change")]
    colours = [POSITIVE if change > 0 else NEGATIVE for change in changes]
    figure = new_figure(ROWS_MARGIN + ROW_HEIGHT * len(names))
    for position, (start, end, colour) in enumerate(zip(first, last, colours, strict=True)):
        figure.add_scatter(
            x=[start, end],
            y=[position, position],
            mode="lines",
            line={"color": colour, "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
    positions = list(range(len(names)))
    figure.add_scatter(
        x=first,
        y=positions,
        mode="markers",
        name="First third of its history",
        marker={"size": 9, "color": "#ffffff", "line": {"color": MUTED, "width": 2}},
        hovertemplate="first: %{x:.2f} stars<extra></extra>",
    )
    figure.add_scatter(
        x=last,
        y=positions,
        mode="markers+text",
        name="Last third",
        marker={"size": 10, "color": colours},
        text=[f"{wording.signed(change, 'stars')}" for change in changes],
        textposition=["middle right" if change > 0 else "middle left" for change in changes],
        textfont={"size": 11},
        cliponaxis=False,
        hovertemplate="last: %{x:.2f} stars<extra></extra>",
    )
    name_rows(figure, [row_label(name) for name in names], is_escaped=True)
    figure.update_xaxes(range=[0.8, 5.3], dtick=1, title_text="Average rating, stars")
    return figure


def _counts(chart: Chart, palette: Palette) -> Figure:
    """Columns: member, review_count."""
    table = chart.table
    names, counts = table.column("member"), table.column("review_count")
    figure = new_figure(max(ROWS_MARGIN + ROW_HEIGHT * len(names), 170), legend=False)
    figure.add_bar(
        x=counts,
        y=list(range(len(names))),
        orientation="h",
        marker_color=palette.accent,
        text=[wording.count(as_number(value)) for value in counts],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:,} reviews<extra></extra>",
    )
    name_rows(figure, [row_label(name, 20) for name in names], is_escaped=True)
    room_for_labels(figure, counts)
    figure.update_layout(bargap=0.35)
    return figure


def _keywords(chart: Chart, _: Palette) -> Figure:
    """Columns: keyword, sentiment, sentiment_count; two panels, negative left, positive right."""
    table = chart.table
    panels = {
        sentiment: [row for row in table.rows if row[1] == sentiment]
        for sentiment in ("negative", "positive")
    }
    shown = {sentiment: rows for sentiment, rows in panels.items() if rows}
    longest = max(len(rows) for rows in shown.values())
    figure = new_figure(ROWS_MARGIN + ROW_HEIGHT * longest + 16, legend=False)
    domains = [[0.0, 1.0]] if len(shown) == 1 else [[0.0, 0.40], [0.60, 1.0]]
    for number, ((sentiment, rows), domain) in enumerate(
        zip(shown.items(), domains, strict=True), start=1
    ):
        suffix = "" if number == 1 else str(number)
        counts = [as_number(row[2]) for row in rows]
        figure.add_bar(
            x=counts,
            y=list(range(len(rows))),
            xaxis=f"x{suffix}",
            yaxis=f"y{suffix}",
            orientation="h",
            marker_color=SENTIMENT_COLOURS[sentiment],
            text=[wording.count(value) for value in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{x:,}} {sentiment} reviews<extra></extra>",
        )
        axis = {
            "anchor": f"x{suffix}",
            "tickvals": list(range(len(rows))),
            "ticktext": [row_label(row[0], 22) for row in rows],
            "range": [longest - 0.4, -0.6],
            **AXIS,
            "showgrid": False,
        }
        figure.update_layout(
            {
                f"yaxis{suffix}": axis,
                f"xaxis{suffix}": {
                    **AXIS,
                    "domain": domain,
                    "anchor": f"y{suffix}",
                    "range": [0, max(*counts, 1) * 1.22],
                    **count_ticks(max(counts)),
                    "title": {"text": f"{sentiment.capitalize()} reviews", "font": SMALL},
                },
            }
        )
    figure.update_layout(bargap=0.3)
    return figure


_DRAWINGS: dict[ChartKind, Callable[[Chart, Palette], Figure]] = {
    ChartKind.VOLUME_AND_RATING: time_charts.volume_and_rating,
    ChartKind.SENTIMENT_OVER_TIME: time_charts.sentiment_over_time,
    ChartKind.RATING_DISTRIBUTION: _rating_distribution,
    ChartKind.SENTIMENT_SPLIT: _sentiment_split,
    ChartKind.TOPIC_SENTIMENT: _topic_sentiment,
    ChartKind.RATING_COMPARISON: _rating_comparison,
    ChartKind.RATING_CHANGE: _rating_change,
    ChartKind.INCIDENTS: time_charts.incidents,
    ChartKind.COUNTS: _counts,
    ChartKind.KEYWORDS: _keywords,
}
