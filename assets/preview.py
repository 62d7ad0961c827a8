"""What every materialization shows an operator: counts and a small table, never review texts.

Dagster's event log is kept for months and read by operators of all tenants, so previews hold
numbers per tenant and not what customers wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

OWNERS = ["team:reviewgraph"]
_PREVIEW_ROWS = 20


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


def bars(values: Sequence[tuple[str, float]], *, colour: str = "#4f46e5") -> dg.MetadataValue[Any]:
    """Return a small bar chart, drawn as an SVG inside Markdown: one bar per labelled value."""
    width, height, gap = 520, 120, 2
    top = max((value for _, value in values), default=0) or 1
    step = width / max(len(values), 1)
    drawn = "".join(
        f'<rect x="{index * step:.1f}" y="{height - value / top * height:.1f}" '
        f'width="{max(step - gap, 1):.1f}" height="{value / top * height:.1f}" fill="{colour}">'
        f"<title>{label}: {value:g}</title></rect>"
        for index, (label, value) in enumerate(values)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{drawn}</svg>'
    from urllib.parse import quote

    return dg.MetadataValue.md(f"![chart](data:image/svg+xml;utf8,{quote(svg)})")


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
