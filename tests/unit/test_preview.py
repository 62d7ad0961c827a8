"""The tables that a materialization shows an operator."""

from __future__ import annotations

from datetime import date
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import dagster as dg
import polars as pl

from assets import preview

# Dagster's UI (MetadataEntry.tsx) shows Markdown in its place below this length.
MAX_INLINE = 1_000


def test_a_frame_is_shown_as_a_table_with_typed_columns():
    frame = pl.DataFrame(
        {
            "tenant": ["acme", None],
            "day": [date(2026, 3, 1)] * 2,
            "rows": [7, 8],
            "share": [2 / 3, None],
        }
    )
    shown = preview.table(frame)

    assert isinstance(shown, dg.TableMetadataValue)
    assert [column.type for column in shown.schema.columns] == ["string", "string", "int", "float"]
    assert [record.data for record in shown.records] == [
        {"tenant": "acme", "day": "2026-03-01", "rows": 7, "share": 0.667},
        {"tenant": None, "day": "2026-03-01", "rows": 8, "share": None},
    ]
    assert shown.schema.constraints.other == []


def test_a_long_table_says_how_much_it_leaves_out():
    shown = preview.table(pl.DataFrame({"rows": range(1_234)}))

    assert len(shown.records) == 20
    assert shown.schema.constraints.other == ["1,214 more rows are not shown"]


def test_a_table_without_rows_keeps_its_columns():
    shown = preview.table(pl.DataFrame(schema={"tenant": pl.String, "rows": pl.Int64}))

    assert [column.name for column in shown.schema.columns] == ["tenant", "rows"]
    assert list(shown.records) == []


def test_a_picture_is_short_enough_to_be_shown_without_a_click():
    months = [(f"{2010 + month // 12}-{month % 12 + 1:02}", month * 1_234) for month in range(180)]
    picture = preview.bars(months, "mentions per month")

    assert isinstance(picture, dg.MarkdownMetadataValue)
    assert len(picture.md_str) < MAX_INLINE
    assert "2024-12: 220,886" in picture.md_str
    svg = unquote(picture.md_str.split("utf8,")[1].split(")")[0])
    bars = ET.fromstring(svg)[0].attrib["d"].split("M")[1:]
    assert len(bars) == 30
    assert bars[-1].endswith("v60")


def test_a_picture_of_nothing_says_so():
    assert preview.bars([], "reviews per month").md_str == "reviews per month: none"
    assert "v-0" in unquote(preview.bars([("2026-01", 0)], "reviews per month").md_str)
