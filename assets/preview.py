"""What every materialization shows an operator: counts and a small table, never review texts.

Dagster's event log is kept for months and read by operators of all tenants, so previews hold
numbers per tenant and not what customers wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
import polars as pl

_PREVIEW_ROWS = 20
_MAX_BARS, _BAR_STEP, _BAR_HEIGHT = 30, 9, 60


def table(frame: pl.DataFrame) -> dg.MetadataValue[Any]:
    """Return a frame of numbers as a table of at most 20 rows; it says how many are left out."""
    rows = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()})
        for row in frame.head(_PREVIEW_ROWS).iter_rows(named=True)
    ]
    columns = [dg.TableColumn(name, _type_name(dtype)) for name, dtype in frame.schema.items()]
    left_out = len(frame) - len(rows)
    remarks = dg.TableConstraints([f"{left_out:,} more rows are not shown"] if left_out else [])
    return dg.MetadataValue.table(rows, dg.TableSchema(columns, remarks))


def records(rows: Iterable[Mapping[str, Any]]) -> dg.MetadataValue[Any]:
    """Return dictionaries with the same keys as a table."""
    return table(pl.DataFrame(list(rows), strict=False))


def bars(values: Sequence[tuple[str, int]], what: str) -> dg.MetadataValue[Any]:
    """Return a small bar chart, drawn as an SVG inside Markdown: one bar per labelled value.

    Dagster's UI shows Markdown of fewer than 1,000 characters in its place, and anything longer
    only after a click. All bars are therefore one path, and the last of them are drawn.

    Args:
        values: Label and value of each bar, in order.
        what: What is counted, for example ``reviews per month``.
    """
    if not values:
        return dg.MetadataValue.md(f"{what}: none")
    shown = values[-_MAX_BARS:]
    label, top = max(shown, key=lambda bar: bar[1])
    heights = [round(value / (top or 1) * _BAR_HEIGHT) for _, value in shown]
    path = "".join(
        f"M{index * _BAR_STEP},{_BAR_HEIGHT}v-{height}h{_BAR_STEP - 2}v{height}"
        for index, height in enumerate(heights)
    )
    width = len(shown) * _BAR_STEP
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{_BAR_HEIGHT}'>"
        f"<path fill='#4f46e5' d='{path}'/></svg>"
    )
    said = f"{what}, {shown[0][0]} to {shown[-1][0]}, most in {label}: {top:,}"
    drawn = quote(svg, safe=",:/='")
    return dg.MetadataValue.md(f"![{said}](data:image/svg+xml;utf8,{drawn})\n\n{said}")


def _type_name(dtype: pl.DataType) -> str:
    """The type of a column, in the words of Dagster's tables."""
    if dtype.is_integer():
        return "int"
    if dtype.is_float():
        return "float"
    return "bool" if dtype == pl.Boolean else "string"


def _cell(value: object) -> str | int | float | bool | None:
    """A value as Dagster's tables hold it: fractions to three digits, days and lists as text."""
    if isinstance(value, float):
        return round(value, 3)
    return value if value is None or isinstance(value, str | int) else str(value)
