"""The name of a snapshot: another one for any other value, the same for the same in any form."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.storage.snapshot_files import ROWS_PER_PART, content_version

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def version(values, dtype=None):
    frame = pl.DataFrame({"value": pl.Series(values, dtype=dtype), "n": range(len(values))})
    return content_version("acme", {"table": frame})


@pytest.mark.parametrize(
    ("one", "another", "dtype"),
    [
        (["", "a"], [None, "a"], pl.String),
        (['"', "a"], ['""', "a"], pl.String),
        (['a"\n"b'], ['a"\r\n"b'], pl.String),
        (["a,0"], ["a"], pl.String),
        (['a",0\n"b', "c"], ["a", "b"], pl.String),
        ([0.1], [math.nextafter(0.1, 1)], pl.Float64),
        ([0.0], [None], pl.Float64),
        ([1.0], [math.nan], pl.Float64),
        ([1e300], [math.inf], pl.Float64),
        ([MOMENT], [MOMENT + timedelta(microseconds=1)], pl.Datetime("us", "UTC")),
        ([True], [False], pl.Boolean),
        ([["a", "b"]], [["a,b"]], pl.List(pl.String)),
        ([[]], [None], pl.List(pl.String)),
        ([["a"], ["b"]], [["a", "b"], []], pl.List(pl.String)),
        ([1, 2], [2, 1], pl.Int64),
    ],
)
def test_another_value_is_another_version(one, another, dtype):
    assert version(one, dtype) != version(another, dtype)


texts = st.lists(
    st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=4)), max_size=4
)


@given(texts, texts)
def test_texts_have_the_same_version_only_if_they_are_the_same(one, another):
    assert (version(one, pl.String) == version(another, pl.String)) == (one == another)


def test_the_form_in_which_rows_come_changes_nothing():
    frame = pl.DataFrame(
        {
            "text": [f'row "{n}"' for n in range(ROWS_PER_PART + 3)],
            "topics": [[str(n)] * (n % 3) for n in range(ROWS_PER_PART + 3)],
        }
    )
    table = frame.to_arrow()
    forms = [
        frame,
        table,
        pa.Table.from_batches(table.to_batches(max_chunksize=1_000)),
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=777)),
    ]
    assert len({content_version("acme", {"table": form}) for form in forms}) == 1
    assert content_version("acme", {"table": frame[:-1]}) != content_version(
        "acme", {"table": frame}
    )


def test_an_empty_table_is_named_by_its_columns():
    empty = pl.DataFrame(schema={"a": pl.String})
    as_reader = pa.RecordBatchReader.from_batches(empty.to_arrow().schema, [])
    other = pl.DataFrame(schema={"b": pl.String})
    assert content_version("acme", {"t": empty}) == content_version("acme", {"t": as_reader})
    assert content_version("acme", {"t": empty}) != content_version("acme", {"t": other})
